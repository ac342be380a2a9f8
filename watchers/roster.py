"""All watches of this process, each supervised, and the changes an admin makes to them.

A site's trouble is handled inside its `Watch`. What gets out of one is a fault of ours
or of the disk: a disk or database trouble ends the program loudly, anything else is
logged, told to the admin once, and that target alone starts again after a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from storage.errors import StoreError
from storage.model import Progress, Target
from watchers import cadence
from watchers.kit import Kit
from watchers.watch import Watch

log = structlog.get_logger(__name__)


class Roster:
    """Runs one `Watch` per target. `run` ends by cancellation or a StoreError."""

    def __init__(self, kit: Kit, progress: Mapping[str, Progress]) -> None:
        self._kit = kit
        self._progress = dict(progress)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.watches: dict[str, Watch] = {}
        self._group: asyncio.TaskGroup | None = None
        self._wanted: dict[str, Target] = {}
        if kit.pacing is not None:
            kit.pacing.follow(lambda: self.watches, self._repace)

    async def run(self, targets: Iterable[Target]) -> None:
        """Watch `targets`, and what `set_targets` makes of them, for ever."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await self.set_targets(targets)
            await asyncio.get_running_loop().create_future()

    async def set_targets(self, targets: Iterable[Target]) -> None:
        """Start, restart and stop watches so that exactly `targets` are watched.

        An unchanged target goes on undisturbed. What a stopped watch had begun is sealed.
        """
        self._wanted = {t.name: t for t in targets}
        if self._kit.pacing is not None:
            self._kit.pacing.set_targets(self._wanted.values())
        gone = [n for n, w in self.watches.items() if self._wanted.get(n) != w.target]
        stopping = [self._tasks.pop(n) for n in gone if n in self._tasks]
        ended = [self.watches.pop(n) for n in gone]
        for watch in ended:
            self._progress[watch.target.name] = watch.progress
        for task in stopping:
            task.cancel()
        await asyncio.gather(*stopping, return_exceptions=True)
        for watch in ended:
            watch.claims.end()
        for name, target in self._wanted.items():
            if name not in self._tasks:
                self._start(name, target)

    def note_progress(self, progress: Progress) -> None:
        """Remember how far a target is, for a restart of its watch."""
        self._progress[progress.target] = progress

    def _repace(self, name: str, before_s: float, interval_s: float) -> None:
        """A target's interval has changed while it waits."""
        watch = self.watches.get(name)
        if watch is not None:
            watch.repace(before_s, interval_s)

    def _start(self, name: str, target: Target) -> None:
        if self._group is None:
            raise RuntimeError("set_targets before run")
        self._tasks[name] = self._group.create_task(self._supervise(target), name=f"watch {name}")

    async def _supervise(self, target: Target) -> None:
        faults = 0
        while True:
            spread = cadence.first_poll_within(len(self._wanted))
            watch = Watch(target, self._progress.get(target.name), self._kit, first_within_s=spread)
            self.watches[target.name] = watch
            try:
                await watch.run()
            except* StoreError:
                raise
            except* Exception as fault:
                faults += 1
                log.exception("watch failed and starts again", target=target.name)
                if faults == 1:
                    kinds = ", ".join(sorted({type(e).__name__ for e in _leaves(fault)}))
                    await self._kit.tell_admin(f"target {target.name}: fault in the watch itself: {kinds}")
            watch.claims.end()
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # a group's own error hid the stop
                raise asyncio.CancelledError
            await self._kit.clock.sleep(cadence.backoff(faults, target.interval_s, target.name))


def _leaves(fault: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in fault.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
