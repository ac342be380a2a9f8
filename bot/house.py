"""Keeping house: progress to disk, health to metrics, overdue targets to the admin.

Reads what polls left behind and nothing of the scheduler, so it notices a scheduler that
has silently stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from bot.vitals import Vitals
from storage.clock import Clock
from storage.errors import DiskTrouble
from storage.model import Progress, Target
from storage.patience import PAUSE_S, DiskWatch, disk_bytes, free_bytes
from storage.store import Store

PROGRESS_S = 1.0
"""How long changes of progress gather before they are written, in one transaction."""
HOUSE_S = 30.0
"""How often health is counted, the disk looked at and reviews checked."""
LEAST_FREE_BYTES = 500_000_000
LEAST_FREE_SHARE = 0.05
"""Less free room than the smaller of both is trouble before the disk says so."""
OVERDUE_INTERVALS = 3.0
"""A target that was not polled for so many intervals, although it is due, is overdue."""
MOST_STRETCH = 20.0
"""A row that claims more was not written by this program; its target is overdue all the same."""
GRACE_S = 30.0


class House:
    """The rows of progress, and what is said of them. One per daemon."""

    def __init__(self, store: Store, clock: Clock, vitals: Vitals, disk: DiskWatch) -> None:
        self._store, self._clock, self._vitals, self._disk = store, clock, vitals, disk
        self._started_at = clock.now()
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

    async def keep(
        self,
        live: Callable[[], Iterable[Target]],
        due_since: Callable[[Target], datetime | None],
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        """Count health for ever and tell of each target that becomes overdue, once."""
        warned: set[str] = set()
        while True:
            self.show_targets()
            await self._clock.sleep(HOUSE_S)
            late = set(self.overdue(live(), due_since))
            for name in sorted(late - warned):
                await tell(f"target {name} is overdue: not polled for several intervals")
            warned = late

    def overdue(
        self, live: Iterable[Target], due_since: Callable[[Target], datetime | None]
    ) -> tuple[str, ...]:
        """Names of the targets that should have been polled by now and were not.

        due_since: when the target's night began, or None by day.
        """
        now, late = self._clock.now(), []
        for target in live:
            dusk = due_since(target)
            if dusk is not None:
                since = max(dusk, self._started_at)
                if is_late(target, self.rows.get(target.name), since, now):
                    late.append(target.name)
        return tuple(late)

    def troubles(self, late: Iterable[str]) -> tuple[str, ...]:
        """Why the daemon is not fit for the night; empty is ready."""
        found = [*self.damage]
        if self._disk.trouble:
            found.append(f"disk: {self._disk.trouble}")
        try:
            if free_bytes(self._store.folder) < self.least_free_bytes():
                found.append("disk: nearly full")
        except DiskTrouble as refused:
            found.append(f"disk: {refused}")
        return (*found, *(f"target {name} is overdue" for name in late))

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


def is_late(target: Target, row: Progress | None, since: datetime, now: datetime) -> bool:
    """Whether a due target was not polled for too long; one that asked for a pause is not late. Pure."""
    held = row.retry_at if row is not None else None
    if held is not None and held > now:
        return False
    last = max(filter(None, (row.last_poll_at if row else None, held, since)))
    return (now - last).total_seconds() > OVERDUE_INTERVALS * allotted_s(target, row) + GRACE_S


def allotted_s(target: Target, row: Progress | None) -> float:
    """The interval that a target is to be polled at: stretched where budgets are short. Pure."""
    pace = row.pace if row is not None else None
    if pace is None or pace.configured_s != target.interval_s:
        return target.interval_s
    return min(max(target.interval_s, pace.interval_s), MOST_STRETCH * target.interval_s)
