"""Which other posts are asked for beside a look that says "gone", and what is said when none is alive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storage.model import EvidenceId, Watched
from watchers.control import OTHERS, SPENT, Word, hopeful, none_alive

NOW = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def post(name: str, seen_ago_s: float, missing_looks: int = 0) -> Watched:
    seen_at = NOW - timedelta(seconds=seen_ago_s)
    return Watched(
        target="market",
        post_id=name,
        url=name,
        digest="",
        evidence_id=EvidenceId(name),
        first_seen_at=seen_at,
        last_seen_at=seen_at,
        missing_looks=missing_looks,
    )


def words(**said: tuple[bool, timedelta]) -> dict[tuple[str, str], Word]:
    return {("market", name): Word(alive=alive, at=NOW - ago) for name, (alive, ago) in said.items()}


def test_those_alive_most_recently_are_asked_first_and_never_more_than_a_few() -> None:
    others = [post("a", 90), post("b", 30), post("c", 60), post("d", 400)]
    assert hopeful(others, {}, NOW) == ["b", "c", "a"]
    assert len(hopeful(others, {}, NOW)) == OTHERS


def test_a_control_that_answered_counts_as_alive_then() -> None:
    others = [post("a", 90), post("b", 30)]
    assert hopeful(others, words(a=(True, 5 * SECOND)), NOW) == ["a", "b"]


def test_a_page_that_was_missing_within_the_last_minute_is_not_asked() -> None:
    others = [post("a", 1), post("b", 300)]
    assert hopeful(others, words(a=(False, SPENT - SECOND)), NOW) == ["b"]
    assert hopeful(others, words(a=(False, SECOND), b=(False, SECOND)), NOW) == []


def test_a_page_that_was_missing_before_is_asked_last() -> None:
    others = [post("a", 1), post("b", 300)]
    assert hopeful(others, words(a=(False, SPENT)), NOW) == ["b", "a"]


def test_a_post_that_its_own_vigil_misses_is_asked_last_unless_it_answered_since() -> None:
    others = [post("a", 1, missing_looks=1), post("b", 300)]
    assert hopeful(others, {}, NOW) == ["b", "a"]
    assert hopeful(others, words(a=(True, SECOND)), NOW) == ["a", "b"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (0, "no other page was asked for: each was found missing within the last minute"),
        (1, "the one other page that was tried was not alive"),
        (3, "none of the 3 other pages tried was alive"),
    ],
)
def test_the_look_says_how_many_pages_were_tried_and_no_more(asked: int, said: str) -> None:
    assert none_alive(asked) == said
