"""`./nightjar bench`: lists the benches, or runs one and tells figure beside target.

Exit code 0: every figure meets its target; 1: one falls short; 2: wrong use.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import inspect
import os
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from bench.figures import Result, WrongUseError, as_json, table

UNHEARD = 141
"""As a shell says it of SIGPIPE."""
USAGE = "usage: ./nightjar bench [NAME [--json] [arguments of the bench]]"


@dataclass(frozen=True, slots=True)
class Entry:
    """A bench as its file says: command name, module name, one line about it."""

    name: str
    module: str
    summary: str


def entries(folder: Path) -> tuple[Entry, ...]:
    """All benches in `folder`, by name. Files are read, not imported: listing stays quick."""
    found = []
    for path in sorted(folder.glob("[!_]*.py")):
        constants = strings_in(path)
        if "NAME" in constants:
            found.append(Entry(constants["NAME"], path.stem, constants.get("SUMMARY", "")))
    return tuple(found)


def strings_in(path: Path) -> dict[str, str]:
    """The module-level names of a file that are bound to plain strings."""
    found = {}
    for node in ast.parse(path.read_bytes()).body:
        targets = node.targets if isinstance(node, ast.Assign) else ()
        for target in targets:
            value = getattr(node, "value", None)
            if (
                isinstance(target, ast.Name)
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
            ):
                found[target.id] = value.value
    return found


def listing(known: tuple[Entry, ...]) -> str:
    """The list that people see without a name."""
    width = max((len(entry.name) for entry in known), default=0)
    return "\n".join([USAGE, "", *(f"  {entry.name:<{width}}  {entry.summary}" for entry in known)])


def chosen(name: str, known: tuple[Entry, ...]) -> Entry:
    """The bench of that name (`_` and `-` are the same). Raises WrongUseError."""
    by_name = {entry.name.replace("_", "-"): entry for entry in known}
    entry = by_name.get(name.replace("_", "-"))
    if entry is None:
        near = get_close_matches(name, by_name, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise WrongUseError(f"unknown bench {name!r}{hint}")
    return entry


def measure(entry: Entry, arguments: list[str]) -> Result:
    """Run a bench to its end; async ones get a loop of their own.

    Arrays have one thread, as in the processes measured: a second one of NumPy's spins on after each product
    of matrices, and its time was counted as that of what came next (a bank query of 42 ms had 89).
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    module = importlib.import_module(f"bench.{entry.module}")
    outcome = module.run(arguments)
    if inspect.iscoroutine(outcome):
        outcome = asyncio.run(outcome)
    if not isinstance(outcome, Result):
        raise TypeError(f"bench {entry.name} returned {type(outcome).__name__}, not a Result")
    return outcome


def main(arguments: list[str]) -> int:
    """The command; returns the exit code."""
    known = entries(Path(__file__).parent)
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(listing(known))
        return 0
    rest = [argument for argument in arguments if argument != "--json"]
    try:
        entry = chosen(rest[0] if rest else "", known)
    except WrongUseError as error:
        print(f"bench: {error}\n{listing(known)}", file=sys.stderr)
        return 2
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what is logged on the way is no part of the answer
            result = measure(entry, rest[1:])
    except WrongUseError as error:
        print(f"bench {entry.name}: {error}", file=sys.stderr)
        return 2
    print(as_json(entry.name, result) if "--json" in arguments else table(entry.name, result))
    return 0 if result.met else 1


def heard(arguments: list[str]) -> int:
    """`main`; whoever reads us may stop at any line (head, less), and that is no error worth a traceback."""
    try:
        code = main(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNHEARD
    return code


if __name__ == "__main__":
    sys.exit(heard(sys.argv[1:]))
