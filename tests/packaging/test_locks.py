"""The locks hold what pyproject asks for, and no tracked file says where anything was made."""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
# Put together here, or this file would find itself.
HOSTS = "|".join(
    [r"py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(?:org|com)", r"deb\.deb" + r"ian\.org"]
)
REGISTRY = re.compile(rf"{HOSTS}|(?:extra-)?index" + r"-url|--find" + "-links")
MACHINE = re.compile(r"(?<![\w.])/(?:work/(?:main|shared|notes|\.library)\b|root/|home/[a-z]\w*/)")
NO_TEXT = {
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
    ".avif",
    ".ico",
    ".gz",
    ".xz",
    ".zip",
    ".warc",
    ".woff2",
    ".pdf",
}


@dataclass
class Locked:
    """One requirement of a lock and its hashes."""

    requirement: Requirement
    hashes: tuple[str, ...]


def read(name: str) -> dict[str, list[Locked]]:
    """A lock as pip reads it, by canonical name; a name may stand twice with other markers."""
    found: dict[str, list[Locked]] = {}
    text = (ROOT / name).read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip():
            requirement, *hashes = re.split(r"\s+--hash=", line.strip())
            locked = Locked(Requirement(requirement), tuple(hashes))
            found.setdefault(canonicalize_name(locked.requirement.name), []).append(locked)
    return found


def asked(*extras: str) -> list[Requirement]:
    """What pyproject asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def grouped(group: str) -> list[Requirement]:
    """What a dependency group of pyproject asks for, by itself."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return [Requirement(line) for line in groups[group]]


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", asked()),
        ("requirements-dev.lock", asked("dev")),
        ("requirements-verifiers.lock", grouped("verifiers")),
        ("requirements-ocr.lock", asked("ocr")),
    ],
)
def test_every_requirement_of_the_project_is_locked_at_a_version_it_allows(
    lock: str, wanted: list[Requirement]
) -> None:
    locked = read(lock)
    for requirement in wanted:
        entries = locked.get(canonicalize_name(requirement.name))
        assert entries, f"{requirement.name} is missing in {lock}: CONTRIBUTING.md says how to lock"
        for entry in entries:
            (pin,) = entry.requirement.specifier
            assert pin.operator == "=="
            assert requirement.specifier.contains(pin.version), (
                f"{lock}: {entry.requirement} is not {requirement}"
            )


@pytest.mark.parametrize(
    "lock",
    ["requirements.lock", "requirements-dev.lock", "requirements-verifiers.lock", "requirements-ocr.lock"],
)
def test_every_locked_package_has_a_hash_and_no_address(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()
    entries = [entry for entries in read(lock).values() for entry in entries]
    assert len(entries) > 20
    for entry in entries:
        assert entry.hashes, f"{entry.requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in entry.hashes)
        assert entry.requirement.url is None


def test_the_development_lock_holds_the_runtime_lock_exactly() -> None:
    runtime, dev = read("requirements.lock"), read("requirements-dev.lock")
    for name, entries in runtime.items():
        pins = {str(entry.requirement.specifier) for entry in entries}
        assert {str(entry.requirement.specifier) for entry in dev.get(name, [])} == pins


def test_the_lock_for_reading_pictures_holds_the_runtime_lock_and_one_opencv() -> None:
    runtime, ocr = read("requirements.lock"), read("requirements-ocr.lock")
    for name, entries in runtime.items():
        pins = {str(entry.requirement.specifier) for entry in entries}
        assert {str(entry.requirement.specifier) for entry in ocr.get(name, [])} == pins
    assert [name for name in ocr if name.startswith("opencv")] == ["opencv-python-headless"]


def test_checkers_of_others_are_never_what_the_project_imports() -> None:
    """Some are under the GPL: they are run as programs, in an environment of their own."""
    only_theirs = {r.name.replace("-", "_") for r in grouped("verifiers")} - {r.name for r in asked("dev")}
    assert {"pywb", "pymerkle", "fastwarc"} <= only_theirs
    imports = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(only_theirs - {'setuptools'})})\b", re.MULTILINE)
    rooms = [ROOT / room for room in ("bot", "watchers", "storage", "nightmarket")]
    found = [path for room in rooms for path in room.rglob("*.py") if imports.search(path.read_text())]
    assert not found


def tracked() -> list[Path]:
    """Files git knows; without git (a source archive) every file that is no build product."""
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if run.returncode == 0 and run.stdout:
        paths = [ROOT / name for name in run.stdout.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not {".venv", "__pycache__"} & set(path.parts)]
    return [path for path in paths if path.is_file() and path.suffix.lower() not in NO_TEXT]


def test_no_tracked_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if REGISTRY.search(line) or MACHINE.search(line)
    ]
    assert not found


def test_lock_files_with_addresses_are_never_tracked() -> None:
    assert not [path for path in tracked() if path.name in {"uv.lock", "pylock.toml", "poetry.lock"}]


def test_every_direct_dependency_has_its_line_of_reason_and_no_other() -> None:
    text = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text()
    rows = re.findall(r"^\| ([a-z][a-z0-9, -]+) \| [A-Z]", text, re.MULTILINE)
    reasoned = {name.strip() for row in rows for name in row.split(",")}
    assert reasoned == {requirement.name for requirement in asked("dev", "ocr")}
