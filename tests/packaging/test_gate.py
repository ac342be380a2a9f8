"""The gate: a few tests that failed beside the others run again alone and are named; more fail it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOOR = """#!/bin/bash
echo "called: $*"
[[ " $* " == *" --last-failed "* ]] && exit "$SECOND"
mkdir -p .pytest_cache/v/cache
cp failed.json .pytest_cache/v/cache/lastfailed
exit "$FIRST"
"""


def gate(folder: Path, failed: list[str], *, first: int, second: int = 0) -> tuple[int, str]:
    """Exit code and output of `.ci/run` over a front door whose runs of the suite end so."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    checks = folder / ".venv" / "bin" / "python"
    checks.parent.mkdir(parents=True)
    for path, text in ((folder / "nightjar", DOOR), (checks, "#!/bin/bash\n")):
        path.write_text(text)
        path.chmod(0o755)
    (folder / "failed.json").write_text(json.dumps(dict.fromkeys(failed, True), indent=2))
    env = {k: v for k, v in os.environ.items() if k != "NIGHTJAR_VENV"}
    done = subprocess.run(
        ["bash", ".ci/run"],
        cwd=folder,
        env=env | {"FIRST": str(first), "SECOND": str(second)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


NAMES = [f"tests/x/test_y.py::test_{n}[a b-{n}]" for n in range(4)]


def test_what_passes_is_run_once(tmp_path: Path) -> None:
    code, told = gate(tmp_path, [], first=0)
    assert code == 0
    assert told.count("called:") == 1


@pytest.mark.parametrize("number", [1, 3])
def test_what_fails_beside_the_others_and_passes_alone_is_named(tmp_path: Path, number: int) -> None:
    code, told = gate(tmp_path, NAMES[:number], first=1)
    assert code == 0
    assert told.count("called:") == 2
    assert all(told.count(name) == 2 for name in NAMES[:number])
    assert "passed alone; look into why" in told


def test_what_fails_alone_too_fails_the_gate(tmp_path: Path) -> None:
    code, told = gate(tmp_path, NAMES[:1], first=1, second=1)
    assert code == 1
    assert "failed: tests" in told


@pytest.mark.parametrize(("failed", "first"), [(NAMES, 1), ([], 1), (NAMES[:1], 2), ([], 5)])
def test_more_than_that_or_a_run_that_broke_has_no_second(
    tmp_path: Path, failed: list[str], first: int
) -> None:
    code, told = gate(tmp_path, failed, first=first)
    assert code == 1
    assert told.count("called:") == 1
