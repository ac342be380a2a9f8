"""PDQ hashes of known pictures, asked about by many hashes at once: what a picture may have been.

A picture whose edges were cut off has another hash, and so has every guess at what was cut
(`watchers.picture_probes`): seventy hashes for one question. So these are compared with what is
known alone, all together. Exact within its limit, in all eight ways a picture can lie (`turns`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.turns import Words, nearest, transposed, words_of

if TYPE_CHECKING:
    import numpy as np

    Counts = np.ndarray[tuple[int, ...], np.dtype[np.int16]]

_CHUNK = 4096
"""Hashes compared at a time: with a dozen questions two ways round that is a megabyte of distances."""


class Marked:
    """Grows by `add`, answers `near`. Not for several threads at once. 36 bytes a hash."""

    def __init__(self) -> None:
        self._words = tuple(array("Q") for _ in range(4))
        self._owners = array("I")

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, pdq_hex: str, owner: int) -> None:
        """Make a hash findable. owner: a number of the caller's. Raises ValueError when it is no hash."""
        for column, word in zip(self._words, words_of(pdq_hex), strict=True):
            column.append(word)
        self._owners.append(owner)

    def near(self, pdqs: Sequence[str], max_bits: int) -> list[tuple[int, int, int]]:
        """(distance in bits, owner, turn) of each owner within `max_bits` of any of these hashes."""
        if not pdqs or not self._owners:
            return []
        import numpy as np

        straight = [words_of(pdq) for pdq in pdqs]
        asked = [*straight, *map(transposed, straight)]
        found: dict[int, tuple[int, int]] = {}
        columns = [np.frombuffer(column, dtype=np.uint64) for column in self._words]
        for begin in range(0, len(self), _CHUNK):
            four = _distances(asked, [column[begin : begin + _CHUNK] for column in columns])
            for way, at in np.argwhere(_least(four) <= max_bits):
                a, b, c, d = (int(one[way, at]) for one in four)
                hit = nearest((a, b, c, d), transposed=bool(way >= len(straight)))
                owner = self._owners[begin + int(at)]
                found[owner] = min(hit, found.get(owner, hit))
        del columns  # or the arrays could not grow any more
        return [(bits, owner, turn) for owner, (bits, turn) in found.items()]


def _distances(asked: Sequence[Words], columns: Sequence[np.ndarray]) -> list[Counts]:
    """Differing bits of each word: questions x kept hashes, four times."""
    import numpy as np

    words = np.array(asked, dtype=np.uint64)
    return [
        np.bitwise_count(words[:, at, None] ^ column).astype(np.int16) for at, column in enumerate(columns)
    ]


def _least(four: Sequence[Counts]) -> Counts:
    """The distance in the nearest of four turns: mirrored, a word is complemented (`turns.TURNS`)."""
    import numpy as np

    a, b, c, d = four
    least: Counts = np.minimum(
        np.minimum(a + b + c + d, 128 - a + b - c + d), np.minimum(128 - a - b + c + d, 128 + a - b - c + d)
    )
    return least
