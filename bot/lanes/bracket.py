"""Between which message ids a message lies whose answer was lost, and which of them are looked at. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

MOST = 40


@dataclass(frozen=True, slots=True)
class Bracket:
    """ids: in the order in which they are looked at. whole: whether none was left out."""

    ids: tuple[int, ...]
    whole: bool


def bracket(after: int, bound: int, known: Collection[int] = ()) -> Bracket:
    """Ids above `after` (0: not known) and below `bound`, without those known to be others.

    Of more than `MOST` the lowest and the highest are looked at: the message was sent when `after`
    was the newest, and the bound was made soon after it or after a long stop.
    """
    low = after + 1 if after > 0 else max(1, bound - MOST)
    found = [number for number in range(low, bound) if number not in known] if bound - low < 100_000 else []
    if not found and bound > low:
        found = [*range(low, low + MOST), *range(bound - MOST, bound)]
    if len(found) <= MOST:
        return Bracket(tuple(reversed(found)), whole=after > 0)
    half = MOST // 2
    return Bracket((*found[:half], *reversed(found[-half:])), whole=False)
