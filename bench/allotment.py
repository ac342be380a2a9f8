"""What learned allotment catches at a third of the needed budget, beside even polling and an oracle.

Twenty nights of simulated sellers (`bench/_sellers.py`), the same posts for all three. Even polling
stretches every interval alike. The oracle is told all that is true of each target: its rate
tonight by the minute, its bursts, its distribution of lifetimes; it solves the same programme.
The learner begins with nothing and sees what its own polls show.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from bench import _sellers as sellers
from bench._polling import TAIL_MINUTES, Night, Played, Policy
from bench._sellers import FIRST_HOUR, MINUTES, NIGHT_S, Floats, Indices, Market, Posts
from bench.figures import Figure, Result
from watchers.allotment import Curves, Limits, Plan, allot, answer, grid, met_at, uniform
from watchers.learning import BURST_S, Learner
from watchers.lives import Lives

NAME = "allotment"
SUMMARY = "learned allotment at a third of the budget against even polling and an oracle (--seed N)"
STRETCH = 10.0
"""Longest interval: ten times the configured one."""
DAY_S = 86_400.0
BINS = 12
KNOWN_POSTS = 100
"""Posts from which on a target's own calibration is told."""


class Even:
    """Every interval stretched by the same factor."""

    def __init__(self, limits: Limits) -> None:
        self._interval_s = uniform(limits)

    def plan(self, minute: int, budget_per_s: float) -> tuple[Floats, Floats]:  # noqa: ARG002
        return self._interval_s, np.ones(len(self._interval_s))

    def polled(
        self,
        rows: Indices,  # noqa: ARG002
        at_s: Floats,  # noqa: ARG002
        gap_s: Floats,  # noqa: ARG002
        fresh: Floats,  # noqa: ARG002
        minute: int,  # noqa: ARG002
    ) -> tuple[Floats, Floats] | None:
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
        after = np.repeat(tonight.base_per_s[:, -1:], TAIL_MINUTES + len(self._ahead), axis=1)
        self._rate = np.concatenate([tonight.base_per_s, after], axis=1)

    def plan(self, minute: int, budget_per_s: float) -> tuple[Floats, Floats]:
        self._plan = allot(self._rate[:, minute], self._curves, _with_budget(self._limits, budget_per_s))
        return self._plan.interval_s, self._plan.met

    def polled(
        self,
        rows: Indices,
        at_s: Floats,  # noqa: ARG002
        gap_s: Floats,  # noqa: ARG002
        fresh: Floats,
        minute: int,
    ) -> tuple[Floats, Floats] | None:
        assert self._plan is not None
        hot = np.flatnonzero(fresh)
        stirred = rows[hot]
        brought = self._market.brings[stirred] * fresh[hot]
        self._rate[stirred, minute : minute + len(self._ahead)] += brought[:, None] * self._ahead
        intervals = self._plan.interval_s[rows]
        intervals[hot] = answer(self._plan, self._curves, self._limits, stirred, self._rate[stirred, minute])
        return intervals, met_at(self._curves, intervals, rows)


