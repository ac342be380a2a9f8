"""Backing up a data folder beside a live watch: consistent, incremental, verified.

    <dest>/nightjar.db     an online copy of the database: one instant of it, through SQLite's backup API
    <dest>/blobs/          every file that copy names, by the same names
    <dest>/keys/           public halves and certificates; the secret only when asked for
    <dest>/checkpoint      the newest checkpoint note of that copy, when it has one
    <dest>/backup.json     what the whole should be, written last: see `Inventory`

The database is copied first and its files after it, so no file that it names can be missing:
files are never removed while a watch runs but by retention, and those are named as faults.
Files that are there already are hashed, not copied. Until `backup.json` is replaced the
earlier backup stays whole. Sources: https://sqlite.org/backup.html
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from storage import keys
from storage.blobs import Blobs
from storage.clock import Clock
from storage.codec import canonical, stamp
from storage.errors import DamagedBlob, DatabaseTrouble, DiskTrouble, StoreError
from storage.files import fsync, on_disk, sha256_of_file, write_whole
from storage.recovery import DATABASE

FORMAT = "nightjar-backup"
VERSION = 1
INVENTORY, CHECKPOINT, LOCK = "backup.json", "checkpoint", "backup.lock"
Progressed = Callable[[int, int], None]
"""Called with (done, total) files."""
_PAGES_AT_ONCE = 4_096
_TOLD = 100


class BackupTrouble(StoreError):
    """A backup cannot be made, or is not what it says. Attribute: first (the first thing wrong)."""

    def __init__(self, first: str) -> None:
        super().__init__(first)
        self.first = first


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What `backup.json` says: of which store, when made, and the log, files and database it must hold.

    size, root: the log of the database's copy. blobs, bytes: the files it names.
    database_sha256: of the copy. missing: files that the live store itself had lost.
    """

    origin: str
    made_at: str
    size: int
    root: str
    blobs: int
    bytes: int
    database_sha256: str
    with_keys: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What one run did. mended: files of the backup that were damaged and were copied anew."""

    inventory: Inventory
    copied: int
    copied_bytes: int
    kept: int
    mended: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether everything the log names is in the backup."""
        return not self.inventory.missing


def backup(
    folder: Path, dest: Path, clock: Clock, *, with_keys: bool = False, tell: Progressed | None = None
) -> BackedUp:
    """Bring the backup in `dest` up to the present of the data folder. For threads.

    Raises BackupTrouble, DatabaseTrouble, DiskTrouble; the earlier backup is then as it was.
    """
    _refuse_nested(folder, dest)
    with on_disk(dest), _locked(dest):
        copy = dest / f"{DATABASE}.new"
        _copy_database(folder / DATABASE, copy)
        with closing(open_copy(copy)) as connection:
            origin, size, root = head_of(connection)
            _refuse_other_store(dest, origin)
            run = _Copying(Blobs(folder), Blobs(dest), tell or (lambda _done, _total: None))
            run.all_of(connection)
            note = newest_note(connection)
        _copy_keys(folder / keys.FOLDER, dest / keys.FOLDER, with_secret=with_keys)
        inventory = Inventory(
            origin=origin,
            made_at=stamp(clock.now()),
            size=size,
            root=root,
            blobs=run.copied + run.kept,
            bytes=run.bytes,
            database_sha256=sha256_of_file(copy),
            with_keys=with_keys,
            missing=tuple(run.missing[:_TOLD]),
        )
        _publish(dest, copy, note, inventory)
    return BackedUp(
        inventory=inventory,
        copied=run.copied,
        copied_bytes=run.copied_bytes,
        kept=run.kept,
        mended=tuple(run.mended[:_TOLD]),
    )


def read_inventory(folder: Path) -> Inventory:
    """What a backup says of itself. Raises BackupTrouble when it is none or an unfinished one."""
    path = folder / INVENTORY
    try:
        kept = json.loads(path.read_bytes())
        if (kept.pop("format"), kept.pop("version")) != (FORMAT, VERSION):
            raise BackupTrouble(f"{path}: a form of backup that this version does not know")
        kept["missing"] = tuple(kept["missing"])
        kept["with_keys"] = kept["with_keys"] == "yes"
        found = Inventory(**kept)
    except FileNotFoundError:
        raise BackupTrouble(f"{path} is missing: no backup, or one that was never finished") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupTrouble(f"{path} cannot be read: {error}") from error
    if not isinstance(found.size, int) or not isinstance(found.root, str):
        raise BackupTrouble(f"{path} cannot be read: size or root is not what it must be")
    return found


# --- the database ------------------------------------------------------------------


def _copy_database(source: Path, copy: Path) -> None:
    """One instant of a live database, as a file without a write-ahead log. Raises DatabaseTrouble."""
    if not source.exists():
        raise DatabaseTrouble(f"{source}: no database here yet; has the watch ever run?")
    for left in (copy, copy.with_name(copy.name + "-wal"), copy.with_name(copy.name + "-shm")):
        left.unlink(missing_ok=True)
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
        copy.unlink(missing_ok=True)
        raise DatabaseTrouble(f"{source}: {error}") from error
    if fault != "ok":
        raise DatabaseTrouble(f"{source}: {fault}")
    fsync(copy)


def open_copy(path: Path) -> sqlite3.Connection:
    """A copy of a database for reading; nothing is written beside it."""
    return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)


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
        aim = dest / inside
        aim.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = aim.with_name(f".{aim.name}")
        write_whole(temporary, path.read_bytes(), mode=0o600 if secret else 0o644)
        temporary.replace(aim)
    if not with_secret and dest.is_dir():
        for left in dest.rglob(keys.SECRET):
            left.unlink()


def _publish(dest: Path, copy: Path, note: str, inventory: Inventory) -> None:
    """Put the new copy in the place of the old one; `backup.json` last."""
    facts = {**asdict(inventory), "format": FORMAT, "version": VERSION}
    facts["with_keys"] = "yes" if inventory.with_keys else "no"
    facts["missing"] = list(inventory.missing)
    fresh = dest / f".{INVENTORY}"
    write_whole(fresh, canonical(facts) + b"\n", mode=0o644)
    if note:
        write_whole(dest / f".{CHECKPOINT}", note.encode(), mode=0o644)
        (dest / f".{CHECKPOINT}").replace(dest / CHECKPOINT)
    copy.replace(dest / DATABASE)
    fresh.replace(dest / INVENTORY)
    fsync(dest)


# --- what is refused, and small parts ------------------------------------------------


def _refuse_nested(folder: Path, dest: Path) -> None:
    live, aim = folder.resolve(), dest.resolve()
    if aim == live or live in aim.parents or aim in live.parents:
        raise BackupTrouble(f"{dest}: a backup may not lie in the data folder, nor that in the backup")


def _refuse_other_store(dest: Path, origin: str) -> None:
    if (dest / INVENTORY).exists() and read_inventory(dest).origin != origin:
        raise BackupTrouble(f"{dest} holds the backup of another store: name another folder")


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
