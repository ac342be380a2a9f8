"""Many PDQ hashes in order of their sixteen bands of 16 bits, so that near ones are found quickly.

Hashes that differ in 31 bits have a band that differs in one at most (the pigeonhole principle;
Norouzi, Punjani, Fleet, "Fast exact search in Hamming space with multi-index hashing", 2014). Bands
lie within the words of `turns`, where a mirrored picture is a word complemented: so each band is
looked up as it is and complemented. Exact; 64 bytes a hash and 4 MB.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from storage.turns import Words

Places = np.ndarray[tuple[int], np.dtype[np.uint32]]
Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

_WIDTH = 16
_PER_WORD = 4
_VALUES = 1 << _WIDTH
_FLIPS = np.array([0, *(1 << bit for bit in range(_WIDTH))], dtype=np.uint16)


@dataclass(frozen=True, slots=True)
class Bands:
    """The first `count` hashes, in order of each band: where they stand, and where each value begins."""

    count: int
    places: tuple[Places, ...]
    begins: tuple[Places, ...]

    @property
    def reach_bits(self) -> int:
        """The largest distance for which `candidates` leaves nothing out."""
        return 2 * len(self.places) - 1

    def candidates(self, way: Words) -> Numbers:
        """Places of all within `reach_bits` of four words, or of some of them complemented; and others."""
        found = []
        for number in range(len(self.places)):
            word, at = divmod(number, _PER_WORD)
            value = np.uint16(way[word] >> _WIDTH * at & _VALUES - 1)
            both = np.concatenate((_FLIPS ^ value, _FLIPS ^ ~value)).astype(np.int64)
            begin = self.begins[number][both].astype(np.int64)
            lengths = self.begins[number][both + 1].astype(np.int64) - begin
            # All ranges begin..end in one go: a running count, shifted to each range's own begin.
            shifts = np.repeat(begin - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
            found.append(self.places[number][shifts + np.arange(lengths.sum())])
        return np.concatenate(found).astype(np.int64)


def ordered(words: tuple[array[int], ...]) -> Bands:
    """Put all in order. Copies them first, so that the arrays stay free to grow."""
    places, begins = [], []
    copies = [np.frombuffer(column.tobytes(), dtype=np.uint64) for column in words]
    for column in copies:
        for at in range(_PER_WORD):
            values = (column >> np.uint64(_WIDTH * at)).astype(np.uint16)
            places.append(np.argsort(values, kind="stable").astype(np.uint32))
            begin = np.zeros(_VALUES + 1, dtype=np.uint32)
            np.cumsum(np.bincount(values, minlength=_VALUES), out=begin[1:])
            begins.append(begin)
    return Bands(len(copies[0]), tuple(places), tuple(begins))
