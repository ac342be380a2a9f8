"""What memory holds while the disk refuses: bounded, and nothing in hand is pushed out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench._looks import look, watched
from storage.model import Evidence, Snapshot, Tier
from storage.patience import DiskWatch
from storage.store import Store
from tests.storage.kit import HandClock, opened
from watchers import unkept
from watchers.unkept import Unkept, size_of


class Sealing(Store):
    """A store whose first seal waits at a gate, as on a slow disk."""

    gate: asyncio.Event
    began: asyncio.Event

    async def seal(self, *given: object, **named: object) -> Evidence:
        self.began.set()
        await self.gate.wait()
        return await super().seal(*given, **named)  # type: ignore[arg-type]


class Memory:
    """Captures in memory before a real store."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        self.clock, self.tier, self.submitted = clock, Tier.NONE, list[Evidence]()
        self.busy: set[tuple[str, str]] = set()
        self.store = Sealing(store.folder, store.vault, store._keeper)
        self.store.gate, self.store.began = asyncio.Event(), asyncio.Event()
        self.unkept = Unkept(self.store, DiskWatch(clock), self.busy, judge=self._judge, submit=self._submit)

    async def _judge(self, _snapshot: Snapshot, _why: str) -> Tier:
        return self.tier

    async def _submit(self, evidence: Evidence) -> None:
        self.submitted.append(evidence)

    async def take(self, name: str) -> Snapshot:
        at = self.clock.tick()
        snapshot = look(name, at, pictures=0)
        await self.unkept.take(snapshot, watched(name, at))
        return snapshot

    def sealed(self) -> list[str]:
        return [evidence.post.post_id for evidence in self.submitted]


async def test_a_loud_capture_pushes_none_out_that_is_being_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unkept, "MOST_POSTS", 3)
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        memory = Memory(store, clock)
        for name in "123":
            await memory.take(name)
        keeping = asyncio.create_task(memory.unkept.keep_all())
        await memory.store.began.wait()
        memory.tier = Tier.URGENT
        await memory.take("4")
        memory.store.gate.set()
        await keeping
        assert memory.sealed() == ["1", "3", "4"]
        counts = memory.unkept.counts
        assert (counts.captured, counts.kept, counts.given_up) == (4, 3, 1)
        assert memory.unkept.depth == 0
        memory.unkept.reset()
        assert memory.busy == set()


async def test_a_later_look_at_a_post_that_is_being_sealed_is_sealed_too(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        memory = Memory(store, clock)
        await memory.take("1")
        keeping = asyncio.create_task(memory.unkept.keep_all())
        await memory.store.began.wait()
        await memory.take("1")
        memory.store.gate.set()
        await keeping
        assert memory.sealed() == ["1", "1"]
        assert memory.busy == set()


async def test_a_later_look_takes_the_room_of_the_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    size_bytes = size_of(look("1", clock.now(), pictures=0))
    monkeypatch.setattr(unkept, "MOST_BYTES", 5 * size_bytes // 2)
    async with opened(tmp_path / "data", clock) as store:
        memory = Memory(store, clock)
        for name in "112":
            await memory.take(name)
        assert memory.unkept.depth == 2
        assert memory.unkept.counts.given_up == 0
