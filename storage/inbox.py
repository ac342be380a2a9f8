"""Updates of the chat's server: kept before they are acted on, handled once, forgotten after a week."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from storage.codec import clean, micros
from storage.database import Database
from storage.vault import Vault
from storage.writer import Batch

KEPT = timedelta(days=7)
_INSERT = (
    "INSERT OR IGNORE INTO inbox (update_id, received_at, body, handled_at, outcome) VALUES (?, ?, ?, ?, ?)"
)
_HANDLED = (
    "UPDATE inbox SET handled_at = ?, outcome = ?, body = '' WHERE update_id = ? AND handled_at IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An update. body: its JSON; "" for a stranger's, which is not kept and never acted on."""

    update_id: int
    body: str


async def keep(vault: Vault, letters: Sequence[Letter]) -> int:
    """Make updates durable; how many of them were new. What is there already stays as it is."""
    now = vault.clock.now()

    ids = json.dumps([one.update_id for one in letters])

    async def job(batch: Batch) -> int:
        known = "SELECT count(*) FROM inbox WHERE update_id IN (SELECT value FROM json_each(?))"
        before = int((await batch.rows(known, (ids,)))[0][0])
        for one in letters:
            done = None if one.body else micros(now)
            outcome = "" if one.body else "stranger"
            batch.many(_INSERT, (one.update_id, micros(now), clean(one.body), done, outcome))
        after = int((await batch.rows(known, (ids,)))[0][0])
        batch.many("DELETE FROM inbox WHERE handled_at < ?", (micros(now - KEPT),))
        return after - before

    return await vault.submit(job)


async def waiting(database: Database, limit: int = 50) -> tuple[Letter, ...]:
    """Updates nobody has acted on, the oldest first."""
    sql = "SELECT update_id, body FROM inbox WHERE handled_at IS NULL ORDER BY update_id LIMIT ?"
    return tuple(Letter(update_id=row[0], body=row[1]) for row in await database.rows(sql, (limit,)))


async def handled(vault: Vault, update_id: int, outcome: str) -> None:
    """Say that an update was acted on. Its text is let go: what mattered is in the log."""
    now = vault.clock.now()

    async def job(batch: Batch) -> None:
        batch.many(_HANDLED, (micros(now), clean(outcome)[:64], update_id))

    await vault.submit(job)
