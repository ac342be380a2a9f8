"""A row of progress is kept in few words, and comes back as it was."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import clean, dump, load
from storage.model import Pace, Progress, Validators
from storage.progress import text_of

words = st.text(max_size=30)
counts = st.integers(0, 2**40)
spans = st.floats() | st.integers(0, 10_000) | st.floats().map(np.float64)
moments = st.none() | st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=7)), timezone(timedelta(hours=-5, minutes=-30))])
)
paces = st.none() | st.builds(
    Pace,
    interval_s=spans,
    configured_s=spans,
    met=spans,
    posts=spans,
    short=st.sampled_from(["own", "", "夜"]),
)
rows = st.builds(
    Progress,
    target=words,
    validators=st.builds(Validators, etag=words, last_modified=words),
    listing_digest=words,
    last_poll_at=moments,
    last_good_at=moments,
    health=st.sampled_from(["new", "ok", "failing"]),
    reason=words,
    failures=counts,
    polls=counts,
    posts_seen=counts,
    bytes_read=counts,
    not_modified=counts,
    late_polls=counts,
    retry_at=moments,
    achieved_interval_s=spans,
    usual_yield=spans,
    last_yield=counts,
    pace=paces,
    gaps=counts,
    gap_at=moments,
    extra=st.lists(st.tuples(words, words), max_size=2).map(tuple),
)


@given(rows)
def test_a_row_comes_back_as_from_the_text_that_any_word_has(row: Progress) -> None:
    assert repr(load(Progress, text_of(row))) == repr(load(Progress, dump(row)))


def test_nothing_that_a_row_says_is_left_out() -> None:
    """Also of a field that is added one day: it is written out by name."""
    at = datetime(2026, 3, 1, 22, tzinfo=UTC)
    row = Progress(
        target="t",
        validators=Validators(etag="e"),
        listing_digest="d",
        reason="r",
        failures=1,
        retry_at=at,
        gaps=1,
        gap_at=at,
        extra=(("a", "b"),),
    )
    assert set(json.loads(text_of(row))) == {field.name for field in fields(Progress)}


def test_a_row_of_a_target_that_is_well_takes_little_room() -> None:
    at = datetime(2026, 3, 1, 22, tzinfo=UTC)
    row = Progress(target="market", health="ok", last_poll_at=at, last_good_at=at, polls=12, bytes_read=3_000)
    assert len(text_of(row)) < 0.7 * len(dump(row))


@pytest.mark.parametrize("target", ["market", 'a "quoted" \\ name', "夜市", "lone \ud800 half"])
def test_a_row_comes_back_as_it_was(target: str) -> None:
    at = datetime(2026, 3, 1, 22, tzinfo=UTC)
    row = Progress(
        target=target,
        health="ok",
        last_poll_at=at,
        polls=12,
        achieved_interval_s=30.1,
        pace=Pace(interval_s=75.0, configured_s=30.0, met=0.5, posts=2.25, short="host"),
        gap_at=at,
        extra=(("a", "b"),),
    )
    back = load(Progress, text_of(row))
    assert back.target == clean(target)
    back.target = target
    assert back == row
