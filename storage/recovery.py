"""Opening and closing a data folder, and what a crash may have left in it.

Start: lock, migrate, refuse a log that was rolled back (`checkpoints.guard`), sweep
temporaries, mark deliveries a crash left half sent, finish a rotation of the key, and say in
the log when nothing can tell whether it was rolled back. Then, in
a thread beside the first polls, compare blob files with rows (both in order of name, so
memory stays flat): files without rows are listed, rows without files are damage.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from storage import checkpoints, keys, ledger, migrating, outbox, turning
from storage.blobs import Blobs, names
from storage.clock import Clock
from storage.codec import stamp
from storage.database import Database
from storage.errors import DatabaseTrouble, DiskTrouble, InUse, KeyTrouble
from storage.threads import in_thread
from storage.vault import Vault
from storage.writer import Batch, Writer

DATABASE = "nightjar.db"
LOCK = "writer.lock"
GAP = "gap"
"""The kind of log entry that says what the log does not hold."""
_TOLD = 100
"""How many missing or strange files are named one by one."""


class Lock:
    """The right to write a data folder, held by one process until closed or dead."""

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise DiskTrouble(f"{path}: {error}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise InUse(f"{path.parent}: process {holder or '?'} is writing here already") from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give it back. Twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_written(folder: Path) -> bool:
    """Whether a process holds the right to write this data folder now: as a rule the watch."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class Keeper:
    """Holds the lock and the result of the comparison of files with rows."""

    def __init__(self, lock: Lock | None, odd: str = "") -> None:
        self.quarantine: tuple[str, ...] = ()
        self.odd = odd
        self._lock = lock
        self._closed = False
        self._survey: asyncio.Task[tuple[str, ...]] | None = None

    def start(self, vault: Vault) -> None:
        """Begin the comparison."""
        self._survey = asyncio.create_task(self._compare(vault), name="storage-survey")

    async def damage(self, vault: Vault) -> tuple[str, ...]:
        """The result of the comparison, waited for the first time, made anew afterwards."""
        if self._survey is not None and not self._closed:
            survey, self._survey = self._survey, None
            return await asyncio.shield(survey)
        return await self._compare(vault)

    async def _compare(self, vault: Vault) -> tuple[str, ...]:
        missing, strange = await in_thread(compare, vault.database.path, vault.blobs)
        self.quarantine = strange
        aside = [f"damaged blob put aside: {p.name}" for p in _listed(vault.blobs.damaged)]
        return (*(f"blob of a row is missing: {name}" for name in missing), *aside)

    async def close(self, vault: Vault) -> None:
        """Everything begun, queued and open, in reverse order of opening."""
        if self._closed:
            return
        await vault.drain()
        if vault.writer is not None:
            await vault.writer.close()
        await vault.blobs.close()
        if self._survey is not None:
            await asyncio.wait([self._survey])
            self._survey.exception()  # its finder was never asked
        try:
            await vault.database.close()
        finally:
            self._closed = True
            if self._lock is not None:
                self._lock.release()


async def open_for_writing(
    folder: Path, clock: Clock, *, guarded: bool = True, sparing: bool = False
) -> tuple[Vault, Keeper]:
    """See `Store.open`. guarded: False to open a log that was rolled back, to admit it."""
    lock, blobs = _take(folder)
    odd = ""
    try:
        if sparing:
            await migrating.apart(folder / DATABASE)
        database = await Database.open(folder / DATABASE, writable=True)
        try:
            if guarded:
                odd = await checkpoints.guard(folder, database)
            vault = await _begin(folder, database, blobs, clock)
            if odd:
                odd = await _say_odd(vault, odd)
            await _have_key(vault)
        except BaseException:
            await database.close()
            raise
    except BaseException:
        lock.release()
        raise
    keeper = Keeper(lock, odd)
    keeper.start(vault)
    return vault, keeper


def _take(folder: Path) -> tuple[Lock, Blobs]:
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error}") from error
    lock = Lock(folder / LOCK)
    try:
        blobs = Blobs(folder)
        blobs.prepare()
    except BaseException:
        lock.release()
        raise
    return lock, blobs


async def _begin(folder: Path, database: Database, blobs: Blobs, clock: Clock) -> Vault:
    writer = Writer(database)
    writer.start()

    async def job(batch: Batch) -> None:
        await ledger.make_head(batch)
        await outbox.mark_uncertain_after_crash(batch)

    try:
        await writer.submit(job)
        head = await ledger.head(database)
        writer.frontier = head.frontier()
    except BaseException:
        await writer.close()
        raise
    return Vault(
        folder=folder, database=database, blobs=blobs, clock=clock, origin=head.origin, writer=writer
    )


