"""Counts of how hosts were treated add up, whatever the pieces; rows are bounded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import manner_rows
from storage.manner_rows import KEPT, Span
from storage.manners import LEASTS, MOSTS, SUMS, HostHour, Override, Pause, Taken, by_hour, merged
from storage.store import Store
from tests.storage.kit import DUSK, HandClock, opened

HOUR = timedelta(hours=1)
counts = st.integers(0, 1 << 40)
NUMBERS = dict.fromkeys((*SUMS, *MOSTS), counts) | {name: st.none() | counts for name in LEASTS}
parts = st.builds(
    HostHour,
    hour=st.sampled_from([DUSK, DUSK + HOUR, DUSK + 2 * HOUR]),
    host=st.sampled_from(["a.example", "b.example"]),
    **NUMBERS,  # type: ignore[arg-type]
)
one_hour = st.builds(HostHour, hour=st.just(DUSK), host=st.just("a.example"), **NUMBERS)  # type: ignore[arg-type]
ALL = Span(since=datetime(1970, 1, 1, tzinfo=UTC), until=datetime(2100, 1, 1, tzinfo=UTC))


def part(hour: datetime = DUSK, host: str = "a.example", **more: int) -> HostHour:
    return HostHour(hour=hour, host=host, **more)


async def reported(store: Store, span: Span = ALL, *, hours: int = 100) -> manner_rows.Report:
    return await manner_rows.report(store.vault.database, span, hosts=100, hours=hours, pauses=100)


@given(one_hour, one_hour, one_hour)
def test_parts_of_an_hour_are_one_in_any_order(a: HostHour, b: HostHour, c: HostHour) -> None:
    assert merged(a, b) == merged(b, a)
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    assert merged(a, part()) == a


@settings(max_examples=25, deadline=None)
@given(st.lists(parts, max_size=12), st.data())
def test_rows_that_were_added_to_in_pieces_say_what_all_parts_say_together(
    given_: list[HostHour], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(given_)), max_size=4)))

    async def play() -> manner_rows.Report:
        with TemporaryDirectory() as folder:
            async with opened(Path(folder) / "data") as store:
                for begin, end in pairwise((0, *cuts, len(given_))):
                    await manner_rows.add(store.vault, Taken(hours=tuple(given_[begin:end])))
                return await reported(store)

    report = asyncio.run(play())
    expected = by_hour(given_)
    assert {(one.hour, one.host): one for one in report.hours} == expected
    assert (report.hour_count, report.host_count) == (len(expected), len({one.host for one in given_}))
    assert report.total.asked == sum(one.asked for one in given_)
    assert report.total.closest_us == min(
        (one.closest_us for one in given_ if one.closest_us is not None), default=None
    )
    for host in report.hosts:
        mine = [one for one in expected.values() if one.host == host.host]
        assert host.busiest_minute == max(one.busiest_minute for one in mine)
        assert host.body_bytes == sum(one.body_bytes for one in mine)


async def test_a_span_is_of_whole_hours_and_of_one_host(store: Store) -> None:
    rows = [part(DUSK + n * HOUR, host, asked=1) for n in range(3) for host in ("a.example", "b.example")]
    await manner_rows.add(store.vault, Taken(hours=tuple(rows)))
    late = Span(since=DUSK + timedelta(minutes=90), until=DUSK + timedelta(hours=9), host="b.example")
    report = await reported(store, late)
    assert late.begin == DUSK + HOUR
    assert [(one.host, one.hour) for one in report.hours] == [
        ("b.example", DUSK + HOUR),
        ("b.example", DUSK + 2 * HOUR),
    ]
    assert (report.total.asked, report.since) == (2, DUSK)
    until = await reported(store, Span(since=DUSK, until=DUSK + HOUR))
    assert {one.hour for one in until.hours} == {DUSK}


async def test_hours_that_broke_a_limit_come_first_and_the_rest_is_counted(store: Store) -> None:
    rows = [part(DUSK + n * HOUR, asked=9, too_soon=int(n == 7)) for n in range(9)]
    await manner_rows.add(store.vault, Taken(hours=tuple(rows)))
    report = await reported(store, hours=3)
    assert [one.hour for one in report.hours] == [DUSK + 7 * HOUR, DUSK, DUSK + HOUR]
    assert (report.hour_count, report.broken) == (9, 1)


async def test_a_pause_keeps_the_first_request_after_it_and_its_most_violations(store: Store) -> None:
    asked = Pause(host="a.example", asked_at=DUSK, status=429, asked_s=60.0, kept_s=60.0)
    again = DUSK + timedelta(seconds=61)
    for pause in (asked, _replaced(asked, again, 2), asked, _replaced(asked, again + HOUR, 1)):
        await manner_rows.add(store.vault, Taken(pauses=(pause,)))
    report = await reported(store)
    (kept,) = report.pauses
    assert (kept.next_at, kept.broken, kept.until) == (again, 2, DUSK + timedelta(seconds=60))
    assert (report.pause_count, report.broken) == (1, 2)


def _replaced(pause: Pause, next_at: datetime, broken: int) -> Pause:
    return Pause(
        host=pause.host, asked_at=pause.asked_at, status=pause.status, asked_s=pause.asked_s,
        kept_s=pause.kept_s, next_at=next_at, broken=broken,
    )  # fmt: skip


async def test_only_pauses_that_nobody_saw_the_end_of_are_gone_on_with(store: Store) -> None:
    ended, open_, old = (
        Pause(host=host, asked_at=at, status=503, asked_s=None, kept_s=30.0, next_at=next_at)
        for host, at, next_at in (
            ("ended.example", DUSK, DUSK + HOUR),
            ("open.example", DUSK, None),
            ("old.example", DUSK - timedelta(days=2), None),
        )
    )
    await manner_rows.add(store.vault, Taken(pauses=(ended, open_, old)))
    assert await manner_rows.open_pauses(store.vault.database, DUSK + HOUR) == (open_,)


async def test_overrides_of_all_hours_are_told_once_by_whose_word(store: Store) -> None:
    rows = tuple(
        Override(
            hour=DUSK + n * HOUR, host="a.example", target="market", why=why,
            authorised_by="Unit 7", legal_basis="Art. 341", asked=10,
        )
        for n, why in ((0, "order 12"), (1, "order 12"), (1, "order 13"))
    )  # fmt: skip
    await manner_rows.add(store.vault, Taken(overrides=rows))
    await manner_rows.add(store.vault, Taken(overrides=rows[:1]))
    told = {(one.why, one.asked) for one in (await reported(store)).overrides}
    assert told == {("order 12", 30), ("order 13", 10)}


async def test_what_is_past_its_time_is_dropped_and_the_rest_stays(store: Store) -> None:
    now = DUSK + KEPT
    pause = Pause(host="a.example", asked_at=DUSK - HOUR, status=429, asked_s=1.0, kept_s=1.0)
    taken = Taken(hours=tuple(part(DUSK + n * HOUR, asked=1) for n in (-2, -1, 0, 1)), pauses=(pause,))
    await manner_rows.add(store.vault, taken)
    assert await manner_rows.forget(store.vault, now) == 3
    report = await reported(store)
    assert ([one.hour for one in report.hours], report.pauses) == ([DUSK, DUSK + HOUR], ())
    assert await manner_rows.forget(store.vault, now) == 0


async def test_more_rows_than_allowed_cost_the_oldest_hours(store: Store) -> None:
    rows = tuple(part(DUSK + n * HOUR, f"h{host}.example", asked=1) for n in range(4) for host in range(10))
    await manner_rows.add(store.vault, Taken(hours=rows))
    await manner_rows.forget(store.vault, DUSK + 5 * HOUR, most_rows=25)
    kept = {one.hour for one in (await reported(store)).hours}
    assert kept == {DUSK + 2 * HOUR, DUSK + 3 * HOUR}


async def test_a_reading_store_refuses_to_count(tmp_path: Path) -> None:
    async with opened(tmp_path / "data"):
        pass
    reader = await Store.open_reader(tmp_path / "data", HandClock())
    with pytest.raises(Exception, match="opened for reading"):
        await manner_rows.add(reader.vault, Taken(hours=(part(asked=1),)))
    await reader.close()
