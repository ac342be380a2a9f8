"""Signed statements about the log, and the refusal to go on from an older or other log.

A checkpoint says: at this time the log had this many entries and this root. Each is a row,
and the newest stands outside the database as well, in `<data>/keys/anchor`. A database that
was put back to an earlier state is then smaller than the anchor, or other than it said, and
`guard` refuses it before anything is written or signed: no two histories under one key.
The anchor is durable before the row is, and before a package with a state of its own leaves
the house (`vouch`): what was signed is never ahead of it, and the log always reaches it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from storage import anchor, keys, ledger, notes
from storage.codec import micros, moment, stamp
from storage.database import Database, Row
from storage.errors import DatabaseTrouble, DiskTrouble, KeyTrouble, RolledBack, StoreError
from storage.keys import Signer
from storage.ledger import Head
from storage.notes import Checkpoint
from storage.threads import in_thread
from storage.tree import Frontier
from storage.vault import Vault
from storage.writer import Batch

if TYPE_CHECKING:
    from storage.store import Store

log = structlog.get_logger(__name__)

EVERY_S = 3.0
"""How long news gather before they are signed; urgent ones do not wait."""
LEAST_REAL_S, LEAST_AT_MOST_S = 0.25, 15.0
"""Between two checkpoints of no urgency on a fast clock: the disk is a real one. On one that jumps,
real seconds mean nothing."""
AGAIN_S = 30.0
"""The pause after a fault."""
_COLUMNS = "size, root, at, reason, note, frontier"
_INSERT = f"INSERT OR IGNORE INTO checkpoint ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 -- our columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A checkpoint as kept. root: hex. note: exact text. peaks: as in the head, "" when not kept."""

    size: int
    root: str
    at: datetime
    reason: str
    note: str
    peaks: str = ""


# --- reading ------------------------------------------------------------------------------


async def latest(database: Database) -> Signed | None:
    """The newest checkpoint, or None."""
    return await _one(database, "ORDER BY size DESC LIMIT 1")


async def at_or_after(database: Database, index: int) -> Signed | None:
    """The oldest checkpoint that stands for entry `index`, or None."""
    return await _one(database, "WHERE size > ? ORDER BY size LIMIT 1", index)


async def of_size(database: Database, size: int) -> Signed | None:
    """The checkpoint of exactly that size, or None."""
    return await _one(database, "WHERE size = ?", size)


async def all_of(database: Database) -> tuple[Signed, ...]:
    """Every checkpoint, oldest first."""
    rows = await database.rows(f"SELECT {_COLUMNS} FROM checkpoint ORDER BY size")  # noqa: S608
    return tuple(_signed(row) for row in rows)


async def _one(database: Database, where: str, *values: int) -> Signed | None:
    rows = await database.rows(f"SELECT {_COLUMNS} FROM checkpoint {where}", values)  # noqa: S608
    return _signed(rows[0]) if rows else None


def _signed(row: Row) -> Signed:
    size, root, at, reason, note, peaks = row
    return Signed(size=size, root=root, at=moment(at), reason=reason, note=note, peaks=peaks)


# --- signing ------------------------------------------------------------------------------


async def sign(store: Store, reason: str, *, over: bool = False) -> Signed:
    """Sign the log as committed; the checkpoint that stands for it, which may be there already.

    What has begun is finished. over: the anchor is of a history that was given up, which the log
    says. Raises KeyTrouble, DiskTrouble, and DatabaseTrouble when the store was opened for
    reading or the log does not go on from anchor and newest checkpoint.
    """
    return await store.vault.finish(_sign(store.vault, reason, over=over))


async def _sign(vault: Vault, reason: str, *, over: bool) -> Signed:
    if vault.writer is None:
        raise DatabaseTrouble("this store was opened for reading; only the running watch signs")
    async with vault.signing, anchor.held(vault.folder):
        before, head = await latest(vault.database), await ledger.head(vault.database)
        if before is not None:
            await _refuse_other_past(vault.database, before, head)
        if not over:
            await guard(vault.folder, vault.database, head)
        if before is not None and before.size == head.size:
            await in_thread(anchor.keep, vault.folder, before.note, over=over)
            return before
        at = vault.clock.now()
        note = await in_thread(_note, vault.folder, head, at, before is not None)
        values = head.size, head.root, micros(at), reason, note, head.peaks
        await in_thread(anchor.keep, vault.folder, note, over=over)

        async def job(batch: Batch) -> None:
            batch.many(_INSERT, values)

        await vault.submit(job)
        return Signed(size=head.size, root=head.root, at=at, reason=reason, note=note, peaks=head.peaks)


