"""The Merkle tree of RFC 6962 (section 2.1) over the log's entries: pure, no I/O.

Leaf: SHA-256(0x00 || entry). Node: SHA-256(0x01 || left || right). The root of nothing
is SHA-256 of nothing. `Frontier` appends and gives the root in O(log n); `Tree` holds all
nodes and gives proofs; `root_by_path` and `check_consistency` are what somebody checks with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole tree with all its nodes, for many proofs from one pass: O(n) to build, O(log n) a proof.

    levels[k][i] is the hash over the leaves from i * 2**k up to (i + 1) * 2**k or the end.
    """

    levels: tuple[tuple[bytes, ...], ...]

    @classmethod
    def of(cls, leaf_hashes: Sequence[bytes]) -> Tree:
        """The tree over these leaf hashes."""
        levels = [tuple(leaf_hashes)]
        while len(levels[-1]) > 1:
            levels.append(_above(levels[-1]))
        return cls(tuple(levels))

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self.levels[0])

    @property
    def root(self) -> bytes:
        """The root hash."""
        return self.levels[-1][0] if self.size else EMPTY_ROOT

    def path(self, index: int) -> tuple[bytes, ...]:
        """The inclusion proof of leaf `index` (RFC 6962, 2.1.1): sibling hashes from the leaf up.

        Raises IndexError when there is no such leaf.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"no leaf {index} in a tree of {self.size}")
        return tuple(self._climb(index, 0))

    def consistency(self, first: int) -> tuple[bytes, ...]:
        """The proof that the tree of the `first` leaves is a beginning of this one (RFC 6962, 2.1.2).

        Empty when both are the same or the first is empty. Raises IndexError when it is no beginning.
        """
        if not 0 <= first <= self.size:
            raise IndexError(f"a tree of {self.size} does not begin with {first} leaves")
        if first in {0, self.size}:
            return ()
        node, level = first - 1, 0
        while node % 2:
            node, level = node >> 1, level + 1
        if not node:  # the first tree is one perfect subtree: its root is known to who checks
            return tuple(self._climb(node, level))
        return (self.levels[level][node], *self._climb(node, level))

    def _climb(self, node: int, level: int) -> Iterator[bytes]:
        """The siblings on the way up; one that is not there is passed over."""
        for nodes in self.levels[level:-1]:
            if (sibling := node ^ 1) < len(nodes):
                yield nodes[sibling]
            node >>= 1


def _above(level: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The next level: nodes over pairs; an odd last one is passed up as it is."""
    pairs = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return (*pairs, level[-1]) if len(level) % 2 else tuple(pairs)


def path_of(index: int, leaf_hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """As `Tree.path`, for a single proof. O(n)."""
    return Tree.of(leaf_hashes).path(index)


def consistency(first: int, leaf_hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """As `Tree.consistency`, for a single proof. O(n)."""
    return Tree.of(leaf_hashes).consistency(first)


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a proof leads to (RFC 9162, 2.1.3.2). Raises ValueError when it cannot be one."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    node, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            raise ValueError("the proof is too long")
        if index % 2 or index == last:
            node = node_hash(sibling, node)
            while index % 2 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise ValueError("the proof is too short")
    return node


def check_consistency(first: int, second: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> bool:
    """True when the proof shows that a tree of `second` leaves goes on from one of `first`.

    By RFC 9162, 2.1.4.2. A proof of any wrong form is False, never an error.
    """
    if not 0 <= first <= second:
        return False
    if first == second:
        return not proof and root1 == root2
    if first == 0:
        return not proof and root1 == EMPTY_ROOT
    return _grown(first, second, root1, root2, proof)


def _grown(first: int, second: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> bool:
    """As `check_consistency`, for 0 < first < second."""
    nodes = list(proof) if first & (first - 1) else [root1, *proof]
    if not nodes:
        return False
    node, last = first - 1, second - 1
    while node % 2:
        node, last = node >> 1, last >> 1
    old = new = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if node % 2 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == root1 and new == root2
