"""What a night brought, in counts and short lines, for people who ask in the chat and for the digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from storage import outbox, starred
from storage.codec import micros
from storage.database import Database
from storage.model import Tier

if TYPE_CHECKING:
    from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """alerts: by tier, of those that spoke for themselves; states: of the same; captured, vanished: looks.

    What was withdrawn before anybody had it is not among them, nor what a mute kept back.
    """

    alerts: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    captured: int = 0
    vanished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """An alert in a line; words are starred."""

    alert_id: str
    created_at: datetime
    tier: Tier
    words: str
    target: str


async def counts(database: Database, since: datetime, until: datetime | None = None) -> Counts:
    """Counts of what came in a span of time."""
    span = (micros(since), (1 << 62) if until is None else micros(until))
    spoke = (
        "FROM alert a {} WHERE a.kind = 'new' AND a.revises = '' AND a.created_at >= ? AND a.created_at < ? "  # noqa: S608 -- our words
        f"AND NOT {outbox.WITHDRAWN} AND NOT EXISTS (SELECT 1 FROM muted m WHERE m.alert_id = a.alert_id)"
    )
    tiers = await database.rows(f"SELECT a.tier, count(*) {spoke.format('')} GROUP BY a.tier", span)
    joined = spoke.format("JOIN duty d ON d.alert_id = a.alert_id")
    states = await database.rows(
        f"SELECT CASE d.outcome WHEN '' THEN d.state ELSE d.outcome END, count(*) {joined} GROUP BY 1",
        span,
    )
    looks = await database.rows(
        "SELECT count(*), coalesce(sum(observation = 'missing'), 0) FROM observation "
        "WHERE captured_at >= ? AND captured_at < ?",
        span,
    )
    by_tier = {row[0]: row[1] for row in tiers}
    return Counts(
        alerts={tier.value: by_tier[tier.value] for tier in Tier if tier.value in by_tier},
        states={row[0]: row[1] for row in states},
        captured=looks[0][0] - looks[0][1],
        vanished=looks[0][1],
    )


async def queues(database: Database) -> tuple[tuple[str, int, int], ...]:
    """(channel, waiting, given up) of every channel that has either."""
    sql = (
        "SELECT channel, sum(state IN ('waiting', 'sending')), sum(state = 'dead') FROM delivery "
        "WHERE state NOT IN ('delivered', 'withdrawn') GROUP BY channel ORDER BY channel"
    )
    return tuple((row[0], row[1], row[2]) for row in await database.rows(sql))


async def headlines(store: Store, alert_ids: Sequence[str]) -> tuple[Headline, ...]:
    """Alerts in a line each, in this order; those that are gone are left out."""
    alerts = await outbox.load_alerts(store.vault.database, alert_ids)
    found = [starred.starred_alert(alerts[one]) for one in alert_ids if one in alerts]
    return tuple(
        Headline(
            alert_id=alert.alert_id,
            created_at=alert.created_at,
            tier=alert.tier,
            words=alert.evidence.post.title or alert.evidence.post.text[:80]
            if alert.evidence
            else alert.notice,
            target=alert.evidence.target if alert.evidence else "",
        )
        for alert in found
    )


async def posts_at(database: Database, url: str, limit: int = 5) -> tuple[tuple[str, str], ...]:
    """(target, post id) of watched posts at an address. Reads every watched post: for people who ask."""
    sql = "SELECT target, post_id FROM watched WHERE url = ? LIMIT ?"
    return tuple((row[0], row[1]) for row in await database.rows(sql, (url, limit)))


async def taken(database: Database, since: datetime) -> int:
    """How many alerts somebody has taken and not resolved."""
    sql = "SELECT count(*) FROM duty WHERE state = 'acknowledged' AND at >= ?"
    return int((await database.rows(sql, (micros(since),)))[0][0])
