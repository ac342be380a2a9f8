"""Durations, sizes and wall times as admins write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings.units import seconds, size_bytes, spoken_s, wall_time, window_s


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1h 30m", 5400),
        ("0.5s", 0.5),
        ("90m", 5400),
        (45, 45),
        (0.25, 0.25),
        (0, 0),
    ],
)
def test_a_duration_is_read_in_seconds(text: object, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        float("nan"),
        float("inf"),
        "9" * 500 + "s",
        "400d",
        "",
        " ",
        "30",
        "s",
        "30 seconds",
        "5min",
        "-5s",
        "1e3s",
        "1m1h",
        "٣s",
        True,
        None,
        [],
        -1,
        1e12,
        10**400,
    ],
)
def test_what_is_no_duration_is_refused_with_what_is_allowed(text: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        seconds(text)


def test_a_number_in_quotes_is_answered_with_its_likely_unit() -> None:
    with pytest.raises(ValueError, match='"30s"'):
        seconds("30")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8MB", 8_000_000), ("512KB", 512_000), ("1MiB", 1_048_576), ("1.5MB", 1_500_000), ("7 B", 7), (99, 99)],
)
def test_a_size_is_read_in_bytes(text: object, expected: int) -> None:
    assert size_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "8", "8mb", "8 megabytes", "-1MB", True, 1.5, None, -1])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a size"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("21:00", "21:00"), ("00:00", "00:00"), ("06:30:00", "06:30")]
)
def test_a_wall_time_may_be_text_or_a_toml_time(text: str, expected: str) -> None:
    assert wall_time(text) == expected


@pytest.mark.parametrize("text", ["24:00", "9:00", "21", "21:60", "21.00", "21:00:30", 21, None, "２１:00"])
def test_what_is_no_wall_time_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        wall_time(text)


@pytest.mark.parametrize(
    ("start", "end", "hours"), [("21:00", "06:00", 9), ("06:00", "21:00", 15), ("10:00", "10:00", 0)]
)
def test_a_window_is_measured_across_midnight(start: str, end: str, hours: float) -> None:
    assert window_s(start, end) == hours * 3600


@given(st.integers(0, 366 * 86400 * 10))
def test_what_is_said_of_a_duration_reads_back_the_same(tenths: int) -> None:
    if tenths <= 366 * 86400 * 10:
        assert seconds(spoken_s(tenths / 10)) == pytest.approx(tenths / 10)
