"""Living with a full, read-only or failing disk.

The watch must not end because a disk refused. What can wait is put off (`or_later`), what
must be durable before anything else may happen waits (`patiently`), and what may not wait
is done once (`once`) and, if refused, kept in memory by its owner. `DiskWatch` remembers
the trouble; whoever leads the rescue (bot/rescue.py) ends it with a probe. Damage and
programming errors pass through at once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import uuid
from asyncio import Event
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import structlog

from storage.clock import Clock
from storage.errors import DiskTrouble
from storage.threads import in_thread
from storage.vault import Vault
from storage.writer import Batch

log = structlog.get_logger(__name__)
T = TypeVar("T")
Call = Callable[[], Awaitable[object]]

PAUSE_S = 5.0
"""Between two attempts at a disk that refused."""
MOST_LATER = 10_000
"""Writes put off at most; beyond it the oldest is forgotten and counted."""
RESERVE_BYTES = 64 * 1024 * 1024
RESERVE_SHARE = 0.02
"""Of a small file system the reserve takes no more than this."""
_PROBE_BYTES = 64 * 1024


class DiskWatch:
    """What the disk last refused, since when, and what was put off until it takes again.

    trouble: "" while all is well. led: whether somebody probes the disk and calls `over`;
    without, the first write that succeeds ends the trouble. alarm is set while there is one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.trouble = ""
        self.since: datetime | None = None
        self.waiting = 0
        self.led = False
        self.forgotten = 0
        self.alarm = Event()
        self._later: deque[Call] = deque()

    @property
    def put_off(self) -> int:
        """Writes that wait for the disk in memory."""
        return len(self._later)

    def note(self, trouble: DiskTrouble) -> None:
        """The disk refused something."""
        if not self.trouble:
            log.error("the disk refuses; what is in hand is kept in memory", why=str(trouble))
            self.since = self._clock.now()
        self.trouble = str(trouble) or "the disk refuses"
        self.alarm.set()

    def over(self) -> None:
        """The disk takes again."""
        if self.trouble:
            log.info("the disk takes again")
        self.trouble, self.since = "", None
        self.alarm.clear()

    async def once(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await `call()`; a refusal is noted and raised. Raises DiskTrouble and whatever it raises."""
        try:
            answer = await call()
        except DiskTrouble as trouble:
            self.note(trouble)
            raise
        if not self.led:
            self.over()
        return answer

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await `call()` again and again until the disk takes it. Raises whatever is not DiskTrouble."""
        self.waiting += 1
        try:
            while True:
                try:
                    return await self.once(call)
                except DiskTrouble:
                    await self._clock.sleep(PAUSE_S)
        finally:
            self.waiting -= 1

    async def or_later(self, call: Call) -> bool:
        """Await `call()` now, or put it off when the disk refuses; whether it was done now.

        While there is trouble it is put off at once, so that writes keep their order.
        """
        if not self.trouble or not self.led:
            try:
                await self.once(call)
            except DiskTrouble:
                pass
            else:
                return True
        self.later(call)
        return False

    def later(self, call: Call) -> None:
        """Put a write off until the disk takes again; the oldest is forgotten when there are too many."""
        if len(self._later) >= MOST_LATER:
            self._later.popleft()
            self.forgotten += 1
        self._later.append(call)

    async def make_up(self) -> int:
        """Do what was put off, oldest first; how much it was. Raises DiskTrouble: the rest stays."""
        done = 0
        while self._later:
            call = self._later.popleft()  # in hand: what comes meanwhile must not push it out
            try:
                await self.once(call)
            except BaseException:
                self._later.appendleft(call)
                raise
            done += 1
        return done


class Reserve:
    """A file that holds room: removed when the disk is full, made again when there is room.

    With it the log of the trouble, the alerts and the last evidence still find a place.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "reserve"

    @property
    def is_there(self) -> bool:
        """Whether it holds room now; False too when the disk does not say."""
        try:
            return self.path.exists()
        except OSError:
            return False

    def size_bytes(self) -> int:
        """What it should hold here."""
        return min(RESERVE_BYTES, int(shutil.disk_usage(self.path.parent).total * RESERVE_SHARE))

    def make(self, spare_bytes: int) -> bool:
        """Make it if `spare_bytes` are left free beside it; whether it is there. For threads."""
        try:
            size = self.size_bytes()
            if self.path.exists() and self.path.stat().st_size == size:
                return True
            if shutil.disk_usage(self.path.parent).free < size + spare_bytes:
                return False
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("no reserve could be made", why=str(error))
            self.free()
            return False
        return True

    def free(self) -> int:
        """Give the room back; how many bytes it was. For threads."""
        try:
            size = self.path.stat().st_size
            self.path.unlink()
        except OSError:
            return 0
        return size


def free_bytes(folder: Path) -> int:
    """Bytes left on the file system of `folder`. For threads. Raises DiskTrouble."""
    try:
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error.strerror or error}") from error


def disk_bytes(folder: Path) -> int:
    """Size of the file system of `folder`. Raises DiskTrouble."""
    try:
        return shutil.disk_usage(folder).total
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error.strerror or error}") from error


async def touch(folder: Path) -> None:
    """Write, fsync and remove a small file among the temporaries. Raises DiskTrouble."""
    await in_thread(_touch, folder / "tmp" / f"probe-{uuid.uuid4().hex}")


def _touch(path: Path) -> None:
    try:
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            raise DiskTrouble(f"{path.parent}: the file system is read-only")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(bytes(_PROBE_BYTES))
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
    except OSError as error:
        raise DiskTrouble(f"a file cannot be written: {error.strerror or error}") from error


async def probe(vault: Vault) -> None:
    """Whether files and database take a write right now. Raises DiskTrouble."""
    await touch(vault.folder)
    # Another value each time: SQLite writes nothing when a row is set to what it is already.
    other = secrets.randbits(31)

    async def job(batch: Batch) -> None:
        await batch.run(f"PRAGMA user_version = {other}")

    await vault.submit(job)
