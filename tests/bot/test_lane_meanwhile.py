"""What changes while a lane is busy with something else counts when it chooses what it says next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from storage import lanes
from storage.errors import DiskTrouble
from storage.model import Alert, AlertId, Tier
from tests.bot.lanes_kit import GROUP, Lanes, night
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


def test_what_is_found_to_have_arrived_while_its_card_is_made_is_not_told_again(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        alert = await work.alert()
        rows = await work.rows("SELECT id FROM delivery WHERE alert_id = ?", alert.alert_id)
        now, vault = work.clock.now(), work.store.vault
        await lanes.again(vault, rows[0][0], now, "nobody knows", uncertain=True)

        async def pressed(_alert: Alert) -> bytes:
            assert work.dispatcher is not None
            await work.dispatcher.arrived(alert.alert_id, GROUP, 5)
            return b""

        work.sheet = pressed
        await work.start()
        await work.clock.sleep(30)
        assert cards(work.group.seen()) == []
        assert await work.rows("SELECT state, receipt FROM delivery") == [("delivered", "photo:5")]

    night(tmp_path, body)
