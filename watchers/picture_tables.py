"""Which points of known pictures are near a point asked about: multi-index hashing (Norouzi, 2012).

Runs only inside the bank's worker process. A point is looked up in tables, in each by 22 other bits of its
256, and is compared in full with those that share such a key. Kept points stand in the order of their keys:
a key is one run of a table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchers.picture_features import BYTES, Descriptors

_TABLES, _KEY_BITS = 8, 22
_NEAR_BITS = 56
"""Distance up to which two points are near."""
_COMMON = 400
"""Points with one key from which on the key says nothing."""
_COMPARED, _COMPARED_SHARE = 100_000, 12
"""Pairs that are compared in full for each view, at least, and one for so many kept points: those of the
rarest points, half of all. A point that has hundreds is of a weave that many pictures have and says next to
nothing. With 2,500 pictures nothing was lost of 800 altered ones, with 60,000 3 of 200 collages were."""
_NEW_MOST = 20_000
"""Points that have tables of their own, made anew whenever some came."""

Places = np.ndarray[tuple[int, ...], np.dtype[np.uint32]]
Keys = np.ndarray[tuple[int, ...], np.dtype[np.uint32]]
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Words = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]


@dataclass(frozen=True, slots=True)
class _Runs:
    """Some of the kept points by their keys, places of all tables one after the other.

    keys: those there are in each table, in order; begins: where the points of each begin in `places`, and
    where those of the last one end.
    """

    keys: tuple[Keys, ...]
    begins: tuple[Places, ...]
    places: Places

    def of(self, sought: Keys) -> tuple[Numbers, Numbers]:
        """Where the points of these keys, tables x any, begin and how many they are."""
        first, length = np.zeros((2, *sought.shape), np.int64)
        for table, (keys, begins) in enumerate(zip(self.keys, self.begins, strict=True)):
            at = np.minimum(keys.searchsorted(sought[table]), len(keys) - 1)
            there = keys[at] == sought[table]
            first[table] = begins[at]
            length[table] = (begins[at + 1] - first[table]) * there
        length[length > _COMMON] = 0
        return first, length


_NONE = _Runs((), (), np.empty(0, np.uint32))


class PointTables:
    """The tables over all points that were kept, made anew as points come. About 53 bytes a point."""

    def __init__(self) -> None:
        self._old, self._new = _NONE, _NONE
        """Tables of nearly all points, and of those that came since: making all anew takes a second."""
        self._between, self._end = 0, 0
        chosen = np.random.default_rng(0x0B).permutation(8 * BYTES)
        self._bits = chosen[: _TABLES * _KEY_BITS].reshape(_TABLES, _KEY_BITS)

    def near(self, asked: Descriptors, kept: Descriptors) -> tuple[Numbers, Numbers]:
        """Pairs (number of a point asked about, number of a kept one) that are near, some twice.

        kept: all points that are kept, n x 32 bytes; those of earlier calls unchanged.
        """
        self._take_up(kept)
        sought = np.stack([_keys(asked, bits) for bits in self._bits])
        found = [(runs.places, *runs.of(sought)) for runs in (self._old, self._new)]
        rare = _rarest(sum(lengths.sum(0) for _, _, lengths in found), len(kept))
        each = [_pairs(*one, rare) for one in found]
        which, places = (np.concatenate(numbers) for numbers in zip(*each, strict=True))
        near = np.flatnonzero(_differing(_words(asked, which), _words(kept, places)) <= _NEAR_BITS)
        return which[near], places[near]

    def _take_up(self, kept: Descriptors) -> None:
        if self._end == len(kept):
            return
        if len(kept) - self._between > max(_NEW_MOST, self._between // 8):
            self._old, self._between = self._made(kept, 0), len(kept)
        self._new, self._end = self._made(kept, self._between), len(kept)

    def _made(self, kept: Descriptors, begin: int) -> _Runs:
        added = kept[begin:]
        if not len(added):
            return _NONE
        keys, begins = [], []
        places = np.empty((len(self._bits), len(added)), np.uint32)
        for table, bits in enumerate(self._bits):
            every = _keys(added, bits)
            order = np.argsort(every, kind="stable")
            places[table] = order + begin
            ordered = every[order]
            first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
            keys.append(ordered[first])
            begins.append((np.append(first, len(added)) + table * len(added)).astype(np.uint32))
        return _Runs(tuple(keys), tuple(begins), places.ravel())


def _rarest(pairs: Numbers, kept: int) -> Flags:
    """Which of the points with so many pairs are compared."""
    order = np.argsort(pairs, kind="stable")
    rare = np.zeros(len(pairs), np.bool_)
    rare[order[np.cumsum(pairs[order]) <= max(_COMPARED, kept // _COMPARED_SHARE)]] = True
    return rare


def _pairs(places: Places, first: Numbers, lengths: Numbers, rare: Flags) -> tuple[Numbers, Numbers]:
    """Pairs of numbers, of runs of `places` that begin there, tables x points asked about."""
    each = (lengths * rare).ravel()
    shifts = np.repeat(first.ravel() - np.cumsum(each) + each, each)
    which = np.repeat(np.tile(np.arange(len(rare)), len(lengths)), each)
    return which, places.take(shifts + np.arange(len(shifts))).astype(np.int64)


def _words(descriptors: Descriptors, numbers: Numbers) -> Words:
    """The 256 bits of these as four words. `take` copies rows in a quarter of the time that an index does."""
    return np.ascontiguousarray(descriptors).view(np.uint64).take(numbers, axis=0)


def _differing(one: Words, two: Words) -> np.ndarray:
    """Differing bits of rows of four 64-bit words."""
    counts = np.bitwise_count(one ^ two).view(np.uint32).ravel()
    total: np.ndarray = (counts & 0x00FF00FF) + (counts >> 8 & 0x00FF00FF)
    return (total & 0xFFFF) + (total >> 16)


def _keys(descriptors: Descriptors, bits: Numbers) -> Keys:
    """The key of each descriptor in a table: its bits at these places."""
    keys = np.zeros(len(descriptors), np.uint32)
    for bit in bits.tolist():  # NumPy's own integers would make them twice as wide
        keys = keys << np.uint32(1) | (descriptors[:, bit // 8] >> bit % 8 & 1)
    return keys
