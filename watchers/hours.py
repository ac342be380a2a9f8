"""The watch window in local time: whether it is night, until when, and which night.

Pure. Windows are given in local wall time and last what local clocks say: from 21:00 to
06:00 is eight hours in the night when clocks go forward and ten when they go back. The
window is half-open: at `start` it is night, at `end` it is day. Where clocks show a
boundary twice the window takes in both (a watch too long harms nobody); where they skip
it, the boundary is the instant of the jump. All instants are aware UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from storage.model import NightWindow

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def is_night(window: NightWindow, now: datetime) -> bool:
    """True when `now` lies inside the window. start == end means always night."""
    return night_of(window, now) is not None


def night_of(window: NightWindow, now: datetime) -> date | None:
    """The local date on which the night around `now` began, or None by day."""
    today = now.astimezone(_zone(window.zone)).date()
    if _always(window):
        return today
    for day in (today - _DAY, today, today + _DAY):
        begin, end = _bounds(window, day)
        if begin <= now < end:
            return day
    return None


def began(window: NightWindow, now: datetime) -> datetime | None:
    """When the night around `now` began (aware UTC), or None by day."""
    day = night_of(window, now)
    return None if day is None else _bounds(window, day)[0]


def next_change(window: NightWindow, now: datetime) -> datetime:
    """The first instant after `now` at which night begins or ends.

    A window without ends (start == end) never changes: the answer is then a day from now.
    """
    if _always(window):
        return now + _DAY
    today = now.astimezone(_zone(window.zone)).date()
    nights = sorted(_bounds(window, today + n * _DAY) for n in range(-2, 4))
    return min(edge for edge in _edges(nights) if edge > now)


def _edges(nights: list[tuple[datetime, datetime]]) -> list[datetime]:
    """Begins and ends, with nights that touch taken as one."""
    edges: list[datetime] = []
    for begin, end in nights:
        if begin >= end:
            continue  # the whole window fell into a gap of the clocks
        if edges and begin <= edges[-1]:
            edges[-1] = max(edges[-1], end)
        else:
            edges += (begin, end)
    return edges


def _always(window: NightWindow) -> bool:
    return _clock_time(window.start) == _clock_time(window.end)


def _bounds(window: NightWindow, day: date) -> tuple[datetime, datetime]:
    """[begin, end) in UTC of the night that begins on local date `day`."""
    start, end = _clock_time(window.start), _clock_time(window.end)
    closing = day if end > start else day + _DAY
    return _instant(day, start, window.zone, 0), _instant(closing, end, window.zone, 1)


@lru_cache(maxsize=4096)
def _instant(day: date, at: time, zone: str, fold: int) -> datetime:
    """When local clocks on `day` show `at`: the first time for fold 0, the last for fold 1.

    In the gap of spring, where `at` is never shown, it is the instant of the jump.
    """
    local = datetime.combine(day, at, _zone(zone)).replace(fold=fold)
    instant = local.astimezone(UTC)
    shown = instant.astimezone(_zone(zone)).replace(tzinfo=None, fold=0)
    return instant if shown == datetime.combine(day, at) else _jump(local, zone)


def _jump(skipped: datetime, zone: str) -> datetime:
    """The instant of the forward jump that skips the local time `skipped`.

    Read with the offset before the jump, a skipped time lies after it; read with the one
    after, before it (PEP 495). Between the two the offset changes, at a whole second.
    """
    where = _zone(zone)
    low = skipped.replace(fold=1).astimezone(UTC)
    high = skipped.replace(fold=0).astimezone(UTC)
    after = high.astimezone(where).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // 2 // _SECOND * _SECOND
        if middle.astimezone(where).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high


@lru_cache(maxsize=256)
def _clock_time(text: str) -> time:
    return time.fromisoformat(text)


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
