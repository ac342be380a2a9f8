"""Leading the daemon through a disk that refuses, also one that will not even say how full it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.rescue import PROBE_S, Hands, Losses, Rescue
from bot.vitals import Vitals
from storage.errors import DiskTrouble
from storage.patience import DiskWatch
from tests.storage.kit import HandClock, opened


class Fast(HandClock):
    """Real seconds between two probes become milliseconds."""

    speed = 0.001 / PROBE_S


async def test_a_disk_that_does_not_say_how_full_it_is_is_a_trouble_and_no_end(tmp_path: Path) -> None:
    clock, told, asked = Fast(), list[str](), 0
    over = asyncio.Event()

    def spare_bytes() -> int:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise DiskTrouble("statvfs: Input/output error")
        return 1 << 60

    async def keep() -> None: ...

    async def tell(text: str) -> None:
        told.append(text)
        if "all is well again" in text:
            over.set()

    async with opened(tmp_path / "data", clock) as store:
        hands = Hands(keep=keep, losses=Losses, tell=tell)
        vitals = Vitals("127.0.0.1", 0, tuple)
        rescue = Rescue(store, DiskWatch(clock), clock, hands, vitals, spare_bytes=spare_bytes)
        running = asyncio.create_task(rescue.run())
        ending = asyncio.create_task(over.wait())
        async with asyncio.timeout(60):
            await asyncio.wait((running, ending), return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running
        running.cancel()
        assert "statvfs: Input/output error" in told[0]
        assert len(told) == 2
