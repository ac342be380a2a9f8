"""Adaptive cadence: learns from polls and vigil, and stretches intervals where budgets are short.

    polls, vanishings -> `polled`, `vanished` -> once a minute, in a thread: `planner` -> `interval_s`

A target whose host and whose night have room keeps its configured interval exactly. Only where
they have not, intervals are stretched so that most posts are caught (`allotment`). What a poll
pays here is an entry in a list; all else happens once a minute, or when new posts are met on a
target that is short. What was learned outlives a restart (`learned`).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog

from storage.clock import Clock
from storage.model import HostLimit, Pace, Progress, Target
from storage.threads import in_thread
from watchers.budgets import Asked, Nights, Others, Places
from watchers.learned import made, write
from watchers.situation import End, Situation, Told, Word
from watchers.turnover import Turnover

if TYPE_CHECKING:
    from watchers.planner import Planner

log = structlog.get_logger(__name__)

EVERY_S = 60.0
SAVE_S = 600.0
MOST_TOLD = 500_000
SLICE = 500
"""Targets told of their intervals before the loop gets its turn."""
PART = 2_000
"""Polls learned from before the loop gets its turn: a thread that computes is a loop at half its pace."""
LONGEST_NIGHT = timedelta(hours=25)
SHIFT = 0.01
"""Smaller changes of an interval are none."""


class Paced(Protocol):
    """A watch, as far as pacing is concerned."""

    progress: Progress

    def paced(self, pace: Pace) -> None:
        """Keep what is expected of the target."""
        ...


class Pacing:
    """One per daemon. Hooks are for the loop and never raise; `run` ends by cancellation only."""

    def __init__(self, clock: Clock, asked: Asked, *, file: Path, hosts: Mapping[str, HostLimit]) -> None:
        """hosts: the admin's own limits, which outrank those of the targets."""
        self._clock, self._asked, self._file, self._hosts = clock, asked, file, hosts
        self._watches: Callable[[], Mapping[str, Paced]] = dict
        self._moved: Callable[[str, float, float], None] = _nobody
        self._targets: tuple[Target, ...] = ()
        self._places = Places((), hosts)
        self._configured: dict[str, float] = {}
        self._planner: Planner | None = None
        self._stretch: dict[str, float] = {}
        """Interval by configured interval, of targets that do not have theirs."""
        self._told: deque[Told] = deque(maxlen=MOST_TOLD)
        self._ended: deque[End] = deque(maxlen=MOST_TOLD)
        self._thinking = asyncio.Lock()
        self._renewed = asyncio.Event()
        """Set when other targets are watched: they are planned for at once."""
        self._late: list[tuple[str, int]] = []
        self._others = Others(asked)
        self._night, self._dawned = False, clock.now()
        self._granted = 0.0
        """Polls/s of the last plan where the overall budget was short, else 0."""

    # --- what the watches tell and ask ----------------------------------------------------

    def interval_s(self, target: str, configured_s: float) -> float:
        """Seconds between polls: what is configured, or more."""
        stretch = self._stretch.get(target)
        return configured_s if stretch is None else configured_s * stretch

    def is_stretched(self, target: str) -> bool:
        """Whether a target does not have its configured interval: then its polls keep to no grid."""
        return target in self._stretch

    def polled(self, target: str, at: datetime, turned: Turnover | None) -> None:
        """A good poll began at `at`; turned: what it showed, None when that was what it showed before."""
        self._told.append((target, at.timestamp(), turned))
        if turned is not None and turned.born and target in self._stretch:
            self._stir(target, len(turned.born))

    def vanished(self, target: str, post: str, seen: datetime, missing: datetime | None) -> None:
        """The vigil proved that a post vanished between these instants."""
        if missing is not None:
            self._ended.append((target, post, seen.timestamp(), missing.timestamp()))

    def follow(
        self, watches: Callable[[], Mapping[str, Paced]], moved: Callable[[str, float, float], None]
    ) -> None:
        """watches: those that run, by name. moved: called with target, interval before and interval now."""
        self._watches, self._moved = watches, moved

    def set_targets(self, targets: Iterable[Target], *, soon: bool = True) -> None:
        """Who is watched from now on. What was learned of those that stay is kept.

        soon: have `run` plan for them at once; otherwise the caller does, with `try_step`.
        """
        self._targets = tuple(targets)
        if soon:
            self._renewed.set()
        names = {target.name for target in self._targets}
        self._stretch = {name: by for name, by in self._stretch.items() if name in names}

    def _stir(self, target: str, fresh: int) -> None:
        """New posts on a target that is short: more may follow within minutes, so it is asked sooner."""
        if self._thinking.locked():
            self._late.append((target, fresh))
            return
        planner = self._planner
        row = planner.row.get(target) if planner is not None else None
        if planner is None or row is None:
            return
        for mate, interval_s in planner.stir(row, fresh):
            name = planner.names[mate]
            before_s = self._configured.get(name)
            if before_s:
                self._set(name, before_s, interval_s)
                self._say(name, before_s, interval_s)

    def _say(self, name: str, configured_s: float, interval_s: float) -> None:
        """Let `status` and the dead-man check know at once: those that gave way are not overdue."""
        watch = self._watches().get(name)
        pace = watch.progress.pace if watch is not None else None
        if watch is not None and pace is not None and pace.configured_s == configured_s:
            watch.paced(replace(pace, interval_s=round(max(configured_s, interval_s), 3)))

    # --- once a minute --------------------------------------------------------------------

    async def run(self) -> None:
        """Learn and plan for ever."""
        saved_s = self._clock.monotonic()
        while True:
            await self.try_step()
            if self._clock.monotonic() - saved_s >= SAVE_S:
                saved_s = self._clock.monotonic()
                await self.save()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._renewed.wait()
            self._renewed.clear()

    async def try_step(self) -> None:
        """`step`; a fault of ours in it leaves the intervals as they are."""
        try:
            await self.step()
        except Exception:
            log.exception("intervals are left as they are")

    async def step(self) -> None:
        """Learn from what was told since the last time, and plan anew."""
        async with self._thinking:
            await self._renew()
            planner = self._planner
            if planner is None:
                return
            told, self._told = self._told, deque(maxlen=MOST_TOLD)
            ended, self._ended = self._ended, deque(maxlen=MOST_TOLD)
            now = self._clock.now()
            asked = self._situation(now, told)
            fades = self._dawns(now)
            while told:
                part = [told.popleft() for _ in range(min(PART, len(told)))]
                await in_thread(planner.take, part, asked.hour)
                await self._clock.sleep(0)
            words = await in_thread(_think, planner, ended, asked, fades)
            await self._apply(planner, words)
        late, self._late = self._late, []
        for target, fresh in late:
            self._stir(target, fresh)

    async def _renew(self) -> None:
        """Another planner when other targets are watched, with what the old one knew or the file holds."""
        targets = self._targets
        if targets == self._places.targets:
            return
        self._planner = await in_thread(made, targets, self._planner, self._file)
        self._places = await in_thread(Places, targets, self._hosts)

    def _situation(self, now: datetime, told: Sequence[Told] | deque[Told]) -> Situation:
        """What holds in this minute; windows that open within it count as open."""
        nights = Nights(now)
        targets, rows, soon = self._places.targets, self._watches(), now + timedelta(seconds=EVERY_S)
        configured = {}
        for target in targets:
            interval_s = nights.interval_s(target)
            watch = rows.get(target.name)
            held = watch.progress.retry_at if watch is not None else None
            if interval_s is not None and (held is None or held <= soon):
                configured[target.name] = interval_s
        self._configured = configured
        names = (name for name, _, _ in told)
        span_s, others, in_all, polls = self._others.measure(self._places, names, self._clock.monotonic())
        return Situation(
            now_s=now.timestamp(),
            configured_s=[configured.get(target.name, math.nan) for target in targets],
            hour=[nights.hour(target.window) for target in targets],
            host_per_s=self._places.limits(self._asked),
            others_per_s=others,
            total_per_s=self._asked.overall_per_s,
            others_in_all_per_s=in_all,
            overspent=max(0.0, polls - self._granted * span_s) if self._granted else 0.0,
            span_s=span_s,
        )

    def _dawns(self, now: datetime) -> bool:
        """Whether the last window of a night has closed since the last step, or none closes at all."""
        nights = Nights(now)
        before, self._night = self._night, any(nights.is_night(target.window) for target in self._targets)
        dawns = (before and not self._night) or now - self._dawned >= LONGEST_NIGHT
        if dawns:
            self._dawned = now
        return dawns

    async def _apply(self, planner: Planner, words: Sequence[Word]) -> None:
        watches, spent = self._watches(), 0.0
        for number, word in enumerate(words):
            if number % SLICE == SLICE - 1:
                await self._clock.sleep(0)
            name = planner.names[word.row]
            configured_s = self._configured[name]
            self._set(name, configured_s, word.interval_s)
            spent += 1.0 / word.interval_s
            watch = watches.get(name)
            if watch is not None:
                pace = Pace(
                    interval_s=round(word.interval_s, 3),
                    configured_s=configured_s,
                    met=round(word.met, 4),
                    posts=round(word.posts, 2),
                    short=word.short.name.lower(),
                )
                if _differs(watch.progress.pace, pace):
                    watch.paced(pace)
        if words:
            self._granted = spent if self._others.tight(spent) else 0.0

    def _set(self, name: str, configured_s: float, interval_s: float) -> None:
        """Give a target its interval and tell whoever waits for its next poll."""
        before = self._stretch.get(name, 1.0)
        now = max(1.0, interval_s / configured_s)
        if now == before or (now > 1.0 and abs(now / before - 1.0) < SHIFT):
            return
        if now > 1.0:
            self._stretch[name] = now
        else:
            del self._stretch[name]
        self._moved(name, configured_s * before, configured_s * now)

    # --- over a restart -------------------------------------------------------------------

    async def save(self) -> None:
        """Keep what was learned; a disk that refuses is told in the log and asked again later."""
        async with self._thinking:
            planner = self._planner
            if planner is None:
                return
            try:
                await in_thread(write, planner, self._file)
            except OSError as refused:
                log.warning("what was learned of targets is not kept", why=str(refused))


def _differs(old: Pace | None, new: Pace) -> bool:
    """Whether the difference is worth a write."""
    if old is None or old.short != new.short or old.configured_s != new.configured_s:
        return True
    apart = abs(new.interval_s / old.interval_s - 1.0) if old.interval_s > 0 else 1.0
    return apart > SHIFT or abs(new.met - old.met) > 0.005 or abs(new.posts - old.posts) > 0.1 * old.posts


def _nobody(_name: str, _before_s: float, _interval_s: float) -> None:
    """Nobody waits for polls."""


def _think(planner: Planner, ended: Iterable[End], asked: Situation, fades: bool) -> list[Word]:
    planner.conclude(ended, asked.now_s)
    if fades:
        planner.night_over()
    return planner.plan(asked)
