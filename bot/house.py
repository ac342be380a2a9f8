"""Keeping house: progress to disk, health to metrics, and whether the daemon is fit for the night.

Reads what polls left behind and nothing of the scheduler, as the dead-man check (`overdue`) does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

from bot.vitals import Vitals
from storage.clock import Clock
from storage.errors import DiskTrouble
from storage.model import Progress
from storage.patience import PAUSE_S, DiskWatch, disk_bytes, free_bytes
from storage.store import Store

PROGRESS_S = 1.0
"""How long changes of progress gather before they are written, in one transaction."""
HOUSE_S = 30.0
"""How often health is counted, the disk looked at and reviews checked."""
LEAST_FREE_BYTES = 500_000_000
LEAST_FREE_SHARE = 0.05
"""Less free room than the smaller of both is trouble before the disk says so."""


class House:
    """The rows of progress, and what is said of them. One per daemon."""

    def __init__(self, store: Store, clock: Clock, vitals: Vitals, disk: DiskWatch) -> None:
        self._store, self._clock, self._vitals, self._disk = store, clock, vitals, disk
        self._dirty: dict[str, Progress] = {}
        self._noted = asyncio.Event()
        self.rows: dict[str, Progress] = {}
        self.damage: tuple[str, ...] = ()

    async def load(self) -> None:
        """Read the progress of the last run, and whether the store is whole."""
        self.rows = await self._store.load_progress()
        self.damage = await self._store.damage()

    def note(self, row: Progress) -> None:
        """Keep a target's progress; it reaches the disk within `PROGRESS_S`."""
        self._dirty[row.target] = self.rows[row.target] = row
        self._noted.set()

    async def write_for_ever(self) -> None:
        """Write what was noted."""
        while True:
            await self._noted.wait()
            await self._clock.sleep(PROGRESS_S)
            self._noted.clear()
            if not await self.flush():
                self._noted.set()
                await self._clock.sleep(PAUSE_S)

    async def flush(self) -> bool:
        """Write what was noted and not yet written; False when the disk refuses: it stays noted."""
        dirty, self._dirty = self._dirty, {}
        if not dirty:
            return True
        try:
            await self._disk.once(lambda: self._store.save_progress(list(dirty.values())))
        except DiskTrouble:
            self._dirty = {**dirty, **self._dirty}
            return False
        return True

    async def keep(self) -> None:
        """Count health for ever."""
        while True:
            self.show_targets()
            await self._clock.sleep(HOUSE_S)

    def troubles(self) -> tuple[str, ...]:
        """Why the daemon is not fit for the night as far as the store goes; empty is ready."""
        found = [*self.damage]
        if self._disk.trouble:
            found.append(f"disk: {self._disk.trouble}")
        try:
            if free_bytes(self._store.folder) < self.least_free_bytes():
                found.append("disk: nearly full")
        except DiskTrouble as refused:
            found.append(f"disk: {refused}")
        return tuple(found)

    def least_free_bytes(self) -> int:
        """Free room below which the daemon is not fit for the night: a fixed size, less on a small disk."""
        return min(LEAST_FREE_BYTES, int(disk_bytes(self._store.folder) * LEAST_FREE_SHARE))

    def show_targets(self) -> None:
        """Set the gauges of the targets' health, the oldest good poll and the free disk."""
        now, oldest = self._clock.now(), 0.0
        for row in self.rows.values():
            if row.last_good_at is not None and row.health not in ("paused", "expired", "unfilled"):
                oldest = max(oldest, (now - row.last_good_at).total_seconds())
        self._vitals.targets.clear()
        for health, count in Counter(row.health for row in self.rows.values()).items():
            self._vitals.targets.labels(health).set(count)
        self._vitals.oldest_good_poll_age_seconds.set(oldest)
        with contextlib.suppress(DiskTrouble):
            self._vitals.disk_free_bytes.set(free_bytes(self._store.folder))
