"""The arrays behind `pacing`: learns from what was told, and allots the polls of the coming minute.

`learn`, `plan`, `packed` and `unpack` are for a thread, one at a time; `stir` may be called by the
loop meanwhile, since it only touches the last plan. No clock, no network, no files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from watchers import cadence
from watchers.allotment import Curves, Limits, Plan, Short, allot, answer, grid
from watchers.learning import BURST_S, HOURS, Estimate, Learner
from watchers.lifetimes import Floats
from watchers.lives import Lives
from watchers.situation import End, Situation, Told, Word
from watchers.turnover import Turnover

Indices = NDArray[np.intp]

STRETCH = 10.0
"""Nothing is polled more rarely than every ten of its intervals, so that nothing starves ..."""
LONGEST_S = 1_800.0
"""... nor than every half hour, unless it is configured so. Only the budgets themselves outrank this."""
AT_LEAST = 0.5
"""Of its host's limit that polls may always plan with: the gate gives them every second turn."""
FULL = 0.97
"""Of what is left of a budget that is short, so that polls need not queue for the rest."""
SETTLE_S = 300.0
"""A post that was taken from a listing counts as gone after so long, unless the vigil says it sooner."""
MOST_PENDING = 50_000
WISHES = 0.8
"""Of a budget that floors may use up, those of gaps and of short listings included."""
EASY_S = 300.0
"""Where all have room, what is expected of them is worked out anew this often: for `status` alone."""
GAPS_S, MOST_GAPS = 3_600.0, 10
"""Each gap of the last hour halves the longest interval of its target."""
MATES = 256
"""A host of more targets answers bursts at the next minute only."""
SPARE = 0.2
"""Of the overall budget that may be kept back for polls made beyond the last plan."""


@dataclass(slots=True)
class _Standing:
    """The plan in force. rows: targets in it; place: where each stands; full: by host, no room left."""

    rows: Indices
    place: dict[int, int]
    plan: Plan
    curves: Curves
    limits: Limits
    rate: Floats
    hotness: Floats
    full: NDArray[np.bool_]
    interval_s: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.interval_s = self.plan.interval_s.copy()


