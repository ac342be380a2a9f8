"""The loop that takes in what commands left: what it tells, and when it does not erase."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from bench._looks import judgement, look, watched
from bot.chores import NIGHT_S, SETTLE_S, TAKE_S, Chores
from storage import spool
from storage.cases import Act, Order
from storage.model import Tier
from storage.retention import Rules
from storage.store import Store
from tests.storage.kit import HandClock, opened

HOLD = Order(act=Act.HOLD, number="C1", officer="badge 12", why="trial")


class Turns(HandClock):
    """Ends the loop that sleeps on it after so many turns."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0

    async def sleep(self, seconds: float) -> None:
        self.left -= 1
        if self.left < 0:
            raise asyncio.CancelledError
        await super().sleep(seconds)


class Watch:
    """A loop over a store with one old post, past its settling."""

    def __init__(self, store: Store, clock: Turns) -> None:
        self.store, self._clock, self.told = store, clock, list[str]()
        self.night, self.asked = False, 0
        self._chores = Chores(
            store, clock, rules=lambda: Rules(unmatched_days=30), night=self._is_night, tell=self._tell
        )
        clock.tick(SETTLE_S + 1)

    def _is_night(self) -> bool:
        self.asked += 1
        return self.night

    async def _tell(self, text: str) -> None:
        self.told.append(text)

    async def turns(self, count: int) -> int:
        """Let it run; how many posts are erased then."""
        self._clock.left = count
        with contextlib.suppress(asyncio.CancelledError):
            await self._chores.run()
        return int((await self.store.vault.database.rows("SELECT count(*) FROM tombstone"))[0][0])


async def old_post(store: Store, clock: Turns) -> str:
    at = clock.tick()
    kept = await store.seal(look("1", at, pictures=0), watched=watched("1", at))
    await store.record(judgement(kept, clock.tick(), Tier.NONE), announce=())
    clock.tick(40 * 86_400)
    return kept.evidence_id


async def test_nothing_is_erased_while_an_order_cannot_be_taken_in(tmp_path: Path) -> None:
    clock = Turns()
    async with opened(tmp_path / "data", clock) as store:
        await old_post(store, clock)
        watch = Watch(store, clock)
        events = store.folder / spool.FOLDER
        events.write_bytes(b"in the way")
        assert await watch.turns(3) == 0
        (told,) = watch.told
        assert "nothing is erased meanwhile" in told
        assert str(events) in told
        events.unlink()
        assert await watch.turns(1) == 1
        events.write_bytes(b"in the way again")
        await watch.turns(1)
        assert len(watch.told) == 2, "a new trouble is told anew"


async def test_a_refused_order_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    clock = Turns()
    async with opened(tmp_path / "data", clock) as store:
        await old_post(store, clock)
        reader = await Store.open_reader(store.folder, clock)
        await spool.leave(reader.vault, HOLD.kind, HOLD.facts())
        await reader.close()
        watch = Watch(store, clock)
        assert await watch.turns(2) == 1
        (told,) = watch.told
        assert "(hold) was not done: case C1: there is no such case" in told


async def test_at_night_nothing_is_erased_and_the_windows_are_looked_at_once_a_minute(tmp_path: Path) -> None:
    clock = Turns()
    async with opened(tmp_path / "data", clock) as store:
        await old_post(store, clock)
        watch = Watch(store, clock)
        watch.night = True
        assert await watch.turns(60) == 0
        assert watch.asked <= 1 + 60 * TAKE_S / NIGHT_S
        watch.night = False
        assert await watch.turns(1 + int(NIGHT_S / TAKE_S)) == 1
