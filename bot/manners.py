"""Keeps the counts of the politeness report: from the fetching room into the database.

Every minute, within seconds after a host asked to be left alone, and at the stop. What was
taken over and not written yet waits in memory, hours of a host as one, so a disk that
refuses stops nothing. A kill loses what was counted since the last minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Protocol

import structlog

from storage import manner_rows
from storage.clock import Clock
from storage.errors import DiskTrouble, StoreError
from storage.manners import OTHERS, HostHour, Override, Pause, Taken, merged
from storage.patience import DiskWatch
from storage.store import Store

log = structlog.get_logger(__name__)

EVERY_S = 55.0
REST_S = 5.0
"""At least so long between two writes: together a minute, unless a host asks to be left alone."""
FORGET_S = 6 * 3600.0
PARTS = 250
"""Taken and written in pieces, so that 10,000 hosts hold up neither the loop nor other writes."""
MOST_WAITING = 50_000
"""Hours that wait for a disk by host; beyond it hosts are counted together, pauses given up."""


class Source(Protocol):
    """Where it is counted (`watchers.manners.Manners`)."""

    @property
    def pressing(self) -> asyncio.Event: ...
    def take(self, most: int) -> Taken: ...
    def go_on(self, pauses: Iterable[Pause]) -> None: ...


class MannerKeeper:
    """The one keeper of a daemon."""

    def __init__(self, store: Store, clock: Clock, disk: DiskWatch, source: Source) -> None:
        self._store, self._clock, self._disk, self._source = store, clock, disk, source
        self._hours: dict[tuple[datetime, str], HostHour] = {}
        self._pauses: dict[tuple[datetime, str], Pause] = {}
        self._overrides: list[Override] = []
        self._writing = asyncio.Lock()
        self._trouble = ""

    @property
    def waiting(self) -> int:
        """Parts in memory that are not written yet."""
        return len(self._hours) + len(self._pauses) + len(self._overrides)

    async def load(self) -> None:
        """Keep to the pauses that an earlier run was asked for. Raises StoreError."""
        self._source.go_on(await manner_rows.open_pauses(self._store.vault.database, self._clock.now()))

    async def run(self) -> None:
        """Write for ever; drop what is past its time."""
        forget_s = self._clock.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._source.pressing.wait()
            await self.flush()
            if self._clock.monotonic() >= forget_s:
                forget_s = self._clock.monotonic() + FORGET_S
                await self._forget()
            await self._clock.sleep(REST_S)

    async def flush(self) -> bool:
        """Write all that was counted; False when the store refuses: it waits in memory then.

        May be cancelled: what was begun is finished, and nothing is added twice.
        """
        return await self._store.vault.finish(self._flush())

    async def _flush(self) -> bool:
        async with self._writing:
            while taken := self._source.take(PARTS):
                self._put(taken)
                await asyncio.sleep(0)
            while self.waiting:
                part = self._piece()
                try:
                    await self._disk.once(partial(manner_rows.add, self._store.vault, part))
                except StoreError as refused:
                    self._put(part)
                    self._tell(refused)
                    return False
            self._trouble = ""
            return True

    def _put(self, taken: Taken) -> None:
        """Add what was taken to what waits."""
        for hour in taken.hours:
            key = (hour.hour, hour.host)
            if key not in self._hours and len(self._hours) >= MOST_WAITING:
                key = (hour.hour, OTHERS)
            known = self._hours.get(key)
            if known is not None:
                self._hours[key] = merged(known, hour)
            else:
                self._hours[key] = hour if key[1] == hour.host else replace(hour, host=key[1])
        for pause in taken.pauses:
            key = (pause.asked_at, pause.host)
            if key in self._pauses or len(self._pauses) < MOST_WAITING:
                self._pauses[key] = pause
        self._overrides += taken.overrides[: MOST_WAITING - len(self._overrides)]

    def _piece(self) -> Taken:
        """Some of what waits, taken out."""
        hours = tuple(self._hours.pop(key) for key in tuple(islice(self._hours, PARTS)))
        pauses = tuple(self._pauses.pop(key) for key in tuple(islice(self._pauses, PARTS)))
        overrides, self._overrides = tuple(self._overrides[:PARTS]), self._overrides[PARTS:]
        return Taken(hours=hours, pauses=pauses, overrides=overrides)

    def _tell(self, refused: StoreError) -> None:
        if str(refused) != self._trouble:
            log.warning("counts of politeness wait in memory", why=str(refused), parts=self.waiting)
        self._trouble = str(refused)

    async def _forget(self) -> None:
        try:
            dropped = await manner_rows.forget(self._store.vault, self._clock.now())
        except StoreError as refused:
            if not isinstance(refused, DiskTrouble):
                self._tell(refused)
            return
        if dropped:
            log.info("old counts of politeness dropped", rows=dropped)
