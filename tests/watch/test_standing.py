"""How a target stands after a poll: the short way of quiet polls says what the long way says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.model import Progress
from tests.watch.kit import answered, target
from watchers import standing

AT = datetime(2026, 1, 1, 22, tzinfo=UTC)
DOUBT = "the listing is not to be trusted: its clock is off by more than a day"
ADS = target("https://e.org/")
ROWS = st.builds(
    Progress,
    target=st.just("ads"),
    health=st.just("ok"),
    reason=st.sampled_from(["", DOUBT]),
    polls=st.integers(0, 10**6),
    late_polls=st.integers(0, 10**6),
    bytes_read=st.integers(0, 10**12),
    not_modified=st.integers(0, 10**6),
    achieved_interval_s=st.floats(0, 900),
    last_poll_at=st.none() | st.integers(1, 10**6).map(lambda s: AT - timedelta(seconds=s)),
)


@given(ROWS, st.booleans(), st.floats(0, 100))
def test_a_poll_with_nothing_new_is_counted_in_place_as_it_is_in_a_row_made_anew(
    row: Progress, unmodified: bool, late_s: float
) -> None:
    read = replace(answered(AT), status=304 if unmodified else 200)
    expected = replace(standing.after_quiet(row, ADS, AT, late_s, read=read), reason=row.reason)
    assert standing.count_quiet(row, ADS, AT, late_s, read=read, doubt=row.reason)
    assert row == expected


@pytest.mark.parametrize(("said", "doubt"), [("", DOUBT), (DOUBT, ""), ("32 posts wait", "")])
def test_a_row_that_says_anything_else_than_the_doubt_is_made_anew(said: str, doubt: str) -> None:
    row = Progress(target="ads", health="ok", reason=said, polls=3)
    assert not standing.count_quiet(row, ADS, AT, 0.0, read=answered(AT), doubt=doubt)
    assert row.polls == 3
