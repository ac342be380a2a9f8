"""The pipeline on a fresh clone: environment from nothing, all tests, all checks.

Clones the last commit (not the work tree) into a temporary folder and runs its `.ci/run`
there as CI does: CI=true, no standard input, nothing of this checkout's environment.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, Result, WrongUseError

NAME = "suite"
SUMMARY = "fresh clone, environment from nothing, .ci/run: green within 20 minutes (--pip: without uv)"
ROOT = Path(__file__).resolve().parents[1]
OURS = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONHOME", "VIRTUAL_ENV", "NIGHTJAR_VENV")


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    code: int
    seconds: float
    output: str


def run(args: list[str]) -> Result:
    """Clone, prepare, run; figures are wall times and the exit code."""
    options = parser().parse_args(args)
    environment = clean_environment(without_uv=options.pip)
    with tempfile.TemporaryDirectory(prefix="nightjar suite ") as folder:  # a space, on purpose
        clone = Path(folder) / "clone"
        commit = cloned(clone)
        prepared = watched([sys.executable, "nightjar", "test", "--version"], clone, environment)
        pipeline = watched(["bash", ".ci/run"], clone, {**environment, "CI": "true"})
        if options.keep:
            shutil.copytree(clone, options.keep, symlinks=True)
    figures = (
        Figure("exit code", pipeline.code, 0, "equal"),
        Figure("wall time", (prepared.seconds + pipeline.seconds) / 60, 20, "at most", "min"),
        Figure("tests passed", counted(pipeline.output, "passed"), 1),
        Figure("tests failed", counted(pipeline.output, "failed"), 0, "equal"),
        Figure(
            "environment from nothing",
            prepared.seconds,
            unit="s",
            note="pip" if options.pip else "uv if present",
        ),
    )
    return Result(figures, (f"commit {commit[:12]}", *told(pipeline.output)))


def parser() -> argparse.ArgumentParser:
    """Options of this bench."""
    options = argparse.ArgumentParser(prog="./nightjar bench suite")
    options.add_argument("--pip", action="store_true", help="hide uv, as on a machine with Python alone")
    options.add_argument("--keep", type=Path, help="copy the clone there afterwards")
    return options


def clean_environment(*, without_uv: bool) -> dict[str, str]:
    """This process's environment without what belongs to this checkout."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    own = str(Path(sys.prefix) / "bin")
    folders = [folder for folder in environment.get("PATH", "").split(os.pathsep) if folder != own]
    if without_uv:
        folders = [folder for folder in folders if not (Path(folder) / "uv").exists()]
    environment["PATH"] = os.pathsep.join(folders)
    return environment


def cloned(clone: Path) -> str:
    """A clone of the last commit; its id. Raises WrongUseError outside a git checkout."""
    ended = subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise WrongUseError(f"this bench needs a git checkout: {ended.stderr.strip()}")
    return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=clone, text=True).strip()


def watched(command: list[str], cwd: Path, environment: dict[str, str]) -> Ran:
    """Run with no standard input; what it says goes on to standard error as it comes."""
    began = time.monotonic()
    child = subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines = []
    assert child.stdout is not None
    for line in child.stdout:
        lines.append(line)
        print(line, end="", file=sys.stderr, flush=True)
    return Ran(child.wait(), time.monotonic() - began, "".join(lines))


def counted(output: str, word: str) -> int:
    """The number before `word` in pytest's closing line, the last one there is; 0 without."""
    closing = re.findall(r"^.*\b\d+ (?:passed|failed|error).* in [\d.]+s.*$", output, re.MULTILINE)
    found = re.search(rf"(\d+) {word}", closing[-1]) if closing else None
    return int(found.group(1)) if found else 0


def told(output: str) -> tuple[str, ...]:
    """The pipeline's own line per step."""
    return tuple(re.findall(r"^== (.+: (?:ok|FAILED).*)$", output, re.MULTILINE))
