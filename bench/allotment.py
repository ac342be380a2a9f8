"""What learned allotment catches at a third of the needed budget, beside even polling and an oracle.

Twenty nights of simulated sellers (`bench/_sellers.py`), the same posts for all three. Even polling
stretches every interval alike, the oracle knows every rate by the minute, every burst and
every distribution of lifetimes; the learner begins with nothing and sees what its own polls show it.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from bench import _sellers as sellers
from bench._sellers import FIRST_HOUR, MINUTES, Floats, Indices, Market, Posts
from bench.figures import Figure, Result
from watchers.allotment import Curves, Limits, Plan, allot, answer, grid, met_at, uniform
from watchers.learning import BURST_S, Learner
from watchers.lives import Lives

NAME = "allotment"
SUMMARY = "learned allotment at a third of the budget against even polling and an oracle (--seed N)"
STRETCH = 10.0
"""Longest interval: ten times the configured one."""
DAY_S = 86_400.0
SETTLE_S = 120.0
"""A vanishing is certain only after the confirming looks."""
BINS = 12


class Policy(Protocol):
    """Decides intervals; is told what its own polls see."""

    def plan(self, minute: int, budget_per_s: float) -> tuple[Floats, Floats]:
        """(intervals, expected share met) for the coming minute (n,)."""

    def polled(self, rows: Indices, at_s: Floats, gap_s: Floats, fresh: Floats, minute: int) -> Floats | None:
        """A round of polls; new intervals for these rows, or None."""

    def caught(self, row: int, post: int, after_s: float, by_s: float) -> None:
        """A new post."""

    def missing(self, row: int, post: int) -> None:
        """A post that was caught is not shown any more."""

    def vanished(self, row: int, post: int, seen_s: float, missing_s: float) -> None:
        """The end of a post that was caught, confirmed."""


class Even:
    """Every interval stretched by the same factor."""

    def __init__(self, limits: Limits) -> None:
        self._interval_s = uniform(limits)

    def plan(self, minute: int, budget_per_s: float) -> tuple[Floats, Floats]:
        return self._interval_s, np.ones(len(self._interval_s))

    def polled(self, rows: Indices, at_s: Floats, gap_s: Floats, fresh: Floats, minute: int) -> Floats | None:
        return None

    def caught(self, row: int, post: int, after_s: float, by_s: float) -> None:
        """Nothing is learned."""

    def missing(self, row: int, post: int) -> None:
        """Nothing is learned."""

    def vanished(self, row: int, post: int, seen_s: float, missing_s: float) -> None:
        """Nothing is learned."""


class Oracle(Even):
    """Knows all that is true of each target, but not the posts it did not meet."""

    def __init__(self, limits: Limits, market: Market) -> None:
        self._limits, self._market = limits, market
        points = grid(limits)
        met, lost = sellers.met(market, points)
        self._curves = Curves(interval_s=points, met=met, lost=lost)
        self._ahead = sellers.burst_by_minute()
        self._plan: Plan | None = None
        self._rate = np.zeros((len(limits.host), 0))

    def begin(self, tonight: Posts) -> None:
        """Tonight's true rates by the minute, bursts left out."""
        spare = np.zeros((len(self._limits.host), len(self._ahead) + 1))
        self._rate = np.concatenate([tonight.base_per_s, spare], axis=1)

    def plan(self, minute: int, budget_per_s: float) -> tuple[Floats, Floats]:
        self._plan = allot(self._rate[:, minute], self._curves, _with_budget(self._limits, budget_per_s))
        return self._plan.interval_s, self._plan.met

    def polled(self, rows: Indices, at_s: Floats, gap_s: Floats, fresh: Floats, minute: int) -> Floats | None:
        assert self._plan is not None
        intervals, hot = self._plan.interval_s[rows], np.flatnonzero(fresh)
        if len(hot):
            stirred = rows[hot]
            brought = self._market.brings[stirred] * fresh[hot]
            self._rate[stirred, minute : minute + len(self._ahead)] += brought[:, None] * self._ahead
            worth = self._rate[stirred, minute]
            intervals[hot] = answer(self._plan, self._curves, self._limits, stirred, worth)
        return intervals


