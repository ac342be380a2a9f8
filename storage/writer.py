"""The one writer task: every change of the database goes through here.

Callers hand in a job and wait for its future; the task takes what is waiting, runs it in
one transaction and answers after COMMIT. Callers may be cancelled at any instant, the
task never is, so a transaction is never torn (a cancelled one of tortoise wedges SQLite
for ever: docs/decisions/0003). A failing job takes nobody down: the batch is rolled back and its jobs
run again one by one, so a job may run twice and must change nothing but its `Batch`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tortoise.models import Model

from storage.database import Database, Row, translated, trouble
from storage.errors import Busy, DatabaseTrouble
from storage.sqlite_client import QuickExitClient
from storage.tree import Frontier

T = TypeVar("T")
_QUEUE_JOBS = 1_000
_BATCH_JOBS = 256
LONG_LOG_BYTES = 32 * 1024 * 1024
"""A write-ahead log that is longer is emptied, though readers must wait for that."""
_LOOKED_AT_EVERY = 64
"""Batches between two looks at its length."""
_READERS_MS = 250
"""For so long whoever reads may keep it, and the batches waiting."""
_HEAD = "UPDATE head SET size = ?, root = ?, frontier = ? WHERE id = 1"


class Batch:
    """One transaction. Rows are collected and written in bulk right before anything is read.

    `frontier` is the log's right edge as this transaction leaves it.
    """

    def __init__(self, client: QuickExitClient, frontier: Frontier) -> None:
        self.frontier = frontier
        self.urgent = False
        """Set it when what was added must be signed at once."""
        self._client = client
        self._begun = False
        self._rows: dict[type[Model], list[Model]] = {}
        self._many: dict[str, list[list[Any]]] = {}

    def add(self, row: Model) -> None:
        """Insert a row, at the latest at the end of the batch."""
        self._rows.setdefault(type(row), []).append(row)

    def many(self, sql: str, values: Sequence[object]) -> None:
        """Run a statement for these values, after the inserts; equal statements go together."""
        self._many.setdefault(sql, []).append(list(values))

    async def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Rows of a SELECT that sees everything the batch did so far."""
        return (await self._together(sql, values))[1]

    async def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement now; the number of rows it changed."""
        return (await self._together(sql, values))[0]

    async def commit(self, before: Frontier) -> None:
        """Write the rest, and the log's new head when leaves were added, and end the transaction."""
        if self.frontier.size != before.size:
            peaks = "".join(peak.hex() for peak in self.frontier.peaks)
            self.many(_HEAD, (self.frontier.size, self.frontier.root().hex(), peaks))
        await self._together("COMMIT")

    async def flush(self) -> None:
        """Write what was collected."""
        if self._rows or self._many:
            await self._together()

    async def _together(self, sql: str = "", values: Sequence[object] = ()) -> tuple[int, list[Row]]:
        """What was collected and one more statement. The transaction begins in the visit of the first."""
        found = await self._client.together(self._collected(), sql, list(values), begin=not self._begun)
        self._begun = True
        return found

    def _collected(self) -> list[tuple[str, list[list[Any]]]]:
        """The statements for all that was collected; it counts as written then."""
        rows, self._rows = self._rows, {}
        many, self._many = self._many, {}
        return [self._insert(model, instances) for model, instances in rows.items()] + list(many.items())

    def _insert(self, model: type[Model], instances: list[Model]) -> tuple[str, list[list[Any]]]:
        """As bulk_create, without its savepoint: the batch is the unit that fails."""
        executor = self._client.executor_class(model=model, db=self._client)
        made_by_us = instances[0].pk is not None
        names = executor.regular_columns_all if made_by_us else executor.regular_columns
        insert = executor.insert_query_all if made_by_us else executor.insert_query
        columns = [model._meta.fields_map[name] for name in names]  # noqa: SLF001 -- as the executor does
        values = [
            [c.to_db_value(getattr(row, n), row) for n, c in zip(names, columns, strict=True)]
            for row in instances
        ]
        return insert, values


