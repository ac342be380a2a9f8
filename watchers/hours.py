"""The watch window in local time: whether it is night, until when, and which night.

Pure. Windows are given in local wall time and last what local clocks say: eight hours
of a nine-hour window in the night when clocks go forward, ten when they go back. The
window is half-open: `start` is night, `end` is day. All instants are aware UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from storage.model import NightWindow

_DAY = timedelta(days=1)


def is_night(window: NightWindow, now: datetime) -> bool:
    """True when `now` lies inside the window. start == end means always night."""
    return night_of(window, now) is not None


def night_of(window: NightWindow, now: datetime) -> date | None:
    """The local date on which the night around `now` began, or None by day."""
    if _always(window):
        return now.astimezone(_zone(window.zone)).date()
    today = now.astimezone(_zone(window.zone)).date()
    for day in (today, today - _DAY):
        begin, end = _bounds(window, day)
        if begin <= now < end:
            return day
    return None


def next_change(window: NightWindow, now: datetime) -> datetime:
    """The first instant after `now` at which night begins or ends.

    A window without ends (start == end) never changes: the answer is then a day from now.
    """
    if _always(window):
        return now + _DAY
    today = now.astimezone(_zone(window.zone)).date()
    edges: list[datetime] = []
    for offset in (-1, 0, 1, 2):
        begin, end = _bounds(window, today + offset * _DAY)
        if begin < end:
            edges += (begin, end)
    return min(edge for edge in edges if edge > now)


def _always(window: NightWindow) -> bool:
    return _clock_time(window.start) == _clock_time(window.end)


def _bounds(window: NightWindow, day: date) -> tuple[datetime, datetime]:
    """[begin, end) in UTC of the night that begins on local date `day`."""
    start, end = _clock_time(window.start), _clock_time(window.end)
    closing = day if end > start else day + _DAY
    return _instant(day, start, window.zone), _instant(closing, end, window.zone)


@lru_cache(maxsize=4096)
def _instant(day: date, at: time, zone: str) -> datetime:
    """The first instant at which local clocks on `day` show `at` or later.

    In the overlap of autumn that is the first of the two; in the gap of spring, where
    `at` is never shown, it is the instant of the jump.
    """
    local = datetime.combine(day, at, _zone(zone))
    first = local.replace(fold=0).astimezone(UTC)
    if first.astimezone(_zone(zone)).replace(tzinfo=None) == local.replace(tzinfo=None):
        return first
    return _jump(first, zone)


def _jump(skipped: datetime, zone: str) -> datetime:
    """The instant of the forward jump whose gap holds the wall time that `skipped` stands for.

    With fold=0 a time in the gap is read with the offset before the jump, so `skipped` lies
    after it by less than the gap is long: search the second where the offset changes.
    """
    where = _zone(zone)
    low, high = skipped - _DAY - _DAY, skipped
    after = high.astimezone(where).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        if middle in (low, high):
            break
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
