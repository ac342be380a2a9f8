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


def test_a_row_with_a_mistake_is_named_and_the_rest_is_taken() -> None:
    text = f"label,pdq,quality\ngood,{'1' * 64},80\nshort,abc,\nnone,,\nodd,{'2' * 64},many\n"
    rows, faults = hashlists.read(text.encode())
    assert [row.label for row in rows] == ["good"]
    assert [(fault.line, fault.column) for fault in faults] == [(3, "pdq"), (4, "pdq"), (5, "quality")]


def test_a_list_without_the_columns_says_which(tmp_path: Path) -> None:
    rows, faults = hashlists.read(b"name,hash\nx,y\n")
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
    kept = theirs.parent / "gallery" / "agency.hashes.csv"
    assert hashlists.read(kept.read_bytes())[0][0].pdq == row["pdq"]


def test_a_list_with_mistakes_ends_in_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.csv").write_text(f"pdq\n{'3' * 64}\nxyz\n")
    config = configured(tmp_path / "here")
    assert main(["pictures", "--config", str(config), "import", str(tmp_path / "bad.csv")]) == 1
    assert "line 3, pdq: must be 64 hex digits" in capsys.readouterr().out
