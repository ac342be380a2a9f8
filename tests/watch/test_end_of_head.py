"""Where a head ends: the short way for plain answers says what the pattern says, whoever ends lines how."""

from __future__ import annotations

import re
from itertools import product

import pytest

from watchers.wire import _end_of_head

_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_INFORMATIONAL = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d")
_STARTS = (b"HTTP/1.1 200 OK", b"HTTP/1.1 100 Continue", b"HTTP/1.1 101 Switching Protocols")


def by_pattern(raw: bytes) -> int:
    """Behind the first empty line that does not end an informational answer; 0: there is none."""
    at = 0
    while (found := _EMPTY_LINE.search(raw, at)) is not None:
        if not _INFORMATIONAL.match(raw, at):
            return found.end()
        at = found.end()
    return 0


@pytest.mark.parametrize("start", _STARTS)
def test_a_head_ends_at_its_first_empty_line_however_its_lines_end(start: bytes) -> None:
    heads = [start + b"".join(ends) for n in range(1, 7) for ends in product((b"\r", b"\n", b"a"), repeat=n)]
    assert [raw for raw in heads if _end_of_head(raw) != by_pattern(raw)] == []
    assert start.startswith(b"HTTP/1.1 100") or any(by_pattern(raw) for raw in heads)
