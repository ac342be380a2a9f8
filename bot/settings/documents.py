"""One TOML file as read: its tables, where each key stands, and what is no TOML at all.

A syntax error costs its own statement, not the rest of the file: the file is cut into
blocks at its top-level headers, and in a broken block the first statement that does not
parse is reported and blanked, so that everything else is still checked.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.mistakes import Mistake

Path_ = tuple[str | int, ...]
"""Where a value stands in a document: ("target", 2, "rules", "item")."""

MOST_BYTES = 4_000_000
_MOST_REPAIRS = 12
_MOST_BLOCK_LINES = 400
_PART = r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[A-Za-z0-9_-]+)"
# The first word is bare, so that a line ["a"] inside an array is not taken for a header;
# the closing brackets may be missing, so that a slip there does not join two tables.
_HEADER = re.compile(rf"\s*(\[\[?)\s*([A-Za-z_][A-Za-z0-9_-]*(?:\s*\.\s*{_PART})*)\s*\]{{0,2}}\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=(.*)$")
_AT = re.compile(r"\(at line (\d+), column (\d+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A statement that is no TOML: its place, its line, and why.

    silent: the place below which nothing may be called missing, since it was blanked.
    """

    path: Path_
    silent: Path_
    line: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file of the configuration. label: its name as told to people. sha256: of its bytes.

    unread: why nothing of it could be read, or "". broken: statements that are no TOML;
    their keys are not in `tables`, and must not be called missing.
    """

    label: str
    path: Path
    sha256: str = ""
    tables: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[Path_, int] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    unread: str = ""

    def line(self, path: Path_) -> int:
        """The line of a key, of the nearest table around it, or of what it holds; 0 when unknown."""
        for length in range(len(path), 0, -1):
            if found := self.lines.get(path[:length]):
                return found
        inside = (line for place, line in self.lines.items() if place[: len(path)] == path)
        return min(inside, default=0)

    def unparsed(self, path: Path_) -> bool:
        """True when a value at `path` stands in the file but could not be parsed."""
        return any(path[: len(b.silent)] == b.silent for b in self.broken)


def load(path: Path, label: str) -> Document:
    """Read one file. Never raises: what is wrong with it stands in the document."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Document(label=label, path=path, unread=f"cannot be read: {error.strerror or error}")
    sha256 = hashlib.sha256(data).hexdigest()
    if len(data) > MOST_BYTES:
        return Document(label=label, path=path, sha256=sha256, unread=f"is larger than {MOST_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"is not UTF-8 (line {line}); save it as UTF-8"
        return Document(label=label, path=path, sha256=sha256, unread=why)
    return parse(text, label=label, path=path, sha256=sha256)


def parse(text: str, *, label: str, path: Path, sha256: str = "") -> Document:
    """The document of a text; see `load`."""
    tables, error = _loads(text)
    broken: tuple[Broken, ...] = ()
    places = dict(_places(text.split("\n")))
    if error:
        tables, broken = _recover(text, error)
    lines: dict[Path_, int] = {}
    for line, place in places.items():
        lines.setdefault(place, line)
    return Document(label=label, path=path, sha256=sha256, tables=tables, lines=lines, broken=broken)


def as_mistake(document: Document) -> Mistake:
    """What is told of a file of which nothing could be read."""
    return Mistake(why=document.unread, file=document.label)


def _loads(text: str) -> tuple[dict[str, object], str]:
    """The tables of a text, or {} and why not."""
    try:
        return tomllib.loads(text), ""
    except RecursionError:
        return {}, "nested too deeply"
    except ValueError as error:  # TOMLDecodeError, and int() of thousands of digits
        return {}, str(error)


def _places(lines: list[str]) -> Iterator[tuple[int, Path_]]:
    """(line, path) of every header and key, found by shape; strings over lines are skipped."""
    table: Path_ = ()
    counts: dict[Path_, int] = {}
    quote = ""
    for number, line in enumerate(lines, 1):
        if quote:
            quote = "" if line.count(quote) % 2 else quote
            continue
        if header := _HEADER.match(line):
            table = _resolve(_parts(header[2]), counts, is_array=header[1] == "[[")
            yield number, table
        elif key := _KEY.match(line):
            yield number, table + _parts(key[1])
            quote = next((q for q in ('"""', "'''") if key[2].count(q) % 2), "")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(p.strip("\"'") for p in re.findall(_PART, dotted))


def _resolve(parts: tuple[str, ...], counts: dict[Path_, int], *, is_array: bool) -> Path_:
    """The path of a header: every array of tables on the way gets the index of its last table."""
    path: Path_ = ()
    for part in parts[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path] - 1)
    path = (*path, parts[-1])
    if is_array:
        counts[path] = counts.get(path, 0) + 1
        return (*path, counts[path] - 1)
    return path


# --- recovery -----------------------------------------------------------------


