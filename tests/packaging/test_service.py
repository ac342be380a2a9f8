"""The systemd unit, the pipeline and the import rules say what the documents promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"numpy", "scipy", "imagehash", "extruct", "dateparser", "telegram", "rich", "PIL", "opencc"}
WORDS = (
    "storage.model", "storage.clock", "storage.errors", "watchers.feed", "watchers.hours", "watchers.cadence",
    "bot.channel",
)  # fmt: skip


def unit() -> dict[str, list[str]]:
    """Settings of the unit; systemd allows a name more than once."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "systemd" / "nightjar.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_is_supervised_confined_and_given_its_secret() -> None:
    settings = unit()
    for name, value in {
        "Type": "notify", "WatchdogSec": "30", "Restart": "always", "DynamicUser": "yes",
        "StateDirectory": "nightjar", "ProtectSystem": "strict", "NoNewPrivileges": "yes",
    }.items():  # fmt: skip
        assert settings[name] == [value]
    assert settings["LoadCredential"][0].startswith("telegram-token:")


def test_the_pipeline_calls_the_readmes_command_first_and_then_every_check() -> None:
    steps = re.findall(r'^check "([a-z ]+)" (.+)$', (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert steps[0] == ("tests", "again_alone ./nightjar test")
    assert [name for name, _ in steps[1:]] == ["lint", "format", "types", "import contracts", "work tree"]


def test_the_import_contracts_hold() -> None:
    code = "from importlinter.cli import lint_imports_command as run; run()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout


def modules_after(*names: str) -> set[str]:
    """Top-level modules that a fresh Python holds after importing `names`."""
    code = f"import sys, {', '.join(names)}; print(*{{m.split('.')[0] for m in sys.modules}})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize("name", WORDS)
def test_the_words_import_nothing_heavy(name: str) -> None:
    assert modules_after(name).isdisjoint(HEAVY | {"aiohttp", "tortoise", "pydantic", "prometheus_client"})


def test_the_daemon_starts_without_the_heavy_libraries() -> None:
    # structlog imports rich by itself where it is installed; that cannot be put off.
    assert modules_after("bot.app") & HEAVY <= {"rich"}
