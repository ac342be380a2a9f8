"""The generations of a backup: what `backup.json` says of them, which are kept, what goes when.

    <dest>/backup.json               the newest generation, and the last whole one when it has losses
    <dest>/generation-000007/        its database, its checkpoint note, its keys
    <dest>/blobs/                    the files of all generations that are kept

A generation is never changed once `backup.json` names it, and `backup.json` is replaced by one
rename: whatever a crash leaves, it names a generation that is whole on the disk. What it does not
name is removed afterwards, and with the next backup where a crash was faster. Version 1 had the
database, checkpoint and keys in `<dest>` itself: such a backup is a generation without a name.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from storage import keys
from storage.blobs import Blobs, names
from storage.codec import Plain, canonical
from storage.errors import DatabaseTrouble, StoreError
from storage.files import fsync, sha256_of_file, write_whole
from storage.recovery import DATABASE

FORMAT, VERSION = "nightjar-backup", 2
INVENTORY, CHECKPOINT = "backup.json", "checkpoint"
_PREFIX = "generation-"
_NAME = re.compile(r"generation-\d{6,9}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class BackupTrouble(StoreError):
    """A backup cannot be made, or is not what it says. Attribute: first (the first thing wrong)."""

    def __init__(self, first: str) -> None:
        super().__init__(first)
        self.first = first


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What `backup.json` says: of which store, when made, and the log, files and database it must hold.

    size, root: the log of the database's copy. blobs, bytes: the files it names.
    database_sha256: of the copy. missing: files that the live store itself had lost, a hundred
    by name. generation: the folder it lies in. earlier: the last whole one, beside one with losses.
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
    generation: str = ""
    earlier: Inventory | None = None

    @property
    def kept(self) -> tuple[Inventory, ...]:
        """The generations that are kept, newest first."""
        return (self,) if self.earlier is None else (self, self.earlier)

    def place(self, folder: Path) -> Path:
        """Where its database, checkpoint and keys lie."""
        return folder / self.generation


# --- backup.json -------------------------------------------------------------------


def read_inventory(folder: Path) -> Inventory:
    """What a backup says of itself. Raises BackupTrouble when it is none or an unfinished one."""
    path = folder / INVENTORY
    try:
        return _read(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise BackupTrouble(f"{path} is missing: no backup, or one that was never finished") from None
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise BackupTrouble(f"{path} cannot be read: {error or type(error).__name__}") from error


def _read(said: object) -> Inventory:
    """Raises ValueError, KeyError."""
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ValueError("it is not of a backup")
    facts: dict[str, Any] = {name: value for name, value in said.items() if name != "format"}
    version = facts.pop("version", None)
    if type(version) is not int or not 1 <= version <= VERSION:
        raise ValueError("a form of backup that this version does not know")
    if version == 1:
        facts |= {"generation": "", "earlier": []}
    before = facts.pop("earlier")
    if not isinstance(before, list) or len(before) > 1:
        raise ValueError("earlier is not what it must be")
    newest = _one(facts)
    earlier = [_one(dict(one) if isinstance(one, dict) else {}) for one in before]
    return replace(newest, earlier=earlier[0]) if earlier else newest


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_generation(value: object) -> bool:
    return value == "" or (isinstance(value, str) and _NAME.fullmatch(value) is not None)


def _is_missing(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


_FORM: dict[str, Callable[[object], bool]] = {
    "origin": _is_text,
    "made_at": _is_text,
    "size": _is_count,
    "root": _is_hash,
    "blobs": _is_count,
    "bytes": _is_count,
    "database_sha256": _is_hash,
    "with_keys": lambda value: value in ("yes", "no"),
    "missing": _is_missing,
    "generation": _is_generation,
}


def _one(facts: dict[str, Any]) -> Inventory:
    for name, fits in _FORM.items():
        if not fits(facts[name]):
            raise ValueError(f"{name} is not what it must be")
    if unknown := facts.keys() - _FORM.keys():
        raise ValueError(f"unknown: {min(unknown)}")
    return Inventory(
        **{**facts, "missing": tuple(facts["missing"]), "with_keys": facts["with_keys"] == "yes"}
    )


def _facts(inventory: Inventory) -> dict[str, Plain]:
    facts: dict[str, Plain] = {name: getattr(inventory, name) for name in _FORM}
    facts["with_keys"] = "yes" if inventory.with_keys else "no"
    facts["missing"] = list(inventory.missing)
    return facts


def publish(folder: Path, inventory: Inventory) -> None:
    """Make a generation the newest by one rename: all of it is durable before, what it replaces is whole."""
    place = inventory.place(folder)
    for path in (*(p for p in place.rglob("*") if p.is_dir()), place, folder):
        fsync(path)
    earlier: list[Plain] = [_facts(one) for one in inventory.kept[1:]]
    facts: dict[str, Plain] = {"format": FORMAT, "version": VERSION, "earlier": earlier}
    fresh = folder / f".{INVENTORY}"
    write_whole(fresh, canonical(_facts(inventory) | facts) + b"\n", mode=0o644)
    fresh.replace(folder / INVENTORY)
    fsync(folder)


# --- which are kept, and what goes ----------------------------------------------------


def coming(folder: Path) -> str:
    """The name of the next generation: none that is there has it, whether it was finished or not."""
    there = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return f"{_PREFIX}{max((int(name.removeprefix(_PREFIX)) for name in there), default=0) + 1:06d}"


def last_whole(folder: Path, before: Inventory | None) -> Inventory | None:
    """The newest generation without losses whose database is still the one that was named."""
    for one in before.kept if before is not None else ():
        database = one.place(folder) / DATABASE
        if not one.missing and database.is_file() and sha256_of_file(database) == one.database_sha256:
            return replace(one, earlier=None)
    return None


def tidy(folder: Path, inventory: Inventory) -> int:
    """Remove what no kept generation names; how many files of evidence went.

    A secret key goes from an earlier generation when the newest is without. Raises DatabaseTrouble
    when a kept database cannot be read: then no file of evidence is removed. Raises OSError, DiskTrouble.
    """
    named = {one.generation for one in inventory.kept}
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name) and path.name not in named:
            shutil.rmtree(path)
    if "" not in named:
        _drop_unnamed(folder)
    for one in inventory.kept:
        if not one.with_keys:
            for secret in (one.place(folder) / keys.FOLDER).rglob(keys.SECRET):
                secret.unlink()
    return _sweep(folder, inventory)


def _drop_unnamed(folder: Path) -> None:
    """What version 1 left; its database goes last, and tells that the rest is not somebody else's."""
    (folder / f"{DATABASE}.new").unlink(missing_ok=True)
    if (folder / DATABASE).exists():
        shutil.rmtree(folder / keys.FOLDER, ignore_errors=True)
        (folder / CHECKPOINT).unlink(missing_ok=True)
        (folder / DATABASE).unlink()


def _sweep(folder: Path, inventory: Inventory) -> int:
    blobs = Blobs(folder)
    try:
        with ExitStack() as stack:
            kept = [
                stack.enter_context(closing(open_copy(one.place(folder) / DATABASE)))
                for one in inventory.kept
            ]
            doomed = [
                name
                for name in names(blobs.folder)
                if _HASH.fullmatch(name) and not any(_names(connection, name) for connection in kept)
            ]
    except sqlite3.Error as error:
        raise DatabaseTrouble(f"{folder}: a database of the backup cannot be read: {error}") from error
    blobs.remove(doomed)
    return len(doomed)


def _names(connection: sqlite3.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM blob WHERE sha256 = ?", (name,)).fetchone() is not None


def open_copy(path: Path) -> sqlite3.Connection:
    """A copy of a database for reading; nothing is written beside it."""
    return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
