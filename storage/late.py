"""Posts that were judged too soon: before all known pictures were gathered. They are judged once more.

A row is written in the transaction of the verdict and goes when the post was judged by all there is, so
that a kill between the two forgets nobody. Work in progress; no evidence hangs on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.database import Database
from storage.vault import Vault
from storage.writer import Batch

MOST = 1_000
"""Posts that wait; of more the latest are kept, the oldest stay as they were judged."""
_WAIT = "INSERT OR IGNORE INTO late (seq, times) VALUES (?, 0)"
_LEAVE = "DELETE FROM late WHERE seq <= (SELECT seq FROM late ORDER BY seq DESC LIMIT 1 OFFSET ?)"
_OF = "(SELECT seq FROM observation WHERE evidence_id = ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A post that waits. times: how often it was begun to be judged again."""

    evidence_id: str
    times: int


def add(batch: Batch, seq: int) -> None:
    """Have a look wait, in the transaction of its verdict. Twice is harmless."""
    batch.many(_WAIT, (seq,))
    batch.many(_LEAVE, (MOST,))


async def wait(vault: Vault, evidence_id: str) -> None:
    """Have a look wait whose verdict stands already; nothing when it was erased."""

    async def job(batch: Batch) -> None:
        rows = await batch.rows("SELECT seq FROM observation WHERE evidence_id = ?", (evidence_id,))
        for row in rows:
            add(batch, row[0])

    await vault.submit(job)


async def begin(vault: Vault, evidence_id: str) -> None:
    """It is about to be judged again: counted before, since judging it may be what ends the process."""
    await _change(vault, f"UPDATE late SET times = times + 1 WHERE seq = {_OF}", evidence_id)  # noqa: S608 -- our words


async def done(vault: Vault, evidence_id: str) -> None:
    """It waits no more."""
    await _change(vault, f"DELETE FROM late WHERE seq = {_OF}", evidence_id)  # noqa: S608 -- our words


async def _change(vault: Vault, sql: str, evidence_id: str) -> None:
    async def job(batch: Batch) -> None:
        batch.many(sql, (evidence_id,))

    await vault.submit(job)


async def waiting(database: Database) -> tuple[Late, ...]:
    """Those that wait, in the order of sealing."""
    sql = "SELECT o.evidence_id, l.times FROM late l JOIN observation o ON o.seq = l.seq ORDER BY l.seq"
    return tuple(Late(evidence_id=row[0], times=row[1]) for row in await database.rows(sql))
