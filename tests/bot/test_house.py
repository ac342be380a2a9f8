"""Progress reaches the disk in few writes, and what an admin must know reaches it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from bot.house import AT_ONCE, PROGRESS_S, QUIET_S, House
from bot.vitals import Vitals
from storage.errors import DiskTrouble
from storage.model import Progress
from storage.patience import DiskWatch
from storage.store import Store
from tests.fakes.sites import run_virtual
from tests.fakes.virtual import VirtualClock


class Disk:
    """Remembers each write of progress; refuses while full."""

    def __init__(self) -> None:
        self.writes: list[list[Progress]] = []
        self.folder, self.full = Path(), False

    async def save_progress(self, rows: list[Progress]) -> None:
        if self.full:
            raise DiskTrouble("full")
        self.writes.append(rows)


def kept(script: Callable[[House, Disk], Any]) -> None:
    """Run `script` beside a house that writes what it notes."""

    async def main() -> None:
        clock, disk = VirtualClock(asyncio.get_running_loop()), Disk()
        house = House(cast(Store, disk), clock, Vitals("", 0, tuple), DiskWatch(clock))
        writing = asyncio.create_task(house.write_for_ever())
        try:
            await script(house, disk)
        finally:
            writing.cancel()

    run_virtual(main())


def test_what_says_only_that_a_target_was_polled_again_waits_for_company() -> None:
    async def script(house: House, disk: Disk) -> None:
        row = Progress(target="t", health="ok")
        house.note(row)
        await asyncio.sleep(PROGRESS_S + 0.1)
        assert [len(rows) for rows in disk.writes] == [1]
        for polls in range(1, 9):
            house.note(replace(row, polls=polls))
            await asyncio.sleep(1)
        assert len(disk.writes) == 1
        await asyncio.sleep(QUIET_S)
        assert [rows[0].polls for rows in disk.writes] == [0, 8]

    kept(script)


def test_a_change_of_health_is_written_at_once_with_the_counts_as_they_are() -> None:
    async def script(house: House, disk: Disk) -> None:
        row = Progress(target="t", health="ok")
        house.note(row)
        await asyncio.sleep(2)
        house.note(replace(row, polls=5))
        house.note(replace(row, polls=5, health="blocked", reason="captcha"))
        await asyncio.sleep(PROGRESS_S + 0.1)
        assert (disk.writes[-1][0].polls, disk.writes[-1][0].health) == (5, "blocked")

    kept(script)


def test_many_rows_are_written_in_pieces_and_none_is_lost_when_the_disk_refuses() -> None:
    async def script(house: House, disk: Disk) -> None:
        disk.full = True
        for number in range(3 * AT_ONCE + 1):
            house.note(Progress(target=f"t{number}", health="ok"))
        await asyncio.sleep(20)
        assert not disk.writes
        disk.full = False
        await asyncio.sleep(20)
        assert [len(rows) for rows in disk.writes] == [AT_ONCE] * 3 + [1]
        assert len({row.target for rows in disk.writes for row in rows}) == 3 * AT_ONCE + 1

    kept(script)


async def test_a_start_does_not_wait_until_every_file_of_the_store_was_looked_at() -> None:
    surveyed = asyncio.Event()

    class Large(Disk):
        """A store of which it takes long to say whether it is whole."""

        async def load_progress(self) -> dict[str, Progress]:
            return {"market": Progress(target="market")}

        async def damage(self) -> tuple[str, ...]:
            await surveyed.wait()
            return ("blob of a row is missing: 00",)

    clock = VirtualClock(asyncio.get_running_loop())
    house = House(cast(Store, Large()), clock, Vitals("", 0, tuple), DiskWatch(clock))
    async with asyncio.timeout(5):
        await house.load()
    assert set(house.rows) == {"market"}
    surveying = asyncio.create_task(house.survey())
    surveyed.set()
    await surveying
    assert house.damage == ("blob of a row is missing: 00",)


def test_the_oldest_good_poll_that_is_told_is_of_a_target_that_is_due() -> None:
    async def script(house: House, _disk: Disk) -> None:
        now = house._clock.now()

        def ago(name: str, seconds: float, health: str = "ok") -> Progress:
            return Progress(target=name, health=health, last_good_at=now - timedelta(seconds=seconds))

        def told() -> float | None:
            house.show_targets()
            return house._vitals.registry.get_sample_value("nightjar_oldest_good_poll_age_seconds")

        assert told() == 0.0
        for row in (ago("a", 40), ago("b", 90, "failing"), ago("c", 9_000, "paused"), Progress(target="d")):
            house.note(row)
        assert told() == 90.0

    kept(script)
