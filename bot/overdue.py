"""The dead-man check: alarms when a target that should be polled silently is not.

Reads what polls left behind and nothing of the scheduler, so it notices one that has
forgotten a target, hangs, or was never told of it. (Others lost 134 watches for 23 days in
silence: facts/monitoring.md, 0.) `late` is what `/readyz` and the metrics show.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.vitals import Vitals
from storage.clock import Clock
from storage.model import NightWindow, Pace, Progress, Target

INTERVALS = 1.5
"""A target without a poll for so many intervals is overdue. One after a start may follow the first by
1.25; with the looks it takes to see that, an alarm comes within two."""
LOOKS = 8.0
"""Looks per interval of the target that is polled most often ..."""
LOOK_S = (0.5, 15.0)
"""... within these bounds."""
AGAIN_S = 1_800.0
"""A target that comes and goes is told again so much later at the soonest."""
MOST_STRETCH = 20.0
"""A row that claims more was not written by this program; its target is overdue all the same."""
SLICE = 500
NAMED = 10
"""Targets named in one message."""


@dataclass(slots=True)
class _Sign:
    """The last sign of a target: so many polls by then, by night or day.

    spent: how much of the time that is allowed had passed by `seen_s` on the monotonic clock. A share, as
    what is allowed changes with the interval: when that becomes shorter, the poll that is waited for comes
    sooner in proportion (`cadence.moved`) and not at once. allowed_s: since then, with the pace of then.
    sure_s: until then it cannot be late if nothing changes; of ten thousand few are looked at closely.
    """

    target: Target
    polls: int
    night: bool
    seen_s: float
    spent: float = 0.0
    allowed_s: float = math.inf
    pace: Pace | None = None
    sure_s: float = -math.inf

    def stands(self, target: Target, polls: int, *, night: bool) -> bool:
        """Whether nothing has changed but the time."""
        still = self.polls == polls and self.night == night
        return still and (self.target is target or self.target == target)

    def is_sure(self, target: Target, row: Progress, now_s: float, *, night: bool) -> bool:
        """Whether a closer look would say that it is not late, and change nothing."""
        if now_s >= self.sure_s or self.polls != row.polls or self.pace is not row.pace:
            return False
        return row.retry_at is None and self.night == night and self.target is target

    def renew(self, target: Target, polls: int, *, night: bool) -> None:
        """A sign was seen now: `count` follows."""
        self.target, self.polls, self.night = target, polls, night
        self.spent, self.allowed_s = 0.0, math.inf

    def count(self, row: Progress | None, now_s: float) -> None:
        """Take note of the time that has passed, and of what is allowed from now on."""
        self.spent += (now_s - self.seen_s) / self.allowed_s
        self.seen_s, self.pace = now_s, row.pace if row is not None else None
        self.allowed_s = allowed_s(self.target, row, night=self.night)
        self.sure_s = now_s + (1.0 - self.spent) * self.allowed_s


class Overdue:
    """Looks at all targets for ever. `late`: the names that are overdue now.

    live: who is to be watched today. rows: the newest progress of each target.
    is_night: whether an instant lies in a window.
    """

    def __init__(
        self,
        clock: Clock,
        vitals: Vitals,
        *,
        live: Callable[[], Iterable[Target]],
        rows: Callable[[], Mapping[str, Progress]],
        is_night: Callable[[NightWindow, datetime], bool],
    ) -> None:
        self._clock, self._vitals = clock, vitals
        self._live, self._rows, self._is_night = live, rows, is_night
        self._signs: dict[str, _Sign] = {}
        self._told: dict[str, float] = {}
        self.late: tuple[str, ...] = ()

    async def run(self, tell: Callable[[str], Awaitable[None]]) -> None:
        """Look, tell of what became overdue, wait; for ever."""
        while True:
            targets = tuple(self._live())
            self.late = await self._look(targets)
            self._vitals.targets_overdue.set(len(self.late))
            if words := self._news():
                await tell(words)
            shortest = min((t.interval_s for t in targets), default=LOOK_S[1] * LOOKS)
            await self._clock.sleep(min(max(shortest / LOOKS, LOOK_S[0]), LOOK_S[1]))

    async def _look(self, targets: tuple[Target, ...]) -> tuple[str, ...]:
        """The names of the overdue; the loop gets its turn in between."""
        nights: dict[NightWindow, bool] = {}
        signs: dict[str, _Sign] = {}
        late: list[str] = []
        window, rows = None, self._rows()
        for number, target in enumerate(targets):
            if number % SLICE == 0:
                await self._clock.sleep(0)
                now, now_s = self._clock.now(), self._clock.monotonic()
            if target.window is not window:  # as a rule they all share one
                window = target.window
                if window not in nights:
                    nights[window] = self._is_night(window, now)
                night = nights[window]
            row = rows.get(target.name)
            sign = signs[target.name] = self._signs.get(target.name) or _Sign(target, -1, night, now_s)
            if row is not None and sign.is_sure(target, row, now_s, night=night):
                continue
            polls = row.polls if row is not None else 0
            if not sign.stands(target, polls, night=night) or not expected(target, row, now, night=night):
                sign.renew(target, polls, night=night)
            sign.count(row, now_s)
            if sign.spent > 1.0:
                late.append(target.name)
        self._signs = signs
        return tuple(late)

    def _news(self) -> str:
        """Of what became overdue, in words; "" when that was told before."""
        now_s, late = self._clock.monotonic(), set(self.late)
        self._told = {name: at for name, at in self._told.items() if name in late or now_s - at < AGAIN_S}
        new = [name for name in self.late if name not in self._told]
        self._told.update(dict.fromkeys(self.late, now_s))
        words = [f"target {name} is overdue: not polled for two intervals" for name in new[:NAMED]]
        if len(new) > NAMED:
            words.append(f"and {len(new) - NAMED} targets more")
        return "\n".join(words)


def expected(target: Target, row: Progress | None, now: datetime, *, night: bool) -> bool:
    """Whether a target is to be polled now: not while it rests by day or its site asked for a pause."""
    held = row.retry_at if row is not None else None
    return (night or target.day_interval_s is not None) and (held is None or held <= now)


def allowed_s(target: Target, row: Progress | None, *, night: bool) -> float:
    """Seconds without a poll that are in order. A poll under way leaves its mark when it ends."""
    interval_s = allotted_s(target, row, night=night)
    return max(INTERVALS * interval_s, interval_s + target.timeout_s)


def allotted_s(target: Target, row: Progress | None, *, night: bool) -> float:
    """The interval that a target is to be polled at: stretched where budgets are short. Pure."""
    interval_s = target.interval_s if night else target.day_interval_s or target.interval_s
    pace = row.pace if row is not None else None
    if pace is None or pace.configured_s != interval_s:
        return interval_s
    return min(max(interval_s, pace.interval_s), MOST_STRETCH * interval_s)


def in_words(late: tuple[str, ...]) -> tuple[str, ...]:
    """What is overdue as reasons why the daemon is not fit for the night; many are not all named."""
    named = tuple(f"target {name} is overdue" for name in late[:NAMED])
    more = len(late) - NAMED
    return (*named, f"and {more} targets more are overdue") if more > 0 else named
