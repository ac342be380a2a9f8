"""The digest of a night: once by the night's date, and every alert of it as a row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from storage import outbox, starred
from storage.codec import micros, moment
from storage.database import Database
from storage.model import Alert, AlertKind, Tier
from storage.outbox import AlertFacts
from storage.threads import in_thread
from storage.vault import Vault
from storage.writer import Batch

if TYPE_CHECKING:
    from storage.store import Store

_PAGE = 500
# + has what became of each found by its item and not by kind, which read every vanishing there ever was.
_SPOKE = (
    "SELECT a.alert_id, (SELECT 1 FROM muted m WHERE m.alert_id = a.alert_id), "  # noqa: S608 -- our words
    "(SELECT min(d.delivered_at) FROM delivery d WHERE d.alert_id = a.alert_id), "
    "(SELECT min(g.created_at) FROM alert g WHERE g.item_id = a.item_id AND g.revises = a.alert_id "
    "AND +g.kind = 'deleted') FROM alert a WHERE a.kind = 'new' AND a.revises = '' "
    f"AND a.created_at >= ? AND a.created_at < ? AND NOT {outbox.WITHDRAWN} "
    "ORDER BY a.created_at, a.rowid"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One alert of a night. delivered_at: at the first channel; vanished_at: when that was told."""

    alert_id: str
    created_at: datetime
    tier: str
    score: int
    products: str
    target: str
    title: str
    seller: str
    price: str
    evidence_id: str
    state: str
    actor: str
    reason: str
    muted: bool
    delivered_at: datetime | None
    vanished_at: datetime | None
    lived_s: int | None


async def told(vault: Vault, night: str, words: str, announce: Sequence[str]) -> bool:
    """Tell a night's digest, unless it was told: its row and its notice are one transaction."""
    now = vault.clock.now()

    async def job(batch: Batch) -> bool:
        if await batch.rows("SELECT 1 FROM digest WHERE night = ?", (night,)):
            return False
        batch.many("INSERT INTO digest (night, told_at) VALUES (?, ?)", (night, micros(now)))
        facts = AlertFacts(kind=AlertKind.NOTICE, tier=Tier.NORMAL, created_at=now, notice=words)
        outbox.put(batch, facts, announce)
        return True

    return await vault.submit(job)


async def files_wait(database: Database, night: str) -> bool:
    """Whether the digest was told and its table has not gone out."""
    rows = await database.rows("SELECT files_at FROM digest WHERE night = ?", (night,))
    return bool(rows) and rows[0][0] is None


async def files_went(vault: Vault, night: str) -> None:
    """The table went out."""
    now = vault.clock.now()

    async def job(batch: Batch) -> None:
        batch.many("UPDATE digest SET files_at = ? WHERE night = ?", (micros(now), night))

    await vault.submit(job)


async def lines(store: Store, since: datetime, until: datetime) -> tuple[Line, ...]:
    """Every alert that spoke for itself in a span of time, in order; words are starred. None withdrawn.

    Starring a thousand texts takes seconds: it is done in a thread.
    """
    rows = await store.vault.database.rows(_SPOKE, (micros(since), micros(until)))
    found: list[Line] = []
    for start in range(0, len(rows), _PAGE):
        page = rows[start : start + _PAGE]
        alerts = await outbox.load_alerts(store.vault.database, [row[0] for row in page])
        facts = [(alerts[row[0]], bool(row[1]), row[2], row[3]) for row in page]
        found += await in_thread(lambda facts=facts: [_line(*one) for one in facts])  # type: ignore[misc]
    return tuple(found)


def _line(alert: Alert, muted: bool, delivered: int | None, gone: int | None) -> Line:
    shown = starred.starred_alert(alert)
    evidence, verdict, duty = shown.evidence, shown.verdict, alert.duty
    born = None if evidence is None else evidence.post.posted_at or evidence.listed_at
    vanished = None if gone is None else moment(gone)
    lived = int((vanished - born).total_seconds()) if vanished is not None and born is not None else None
    return Line(
        alert_id=alert.alert_id,
        created_at=alert.created_at,
        tier=alert.tier.value,
        score=0 if verdict is None else verdict.score,
        products="" if verdict is None else ", ".join(verdict.products),
        target="" if evidence is None else evidence.target,
        title="" if evidence is None else evidence.post.title or evidence.post.text[:120],
        seller="" if evidence is None else evidence.post.seller,
        price="" if evidence is None else evidence.post.price,
        evidence_id="" if evidence is None else evidence.evidence_id,
        state="" if duty is None else duty.outcome.value or duty.state.value,
        actor="" if duty is None else duty.actor,
        reason="" if duty is None else duty.reason,
        muted=muted,
        delivered_at=None if delivered is None else moment(delivered),
        vanished_at=vanished,
        lived_s=lived,
    )
