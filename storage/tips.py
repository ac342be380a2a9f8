"""Pages that officers report, as rows: asked, captured or refused, judged, and what the officer was told.

    begin -> captured | refused -> told: in the answer to the command, or later by a notice of its own

A notice is written in the transaction that says so, so that it goes out once over any restart. Rows are
let go after a week; what was captured is evidence like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage import outbox
from storage.codec import clean, load, micros, moment
from storage.database import Database, Row
from storage.model import AlertKind, Tier, Verdict
from storage.outbox import AlertFacts
from storage.vault import Vault
from storage.writer import Batch

KEPT = timedelta(days=7)
UNANSWERED = timedelta(seconds=30)
"""A command that did not answer by then was cut off; its officer is told all the same."""
_BEGIN = (
    "INSERT OR IGNORE INTO tip (update_id, url, officer, user_id, chat_id, asked_at, evidence_id, why) "
    "VALUES (?, ?, ?, ?, ?, ?, '', '')"
)
_LOOK = (
    "SELECT t.update_id, t.url, t.officer, t.user_id, t.chat_id, t.asked_at, t.evidence_id, t.why, "
    "t.told_at, v.verdict, (SELECT a.alert_id FROM alert a WHERE a.seq = o.seq AND a.kind <> 'duty' "
    "ORDER BY a.rowid LIMIT 1) FROM tip t LEFT JOIN observation o ON o.evidence_id = t.evidence_id "
    "LEFT JOIN verdict v ON v.seq = o.seq "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """One report. user_id, chat_id: who sent it, and where. evidence_id: "" while nothing was captured.

    why: in words for the officer, why nothing was; verdict: None while it was not judged; alert_id: of the
    alert that followed, or "".
    """

    update_id: int
    url: str
    officer: str
    user_id: int
    chat_id: int
    asked_at: datetime
    evidence_id: str = ""
    why: str = ""
    is_told: bool = False
    verdict: Verdict | None = None
    alert_id: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it is known how it ended."""
        return bool(self.why) or self.verdict is not None


async def begin(vault: Vault, tip: Tip) -> None:
    """Write a report down; the same update does it once. What is a week old is let go."""
    values = (
        tip.update_id,
        clean(tip.url),
        clean(tip.officer),
        tip.user_id,
        tip.chat_id,
        micros(tip.asked_at),
    )

    async def job(batch: Batch) -> None:
        batch.many(_BEGIN, values)
        batch.many("DELETE FROM tip WHERE asked_at < ?", (micros(tip.asked_at - KEPT),))

    await vault.submit(job)


async def captured(vault: Vault, update_id: int, evidence_id: str) -> None:
    """Its page is kept."""
    await _change(vault, "UPDATE tip SET evidence_id = ? WHERE update_id = ?", (evidence_id, update_id))


async def refused(vault: Vault, update_id: int, why: str) -> None:
    """Its page could not be had. why: in words for the officer, not empty."""
    await _change(vault, "UPDATE tip SET why = ? WHERE update_id = ?", (clean(why), update_id))


async def answered(vault: Vault, update_id: int, *, told: bool) -> None:
    """The command was answered. told: with how it ended, so that no notice follows."""
    now = micros(vault.clock.now())
    sql = "UPDATE tip SET answered_at = ?, told_at = coalesce(told_at, ?) WHERE update_id = ?"
    await _change(vault, sql, (now, now if told else None, update_id))


async def tell(vault: Vault, tip: Tip, text: str, channel: str) -> bool:
    """Have a channel told how it ended; False when the officer knows it by now."""
    now = vault.clock.now()
    tier = Tier.NORMAL if tip.verdict is None or tip.verdict.tier is Tier.NONE else tip.verdict.tier
    facts = AlertFacts(kind=AlertKind.NOTICE, tier=tier, created_at=now, notice=text)

    async def job(batch: Batch) -> bool:
        sql = "SELECT 1 FROM tip WHERE update_id = ? AND told_at IS NULL"
        if not await batch.rows(sql, (tip.update_id,)):
            return False
        batch.many("UPDATE tip SET told_at = ? WHERE update_id = ?", (micros(now), tip.update_id))
        outbox.put(batch, facts, (channel,))
        return True

    return await vault.submit(job)


# --- reading ------------------------------------------------------------------------


async def look(database: Database, update_id: int) -> Tip | None:
    """How far a report is, or None."""
    rows = await database.rows(f"{_LOOK} WHERE t.update_id = ?", (update_id,))
    return _tip(rows[0]) if rows else None


async def uncaptured(database: Database) -> tuple[Tip, ...]:
    """Reports whose page was neither had nor refused, the oldest first."""
    return await _several(database, "WHERE t.evidence_id = '' AND t.why = '' ORDER BY t.update_id", ())


async def untold(database: Database, now: datetime) -> tuple[Tip, ...]:
    """Reports whose command was answered, or cut off, without how it ends."""
    where = "WHERE t.told_at IS NULL AND (t.answered_at IS NOT NULL OR t.asked_at < ?) ORDER BY t.update_id"
    return await _several(database, where, (micros(now - UNANSWERED),))


async def _several(database: Database, where: str, values: Sequence[object]) -> tuple[Tip, ...]:
    return tuple(_tip(row) for row in await database.rows(f"{_LOOK} {where}", values))


def _tip(row: Row) -> Tip:
    update_id, url, officer, user_id, chat_id, asked_at, evidence_id, why, told_at, verdict, alert = tuple(
        row
    )
    return Tip(
        update_id=update_id,
        url=url,
        officer=officer,
        user_id=user_id,
        chat_id=chat_id,
        asked_at=moment(asked_at),
        evidence_id=evidence_id,
        why=why,
        is_told=told_at is not None,
        verdict=None if verdict is None else load(Verdict, verdict),
        alert_id=alert or "",
    )


async def _change(vault: Vault, sql: str, values: Sequence[object]) -> None:
    async def job(batch: Batch) -> None:
        batch.many(sql, values)

    await vault.submit(job)
