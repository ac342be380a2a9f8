"""Many 64-bit hashes in order of their parts, so that near ones are found without looking at all.

Three parts of 21, 21 and 22 bits: hashes that differ in r bits have a part that differs in
r // 3 at most (the pigeonhole principle; Norouzi, Punjani, Fleet, "Fast exact search in Hamming
space with multi-index hashing", 2014). Per part a table says where the hashes with its value
stand; with few hashes, with the upper bits of its value. Exact; 12 bytes per hash and at most 24 more, or
34 MB. For 8 bits 718 values are looked up.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

Words = np.ndarray[tuple[int], np.dtype[np.uint64]]
Places = np.ndarray[tuple[int], np.dtype[np.uint32]]

_WIDTHS = (21, 21, 22)
_STARTS = (0, 21, 42)
_RADIUS = 3
"""More bits per part would be more values than there are hashes as a rule."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The first `count` hashes of an index, in order of each part.

    places: per part, their positions in order of its upper bits; begins: where those of each value of these
    begin; drops: how many lower bits of the part are left out.
    """

    count: int
    places: tuple[Places, ...]
    begins: tuple[Places, ...]
    drops: tuple[int, ...]

    def reaches(self, max_bits: int) -> bool:
        """Whether `near` can answer for so many bits."""
        return max_bits // len(_WIDTHS) <= _RADIUS

    def near(self, hashes: array[int], wanted: int, max_bits: int) -> list[tuple[int, int]]:
        """(distance in bits, position) of all within `max_bits` of `wanted`, in no order."""
        found = [self._candidates(part, wanted, max_bits // len(_WIDTHS)) for part in range(len(_WIDTHS))]
        places = np.unique(np.concatenate(found))
        view: Words = np.frombuffer(hashes, dtype=np.uint64)
        distances = np.bitwise_count(view[places] ^ np.uint64(wanted))
        del view  # or the array could not grow any more
        where = np.nonzero(distances <= max_bits)[0]
        return [(int(distances[at]), int(places[at])) for at in where]

    def _candidates(self, part: int, wanted: int, radius: int) -> Places:
        width, start = _WIDTHS[part], _STARTS[part]
        values = _flips(width, radius) ^ np.uint32(wanted >> start & (1 << width) - 1)
        if drop := self.drops[part]:
            values = np.unique(values >> np.uint32(drop))
        begin, end = (
            self.begins[part][values].astype(np.int64),
            self.begins[part][values + 1].astype(np.int64),
        )
        lengths = end - begin
        # All ranges begin..end in one go: a running count, shifted to each range's own begin.
        shifts = np.repeat(begin - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        found: Places = self.places[part][shifts + np.arange(lengths.sum())]
        return found


@lru_cache(maxsize=16)
def _flips(width: int, radius: int) -> Places:
    """All values of `width` bits with `radius` ones at most."""
    masks = [0]
    for ones in range(1, radius + 1):
        masks += [sum(1 << bit for bit in bits) for bits in combinations(range(width), ones)]
    return np.array(masks, dtype=np.uint32)


def ordered(hashes: array[int]) -> Parts:
    """Put all in order. Copies them first, so that the array stays free to grow."""
    words: Words = np.frombuffer(hashes.tobytes(), dtype=np.uint64)
    places, begins = [], []
    drops = tuple(max(0, width - len(words).bit_length()) for width in _WIDTHS)
    for width, start, drop in zip(_WIDTHS, _STARTS, drops, strict=True):
        values = (words >> np.uint64(start) & np.uint64((1 << width) - 1)).astype(np.uint32) >> np.uint32(
            drop
        )
        places.append(np.argsort(values, kind="stable").astype(np.uint32))
        counts = np.bincount(values, minlength=1 << width - drop)
        begin = np.zeros((1 << width - drop) + 1, dtype=np.uint32)
        np.cumsum(counts, out=begin[1:])
        begins.append(begin)
    return Parts(len(words), tuple(places), tuple(begins), drops)


def surplus(names: bytearray, known: bytearray, most: int) -> list[int]:
    """Positions of copies: the same 32 bytes of name with the same `known`, or after the first `most`.

    names are told apart by their first 8 bytes and then compared whole.
    """
    heads = np.frombuffer(bytes(names), dtype=">u8")[::4]
    order = np.argsort(heads, kind="stable")
    equal = np.nonzero(heads[order][1:] == heads[order][:-1])[0]
    found: list[int] = []
    groups: dict[bytes, list[int]] = {}
    for at in sorted({*equal.tolist(), *(equal + 1).tolist()}):
        place = int(order[at])
        groups.setdefault(bytes(names[32 * place : 32 * place + 32]), []).append(place)
    for places in groups.values():
        holders: list[bytes] = []
        for place in sorted(places):
            holder = bytes(known[16 * place : 16 * place + 16])
            if len(holders) >= most or (holder in holders and any(holder)):
                found.append(place)
            else:
                holders.append(holder)
    return found
