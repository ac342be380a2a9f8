"""What a start finds unjudged is judged once, also while what comes in is judged beside it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storage.model import Evidence
from storage.store import Store
from tests.detect.test_furniture import Silent, market, shown
from watchers.judging import Bench


class Counting(Silent):
    """Counts verdicts."""

    def __init__(self) -> None:
        self.count = 0

    def judged(self, _tier: str, _took_s: float) -> None:
        self.count += 1


def test_what_is_judged_while_the_store_is_asked_is_judged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def night() -> int:
        async with market(tmp_path) as (store, clock, bench):
            one = await shown(store, clock, "1", "old ivory cup", "https://example.org/1.jpg")
            return await caught_up(store, bench, one, monkeypatch)

    assert asyncio.run(night()) == 1


async def caught_up(store: Store, bench: Bench, one: Evidence, monkeypatch: pytest.MonkeyPatch) -> int:
    counting, read = Counting(), store.unjudged
    monkeypatch.setattr(bench, "_meter", counting)

    async def late(limit: int = 500) -> tuple[Evidence, ...]:
        rows = await read(limit)
        await bench.drain()
        return rows

    monkeypatch.setattr(store, "unjudged", late)
    working = asyncio.create_task(bench.run())
    await bench.submit(one)
    await bench.catch_up()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return counting.count
