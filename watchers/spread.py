"""Which share of its interval each target is polled at, so that no second has more polls than others. Pure.

Targets of the same interval and window share one sequence (`cadence.even_share`). Within it
those of one host stand side by side, so they are even for their host too. A target keeps its
share while it is watched; a number that became free is given out again first.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from storage.model import Target
from watchers import cadence


@dataclass(slots=True)
class _Sequence:
    """Numbers given out in one group."""

    used: int = 0
    free: list[int] = field(default_factory=list)

    def take(self) -> int:
        if self.free:
            return heapq.heappop(self.free)
        self.used += 1
        return self.used - 1


class Spread:
    """The shares of all targets that are watched."""

    def __init__(self) -> None:
        self._groups: dict[str, _Sequence] = {}
        self._places: dict[str, tuple[str, int]] = {}

    def share(self, name: str) -> float:
        """0 <= share < 1 of its interval. Raises KeyError for a target that has none."""
        return cadence.even_share(*self._places[name])

    def add(self, targets: Iterable[Target], host: Callable[[Target], str]) -> None:
        """Give each target a place; the order in which they come does not matter."""
        for target in sorted(targets, key=lambda t: (host(t), t.name)):
            group = f"{target.interval_s!r} {target.window}"
            self._places[target.name] = (group, self._groups.setdefault(group, _Sequence()).take())

    def drop(self, name: str) -> None:
        """A target is no longer watched; harmless when it was not."""
        place = self._places.pop(name, None)
        if place is not None:
            heapq.heappush(self._groups[place[0]].free, place[1])
