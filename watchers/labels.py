"""A labelled table of anybody's making, read: its encoding, its columns, what its labels mean.

Spreadsheets of different countries write the same table in many ways; whatever can be told from the
file itself is not asked of the person who has it. What cannot be told is refused by line and column,
never guessed: a file read in the wrong encoding would only make every figure worse. Pure but for one read.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.errors import ConfigError
from watchers.reading.encoding import encoding_of

FILE_MAX_BYTES = 200_000_000
_PARTS = ",;\t|"
_HEAD_AMONG = 8
"""So many lines may stand before the head line: a spreadsheet's "sep=;", remarks, empty ones."""
_SHOWN = 30

_YES = (
    "1 true t yes y positive pos illegal illicit relevant suspicious 是 违法 非法 oui si sí sim ja да có ya"
)
_NO = "0 -1 false f no n negative neg legal licit irrelevant benign 否 合法 non não nein нет không tidak"
_NOTHING = "na n/a nan none null nil ? - -- unknown unsure unlabelled unlabeled"
LABELS = dict.fromkeys(_YES.split(), True) | dict.fromkeys(_NO.split(), False)
_NUMBERS = {0.0: False, 1.0: True, -1.0: False}
UNLABELLED = frozenset(["", *_NOTHING.split()])
"""What stands for a label that nobody gave."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the texts of its columns, its label (None: it has none), and its line in the file."""

    texts: tuple[str, ...]
    wanted: bool | None
    line: int


def rows_of(path: Path, text_columns: Sequence[str], label_column: str) -> Iterator[Row]:
    """Every row of a table with a head line.

    Raises ConfigError naming the columns that miss, or line and value of a label that says nothing.
    """
    text = _text_of(path)
    csv.field_size_limit(FILE_MAX_BYTES)
    lines = text.split("\n", _HEAD_AMONG)
    wanted = {name.casefold() for name in (*text_columns, label_column)}
    above, part = _head(lines[:_HEAD_AMONG], wanted)
    reader = csv.reader(io.StringIO("\n".join(lines[above:]), newline=""), delimiter=part)
    try:
        names = [name.strip() for name in next(reader, [])]
        places = _places(path, names, (*text_columns, label_column))
        begun, last = above + reader.line_num, text.count("\n")
        for cells in reader:
            line = above + reader.line_num
            if cells and len(cells) < len(names) and "\n" in cells[-1] and line >= last:
                _refuse_open(path, begun + 1)
            begun = line
            if cells:
                yield _row(path, cells, places, line, label_column)
    except csv.Error as error:
        raise ConfigError(f"line {above + reader.line_num}: {error}", file=str(path)) from error


def label_of(written: str) -> bool | None:
    """What a label says: True for an offer, None for none given. Raises KeyError for any other word."""
    word = written.strip().casefold()
    if word in UNLABELLED:
        return None
    if word in LABELS:
        return LABELS[word]
    try:
        number = float(word.replace(",", "."))
    except ValueError:
        raise KeyError(written) from None
    return _NUMBERS[number]


def _row(path: Path, cells: Sequence[str], places: Sequence[int], line: int, label_column: str) -> Row:
    *texts, label = (cells[place] if place < len(cells) else "" for place in places)
    try:
        wanted = label_of(label)
    except KeyError:
        why = f"{label.strip()[:40]!r} must be 0 or 1 (or yes and no, true and false, illegal and legal)"
        raise ConfigError(why, file=str(path), table=f"line {line}", key=f"column {label_column}") from None
    return Row(tuple(texts), wanted, line)


def _refuse_open(path: Path, line: int) -> None:
    """Raise ConfigError for a last row that took in all lines behind an open quotation mark."""
    why = "a quotation mark opens here and is never closed, so that all behind it is one field"
    raise ConfigError(why, file=str(path), table=f"line {line}")


# --- bytes to lines, lines to columns --------------------------------------


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from error
    if len(data) > FILE_MAX_BYTES:
        raise ConfigError(f"larger than {FILE_MAX_BYTES // 1_000_000} MB", file=str(path))
    text = data.decode(_in_two_bytes(data) or encoding_of(data), "replace").removeprefix("\ufeff")
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _in_two_bytes(data: bytes) -> str:
    """UTF-16 without a byte order mark, as some exports are: every other byte of a Latin head line is 0."""
    head = data[: min(200, data.find(b"\n") + 2)] if b"\n" in data[:200] else data[:200]
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) or len(head) < 8:
        return ""
    zeros = [head[at::2].count(0) / len(head[at::2]) for at in (0, 1)]
    if max(zeros) < 0.6 or min(zeros) > 0.2:
        return ""
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def _head(lines: Sequence[str], wanted: set[str]) -> tuple[int, str]:
    """Which of the first lines names most of the wanted columns, and the sign that parts them."""
    best, found = (0, ","), (0, 0)
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    for at, line in enumerate(lines):
        for sign in _PARTS:
            named = _named(line, sign, wanted)
            if (rank := (named, line.count(sign) if at == first or named else 0)) > found:
                best, found = (at, sign), rank
    return best if found[0] else (first, best[1])


def _named(head: str, sign: str, wanted: set[str]) -> int:
    """How many of the wanted columns a head line names when `sign` parts them."""
    try:
        names = next(csv.reader([head], delimiter=sign), [])
    except csv.Error:
        return 0
    return len({name.strip().casefold() for name in names} & wanted)


def _places(path: Path, names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the columns stand: by name, or by the same word in capitals where one column alone has it."""
    found, missing = [], []
    for name in wanted:
        alike = [at for at, there in enumerate(names) if there.casefold() == name.casefold()]
        if name in names or len(alike) == 1:
            found.append(names.index(name) if name in names else alike[0])
        else:
            missing.append(name)
    if missing:
        shown = ("".join(c if c.isprintable() else "\ufffd" for c in name[:60]) for name in names[:_SHOWN])
        there = ", ".join(shown) or "none: the file is empty"
        raise ConfigError(f"no column {', '.join(map(repr, missing))}; its columns: {there}", file=str(path))
    return found
