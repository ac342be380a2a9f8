"""The wheel: what is in it, whose it is, and its console script."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bot", "watchers", "storage")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel laid out as installers do with one that is pure Python."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def python(installed: Path, code: str, *arguments: str) -> str:
    """What Python says with the wheel, and not the checkout, on its path."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=installed.parent, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def kept(room: str) -> set[str]:
    """Every file of a room that is not made by running it."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_the_wheel_holds_every_file_of_the_rooms_and_no_other_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(ROOMS)
    for room in ROOMS:
        assert kept(room) <= names
    assert "watchers/lexicon.tsv" in names
    assert [name for name in names if name.startswith("storage/migrations/") and name.endswith(".py")]


def test_the_wheel_is_named_licensed_and_has_the_console_script(installed: Path) -> None:
    (info,) = installed.glob("nightjar_watch-*.dist-info")
    metadata = (info / "METADATA").read_text()
    assert "Name: nightjar-watch\n" in metadata
    assert "License-Expression: Apache-2.0\n" in metadata
    assert "Apache License" in (info / "licenses" / "LICENSE").read_text()
    assert "nightjar = bot.cli:main" in (info / "entry_points.txt").read_text()


def test_each_room_is_provided_by_exactly_one_distribution(installed: Path) -> None:
    code = (
        "import sys; from importlib.metadata import packages_distributions as found;"
        "print(*[','.join(found()[room]) for room in sys.argv[1:]])"
    )
    assert python(installed, code, *ROOMS).split() == ["nightjar-watch"] * 3


def test_no_locked_library_brings_a_package_named_like_a_room() -> None:
    provided = packages_distributions()
    assert {name for room in ROOMS for name in provided.get(room, [])} <= {"nightjar-watch"}


def test_the_console_script_of_the_wheel_runs_and_finds_feeds_and_channels(installed: Path) -> None:
    code = (
        "import sys; from importlib.metadata import entry_points;"
        "(script,) = entry_points(group='console_scripts', name='nightjar');"
        "sys.argv = ['nightjar', '--help']; sys.exit(script.load()())"
    )
    assert "usage: nightjar" in python(installed, code).lower()
    found = python(
        installed, "import bot.channel as c, watchers.feed as f; print(c.__file__, *f.kinds(), *c.kinds())"
    )
    assert found.startswith(str(installed))
    assert {"rss", "html", "json", "telegram", "console", "ndjson", "webhook", "ntfy", "room"} <= set(
        found.split()
    )
