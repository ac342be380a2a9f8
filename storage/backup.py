"""Backing up a data folder beside a live watch: consistent, incremental, verified.

    <dest>/generation-000007/nightjar.db   an online copy: one instant of it, through SQLite's backup API
    <dest>/generation-000007/checkpoint    the newest checkpoint note of that copy, when it has one
    <dest>/generation-000007/keys/         its owner's alone; the key that signs only when asked for
    <dest>/blobs/                          every file that copy names, by the same names
    <dest>/backup.json                     what the whole should be, written last: see `generations`

The database is copied first and its files after it, so no file that it names can be missing:
files are never removed while a watch runs but by retention, and those are named as faults.
Files that are there already are hashed, not copied. Until `backup.json` is replaced the
earlier backup stays whole; when the new one has losses, the last whole one stays beside it.
What no backup names any more is removed at the end. Sources: https://sqlite.org/backup.html
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from storage import generations, keys
from storage.blobs import Blobs
from storage.clock import Clock
from storage.codec import stamp
from storage.errors import DamagedBlob, DatabaseTrouble, DiskTrouble
from storage.files import fsync, on_disk, sha256_of_file, write_whole
from storage.generations import CHECKPOINT, INVENTORY, BackupTrouble, Inventory, open_copy, read_inventory
from storage.recovery import DATABASE

LOCK = "backup.lock"
Progressed = Callable[[int, int], None]
"""Called with (done, total) files."""
_PAGES_AT_ONCE = 4_096
_TOLD = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What one run did. mended: files of the backup that were damaged and were copied anew.

    removed: files that no backup names any more, since they were erased in the store.
    """

    inventory: Inventory
    copied: int
    copied_bytes: int
    kept: int
    mended: tuple[str, ...]
    removed: int = 0

    @property
    def whole(self) -> bool:
        """Whether everything the log names is in the backup."""
        return not self.inventory.missing


def backup(
    folder: Path,
    dest: Path,
    clock: Clock,
    *,
    with_keys: bool = False,
    drop_earlier: bool = False,
    tell: Progressed | None = None,
) -> BackedUp:
    """Bring the backup in `dest` up to the present of the data folder. For threads.

    A copy with losses does not take the place of the last whole one, which stays beside it
    unless drop_earlier. Raises BackupTrouble, DatabaseTrouble, DiskTrouble; the earlier backup is
    then as it was, or the new one is finished and only what is superfluous could not be removed.
    """
    _refuse_nested(folder, dest)
    with on_disk(dest), _locked(dest):
        before = read_inventory(dest) if (dest / INVENTORY).exists() else None
        generation = generations.coming(dest)
        run = _Copying(Blobs(folder), Blobs(dest), tell or (lambda _done, _total: None))
        try:
            (dest / generation).mkdir(mode=0o750)
            made = _make(folder, dest / generation, run, before, with_keys=with_keys)
        except BaseException:
            shutil.rmtree(dest / generation, ignore_errors=True)
            raise
        inventory = replace(made, generation=generation, made_at=stamp(clock.now()))
        if inventory.missing and not drop_earlier and (whole := generations.last_whole(dest, before)):
            inventory = replace(inventory, earlier=replace(whole, with_keys=whole.with_keys and with_keys))
        generations.publish(dest, inventory)
        removed = generations.tidy(dest, inventory)
    return BackedUp(
        inventory=inventory,
        copied=run.copied,
        copied_bytes=run.copied_bytes,
        kept=run.kept,
        mended=tuple(run.mended[:_TOLD]),
        removed=removed,
    )


def _make(
    folder: Path, place: Path, run: _Copying, before: Inventory | None, *, with_keys: bool
) -> Inventory:
    """A generation in a new folder, and its files; its inventory without time and name."""
    copy = place / DATABASE
    _copy_database(folder / DATABASE, copy)
    with closing(open_copy(copy)) as connection:
        origin, size, root = head_of(connection)
        if before is not None and before.origin != origin:
            raise BackupTrouble(f"{place.parent} holds the backup of another store: name another folder")
        run.all_of(connection)
        note = newest_note(connection)
    if note:
        write_whole(place / CHECKPOINT, note.encode(), mode=0o644)
    _copy_keys(folder / keys.FOLDER, place / keys.FOLDER, with_secret=with_keys)
    more = len(run.missing) - _TOLD
    return Inventory(
        origin=origin,
        made_at="",
        size=size,
        root=root,
        blobs=run.copied + run.kept,
        bytes=run.bytes,
        database_sha256=sha256_of_file(copy),
        with_keys=with_keys,
        missing=(*run.missing[:_TOLD], *([f"and {more} more"] if more > 0 else [])),
    )


# --- the database ------------------------------------------------------------------