Job = Callable[[Batch], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job[Any]
    answer: asyncio.Future[Any]


class Writer:
    """Owner of the writing connection. When its queue is full, callers wait."""

    def __init__(self, database: Database) -> None:
        self.frontier = Frontier()
        """The log as committed; set it before the first leaf is added."""
        self.news, self.urgent = asyncio.Event(), asyncio.Event()
        """The log grew; it grew by what must be signed at once. Whoever signs clears them."""
        self._database = database
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(_QUEUE_JOBS)
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Start the task; it ends in `close` and nowhere else."""
        self._task = asyncio.create_task(self._work(), name="storage-writer")

    async def submit(self, job: Job[T]) -> T:
        """The job's result, once it is durable. Cancelling the wait does not stop a job that was queued.

        Raises what the job raised, DiskTrouble, or DatabaseTrouble (also when closed).
        """
        if self._closed or self._task is None or self._task.done():
            raise DatabaseTrouble("the store is closed")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_looked_at)
        await self._queue.put(_Waiting(job, answer))
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Write everything that was queued, then end. Twice is harmless."""
        if self._task is None:
            return
        if not self._closed:
            self._closed = True
            await self._queue.put(None)
        await asyncio.shield(self._task)

    async def _work(self) -> None:
        going, batches = True, 0
        while going:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH_JOBS and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            going = None not in batch
            await self._write([waiting for waiting in batch if waiting is not None])
            batches += 1
            if batches % _LOOKED_AT_EVERY == 0:
                await self._shorten()

    async def _shorten(self) -> None:
        """A fault is nobody's here: the next commit meets it too."""
        with contextlib.suppress(sqlite3.Error, OSError, ValueError, AssertionError):
            await self._database.writer.shorten(LONG_LOG_BYTES, _READERS_MS)

    async def _write(self, batch: list[_Waiting]) -> None:
        """Answer every job of a batch, whatever happens; one by one when the batch fails."""
        try:
            results = await self._transaction(batch)
        except Exception as error:  # noqa: BLE001 -- whatever it was, it belongs to its caller
            await self._settle()
            if len(batch) == 1 or isinstance(error, Busy):  # nobody's fault: each would wait as long again
                for waiting in batch:
                    _fail(waiting, error)
            else:
                for waiting in batch:
                    await self._write([waiting])
            return
        for waiting, result in zip(batch, results, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(result)

    async def _transaction(self, batch: list[_Waiting]) -> list[Any]:
        """The batch between BEGIN and COMMIT.

        Not tortoise's `in_transaction`: it keeps its lock for ever when BEGIN fails.
        """
        client = self._database.writer
        with translated():
            await client.create_connection(with_db=True)  # nothing to do but after `_settle` gave one up
            work = Batch(client, self.frontier)
            results = [await waiting.job(work) for waiting in batch]
            await work.commit(self.frontier)
        if work.frontier.size != self.frontier.size:
            self.news.set()
        if work.urgent:
            self.urgent.set()
        self.frontier = work.frontier
        return results

    async def _settle(self) -> None:
        """Leave no transaction open after a failure; a connection that cannot do that is given up."""
        client = self._database.writer
        connection = client._connection  # noqa: SLF001 -- tortoise offers no other way
        if connection is None:
            return
        try:
            if connection.in_transaction:
                await client.together((), "ROLLBACK")
        except Exception:  # noqa: BLE001 -- SQLite rolls back what it closes
            client._connection = None  # noqa: SLF001
            connection.stop()  # without waiting: its thread may be gone


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error if not isinstance(error, OSError) else trouble(error))


def _looked_at(answer: asyncio.Future[Any]) -> None:
    """A caller that was cancelled never fetches its error: no warning about that."""
    if not answer.cancelled():
        answer.exception()