class Learned:
    """What the daemon does: learn, estimate, allot each minute, answer bursts in between."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        count = len(limits.host)
        self.learner = Learner([f"target {n}" for n in range(count)], limits.host)
        self.lives = Lives(count)
        self.night = -1
        self._points = grid(limits)
        self._plan: Plan | None = None
        self._curves: Curves | None = None
        self._rate = np.zeros(count)

    def begin(self) -> None:
        """Another night; posts of the last one are no longer followed."""
        if self.night >= 0:
            self.learner.night_over()
        self.night += 1
        self.lives = Lives(len(self._limits.host))

    def plan(self, minute: int, budget_per_s: float) -> tuple[Floats, Floats]:
        now_s = self._now(minute * 60.0)
        self.lives.tell(self.learner, now_s)
        believed = self.learner.estimate(FIRST_HOUR + minute // 60, now_s)
        met, lost = believed.curves(self._points)
        self._curves = Curves(interval_s=self._points, met=met, lost=lost)
        self._rate = believed.rate_per_s.copy()
        self._plan = allot(self._rate, self._curves, _with_budget(self._limits, budget_per_s))
        return self._plan.interval_s, self._plan.met

    def polled(self, rows: Indices, at_s: Floats, gap_s: Floats, fresh: Floats, minute: int) -> Floats | None:
        assert self._plan is not None
        assert self._curves is not None
        hour = np.full(len(rows), (FIRST_HOUR + minute // 60) % 24)
        self.learner.polled(rows, hour, self._now(at_s), gap_s, fresh)
        self.lives.looked_s[rows] = self._now(at_s)
        self._rate[rows] += fresh * self.learner.hotness(rows) / BURST_S
        intervals = self._plan.interval_s[rows]
        hot = np.flatnonzero(fresh)
        if len(hot):
            intervals = intervals.copy()
            worth = self._rate[rows[hot]]
            intervals[hot] = answer(self._plan, self._curves, self._limits, rows[hot], worth)
        return intervals

    def shown(self, interval_s: Floats) -> Floats:
        """Expected share met at these intervals (n,)."""
        assert self._curves is not None
        return met_at(self._curves, interval_s)

    def caught(self, row: int, post: int, after_s: float, by_s: float) -> None:
        self.lives.appeared(row, post, after_s=self._now(after_s), by_s=self._now(by_s))

    def missing(self, row: int, post: int) -> None:
        self.lives.missing(row, post)

    def vanished(self, row: int, post: int, seen_s: float, missing_s: float) -> None:
        self.lives.gone(row, post, seen_s=self._now(seen_s), missing_s=self._now(missing_s))

    def _now(self, night_s):
        return self.night * DAY_S + night_s


def _with_budget(limits: Limits, per_s: float) -> Limits:
    return Limits(
        host=limits.host, shortest_s=limits.shortest_s, longest_s=limits.longest_s,
        host_per_s=limits.host_per_s, total_per_s=per_s,
    )  # fmt: skip


@dataclass
class Played:
    """What one policy's night came to, post by post. met: it was there at the poll after its birth."""

    polls: int = 0
    busiest: float = 0.0
    met: np.ndarray = field(default_factory=lambda: np.zeros(0, np.bool_))
    wait_s: Floats = field(default_factory=lambda: np.zeros(0))
    shown: Floats = field(default_factory=lambda: np.zeros(0))


class Night:
    """Plays one night under one policy."""

    def __init__(self, market: Market, posts: Posts, policy: Policy, budget_per_s: float) -> None:
        count = len(market.host)
        self.posts, self.policy, self.budget = posts, policy, budget_per_s
        self.last = np.zeros(count)
        self.interval = np.ones(count)
        self.expected = np.zeros(count)
        self.due = np.zeros(count)
        self.next_post = posts.first[:-1].copy()
        self.looks = np.full((count, 2_000), np.inf)
        self.number = np.zeros(count, np.intp)
        self.open: list[int] = []
        size = len(posts.target)
        self.played = Played(0, 0.0, np.zeros(size, np.bool_), np.full(size, np.inf), np.zeros(size))

    def play(self) -> Played:
        """All minutes of the night and ten more, so that every post has a poll after it."""
        debt = 0.0
        for minute in range(MINUTES + 12):
            spare = min(max(debt / 60, 0.0), 0.2 * self.budget)
            intervals, expected = self.policy.plan(min(minute, MINUTES - 1) if minute >= MINUTES else minute,
                                                   self.budget - spare)
            self._replan(minute, intervals, expected)
            polls = self._minute(minute)
            self.played.polls += polls
            if minute > 5:
                self.played.busiest = max(self.played.busiest, polls / 60 / self.budget)
            debt += polls - self.budget * 60
            debt = max(debt, 0.0)
            self._deaths((minute + 1) * 60.0)
        return self.played

    def _replan(self, minute: int, intervals: Floats, expected: Floats) -> None:
        now = minute * 60.0
        if minute == 0:
            share = (np.arange(len(intervals)) * 0.6180339887) % 1.0
        else:
            share = np.clip((self.due - now) / self.interval, 0.0, 1.0)
        self.due = now + share * intervals
        self.interval, self.expected = intervals.copy(), expected

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
            told = self.policy.polled(rows, at, gap, fresh, min(minute, MINUTES - 1))
            if told is not None:
                self.interval[rows] = told
            self.due[rows] = at + self.interval[rows]
        return polls

    def _look(self, rows: Indices, at: Floats) -> Floats:
        fresh = np.zeros(len(rows))
        posts = self.posts
        born = np.append(posts.born_s, np.inf)
        while True:
            post = self.next_post[rows]
            here = np.flatnonzero((post < posts.first[rows + 1]) & (born[post] <= at))
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
        for post, row, end in zip(open_[over].tolist(), target[over].tolist(), died[over].tolist(), strict=True):
            at = int(np.searchsorted(self.looks[row], end))
            self.policy.vanished(row, post, float(self.looks[row, at - 1]), float(self.looks[row, at]))
        self.open = open_[~over].tolist()
