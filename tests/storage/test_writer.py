"""The one writer: batches, failures that stay with their caller, and cancellation everywhere."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench import cancel, store_kills
from bench._looks import look, watched
from bench.figures import Result
from storage import writer
from storage.clock import SystemClock
from storage.errors import DatabaseTrouble, DiskTrouble
from storage.patience import DiskWatch
from storage.sqlite_client import QuickExitClient
from storage.store import Store
from storage.tree import Frontier
from storage.writer import Batch
from tests.storage.kit import HandClock, opened


def figures(result: Result) -> dict[str, float]:
    return {figure.name: figure.value for figure in result.figures}


async def test_a_failing_job_does_not_take_its_neighbours_down(store: Store, clock: HandClock) -> None:
    async def wrong_sql(batch: Batch) -> None:
        batch.many("INSERT INTO nowhere VALUES (?)", (1,))

    async def bug(_: Batch) -> None:
        raise KeyError("a bug")

    async def twice(batch: Batch) -> None:
        for _ in range(2):
            batch.many("INSERT INTO blob (sha256, size_bytes) VALUES (?, ?)", ("same", 1))

    jobs = [
        store.seal(look("1", clock.now())),
        store.vault.submit(wrong_sql),
        store.save_watched([watched("1", clock.now())]),
        store.vault.submit(bug),
        store.vault.submit(twice),
        store.seal(look("2", clock.now())),
    ]
    one, wrong, _, broken, doubled, two = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(wrong, DatabaseTrouble)
    assert isinstance(broken, KeyError)
    assert isinstance(doubled, DatabaseTrouble)
    assert {e.evidence_id for e in await store.unjudged()} == {one.evidence_id, two.evidence_id}  # type: ignore[union-attr]
    assert (await store.root())[0] == 2
    assert await store.vault.database.rows("SELECT 1 FROM blob WHERE sha256 = 'same'") == []


async def test_a_lock_held_by_a_stranger_is_no_end_and_costs_one_wait(store: Store, clock: HandClock) -> None:
    waits_ms = 300
    await store.vault.submit(lambda batch: batch.rows(f"PRAGMA busy_timeout = {waits_ms}"))
    disk, began = DiskWatch(clock), SystemClock().monotonic()
    with closing(sqlite3.connect(store.vault.database.path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        jobs = [disk.once(lambda: store.notify("x", announce=())) for _ in range(20)]
        met = await asyncio.gather(*jobs, return_exceptions=True)
        assert all(isinstance(error, DiskTrouble) for error in met), met
        assert "holds the database" in disk.trouble
        assert SystemClock().monotonic() - began < len(jobs) * waits_ms / 1000
        stranger.execute("ROLLBACK")
    await store.log_event("config", {})
    assert (await store.root())[0] == 1


async def test_a_failed_job_leaves_no_leaf_behind(store: Store) -> None:
    async def leaf_then_failure(batch: Batch) -> None:
        from storage import ledger

        ledger.append(batch, "config", {}, store.clock.now())
        await batch.flush()
        raise RuntimeError("after the leaf")

    with pytest.raises(RuntimeError, match="after the leaf"):
        await store.vault.submit(leaf_then_failure)
    assert await store.root() == (0, Frontier().root().hex())
    assert await store.log_event("config", {}) == 0


async def test_many_jobs_share_one_transaction(store: Store) -> None:
    seen: set[int] = set()

    async def job(batch: Batch) -> None:
        seen.add(id(batch))

    await asyncio.gather(*(store.vault.submit(job) for _ in range(200)))
    assert len(seen) <= 3  # the first may go alone


async def test_a_batch_sees_its_own_rows_before_they_are_committed(store: Store) -> None:
    async def job(batch: Batch) -> int:
        batch.many("INSERT INTO blob (sha256, size_bytes) VALUES (?, ?)", ("x", 7))
        return int((await batch.rows("SELECT size_bytes FROM blob WHERE sha256 = 'x'"))[0][0])

    assert await store.vault.submit(job) == 7


async def test_a_full_queue_makes_callers_wait_and_loses_nothing(store: Store) -> None:
    gate = asyncio.Event()

    async def held(_: Batch) -> None:
        await gate.wait()

    async def count(_: Batch) -> int:
        return 1

    holding = asyncio.create_task(store.vault.submit(held))
    await asyncio.sleep(0)
    callers = [asyncio.create_task(store.vault.submit(count)) for _ in range(3_000)]
    await asyncio.sleep(0.05)
    assert store.vault.writer is not None
    assert store.vault.writer._queue.full()
    gate.set()
    await holding
    assert sum(await asyncio.gather(*callers)) == 3_000


async def test_close_writes_what_was_queued(tmp_path: Path, clock: HandClock) -> None:
    store = await Store.open(tmp_path, clock)
    sealing = [asyncio.create_task(store.seal(look(str(n), clock.now()))) for n in range(30)]
    saving = [asyncio.create_task(store.save_watched([watched(str(n), clock.now())])) for n in range(30)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*sealing, *saving)
    async with opened(tmp_path, clock) as again:
        assert len(await again.unjudged()) == 30


async def test_cancelling_close_itself_does_not_break_it(tmp_path: Path, clock: HandClock) -> None:
    store = await Store.open(tmp_path, clock)
    sealing = asyncio.create_task(store.seal(look("1", clock.now())))
    await asyncio.sleep(0)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await store.close()
    await sealing
    async with opened(tmp_path, clock) as again:
        assert len(await again.unjudged()) == 1


@pytest.mark.slow
async def test_a_storm_of_cancellations_leaves_the_database_usable(tmp_path: Path) -> None:
    found = figures(await cancel.storm(tmp_path / "data", 800, random.SystemRandom().randrange(1_000_000)))
    assert found["cancellations"] >= 800
    assert (found["wedged"], found["acknowledged_lost"], found["verify_faults"], found["refused"]) == (
        0,
        0,
        0,
        0,
    )


@pytest.mark.slow
async def test_killed_at_random_instants_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    found = figures(await store_kills.kills(tmp_path / "data", 8, random.SystemRandom().randrange(1_000_000)))
    assert found["kills"] == 8
    assert found["acknowledged"] > 0
    assert (found["acknowledged_lost"], found["rows_without_blob"]) == (0, 0)
    assert (found["verify_faults"], found["left_unjudged"]) == (0, 0)


async def test_a_connection_that_breaks_is_made_anew(store: Store, clock: HandClock) -> None:
    first = await store.seal(look("1", clock.now()))

    async def breaks(batch: Batch) -> None:
        batch.many("INSERT INTO blob (sha256, size_bytes) VALUES (?, ?)", ("lost", 1))
        await batch.flush()
        await store.vault.database.writer._connection.close()  # type: ignore[union-attr]
        raise RuntimeError("the file system went away")

    with pytest.raises(RuntimeError, match="went away"):
        await store.vault.submit(breaks)
    second = await store.seal(look("2", clock.now()))
    assert await store.unjudged() == (first, second)
    assert await store.vault.database.rows("SELECT 1 FROM blob WHERE sha256 = 'lost'") == []


async def test_a_transaction_somebody_left_open_is_rolled_back(store: Store, clock: HandClock) -> None:
    client = store.vault.database.writer
    await client.execute_script("BEGIN")
    await client.execute_query("INSERT INTO blob (sha256, size_bytes) VALUES ('stray', 1)")
    with pytest.raises(DatabaseTrouble, match="within a transaction"):
        await store.save_watched([watched("1", clock.now())])
    await store.save_watched([watched("1", clock.now())])
    assert await store.vault.database.rows("SELECT 1 FROM blob WHERE sha256 = 'stray'") == []


class Visits:
    """Counts what is asked of a connection's thread: each visit costs two turns of the loop."""

    def __init__(self, client: QuickExitClient) -> None:
        connection: Any = client._connection
        self.count = self.now = self.most_at_once = 0
        self._execute, connection._execute = connection._execute, self._counted

    async def _counted(self, *call: Any, **more: Any) -> Any:
        self.count, self.now = self.count + 1, self.now + 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            return await self._execute(*call, **more)
        finally:
            self.now -= 1