class Learned(Even):
    """What the daemon does: learn, estimate, allot each minute, answer bursts in between."""

    def __init__(self, limits: Limits) -> None:
        count = len(limits.host)
        self._limits = limits
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
        now_s = self._at(minute * 60.0)
        self.lives.tell(self.learner, now_s)
        believed = self.learner.estimate(FIRST_HOUR + min(minute, MINUTES - 1) // 60, now_s)
        met, lost = believed.curves(self._points)
        self._curves = Curves(interval_s=self._points, met=met, lost=lost)
        self._rate = believed.rate_per_s.copy()
        self._plan = allot(self._rate, self._curves, _with_budget(self._limits, budget_per_s))
        return self._plan.interval_s, self._plan.met

    def polled(
        self, rows: Indices, at_s: Floats, gap_s: Floats, fresh: Floats, minute: int
    ) -> tuple[Floats, Floats] | None:
        assert self._plan is not None
        assert self._curves is not None
        if minute < MINUTES:
            hour = np.full(len(rows), (FIRST_HOUR + minute // 60) % 24)
            self.learner.polled(rows, hour, self._now(at_s), gap_s, fresh)
            self.lives.looked_s[rows] = self._now(at_s)
        self._rate[rows] += fresh * self.learner.hotness(rows) / BURST_S
        intervals, hot = self._plan.interval_s[rows], np.flatnonzero(fresh)
        worth = self._rate[rows[hot]]
        intervals[hot] = answer(self._plan, self._curves, self._limits, rows[hot], worth)
        return intervals, met_at(self._curves, intervals, rows)

    def caught(self, row: int, post: int, after_s: float, by_s: float) -> None:
        self.lives.appeared(row, post, after_s=self._at(after_s), by_s=self._at(by_s))

    def missing(self, row: int, post: int) -> None:
        self.lives.missing(row, post)

    def vanished(self, row: int, post: int, seen_s: float, missing_s: float) -> None:
        self.lives.gone(row, post, seen_s=self._at(seen_s), missing_s=self._at(missing_s))

    def _at(self, night_s: float) -> float:
        return self.night * DAY_S + night_s

    def _now(self, night_s: Floats) -> Floats:
        return self.night * DAY_S + night_s


def _with_budget(limits: Limits, per_s: float) -> Limits:
    return Limits(
        host=limits.host, shortest_s=limits.shortest_s, longest_s=limits.longest_s,
        host_per_s=limits.host_per_s, total_per_s=per_s,
    )  # fmt: skip


class Trial:
    """The same nights for the three, and what came of them."""

    def __init__(self, seed: int, targets: int, nights: int, oracle_nights: int, *, every: int = 1) -> None:
        """every: minutes between two plans."""
        self.random = np.random.default_rng(seed)
        self.market = sellers.market(self.random, targets)
        self.nights, self.oracle_nights, self.every = nights, oracle_nights, every
        self.budget = float((1 / self.market.interval_s).sum()) / 3
        self.limits = Limits(
            host=self.market.host,
            shortest_s=self.market.interval_s,
            longest_s=self.market.interval_s * STRETCH,
            host_per_s=self.market.host_per_s,
            total_per_s=self.budget,
        )
        self.even, self.learned = Even(self.limits), Learned(self.limits)
        self.misses: list[tuple[int, int]] = []
        self.shares: dict[int, tuple[float, float]] = {}
        self.posts: list[Posts] = []
        self.played: list[Played] = []
        self.polls = self.even_polls = 0

    def play(self) -> None:
        """All nights; a line for each on standard error."""
        oracle = Oracle(self.limits, self.market)
        for night in range(1, self.nights + 1):
            tonight = sellers.posts(self.market, self.random)
            self.learned.begin()
            even, ours = (
                Night(self.market, tonight, p, self.budget).play() for p in (self.even, self.learned)
            )
            self._note(tonight, even, ours)
            if night <= self.oracle_nights:
                oracle.begin(tonight)
                best = self._night(tonight, oracle)
                lost = [self._expected_misses(tonight, played) for played in (even, ours, best)]
                self.shares[night] = (lost[0] - lost[1], lost[0] - lost[2])
            print(f"night {night}: {len(tonight.target)} posts, even misses {self.misses[-1][0]}, "
                  f"learned {self.misses[-1][1]}", file=sys.stderr)  # fmt: skip

    def upset(self) -> float:
        """Misses by even polling's on one more night, all that was learned being of other targets by then."""
        self.market = sellers.dealt_anew(self.market, self.random)
        tonight = sellers.posts(self.market, self.random)
        self.learned.begin()
        even, ours = (self._night(tonight, policy) for policy in (self.even, self.learned))
        return float((~ours.met).sum() / (~even.met).sum())

    def _night(self, tonight: Posts, policy: Policy) -> Played:
        return Night(self.market, tonight, policy, self.budget, every=self.every).play()

    def _note(self, tonight: Posts, even: Played, ours: Played) -> None:
        self.misses.append((int((~even.met).sum()), int((~ours.met).sum())))
        self.posts.append(tonight)
        self.played.append(ours)
        self.polls, self.even_polls = self.polls + ours.polls, self.even_polls + even.polls

    def _expected_misses(self, tonight: Posts, played: Played) -> float:
        """By the true chance of each post at its poll: without the luck of the draw."""
        return float(sellers.missed(self.market, tonight.target, played.wait_s).sum())

    def share(self, first: int, last: int) -> float:
        """Share of the oracle's gain over these nights."""
        gains = [self.shares[night] for night in range(first, last + 1) if night in self.shares]
        return sum(ours for ours, _ in gains) / sum(best for _, best in gains) if gains else float("nan")

    def fullest_host(self) -> float:
        """Requests to a host by what its limit allows: the highest of all nights."""
        allowed = self.market.host_per_s * (NIGHT_S + TAIL_MINUTES * 60)
        sums = [np.bincount(self.market.host, p.by_target, len(allowed)) / allowed for p in self.played]
        return float(np.max(sums))

    def worst_bin(self) -> float:
        """Points between shown and met in the worst of BINS parts of equal size."""
        shown = np.concatenate([played.shown for played in self.played])
        met = np.concatenate([played.met for played in self.played])
        order = np.argsort(shown, kind="stable")
        parts = zip(np.array_split(shown[order], BINS), np.array_split(met[order], BINS), strict=True)
        return max(abs(float(s.mean() - m.mean())) for s, m in parts) * 100

    def by_target(self) -> Floats:
        """The same for each target with KNOWN_POSTS posts, beside the true chance of its posts."""
        target = np.concatenate([posts.target for posts in self.posts])
        shown = np.concatenate([played.shown for played in self.played])
        wait = np.concatenate([played.wait_s for played in self.played])
        off = 1 - sellers.missed(self.market, target, wait) - shown
        number = np.bincount(target)
        mean = np.bincount(target, off) / np.maximum(number, 1)
        return np.abs(mean[number >= KNOWN_POSTS]) * 100


def solve_times(count: int = 10_000, hosts: int = 5_000) -> tuple[float, float]:
    """Seconds to allot, and to estimate, for so many targets: medians of five."""
    random = np.random.default_rng(3)
    host = random.integers(0, hosts, count)
    shortest = random.choice([30.0, 60.0], count)
    limits = Limits(
        host=host,
        shortest_s=shortest,
        longest_s=shortest * STRETCH,
        host_per_s=np.where(random.random(hosts) < 0.2, 0.02, 1.0),
        total_per_s=float((1 / shortest).sum()) / 3,
    )
    learner = Learner([f"target {n}" for n in range(count)], host)
    learner.likely -= random.gamma(1.0, 3.0, learner.likely.shape)
    points = grid(limits)
    rate = np.exp(random.normal(-8.0, 1.5, count))
    met, lost = learner.estimate(22, 0.0).curves(points)
    curves = Curves(interval_s=points, met=met, lost=lost)
    solve = _median_s(lambda: allot(rate, curves, limits))
    return solve, _median_s(lambda: learner.estimate(22, 0.0).curves(points))


def _median_s(work: Callable[[], object]) -> float:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def figures(trial: Trial) -> tuple[Figure, ...]:
    """What the trial came to."""
    even, ours = (sum(night[n] for night in trial.misses) for n in (0, 1))
    worst = max(ours / even for even, ours in trial.misses)
    own, fullest = trial.by_target(), trial.fullest_host()
    upset = trial.upset()
    solve_s, estimate_s = solve_times()
    return (
        Figure("misses by even polling's", ours / even, 0.55, "at most", note=f"{ours} and {even} posts"),
        Figure("worst night by even polling's", worst, 1.02, "at most"),
        Figure("a night on which all is otherwise", upset, note="rates and lives dealt anew"),
        Figure("share of the oracle's gain, night 2", trial.share(2, 2), 0.9, note="after one night"),
        Figure("share of it, night 1", trial.share(1, 1), note="nothing known before"),
        Figure(f"share of it, nights 2 to {trial.oracle_nights}", trial.share(2, trial.oracle_nights)),
        Figure("shown and met apart, worst part", trial.worst_bin(), 3.0, "at most", "points"),
        Figure(
            "the same by target, 95th percentile", float(np.quantile(own, 0.95)), 3.0, "at most", "points"
        ),
        Figure("the same by target, worst", float(own.max()), unit="points", note=f"of {len(own)}"),
        Figure("polls by even polling's", trial.polls / trial.even_polls, 1.0, "at most"),
        Figure("busiest minute by the budget", max(played.busiest for played in trial.played)),
        Figure("fullest host by its limit", fullest, 1.01, "at most"),
        Figure("allot 10,000 targets on 5,000 hosts", solve_s, 0.5, "at most", "s"),
        Figure("estimate them before", estimate_s, unit="s"),
    )


def run(args: list[str]) -> Result:
    """`--seed N`, `--nights N`, `--targets N`; `--oracle-nights N`: on the first N the oracle plays too."""
    options = argparse.ArgumentParser(prog="./nightjar bench allotment")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--nights", type=int, default=20)
    options.add_argument("--targets", type=int, default=600)
    options.add_argument("--oracle-nights", type=int, default=5)
    chosen = options.parse_args(args)
    trial = Trial(chosen.seed, chosen.targets, chosen.nights, min(chosen.oracle_nights, chosen.nights))
    trial.play()
    hosts = int(trial.market.host.max()) + 1
    return Result(
        figures(trial),
        (
            f"seed {chosen.seed}: {chosen.targets} targets on {hosts} hosts, {chosen.nights} nights",
            f"{sum(len(posts.target) for posts in trial.posts)} posts; budget {trial.budget:.2f} requests/s",
            "shares of the gain are of expected misses, by each post's true chance at its poll",
        ),
    )
