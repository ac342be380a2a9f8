"""Who is on call: weekly rotation, shifts, overrides and turns taken in the chat. Pure.

A shift lasts what local clocks say, nights with a change of clocks too; where they show its
beginning or end twice or never, it takes in both. An override goes before the rotation, a turn
taken in the chat before both. `holes` finds every minute of the night without anybody.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

NIGHT = ("21:00", "06:00")
"""Local hours in which somebody must be on call."""
AHEAD_DAYS = 400
"""So far holes are looked for: every change of clocks of a year is in it."""
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Local wall times; start == end is the whole day. officers: a week each, in turn."""

    officers: tuple[str, ...]
    start: str = "00:00"
    end: str = "00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Somebody else from one instant to another (aware UTC). officer: "" when nobody is there."""

    starts: datetime
    ends: datetime
    officer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rota:
    """since: the day on which the first week began, at `handover` in `zone`."""

    zone: str
    since: date
    shifts: tuple[Shift, ...]
    handover: str = "09:00"
    overrides: tuple[Turn, ...] = ()


def on_call(rota: Rota, now: datetime, turns: tuple[Turn, ...] = ()) -> str:
    """Who is to be woken at `now` (aware), or "" when nobody is."""
    for several in (turns, rota.overrides):
        found = [t for t in several if t.starts <= now < t.ends]
        if found:
            return max(found, key=lambda t: t.starts).officer
    shift = _shift_at(rota, now)
    return "" if shift is None else _of_week(rota, shift, now)


def line(rota: Rota, now: datetime, turns: tuple[Turn, ...] = ()) -> tuple[str, ...]:
    """Whom an alert goes to, one after the other: who is on call, or will be next, then the rotation on."""
    first = on_call(rota, now, turns) or on_call(rota, until(rota, now, turns), turns)
    shift = _shift_at(rota, now)
    order = list(shift.officers) if shift is not None else []
    order += [name for other in rota.shifts for name in other.officers]
    if first in order:
        at = order.index(first)
        order = order[at:] + order[:at]
    return tuple(dict.fromkeys(name for name in (first, *order) if name))


def until(rota: Rota, now: datetime, turns: tuple[Turn, ...] = ()) -> datetime:
    """The first instant after `now` at which somebody else is on call; eight days on when none is."""
    before = on_call(rota, now, turns)
    last = now + _WEEK + _DAY
    return next((at for at in _edges(rota, now, last, turns) if on_call(rota, at, turns) != before), last)


def night_began(rota: Rota | None, now: datetime) -> datetime:
    """When the night around `now` began, or the last one; in the zone of the rota, or UTC."""
    zone = rota.zone if rota is not None else "UTC"
    today = now.astimezone(_zone(zone)).date()
    begins = (min(_instants(day, NIGHT[0], zone)) for day in (today, today - _DAY))
    return next(at for at in begins if at <= now)


def holes(rota: Rota, first: date, days: int = AHEAD_DAYS) -> tuple[tuple[datetime, datetime], ...]:
    """The stretches of the nights from `first` on, as [begin, end) in UTC, when nobody is on call."""
    found: list[tuple[datetime, datetime]] = []
    for number in range(days):
        begin, end = _bounds(*NIGHT, first + number * _DAY, rota.zone)
        edges = [begin, *_edges(rota, begin, end, ()), end]
        for at, after in itertools.pairwise(edges):
            if at < after and not on_call(rota, at):
                joins = bool(found) and found[-1][1] == at
                found[-1:] = [(found[-1][0], after)] if joins else [*found[-1:], (at, after)]
    return tuple(found)


def _shift_at(rota: Rota, now: datetime) -> Shift | None:
    today = now.astimezone(_zone(rota.zone)).date()
    for day in (today, today - _DAY, today + _DAY):  # what began last goes first
        for shift in rota.shifts:
            begin, end = _bounds(shift.start, shift.end, day, rota.zone)
            if begin <= now < end:
                return shift
    return None


def _of_week(rota: Rota, shift: Shift, now: datetime) -> str:
    local = now.astimezone(_zone(rota.zone)).replace(tzinfo=None)
    weeks = (local - datetime.combine(rota.since, _time(rota.handover))) // _WEEK
    return shift.officers[weeks % len(shift.officers)]


def _edges(rota: Rota, begin: datetime, end: datetime, turns: tuple[Turn, ...]) -> list[datetime]:
    """Instants between both at which somebody else may be on call, in order."""
    return sorted({at for at in _all_edges(rota, begin, end, turns) if begin < at < end})


def _all_edges(rota: Rota, begin: datetime, end: datetime, turns: tuple[Turn, ...]) -> Iterator[datetime]:
    for turn in (*rota.overrides, *turns):
        yield from (turn.starts, turn.ends)
    day = begin.astimezone(_zone(rota.zone)).date() - 2 * _DAY
    while day <= end.astimezone(_zone(rota.zone)).date() + _DAY:
        if (day - rota.since).days % 7 == 0:
            yield from _instants(day, rota.handover, rota.zone)
        for shift in rota.shifts:
            yield from _bounds(shift.start, shift.end, day, rota.zone)
        day += _DAY


def _bounds(start: str, end: str, day: date, zone: str) -> tuple[datetime, datetime]:
    """[begin, end) in UTC of what begins on local date `day`: wide where clocks are changed."""
    closing = day if end > start else day + _DAY
    return min(_instants(day, start, zone)), max(_instants(closing, end, zone))


@lru_cache(maxsize=16_384)
def _instants(day: date, at: str, zone: str) -> tuple[datetime, datetime]:
    """When local clocks show `at`: two instants where ambiguous or skipped (PEP 495), else one twice."""
    local = datetime.combine(day, _time(at), _zone(zone))
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


@lru_cache(maxsize=256)
def _time(text: str) -> time:
    return time.fromisoformat(text)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
