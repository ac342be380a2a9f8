"""One heap of due times for everything that waits for an instant. Pure: no clock, no loop.

What waits costs one entry of the heap and no task (facts/monitoring.md, section 10). A key
has one due time at most; moving or dropping one leaves its old entry in the heap, to be
passed over when it comes up, and the heap is built anew when such entries prevail.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator

EARLY_S = 0.0005
"""A loop's timer may fire by so much before its instant: waking twice for it is waste."""
_LEAST_STALE = 64


class Schedule:
    """Keys and the monotonic seconds at which they are due; equal instants in the order they came."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._current: dict[str, tuple[float, int]] = {}
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._current)

    def __contains__(self, key: str) -> bool:
        return key in self._current

    def put(self, key: str, due_s: float) -> None:
        """`key` is due at `due_s`, whatever was said of it before. Raises ValueError on NaN."""
        if math.isnan(due_s):
            raise ValueError("a due time must be a number")
        mark = next(self._count)
        self._current[key] = (due_s, mark)
        heapq.heappush(self._heap, (due_s, mark, key))
        if len(self._heap) > 2 * len(self._current) + _LEAST_STALE:
            self._heap = [(due, mark, key) for key, (due, mark) in self._current.items()]
            heapq.heapify(self._heap)

    def drop(self, key: str) -> None:
        """`key` is not due any more; harmless when it was not."""
        self._current.pop(key, None)

    def next_s(self) -> float:
        """When the next key is due; infinite when there is none."""
        while self._heap:
            due_s, mark, key = self._heap[0]
            if self._current.get(key) == (due_s, mark):
                return due_s
            heapq.heappop(self._heap)
        return math.inf

    def due(self, now_s: float) -> Iterator[tuple[str, float]]:
        """Take out what is due by `now_s` as (key, due time), earliest first."""
        while self.next_s() <= now_s + EARLY_S:
            due_s, _, key = heapq.heappop(self._heap)
            del self._current[key]
            yield key, due_s
