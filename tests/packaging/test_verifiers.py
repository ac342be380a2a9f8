"""Checkers of others that cannot be had are one named error with the reason, at once the second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import _verifiers
from bench._verifiers import VerifierMissingError, clean_environment, debian, environment


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and a memory of their own, and no program on PATH."""
    monkeypatch.setenv("NIGHTJAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(_verifiers, "_refused", {})


def program(folder: Path, name: str, script: str) -> None:
    """A program of that name on PATH."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin" / name).chmod(0o755)


def test_a_program_that_is_installed_is_the_one_used(tmp_path: Path) -> None:
    program(tmp_path, "minisign", "exit 0")
    assert debian("minisign") == tmp_path / "bin" / "minisign"


def test_a_program_of_no_known_package_is_refused() -> None:
    with pytest.raises(VerifierMissingError, match="nosuch cannot be had here: it is not on PATH"):
        debian("nosuch")


def test_a_machine_without_the_distributions_tools_says_which_is_missing() -> None:
    with pytest.raises(VerifierMissingError) as caught:
        debian("age")
    assert (caught.value.what, caught.value.why) == ("age", "there is no apt-get")


def test_the_distributions_own_words_are_the_reason_and_are_asked_for_once(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    program(tmp_path, "apt-cache", "exit 0")
    program(tmp_path, "apt-get", f"echo x >> {asked}; echo 'E: no network' >&2; exit 100")
    for _ in range(3):
        with pytest.raises(VerifierMissingError, match="apt-get: E: no network"):
            debian("age")
    assert asked.read_text() == "x\nx\n"  # the download, then fresh package lists


def test_a_machine_without_package_lists_gets_lists_of_its_own(tmp_path: Path) -> None:
    """As a fresh container is: apt knows no package until `update`, which only root may do."""
    program(
        tmp_path,
        "apt-cache",
        'case "$*" in *lists*) exit 0;; *) echo "E: No packages found" >&2; exit 100;; esac',
    )
    program(
        tmp_path,
        "apt-get",
        'case "$*" in *lists*download*) : >age.deb;; *lists*update) exit 0;; *) exit 100;; esac',
    )
    unpack = 'while [ "$1" != -x ]; do shift; done; /bin/mkdir -p "$3/usr/bin"; : >"$3/usr/bin/age"'
    program(tmp_path, "dpkg-deb", unpack)
    assert debian("age").read_text().startswith("#!/bin/sh")


def test_a_package_without_the_program_is_refused(tmp_path: Path) -> None:
    for name in ("apt-cache", "apt-get", "dpkg-deb"):
        program(tmp_path, name, "exit 0")
    with pytest.raises(VerifierMissingError, match="its package does not have it"):
        debian("age")


def test_a_cache_that_cannot_be_written_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NIGHTJAR_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(VerifierMissingError, match="the cache folder"):
        environment()


def test_other_programs_do_not_see_where_our_packages_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    assert "PYTHONPATH" not in clean_environment()
