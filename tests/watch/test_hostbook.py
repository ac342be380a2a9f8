"""What is counted of hosts is what happened, by the hours of the wall clock, however it is taken."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.manners import OTHERS, HostHour, Override, Pause, Taken, by_hour
from tests.fakes.words import target
from watchers import hostbook
from watchers.hostbook import MOST_PAUSES, HostBook

NIGHT = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
LOOP = 1_000.0
"""Loop time at NIGHT."""
HOUR_S = 3600.0


@dataclass(frozen=True)
class Start:
    """A request of a host: when it goes out, how long it takes, how large the answer is."""

    host: str
    at: float
    takes: float
    size: int


starts = st.builds(
    Start,
    host=st.sampled_from(["a.example", "b.example"]),
    # Crowded on both sides of the turns of hours, in steps that floats hold exactly.
    at=st.integers(0, 3).flatmap(lambda hour: st.integers(-80, 80).map(lambda q: hour * HOUR_S + q / 8)),
    takes=st.integers(0, 100).map(lambda q: q / 8),
    size=st.integers(0, 1000),
)


def at_wall(at: float) -> datetime:
    return NIGHT + timedelta(seconds=at)


def taken(book: HostBook, at: float, most: int = 100) -> Taken:
    """All that is new."""
    found = [Taken()]
    while piece := book.take(at_wall(at), LOOP + at, most):
        found.append(piece)
    return Taken(
        hours=tuple(one for piece in found for one in piece.hours),
        pauses=tuple(one for piece in found for one in piece.pauses),
        overrides=tuple(one for piece in found for one in piece.overrides),
    )


def aligned() -> HostBook:
    book = HostBook()
    book.align(NIGHT, LOOP)
    return book


def ask(book: HostBook, at: float, *, host: str = "a.example", spacing_s: float = 1.0, many: int = 1) -> None:
    book.started(book.of(host), LOOP + at, spacing_s, many)


def ask_and_end(book: HostBook, at: float, **more: float) -> None:
    ask(book, at, **more)  # type: ignore[arg-type]
    book.ended(book.of("a.example"))


@given(st.lists(starts, max_size=60), st.lists(st.integers(-80, 4 * 3600), max_size=8), st.integers(1, 5))
def test_hours_say_what_happened_in_them_however_often_they_are_taken(
    requests: list[Start], takes: list[int], most: int
) -> None:
    book, found = aligned(), []
    events = [(one.at, 1, one) for one in requests] + [(one.at + one.takes, 0, one) for one in requests]
    events += [(float(at), 2, None) for at in takes]
    under_way = {}
    for at, what, one in sorted(events, key=lambda event: event[:2]):
        if one is None:
            found += taken(book, at, most).hours
        elif what == 1:
            under_way[id(one)] = count = book.of(one.host)
            book.started(count, LOOP + at, 0.25, 100)
            if one.takes == 0:
                book.ended(count)
                count.body_bytes += one.size
        elif one.takes:
            count = under_way.pop(id(one))
            book.ended(count)
            count.body_bytes += one.size
    found += taken(book, 5 * HOUR_S, most).hours
    hours = by_hour(found)
    assert {key: one.asked for key, one in hours.items() if one.asked} == counted(requests)
    for (hour, host), one in hours.items():
        mine = sorted(r.at for r in requests if r.host == host and began(r.at) == hour)
        assert one.busiest_second == most_in(mine, 1)
        assert one.busiest_minute == most_in(mine, 60)
    for host in {one.host for one in requests}:
        instants = sorted(one.at for one in requests if one.host == host)
        gaps = [b - a for a, b in pairwise(instants)]
        parts = [one for one in hours.values() if one.host == host]
        closest = [one.closest_us for one in parts if one.closest_us is not None]
        assert min(closest, default=None) == (round(min(gaps) * 1e6) if gaps else None)
        assert sum(one.too_soon for one in parts) == sum(gap < 0.25 for gap in gaps)
        assert sum(one.body_bytes for one in parts) == sum(r.size for r in requests if r.host == host)
        assert max(one.most_at_once for one in parts) == most_out([r for r in requests if r.host == host])


def began(at: float) -> datetime:
    return at_wall(at).replace(minute=0, second=0, microsecond=0)


def counted(requests: list[Start]) -> dict[tuple[datetime, str], int]:
    found: dict[tuple[datetime, str], int] = defaultdict(int)
    for one in requests:
        found[began(one.at), one.host] += 1
    return dict(found)


def most_in(instants: list[float], span_s: int) -> int:
    buckets: dict[int, int] = defaultdict(int)
    for at in instants:
        buckets[int(LOOP + at) // span_s] += 1
    return max(buckets.values(), default=0)


def most_out(requests: list[Start]) -> int:
    """Most at once; one that ends at an instant makes room for one that begins at it."""
    out = most = 0
    moves = [(r.at, 1, r.takes) for r in requests] + [(r.at + r.takes, 0, 0.0) for r in requests if r.takes]
    for _, begins, takes in sorted(
        moves, key=lambda move: move[:2]
    ):  # as they come, where instants are equal
        out += 1 if begins else -1
        most = max(most, out)
        out -= bool(begins) and not takes
    return most


def test_a_start_closer_than_the_limit_allows_is_counted_and_a_kept_limit_is_not() -> None:
    book = aligned()
    for at in (0.0, 1.0, 2.0, 2.9, 4.0):
        ask_and_end(book, at)
    (hour,) = taken(book, 5).hours
    assert (hour.too_soon, hour.closest_us, hour.broken) == (1, 900_000, 1)
    assert (hour.spacing_least_us, hour.spacing_most_us) == (1_000_000, 1_000_000)


def test_a_limit_that_changed_between_two_requests_is_held_to_its_looser_side() -> None:
    book = aligned()
    for at, spacing_s in ((0.0, 1.0), (1.0, 10.0), (2.0, 1.0), (3.5, 10.0), (12.0, 10.0)):
        ask_and_end(book, at, spacing_s=spacing_s)
    (hour,) = taken(book, 20).hours
    assert hour.too_soon == 1  # the last: ten seconds were demanded both times
    assert (hour.spacing_least_us, hour.spacing_most_us) == (1_000_000, 10_000_000)


def test_more_at_once_than_allowed_is_counted() -> None:
    book = aligned()
    for at in range(3):
        ask(book, at, many=2)
    (hour,) = taken(book, 5).hours
    assert (hour.most_at_once, hour.concurrency, hour.too_many, hour.too_soon) == (3, 2, 1, 0)


def test_a_wish_to_be_left_alone_is_told_with_the_first_request_after_it() -> None:
    book = aligned()
    ask_and_end(book, 0)
    book.told("a.example", 429, asked_s=30.0, kept_s=30.0, now=at_wall(0.5), at=LOOP + 0.5)
    assert book.pressing.is_set()
    first = taken(book, 1)
    assert (first.hours[0].busy_429, first.pauses[0].next_at) == (1, None)
    assert not book.pressing.is_set()
    ask_and_end(book, 31)
    ask_and_end(book, 33)
    (pause,) = taken(book, 40).pauses
    assert (pause.asked_at, pause.next_at, pause.broken) == (at_wall(0.5), at_wall(31), 0)
    assert pause.until == at_wall(30.5)


def test_requests_within_a_pause_are_violations_until_it_ends() -> None:
    book = aligned()
    book.told("a.example", 503, asked_s=None, kept_s=15.0, now=NIGHT, at=LOOP)
    for at in (5, 10, 15, 20):
        ask_and_end(book, at)
    found = taken(book, 30)
    assert (found.hours[0].busy_503, found.hours[0].in_pause, found.hours[0].broken) == (1, 2, 2)
    assert (found.pauses[-1].next_at, found.pauses[-1].broken) == (at_wall(5), 2)
    ask_and_end(book, 40)
    assert taken(book, 50).pauses == ()


def test_a_pause_that_is_cut_to_the_longest_is_told_as_such() -> None:
    book = aligned()
    book.told("a.example", 429, asked_s=7200.0, kept_s=1800.0, now=NIGHT, at=LOOP)
    found = taken(book, 1)
    assert found.hours[0].capped == 1
    assert found.pauses[0].capped


def test_a_host_that_asks_for_pauses_all_the_time_is_counted_and_written_down_within_a_bound() -> None:
    book = aligned()
    for at in range(3 * MOST_PAUSES):
        book.told("a.example", 429, asked_s=1.0, kept_s=1.0, now=at_wall(at), at=LOOP + at)
    found = taken(book, 1000)
    assert (found.hours[0].busy_429, len(found.pauses)) == (3 * MOST_PAUSES, MOST_PAUSES)


def test_a_pause_of_an_earlier_process_is_still_kept_and_its_end_seen() -> None:
    book = aligned()
    pause = Pause(host="a.example", asked_at=at_wall(-100), status=429, asked_s=160.0, kept_s=160.0)
    assert book.remember(pause, NIGHT, LOOP) == 60.0
    assert taken(book, 1) == Taken()
    ask_and_end(book, 59)
    ask_and_end(book, 61)
    found = taken(book, 70)
    assert found.hours[0].in_pause == 1
    assert found.pauses == (replace(pause, next_at=at_wall(59), broken=1),)
    assert book.remember(pause, at_wall(500), LOOP + 500) == 0.0


def test_an_override_is_told_with_its_authority_and_a_new_reason_apart() -> None:
    book, one = aligned(), target(robots_override="order 12")
    for written in (one, replace(one), one, replace(one, robots_override="order 13")):
        book.overridden(book.of("a.example"), written)
    found = taken(book, 1)
    assert found.hours[0].robots_overridden == 4
    expected = {"hour": NIGHT, "host": "a.example", "target": "market"}
    expected |= {"authorised_by": "Unit 7", "legal_basis": "Wildlife Act s. 9"}
    assert sorted(found.overrides, key=lambda o: o.why) == [
        Override(**expected, why="order 12", asked=3),  # type: ignore[arg-type]
        Override(**expected, why="order 13", asked=1),  # type: ignore[arg-type]
    ]


def test_hosts_without_bound_share_one_row_and_nothing_of_them_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hostbook, "HOSTS", 3)
    book = aligned()
    for number in range(10):
        ask(book, number, host=f"h{number}.example")
    assert len(book.hosts()) == 3
    hours: list[HostHour] = list(taken(book, 20).hours)
    assert sum(one.asked for one in hours) == 10
    assert len({one.host for one in hours}) == 4
    assert sum(one.asked for one in hours if one.host == OTHERS) == 7
