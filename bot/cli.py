"""The command line: `nightjar COMMAND`. Names and options here, what they do in `bot.commands`.

Bodies are imported when they are called, so that `run` starts quickly. With `bot.app` this
is the only place of the room that looks at `watchers`; commands are handed what they need.
Exit codes: 0, 1 (found a problem), 2 (wrong use, or a configuration that cannot be run).
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bot.mistakes import masked, nearest, shown
from storage.errors import ConfigError, NightjarError

if TYPE_CHECKING:
    from bot.commands.out import Out
    from bot.config import Config

PROBLEM, WRONG_USE, INTERRUPTED = 1, 2, 130
FROM_CHECKOUT = ("demo", "test", "bench")
"""Commands of the script at the root of a checkout, not of the installed program."""

Body = Callable[[argparse.Namespace, "Out"], int]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """The usage and one line, exit code 2; never a value that could be a secret."""
        if found := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            meant = nearest(found[1], re.findall(r"[\w-]+", found[2]))
            message = f"unknown command {shown(found[1])}" + (f" (did you mean {meant}?)" if meant else "")
        self.print_usage(sys.stderr)
        self.exit(WRONG_USE, f"{self.prog}: {masked(message)}\n")


def _read(path: Path) -> Config:
    """The configuration with the feed kinds of `watchers`, as of today."""
    from bot.config import read
    from storage.clock import clock_from
    from watchers import feed

    return read(
        path,
        feeds=lambda kind: feed.load(kind).Settings,
        feed_kinds=feed.kinds(),
        today=clock_from(os.environ).now().date(),
        environment=os.environ,
    )


def _located(args: argparse.Namespace) -> Path:
    from bot.config import locate

    return locate(args.config, os.environ)


def _check(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import check
    from watchers.lexicon import Lexicon

    return check.run(out, _located(args), read=_read, load_lexicon=Lexicon.load)


def _run(args: argparse.Namespace, _out: Out) -> int:
    from bot.app import run

    return run(_located(args))


# --- options ---------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="config.toml; default: see the manual")
    common.add_argument("--json", action="store_true", help="one JSON object for machines")
    common.add_argument("--debug", action="store_true", help="show the traceback of a bug")
    parser: argparse.ArgumentParser = _Parser(
        prog="nightjar", description="Watch public pages through the night, keep what vanishes."
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def command(name: str, summary: str, body: Body) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary, parents=[common])
        made.set_defaults(body=body)
        return made

    command("check", "report every mistake of the configuration", _check)
    command("run", "watch until told to stop", _run)
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"nightjar {version('nightjar-watch')}"
    except PackageNotFoundError:
        return "nightjar, from a checkout"


# --- from errors to exit codes ------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Bad input never ends in a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in FROM_CHECKOUT:
        print(f"nightjar: {arguments[0]} belongs to a checkout: ./nightjar {arguments[0]}", file=sys.stderr)
        return WRONG_USE
    try:
        args = _parser().parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else WRONG_USE
    try:
        return _called(args)
    except Exception as bug:  # the last line of defence: a user gets one line, we a report
        if args.debug:
            raise
        return _confess(bug)


def _called(args: argparse.Namespace) -> int:
    """The command's own exit code, or that of the error it ended with."""
    from bot.commands.out import Out

    try:
        return int(args.body(args, Out(json=args.json)))
    except ConfigError as error:
        return _told(error, args, WRONG_USE)
    except NightjarError as error:
        return _told(error, args, PROBLEM)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough (head, less). The rest goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _told(error: NightjarError, args: argparse.Namespace, code: int) -> int:
    text = masked(str(error))
    if args.json:
        from bot.commands.out import as_json

        mistakes = [mistake.facts() for mistake in getattr(error, "mistakes", ())]
        print(as_json({"error": type(error).__name__, "message": text, "mistakes": mistakes}))
    print("\n".join(f"nightjar: {line}" for line in text.splitlines()), file=sys.stderr)
    return code


def _confess(bug: Exception) -> int:
    """One line for a bug, and its traceback in a private file for the report."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="nightjar-bug-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
    ) as file:
        file.write(masked("".join(traceback.format_exception(bug))))
    why = masked(f"{type(bug).__name__}: {bug}".splitlines()[0][:200])
    print(f"nightjar: this is a bug in nightjar ({why}); the report is in {file.name}", file=sys.stderr)
    return PROBLEM


if __name__ == "__main__":
    sys.exit(main())