def _recover(text: str, error: str) -> tuple[dict[str, object], tuple[Broken, ...]]:
    """Tables of everything that parses, and the statements that had to be blanked."""
    lines = text.split("\n")
    places = dict(_places_naive(lines))
    broken: list[Broken] = []
    for start, end in _blocks(lines):
        _repair(lines, (start, end), places, broken)
    for _ in range(_MOST_REPAIRS):
        tables, left = _loads("\n".join(lines))
        if not left:
            return tables, tuple(broken)
        line = _line_of(left) or 1  # two blocks that contradict one another: a table twice
        start, end = next((b for b in _blocks(lines) if b[0] < line <= b[1]), (0, len(lines)))
        path = places.get(line, ())
        broken.append(Broken(path=path, silent=path, line=line, why=_explained(lines, line - 1, 0, left)))
        lines[start:end] = [""] * (end - start)
    why = _explained(lines, 0, 0, error)
    return {}, tuple(broken) or (Broken(path=(), silent=(), line=_line_of(error), why=why),)


def _blocks(lines: list[str]) -> list[tuple[int, int]]:
    """[start, end) of each top-level table with its sub-tables; the keys before the first too."""
    starts = [0]
    root = ""
    for index, line in enumerate(lines):
        if header := _HEADER.match(line):
            parts = _parts(header[2])
            if len(parts) == 1 or parts[0] != root:
                starts.append(index)
            root = parts[0]
    ends = [*starts[1:], len(lines)]
    return [(s, e) for s, e in zip(starts, ends, strict=True) if s < e]


def _repair(
    lines: list[str], block: tuple[int, int], places: Mapping[int, Path_], broken: list[Broken]
) -> None:
    """Blank, in place, each statement of a block that does not parse, or all of it but its header."""
    start, end = block
    for _ in range(_MOST_REPAIRS):
        _, error = _loads("\n".join(lines[start:end]))
        if not error:
            return
        at = _culprit(lines, block, error)
        path, why = places.get(at + 1, ()), _explained(lines, at, start, error)
        if not path or _HEADER.match(lines[at]) or end - start > _MOST_BLOCK_LINES:
            break
        broken.append(Broken(path=path, silent=path, line=at + 1, why=why))
        _blank(lines, at, block)
    else:
        return
    silent = places.get(start + 1, ())
    broken.append(Broken(path=path or silent, silent=silent, line=at + 1, why=why))
    header = _HEADER.match(lines[start])
    keep = f"[[{header[2]}]]" if header and header[1] == "[[" else ""
    lines[start:end] = [keep, *[""] * (end - start - 1)]


def _blank(lines: list[str], at: int, block: tuple[int, int]) -> None:
    """Blank the statement that begins at index `at`: up to the next line that begins another."""
    last = at + 1
    while last < block[1] and not _KEY.match(lines[last]) and not _HEADER.match(lines[last]):
        last += 1
    lines[at:last] = [""] * (last - at)


def _culprit(lines: list[str], block: tuple[int, int], error: str) -> int:
    """Index of the line where the first statement that does not parse begins."""
    start, end = block
    reported = min(start + (_line_of(error) or end - start), end)
    if end - start > _MOST_BLOCK_LINES:
        return reported - 1
    stops = range(reported - 1, start, -1)
    good = next((stop for stop in stops if not _loads("\n".join(lines[start:stop]))[1]), start)
    while good < end - 1 and not lines[good].split("#")[0].strip():
        good += 1
    return good


def _places_naive(lines: list[str]) -> Iterator[tuple[int, Path_]]:
    """As `_places`, but a string left open does not hide what follows it."""
    table: Path_ = ()
    counts: dict[Path_, int] = {}
    for number, line in enumerate(lines, 1):
        if header := _HEADER.match(line):
            table = _resolve(_parts(header[2]), counts, is_array=header[1] == "[[")
            yield number, table
        elif key := _KEY.match(line):
            yield number, table + _parts(key[1])


def _line_of(error: str) -> int:
    found = _AT.search(error)
    return int(found[1]) if found else 0


def _explained(lines: list[str], at: int, start: int, error: str) -> str:
    """Why the statement at index `at` is no TOML, with the hint for the usual slips.

    `start`: index of the first line of the text that `error` counts its lines from.
    """
    reason = re.sub(r"\s*\(at .*", "", error.splitlines()[0])[:100]
    if (found := _AT.search(error)) and start + int(found[1]) - 1 == at:
        return f"is not TOML: {reason}, column {found[2]}{_hint(lines[at])}"
    return f"is not TOML: {reason}; a bracket or a quote that begins here is not closed"


_SLIPS: tuple[tuple[str, str], ...] = (
    (r".*[“”‘’]", "use straight quotes"),
    (r"\".*\\", "text with a backslash goes in single quotes"),
    (r"$", "a value is missing"),
    (r"(?i:true|false|yes|no|on|off)$", "write true or false in small letters"),
    (r"\d{4}-", "no such date, it is written 2027-06-30 without quotes"),
    (r"\d", 'durations, sizes and times go in quotes, as in "30s"'),
    (r"[^\"'\[{\d]", "text goes in quotes"),
)


def _hint(line: str) -> str:
    found = _KEY.match(line)
    value = found[2].strip() if found else "["
    hint = next((hint for pattern, hint in _SLIPS if re.match(pattern, value)), "")
    return f"; {hint}" if hint else ""
