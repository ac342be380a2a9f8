"""How other programs write lists of picture hashes: their columns, signs and kinds of JSON.

Known: the CSV and the signal types of ThreatExchange and Hasher-Matcher-Actioner (hash or signal_value,
quality, signal_type), lists without a header line, semicolons or tabs, JSON lines, an object from hash to
facts, hashes as imagehash and others print them (capitals, 0x, colons). Pure; what a row means is checked
by `hashlists`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

HEX = frozenset("0123456789abcdef")
OF_ANOTHER_KIND = "of another kind"
"""Key of a row whose hash is none of ours: what it is."""
Rows = list[tuple[int, Mapping[str, object]]]

_NAMES = {
    "pdq": "pdq pdq_hash pdqhash hash_pdq pdq_256",
    "phash": "phash p_hash phash64 phash_64 perceptual_hash imagehash image_hash hash_phash",
    "hash": "hash hash_value hashvalue signal_value signal indicator raw_indicator value",
    "type": "signal_type type hash_type algorithm",
    "quality": "quality pdq_quality hash_quality",
    "sha256": "sha256 sha_256 hash_sha256",
    "product": "product species category",
    "case_number": "case_number case case_no case_id",
    "label": "label name description title filename file_name file",
}
_ALIKE = {written: name for name, many in _NAMES.items() for written in many.split()}
_LISTS = ("hashes", "data", "signals", "items", "results", "indicators", "content")
_KNOWN = "known are pdq, phash, quality, sha256, product, case_number, label"
_SAMPLE_LINES = 20


def bare_hash(written: str) -> str:
    """A hash as plain lower-case hex digits: 0x, quotes, colons and spaces in it are signs of others."""
    return "".join(written.casefold().strip("'\"` ").removeprefix("0x").translate(_SIGNS).split())


_SIGNS = str.maketrans("", "", ":-_")


def from_csv(text: str) -> Rows:
    """Rows of a table by our names, with the line each ends on. Raises ValueError where none is a hash."""
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    above = next((at for at, line in enumerate(lines[:_SAMPLE_LINES]) if _says_something(line)), 0)
    head = lines[above] if lines else ""
    part = max(",;\t|", key=head.count)
    reader = csv.reader(io.StringIO("".join(lines[above:]), newline=""), delimiter=part)
    first = next(reader, [])
    names = [_name(cell) for cell in first]
    rows: Rows = []
    if not {"pdq", "phash", "hash"} & set(names):
        names = _unnamed(first)
        rows.append((above + 1, _kinds(dict(zip(names, first, strict=True)))))
    for cells in reader:
        if any(cell.strip() for cell in cells):
            rows.append((above + reader.line_num, _kinds(dict(zip(names, cells, strict=False)))))
    return rows


def from_json(text: str) -> Rows:
    """Rows of a document by our names, counted from 1. Raises ValueError where it holds no list of them."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise
        document = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [(at, _kinds(_by_name(entry))) for at, entry in enumerate(_entries(document), 1)]


def _entries(document: object) -> list[object]:
    if isinstance(document, list):
        return document
    assert isinstance(document, dict)
    for name in _LISTS:
        if isinstance(found := document.get(name), list):
            return found
    if document and all(_is_hash(str(key)) for key in document):
        facts = (
            {**(value if isinstance(value, dict) else {}), "hash": key} for key, value in document.items()
        )
        return list(facts)
    if any(_name(str(key)) in ("pdq", "phash", "hash") for key in document):
        return [document]
    raise ValueError('no list "hashes"')


def _by_name(entry: object) -> Mapping[str, object]:
    if isinstance(entry, str):
        return {"hash": entry}
    if not isinstance(entry, dict):
        return {}
    named = [(_name(str(key)), value) for key, value in entry.items()]
    # ThreatExchange describes an indicator within one, beside the same as "raw_indicator".
    within = {name: inner for name, value in named if name == "hash" and (inner := _within(value))}
    return within | {name: value for name, value in named if not isinstance(value, dict)}


def _within(value: object) -> object:
    return (
        next((inner for key, inner in value.items() if _name(str(key)) == "hash"), "")
        if isinstance(value, dict)
        else ""
    )


def _taken_back(row: Mapping[str, object]) -> str:
    """Why a row speaks of no contraband, or "": lists say too what they take back and what is harmless."""
    if str(row.get("should_delete") or "").casefold() in ("true", "1", "yes"):
        return "its list takes it back (should_delete)"
    if str(row.get("status") or "").casefold() in ("non_malicious", "false_positive"):
        return "its list calls it harmless (status)"
    return ""


def _name(written: str) -> str:
    plain = "_".join(written.strip().casefold().replace("-", " ").split())
    return _ALIKE.get(plain, plain)


def _says_something(line: str) -> bool:
    """Not for empty lines, remarks and a spreadsheet's "sep=;"."""
    return bool(line.strip()) and not line.startswith("#") and not line.casefold().startswith("sep=")


def _is_hash(written: str) -> bool:
    plain = bare_hash(written)
    return len(plain) in (16, 64) and HEX.issuperset(plain)


def _unnamed(first: list[str]) -> list[str]:
    """Names for the columns of a table without a head line. Raises ValueError where no cell is a hash."""
    if not any(map(_is_hash, first)):
        raise ValueError(f"no column pdq or phash in the first line; {_KNOWN}")
    names = ["hash" if _is_hash(cell) else f"column {at}" for at, cell in enumerate(first)]
    numbers = [at for at, cell in enumerate(first) if cell.strip().isdigit() and int(cell) <= 100]
    return ["quality" if at in numbers[:1] else name for at, name in enumerate(names)]


def _kinds(row: Mapping[str, object]) -> Mapping[str, object]:
    """A row with its "hash" under the kind that its type, else its length tells."""
    if why := _taken_back(row):
        return {OF_ANOTHER_KIND: why}
    written = str(row.get("hash") or "")
    if not written or row.get("pdq") or row.get("phash"):
        return row
    kind = _name(str(row.get("type") or ""))
    if kind not in ("", "pdq", "phash") and "pdq" not in kind:
        return {**row, OF_ANOTHER_KIND: f"a hash of type {kind[:40]}, not pdq or phash"}
    by_length = "phash" if len(bare_hash(written)) <= 32 and kind != "pdq" else "pdq"
    return {**row, "phash" if kind == "phash" else by_length: written}
