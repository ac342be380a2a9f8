"""Bringing a backup back: everything is checked before anything is put in its place.

The copy of the database is staged under `<data>/.restoring`, its files are copied by hash,
and the whole is verified against the backup's own statements: the inventory, the log and
its root, the signed checkpoint. Only then is the database renamed into place. A log that
does not go on from the anchor in `<data>/keys/anchor` is older than what was signed: it is
refused, or, with a written reason, restored with a log entry that names what was lost and
a new signing key: the old one has signed another history. Where there is no whole anchor (the
disk was lost, and it with it) nobody knows what else was signed: the log then says so, and
the old key signs nothing more either.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from storage import anchor, backup, checkpoints, keys, ledger, notes, staging, succession
from storage.backup import Progressed
from storage.clock import Clock
from storage.codec import stamp
from storage.database import Database
from storage.errors import DatabaseTrouble, NotNote, RolledBack
from storage.files import fsync, on_disk
from storage.generations import CHECKPOINT, BackupTrouble, Inventory, open_copy
from storage.recovery import DATABASE, GAP
from storage.staging import STAGE
from storage.store import Store
from storage.threads import in_thread
from storage.verify import verify
from storage.writer import Batch, Writer

WHY_NEW_KEY = "restored from a backup where keys/anchor was missing or damaged"
_NAMED_IN_AN_ENTRY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was brought back. lost: entries the anchor knew and the backup lacks, as (from, before).

    unknown_from: where there was no whole anchor, the entry from which on others may have been.
    """

    inventory: Inventory
    copied: int
    has_key: bool
    lost: tuple[int, int] | None = None
    unknown_from: int | None = None
    entry: int | None = None
    """Index of the log entry that says what was lost, or that it is not known."""
    new_key: str = ""
    """Fingerprint of the key that signs from now on, after a loss that is known or cannot be told."""
    lost_files: tuple[str, ...] = ()
    """Names of the files that neither the backup nor the data folder has whole; the log names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Break:
    """Between what was signed here and the backup. As in `Restored`; entry None: there is none."""

    lost: tuple[int, int] | None = None
    unknown_from: int | None = None
    entry: int | None = None


async def restore(
    source: Path,
    folder: Path,
    clock: Clock,
    *,
    accept_rollback: str = "",
    accept_losses: str = "",
    earlier: bool = False,
    tell: Progressed | None = None,
) -> Restored:
    """Restore the backup in `source` into the data folder, which must have no database.

    accept_losses: the written reason to restore although files are lost; entries of the log name
    each. earlier: the last whole backup that is kept beside one with losses.
    Raises BackupTrouble (the first thing that is not whole), RolledBack (older than what was
    signed here, and no reason given), DatabaseTrouble, DiskTrouble. The folder then still has
    no database; files that were copied stay and are harmless.
    """
    lossy = accept_losses != ""
    inventory = await in_thread(staging.chosen, source, earlier=earlier, lossy=lossy)
    held = inventory.place(source)
    lock = await in_thread(staging.take, folder)
    stage = folder / STAGE
    try:
        copied, gone = await in_thread(
            staging.stage, source, folder, inventory, tell or (lambda _done, _total: None), lossy=lossy
        )
        await _check(held, stage, inventory, clock, gone)
        found = await _against_anchor(folder, stage, inventory, clock, accept_rollback)
        await _say_gone(stage, inventory, clock, gone, accept_losses)
        has_key = await in_thread(_place, held, folder, unknown=found.unknown_from is not None)
    finally:
        await in_thread(shutil.rmtree, stage, True)
        lock.release()
    done = Restored(
        inventory=inventory,
        copied=copied,
        has_key=has_key,
        lost=found.lost,
        unknown_from=found.unknown_from,
        entry=found.entry,
        lost_files=gone,
    )
    return done if found.entry is None else await _turned(done, folder, clock, accept_rollback)


async def _turned(done: Restored, folder: Path, clock: Clock, reason: str) -> Restored:
    """The old key has signed a history that is gone, or may have: it signs nothing of this one."""
    turned = await succession.rotate(
        folder,
        clock,
        why=reason or WHY_NEW_KEY,
        accept_rollback=done.lost is not None,
        vouch=False,
    )
    return replace(done, has_key=True, new_key=turned.new)


# --- checking ------------------------------------------------------------------------


async def _check(
    source: Path, stage: Path, inventory: Inventory, clock: Clock, gone: tuple[str, ...]
) -> None:
    """Every byte, every entry and the root, and the checkpoint's signature. Raises BackupTrouble.

    gone: files whose loss is accepted; that they are missing is no fault, and all else is.
    """
    with closing(open_copy(stage / DATABASE)) as connection:
        newest = backup.newest_note(connection)
        expected = _faults_of(connection, gone)
    if newest:
        await in_thread(_check_note, source, newest, inventory.origin)
    await in_thread(_borrow, source, stage)
    try:
        store = await Store.open_reader(stage, clock)
    except (DatabaseTrouble, RolledBack) as trouble:
        raise BackupTrouble(f"the database of the backup: {trouble}") from trouble
    try:
        report = await verify(store)
    finally:
        await store.close()
    known = tuple(f"blob {name}: " for name in gone)
    for fault in report.broken:
        told = f"{fault.kind} {fault.what}: {fault.why}"
        if not told.startswith(known) and not (fault.kind == "manifest" and fault.why.startswith(known)):
            raise BackupTrouble(told)
    if report.faults != expected:
        raise BackupTrouble(f"{report.faults} faults, and the lost files explain {expected}")
    if (report.tree_size, report.root) != (inventory.size, inventory.root):
        raise BackupTrouble(f"the log has {report.tree_size} entries and root {report.root}, not as said")


def _faults_of(connection: sqlite3.Connection, gone: tuple[str, ...]) -> int:
    """How many faults `verify` finds where these files are missing: each, and each as a manifest."""
    manifests = connection.execute("SELECT manifest_sha256 FROM observation").fetchall() if gone else []
    lost = frozenset(gone)
    return len(lost) + sum(row[0] in lost for row in manifests)


def _borrow(source: Path, stage: Path) -> None:
    """The staged database among the files it names, the public keys, and its checkpoint as the anchor."""
    with on_disk(stage):
        (stage / "blobs").symlink_to(Path("..") / "blobs")
        mine = stage / keys.FOLDER
        if (source / keys.FOLDER).is_dir():
            shutil.copytree(source / keys.FOLDER, mine, ignore=shutil.ignore_patterns(keys.SECRET))
        mine.mkdir(exist_ok=True)
        if (source / CHECKPOINT).is_file():
            shutil.copyfile(source / CHECKPOINT, mine / keys.ANCHOR)


def _check_note(source: Path, newest: str, origin: str) -> None:
    """The checkpoint beside the database is its newest one, signed by a key of the backup."""
    path = source / CHECKPOINT
    try:
        note = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BackupTrouble(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BackupTrouble(f"{path} cannot be read: {error}") from error
    if note != newest:
        raise BackupTrouble(f"{path} is not the newest checkpoint of the database")
    for key in keys.known(source):
        with contextlib.suppress(NotNote):
            notes.open_note(note, notes.log_name(origin), key.public)
            return
    raise BackupTrouble(f"{path}: no key of the backup has signed it")


# --- the anchor ------------------------------------------------------------------------


async def _against_anchor(
    folder: Path, stage: Path, inventory: Inventory, clock: Clock, reason: str
) -> _Break:
    """Compare with what was signed here, and say in the staged log what the comparison tells."""
    database = await Database.open(stage / DATABASE, writable=True)
    try:
        head = await ledger.head(database)
        try:
            await checkpoints.guard(folder, database)
        except RolledBack as rolled:
            if not reason:
                raise RolledBack(
                    f"{rolled}; to restore all the same, and say so in the log: --accept-rollback REASON",
                    size=rolled.size,
                    root=rolled.root,
                    at=rolled.at,
                ) from rolled
            lost = (inventory.size, max(rolled.size, inventory.size))
            facts = _facts(inventory, clock, reason) | {
                "lost_from_entry": str(lost[0]),
                "lost_before_entry": str(lost[1]),
                "anchor_size": str(rolled.size),
                "anchor_root": rolled.root,
                "anchor_at": rolled.at,
            }
            return _Break(lost=lost, entry=await _say(database, head, facts, clock))
        outside, odd = await in_thread(anchor.read, folder)
        if outside is not None and not odd:
            return _Break()
        facts = _facts(inventory, clock, reason) | {
            "unknown_from_entry": str(inventory.size),
            "unknown": "keys/anchor was missing or damaged: entries from there on, if there were any, "
            "are not known",
        }
        return _Break(unknown_from=inventory.size, entry=await _say(database, head, facts, clock))
    finally:
        await database.close()


async def _say_gone(
    stage: Path, inventory: Inventory, clock: Clock, gone: tuple[str, ...], reason: str
) -> None:
    """Entries of the staged log that name every lost file, a hundred in each."""
    if not gone:
        return
    database = await Database.open(stage / DATABASE, writable=True)
    try:
        for start in range(0, len(gone), _NAMED_IN_AN_ENTRY):
            facts = _facts(inventory, clock, reason) | {
                "lost_files": str(len(gone)),
                "lost_files_named": " ".join(gone[start : start + _NAMED_IN_AN_ENTRY]),
            }
            await _say(database, await ledger.head(database), facts, clock)
    finally:
        await database.close()


def _facts(inventory: Inventory, clock: Clock, reason: str) -> dict[str, str]:
    return {
        "reason": f"restored from a backup: {reason}" if reason else "restored from a backup",
        "from": inventory.made_at,
        "until": stamp(clock.now()),
        "backup_root": inventory.root,
    }


async def _say(database: Database, head: ledger.Head, facts: dict[str, str], clock: Clock) -> int:
    """Append the entry to the staged log; its index."""
    writer = Writer(database)
    writer.start()
    try:
        writer.frontier = head.frontier()
        at, salt = clock.now(), os.urandom(16).hex()

        async def job(batch: Batch) -> int:
            return ledger.append(batch, GAP, {"facts": dict(facts), "salt": salt}, at)

        return await writer.submit(job)
    finally:
        await writer.close()


def _place(source: Path, folder: Path, *, unknown: bool) -> bool:
    """Keys, then the database by one rename, then an anchor where there was none; whether a key can sign.

    An anchor that is whole stays: until the loss is admitted by a rotation, every start refuses.
    unknown: there is none. Then no secret comes into the folder and its own goes: until the
    rotation, nothing can be signed.
    """
    with on_disk(folder):
        _bring_keys(source / keys.FOLDER, folder / keys.FOLDER)
        if unknown:
            for name in (keys.SECRET, f"{keys.NEXT}/{keys.SECRET}"):
                (folder / keys.FOLDER / name).unlink(missing_ok=True)
        staged = folder / STAGE / DATABASE
        for left in ("-wal", "-shm"):
            staged.with_name(staged.name + left).unlink(missing_ok=True)
        fsync(staged)
        staged.replace(folder / DATABASE)
        fsync(folder)
        if unknown and (source / CHECKPOINT).exists():
            anchor.keep(folder, (source / CHECKPOINT).read_text(encoding="utf-8"), over=True)
        if (folder / keys.FOLDER).is_dir():
            fsync(folder / keys.FOLDER)
        return (folder / keys.FOLDER / keys.SECRET).exists()


def _bring_keys(source: Path, dest: Path) -> None:
    """The public keys of the backup and all that goes with them, where the folder has none of its own.

    Its secret stays where it is: it comes with an anchor or not at all, and the anchor names its key.
    """
    if not source.is_dir() or (dest / keys.PUBLIC).exists():
        return
    for path in sorted(p for p in source.rglob("*") if p.is_file() and p.name != keys.SECRET):
        backup.copy_key(path, dest / path.relative_to(source))
    if dest.is_dir():
        dest.chmod(0o700)  # it may have been made by hand, for the anchor