class Planner:
    """Of a fixed set of targets. night_hours: share of each local hour in its window, (24,) by target."""

    def __init__(
        self, names: Sequence[str], host: Sequence[int], night_hours: Sequence[Sequence[float]]
    ) -> None:
        self.names = tuple(names)
        self.row = {name: n for n, name in enumerate(names)}
        self._host = np.array(host, np.intp).reshape(len(names))
        night = np.array(night_hours, np.float64).reshape(len(names), HOURS)
        # All targets have few windows between them.
        self._nights, night_of = np.unique(night, axis=0, return_inverse=True)
        self._night_of: Indices = night_of.reshape(len(names))
        self._learner = Learner(names, host)
        self._lives = Lives(len(names))
        self._pending: dict[tuple[int, str], tuple[float, float]] = {}
        self._lengths: dict[int, tuple[int, int]] = {}
        self._window: dict[int, int] = {}
        """Posts on the listings from which some were pushed off: what is beyond is lost."""
        self._gaps: dict[int, list[float]] = {}
        self._standing: _Standing | None = None
        self._estimated_s = -math.inf

    # --- learning ---------------------------------------------------------------------

    def learn(self, told: Iterable[Told], ended: Iterable[End], hour: Sequence[int], now_s: float) -> None:
        """Take in what was told since the last time, in order."""
        self.take(told, hour)
        self.conclude(ended, now_s)

    def take(self, told: Iterable[Told], hour: Sequence[int]) -> None:
        """Take in a part of what was told; `conclude` follows the last one."""
        polls: list[tuple[int, float, float, int]] = []
        looked = self._lives.looked_s
        for name, at_s, turned in told:
            row = self.row.get(name)
            if row is None:
                continue
            before_s = float(looked[row])
            if turned is not None:
                self._turned(row, before_s, at_s, turned)
            if before_s > -math.inf:
                polls.append((row, at_s, at_s - before_s, len(turned.born) if turned is not None else 0))
            looked[row] = at_s
        if polls:
            rows, at, gap, fresh = (np.array(part) for part in zip(*polls, strict=True))
            self._learner.polled(rows, np.array(hour)[rows], at, gap, fresh.astype(np.float64))

    def conclude(self, ended: Iterable[End], now_s: float) -> None:
        """Take in which posts vanished, and learn of lives."""
        for name, post, seen_s, missing_s in ended:
            row = self.row.get(name)
            if row is not None:
                self._pending.pop((row, post), None)
                self._lives.gone(row, post, seen_s=seen_s, missing_s=missing_s)
        self._settle(now_s)
        self._lives.tell(self._learner, now_s)

    def _turned(self, row: int, before_s: float, at_s: float, turned: Turnover) -> None:
        for post in turned.born:
            self._lives.appeared(row, post, after_s=before_s, by_s=at_s)
        for post in turned.back:
            self._pending.pop((row, post), None)
            self._lives.back(row, post)
        for post in turned.rolled:
            self._lives.left(row, post)
        self._note_length(row, turned)
        if turned.gap:
            self._gaps.setdefault(row, []).append(at_s)
        for post in turned.taken:
            self._lives.missing(row, post)
            if len(self._pending) < MOST_PENDING:
                self._pending[row, post] = (before_s, at_s)

    def _note_length(self, row: int, turned: Turnover) -> None:
        """A listing that pushes posts off while it is as long as ever is full: what is beyond is lost."""
        before, widest = self._lengths.get(row, (0, 0))
        if turned.rolled and turned.shown == before and turned.shown >= widest:
            self._window[row] = turned.shown
        self._lengths[row] = turned.shown, max(widest, turned.shown)

    def _settle(self, now_s: float) -> None:
        """Posts that are missing for long are gone; those that went missing first stand first."""
        over = []
        for key, (_, missing_s) in self._pending.items():
            if now_s - missing_s < SETTLE_S:
                break
            over.append(key)
        for row, post in over:
            seen_s, missing_s = self._pending.pop((row, post))
            self._lives.gone(row, post, seen_s=seen_s, missing_s=missing_s)

    def night_over(self) -> None:
        """What is known counts a little less from now on."""
        self._learner.night_over()

    def packed(self) -> bytes:
        """All that was learned."""
        return self._learner.to_bytes()

    def unpack(self, packed: bytes) -> int:
        """Take over what was learned of targets of the same name; returns how many."""
        return self._learner.restore(packed)

    # --- planning ---------------------------------------------------------------------

    def plan(self, asked: Situation) -> list[Word]:
        """Allot the coming minute; the word on each target that does not rest, or none when all stays."""
        configured = np.array(asked.configured_s, np.float64)
        rows = np.flatnonzero(np.isfinite(configured))
        if not len(rows):
            self._standing = None
            return []
        shortest, host = configured[rows], self._host[rows]
        room, full = _rooms(asked, shortest, host)
        total, short = _total(asked, shortest)
        if self._is_easy(rows, shortest, asked.now_s, short=short or bool(full.any())):
            return []
        hours = np.array(asked.hour, np.intp)[rows]
        believed, rate, usual = self._believed(rows, hours, asked.now_s)
        longest = np.maximum(shortest, np.minimum(shortest * STRETCH, LONGEST_S))
        limits = Limits(host=host, shortest_s=shortest, longest_s=longest, host_per_s=room, total_per_s=total)
        limits = replace(limits, longest_s=self._longest(rows, usual, limits, asked.now_s))
        points = grid(limits)
        met, lost = believed.curves(points)
        curves = Curves(interval_s=points, met=met[rows], lost=lost[rows])
        made = allot(rate, curves, limits)
        self._standing = standing = _Standing(
            rows=rows,
            place={int(row): n for n, row in enumerate(rows)},
            plan=made,
            curves=curves,
            limits=limits,
            rate=rate.copy(),
            hotness=self._learner.hotness(rows),
            full=full,
        )
        standing.interval_s[made.short == Short.OWN] = shortest[made.short == Short.OWN]
        return self._words(standing, usual, hours)

    def _believed(self, rows: Indices, hours: Indices, now_s: float) -> tuple[Estimate, Floats, Floats]:
        """(what is believed of all, rates now, usual rates of these) each in its own local hour."""
        common = int(np.bincount(hours).argmax())
        believed = self._learner.estimate(common, now_s)
        profile = self._learner.profile[rows]
        there = believed.usual_per_s[rows]
        usual = there / profile[:, common] * profile[np.arange(len(rows)), hours]
        return believed, np.maximum(believed.rate_per_s[rows] - there + usual, 0.0), usual

    def _is_easy(self, rows: Indices, shortest: Floats, now_s: float, *, short: bool) -> bool:
        """Whether all keep what is configured, as before, and were estimated a moment ago."""
        before = self._standing
        easy = not short and before is not None and np.array_equal(before.rows, rows)
        if easy and before is not None:
            easy = bool((before.interval_s == shortest).all()) and now_s - self._estimated_s < EASY_S
        if not easy:
            self._estimated_s = now_s
        return easy

    def _longest(self, rows: Indices, usual: Floats, limits: Limits, now_s: float) -> Floats:
        """The floors: of each target, what its listing's length allows, and shorter after gaps.

        These wishes are met out of what the floors of all others leave, so that nobody starves for them.
        """
        floor, shortest = limits.longest_s, limits.shortest_s
        wish = floor.copy()
        self._gaps = {row: kept for row, at in self._gaps.items() if (kept := _recent(at, now_s))}
        for n, row in enumerate(rows.tolist()):
            if (window := self._window.get(row)) is not None:
                wish[n] = min(wish[n], cadence.window_interval(window, float(usual[n])))
            if gaps := self._gaps.get(row):
                wish[n] = cadence.after_gap(float(wish[n]), len(gaps), float(shortest[n]))
        least = 1.0 / floor
        more = 1.0 / np.clip(wish, shortest, floor) - least
        hosts = len(limits.host_per_s)
        asked, taken = (np.bincount(limits.host, part, hosts) for part in (more, least))
        spare = np.maximum(WISHES * limits.host_per_s - taken, 0.0)
        part = np.minimum(1.0, spare / np.maximum(asked, 1e-300))[limits.host]
        more *= part
        spare_in_all = max(WISHES * limits.total_per_s - float(least.sum()), 0.0)
        more *= min(1.0, spare_in_all / max(float(more.sum()), 1e-300))
        return np.asarray(1.0 / (least + more))

    def _words(self, standing: _Standing, usual: Floats, hours: Indices) -> list[Word]:
        rows = standing.rows
        profile = self._learner.profile[rows]
        now = profile[np.arange(len(rows)), hours]
        nightly = (profile * self._nights[self._night_of[rows]]).sum(1)
        whole = usual / np.maximum(now, 1e-9) * nightly * 3_600.0
        parts = (rows, standing.interval_s, standing.plan.met, standing.plan.short, whole)
        return [
            Word(row=row, interval_s=interval, met=met, short=Short(short), posts=posts)
            for row, interval, met, short, posts in zip(*(part.tolist() for part in parts), strict=True)
        ]

    # --- bursts -----------------------------------------------------------------------

    def stir(self, row: int, fresh: int) -> list[tuple[int, float]]:
        """A target shows so many new posts: (target, interval) of those whose interval changes at once.

        Where the host has room, at the plan's own price; where it is used up, its other targets
        give way.
        """
        standing = self._standing
        place = standing.place.get(row) if standing is not None else None
        if standing is None or place is None:
            return []
        standing.rate[place] += fresh * standing.hotness[place] / BURST_S
        if standing.interval_s[place] <= standing.limits.shortest_s[place]:
            return []
        host = int(standing.limits.host[place])
        if standing.full[host]:
            return self._give_way(standing, host)
        at = np.array([place])
        wanted = answer(standing.plan, standing.curves, standing.limits, at, standing.rate[at])
        return _changed(standing, at, np.minimum(wanted, standing.interval_s[at]))

    def _give_way(self, standing: _Standing, host: int) -> list[tuple[int, float]]:
        at = np.flatnonzero(standing.limits.host == host)
        if len(at) > MATES:
            return []
        room = float((1.0 / standing.interval_s[at]).sum())
        limits = Limits(
            host=np.zeros(len(at), np.intp),
            shortest_s=standing.limits.shortest_s[at],
            longest_s=standing.limits.longest_s[at],
            host_per_s=np.array([room]),
            total_per_s=room,
        )
        own = standing.curves
        curves = Curves(interval_s=own.interval_s, met=own.met[at], lost=own.lost[at])
        return _changed(standing, at, allot(standing.rate[at], curves, limits).interval_s)


