"""While the disk refuses: alerts go out from memory, each once, and the marks are made up for."""

from __future__ import annotations

import asyncio
import contextlib
import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot import rescue
from bot.dispatch import Dispatcher, Line
from bot.rescue import Hands, Losses, Rescue, gap_facts
from bot.unwritten import MOST_WAITING, UnwrittenAlerts
from bot.vitals import Vitals
from storage.clock import SystemClock
from storage.errors import NotSent, Uncertain, Unsendable
from storage.model import Alert, AlertId, AlertKind, Tier
from storage.patience import DiskWatch
from storage.store import Store
from tests.bot.test_dispatch import FakeChannel, Tally, alerted, night, no_sheet
from tests.fakes.jump import JumpClock
from tests.fakes.words import NIGHT


@contextmanager
def nothing_may_be_written() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with contextlib.redirect_stdout(io.StringIO()):  # the tests' own capture is a file
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def word(number: int, tier: Tier = Tier.HIGH) -> Alert:
    return Alert(
        alert_id=AlertId(f"{number:032x}"),
        kind=AlertKind.NOTICE,
        tier=tier,
        created_at=NIGHT,
        notice=f"word {number}",
    )


def test_the_loudest_waits_in_front_and_the_oldest_quiet_one_makes_room() -> None:
    queue = UnwrittenAlerts()
    for number in range(MOST_WAITING):
        queue.add(word(number, Tier.NORMAL), ("c",))
    queue.add(word(9_000, Tier.URGENT), ("c",))
    queue.add(word(9_001, Tier.HIGH), ("c",))
    assert (queue.depth(), queue.forgotten) == (MOST_WAITING, 2)
    taken = [queue.take("c") for _ in range(3)]
    assert [w.alert.notice for w in taken if w] == ["word 9000", "word 9001", "word 2"]
    assert queue.take("other") is None


def test_what_no_database_holds_is_delivered_once_through_faults(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        queue = UnwrittenAlerts()
        channel = FakeChannel(NotSent("429", retry_after_s=30), Uncertain("lost"))
        lines = {"c": Line(channel=channel, wants_sheet=False, repeatable=True)}
        dispatcher = Dispatcher(
            store, lines, clock, sheet=no_sheet, tally=Tally(), disk=DiskWatch(clock), unwritten=queue
        )
        task = asyncio.create_task(dispatcher.run())
        queue.add(word(1), ("c",))
        dispatcher.poke()
        await clock.sleep(120)
        assert (channel.tries, len(channel.told), queue.depth()) == (3, 1, 0)
        channel.errors = [Unsendable("no")]
        queue.add(word(2), ("c",))
        queue.add(word(3), ("c",))
        dispatcher.poke()
        await clock.sleep(60)
        assert [d.alert.notice for d, _ in channel.told] == ["word 1", "word 3"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    night(tmp_path, body)


def test_what_the_outbox_holds_goes_out_once_though_its_marks_cannot_be_written(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        await alerted(store, 1)
        disk = DiskWatch(clock)
        disk.led = True
        channel = FakeChannel()
        lines = {"c": Line(channel=channel, wants_sheet=False, repeatable=False)}
        dispatcher = Dispatcher(store, lines, clock, sheet=no_sheet, tally=Tally(), disk=disk)
        with nothing_may_be_written():
            task = asyncio.create_task(dispatcher.run())
            await clock.sleep(120)
        assert len(channel.told) == 1
        assert disk.trouble
        assert disk.put_off == 2
        assert await disk.make_up() == 2
        disk.over()
        await clock.sleep(120)
        assert len(channel.told) == 1
        assert await store.deliveries_due("c", clock.now()) == ()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    night(tmp_path, body)


async def test_an_idle_daemon_notices_a_disk_that_refuses_within_ten_seconds(
    tmp_path: Path, monkeypatch: object
) -> None:
    assert rescue.PROBE_S < 10 - 2
    clock = SystemClock()
    store = await Store.open(tmp_path, clock)
    disk, told = DiskWatch(clock), []

    async def tell(text: str) -> None:
        told.append(text)

    async def keep() -> None:
        """Nothing is held."""

    hands = Hands(keep=keep, losses=Losses, tell=tell)
    one = Rescue(store, disk, clock, hands, Vitals("127.0.0.1", 0, tuple), spare_bytes=lambda: 2**62)
    with nothing_may_be_written():
        await one._look()
        assert disk.trouble
        await one._endure()
        await one._endure()
        assert len(told) == 1
    await one._endure()
    assert disk.trouble == ""
    assert len(told) == 1
    await one._look()  # what comes and goes is told once: its end, when the next look finds all well
    assert len(told) == 2
    rows = await store.vault.database.rows("SELECT count(*) FROM leaf WHERE kind = 'gap'")
    assert rows[0][0] == 1
    await store.close()


def test_a_gap_says_from_when_to_when_why_and_how_much() -> None:
    losses = Losses(captured=3, told=2, kept=1, given_up=2)
    facts = gap_facts(NIGHT, NIGHT, "full", losses, late=4, forgotten=5)
    assert set(facts.values()) >= {"full", "3", "2", "1", "4", "5"}
    assert all(isinstance(value, str) for value in facts.values())
