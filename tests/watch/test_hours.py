"""The watch window: both nights of the year when clocks change, in every kind of zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.model import NightWindow
from watchers.hours import is_night, next_change, night_of

SECOND = timedelta(seconds=1)
ZONES = (
    "UTC", "Asia/Shanghai", "Europe/London", "Europe/Berlin", "America/New_York", "America/St_Johns",
    "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Cairo",
    "Asia/Beirut", "America/Sao_Paulo", "Pacific/Apia", "America/Scoresbysund", "Africa/Casablanca",
    "Antarctica/Troll", "Australia/Adelaide", "America/Havana", "Asia/Tehran",
)  # fmt: skip


def at(text: str, zone: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def window(start: str = "21:00", end: str = "06:00", zone: str = "UTC") -> NightWindow:
    return NightWindow(start=start, end=end, zone=zone)


@pytest.mark.parametrize(
    ("clock", "night"),
    [
        ("2026-03-10T20:59:59.999999", False),
        ("2026-03-10T21:00:00", True),
        ("2026-03-10T23:59:59", True),
        ("2026-03-11T00:00:00", True),
        ("2026-03-11T05:59:59.999999", True),
        ("2026-03-11T06:00:00", False),
        ("2026-03-11T12:00:00", False),
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"])
def test_the_window_crosses_midnight_in_whole_half_and_quarter_hour_zones(
    clock: str, night: bool, zone: str
) -> None:
    assert is_night(window(zone=zone), at(clock, zone)) is night


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        ("Europe/London", "2026-03-28", 8),
        ("Europe/London", "2026-10-24", 10),
        ("America/New_York", "2026-03-07", 8),
        ("America/New_York", "2026-10-31", 10),
        ("Australia/Lord_Howe", "2026-10-03", 8.5),
        ("Australia/Lord_Howe", "2026-04-04", 9.5),
        ("Antarctica/Troll", "2026-03-28", 7),
        ("Antarctica/Troll", "2026-10-24", 11),
        ("Asia/Shanghai", "2026-03-28", 9),
    ],
)
def test_a_night_lasts_what_local_clocks_say(zone: str, evening: str, hours: float) -> None:
    begin = at(f"{evening}T21:00:00", zone)
    assert next_change(window(zone=zone), begin - SECOND) == begin
    assert next_change(window(zone=zone), begin) - begin == timedelta(hours=hours)
    assert night_of(window(zone=zone), begin + timedelta(hours=hours) - SECOND) == date.fromisoformat(evening)


def test_a_start_that_clocks_skip_is_the_instant_of_the_jump() -> None:
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    night = window("01:30", "05:00", "Europe/London")
    assert not is_night(night, jump - SECOND)
    assert is_night(night, jump)
    assert next_change(night, jump - timedelta(hours=3)) == jump


def test_an_end_that_clocks_skip_is_the_instant_of_the_jump() -> None:
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    night = window("21:00", "01:30", "Europe/London")
    assert next_change(night, jump - timedelta(hours=3)) == jump
    assert not is_night(night, jump)


def test_a_window_wholly_inside_the_gap_does_not_open_that_night() -> None:
    night = window("01:15", "01:45", "Europe/London")
    noon = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert next_change(night, noon) == at("2026-03-30T01:15:00", "Europe/London")


def test_boundaries_that_clocks_show_twice_are_both_inside() -> None:
    zone = "Europe/London"
    ends = window("21:00", "01:30", zone)
    assert next_change(ends, at("2026-10-24T22:00:00", zone)) == at("2026-10-25T01:30:00", zone, fold=1)
    begins = window("01:30", "05:00", zone)
    assert next_change(begins, at("2026-10-25T00:00:00", zone)) == at("2026-10-25T01:30:00", zone, fold=0)


def test_clocks_that_jump_at_the_boundary_itself_keep_it_exact() -> None:
    # 2026-03-29T01:00Z London jumps 01:00 -> 02:00; 2026-10-25T01:00Z it falls back 02:00 -> 01:00.
    jump, fall = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert next_change(window("21:00", "01:00", "Europe/London"), jump - timedelta(hours=2)) == jump
    assert next_change(window("21:00", "02:00", "Europe/London"), jump - timedelta(hours=2)) == jump
    assert next_change(window("02:00", "06:00", "Europe/London"), jump - timedelta(hours=2)) == jump
    twice = next_change(window("21:00", "01:00", "Europe/London"), fall - timedelta(hours=3))
    assert twice == fall
    whole = next_change(window("21:00", "02:00", "Europe/London"), fall - timedelta(hours=3))
    assert whole == fall + timedelta(hours=1)


def test_a_day_that_the_calendar_skips_does_not_split_the_night() -> None:
    # Samoa had no 30 December 2011: the night of the 29th runs into that of the 30th.
    zone = "Pacific/Apia"
    begin = at("2011-12-29T21:00:00", zone)
    assert next_change(window(zone=zone), begin) == at("2011-12-31T06:00:00", zone)


def test_equal_ends_mean_always() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert is_night(window("06:00", "06:00"), now)
    assert next_change(window("06:00", "06:00"), now) > now


def test_a_window_within_one_day_is_named_by_that_day() -> None:
    night = window("01:00", "05:00", "Asia/Tokyo")
    assert night_of(night, at("2026-05-02T02:00:00", "Asia/Tokyo")) == date(2026, 5, 2)
    assert night_of(night, at("2026-05-02T06:00:00", "Asia/Tokyo")) is None


instants = st.datetimes(datetime(2005, 1, 1), datetime(2037, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))  # noqa: DTZ001  made aware in the next step
clocks = st.times().map(lambda t: t.replace(microsecond=0, second=0, tzinfo=None).isoformat("minutes"))


@settings(max_examples=300, deadline=None)
@given(now=instants, start=clocks, end=clocks, zone=st.sampled_from(ZONES))
@example(now=datetime(2026, 3, 28, 20, tzinfo=UTC), start="21:00", end="06:00", zone="Europe/London")
def test_the_next_change_is_exact_and_nothing_changes_before_it(
    now: datetime, start: str, end: str, zone: str
) -> None:
    night = window(start, end, zone)
    state, change = is_night(night, now), next_change(night, now)
    assert change > now
    if start == end:
        assert state
        return
    assert is_night(night, change - timedelta(microseconds=1)) is state
    assert is_night(night, change) is not state
    span = change - now
    assert all(is_night(night, now + span * k / 17) is state for k in range(17))


@settings(max_examples=300, deadline=None)
@given(now=instants, start=clocks, end=clocks, zone=st.sampled_from(ZONES))
def test_night_is_what_local_clocks_say_wherever_they_say_it_once(
    now: datetime, start: str, end: str, zone: str
) -> None:
    local = now.astimezone(ZoneInfo(zone))
    if any(_unsettled(local + timedelta(hours=h)) for h in range(-26, 27)):
        return
    shown, a, b = local.time(), time.fromisoformat(start), time.fromisoformat(end)
    inside = a <= shown < b if a < b else shown >= a or shown < b
    assert is_night(window(start, end, zone), now) is inside


def _unsettled(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


@settings(max_examples=200, deadline=None)
@given(day=st.dates(date(2006, 1, 1), date(2036, 1, 1)), zone=st.sampled_from(ZONES))
def test_nights_of_a_year_follow_one_another_without_overlap(day: date, zone: str) -> None:
    night = window(zone=zone)
    edge = datetime.combine(day, time(12), UTC)
    states = []
    for _ in range(6):
        edge = next_change(night, edge)
        states.append(is_night(night, edge))
    assert states in ([True, False] * 3, [False, True] * 3)
