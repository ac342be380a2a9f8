"""What `status` says of cadence: shares, causes, gaps, sums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import status_pace
from bot.commands.out import plain
from bot.overdue import allotted_s, allowed_s
from storage.codec import dump, load
from storage.model import Pace, Progress
from tests.watch.kit import target

NOW = datetime(2026, 3, 1, 23, tzinfo=UTC)


def pace(met: float, posts: float, short: str, interval_s: float = 30.0) -> Pace:
    return Pace(interval_s=interval_s, configured_s=30.0, met=met, posts=posts, short=short)


def row(progress: Progress) -> dict[str, object]:
    facts: dict[str, object] = plain(progress)
    return facts | status_pace.facts(progress, NOW)


def test_the_night_is_summed_up_by_what_costs_posts() -> None:
    sums = status_pace.total([pace(0.9, 100.0, "host"), pace(0.5, 20.0, "own"), pace(1.0, 5.0, "own"), None])
    assert sums == {
        "targets": 3,
        "unread_targets": 0,
        "posts": 125.0,
        "caught": 105.0,
        "missed": {"own": 10.0, "host": 10.0, "night": 0.0, "floor": 0.0, "unread": 0.0},
    }
    assert status_pace.sentence(sums) == (
        "tonight: 125 posts expected, 105 of them caught (84.0%), 20 missed: "
        "10 by posts shorter than the interval, 10 by limits of hosts"
    )
    assert status_pace.sentence(status_pace.total([None])) == ""


SHUT = [
    Progress(target="robots", health="forbidden", failures=1, pace=pace(0.99, 40.0, "own")),
    Progress(target="404", health="failing", failures=3, pace=pace(0.99, 30.0, "own")),
    Progress(target="wall", health="blocked", failures=9, pace=pace(0.99, 20.0, "own")),
    Progress(target="layout", health="failing", failures=0, pace=pace(0.99, 9.0, "own")),
    Progress(target="by day", health="paused", failures=4, pace=pace(0.99, 1.0, "own")),
    Progress(target="never", health="failing", failures=5),
]


@pytest.mark.parametrize("progress", SHUT, ids=lambda progress: progress.target)
def test_a_target_that_cannot_be_read_is_expected_to_catch_nothing(progress: Progress) -> None:
    assert status_pace.share(row(progress)) == "0%"
    assert status_pace.facts(progress, NOW)["short_of"] == "it cannot be read"


def test_the_night_counts_nothing_as_caught_of_targets_that_cannot_be_read() -> None:
    well = Progress(target="well", health="ok", pace=pace(0.9, 100.0, "host"))
    assert status_pace.sentence(status_pace.all_paces([well, *SHUT])) == (
        "tonight: 200 posts expected, 90 of them caught (45.0%), 110 missed: 10 by limits of hosts, "
        "100 of targets that cannot be read; 6 targets cannot be read"
    )


def test_one_poll_that_failed_changes_nothing_of_what_is_expected() -> None:
    shaken = Progress(target="a", health="failing", failures=1, pace=pace(0.9, 10.0, "host"))
    assert status_pace.share(row(shaken)) == "90%"
    assert "cannot be read" not in status_pace.sentence(status_pace.all_paces([shaken]))


def test_a_target_that_is_stretched_says_so_and_one_that_is_not_says_nothing() -> None:
    short = row(Progress(target="a", pace=pace(0.9, 1.0, "host", interval_s=75.0)))
    assert status_pace.remark(short) == "stretched to 75 s: its host may not be asked more often"
    assert status_pace.share(short) == "90%"
    well = row(Progress(target="a", pace=pace(0.997, 1.0, "own")))
    assert (status_pace.remark(well), status_pace.share(well)) == ("", "99.7%")
    unknown = row(Progress(target="a"))
    assert (status_pace.remark(unknown), status_pace.share(unknown)) == ("", "-")


def test_a_gap_is_told_for_a_day() -> None:
    lately = Progress(target="a", gaps=2, gap_at=NOW - timedelta(hours=3))
    assert "gap at 20:00Z, 2 in all" in status_pace.remark(row(lately))
    old = Progress(target="a", gaps=2, gap_at=NOW - timedelta(hours=30))
    assert status_pace.remark(row(old)) == ""


def test_a_stretched_target_is_overdue_by_the_interval_it_was_given_and_not_for_ever_excused() -> None:
    one = target("https://a.example/", interval_s=30.0, day_interval_s=300.0)

    def allowed(*, night: bool = True, **allotted: float) -> float:
        own = Pace(
            **{"interval_s": 30.0, "configured_s": 30.0, "met": 1.0, "posts": 0.0, **allotted}, short="host"
        )
        return allowed_s(one, Progress(target="market", pace=own), night=night)

    assert allowed() == allowed_s(one, None, night=True) == 50.0
    assert allowed(interval_s=90.0) == 135.0
    assert allowed(interval_s=90.0, configured_s=10.0) == 50.0  # allotted under another configuration
    assert allowed(interval_s=90.0, night=False) == 450.0
    assert allowed(interval_s=900.0, configured_s=300.0, night=False) == 1350.0
    wild = Progress(target="market", pace=pace(1.0, 0.0, "host", 1e9))
    assert allotted_s(one, wild, night=True) == 600.0


def test_a_row_of_progress_from_before_is_read_as_one_without_a_pace() -> None:
    assert load(Progress, '{"target": "a", "polls": 3}') == Progress(target="a", polls=3)
    kept = Progress(target="a", pace=pace(0.5, 2.0, "night"), gaps=1, gap_at=NOW)
    assert load(Progress, dump(kept)) == kept


@given(
    st.lists(
        st.builds(
            pace, st.floats(0, 1), st.floats(0, 1e5), st.sampled_from(["own", "host", "night", "floor"])
        ),
        max_size=30,
    )
)
def test_what_is_caught_and_what_is_missed_make_up_all(paces: list[Pace]) -> None:
    sums = status_pace.total(paces)
    missed: dict[str, float] = sums["missed"]  # type: ignore[assignment]
    assert sums["caught"] + sum(missed.values()) == pytest.approx(sums["posts"], abs=0.5)  # type: ignore[operator]
    assert (status_pace.sentence(sums) == "") == (not paces)
