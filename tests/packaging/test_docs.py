"""What the documents tell people to type works, and what they point at exists."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest

from bot.config import read
from watchers import feed

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
    if path.is_file()
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PATHS = re.compile(
    r"`((?:bot|watchers|storage|nightmarket|bench|tests|docs|systemd)/[\w./-]+|[\w-]+\.(?:md|toml)|requirements[\w-]*\.lock)`"
)
MADE_BY_USE = {"config.toml", "uv.lock", "pylock.toml", "docs/decisions/NNNN-title.md"}
TARGET = """
[[target]]
name = "added by the test"
kind = "rss"
url = "https://site.example/feed"
legal_basis = "x"
authorised_by = "x"
review_after = 2999-01-01
"""


def blocks(kind: str) -> list[object]:
    """Every fenced block of a kind, named by its file and place."""
    found = []
    for path in DOCUMENTS:
        for number, match in enumerate(BLOCK.finditer(path.read_text()), 1):
            if match[1] == kind:
                found.append(pytest.param(match[2], id=f"{path.relative_to(ROOT)}#{number}"))
    return found


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_toml_block_is_a_configuration_that_is_accepted(block: str, tmp_path: Path) -> None:
    tables = tomllib.loads(block)
    for channel in tables.get("channel", ()):
        for key, value in channel.items():
            if key.endswith("_file"):
                secret = tmp_path / value
                secret.write_text("1234:secret")
                secret.chmod(0o600)
    head = "" if "nightjar" in tables else '[nightjar]\ncontact = "watch@agency.example"\n'
    tail = "" if "target" in tables else TARGET
    path = tmp_path / "config.toml"
    path.write_text(head + block + tail)
    kinds = feed.kinds()
    read(
        path,
        feeds=lambda kind: feed.load(kind).Settings,
        feed_kinds=kinds,
        today=date(2026, 10, 1),
        environment={"NIGHTJAR_TELEGRAM_TOKEN": "1234:secret"},
    )


def test_every_verb_that_is_named_exists() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bot.cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    known = {"demo", "test", "bench", "extra", *re.findall(r"[a-z]+", ended.stdout)}
    for path in DOCUMENTS:
        typed = re.findall(r"(?:\./|/|`)nightjar ([a-z]+)", path.read_text())
        assert set(typed) <= known, path.name


def test_every_file_that_is_named_exists() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in DOCUMENTS
        for name in PATHS.findall(path.read_text())
        if name not in MADE_BY_USE
        and not any((folder / name.rstrip("/")).exists() for folder in (ROOT, path.parent))
    ]
    assert not missing


def test_every_link_within_the_repository_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in DOCUMENTS
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert not broken


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "./nightjar demo" in text
    assert "./nightjar test" in text
