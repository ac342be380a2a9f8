"""Who was judged too soon is on record from the verdict's transaction on, in bounded number."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bench._looks import judgement
from storage import erasure, late
from storage.database import Database
from storage.model import Evidence, Tier
from storage.recovery import DATABASE
from storage.retention import Rules
from storage.store import Store
from tests.fakes.schema import the_long_way
from tests.storage.kit import HandClock, opened
from tests.storage.test_items import sealed
from tests.storage.test_schema import migrate_to


async def judged_too_soon(store: Store, clock: HandClock, number: str) -> Evidence:
    evidence = await sealed(store, clock, number)
    await store.record(judgement(evidence, clock.tick(), Tier.NONE), announce=(), too_soon=True)
    return evidence


async def waiting(store: Store) -> list[str]:
    return [one.evidence_id for one in await late.waiting(store.vault.database)]


async def test_it_stands_with_the_verdict_and_goes_when_it_is_done(store: Store, clock: HandClock) -> None:
    first, second = [await judged_too_soon(store, clock, number) for number in "12"]
    assert await waiting(store) == [first.evidence_id, second.evidence_id]
    await late.begin(store.vault, second.evidence_id)
    await late.wait(store.vault, second.evidence_id)  # waits already: what was counted stays
    await late.done(store.vault, first.evidence_id)
    assert [one.times for one in await late.waiting(store.vault.database)] == [1]
    await late.wait(store.vault, "nobody's")
    assert await waiting(store) == [second.evidence_id]


async def test_of_very_many_the_latest_are_kept(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "MOST", 2)
    kept = [await judged_too_soon(store, clock, number) for number in "1234"]
    assert await waiting(store) == [one.evidence_id for one in kept[2:]]


async def test_it_goes_with_the_evidence_when_that_is_erased(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path, clock) as store:
        await judged_too_soon(store, clock, "1")
    clock.tick(timedelta(days=4_000).total_seconds())
    async with opened(tmp_path, clock) as store:
        await erasure.apply(store, Rules(unmatched_days=1, matched_days=1))
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        assert connection.execute("SELECT count(*) FROM late").fetchone() == (0,)


async def test_a_store_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with the_long_way():
        await migrate_to(path, "0013_hint")
        with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.OperationalError):
            connection.execute("SELECT 1 FROM late")
        database = await Database.open(path, writable=True)
        assert await late.waiting(database) == ()
        await database.close()
