"""The append-only log: one leaf per sealed evidence, batch of sightings or event.

An entry is a canonical JSON document; its exact text is kept, and its leaf hash is
SHA-256(0x00 || text) (RFC 6962). Indexes are dense from 0. The head row is replaced in
the transaction that adds leaves, so log and rows can never disagree after a crash.
Not here: signatures and timestamps over the root.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from storage.codec import Plain, canonical, stamp
from storage.database import Database
from storage.errors import DatabaseTrouble
from storage.tables import LeafRow
from storage.tree import Frontier, leaf_hash
from storage.vault import Vault
from storage.writer import Batch

VERSION = 1
SIGNED = "checkpoints"
_PAGE = 10_000
_MAKE_HEAD = "INSERT OR IGNORE INTO head (id, origin, size, root, frontier) VALUES (1, ?, 0, ?, '')"


def append(batch: Batch, kind: str, facts: Mapping[str, Plain], at: datetime) -> int:
    """Add an entry in this transaction; its index. Facts may not be named v, kind, at or salt."""
    entry = canonical({**facts, "v": VERSION, "kind": kind, "at": stamp(at)})
    return append_entry(batch, kind, entry)


def append_entry(batch: Batch, kind: str, entry: bytes) -> int:
    """Add an entry by its exact bytes; its index."""
    index, leaf = batch.frontier.size, leaf_hash(entry)
    batch.frontier = batch.frontier.append(leaf)
    batch.add(LeafRow(index=index, kind=kind, entry=entry.decode(), leaf_hash=leaf.hex()))
    return index


async def log_event(vault: Vault, kind: str, facts: Mapping[str, str]) -> int:
    """See `Store.log_event`."""
    at, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> int:
        return append(batch, kind, {"facts": dict(facts), "salt": salt, **await signed(batch)}, at)

    return await vault.submit(job)


async def signed(batch: Batch) -> dict[str, Plain]:
    """How many checkpoints there are, as a field of an entry: so that none can be taken away unseen."""
    return {SIGNED: int((await batch.rows("SELECT count(*) FROM checkpoint"))[0][0])}


async def make_head(batch: Batch) -> None:
    """The head row of an empty log, with a random name for this store, unless there is one."""
    await batch.run(_MAKE_HEAD, (os.urandom(16).hex(), Frontier().root().hex()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The log as committed. root: RFC 6962, hex. origin: the random name of this store."""

    origin: str = ""
    size: int = 0
    root: str = ""
    peaks: str = ""

    def frontier(self) -> Frontier:
        """The right edge to go on from. Raises DatabaseTrouble when the head contradicts itself."""
        width = 2 * hashlib.sha256().digest_size
        peaks = tuple(bytes.fromhex(self.peaks[at : at + width]) for at in range(0, len(self.peaks), width))
        frontier = Frontier(size=self.size, peaks=peaks)
        if len(peaks) != self.size.bit_count() or frontier.root().hex() != self.root:
            raise DatabaseTrouble("the log's head contradicts itself: run `nightjar verify`")
        return frontier


async def head(database: Database) -> Head:
    """The head row as it stands; an empty one when there is none."""
    rows = await database.rows("SELECT origin, size, root, frontier FROM head WHERE id = 1")
    if not rows:
        return Head()
    origin, size, root, peaks = rows[0]
    return Head(origin=origin, size=size, root=root, peaks=peaks)


async def entry(database: Database, index: int) -> tuple[str, str]:
    """(leaf hash, exact text) of an entry. Raises DatabaseTrouble when there is no such leaf."""
    rows = await database.rows('SELECT leaf_hash, entry FROM leaf WHERE "index" = ?', (index,))
    if not rows:
        raise DatabaseTrouble(f"the log has no entry {index}; run `nightjar verify`")
    return str(rows[0][0]), str(rows[0][1])


async def leaf_hashes(database: Database, size: int, *, start: int = 0) -> list[bytes]:
    """The hashes of the leaves from `start` up to the first `size`, in order."""
    found: list[bytes] = []
    sql = 'SELECT leaf_hash FROM leaf WHERE "index" >= ? AND "index" < ? ORDER BY "index"'
    for page in range(start, size, _PAGE):
        rows = await database.rows(sql, (page, min(page + _PAGE, size)))
        found += [bytes.fromhex(row[0]) for row in rows]
    return found
