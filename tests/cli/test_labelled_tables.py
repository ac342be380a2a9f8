"""Labelled tables are read as people's spreadsheets write them, and what cannot be read is named."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from storage.errors import ConfigError
from watchers.labelled import Read, read_labelled

ADS = (
    ("象牙手串 加微信 abc12345", 1),
    ("自行车 九成新 自提", 0),
    ("élégant vélo, 40 €", 0),
    ("象牙雕件 私聊", 1),
)


def table(rows: tuple[tuple[str, object], ...], *, head: str = "title,label", part: str = ",") -> str:
    written = io.StringIO()
    written.write(head.replace(",", part) + "\r\n")
    csv.writer(written, delimiter=part).writerows(rows)
    return written.getvalue()


def read(folder: Path, content: bytes) -> Read:
    path = folder / "ads.csv"
    path.write_bytes(content)
    return read_labelled(path, ("title",), "label")


@pytest.mark.parametrize(
    ("encoding", "mark"), [("gb18030", b""), ("big5hkscs", b""), ("utf-16-le", b""), ("utf-16-be", b"")]
)
def test_a_table_in_another_encoding_keeps_its_words(tmp_path: Path, encoding: str, mark: bytes) -> None:
    rows = tuple(
        (text if encoding != "big5hkscs" else text.replace("车", "車"), label) for text, label in ADS
    )
    chinese = tuple(row for row in rows if "é" not in row[0])
    found = read(tmp_path, mark + table(chinese * 3).encode(encoding, "ignore"))
    assert [row.text for row in found.rows[:1]] == [ADS[0][0]]
    assert not any("\ufffd" in row.text for row in found.rows)


def test_a_table_of_western_europe_keeps_its_accents(tmp_path: Path) -> None:
    found = read(tmp_path, table((ADS[2], ("défense d'éléphant à vendre", 1))).encode("cp1252"))
    assert [row.text for row in found.rows] == ["élégant vélo, 40 €", "défense d'éléphant à vendre"]


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("yes", "no"), ("Y", "N"), ("TRUE", "FALSE"), ("Illegal", "legal"), ("1.000", "0.000"),
        ("1,0", "0,0"),
        ("1.00E+00", "0.00E+00"), ("1", "-1"), ("positive", "negative"), ("是", "否"), ("违法", "合法"),
        (" 1 ", " 0"),
    ],
)  # fmt: skip
def test_labels_may_be_words_or_numbers(tmp_path: Path, yes: str, no: str) -> None:
    found = read(tmp_path, table(tuple((text, yes if label else no) for text, label in ADS)).encode())
    assert [row.wanted for row in found.rows] == [True, False, False, True]


@pytest.mark.parametrize("nothing", ["", "NA", "n/a", "NaN", "None", "null", "?", "-"])
def test_rows_without_a_label_are_counted_and_left_out(tmp_path: Path, nothing: str) -> None:
    found = read(tmp_path, table((*ADS, ("未标注", nothing))).encode())
    assert (len(found.rows), found.unlabelled) == (4, 1)


@pytest.mark.parametrize("label", ["2", "0.5", "maybe", "ivory"])
def test_a_label_that_says_nothing_is_named_with_its_line(tmp_path: Path, label: str) -> None:
    with pytest.raises(ConfigError, match=rf"line 6: column [a-z_]+: '{label}' must be 0 or 1"):
        read(tmp_path, table((*ADS, ("x", label))).encode())


@pytest.mark.parametrize(
    "above", ["sep=;\r\n", "\r\n\r\n", "# made by somebody, title; label of 2026\r\n", "  \n"]
)
def test_lines_above_the_head_line_are_passed_over(tmp_path: Path, above: str) -> None:
    found = read(tmp_path, (above + table(ADS, part=";")).encode())
    assert [row.line for row in found.rows] == [above.count("\n") + 2 + at for at in range(4)]


def test_capitals_in_the_head_line_are_no_other_column(tmp_path: Path) -> None:
    assert len(read(tmp_path, table(ADS, head="Title,LABEL").encode()).rows) == 4
    with pytest.raises(ConfigError, match="no column 'title'"):
        read(tmp_path, table(ADS, head="Title,TITLE,LABEL").encode())


def test_a_quotation_mark_that_never_closes_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 3: a quotation mark opens here"):
        read(tmp_path, b'title,label\nbike,0\n"never closed,1\nivory tusk,1\nbike,0\n')


def test_columns_of_a_file_that_is_no_table_are_told_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as trouble:
        read(tmp_path, bytes(range(1, 256)) * 3)
    assert str(trouble.value).isprintable()


def test_fields_of_several_lines_keep_the_count_of_lines(tmp_path: Path) -> None:
    found = read(tmp_path, b'title,label\n"two\nlines, and ""marks""",1\nx,0\n')
    assert [(row.text, row.line) for row in found.rows] == [('two\nlines, and "marks"', 3), ("x", 4)]
