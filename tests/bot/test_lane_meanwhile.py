"""What changes while a lane is busy with something else counts when it chooses what it says next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from storage.errors import DiskTrouble
from storage.model import AlertId, Tier
from tests.bot.lanes_kit import Lanes, night
from tests.bot.test_lanes import cards
from tests.fakes.jump import JumpClock

UNWRITTEN = AlertId("0" * 32)


class Ticking(JumpClock):
    """As a real one: no two instants are the same."""

    _looked = 0

    def now(self) -> datetime:
        self._looked += 1
        return super().now() + timedelta(microseconds=self._looked)


def test_a_disk_that_takes_again_while_memory_is_told_has_nothing_told_twice(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        await work.clock.sleep(1)
        work.disk.led = True
        work.disk.note(DiskTrouble("full"))
        first = await work.alert()
        await work.clock.sleep(3)
        assert cards(work.group.seen()) == [first.alert_id]
        assert work.disk.put_off > 0
        work.unwritten.add(replace(first, alert_id=UNWRITTEN), ("c",))
        work.poke()
        await work.clock.sleep(0.05)  # in the middle of that call
        await work.disk.make_up()
        work.disk.over()
        await work.clock.sleep(30)
        assert len(work.group.seen()) == 2
        assert cards(work.group.seen()).count(first.alert_id) == 1

    night(tmp_path, body)


def test_an_urgent_alert_that_came_while_memory_was_told_goes_first(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        first = await work.alert()
        await work.clock.sleep(3)
        work.unwritten.add(replace(first, alert_id=UNWRITTEN), ("c",))
        quiet = await work.alert(Tier.NORMAL)
        await work.clock.sleep(0.05)
        urgent = await work.alert(Tier.URGENT)
        await work.clock.sleep(30)
        told = cards(work.group.seen())
        assert told.index(urgent.alert_id) < told.index(quiet.alert_id)

    night(tmp_path, body)


def test_what_is_gathered_is_told_at_once_though_time_goes_on_meanwhile(tmp_path: Path) -> None:
    """Its own delivery is due an instant after the turn began."""

    async def body(work: Lanes) -> None:
        for _ in range(5):
            await work.alert(Tier.URGENT)
        await work.start()
        await work.clock.sleep(4)
        assert await work.rows("SELECT count(*) FROM delivery WHERE state <> 'delivered'") == [(0,)]

    night(tmp_path, body, clock_of=Ticking)