def _note(folder: Path, head: Head, at: datetime, signed_before: bool) -> str:
    signer = keys.ensure(folder, head.origin, signed_before=signed_before)
    return _signed_by(signer, head, at)


def _signed_by(signer: Signer, head: Head, at: datetime) -> str:
    text = notes.checkpoint_text(head.origin, head.size, bytes.fromhex(head.root), at)
    return notes.sign_note(text, signer)


async def vouch(store: Store, head: Head) -> tuple[str, Signer]:
    """Sign a state of the log that is handed over, beside a running watch too; the note, and who signed.

    The anchor is at it or after it when this returns: the log can no longer be put back to
    before it unnoticed. Raises RolledBack, KeyTrouble (also when the anchor is missing or damaged:
    the watch says so in the log first), DatabaseTrouble, DiskTrouble.
    """
    if store.vault.writer is not None and await latest(store.vault.database) is None:
        await sign(store, "export")  # an anchor without any checkpoint would look like a cut database
    return await store.vault.finish(_vouch(store.vault, head))


async def _vouch(vault: Vault, head: Head) -> tuple[str, Signer]:
    async with vault.signing, anchor.held(vault.folder):
        if odd := await guard(vault.folder, vault.database):
            raise KeyTrouble(f"{odd}; start the watch, which says so in the log and signs it, then export")
        if not await _goes_on(vault.database, head, await ledger.head(vault.database)):
            raise DatabaseTrouble("the log changed while it was read: run `nightjar verify`")
        signed_before = await latest(vault.database) is not None
        signer = await in_thread(keys.ensure, vault.folder, head.origin, signed_before=signed_before)
        note = _signed_by(signer, head, vault.clock.now())
        await in_thread(anchor.keep, vault.folder, note)
        return note, signer


async def _refuse_other_past(database: Database, before: Signed, head: Head) -> None:
    if not await _goes_on(database, Head(size=before.size, root=before.root, peaks=before.peaks), head):
        raise RolledBack(
            f"the log no longer goes on from the checkpoint {_named(before)}: nothing more is signed; "
            "run `nightjar verify`",
            size=before.size,
            root=before.root,
            at=stamp(before.at),
        )


async def _goes_on(database: Database, before: Head, head: Head) -> bool:
    """Whether the log at `head` begins with the one at `before`: by its peaks and the entries since."""
    if head.size < before.size:
        return False
    if head.size == before.size:
        return head.root == before.root
    try:
        start = await _frontier(database, before)
        since = await ledger.leaf_hashes(database, head.size, start=before.size)
    except ValueError:  # a leaf hash that is none
        return False
    return (start.size, start.root().hex()) == (before.size, before.root) and (
        start.extend(since).root().hex() == head.root
    )


async def _frontier(database: Database, before: Head) -> Frontier:
    """By the peaks, which prove themselves; without, or with bent ones, from the checkpoint before on."""
    with contextlib.suppress(DatabaseTrouble, ValueError):
        return before.frontier()
    start, row = Frontier(), await _one(database, "WHERE size < ? ORDER BY size DESC LIMIT 1", before.size)
    if row is not None:
        with contextlib.suppress(DatabaseTrouble, ValueError):
            start = Head(size=row.size, root=row.root, peaks=row.peaks).frontier()
    return start.extend(await ledger.leaf_hashes(database, before.size, start=start.size))


def _named(point: Signed | Checkpoint) -> str:
    root = point.root if isinstance(point.root, str) else point.root.hex()
    return f"of {point.size} entries, root {root[:12]}, signed {stamp(point.at)}"


# --- at start -------------------------------------------------------------------------------


async def guard(folder: Path, database: Database, head: Head | None = None) -> str:
    """Refuse a log that is not the one of the newest checkpoint; what is odd but no reason to refuse, or "".

    Reads only. A missing or damaged anchor is odd: the newest checkpoint of the database itself
    must then hold. head: None to read it here, after the anchor: beside a running watch the log
    can then only be ahead of it. Raises RolledBack.
    """
    outside, odd = await in_thread(anchor.read, folder)
    head = head or await ledger.head(database)
    if outside is None:
        if (newest := await latest(database)) is None:
            return odd or await _cut(folder, database)
        await _refuse_other_past(database, newest, head)
        return odd or f"{folder / keys.FOLDER / keys.ANCHOR} is missing: a roll-back would not be noticed"
    if why := await _other_than(database, outside, head):
        raise RolledBack(
            f"{folder / keys.FOLDER / keys.ANCHOR} is the checkpoint {_named(outside)}, but {why}. Nothing "
            "is written. Put back the newer database; or, if it is lost, keep what is here for the court and "
            'admit it: `nightjar keys rotate --accept-rollback "WHY"`',
            size=outside.size,
            root=outside.root.hex(),
            at=stamp(outside.at),
        )
    return odd


