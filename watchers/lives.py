"""Posts that are being watched for their lifetime: what `Learner.fold` is told, and when.

A post's life is told in stretches: "still there" each time it has grown by a quarter, and once
"gone". So posts that still stand count as such, and learning does not believe only the dead.
Pure; not kept over a restart: a post that is forgotten is one whose end was never seen, which
biases nothing.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchers.learning import LONGEST_GAP_S, Learner
from watchers.lifetimes import Stretches

GROWTH = 1.25
OLDEST_S = 12 * 3_600.0
"""What stood a whole night is no longer followed: it says nothing of minutes."""
MOST = 200_000
"""Posts followed at once; further ones are not learned from."""


@dataclass(slots=True)
class _Life:
    target: int
    after_s: float
    by_s: float
    told_s: float
    doubtful: bool = False


_Stretch = tuple[int, float, float, float, float, bool]


class Lives:
    """The open lives. A post is named by its target's index and any id."""

    def __init__(self, targets: int) -> None:
        self.looked_s: NDArray[np.float64] = np.full(targets, -math.inf)
        """When each target's listing was last read well; the caller writes it."""
        self._open: dict[tuple[int, Hashable], _Life] = {}
        self._due: list[tuple[float, int, tuple[int, Hashable]]] = []
        self._told: list[_Stretch] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._open)

    def appeared(self, target: int, post: Hashable, *, after_s: float, by_s: float) -> None:
        """A post is shown at by_s that was not at after_s. One that is known is left alone."""
        key = (target, post)
        if key in self._open or len(self._open) >= MOST or not 0 < by_s - after_s <= LONGEST_GAP_S:
            return
        self._open[key] = _Life(target, after_s, by_s, by_s)
        self._push(key, by_s + 30.0)

    def gone(self, target: int, post: Hashable, *, seen_s: float, missing_s: float) -> None:
        """The post was there at seen_s and, as is certain, no more at missing_s."""
        life = self._open.pop((target, post), None)
        if life is None:
            return
        seen_s = max(seen_s, life.told_s)
        self._stay(life, seen_s)
        if seen_s < missing_s:
            self._told.append((target, life.after_s, life.by_s, seen_s, missing_s, True))

    def missing(self, target: int, post: Hashable) -> None:
        """The listing just read does not show it: nothing is told of it until `back` or `gone`."""
        life = self._open.get((target, post))
        if life is not None:
            life.doubtful = True

    def back(self, target: int, post: Hashable) -> None:
        """It was missing and is there after all."""
        life = self._open.get((target, post))
        if life is not None:
            life.doubtful = False

    def left(self, target: int, post: Hashable) -> None:
        """The post is no longer followed (rolled off the listing, its end unknown)."""
        self._open.pop((target, post), None)

    def tell(self, learner: Learner, now_s: float) -> None:
        """Hand over what ended, and what has grown enough, since the last time."""
        while self._due and self._due[0][0] <= now_s:
            _, _, key = heapq.heappop(self._due)
            life = self._open.get(key)
            if life is None:
                continue
            if not life.doubtful:
                self._stay(life, float(self.looked_s[life.target]))
            age_s = now_s - life.by_s
            if age_s < OLDEST_S:
                self._push(key, life.by_s + max(age_s, 30.0) * GROWTH)
            else:
                del self._open[key]
        if self._told:
            target, after, by, known, now, gone = (np.array(part) for part in zip(*self._told, strict=True))
            seen = Stretches(after_s=after, by_s=by, known_s=known, now_s=now, gone=gone)
            learner.fold(target, seen)
            self._told.clear()

    def _stay(self, life: _Life, until_s: float) -> None:
        if until_s > life.told_s:
            self._told.append((life.target, life.after_s, life.by_s, life.told_s, until_s, False))
            life.told_s = until_s

    def _push(self, key: tuple[int, Hashable], at_s: float) -> None:
        self._count += 1
        heapq.heappush(self._due, (at_s, self._count, key))
