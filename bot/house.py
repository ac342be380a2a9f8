"""Keeping house: progress to disk, health to metrics, and whether the daemon is fit for the night.

Reads what polls left behind and nothing of the scheduler, as the dead-man check (`overdue`) does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import structlog

from bot.vitals import Vitals
from storage.clock import Clock
from storage.errors import DiskTrouble
from storage.model import Progress
from storage.patience import PAUSE_S, DiskWatch, disk_bytes, free_bytes
from storage.store import Store

log = structlog.get_logger(__name__)

PROGRESS_S = 1.0
"""How long changes of progress gather before they are written."""
QUIET_S = 10.0
"""The same when only times and counts have moved: so much of them a crash may cost."""
AT_ONCE = 200
"""Rows written in one transaction: a few milliseconds of the loop."""
HOUSE_S = 30.0
"""How often health is counted, the disk looked at and reviews checked."""
_NOT_DUE = frozenset({"paused", "expired", "unfilled"})
LEAST_FREE_BYTES = 500_000_000
LEAST_FREE_SHARE = 0.05
"""Less free room than the smaller of both is trouble before the disk says so."""


class House:
    """The rows of progress, and what is said of them. One per daemon."""

    def __init__(self, store: Store, clock: Clock, vitals: Vitals, disk: DiskWatch) -> None:
        self._store, self._clock, self._vitals, self._disk = store, clock, vitals, disk
        self._loud, self._quiet = _Gathered(), _Gathered()
        self.rows: dict[str, Progress] = {}
        self.damage: tuple[str, ...] = ()

    async def load(self) -> None:
        """Read the progress of the last run."""
        self.rows = await self._store.load_progress()

    async def survey(self) -> None:
        """Find whether the store is whole: minutes with millions of posts; polls do not wait."""
        self.damage = await self._store.damage()
        for fault in self.damage:
            log.error("the store is not whole", fault=fault)

    def note(self, row: Progress) -> None:
        """Keep a target's progress; it is written after `PROGRESS_S`, or `QUIET_S` if little is new."""
        before = self.rows.get(row.target)
        if before is row:  # only its counts have moved, in place
            self._quiet.add(row.target)
            return
        self.rows[row.target] = row
        (self._quiet if before is not None and same_standing(before, row) else self._loud).add(row.target)

    async def write_for_ever(self) -> None:
        """Write what was noted."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write(self._loud, PROGRESS_S))
            group.create_task(self._write(self._quiet, QUIET_S))

    async def _write(self, gathered: _Gathered, pause_s: float) -> None:
        while True:
            await gathered.some.wait()
            await self._clock.sleep(pause_s)
            if not await self._flush(gathered):
                await self._clock.sleep(PAUSE_S)

    async def flush(self) -> bool:
        """Write what was noted and not yet written; False when the disk refuses: it stays noted."""
        return await self._flush(self._loud) and await self._flush(self._quiet)

    async def _flush(self, gathered: _Gathered) -> bool:
        names = gathered.take()
        for begin in range(0, len(names), AT_ONCE):
            rows = [self.rows[name] for name in names[begin : begin + AT_ONCE]]
            try:
                await self._disk.once(lambda rows=rows: self._store.save_progress(rows))  # type: ignore[misc]
            except DiskTrouble:
                gathered.add(*names[begin:])
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
        now, rows = self._clock.now(), self.rows.values()
        good = (row.last_good_at for row in rows if row.health not in _NOT_DUE)
        oldest_at = min((at for at in good if at is not None), default=now)
        self._vitals.targets.clear()
        for health, count in Counter(row.health for row in rows).items():
            self._vitals.targets.labels(health).set(count)
        self._vitals.oldest_good_poll_age_seconds.set(max(0.0, (now - oldest_at).total_seconds()))
        with contextlib.suppress(DiskTrouble):
            self._vitals.disk_free_bytes.set(free_bytes(self._store.folder))


class _Gathered:
    """Names of targets whose progress is to be written."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self.some = asyncio.Event()

    def add(self, *names: str) -> None:
        self._names.update(names)
        self.some.set()

    def take(self) -> list[str]:
        """All of them; none is left."""
        names = sorted(self._names)
        self._names.clear()
        self.some.clear()
        return names


def same_standing(old: Progress, new: Progress) -> bool:
    """Whether only counts and times have moved."""
    return (old.health, old.reason, old.failures, old.retry_at) == (
        new.health,
        new.reason,
        new.failures,
        new.retry_at,
    )