async def _have_key(vault: Vault) -> None:
    """A signing key from the first start on; what is wrong with one is for whoever signs to tell."""
    signed_before = await checkpoints.latest(vault.database) is not None
    with contextlib.suppress(KeyTrouble, DiskTrouble):
        await _finish_rotation(vault)
        await in_thread(keys.ensure, vault.folder, vault.origin, signed_before=signed_before)


async def _finish_rotation(vault: Vault) -> None:
    """Put a successor in use that the log has announced and a crash kept from it."""
    coming = await in_thread(turning.waiting, vault.folder)
    sql = "SELECT 1 FROM leaf WHERE kind = 'key' AND instr(entry, ?) LIMIT 1"
    if coming and await vault.database.rows(sql, (f'"new":"{coming}"',)):
        await in_thread(turning.put_in_use, vault.folder, vault.origin)
        await ledger.log_event(vault, "key", {"act": "in use", "key": coming})


async def _say_odd(vault: Vault, odd: str) -> str:
    """Write into the log that nothing shows whether it was put back: what is odd, and which entry says so.

    Before anything is signed: signing writes a new anchor, and would wipe the trace away.
    """
    newest = await checkpoints.latest(vault.database)
    facts = {
        "reason": "keys/anchor was missing or damaged at start: whether the log was put back to an "
        "earlier state cannot be told",
        "found": odd.replace(f"{vault.folder}{os.sep}", ""),
        "from": "" if newest is None else stamp(newest.at),
        "until": stamp(vault.clock.now()),
    }
    return f"{odd}; entry {await ledger.log_event(vault, GAP, facts)} of the log says so"


async def open_for_reading(folder: Path, clock: Clock) -> tuple[Vault, Keeper]:
    """See `Store.open_reader`."""
    database = await Database.open(folder / DATABASE, writable=False)
    try:
        head = await ledger.head(database)
    except BaseException:
        await database.close()
        raise
    vault = Vault(
        folder=folder, database=database, blobs=Blobs(folder), clock=clock, origin=head.origin, writer=None
    )
    return vault, Keeper(None)


def compare(database: Path, blobs: Blobs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names of rows without a file, files without a row), by one walk over both in order.

    Files that appear while it walks are looked up again before they are called strange.
    In a thread, with a connection of its own. Raises DatabaseTrouble, DiskTrouble.
    """
    missing: list[str] = []
    lost = 0
    strange: list[str] = []
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            for name, has_row, has_file in _merge(_rows(connection), names(blobs.folder)):
                if has_row and not has_file and not blobs.has(name):
                    lost += 1
                    missing += [name] if lost <= _TOLD else []
                elif has_file and not has_row and not _has_row(connection, name):
                    strange.append(name)
    except sqlite3.Error as error:
        raise DatabaseTrouble(f"{database}: {error}") from error
    except OSError as error:
        raise DiskTrouble(f"{blobs.folder}: {error}") from error
    more = (f"and {lost - _TOLD} more",) if lost > _TOLD else ()
    return (*missing, *more), tuple(strange)


def strange(connection: sqlite3.Connection, blobs: Blobs) -> tuple[str, ...]:
    """Names of files that no row names, by a walk over all of them. For threads."""
    return tuple(
        name
        for name, has_row, _ in _merge(_rows(connection), names(blobs.folder))
        if not has_row and not _has_row(connection, name)
    )


def _rows(connection: sqlite3.Connection) -> Iterator[str]:
    """Names in order, in pages, so that no read stays open and holds the WAL back."""
    after = ""
    while page := connection.execute(
        "SELECT sha256 FROM blob WHERE sha256 > ? ORDER BY sha256 LIMIT 5000", (after,)
    ).fetchall():
        yield from (row[0] for row in page)
        after = page[-1][0]


def _has_row(connection: sqlite3.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM blob WHERE sha256 = ?", (name,)).fetchone() is not None


def _merge(rows: Iterator[str], files: Iterator[str]) -> Iterator[tuple[str, bool, bool]]:
    row, file = next(rows, None), next(files, None)
    while row is not None or file is not None:
        if file is None or (row is not None and row < file):
            yield row or "", True, False
            row = next(rows, None)
        elif row is None or file < row:
            yield file, False, True
            file = next(files, None)
        else:
            yield row, True, True
            row, file = next(rows, None), next(files, None)


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
