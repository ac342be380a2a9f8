"""The Merkle tree of RFC 6962 (section 2.1) over the log's entries: pure, no I/O.

Leaf: SHA-256(0x00 || entry). Node: SHA-256(0x01 || left || right). The root of nothing
is SHA-256 of nothing. `Frontier` appends and gives the root in O(log n).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root by the definition of RFC 6962: split at the largest power of two below n."""
    count = len(leaf_hashes)
    if count == 0:
        return EMPTY_ROOT
    if count == 1:
        return leaf_hashes[0]
    split = 1 << (count - 1).bit_length() - 1
    return node_hash(root_of(leaf_hashes[:split]), root_of(leaf_hashes[split:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The right edge of a tree of `size` leaves: roots of its perfect subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The frontier with one more leaf hash."""
        peaks, node, size = list(self.peaks), leaf, self.size
        while size & 1:
            node = node_hash(peaks.pop(), node)
            size >>= 1
        return Frontier(size=self.size + 1, peaks=(*peaks, node))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier with more leaf hashes, in order."""
        frontier = self
        for leaf in leaves:
            frontier = frontier.append(leaf)
        return frontier

    def root(self) -> bytes:
        """The root hash of the whole tree."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node
