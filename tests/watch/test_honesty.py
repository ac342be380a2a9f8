"""What a listing says that cannot be so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from storage.model import Validators
from tests.watch.kit import answered
from watchers import honesty
from watchers.honesty import Honesty

AT = datetime(2026, 1, 1, 22, tzinfo=UTC)
HELD = Validators(etag='"a"')


def page(**headers: str):  # type: ignore[no-untyped-def]
    return replace(answered(AT), headers=tuple(headers.items()))


def test_a_listing_that_moves_as_listings_do_is_believed() -> None:
    one = Honesty(500)
    for n in range(50):
        ids = [str(i) for i in range(n + 10, n, -1)]
        one.read(page(ETag=f'"{n}"', Date="Thu, 01 Jan 2026 22:01:00 GMT"), HELD, ids, n, changed=True)
        one.unmodified()
        assert one.words(n) == ""


def test_the_whole_listing_is_wanted_soon_after_the_start_and_ever_more_rarely() -> None:
    one, asked = Honesty(), []
    for at in range(0, 7_200, 30):
        if one.validators(HELD, at) is None:
            asked.append(at)
            one.answered_whole(at)
    assert asked[:5] == [0, 120, 360, 840, 1740]
    assert asked[-1] - asked[-2] == 900


def test_a_304_that_the_same_validator_disproves_ends_conditional_requests() -> None:
    one = Honesty()
    one.answered_whole(0)
    one.unmodified()
    one.read(page(ETag='"a"'), HELD, ["1"], 10, changed=True)
    assert honesty.UNMODIFIED in one.words(10)
    assert one.validators(HELD, 11) is None


def test_a_304_before_a_true_change_is_no_lie() -> None:
    one = Honesty()
    one.answered_whole(0)
    one.unmodified()
    one.read(page(ETag='"b"'), HELD, ["1"], 10, changed=True)
    assert one.words(10) == ""
    assert one.validators(HELD, 11) == HELD


def test_a_doubt_that_nothing_renews_is_forgotten() -> None:
    one = Honesty()
    one.read(page(Date="Tue, 01 Jan 2002 00:00:00 GMT"), HELD, ["1"], 0, changed=True)
    assert honesty.CLOCK in one.words(60)
    assert one.words(honesty.HELD_S + 61) == ""


def test_a_date_that_cannot_be_read_says_nothing() -> None:
    one = Honesty()
    for text in (
        "",
        "yesterday",
        "99999999999",
        "Thu, 01 Jan 2002 00:00:00",
    ):
        one.read(page(Date=text), HELD, ["1"], 0, changed=True)
    assert one.words(0) == ""


def test_pages_of_posts_whose_words_change_are_asked_for_rarely_once_that_is_a_habit() -> None:
    one = Honesty()
    for n in range(honesty.HABIT + 1):
        for _ in range(4):
            one.moved()
        assert one.rechecks("1", n)
        one.read(page(), HELD, ["1", "2", "3", "4"], n, changed=True)
    allowed = [at for at in range(10, 1_000, 30) if one.rechecks("1", at)]
    assert allowed == [10, 310, 610, 910]


def test_a_listing_of_which_only_a_counter_changes_keeps_its_doubts() -> None:
    one = Honesty(2)
    off = page(Date="Tue, 01 Jan 2002 00:00:00 GMT")
    one.read(off, HELD, ["1", "2"], 0, changed=True)
    for at in range(60, int(2 * honesty.HELD_S), 600):
        one.same_posts(off, 2, at)
    assert honesty.FULL in one.words(at)
    assert honesty.CLOCK in one.words(at)
    one.same_posts(page(), 1, at)
    assert one.words(at + honesty.HELD_S + 1) == ""