async def test_a_transaction_is_one_visit_to_its_thread_and_one_for_each_question(
    store: Store, clock: HandClock
) -> None:
    visits = Visits(store.vault.database.writer)
    await store.seal(look("1", clock.now()), watched=watched("1", clock.now()))
    assert visits.count == 1

    async def asks(batch: Batch) -> object:
        batch.many("INSERT INTO blob (sha256, size_bytes) VALUES (?, ?)", ("x", 7))
        return (await batch.rows("SELECT size_bytes FROM blob WHERE sha256 = 'x'"))[0][0]

    assert await store.vault.submit(asks) == 7
    assert visits.count == 1 + 2


async def test_the_number_of_changed_rows_is_that_of_the_statement_alone(store: Store) -> None:
    async def job(batch: Batch) -> tuple[int, int]:
        for name in ("a", "b", "c"):
            batch.many("INSERT INTO blob (sha256, size_bytes) VALUES (?, ?)", (name, 1))
        change = "UPDATE blob SET size_bytes = 2 WHERE sha256 >= ?"
        return await batch.run(change, ("b",)), await batch.run(change, ("z",))

    assert await store.vault.submit(job) == (2, 0)


async def test_no_question_waits_for_the_loop_to_wake_whoever_asked_before(store: Store) -> None:
    visits = Visits(store.vault.database.reader)
    answers = await asyncio.gather(*(store.vault.database.rows("SELECT ?", (n,)) for n in range(20)))
    assert [rows[0][0] for rows in answers] == list(range(20))
    assert visits.most_at_once == 20


_A_WHILE = (
    "WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up LIMIT 20000) SELECT max(n) FROM up"
)


def _read_without_a_break(path: Path, ended: threading.Event) -> None:
    """Two readers, of whom one has always begun before the other ends."""
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as one,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        while not ended.is_set():
            for reader, before in ((one, other), (other, one)):
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM blob").fetchall()
                reader.execute(_A_WHILE).fetchall()
                if before.in_transaction:
                    before.execute("COMMIT")


async def _add_nine_thousand_bytes(step: int, batch: Batch) -> None:
    batch.many("INSERT INTO erasing (sha256) VALUES (?)", (f"{step:09000}",))


async def test_readers_who_never_pause_do_not_let_the_write_ahead_log_grow(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LONG_LOG_BYTES", 1_000_000)
    path, ended, longest = store.vault.database.path, threading.Event(), 0
    reading = asyncio.create_task(asyncio.to_thread(_read_without_a_break, path, ended))
    try:
        for step in range(1_000):
            await store.vault.submit(partial(_add_nine_thousand_bytes, step))
            longest = max(longest, path.with_name(f"{path.name}-wal").stat().st_size)
    finally:
        ended.set()
        await reading
    assert longest < 20_000_000  # 37 without emptying; 5 with nothing beside, 12 seen on a busy machine
