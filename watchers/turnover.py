"""What changed on a listing between two good polls, in the words that learning needs. Pure.

For statistics only: what a listing says of a vanishing is never evidence (`presence`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """Ids by what became of them. born: posted since. back: listed again. taken: removed by somebody.

    rolled: pushed off the end, alive or not. shown: how many are listed. gap: no id that was known is
    shown any more.
    """

    born: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    rolled: tuple[str, ...] = ()
    shown: int = 0
    gap: bool = False


def turnover(before: Sequence[str], shown: Sequence[str], fresh: Collection[str], *, gap: bool) -> Turnover:
    """before, shown: ids in page order at the last good poll and now; fresh: those never met until now.

    Where posts left the page, old ones move up from pages that nobody read: what is fresh at the
    very end of the page was uncovered, not posted. What left from the end was pushed off when
    others came or the page stayed as long; a page that only grew shorter lost it otherwise.
    """
    old, here = frozenset(before), frozenset(shown)
    dropped = [post for post in before if post not in here]
    uncovered: set[str] = set()
    if dropped and not gap:
        uncovered = set(takewhile(lambda post: post not in old, reversed(shown)))
    entered = [post for post in shown if post not in old and post not in uncovered]
    last = set(takewhile(lambda post: post not in here, reversed(before)))
    if not entered and len(here) < len(old) and not gap:
        last = set()
    return Turnover(
        born=tuple(post for post in entered if post in fresh),
        back=tuple(post for post in shown if post not in old and post not in fresh),
        taken=tuple(post for post in dropped if post not in last),
        rolled=tuple(post for post in dropped if post in last),
        shown=len(here),
        gap=gap,
    )
