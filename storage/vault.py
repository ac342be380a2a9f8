"""What the parts of the store share: the database, its writer, the blobs, the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from storage.blobs import Blobs
from storage.clock import Clock, Timekeeping
from storage.collection import Collection
from storage.database import Database
from storage.errors import DatabaseTrouble
from storage.writer import Job, Writer

T = TypeVar("T")
_BEGUN_AT_ONCE = 512


@dataclass(kw_only=True)
class Vault:
    """The open parts. writer is None when the store was opened for reading only.

    collection: what every manifest says of operator and configuration; set by the daemon.
    """

    folder: Path
    database: Database
    blobs: Blobs
    clock: Clock
    origin: str
    writer: Writer | None
    collection: Collection = field(default_factory=Collection)
    timekeeping: Timekeeping = field(init=False)
    signing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Checkpoints are signed one after another."""
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    _begun: set[asyncio.Task[Any]] = field(default_factory=set)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_BEGUN_AT_ONCE))

    def __post_init__(self) -> None:
        """One reading of the clock's state is shared by everything that is sealed."""
        self.timekeeping = Timekeeping(self.clock)

    async def submit(self, job: Job[T]) -> T:
        """Run a job in the writer; see `Writer.submit`. Raises DatabaseTrouble on a reading store."""
        if self.writer is None:
            raise DatabaseTrouble("this store was opened for reading; only the running watch writes")
        return await self.writer.submit(job)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Run several steps to their end even when the caller is cancelled in the middle.

        At most 512 such works run at once; more callers wait for a place before anything begins.
        """
        try:
            await self._places.acquire()
        except BaseException:
            work.close()
            raise
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """A block during which nothing that was begun by `finish` runs; what comes waits meanwhile.

        For removing files: between keeping bytes and the row that names them they look unused.
        """
        async with self._alone:
            taken = 0
            try:
                for _ in range(_BEGUN_AT_ONCE):
                    await self._places.acquire()
                    taken += 1
                yield
            finally:
                for _ in range(taken):
                    self._places.release()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._begun.discard(task)
        self._places.release()
        if not task.cancelled():
            task.exception()  # seen here, since the caller may be gone

    async def drain(self) -> None:
        """Wait for everything that was begun."""
        while self._begun:
            await asyncio.wait(set(self._begun))
