"""Incidents: messages that show many alerts of a chat.

An incident is an alert of its own, with a delivery of the same id in its channel; a member's row names
it (`inside`) and is delivered once the message shows it. Only the chat's lane joins members, so nothing
joins between a card and its answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.codec import clean, micros, moment
from storage.database import Row
from storage.lane_tables import IncidentRow
from storage.lane_words import Incident, Member
from storage.lanes import run
from storage.model import AlertId, AlertKind, Tier, new_id
from storage.outbox import AlertFacts, put_deliveries
from storage.vault import Vault
from storage.writer import Batch

_MEMBERS = (
    "SELECT d.id, d.alert_id, a.tier, a.created_at, d.state, o.target, json_extract(o.post, '$.title'), "
    "json_extract(o.post, '$.seller'), json_extract(o.post, '$.price'), "
    "json_extract(v.verdict, '$.products[0]'), o.evidence_id, "
    "(SELECT r.kind FROM alert r JOIN delivery e ON e.alert_id = r.alert_id "
    "AND e.channel = d.channel WHERE r.revises = d.alert_id "
    "AND r.kind NOT IN ('duty', 'repost', 'read', 'hinted') "
    "ORDER BY r.rowid DESC LIMIT 1), coalesce(u.state IN ('new', 'escalated'), 0), "
    "d.delivered_at "
    "FROM delivery d LEFT JOIN duty u ON u.alert_id = d.alert_id JOIN alert a ON a.alert_id = d.alert_id "
    "LEFT JOIN observation o ON o.seq = a.seq LEFT JOIN verdict v ON v.seq = a.seq "
    "WHERE d.inside = ? ORDER BY d.id"
)
_OPEN = "m.state = 'waiting'"
INCIDENTS = (
    "SELECT i.alert_id, i.key, i.closed_at, i.loud, i.opened_at, d.id, d.receipt, d.state, d.sending_at, "  # noqa: S608
    f"sum({_OPEN}), count(m.id), min(CASE WHEN {_OPEN} THEN m.rank END), "
    f"min(CASE WHEN {_OPEN} THEN a.created_at END), max(a.created_at) "
    "FROM incident i JOIN delivery d ON d.alert_id = i.alert_id AND d.channel = i.channel "
    "LEFT JOIN delivery m ON m.inside = i.alert_id LEFT JOIN alert a ON a.alert_id = m.alert_id "
    "WHERE i.alert_id IN (SELECT alert_id FROM incident WHERE channel = ?1 AND closed_at IS NULL UNION "
    "SELECT inside FROM delivery WHERE channel = ?1 AND state = 'waiting' AND inside IS NOT NULL) "
    "GROUP BY i.alert_id ORDER BY i.opened_at"
)


async def open_incident(
    vault: Vault, channel: str, key: str, rank: int, members: Sequence[int], *, loud: bool
) -> str:
    """Make an incident of these deliveries; its id. Its own delivery waits for the lane."""
    now = vault.clock.now()
    alert_id = AlertId(new_id(now))
    tier = list(Tier)[rank]
    facts = AlertFacts(kind=AlertKind.INCIDENT, tier=tier, created_at=now)

    async def job(batch: Batch) -> None:
        batch.many(
            "INSERT INTO alert (alert_id, kind, tier, created_at, item_id, revises, notice, jurisdiction, "
            "tags) VALUES (?, ?, ?, ?, '', '', '', '', '[]')",
            (alert_id, AlertKind.INCIDENT.value, tier.value, micros(now)),
        )
        put_deliveries(batch, alert_id, facts, (channel,))
        batch.add(
            IncidentRow(
                alert_id=alert_id,
                channel=channel,
                key=clean(key),
                loud=loud,
                opened_at=now,
                closed_at=now if loud else None,
            )
        )
        for number in members:
            batch.many(_JOIN, (alert_id, number))

    await vault.submit(job)
    return alert_id


_JOIN = "UPDATE delivery SET inside = ? WHERE id = ? AND state = 'waiting' AND inside IS NULL"


async def join(vault: Vault, incident: str, members: Sequence[int]) -> None:
    """Have an incident show these deliveries too."""
    await run(vault, *((_JOIN, (incident, number)) for number in members))


async def close(vault: Vault, incident: str, at: datetime) -> None:
    """Nothing more joins."""
    await run(vault, ("UPDATE incident SET closed_at = ? WHERE alert_id = ?", (micros(at), incident)))


async def gone(vault: Vault, channel: str, incident: str, at: datetime) -> None:
    """Its message is no more: nothing joins it, what waited to be shown by it is told by itself.

    What it showed was told; whatever happens to that is told anew.
    """
    apart = "UPDATE delivery SET inside = NULL WHERE channel = ? AND inside = ? AND state = 'waiting'"
    forgotten = "UPDATE delivery SET receipt = '' WHERE channel = ? AND (inside = ? OR alert_id = ?)"
    closed = "UPDATE incident SET closed_at = coalesce(closed_at, ?) WHERE alert_id = ?"
    await run(
        vault,
        (apart, (channel, incident)),
        (forgotten, (channel, incident, incident)),
        (closed, (micros(at), incident)),
    )


async def members(vault: Vault, incident: str) -> tuple[Member, ...]:
    """What an incident shows, oldest first."""
    rows = await vault.database.rows(_MEMBERS, (incident,))
    return tuple(
        Member(
            delivery_id=row[0],
            alert_id=row[1],
            tier=Tier(row[2]),
            created_at=moment(row[3]),
            shown=row[4] == "delivered",
            target=row[5] or "",
            title=row[6] or "",
            seller=row[7] or "",
            price=row[8] or "",
            product=row[9] or "",
            evidence_id=row[10] or "",
            status=row[11] or "up",
            open=bool(row[12]),
            shown_at=None if row[13] is None else moment(row[13]),
        )
        for row in rows
    )


def incidents_of(rows: Sequence[Row]) -> tuple[Incident, ...]:
    """What `INCIDENTS` found: those that something may join, or that do not show all yet; oldest first."""
    return tuple(
        Incident(
            alert_id=row[0],
            key=row[1] if row[2] is None else "",
            loud=bool(row[3]),
            opened_at=moment(row[4]),
            delivery_id=row[5],
            receipt=row[6],
            state=row[7],
            edited_at=None if row[8] is None else moment(row[8]),
            waiting=row[9] or 0,
            count=row[10],
            rank=3 if row[11] is None else row[11],
            since=None if row[12] is None else moment(row[12]),
            joined_at=None if row[13] is None else moment(row[13]),
        )
        for row in rows
    )


async def incident(vault: Vault, alert_id: str) -> tuple[str, str] | None:
    """(channel, key) of an incident, None when there is none of that id."""
    rows = await vault.database.rows("SELECT channel, key FROM incident WHERE alert_id = ?", (alert_id,))
    return (rows[0][0], rows[0][1]) if rows else None
