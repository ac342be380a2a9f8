"""What the daemon keeps is read by hash alone: damaged or missing files count for nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from nightmarket import custody
from nightmarket.figures import export_faults, promises, sampled


def _keep(folder: Path, data: bytes) -> str:
    name = hashlib.sha256(data).hexdigest()
    (folder / name[:2]).mkdir(parents=True, exist_ok=True)
    (folder / name[:2] / name).write_bytes(data)
    return name


def _manifest(files: dict[str, bytes], folder: Path, evidence_id: str = "e1") -> str:
    document = {
        "format": "nightjar-evidence",
        "evidence_id": evidence_id,
        "observation": "missing",
        "target": {"name": "yemao"},
        "post": {"post_id": "15037", "url": "http://h/yemao/15037", "title": "t", "text": "x"},
        "times": {"captured_at": "2026-11-21T14:00:00Z"},
        "lifetime": {
            "last_seen_at": "2026-11-21T13:00:00Z",
            "first_missing_at": "2026-11-21T13:01:00.5Z",
        },
        "files": [
            {"role": role, "sha256": _keep(folder, data), "size_bytes": len(data)}
            for role, data in files.items()
        ],
    }
    return _keep(folder, json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


ROW = {"evidence_id": "e1", "tier": "high", "item_id": "i1"}
FILES = {"page": b"page", "listing": b"list", "picture-1": b"p1", "picture-2": b"p2", "page-wire": b"w"}


def test_evidence_is_read_from_its_manifest_and_files(tmp_path: Path) -> None:
    _manifest(FILES, tmp_path)
    files = custody.inspect(tmp_path)
    (held,), broken = custody.held([ROW], files)
    assert not broken
    assert not files.damaged
    assert held.page_sha256 == hashlib.sha256(b"page").hexdigest()
    assert held.listing_sha256 == hashlib.sha256(b"list").hexdigest()
    assert held.pictures == tuple(hashlib.sha256(p).hexdigest() for p in (b"p1", b"p2"))
    assert (held.target, held.observation, held.tier, held.item_id) == ("yemao", "missing", "high", "i1")
    assert held.first_missing_at
    assert held.last_seen_at
    assert held.captured_at.tzinfo is not None


def test_a_file_with_one_changed_byte_or_no_file_at_all_breaks_its_evidence(tmp_path: Path) -> None:
    for number, spoil in enumerate((lambda p: p.write_bytes(b"q1"), lambda p: p.unlink())):
        folder = tmp_path / str(number)
        _manifest(FILES, folder)
        name = hashlib.sha256(b"p1").hexdigest()
        spoil(folder / name[:2] / name)
        files = custody.inspect(folder)
        pieces, broken = custody.held([ROW], files)
        assert not pieces
        assert broken == ["e1"]
        assert files.damaged == ((name,) if number == 0 else ())


def test_a_row_without_a_manifest_is_broken_and_a_manifest_without_a_row_is_not_counted(
    tmp_path: Path,
) -> None:
    _manifest(FILES, tmp_path, "orphan")
    pieces, broken = custody.held([ROW], custody.inspect(tmp_path))
    assert not pieces
    assert broken == ["e1"]


def test_an_export_is_checked_by_its_own_list(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"1")
    digest = hashlib.sha256(b"1").hexdigest()
    (tmp_path / "manifest-sha256.txt").write_text(f"{digest}  a/one\n")
    assert export_faults(tmp_path) == []
    (tmp_path / "a" / "one").write_bytes(b"2")
    assert export_faults(tmp_path) == ["a/one"]
    (tmp_path / "a" / "one").unlink()
    assert export_faults(tmp_path) == ["a/one"]
    (tmp_path / "manifest-sha256.txt").write_text("")
    assert export_faults(tmp_path)


def test_a_sample_is_spread_over_the_night() -> None:
    assert sampled([str(n) for n in range(5)]) == ["0", "1", "2", "3", "4"]
    chosen = sampled([str(n) for n in range(1000)])
    assert len(chosen) == 12
    assert int(chosen[-1]) > 900


GOOD: dict[str, object] = {
    "captured_of_capturable": 0.99,
    "captured_of_ceiling": 0.97,
    "false_deletions": 0,
    "deletion_inside_interval": 1.0,
    "alerts_expected": 10,
    "alerts_lost": 0,
    "alerts_doubled": 0,
    "unjudged": 0,
    "precision_high": 0.9,
    "evidence_whole": 1.0,
    "verify_faults": 0,
    "files_damaged": 0,
    "export_faults": 0,
}


def test_every_promise_is_kept_at_its_bound_and_broken_just_beyond_it() -> None:
    assert all(p.kept for p in promises(GOOD))
    assert {p.name for p in promises(GOOD)} == set(GOOD)
    for name, value in GOOD.items():
        assert isinstance(value, int | float)
        worse = value + 1 if value == 0 else value * 0.999 - (name == "alerts_expected") * 10
        broken = [p.name for p in promises(GOOD | {name: worse}) if not p.kept]
        assert broken == [name]


def test_a_figure_that_was_not_measured_keeps_no_promise() -> None:
    for name in GOOD:
        assert [p.name for p in promises(GOOD | {name: None}) if not p.kept] == [name]
