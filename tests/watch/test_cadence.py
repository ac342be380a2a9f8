"""The arithmetic of polling: even, steady, never in bursts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchers.cadence import (
    CONFIRM_EVERY_S,
    CONFIRM_SPAN_S,
    CONFIRMATIONS,
    LONGEST_BACKOFF_S,
    VIGIL_LONGEST_S,
    VIGIL_STEPS_S,
    after_gap,
    backoff,
    moved,
    next_poll,
    phase,
    rolled_over,
    vigil_step,
    window_interval,
)

START = datetime(2026, 3, 1, 21, tzinfo=UTC)
intervals = st.floats(1, 86_400)


@given(st.text(), intervals)
def test_a_phase_lies_within_its_interval_and_stays(name: str, interval_s: float) -> None:
    assert 0 <= phase(name, interval_s) < interval_s
    assert phase(name, interval_s) == phase(name, interval_s)


def test_phases_spread_a_thousand_targets_evenly() -> None:
    seconds = [0] * 30
    for n in range(3000):
        seconds[int(phase(f"target-{n}", 30.0))] += 1
    assert min(seconds) > 60
    assert max(seconds) < 150


@given(st.floats(0.001, 1e7), intervals)
def test_the_next_poll_is_the_next_slot_of_the_same_grid(late_s: float, interval_s: float) -> None:
    now = START + timedelta(seconds=late_s)
    due = next_poll(START, interval_s, now)
    assert now < due <= now + timedelta(seconds=interval_s + 1e-3)
    slots = (due - START).total_seconds() / interval_s
    assert slots == pytest.approx(round(slots), abs=1e-4 + 2e-6 / interval_s)


def test_a_poll_on_time_is_followed_one_interval_later() -> None:
    assert next_poll(START, 30, START) == START + timedelta(seconds=30)
    assert next_poll(START, 30, START + timedelta(seconds=29.9)) == START + timedelta(seconds=30)


def test_missed_slots_are_skipped_not_made_up_for() -> None:
    assert next_poll(START, 30, START + timedelta(seconds=95)) == START + timedelta(seconds=120)


def test_an_interval_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        next_poll(START, 0, START)


@given(st.integers(1, 10_000), st.floats(1, 3600), st.integers())
def test_back_off_grows_to_five_minutes_and_never_beyond(failures: int, interval_s: float, seed: int) -> None:
    wait = backoff(failures, interval_s, Random(seed))
    assert interval_s <= wait <= max(interval_s, LONGEST_BACKOFF_S)
    if failures > 12:
        assert wait >= 0.75 * LONGEST_BACKOFF_S


def test_targets_that_failed_together_do_not_return_together() -> None:
    waits = {round(backoff(6, 30.0, f"target-{n}"), 1) for n in range(50)}
    assert len(waits) > 40
    assert backoff(6, 30.0, "x") == backoff(6, 30.0, "x")


def test_a_vigil_looks_fast_first_and_slower_with_age() -> None:
    age, looks, steps = 0.0, 0, []
    while age < 12 * 3600:
        step = vigil_step(looks, matched=True, age_s=age)
        steps.append(step)
        age, looks = age + step, looks + 1
    assert steps == sorted(steps)
    assert steps[0] == VIGIL_STEPS_S[0]
    assert steps[-1] == VIGIL_LONGEST_S
    assert len(steps) < 100


@given(st.integers(0, 10_000), st.floats(0, 1e8))
def test_unmatched_posts_are_looked_at_less_often(looks: int, age_s: float) -> None:
    matched = vigil_step(looks, matched=True, age_s=age_s)
    assert 0 < matched < vigil_step(looks, matched=False, age_s=age_s)


def test_the_confirming_looks_span_the_time_they_must() -> None:
    assert (CONFIRMATIONS - 1) * CONFIRM_EVERY_S >= CONFIRM_SPAN_S


@given(st.floats(0, 1), intervals, intervals)
def test_a_changed_interval_keeps_the_share_still_to_wait(
    share: float, before_s: float, after_s: float
) -> None:
    due = START + timedelta(seconds=share * before_s)
    again = moved(due, START, before_s=before_s, interval_s=after_s)
    assert (again - START).total_seconds() == pytest.approx(share * after_s, rel=1e-3, abs=1e-3)
    assert START <= moved(START - timedelta(hours=1), START, before_s=before_s, interval_s=after_s) <= again


def test_many_intervals_that_change_at_once_stay_spread() -> None:
    seconds = [0] * 30
    for n in range(3000):
        due = START + timedelta(seconds=phase(f"target-{n}", 300.0))
        seconds[int((moved(due, START, before_s=300.0, interval_s=30.0) - START).total_seconds())] += 1
    assert min(seconds) > 60


@given(st.frozensets(st.text(max_size=3)), st.frozensets(st.text(max_size=3)))
def test_a_gap_is_a_listing_that_shows_posts_and_none_that_was_known(
    known: frozenset[str], shown: frozenset[str]
) -> None:
    assert rolled_over(known, shown) == bool(known and shown and not known & shown)


def test_a_first_or_an_empty_listing_is_no_gap() -> None:
    assert not rolled_over((), ("a",))
    assert not rolled_over(("a",), ())
    assert rolled_over(("a", "b"), ("c",))


@given(st.floats(1, 3600), st.integers(-5, 10_000), st.floats(1, 3600))
def test_gaps_shorten_the_interval_down_to_the_shortest_allowed(
    interval_s: float, gaps: int, shortest_s: float
) -> None:
    shortened = after_gap(interval_s, gaps, shortest_s)
    assert shortened >= shortest_s
    assert shortened <= max(interval_s, shortest_s)
    if gaps > 0:
        assert shortened == max(shortest_s, interval_s / 2 ** min(gaps, 30))


def test_a_listing_of_twenty_posts_is_read_before_ten_more_appear() -> None:
    assert window_interval(20, 0.1) == 100.0
    assert window_interval(20, 0.0) == window_interval(0, 0.1) == float("inf")
