"""`nightjar backup` and `nightjar restore` as an admin runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.kept import Command, Kept, night


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return night(tmp_path)


@pytest.fixture
def run(kept: Kept, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, kept.config)


def test_a_backup_is_made_again_cheaply_and_restored_whole(run: Command, tmp_path: Path) -> None:
    dest, back = tmp_path / "dest", tmp_path / "back"
    first = run("backup", str(dest), "--json")
    assert (first.code, first.facts["whole"], first.facts["kept"]) == (0, True, 0)
    second = run("backup", str(dest), "--json")
    assert (second.facts["copied"], second.facts["kept"]) == (0, first.facts["copied"])
    restored = run("restore", str(dest), "--to", str(back))
    assert restored.code == 0
    assert "every byte, the log and its root were checked" in restored.out.replace("\n", " ")
    assert (back / "nightjar.db").exists()


def test_a_damaged_backup_is_refused_with_one_line_and_exit_code_1(run: Command, tmp_path: Path) -> None:
    dest, back = tmp_path / "dest", tmp_path / "back"
    run("backup", str(dest))
    path = next(p for p in sorted((dest / "blobs").rglob("*")) if p.is_file())
    path.unlink()
    refused = run("restore", str(dest), "--to", str(back), "--json")
    assert refused.code == 1
    assert refused.facts["error"] == "BackupTrouble"
    assert path.name in refused.facts["message"]
    nothing = run("restore", str(tmp_path / "nowhere"), "--to", str(back))
    assert nothing.code == 1
    assert "Traceback" not in nothing.out + nothing.err


def test_a_store_that_has_lost_a_file_keeps_its_whole_backup_and_comes_back_on_request(
    run: Command, kept: Kept, tmp_path: Path
) -> None:
    dest, back = tmp_path / "dest", tmp_path / "back"
    assert run("backup", str(dest)).code == 0
    lost = next(p for p in sorted((kept.folder / "blobs").rglob("*")) if p.is_file())
    lost.unlink()
    (dest / "blobs" / lost.relative_to(kept.folder / "blobs")).unlink()
    told = run("backup", str(dest))
    assert told.code == 1
    assert "stays beside it" in " ".join(told.out.split())
    refused = run("restore", str(dest), "--to", str(back), "--json")
    assert (refused.code, "--accept-losses" in refused.facts["message"]) == (1, True)
    done = run("restore", str(dest), "--to", str(back), "--accept-losses", "bad disk", "--json")
    assert (done.code, done.facts["lost_files"]) == (0, [lost.name])
    assert run("backup", str(dest), "--drop-earlier", "--json").facts["inventory"]["earlier"] is None


def test_status_says_that_nothing_was_verified_yet(run: Command) -> None:
    assert run("status", "--json").facts["verified"] is None
