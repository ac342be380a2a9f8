"""One simulated night under one way of choosing intervals, for `bench allotment`.

Every target is polled at its own interval; a change of interval keeps the share still to wait, as
`watchers.cadence.moved` does. The policy is told what its own polls see and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench._sellers import MINUTES, Floats, Indices, Market, Posts

SETTLE_S = 120.0
"""A vanishing is certain only after the confirming looks."""
TAIL_MINUTES = 12
"""Minutes without new posts at the end, so that every post has a poll after it."""
MOST_POLLS = 2_000


class Policy(Protocol):
    """Decides intervals; is told what its own polls see."""

    def plan(self, minute: int, budget_per_s: float) -> tuple[Floats, Floats]:
        """(intervals, expected share met) for the coming minute (n,)."""

    def polled(
        self, rows: Indices, at_s: Floats, gap_s: Floats, fresh: Floats, minute: int
    ) -> tuple[Floats, Floats] | None:
        """A round of polls; (intervals, expected share met) of these rows from now on, or None."""

    def caught(self, row: int, post: int, after_s: float, by_s: float) -> None:
        """A new post."""

    def missing(self, row: int, post: int) -> None:
        """A post that was caught is not shown any more."""

    def vanished(self, row: int, post: int, seen_s: float, missing_s: float) -> None:
        """The end of a post that was caught, confirmed."""


@dataclass
class Played:
    """What one policy's night came to. busiest: a minute's polls by what its budget allows.

    Post by post: met, it was there at the poll after its birth; wait_s, from birth to that poll; shown,
    the share that was expected to be met when it was born.
    """

    polls: int = 0
    busiest: float = 0.0
    by_target: Indices = field(default_factory=lambda: np.zeros(0, np.intp))
    met: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    wait_s: Floats = field(default_factory=lambda: np.zeros(0))
    shown: Floats = field(default_factory=lambda: np.zeros(0))


class Night:
    """Plays one night under one policy."""

    def __init__(
        self, market: Market, posts: Posts, policy: Policy, budget_per_s: float, *, every: int = 1
    ) -> None:
        """every: minutes between two plans."""
        count = len(market.host)
        self.posts, self.policy, self.budget, self.every = posts, policy, budget_per_s, every
        self.last = np.zeros(count)
        self.interval = np.ones(count)
        self.expected = np.zeros(count)
        self.due = np.zeros(count)
        self.next_post = posts.first[:-1].copy()
        self.looks = np.full((count, MOST_POLLS), np.inf)
        self.number = np.zeros(count, np.intp)
        self.open: list[int] = []
        size = len(posts.target)
        self.played = Played(
            by_target=self.number,
            met=np.zeros(size, np.bool_),
            wait_s=np.full(size, np.inf),
            shown=np.zeros(size),
        )
        self.born_s = np.append(posts.born_s, np.inf)

    def play(self) -> Played:
        """All minutes of the night; what was overspent in one is taken off the next."""
        debt = 0.0
        for minute in range(MINUTES + TAIL_MINUTES):
            spare = min(debt / 60, 0.2 * self.budget)
            if minute % self.every == 0:
                self._replan(minute, *self.policy.plan(minute, self.budget - spare))
            polls = self._minute(minute)
            self.played.polls += polls
            if minute >= TAIL_MINUTES:  # the first round falls as the phases were drawn
                self.played.busiest = max(self.played.busiest, polls / 60 / self.budget)
            debt = max(debt + polls - self.budget * 60, 0.0)
            self._deaths((minute + 1) * 60.0)
        return self.played

    def _replan(self, minute: int, intervals: Floats, expected: Floats) -> None:
        now = minute * 60.0
        if minute == 0:
            share = (np.arange(len(intervals)) * 0.6180339887) % 1.0
        else:
            share = np.clip((self.due - now) / self.interval, 0.0, 1.0)
        self.due = now + share * intervals
        self.interval, self.expected = intervals.copy(), expected.copy()

    def _minute(self, minute: int) -> int:
        polls, end = 0, (minute + 1) * 60.0
        while len(rows := np.flatnonzero(self.due < end)):
            polls += len(rows)
            at = self.due[rows]
            gap = at - self.last[rows]
            fresh = self._look(rows, at)
            self.looks[rows, self.number[rows]] = at
            self.number[rows] += 1
            self.last[rows] = at
            told = self.policy.polled(rows, at, gap, fresh, minute)
            if told is not None:
                self.interval[rows], self.expected[rows] = told
            self.due[rows] = at + self.interval[rows]
        return polls

    def _look(self, rows: Indices, at: Floats) -> Floats:
        fresh = np.zeros(len(rows))
        posts = self.posts
        while True:
            post = self.next_post[rows]
            here = np.flatnonzero((post < posts.first[rows + 1]) & (self.born_s[post] <= at))
            if not len(here):
                return fresh
            post, row, now = post[here], rows[here], at[here]
            alive = posts.died_s[post] > now
            self.played.met[post] = alive
            self.played.wait_s[post] = now - posts.born_s[post]
            self.played.shown[post] = self.expected[row]
            fresh[here] += alive
            self.next_post[row] += 1
            for p, r, t in zip(post[alive].tolist(), row[alive].tolist(), now[alive].tolist(), strict=True):
                self.policy.caught(r, p, float(self.last[r]), t)
                self.open.append(p)

    def _deaths(self, now: float) -> None:
        if not self.open:
            return
        open_ = np.array(self.open)
        target = self.posts.target[open_]
        died = self.posts.died_s[open_]
        doubtful = np.flatnonzero(self.last[target] >= died)
        for post, row in zip(open_[doubtful].tolist(), target[doubtful].tolist(), strict=True):
            self.policy.missing(row, post)
        over = (died + SETTLE_S <= now) & (self.last[target] >= died)
        for post, row, end in zip(
            open_[over].tolist(), target[over].tolist(), died[over].tolist(), strict=True
        ):
            at = int(np.searchsorted(self.looks[row], end))
            self.policy.vanished(row, post, float(self.looks[row, at - 1]), float(self.looks[row, at]))
        self.open = open_[~over].tolist()