def _recent(at_s: list[float], now_s: float) -> list[float]:
    return [at for at in at_s[-MOST_GAPS:] if now_s - at < GAPS_S]


def _changed(standing: _Standing, at: Indices, wanted: Floats) -> list[tuple[int, float]]:
    moved = [
        (int(standing.rows[n]), new)
        for n, new in zip(at.tolist(), wanted.tolist(), strict=True)
        if abs(new / standing.interval_s[n] - 1.0) > 0.01
    ]
    standing.interval_s[at] = wanted
    return moved


def _rooms(asked: Situation, shortest: Floats, host: Indices) -> tuple[Floats, NDArray[np.bool_]]:
    """(polls/s that each host has room for, which hosts cannot take all that is configured)."""
    limit = np.maximum(np.array(asked.host_per_s, np.float64), 1e-6)
    left = np.maximum(limit - np.array(asked.others_per_s, np.float64), limit * AT_LEAST)
    wanted = np.bincount(host, 1.0 / shortest, len(limit))
    full = wanted > left * 1.000001
    return np.where(full, left * FULL, np.maximum(left, wanted * 1.00001)), full


def _total(asked: Situation, shortest: Floats) -> tuple[float, bool]:
    """(polls/s that the whole watch has room for, whether that is less than is configured)."""
    left = max(asked.total_per_s - asked.others_in_all_per_s, asked.total_per_s * AT_LEAST)
    wanted = float((1.0 / shortest).sum())
    if wanted <= left * 1.000001:
        return wanted * 1.00001, False
    left *= FULL
    return left - min(max(asked.overspent, 0.0) / asked.span_s, SPARE * left), True