async def _cut(folder: Path, database: Database) -> str:
    """What tells that the log was signed before, though anchor and checkpoints are all gone, or ""."""
    for index, kind in await database.rows(anchor.SIGNED_BEFORE):
        return (
            f"{folder / keys.FOLDER / keys.ANCHOR} and every checkpoint are missing, though entry {index} "
            f"({kind}) shows that the log was signed: a roll-back would not be noticed"
        )
    return ""


async def _other_than(database: Database, outside: Checkpoint, head: Head) -> str:
    """Why the log at `head` does not go on from the anchor, or ""."""
    if head.origin != outside.origin:
        return "the database is another one or was removed"
    if head.size < outside.size:
        return f"the database holds only {head.size}: it was put back to an earlier state"
    row = await of_size(database, outside.size)
    peaks = row.peaks if row is not None else ""
    before = Head(origin=outside.origin, size=outside.size, root=outside.root.hex(), peaks=peaks)
    return "" if await _goes_on(database, before, head) else "the log of the database is another one"


# --- the loop of the daemon -------------------------------------------------------------------


class Checkpoints:
    """Signs when there is news: within `EVERY_S`, at once after an urgent verdict.

    A fault never ends the watch: it is told once, shown in `trouble`, and tried again.
    """

    def __init__(self, store: Store, tell: Callable[[str], Awaitable[None]]) -> None:
        self._store, self._tell = store, tell
        self._told = ""
        self.trouble = ""

    async def run(self) -> None:
        """Sign for ever. May be cancelled anywhere."""
        writer = self._store.vault.writer
        if writer is None:
            raise DatabaseTrouble("this store was opened for reading; only the running watch signs")
        if self._store.odd:
            await self._tell(f"about the log's signatures: {self._store.odd}")
        await self._name_key()
        await self._try("start")
        while True:
            await writer.news.wait()
            if self.trouble:
                await self._store.clock.sleep(AGAIN_S)
            else:
                await self._gather(writer.urgent)
            reason = "urgent" if writer.urgent.is_set() else "news"
            writer.news.clear()
            writer.urgent.clear()
            if not await self._try(reason):
                writer.news.set()

    async def _name_key(self) -> None:
        """Have the log name the key in use, before it signs for the first time."""
        vault = self._store.vault
        try:
            key = (await in_thread(keys.Signer.load, vault.folder, vault.origin)).fingerprint
            sql = "SELECT 1 FROM leaf WHERE kind = 'key' AND instr(entry, ?) LIMIT 1"
            if not await vault.database.rows(sql, (f'"act":"in use","key":"{key}"',)):
                await self._store.log_event("key", {"act": "in use", "key": key})
        except StoreError as fault:  # signing meets it too, and tells
            log.warning("the key in use could not be named in the log", why=str(fault))

    async def _gather(self, urgent: asyncio.Event) -> None:
        """Wait for more news, or for something that cannot wait."""
        waiting = asyncio.ensure_future(urgent.wait())
        clock = self._store.clock
        least_s = min(LEAST_REAL_S * clock.speed, LEAST_AT_MOST_S)
        pause = asyncio.ensure_future(clock.sleep(max(EVERY_S, least_s)))
        try:
            await asyncio.wait((waiting, pause), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            pause.cancel()

    async def finish(self) -> None:
        """The last checkpoint before the end, as far as it can be had."""
        await self._try("end")

    async def _try(self, reason: str) -> bool:
        """Sign; whether it was done."""
        try:
            await sign(self._store, reason)
        except DiskTrouble as refused:  # whoever watches the disk tells that
            self.trouble = self._told = str(refused)
        except Exception as fault:  # noqa: BLE001 -- whatever it is, it must not end the watch
            self.trouble = str(fault) or type(fault).__name__
        else:
            self.trouble = self._told = ""
            return True
        if self.trouble != self._told:
            self._told = self.trouble
            log.error("checkpoint not signed", why=self.trouble)
            await self._tell(f"the log is not being signed: {self.trouble}")
        return False
