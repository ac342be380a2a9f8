"""After an erasing: erased words leave the pages of the text index, erased pages the write-ahead log.

Both are owed until they are done, over restarts too: two marks stand in table `erasing` from
the erasing transaction on. A busy reader (a backup, the daily verify) keeps the log from being
emptied; then the watch tries again a minute later.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from storage.threads import in_thread
from storage.writer import Batch

if TYPE_CHECKING:
    from storage.store import Store

_SEARCH, _WAL = "the text index", "the write-ahead log"
_MERGE_PAGES = 500
_BUSY_S = 0.5
"""A writer waits meanwhile: longer tries are for nobody."""


def owe(batch: Batch) -> None:
    """Mark both as owed; part of the erasing transaction."""
    for mark in (_SEARCH, _WAL):
        batch.many("INSERT OR IGNORE INTO erasing (sha256) VALUES (?)", (mark,))


async def settle(store: Store) -> bool:
    """Do what is owed; whether nothing is owed any more. Raises DatabaseTrouble, DiskTrouble."""
    sql = "SELECT sha256 FROM erasing WHERE sha256 IN (?, ?)"
    owed = {row[0] for row in await store.vault.database.rows(sql, (_SEARCH, _WAL))}
    if _SEARCH in owed:
        await _merge_search(store)
        await _done(store, _SEARCH)
    if _WAL in owed:
        if not await in_thread(_empty_log, store.vault.database.path):
            return False
        await _done(store, _WAL)
    return True


async def _done(store: Store, mark: str) -> None:
    async def job(batch: Batch) -> None:
        batch.many("DELETE FROM erasing WHERE sha256 = ?", (mark,))

    await store.vault.submit(job)


async def _merge_search(store: Store) -> None:
    """Rewrite the text index step by step, so that erased tokens leave its pages."""
    pages = -_MERGE_PAGES

    async def job(batch: Batch) -> int:
        await batch.run("PRAGMA secure_delete = ON")
        before = (await batch.rows("SELECT total_changes()"))[0][0]
        await batch.run("INSERT INTO search(search, rank) VALUES ('merge', ?)", (pages,))
        return int((await batch.rows("SELECT total_changes()"))[0][0]) - int(before)

    while await store.vault.submit(job) > 1:
        pages = _MERGE_PAGES


def _empty_log(path: Path) -> bool:
    """Whether the write-ahead log could be emptied."""
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection,
    ):
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    return False
