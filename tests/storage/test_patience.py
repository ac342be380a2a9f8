"""Putting off what a disk refuses, in order and within bounds; the reserve that gives room."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from storage import patience
from storage.errors import DatabaseTrouble, DiskTrouble
from storage.patience import DiskWatch, Reserve
from tests.storage.kit import HandClock, opened


class Disk:
    """Takes writes unless it is broken."""

    def __init__(self) -> None:
        self.broken = False
        self.written: list[int] = []

    def write(self, number: int) -> Callable[[], Awaitable[object]]:
        async def call() -> int:
            if self.broken:
                raise DiskTrouble("full")
            self.written.append(number)
            return number

        return call


async def test_writes_that_are_put_off_keep_their_order() -> None:
    watch, disk = DiskWatch(HandClock()), Disk()
    watch.led = True
    assert await watch.or_later(disk.write(1))
    disk.broken = True
    assert not await watch.or_later(disk.write(2))
    disk.broken = False
    assert not await watch.or_later(disk.write(3)), "one that came later must not overtake"
    assert (disk.written, watch.put_off) == ([1], 2)
    assert await watch.make_up() == 2
    watch.over()
    assert disk.written == [1, 2, 3]
    assert await watch.or_later(disk.write(4))


async def test_a_refusal_in_the_middle_of_making_up_leaves_the_rest() -> None:
    watch, disk = DiskWatch(HandClock()), Disk()
    for number in range(3):
        watch.later(disk.write(number))
    disk.broken = True
    with pytest.raises(DiskTrouble):
        await watch.make_up()
    assert watch.put_off == 3
    disk.broken = False
    await watch.make_up()
    assert disk.written == [0, 1, 2]


async def test_too_many_writes_push_out_the_oldest_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOST_LATER", 2)
    watch, disk = DiskWatch(HandClock()), Disk()
    for number in range(4):
        watch.later(disk.write(number))
    await watch.make_up()
    assert (disk.written, watch.forgotten) == ([2, 3], 2)


async def test_a_write_in_hand_is_not_pushed_out_by_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOST_LATER", 3)
    watch, disk = DiskWatch(HandClock()), Disk()

    async def and_one_more() -> None:
        watch.later(disk.write(3))
        await disk.write(0)()

    watch.later(and_one_more)
    for number in (1, 2):
        watch.later(disk.write(number))
    await watch.make_up()
    assert (disk.written, watch.forgotten) == ([0, 1, 2, 3], 0)


async def test_patience_waits_for_the_disk_and_for_nothing_else() -> None:
    clock = HandClock()
    watch = DiskWatch(clock)
    answers = iter([DiskTrouble("full"), DiskTrouble("full"), None])

    async def call() -> str:
        trouble = next(answers)
        if trouble is not None:
            raise trouble
        return "kept"

    assert await watch.patiently(call) == "kept"
    assert (watch.trouble, watch.waiting) == ("", 0)

    async def bent() -> str:
        raise DatabaseTrouble("bent")

    with pytest.raises(DatabaseTrouble):
        await watch.patiently(bent)


async def test_who_leads_the_rescue_ends_the_trouble_and_nobody_else() -> None:
    watch, disk = DiskWatch(HandClock()), Disk()
    watch.led = True
    watch.note(DiskTrouble("full"))
    await watch.once(disk.write(1))
    assert (watch.trouble, watch.alarm.is_set()) == ("full", True)
    watch.over()
    assert (watch.trouble, watch.since, watch.alarm.is_set()) == ("", None, False)


def test_a_reserve_takes_real_room_and_gives_it_back(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path)
    assert reserve.make(0)
    size = reserve.path.stat().st_size
    assert 0 < size <= patience.RESERVE_BYTES
    assert reserve.path.stat().st_blocks * 512 >= size
    assert reserve.make(0)
    assert reserve.free() == size
    assert reserve.free() == 0
    assert not reserve.make(2**62), "no reserve where there is no room to spare"
    assert not reserve.path.exists()


async def test_a_probe_really_writes_to_the_database(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as store:
        with closing(sqlite3.connect(store.folder / "nightjar.db")) as other:
            versions = {other.execute("PRAGMA data_version").fetchone()[0]}
            for _ in range(3):
                await patience.probe(store.vault)
                versions.add(other.execute("PRAGMA data_version").fetchone()[0])
    assert len(versions) == 4, "nobody else saw a change: nothing was written"


async def test_a_database_that_reads_as_damaged_is_a_disk_that_fails(tmp_path: Path) -> None:
    """SQLite answers a read error (EIO) with "malformed"; a running watch must live through either."""
    async with opened(tmp_path / "data") as store:
        file = store.folder / "nightjar.db"
        with closing(sqlite3.connect(file)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        bent = bytearray(file.read_bytes())
        bent[4096:] = bytes(len(bent) - 4096)
        file.write_bytes(bent)
        with pytest.raises(DiskTrouble, match="cannot be read"):
            await store.vault.database.rows("SELECT count(*), max(entry) FROM leaf")
        with pytest.raises(DatabaseTrouble):
            await store.vault.database.rows("SELECT count(*), max(entry) FROM leaf")
