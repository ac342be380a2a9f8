"""Counts of politeness reach the database each minute, once, and a refusing disk costs none of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import manners
from bot.manners import EVERY_S, REST_S, MannerKeeper
from storage import manner_rows
from storage.manner_rows import Report, Span
from storage.manners import OTHERS, HostHour, Pause, Taken
from storage.patience import DiskWatch
from storage.store import Store
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping
from tests.storage.kit import DUSK, HandClock, opened
from tests.storage.test_disk import files_no_longer_than

ALL = Span(since=datetime(1970, 1, 1, tzinfo=UTC), until=datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    async with opened(tmp_path / "data", clock) as one:
        yield one


class Counted:
    """What a fetching room hands over, as the test fills it."""

    def __init__(self) -> None:
        self.pressing = asyncio.Event()
        self.news: list[Taken] = []
        self.gone_on: list[Pause] = []

    def ask(self, hour: datetime = DUSK, host: str = "a.example", *, asked: int = 1) -> None:
        self.news.append(Taken(hours=(HostHour(hour=hour, host=host, asked=asked),)))

    def take(self, most: int) -> Taken:
        self.pressing.clear()
        return self.news.pop(0) if self.news else Taken()

    def go_on(self, pauses: Iterable[Pause]) -> None:
        self.gone_on += pauses


async def reported(store: Store) -> Report:
    return await manner_rows.report(store.vault.database, ALL, hosts=100, hours=100, pauses=100)


@contextmanager
def full_disk(store: Store) -> Iterator[None]:
    """The database's files grow no more, as on a disk that is full."""
    with files_no_longer_than(store.vault.database.path.with_name("nightjar.db-wal").stat().st_size):
        yield


async def test_what_is_flushed_adds_up_and_is_flushed_once(store: Store, clock: HandClock) -> None:
    source = Counted()
    keeper = MannerKeeper(store, clock, DiskWatch(clock), source)
    for _ in range(3):
        source.ask()
        source.ask(host="b.example", asked=5)
        assert await keeper.flush()
        assert await keeper.flush()
    assert {one.host: one.asked for one in (await reported(store)).hosts} == {"a.example": 3, "b.example": 15}
    assert keeper.waiting == 0


async def test_what_a_disk_refuses_waits_as_one_and_is_written_later(store: Store, clock: HandClock) -> None:
    source, disk = Counted(), DiskWatch(clock)
    keeper = MannerKeeper(store, clock, disk, source)
    source.news.append(Taken(pauses=(Pause(host="h", asked_at=DUSK, status=429, asked_s=9.0, kept_s=9.0),)))
    for _ in range(2):
        source.ask()
        with full_disk(store):
            assert not await keeper.flush()
    assert (keeper.waiting, bool(disk.trouble)) == (2, True)
    source.ask()
    assert await keeper.flush()
    report = await reported(store)
    assert (report.total.asked, report.pause_count, keeper.waiting) == (3, 1, 0)


async def test_a_store_that_was_closed_too_early_ends_nothing(tmp_path: Path, clock: HandClock) -> None:
    source = Counted()
    async with opened(tmp_path / "data", clock) as store:
        keeper = MannerKeeper(store, clock, DiskWatch(clock), source)
    source.ask()
    assert not await keeper.flush()
    assert keeper.waiting == 1


async def test_a_flush_that_is_cancelled_is_finished_and_adds_nothing_twice(
    store: Store, clock: HandClock
) -> None:
    source = Counted()
    keeper = MannerKeeper(store, clock, DiskWatch(clock), source)
    for number in range(20):
        source.ask(asked=1 + number)
        task = asyncio.create_task(keeper.flush())
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await keeper.flush()
    assert (await reported(store)).total.asked == sum(range(1, 21))


async def test_memory_is_bounded_while_a_disk_refuses_for_long(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manners, "MOST_WAITING", 3)
    source = Counted()
    keeper = MannerKeeper(store, clock, DiskWatch(clock), source)
    for number in range(9):
        source.ask(host=f"h{number}.example")
    with full_disk(store):
        assert not await keeper.flush()
    assert keeper.waiting == 4
    assert await keeper.flush()
    hosts = {one.host: one.asked for one in (await reported(store)).hosts}
    assert hosts == {"h0.example": 1, "h1.example": 1, "h2.example": 1, OTHERS: 6}


async def test_pauses_of_an_earlier_run_are_handed_to_the_fetching_room(
    store: Store, clock: HandClock
) -> None:
    pause = Pause(host="h", asked_at=DUSK, status=429, asked_s=900.0, kept_s=900.0)
    await manner_rows.add(store.vault, Taken(pauses=(pause,)))
    source = Counted()
    await MannerKeeper(store, clock, DiskWatch(clock), source).load()
    assert source.gone_on == [pause]


def test_it_writes_each_minute_soon_after_a_wish_and_forgets_what_is_old(tmp_path: Path) -> None:
    async def main(loop: JumpLoop) -> None:
        clock, source = JumpClock(loop, DUSK), Counted()
        async with opened(tmp_path / "data", clock) as store:  # type: ignore[arg-type]
            source.ask(DUSK - timedelta(days=500))
            source.ask()
            task = asyncio.create_task(MannerKeeper(store, clock, DiskWatch(clock), source).run())
            await clock.sleep(EVERY_S + 1)
            assert [one.hour for one in (await reported(store)).hours] == [DUSK]
            source.ask()
            await clock.sleep(EVERY_S + REST_S)
            assert (await reported(store)).total.asked == 2
            source.ask()
            source.pressing.set()
            await clock.sleep(REST_S + 1)
            assert (await reported(store)).total.asked == 3
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    run_jumping(main)
