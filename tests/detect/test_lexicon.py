"""The lexicon: the shipped file keeps its promises, and mistakes in any file are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import ConfigError
from watchers.lexicon import COLUMNS, Kind, Lexicon

HEAD = "# nightjar-lexicon 1\n# version {version}\n" + "\t".join(COLUMNS) + "\n"
ROW = {
    "term": "moonstuff",
    "lang": "en",
    "kind": "code",
    "product": "ivory",
    "cites": "I",
    "tier": "2",
    "source": "officer 12",
    "negative": "cake; @food",
    "note": "",
    "date": "2026-03",
}


def row(**cells: str) -> str:
    return "\t".join((ROW | cells).values()) + "\n"


def written(folder: Path, *rows: str, version: str = "7") -> Path:
    path = folder / "extra.tsv"
    path.write_text(HEAD.format(version=version) + "".join(rows), encoding="utf-8")
    return path


def test_the_shipped_lexicon_keeps_its_promises() -> None:
    lexicon = Lexicon.load()
    products = [term for term in lexicon.terms if term.kind in (Kind.NAME, Kind.CODE)]
    assert len(products) >= 250
    assert len({term.lang for term in products}) >= 12
    assert all(term.source and term.date for term in products)
    assert lexicon.mistakes == ()
    assert {term.tier for term in products} == {1, 2, 3, 4, 5}
    assert lexicon.version.startswith("1.4.0+")


def test_a_harmless_phrase_of_a_term_is_no_sentence() -> None:
    for term in Lexicon.load().terms:
        assert all(len(phrase) <= 40 and "," not in phrase for phrase in term.negative), term.text


def test_admins_add_terms_and_the_version_tells(tmp_path: Path) -> None:
    shipped, extended = Lexicon.load(), Lexicon.load([written(tmp_path, row())])
    new = next(term for term in extended.terms if term.text == "moonstuff")
    assert (new.tier, new.negative, new.classes) == (2, ("cake",), ("food",))
    assert new.where.endswith("extra.tsv: line 4")
    assert extended.version.startswith("1.4.0,7+")
    assert len(extended.terms) == len(shipped.terms) + 1


def test_the_example_of_the_manual_is_read(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "lexicon.md").read_text(encoding="utf-8")
    path = tmp_path / "agency.tsv"
    path.write_text(manual.split("```tsv\n")[1].split("```")[0], encoding="utf-8")
    lexicon = Lexicon.load([path])
    terms = {(term.text, term.lang) for term in lexicon.terms}
    assert ("moonstone料", "zh") in terms
    assert ("ivory", "en") not in terms
    assert lexicon.version.startswith("1.4.0,2026-03+")


def test_any_changed_byte_changes_the_version(tmp_path: Path) -> None:
    one = Lexicon.load([written(tmp_path, row(note="a"))]).version
    two = Lexicon.load([written(tmp_path, row(note="b"))]).version
    assert one != two
    assert Lexicon.load([written(tmp_path, row(note="a"))]).version == one


def test_a_later_row_replaces_a_shipped_term_and_off_takes_it_back(tmp_path: Path) -> None:
    rows = (row(term="ivory", tier="3"), row(term="jelly", kind="off"))
    terms = {(term.text, term.lang): term for term in Lexicon.load([written(tmp_path, *rows)]).terms}
    assert terms["ivory", "en"].tier == 3
    assert ("jelly", "en") not in terms


def test_admins_add_their_own_contexts_and_cues(tmp_path: Path) -> None:
    rows = (
        row(negative="@regatta"),
        row(term="sail; boat; yacht", kind="context", product="regatta", negative=""),
        row(term="slip it to me", kind="cue", product="covert", negative=""),
    )
    lexicon = Lexicon.load([written(tmp_path, *rows)])
    assert any(w.group == "regatta" and w.phrases == ("sail", "boat", "yacht") for w in lexicon.wordings)


@pytest.mark.parametrize(
    ("cells", "column", "told"),
    [
        ({"kind": "nmae"}, "kind", "did you mean 'name'"),
        ({"tier": "6"}, "tier", "allowed: 1, 2, 3, 4, 5"),
        ({"tier": ""}, "tier", "allowed: 1, 2, 3, 4, 5"),
        ({"cites": "IV"}, "cites", "allowed: I, II, III, I/II, -"),
        ({"lang": "Chinese!"}, "lang", "no language code"),
        ({"term": ""}, "term", "empty"),
        ({"term": "one; two"}, "term", "one term a row"),
        ({"product": ""}, "product", "empty"),
        ({"negative": "@foood"}, "negative", "did you mean '@food'"),
        ({"kind": "cue", "product": "sales"}, "product", "allowed: sale, price, covert, buy"),
        ({"kind": "context", "product": "Two words"}, "product", "no class name"),
        ({"date": "March"}, "date", "no date"),
        ({"kind": "off"}, "term", "no earlier file holds"),
    ],
)
def test_a_mistake_names_file_line_column_and_what_is_allowed(
    tmp_path: Path, cells: dict[str, str], column: str, told: str
) -> None:
    path = written(tmp_path, row(term="fine"), row(**cells), row(term="fine too"))
    lexicon = Lexicon.load([path])
    (error,) = lexicon.mistakes
    assert (error.file, error.table, error.key) == (str(path), "line 5", f"column {column}")
    assert told in error.why
    assert {"fine", "fine too"} <= {term.text for term in lexicon.terms}


def test_all_mistakes_of_a_file_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, row(tier="9"), row(term="b", kind="x"), row(term="c", cites="?"))
    assert [mistake.table for mistake in Lexicon.load([path]).mistakes] == ["line 4", "line 5", "line 6"]


def test_the_same_term_twice_in_a_file_is_a_mistake(tmp_path: Path) -> None:
    lexicon = Lexicon.load([written(tmp_path, row(), row(tier="3"))])
    assert "stands in line 4 already" in lexicon.mistakes[0].why


def test_a_file_without_dates_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "extra.tsv"
    cells = [cell for name, cell in ROW.items() if name != "date"]
    path.write_text("\t".join(COLUMNS[:-1]) + "\n" + "\t".join(cells) + "\n", encoding="utf-8")
    lexicon = Lexicon.load([path])
    assert lexicon.mistakes == ()
    assert "moonstuff" in {term.text for term in lexicon.terms}


def test_columns_heads_encodings_and_missing_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "extra.tsv"
    path.write_text(HEAD.format(version=1) + "moonstuff\ten\n", encoding="utf-8")
    assert "2 columns, must be 10" in Lexicon.load([path]).mistakes[0].why
    path.write_text("word,language\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="must name the columns"):
        Lexicon.load([path])
    path.write_bytes(HEAD.format(version=1).encode() + "象牙\tzh\n".encode("gbk"))
    with pytest.raises(ConfigError, match="line 4: not UTF-8"):
        Lexicon.load([path])
    path.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="no head line"):
        Lexicon.load([path])
    with pytest.raises(ConfigError, match="cannot be read"):
        Lexicon.load([tmp_path / "nowhere.tsv"])


def test_a_file_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, row())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert any(term.text == "moonstuff" for term in Lexicon.load([path]).terms)


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=300))
def test_no_bytes_bring_another_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.tsv"
    path.write_bytes(HEAD.format(version=1).encode() + data)
    assert outcome(path)


def outcome(path: Path) -> str:
    """The version, or the file that a mistake names; any other error fails the test."""
    try:
        return Lexicon.load([path]).version
    except ConfigError as error:
        return error.file