def _copy_database(source: Path, copy: Path) -> None:
    """One instant of a live database, as a file without a write-ahead log. Raises DatabaseTrouble."""
    if not source.exists():
        raise DatabaseTrouble(f"{source}: no database here yet; has the watch ever run?")
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(copy)) as made,
        ):
            live.execute("BEGIN")  # one snapshot: a busy watch would make the copy begin again and again
            live.execute("SELECT 1 FROM head").fetchall()
            live.backup(made, pages=_PAGES_AT_ONCE)
            made.execute("PRAGMA journal_mode = DELETE")
            fault = made.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise DatabaseTrouble(f"{source}: {error}") from error
    if fault != "ok":
        raise DatabaseTrouble(f"{source}: {fault}")
    fsync(copy)


def head_of(connection: sqlite3.Connection) -> tuple[str, int, str]:
    """(origin, size, root) of the log. Raises DatabaseTrouble."""
    try:
        rows = connection.execute("SELECT origin, size, root FROM head WHERE id = 1").fetchall()
    except sqlite3.Error as error:
        raise DatabaseTrouble(f"the copy of the database cannot be read: {error}") from error
    if not rows:
        raise DatabaseTrouble("the database has no log yet; has the watch ever run?")
    return str(rows[0][0]), int(rows[0][1]), str(rows[0][2])


def newest_note(connection: sqlite3.Connection) -> str:
    """The newest checkpoint note of a database, or ""."""
    try:
        rows = connection.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchall()
    except sqlite3.OperationalError:  # a store from before there were checkpoints
        return ""
    return str(rows[0][0]) if rows else ""


# --- the files ---------------------------------------------------------------------


class _Copying:
    """Copies what is not there yet, and hashes what is."""

    def __init__(self, source: Blobs, dest: Blobs, tell: Progressed) -> None:
        self._source, self._dest, self._tell = source, dest, tell
        self.copied = self.copied_bytes = self.kept = self.bytes = 0
        self.missing: list[str] = []
        self.mended: list[str] = []
        self._folders: set[Path] = set()

    def all_of(self, connection: sqlite3.Connection) -> None:
        """Every file that the copy of the database names, in order of name."""
        total = connection.execute("SELECT count(*) FROM blob").fetchone()[0]
        self._dest.prepare()
        for done, name in enumerate(blob_names(connection), 1):
            self._one(name)
            self._tell(done, total)
        for folder in self._folders:
            fsync(folder)

    def _one(self, name: str) -> None:
        there = self._dest.has(name)
        if there:
            try:
                self.bytes += len(self._dest.load(name))
            except DamagedBlob:
                self.mended.append(name)
            else:
                self.kept += 1
                return
        try:
            data = self._source.load(name)
        except (DamagedBlob, DiskTrouble) as damage:
            self.missing.append(f"{name}: {damage}")
            return
        self._folders |= put_blob(self._dest, name, data)
        self.copied += 1
        self.copied_bytes += len(data)
        self.bytes += len(data)


def blob_names(connection: sqlite3.Connection) -> Iterator[str]:
    """Names of the files that a database names, in order, in pages."""
    after = ""
    sql = "SELECT sha256 FROM blob WHERE sha256 > ? ORDER BY sha256 LIMIT 5000"
    while page := connection.execute(sql, (after,)).fetchall():
        yield from (row[0] for row in page)
        after = page[-1][0]


def put_blob(blobs: Blobs, name: str, data: bytes) -> set[Path]:
    """Write a blob under its name, replacing a damaged one; the folders that must be fsynced."""
    path = blobs.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = blobs.temporary / uuid.uuid4().hex
    write_whole(temporary, data, mode=0o440)
    temporary.replace(path)
    return {path.parent, path.parent.parent}


def _copy_keys(source: Path, dest: Path, *, with_secret: bool) -> None:
    """Everything under `keys/` but the anchor, which is a statement of the live store; secrets when asked."""
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        inside = path.relative_to(source)
        secret = path.name == keys.SECRET
        if not path.is_file() or path.name in (keys.ANCHOR, LOCK) or (secret and not with_secret):
            continue
        copy_key(path, dest / inside)


def copy_key(path: Path, aim: Path) -> None:
    """A file of `keys/`, for its owner alone, in folders that are too: `callback` is secret as well."""
    keys.make_folder(aim.parent)
    write_whole(aim, path.read_bytes(), mode=0o600)


# --- what is refused, and small parts ------------------------------------------------


def _refuse_nested(folder: Path, dest: Path) -> None:
    live, aim = folder.resolve(), dest.resolve()
    if aim == live or live in aim.parents or aim in live.parents:
        raise BackupTrouble(f"{dest}: a backup may not lie in the data folder, nor that in the backup")


@contextlib.contextmanager
def _locked(dest: Path) -> Iterator[None]:
    dest.mkdir(mode=0o750, parents=True, exist_ok=True)
    descriptor = os.open(dest / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupTrouble(f"{dest}: another backup is being made there") from None
        yield
    finally:
        os.close(descriptor)
