"""Which PDQ hashes are near one, in all eight ways a picture can lie: exact, in memory.

Up to `_FLAT_UP_TO` hashes every one is compared: a hash within r bits, mirrored or not, has one of
its four words within r / 4 bits of the word asked for or of its complement (the pigeonhole
principle), so a look at each word serves four ways at once, and two looks all eight. With more
hashes those within 31 bits are found by their 16-bit bands (`bands`); a wider search compares
every one still. Graph indexes lose neighbours (facts: imaging), and evidence must not.
Up to 2,000 hashes are compared in plain Python, so that a young watch never loads numpy.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.turns import Words, nearest, transposed, words_of

if TYPE_CHECKING:
    import numpy as np

    from storage.bands import Bands

    Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

_PLAIN_UP_TO = 2_000
_FLAT_UP_TO = 1_000_000
_LOOSE_SHARE = 8
_CHUNK = 1 << 16
"""Hashes compared at a time: their words and distances stay in the processor's cache."""


class Fingerprints:
    """Grows by `add`, answers `near`. Not for several threads at once, but for `settle` beside `near`.

    36 bytes a hash; with bands 100.
    """

    def __init__(self, *, flat_up_to: int = _FLAT_UP_TO) -> None:
        self._words = tuple(array("Q") for _ in range(4))
        self._owners = array("I")
        self._bands: Bands | None = None
        self._flat_up_to = flat_up_to

    def __len__(self) -> int:
        return len(self._owners)

    @property
    def unsettled(self) -> bool:
        """Whether so many came lately that `settle` is due."""
        if len(self) <= self._flat_up_to:
            return False
        ordered = self._bands.count if self._bands is not None else 0
        return len(self) - ordered > max(self._flat_up_to // _LOOSE_SHARE, ordered // _LOOSE_SHARE)

    def add(self, pdq_hex: str, owner: int) -> None:
        """Make a hash findable. owner: a number of the caller's. Raises ValueError when it is no hash."""
        for column, word in zip(self._words, words_of(pdq_hex), strict=True):
            column.append(word)
        self._owners.append(owner)

    def extend(self, words: tuple[bytes, bytes, bytes, bytes], owners: bytes) -> None:
        """Many at once, as native 64-bit words by `turns.Words` and 32-bit owners."""
        for column, part in zip(self._words, words, strict=True):
            column.frombytes(part)
        self._owners.frombytes(owners)

    def settle(self) -> None:
        """Put all in bands; seconds for millions, best in a thread while nothing is added."""
        from storage import bands

        self._bands = bands.ordered(self._words)

    def bits(self, pdqs: Iterable[str], owner: int) -> int | None:
        """Smallest distance of one of these hashes, as it lies, to one of `owner`'s; None when it has none.

        Owners must have been added in ascending order.
        """
        begin, end = bisect_left(self._owners, owner), bisect_right(self._owners, owner)
        wanted = [words_of(pdq) for pdq in pdqs]
        return min(
            (
                sum((column[at] ^ word).bit_count() for column, word in zip(self._words, words, strict=True))
                for at in range(begin, end)
                for words in wanted
            ),
            default=None,
        )

    def near(self, pdq_hex: str, max_bits: int) -> list[tuple[int, int, int]]:
        """(distance in bits, owner, turn) of all within `max_bits` in any of the eight turns; exact."""
        wanted = words_of(pdq_hex)
        if len(self) <= _PLAIN_UP_TO and self._bands is None:
            return self._plain(wanted, max_bits)
        return self._fast(wanted, max_bits)

    def _plain(self, wanted: Words, max_bits: int) -> list[tuple[int, int, int]]:
        found = []
        a, b, c, d = wanted
        e, f, g, h = transposed(wanted)
        quarter = max_bits // 4
        for at, (w, x, y, z) in enumerate(zip(*self._words, strict=True)):
            best = (256, 0)
            straight = (w ^ a).bit_count(), (x ^ b).bit_count(), (y ^ c).bit_count(), (z ^ d).bit_count()
            if min(straight) <= quarter or max(straight) >= 64 - quarter:
                best = nearest(straight, transposed=False)
            across = (w ^ e).bit_count(), (x ^ f).bit_count(), (y ^ g).bit_count(), (z ^ h).bit_count()
            if min(across) <= quarter or max(across) >= 64 - quarter:
                best = min(best, nearest(across, transposed=True))
            if best[0] <= max_bits:
                found.append((best[0], self._owners[at], best[1]))
        return found

    def _fast(self, wanted: Words, max_bits: int) -> list[tuple[int, int, int]]:
        import numpy as np

        begin = 0
        ways = (wanted, transposed(wanted))
        columns = [np.frombuffer(column, dtype=np.uint64) for column in self._words]
        places: list[list[Numbers]] = [[], []]
        for number, way in enumerate(ways):
            if self._bands is not None and max_bits <= self._bands.reach_bits:
                begin = self._bands.count
                places[number].append(self._bands.candidates(way))
            places[number] += _near_by_word(columns, way, begin, max_bits)
        found: dict[int, tuple[int, int, int]] = {}
        for number, way in enumerate(ways):
            if places[number]:
                at = np.unique(np.concatenate(places[number]))
                for hit in self._measured(columns, at, way, max_bits, transposed=bool(number)):
                    place = hit[0]
                    if place not in found or hit[1:] < found[place]:
                        found[place] = hit[1:]
        del columns  # or the arrays could not grow any more
        return [(bits, owner, turn) for bits, turn, owner in found.values()]

    def _measured(
        self, columns: list[np.ndarray], at: Numbers, way: Words, max_bits: int, *, transposed: bool
    ) -> list[tuple[int, int, int, int]]:
        """(place, bits, turn, owner) of the candidates `at` that are within `max_bits`."""
        import numpy as np

        distances = np.empty((4, len(at)), dtype=np.uint8)
        for row, column, word in zip(distances, columns, way, strict=True):
            np.bitwise_count(column[at] ^ np.uint64(word), out=row)
        a, b, c, d = distances.astype(np.int16)
        least = np.minimum(
            np.minimum(a + b + c + d, 128 - a + b - c + d),
            np.minimum(128 - a - b + c + d, 128 + a - b - c + d),
        )
        found = []
        for number in np.flatnonzero(least <= max_bits):
            four = distances[:, number]
            bits, turn = nearest(
                (int(four[0]), int(four[1]), int(four[2]), int(four[3])), transposed=transposed
            )
            place = int(at[number])
            found.append((place, bits, turn, self._owners[place]))
        return found


def _near_by_word(columns: list[np.ndarray], way: Words, begin: int, max_bits: int) -> list[Numbers]:
    """Places from `begin` on where a word, or its complement, is within a quarter of `max_bits`."""
    import numpy as np

    count, quarter = len(columns[0]), max_bits // 4
    if quarter >= 31:
        return [np.arange(begin, count)]
    differing = np.empty(_CHUNK, dtype=np.uint64)
    distances, hits = np.empty(_CHUNK, dtype=np.uint8), np.empty(_CHUNK, dtype=np.bool_)
    found: list[Numbers] = []
    for start in range(begin, count, _CHUNK):
        size = min(_CHUNK, count - start)
        for column, word in zip(columns, way, strict=True):
            part = differing[:size]
            np.bitwise_xor(column[start : start + size], np.uint64(word), out=part)
            np.bitwise_count(part, out=distances[:size])
            # Unsigned: what is at most `quarter` wraps round to the far end, where its complement is.
            distances[:size] -= np.uint8(quarter + 1)
            np.greater(distances[:size], np.uint8(62 - 2 * quarter), out=hits[:size])
            where = np.flatnonzero(hits[:size])
            if len(where):
                found.append(where + start)
    return found
