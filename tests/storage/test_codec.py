"""The canonical form, and frozen words through JSON and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import canonical, clean, dump, load, load_tuple, micros, moment, stamp
from storage.model import Lifetime, Post, Progress, Reason, Validators
from storage.tables import Moment, key_of, to_hex, to_signed

TEXT = st.text()
TIMES = st.datetimes(timezones=st.just(UTC))


def test_keys_are_sorted_and_nothing_is_spaced() -> None:
    assert canonical({"b": 1, "a": ["血料", {}]}) == '{"a":["血料",{}],"b":1}'.encode()


@pytest.mark.parametrize("value", [1.5, True, None, (1,), b"x", {1: "a"}])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"a": value})  # type: ignore[dict-item]


@given(st.recursive(TEXT | st.integers(), lambda x: st.lists(x) | st.dictionaries(TEXT, x)))
def test_reading_the_canonical_form_gives_the_document_again(document: object) -> None:
    assert json.loads(canonical(document)) == document  # type: ignore[arg-type]


def test_lone_surrogates_become_replacement_characters() -> None:
    assert clean("a\ud800b") == "a\ufffdb"
    assert canonical({"t": "\udfff"}) == '{"t":"\ufffd"}'.encode()


@given(TIMES)
def test_times_survive_to_the_microsecond(at: datetime) -> None:
    assert moment(micros(at)) == at
    assert Moment().to_python_value(Moment().to_db_value(at, None)) == at


def test_a_time_from_another_zone_is_the_same_instant() -> None:
    shanghai = datetime(2026, 11, 24, 21, 0, tzinfo=timezone(timedelta(hours=8)))
    assert stamp(moment(micros(shanghai))) == "2026-11-24T13:00:00.000000Z"


def test_a_naive_time_is_refused_everywhere() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 -- that is the point
    for refuse in (micros, stamp, lambda t: Moment().to_db_value(t, None), Moment().to_python_value):
        with pytest.raises(ValueError, match="naive"):
            refuse(naive)


@given(st.builds(Post, post_id=TEXT, url=TEXT, title=TEXT, posted_at=st.none() | TIMES))
def test_a_post_survives(post: Post) -> None:
    assert load(Post, dump(post)) == post


@given(st.builds(Lifetime, last_seen_at=TIMES, first_missing_at=st.none() | TIMES, missing_class=TEXT))
def test_a_lifetime_survives(lifetime: Lifetime) -> None:
    assert load(Lifetime, dump(lifetime)) == lifetime


def test_nested_words_and_tuples_survive() -> None:
    progress = Progress(target="t", validators=Validators(etag='W/"1"'), extra=(("a", "b"),), usual_yield=0.5)
    assert load(Progress, dump(progress)) == progress
    reasons = (Reason(kind="term", what="x", weight=1.5), Reason(kind="hour", what="02", weight=-1.0))
    assert load_tuple(Reason, dump(reasons)) == reasons


def test_fields_of_a_newer_program_are_left_out() -> None:
    assert load(Validators, '{"etag":"1","invented_later":2}') == Validators(etag="1")


@given(st.integers(0, (1 << 64) - 1))
def test_perceptual_hashes_fit_a_signed_column(value: int) -> None:
    text = f"{value:016x}"
    assert -(1 << 63) <= to_signed(text) < 1 << 63
    assert to_hex(to_signed(text)) == text


def test_keys_of_posts_do_not_run_together() -> None:
    assert key_of("a", "bc") != key_of("ab", "c")


@pytest.mark.parametrize("hours", [-14, 14])
def test_the_ends_of_time_have_a_stamp(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    assert stamp(datetime.max.replace(tzinfo=zone)).startswith("9999-12-31T")
    assert stamp(datetime.min.replace(tzinfo=zone)).startswith("0001-01-01T")
