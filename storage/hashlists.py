"""Lists of picture hashes, by which agencies share what they know without sharing a picture.

CSV (with a header line, in any order of columns) or JSON (an object with "hashes", or a list, of
objects with the same names). A row has a PDQ hash of 64 hex digits, a phash of 16, or both; all
else may be empty. phash is imagehash's 8 x 8; PDQ is Facebook's (hashing.pdf, 2019). A hash tells
nothing of a picture to somebody who has not the picture, but who has it can tell that it is meant.
What others write differently (columns of ThreatExchange, semicolons, 0x, JSON lines) `foreign_lists` knows.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from storage import foreign_lists as foreign
from storage.model import sha256_of

FORMAT = "nightjar-hashes-1"
SUFFIXES = (".hashes.csv", ".hashes.json")
"""Ends of the names of lists in a gallery folder."""
_TEXT_MOST = 200
_ROWS_MOST = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A row. pdq: 64 hex digits, phash: 16, "" for none; one is there. quality: of PDQ, 0..100."""

    pdq: str = ""
    phash: str = ""
    quality: int = 100
    sha256: str = ""
    product: str = ""
    case_number: str = ""
    label: str = ""

    @property
    def name(self) -> str:
        """64 hex digits that stand for the picture: its SHA-256, or one of this row."""
        return self.sha256 or sha256_of(f"{self.pdq} {self.phash}".encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row that was left out. line: of the file, or the number of the object; column: its name."""

    line: int
    column: str
    why: str

    def __str__(self) -> str:
        """Line, column and reason for people."""
        return f"line {self.line}, {self.column}: {self.why}"


COLUMNS = tuple(field.name for field in fields(Listed))


def read(data: bytes) -> tuple[tuple[Listed, ...], tuple[Fault, ...]]:
    """The good rows of a list, each hash once, and what is wrong with the others. Never raises."""
    try:
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        return (), (Fault(line=data[: error.start].count(b"\n") + 1, column="-", why="not UTF-8"),)
    try:
        is_json = text.lstrip()[:1] in ("{", "[")
        rows = foreign.from_json(text) if is_json else foreign.from_csv(text)
    except (ValueError, csv.Error, RecursionError) as error:
        return (), (Fault(line=getattr(error, "lineno", 1), column="-", why=str(error)[:_TEXT_MOST]),)
    if len(rows) > _ROWS_MOST:
        return (), (Fault(line=_ROWS_MOST, column="-", why=f"more than {_ROWS_MOST:,} rows"),)
    good: dict[Listed, None] = {}
    faults = []
    for line, row in rows:
        checked = _checked(line, row)
        if isinstance(checked, Fault):
            faults.append(checked)
        else:
            good.setdefault(checked)
    return tuple(good), tuple(faults)


def as_csv(rows: Iterable[Listed]) -> bytes:
    """A list as CSV, UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(tuple(_cell(value) for value in asdict(row).values()) for row in rows)
    return out.getvalue().encode()


def as_json(rows: Iterable[Listed]) -> bytes:
    """A list as JSON, UTF-8, one object a line."""
    lines = ",\n".join(json.dumps(asdict(row), ensure_ascii=False) for row in rows)
    return f'{{"format": "{FORMAT}", "hashes": [\n{lines}\n]}}\n'.encode()


def _cell(value: object) -> str:
    """Spreadsheets take a text that begins so for a formula; a space before it keeps it a text."""
    text = str(value)
    return f" {text}" if text[:1] in "=+-@" and text[:1] else text


def _checked(line: int, row: Mapping[str, object]) -> Listed | Fault:
    words = {name: " ".join(str(row.get(name) or "").split())[:_TEXT_MOST] for name in COLUMNS}
    for name, digits in (("pdq", 64), ("phash", 16), ("sha256", 64)):
        words[name] = foreign.bare_hash(words[name])
        if words[name] and (len(words[name]) != digits or not foreign.HEX.issuperset(words[name])):
            return Fault(line=line, column=name, why=f"must be {digits} hex digits")
    if not words["pdq"] and not words["phash"]:
        why = str(row.get(foreign.OF_ANOTHER_KIND) or "neither pdq nor phash is given")
        return Fault(line=line, column="pdq", why=why)
    quality = (words["quality"] or "100").removesuffix(".0")
    if not (quality.isascii() and quality.isdigit() and int(quality[:4]) <= 100):
        return Fault(line=line, column="quality", why="must be a whole number from 0 to 100")
    texts = {name: words[name] for name in ("product", "case_number", "label")}
    return Listed(
        pdq=words["pdq"], phash=words["phash"], sha256=words["sha256"], quality=int(quality), **texts
    )
