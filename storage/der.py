"""The little of DER (ITU-T X.690) that time stamps need: walk the parts of a value.

Not a parser of anything in particular: `parts` gives the elements that lie side by side in
a span of bytes, and refuses what does not add up. Everything deeper is left to libraries.
"""

from __future__ import annotations

from dataclasses import dataclass

INTEGER, OCTETS, OBJECT_ID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
CONTEXT_0 = 0xA0
_LONG, _MOST_LENGTH_BYTES = 0x80, 4


@dataclass(frozen=True, slots=True)
class Part:
    """One element: its tag, and where it starts, its content starts and it ends."""

    tag: int
    start: int
    content: int
    end: int


def parts(data: bytes, start: int = 0, end: int | None = None) -> tuple[Part, ...]:
    """The elements side by side in data[start:end]. Raises ValueError unless they fill it exactly."""
    end = len(data) if end is None else end
    found = []
    while start < end:
        part = _part(data, start, end)
        found.append(part)
        start = part.end
    return tuple(found)


def inside(data: bytes, part: Part) -> tuple[Part, ...]:
    """The elements within a constructed one. Raises ValueError."""
    return parts(data, part.content, part.end)


def _part(data: bytes, start: int, end: int) -> Part:
    if start + 2 > end:
        raise ValueError("DER ends within an element's head")
    length, content = data[start + 1], start + 2
    if length & _LONG:
        width = length & ~_LONG
        if not 1 <= width <= _MOST_LENGTH_BYTES or content + width > end:
            raise ValueError("DER has a length that cannot be read")
        length = int.from_bytes(data[content : content + width], "big")
        content += width
    if content + length > end:
        raise ValueError("DER ends within an element")
    return Part(data[start], start, content, content + length)


def integer(data: bytes, part: Part) -> int:
    """The value of an INTEGER."""
    return int.from_bytes(data[part.content : part.end], "big", signed=True)
