"""The marks that a lawful erasure leaves, and how they are read. Pure.

A look of the vigil whose content was erased stands as `#<erasure> <leaf hash>`: the batch's
root can still be computed, and the log entry of kind `erasure` with that index answers for it.
Indexes of erased log entries are written as "3-7 12".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from storage.tree import Frontier, leaf_hash

_LINE = re.compile(r"#(\d{1,15}) ([0-9a-f]{64})")


def erased_line(erasure: int, hashed: str) -> str:
    """What stands in the place of a line with this leaf hash (hex)."""
    return f"#{erasure} {hashed}"


def erasure_of(line: str) -> tuple[int, str] | None:
    """(index of the erasure, leaf hash) of an erased line, or None for one that stands."""
    found = _LINE.fullmatch(line)
    return (int(found[1]), found[2]) if found else None


def root_of_lines(lines: Iterable[str]) -> str:
    """The tree root over lines, erased ones by their hashes; hex."""
    return Frontier().extend(_leaf(line) for line in lines).root().hex()


def _leaf(line: str) -> bytes:
    erased = erasure_of(line)
    return leaf_hash(line.encode()) if erased is None else bytes.fromhex(erased[1])


def root_of_hashes(hashes: Sequence[str]) -> str:
    """The root that an erasure entry names over the leaf hashes (hex) of the looks it erased."""
    return Frontier().extend(leaf_hash(hashed.encode()) for hashed in hashes).root().hex()


def ranges(indexes: Iterable[int]) -> str:
    """Numbers as "3-7 12": ascending, each once."""
    found: list[list[int]] = []
    for index in sorted(set(indexes)):
        if found and index == found[-1][1] + 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """The reverse of `ranges`: (first, last) of each. Raises ValueError."""
    for part in text.split():
        first, _, last = part.partition("-")
        yield int(first), int(last or first)


def holds(text: str, index: int) -> bool:
    """Whether `ranges` text names an index. Raises ValueError."""
    return any(first <= index <= last for first, last in spans(text))
