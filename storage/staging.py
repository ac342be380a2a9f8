"""Staging a backup under `<data>/.restoring` and its files among those of the data folder. For threads."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from storage import backup
from storage.backup import Progressed
from storage.blobs import Blobs
from storage.errors import DamagedBlob, DiskTrouble
from storage.files import fsync, on_disk, sha256_of_file
from storage.generations import INVENTORY, BackupTrouble, Inventory, open_copy, read_inventory
from storage.model import sha256_of
from storage.recovery import DATABASE, Lock

STAGE = ".restoring"
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite takes for the newest part of the database that it lies beside."""


def take(folder: Path) -> Lock:
    """The right to write a data folder that has no database. Raises BackupTrouble, DiskTrouble."""
    with on_disk(folder):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        lock = Lock(folder / "writer.lock")
        if (folder / DATABASE).exists():
            lock.release()
            raise BackupTrouble(
                f"{folder / DATABASE} is there already: move it aside first, do not delete it"
            )
        for left in (folder / f"{DATABASE}{ending}" for ending in _BESIDE):
            if left.exists() or left.is_symlink():
                lock.release()
                raise BackupTrouble(
                    f"{left} lies there without its database and would be read into the restored one: "
                    "move it aside, to the database that it belongs to"
                )
        shutil.rmtree(folder / STAGE, ignore_errors=True)
    return lock


def chosen(source: Path, *, earlier: bool, lossy: bool) -> Inventory:
    """What is asked for of a backup. Raises BackupTrouble, also when it has losses that are not accepted."""
    found = read_inventory(source)
    if earlier:
        if found.earlier is None:
            raise BackupTrouble(f"{source}: no earlier backup is kept here beside the newest")
        found = found.earlier
    if found.missing and not lossy:
        raise BackupTrouble(_with_losses(found))
    return found


def _with_losses(inventory: Inventory) -> str:
    whole = inventory.earlier
    return (
        f"the store had lost files when it was backed up; the first: {inventory.missing[0]}; to restore all "
        "the rest and name in the log what is lost: --accept-losses REASON"
    ) + (f"; or the whole one of {whole.made_at}: --earlier" if whole is not None else "")


def stage(
    source: Path, folder: Path, inventory: Inventory, tell: Progressed, *, lossy: bool
) -> tuple[int, tuple[str, ...]]:
    """Copy database and files; how many files were copied, and which are lost, if that is accepted.

    Raises BackupTrouble at the first fault.
    """
    with on_disk(folder):
        (folder / STAGE).mkdir(mode=0o700)
        staged, copy = folder / STAGE / DATABASE, inventory.place(source) / DATABASE
        try:
            shutil.copyfile(copy, staged)
        except FileNotFoundError:
            raise BackupTrouble(f"{copy} is missing") from None
        if sha256_of_file(staged) != inventory.database_sha256:
            raise BackupTrouble(f"{copy} is not the file that {INVENTORY} names: its hash differs")
        with closing(open_copy(staged)) as connection:
            if backup.head_of(connection) != (inventory.origin, inventory.size, inventory.root):
                raise BackupTrouble("the log of the database is not the one that the inventory names")
            try:
                return _copy_blobs(connection, Blobs(source), Blobs(folder), tell, lossy=lossy)
            except sqlite3.Error as error:
                raise BackupTrouble(f"{copy}: {error}") from error


def _copy_blobs(
    connection: sqlite3.Connection, source: Blobs, dest: Blobs, tell: Progressed, *, lossy: bool
) -> tuple[int, tuple[str, ...]]:
    total = connection.execute("SELECT count(*) FROM blob").fetchone()[0]
    dest.prepare()
    copied, folders, lost = 0, set(), []
    for done, name in enumerate(backup.blob_names(connection), 1):
        try:
            if not _is_whole(dest, name):
                folders |= backup.put_blob(dest, name, source.load(name))
                copied += 1
        except (DamagedBlob, DiskTrouble, ValueError) as damage:
            if not lossy or isinstance(damage, ValueError):
                raise BackupTrouble(f"file {done} of {total}: {damage}") from damage
            lost.append(name)
        tell(done, total)
    for folder in folders:
        fsync(folder)
    return copied, tuple(lost)


def _is_whole(blobs: Blobs, name: str) -> bool:
    try:
        return blobs.has(name) and sha256_of(blobs.path(name).read_bytes()) == name
    except FileNotFoundError:
        return False
