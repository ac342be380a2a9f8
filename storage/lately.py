"""Which digests came lately: a table of fixed size, so that it takes the same room on every night.

A dict of fifty thousand took eight megabytes and grew by seventy bytes with each name that came after, for
hours, until it was made anew. Whoever asks must do with "not that I know" about some that came long ago.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable

_BYTES = 16
"""Of each digest: two that begin alike will not be met."""
_WAYS = 16
"""Places for digests of one beginning: a new one goes first, and the oldest of them goes."""
_ROW = _BYTES * _WAYS


class Lately:
    """Grows by `add` up to `most` digests, a multiple of 16; the next ones each take the place of an old one.

    Of the last `most` / 2 nearly all are known: one in two hundred has lost its place to others like it.
    """

    def __init__(self, most: int) -> None:
        self._rows = max(1, most // _WAYS)
        self._table = mmap.mmap(-1, self._rows * _ROW, flags=mmap.MAP_PRIVATE)
        """Of the system's own pages: what no digest was written to takes no memory."""

    @property
    def size_bytes(self) -> int:
        """The room that it takes, however many came."""
        return len(self._table)

    def __contains__(self, sha256: str) -> bool:
        return self._find(bytes.fromhex(sha256)[:_BYTES]) >= 0

    def add(self, digests: Iterable[str]) -> None:
        """These came now. Hex digits; raises ValueError for what is none."""
        for sha256 in digests:
            digest = bytes.fromhex(sha256)[:_BYTES]
            if self._find(digest) < 0:
                begin = self._begin(digest)
                self._table[begin : begin + _ROW] = digest + self._table[begin : begin + _ROW - _BYTES]

    def discard(self, sha256: str) -> None:
        """It is not known any more; harmless when it was not."""
        at = self._find(bytes.fromhex(sha256)[:_BYTES])
        if at >= 0:
            self._table[at : at + _BYTES] = bytes(_BYTES)

    def _begin(self, digest: bytes) -> int:
        return int.from_bytes(digest[:4], "big") % self._rows * _ROW

    def _find(self, digest: bytes) -> int:
        """Where it stands in the table, -1 for nowhere."""
        begin = self._begin(digest)
        at = self._table.find(digest, begin, begin + _ROW)
        while at >= 0 and at % _BYTES:
            at = self._table.find(digest, at + 1, begin + _ROW)
        return at
