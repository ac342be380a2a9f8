"""Hashes of known pictures go from one agency to another, and mistakes in a list are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import main
from storage import hashlists
from storage.hashlists import Listed
from tests.pictures.samples import jpeg

ROWS = (
    Listed(pdq="0f" * 32, phash="a" * 16, quality=97, product="ivory", case_number="2026/17", label="tusk"),
    Listed(phash="b" * 16, label='=1+1, "quoted"\u00e9象牙'),
)


def configured(folder: Path) -> Path:
    """A configuration with an empty gallery."""
    (folder / "gallery").mkdir(parents=True)
    text = '[nightjar]\ncontact = "officer@agency.example"\ngallery = "gallery"\n'
    (folder / "config.toml").write_text(text)
    return folder / "config.toml"


@pytest.mark.parametrize("written", [hashlists.as_csv, hashlists.as_json])
def test_a_list_comes_back_as_it_went(written: object) -> None:
    rows, faults = hashlists.read(written(ROWS))  # type: ignore[operator]
    assert rows == ROWS
    assert faults == ()


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    rows, _ = hashlists.read(data)
    assert hashlists.read(hashlists.as_json(rows))[0] == rows


PDQ, PHASH = "0F" * 32, "A1" * 8


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"pdq\n0x{PDQ}\n", "pdq"),
        ("phash\na1:a1:a1:a1:a1:a1:a1:a1\n", "phash"),
        (f"hash,quality,signal_type\n{PDQ},80,pdq\n", "pdq"),
        (f"signal_type,signal_value,tags\npdq,{PDQ},x\n", "pdq"),
        (f"hash\n{PHASH}\n", "phash"),
        (f"PDQ Hash;PDQ Quality\n{PDQ};77.0\n", "pdq"),
        (f"sep=;\npdq;label\n{PDQ};x\n", "pdq"),
        (f"# list of an agency\n\nlabel\tpdq\nx\t{PDQ}\n", "pdq"),
        (f"{PDQ},80\n", "pdq"),
        (json.dumps([PDQ]), "pdq"),
        (json.dumps({PDQ: {"quality": 80.0}}), "pdq"),
        (json.dumps({"data": [{"indicator": PDQ, "type": "HASH_PDQ"}]}), "pdq"),
        (
            json.dumps(
                {"data": [{"raw_indicator": PDQ, "indicator": {"indicator": PDQ}, "type": "HASH_PDQ"}]}
            ),
            "pdq",
        ),
        (json.dumps({"data": [{"indicator": {"id": "7", "indicator": PDQ, "type": "HASH_PDQ"}}]}), "pdq"),
        (json.dumps({"PDQ": PDQ, "Quality": "80"}) + "\n" + json.dumps({"PDQ": PDQ, "Quality": "80"}), "pdq"),
    ],
)
def test_lists_of_other_programs_are_taken(text: str, kind: str) -> None:
    rows, faults = hashlists.read(text.encode())
    assert faults == ()
    assert [(row.pdq, row.phash) for row in rows] == [
        (PDQ.lower(), "") if kind == "pdq" else ("", PHASH.lower())
    ]
    assert hashlists.read(text.encode("utf-16"))[0] == rows


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"hash,signal_type\n{PDQ},sha256\n", "a hash of type sha256, not pdq or phash"),
        ("hash\nd41d8cd98f00b204e9800998ecf8427e\n", "must be 16 hex digits"),
        (f"phash\n{int(PHASH, 16)}\n", "must be 16 hex digits"),
    ],
)
def test_hashes_of_another_kind_are_named(text: str, why: str) -> None:
    rows, faults = hashlists.read(text.encode())
    assert rows == ()
    assert why in str(faults[0])


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"should_delete": True}, "its list takes it back"),
        ({"status": "NON_MALICIOUS"}, "its list calls it harmless"),
    ],
)
def test_what_a_list_takes_back_or_calls_harmless_is_not_known_contraband(
    told: dict[str, object], why: str
) -> None:
    entries = [{"indicator": PDQ, "type": "HASH_PDQ", **told}, {"indicator": "1" * 64, "type": "HASH_PDQ"}]
    rows, faults = hashlists.read(json.dumps({"data": entries}).encode())
    assert [row.pdq for row in rows] == ["1" * 64]
    assert [fault.line for fault in faults] == [1]
    assert why in str(faults[0])
    head = ",".join(["pdq", *told])
    rows, (fault,) = hashlists.read(f"{head}\n{PDQ},{next(iter(told.values()))}\n".encode())
    assert rows == ()
    assert (fault.line, why in fault.why) == (2, True)


def test_lists_of_like_names_are_kept_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(tmp_path / "here")
    given = [tmp_path / name for name in ("agency.2025.csv", "agency.2026.csv", "agency.2026.json")]
    for at, path in enumerate(given):
        row = Listed(phash=f"{at}" * 16)
        path.write_bytes(hashlists.as_json([row]) if path.suffix == ".json" else hashlists.as_csv([row]))
    assert main(["pictures", "--config", str(config), "import", *map(str, given)]) == 0
    kept = sorted((config.parent / "gallery").iterdir())
    assert len({row.phash for path in kept for row in hashlists.read(path.read_bytes())[0]}) == 3
    assert all(path.name.endswith(hashlists.SUFFIXES) for path in kept)


def test_a_row_with_a_mistake_is_named_and_the_rest_is_taken() -> None:
    text = f"label,pdq,quality\ngood,{'1' * 64},80\nshort,abc,\nnone,,\nodd,{'2' * 64},many\n"
    rows, faults = hashlists.read(text.encode())
    assert [row.label for row in rows] == ["good"]
    assert [(fault.line, fault.column) for fault in faults] == [(3, "pdq"), (4, "pdq"), (5, "quality")]


def test_a_list_without_the_columns_says_which(tmp_path: Path) -> None:
    rows, faults = hashlists.read(b"name,colour\nx,y\n")
    assert rows == ()
    assert "pdq or phash" in faults[0].why


def test_hashes_go_from_one_gallery_to_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = configured(tmp_path / "ours"), configured(tmp_path / "theirs")
    shown = ours.parent / "gallery" / "ivory" / "2026-17"
    shown.mkdir(parents=True)
    (shown / "tusk.jpg").write_bytes(jpeg(3))
    given = tmp_path / "agency.json"
    assert main(["pictures", "--config", str(ours), "export", str(given)]) == 0
    (row,) = json.loads(given.read_bytes())["hashes"]
    assert (row["product"], row["case_number"], row["label"]) == ("ivory", "2026-17", "tusk")
    assert (len(row["pdq"]), len(row["phash"])) == (64, 16)
    capsys.readouterr()
    assert main(["pictures", "--config", str(theirs), "--json", "import", str(given)]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (facts["ok"], facts["lists"][0]["taken"]) == (True, 1)
    kept = theirs.parent / "gallery" / "agency.hashes.json"
    assert hashlists.read(kept.read_bytes())[0][0].pdq == row["pdq"]


def test_a_list_with_mistakes_ends_in_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.csv").write_text(f"pdq\n{'3' * 64}\nxyz\n")
    config = configured(tmp_path / "here")
    assert main(["pictures", "--config", str(config), "import", str(tmp_path / "bad.csv")]) == 1
    assert "line 3, pdq: must be 64 hex digits" in capsys.readouterr().out
