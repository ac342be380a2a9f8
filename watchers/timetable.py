"""When one target is polled next: its grid, its window, a pause the site asked for. Pure.

Planned instants are of the wall clock, since windows are; whoever waits for one waits on
the monotonic clock, so that a step of the wall clock moves a phase and never makes a burst.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from storage.model import NightWindow, Target
from watchers import cadence, hours

LOOK_AGAIN_S = 3_600.0
"""By day a target's plan is made anew at least this often: somebody may have set the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """at: when to poll, or when to plan anew (polls False). rests: no poll by day until then."""

    at: datetime
    polls: bool
    rests: bool = False


class Stretch(Protocol):
    """Where intervals are stretched because budgets are short (`pacing`)."""

    def interval_s(self, target: str, configured_s: float) -> float: ...
    def is_stretched(self, target: str) -> bool: ...


class Nights:
    """`hours.is_night` for many targets: each window is worked out once between two of its edges."""

    def __init__(self) -> None:
        self._known: dict[NightWindow, tuple[datetime, datetime, bool]] = {}

    def is_night(self, window: NightWindow, at: datetime) -> bool:
        """Whether `at` lies inside the window."""
        return self._span(window, at)[2]

    def until(self, window: NightWindow, at: datetime) -> datetime:
        """When the night or day around `at` ends."""
        return self._span(window, at)[1]

    def _span(self, window: NightWindow, at: datetime) -> tuple[datetime, datetime, bool]:
        known = self._known.get(window)
        if known is None or not known[0] <= at < known[1]:
            known = (at, hours.next_change(window, at), hours.is_night(window, at))
            self._known[window] = known
        return known


class Timetable:
    """The plan of one target that is polled at `share` of its interval.

    A target with a stretched interval keeps to no grid: each poll follows the one before it.
    """

    __slots__ = ("_nights", "_pacing", "_share", "_target")

    def __init__(self, target: Target, share: float, nights: Nights, pacing: Stretch | None = None) -> None:
        self._target, self._share, self._nights, self._pacing = target, share, nights, pacing

    def interval_s(self, at: datetime) -> float | None:
        """Seconds between polls at `at`; None by day for a target that is not hunted by day."""
        configured_s = self._configured_s(at)
        return None if configured_s is None else self._allotted_s(configured_s)

    @property
    def spacing_s(self) -> float:
        """Seconds between polls at night, as the budgets allow."""
        return self._allotted_s(self._target.interval_s)

    def _allotted_s(self, configured_s: float) -> float:
        if self._pacing is None:
            return configured_s
        return self._pacing.interval_s(self._target.name, configured_s)

    def _configured_s(self, at: datetime) -> float | None:
        if self._nights.is_night(self._target.window, at):
            return self._target.interval_s
        return self._target.day_interval_s

    def first_span_s(self, now: datetime, within_s: float) -> float:
        """Seconds over which first polls are spread that start together with this one."""
        return min(within_s, self.interval_s(now) or self._target.interval_s)

    def first(self, now: datetime, within_s: float, held: datetime | None) -> Plan:
        """The first poll after a start: soon when few start together, on its grid when many do."""
        interval = self.interval_s(now) or self._target.interval_s
        if within_s < interval:
            return self._allowed(now, now + timedelta(seconds=self._share * within_s), held)
        return self.next(now, None, held)

    def next(
        self,
        now: datetime,
        planned: datetime | None,
        held: datetime | None,
        began: datetime | None = None,
    ) -> Plan:
        """The next slot of the grid, clear of the poll `planned`; not before `held`, if there is such.

        began: when that poll began. A slot that passed while it was made is not missed: it is due now.
        """
        return self._allowed(now, self._slot(now, planned, began), held)

    def moved(
        self, now: datetime, due: datetime, held: datetime | None, *, before_s: float, interval_s: float
    ) -> Plan:
        """A plan for `due` when the interval has become interval_s, from before_s."""
        return self._allowed(now, cadence.moved(due, now, before_s=before_s, interval_s=interval_s), held)

    def _slot(self, now: datetime, planned: datetime | None, began: datetime | None = None) -> datetime:
        configured_s = self._configured_s(now)
        if configured_s is None:
            return now
        interval = self._allotted_s(configured_s)
        if planned is not None:
            planned = min(planned, now)  # it is later when the wall clock was set back meanwhile
        if planned is not None and self._pacing is not None and self._pacing.is_stretched(self._target.name):
            due = cadence.next_poll(planned, interval, now)
        else:
            due = self._after(_clear(now, planned, interval), interval)
        if began is not None and (now - began).total_seconds() > interval / 4:
            passed = due - timedelta(seconds=interval)
            if passed <= now and passed > began + timedelta(seconds=interval / 4):
                return passed
        dusk = self._nights.until(self._target.window, now)
        # A day's long interval may end long after the night began.
        if due > dusk and configured_s > self._target.interval_s:
            night_s = self.spacing_s
            due = min(due, self._after(max(dusk, _clear(now, planned, night_s)), night_s))
        return due

    def _after(self, at: datetime, interval: float) -> datetime:
        """The first slot after `at` of the grid of this interval."""
        return cadence.next_poll(cadence.slot_before(self._share, interval, at), interval, at)

    def _allowed(self, now: datetime, due: datetime, held: datetime | None) -> Plan:
        if held is not None:
            due = max(due, held)
        if self.interval_s(due) is not None:
            return Plan(at=due, polls=True)
        slot = self._after(self._nights.until(self._target.window, due), self.spacing_s)
        if (slot - now).total_seconds() <= LOOK_AGAIN_S:
            return Plan(at=slot, polls=True, rests=True)
        # Spread, so that ten thousand targets that rest do not plan in one instant; all of them some
        # minutes before their night, whose first polls are laid out together (`dusk`).
        again = LOOK_AGAIN_S * 0.45 * (1.0 + self._share)
        return Plan(at=now + timedelta(seconds=again), polls=False, rests=True)


def _clear(now: datetime, planned: datetime | None, interval_s: float) -> datetime:
    """The instant after which a slot is clear of the poll `planned`."""
    return now if planned is None else max(now, planned + timedelta(seconds=interval_s / 4))
