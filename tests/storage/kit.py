"""A clock moved by hand, a store on real files, ways to spoil and to check it: for the tests of this room."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.casefile import VerifyReport, verify
from storage.recovery import DATABASE
from storage.store import Store

DUSK = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)


class HandClock:
    """It is what it was told to be; every `tick` moves it on."""

    speed = 1.0

    def __init__(self, start: datetime = DUSK) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - DUSK).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.tick(seconds)
        await asyncio.sleep(0)

    def tick(self, seconds: float = 1.0) -> datetime:
        self._now += timedelta(seconds=seconds)
        return self._now


@asynccontextmanager
async def opened(folder: Path, clock: HandClock | None = None) -> AsyncIterator[Store]:
    """A store that is closed at the end, whatever happens."""
    store = await Store.open(folder, clock or HandClock())
    try:
        yield store
    finally:
        await store.close()


async def report_on(folder: Path) -> VerifyReport:
    """What a full check says of a store that lies there."""
    reader = await Store.open_reader(folder, HandClock())
    try:
        return await verify(reader)
    finally:
        await reader.close()


NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """The rights of an account that owns nothing; only root can take them on and off."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def change(folder: Path, sql: str, *values: object) -> int:
    """Change rows behind the store's back; how many, at least one."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        changed = connection.execute(sql, values).rowcount
    assert changed > 0, sql
    return changed
