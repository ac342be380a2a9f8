"""Who is on call: no minute of a night without anybody, on nights with a change of clocks too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.desk.rota import NIGHT, Rota, Shift, Turn, holes, line, on_call, until

MONDAY = date(2026, 1, 5)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe")
CLOCKS_CHANGE = {
    "Europe/Berlin": (date(2026, 3, 28), date(2026, 10, 24)),
    "America/New_York": (date(2026, 3, 7), date(2026, 10, 31)),
    "Australia/Lord_Howe": (date(2026, 4, 4), date(2026, 10, 3)),
}


def rota(*shifts: Shift, zone: str = "UTC", **more: object) -> Rota:
    return Rota(zone=zone, since=MONDAY, shifts=shifts, **more)  # type: ignore[arg-type]


def local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


WEEKLY = Shift(officers=("Li", "Wang", "Zhao"))


@pytest.mark.parametrize(
    ("at", "who"),
    [
        ("2026-01-05 08:59", "Zhao"),
        ("2026-01-05 09:00", "Li"),
        ("2026-01-12 08:59", "Li"),
        ("2026-01-12 09:00", "Wang"),
        ("2026-01-26 09:00", "Li"),
    ],
)
def test_a_week_ends_at_the_handover(at: str, who: str) -> None:
    assert on_call(rota(WEEKLY, zone="Asia/Shanghai"), local("Asia/Shanghai", at)) == who


def test_after_who_is_on_call_come_the_others_in_turn() -> None:
    assert line(rota(WEEKLY), local("UTC", "2026-01-13 02:00")) == ("Wang", "Zhao", "Li")


def test_a_turn_taken_in_the_chat_goes_before_an_override_and_that_before_the_rotation() -> None:
    now = local("UTC", "2026-01-13 02:00")
    hour = timedelta(hours=1)
    swapped = rota(WEEKLY, overrides=(Turn(starts=now - hour, ends=now + hour, officer="Zhao"),))
    taken = Turn(starts=now - hour / 2, ends=now + hour / 2, officer="Li")
    assert on_call(swapped, now) == "Zhao"
    assert on_call(swapped, now, (taken,)) == "Li"
    assert line(swapped, now, (taken,)) == ("Li", "Wang", "Zhao")
    assert until(swapped, now, (taken,)) == now + hour / 2
    assert until(swapped, now) == now + hour
    assert until(rota(WEEKLY), now) == local("UTC", "2026-01-19 09:00")


def hours(start: str, end: str) -> Shift:
    return Shift(officers=("Li",), start=start, end=end)


TABLE = [
    ((Shift(officers=("Li",)),), None),
    ((Shift(officers=("Li",), start="21:00", end="06:00"),), None),
    ((hours("21:00", "02:30"), hours("02:30", "06:00")), None),
    ((Shift(officers=("Li",), start="21:00", end="05:59"),), timedelta(minutes=1)),
    ((Shift(officers=("Li",), start="21:01", end="06:00"),), timedelta(minutes=1)),
    (
        (hours("20:00", "23:00"), hours("23:30", "07:00")),
        timedelta(minutes=30),
    ),
]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("shifts", "missing"), TABLE)
def test_a_hole_in_the_night_is_found_wherever_and_whatever_clocks_do(
    shifts: tuple[Shift, ...], missing: timedelta | None, zone: str
) -> None:
    found = holes(rota(*shifts, zone=zone), date(2026, 1, 1), 370)
    if missing is None:
        assert found == ()
        return
    assert len(found) >= 368
    assert {end - begin for begin, end in found} == {missing}


@pytest.mark.parametrize("zone", CLOCKS_CHANGE)
@pytest.mark.parametrize("which", [0, 1])
def test_a_missing_hour_is_found_in_the_very_night_in_which_clocks_change(zone: str, which: int) -> None:
    night = CLOCKS_CHANGE[zone][which]
    whole = Shift(officers=("Li",), start="21:00", end="06:00")
    morning = datetime.combine(night + timedelta(days=1), datetime.min.time())
    gone = Turn(
        starts=local(zone, f"{morning:%Y-%m-%d} 03:30"),
        ends=local(zone, f"{morning:%Y-%m-%d} 04:30"),
        officer="",
    )
    assert holes(rota(whole, zone=zone), night, 1) == ()
    ((begin, end),) = holes(rota(whole, zone=zone, overrides=(gone,)), night, 1)
    assert (begin, end) == (gone.starts, gone.ends)


minutes = st.integers(0, 1439).map(lambda m: f"{m // 60:02}:{m % 60:02}")
shift = st.builds(
    lambda start, end: Shift(officers=("Li",), start=start, end=end), start=minutes, end=minutes
)


@settings(max_examples=60, deadline=None)
@given(st.lists(shift, min_size=1, max_size=3), st.sampled_from(ZONES), st.integers(0, 360))
def test_where_no_hole_is_told_somebody_is_on_call_in_every_minute(
    shifts: list[Shift], zone: str, day: int
) -> None:
    drawn, night = rota(*shifts, zone=zone), MONDAY + timedelta(days=day)
    begin = local(zone, f"{night} {NIGHT[0]}")
    end = local(zone, f"{night + timedelta(days=1)} {NIGHT[1]}")
    told = holes(drawn, night, 1)
    at = begin
    while at < end:
        covered = bool(on_call(drawn, at))
        assert covered == (not any(first <= at < last for first, last in told)), (at, told)
        at += timedelta(minutes=1)
