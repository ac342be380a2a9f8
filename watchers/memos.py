"""What is kept of feeds between two readings, bounded for each and for all of them. No I/O.

A feed that cannot be read piece by piece costs twice when it is tried, so it is tried ever
more rarely: after each failure twice as many readings are let go by.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from watchers.reading.anew import Memo

MOST_ITEMS = 200_000
"""Items kept over all feeds: about forty megabytes."""
MOST_FEEDS = 20_000
MOST_OF_ONE = 1_000
"""Items kept of one feed; a longer one is read as a whole."""
_RAREST = 64


@dataclass(slots=True)
class _Entry:
    """memo None: the feed could not be read so. skip: readings to let go by before the next try."""

    memo: Memo | None = None
    failures: int = 0
    skip: int = 0


class Memos:
    """The memos of all feeds, the longest unused forgotten first."""

    def __init__(self, most_items: int = MOST_ITEMS) -> None:
        self._most_items = most_items
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self.items = 0

    def find(self, feed: Hashable) -> tuple[bool, Memo | None]:
        """(whether `feed` is worth a try now, what was kept of it)."""
        entry = self._entries.get(feed)
        if entry is None:
            return True, None
        self._entries.move_to_end(feed)
        if entry.skip:
            entry.skip -= 1
            return False, None
        return True, entry.memo

    def keep(self, feed: Hashable, memo: Memo | None) -> None:
        """Keep what was read of `feed`; None, or a memo that uses nothing of the last one, is a failure."""
        entry = self._entries.setdefault(feed, _Entry())
        before = entry.memo
        failed = memo is None or (before is not None and before.frame != memo.frame)
        entry.failures = entry.failures + 1 if failed else 0
        entry.skip = min(2 ** min(entry.failures, 10), _RAREST) if failed else 0
        entry.memo = memo if memo is not None and len(memo.prints) <= MOST_OF_ONE else None
        self.items += _size(entry.memo) - _size(before)
        while self.items > self._most_items or len(self._entries) > MOST_FEEDS:
            _, old = self._entries.popitem(last=False)
            self.items -= _size(old.memo)


def _size(memo: Memo | None) -> int:
    return len(memo.prints) if memo is not None else 0
