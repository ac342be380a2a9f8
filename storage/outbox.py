"""The outbox: what people are to be told, per channel, until a channel said "delivered".

A delivery goes waiting -> sending -> delivered, or back to waiting, or dead; one that waits may
be withdrawn (`membership`). Urgent goes first, then the oldest. Deliveries of one card (an alert
and what revises it) keep their order within a channel: a revision waits until the card before it
is delivered or dead, so it is never lost and never early. When its card never came out there, it
stands alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from storage import duty_rows, mute_rows, observations, pointers
from storage.codec import clean, dump, load, load_tuple, micros, moment
from storage.database import Database, Row
from storage.model import (
    Alert,
    AlertId,
    AlertKind,
    Delivery,
    Lifetime,
    Picture,
    PictureMatch,
    Tier,
    Verdict,
    new_id,
)
from storage.vault import Vault
from storage.writer import Batch

NOTICE_QUIET = timedelta(hours=1)
"""The same notice is not repeated within this time."""
_ALERT = (
    "INSERT INTO alert (alert_id, kind, tier, created_at, item_id, seq, revises, lifetime, notice, "
    "jurisdiction, tags, log_size, log_root) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DELIVERY = (
    "INSERT OR IGNORE INTO delivery (alert_id, card, channel, state, rank, due_at, attempts, uncertain, "
    "receipt, why) VALUES (?, ?, ?, 'waiting', ?, ?, 0, 0, '', '')"
)
# What was delivered stays delivered, whatever a late caller says.
_SENDING = (
    "UPDATE delivery SET state = 'sending', sending_at = ?, attempts = attempts + 1 "
    "WHERE id = ? AND state <> 'delivered'"
)
_WAITING = (
    "UPDATE delivery SET state = 'waiting', due_at = ?, why = ?, uncertain = max(uncertain, ?) "
    "WHERE id = ? AND state <> 'delivered'"
)
_DEAD = "UPDATE delivery SET state = 'dead', why = ? WHERE id = ? AND state <> 'delivered'"
_DELIVERED = "UPDATE delivery SET state = 'delivered', delivered_at = ?, receipt = ?, why = '' WHERE id = ?"
# Whoever was shown a card is told what becomes of it, whatever the tier is now.
_WHERE_TOLD = (
    "INSERT OR IGNORE INTO delivery (alert_id, card, channel, state, rank, due_at, attempts, uncertain, "
    "receipt, why) SELECT ?, card, channel, 'waiting', ?, ?, 0, 0, '', '' FROM delivery WHERE alert_id = ?"
)
# What an item was said to be before goes out before the louder word, never after it.
_HURRY = (
    "UPDATE delivery SET rank = ? WHERE state = 'waiting' AND rank > ? "
    "AND alert_id IN (SELECT alert_id FROM alert WHERE item_id = ?)"
)
_COLUMNS = (
    "d.id, d.channel, d.attempts, d.uncertain, d.receipt, d.alert_id, "
    "(SELECT c.receipt FROM delivery c WHERE c.alert_id = a.revises AND c.channel = d.channel "
    "AND c.state = 'delivered'), d.intent, (SELECT c.sending_at FROM delivery c "
    "WHERE c.alert_id = a.revises AND c.channel = d.channel AND c.state = 'delivered')"
)
_DUE = (
    f"SELECT {_COLUMNS} FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "  # noqa: S608 -- our columns
    "WHERE d.channel = ? AND d.state = 'waiting' AND d.due_at <= ? AND NOT EXISTS ("
    "SELECT 1 FROM delivery e WHERE e.channel = d.channel AND e.card = d.card AND e.id < d.id "
    "AND e.state IN ('waiting', 'sending')) ORDER BY d.rank, a.created_at, d.id LIMIT ?"
)
NEXT_AT = "SELECT min(due_at) FROM delivery WHERE channel = ? AND state = 'waiting'"
_STUCK = (
    f"SELECT {_COLUMNS} FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "  # noqa: S608 -- our columns
    "WHERE d.channel = ? AND d.state = 'sending' ORDER BY d.id"
)
_CHOSEN = (
    f"SELECT {_COLUMNS} FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "  # noqa: S608 -- our columns
    "WHERE d.id IN (SELECT value FROM json_each(?)) ORDER BY d.id"
)


WITHDRAWN = (
    "(EXISTS (SELECT 1 FROM delivery w WHERE w.alert_id = a.alert_id AND w.state = 'withdrawn') AND NOT "
    "EXISTS (SELECT 1 FROM delivery w WHERE w.alert_id = a.alert_id AND w.state <> 'withdrawn'))"
)
"""Of alert `a`: that it was withdrawn everywhere, so that nobody had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """The row of an alert that is being written."""

    kind: AlertKind
    tier: Tier
    created_at: datetime
    item_id: str = ""
    seq: int | None = None
    revises: str = ""
    lifetime: Lifetime | None = None
    notice: str = ""
    jurisdiction: str = ""
    tags: tuple[str, ...] = ()


def put(batch: Batch, facts: AlertFacts, announce: Sequence[str]) -> AlertId:
    """Write an alert with one delivery per channel; its id."""
    alert_id = AlertId(new_id(facts.created_at))
    values = (
        alert_id,
        facts.kind.value,
        facts.tier.value,
        micros(facts.created_at),
        facts.item_id,
        facts.seq,
        facts.revises,
        None if facts.lifetime is None else dump(facts.lifetime),
        clean(facts.notice),
        clean(facts.jurisdiction),
        dump(facts.tags),
        *_log_now(batch, facts),
    )
    batch.many(_ALERT, values)
    put_deliveries(batch, alert_id, facts, announce)
    if facts.item_id and not facts.revises:  # a card, whatever it was that made it speak
        mute_rows.hold_back(batch, alert_id, facts.created_at)
        mute_rows.hurry_watched(batch, alert_id)
        duty_rows.begin(batch, alert_id, facts.created_at, urgent=facts.tier is Tier.URGENT)
    if facts.revises:
        batch.many(_WHERE_TOLD, (alert_id, facts.tier.rank, micros(facts.created_at), facts.revises))
    if facts.item_id:
        rank = facts.tier.rank
        batch.many(_HURRY, (rank, rank, facts.item_id))
    return alert_id


def _log_now(batch: Batch, facts: AlertFacts) -> tuple[int | None, str | None]:
    """Size and root of the log with what this transaction added so far: every root it ever had stands."""
    if facts.kind is AlertKind.NOTICE:
        return None, None
    return batch.frontier.size, batch.frontier.root().hex()


def put_deliveries(batch: Batch, alert_id: str, facts: AlertFacts, announce: Sequence[str]) -> None:
    """One delivery per channel, unless it is there."""
    for channel in announce:
        card = facts.revises or alert_id
        batch.many(_DELIVERY, (alert_id, card, channel, facts.tier.rank, micros(facts.created_at)))


async def due(vault: Vault, channel: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
    """See `Store.deliveries_due`."""
    return await _deliveries(vault, await vault.database.rows(_DUE, (channel, micros(now), limit)))


async def next_at(vault: Vault, channel: str) -> datetime | None:
    """When the channel's earliest waiting delivery is due, or None."""
    rows = await vault.database.rows(NEXT_AT, (channel,))
    return None if rows[0][0] is None else moment(rows[0][0])


async def stuck(vault: Vault, channel: str) -> tuple[Delivery, ...]:
    """See `Store.stuck`."""
    return await _deliveries(vault, await vault.database.rows(_STUCK, (channel,)))


async def chosen(vault: Vault, delivery_ids: Sequence[int]) -> tuple[Delivery, ...]:
    """These deliveries, by id; those that are gone are left out."""
    return await _deliveries(vault, await vault.database.rows(_CHOSEN, (json.dumps(list(delivery_ids)),)))


async def _deliveries(vault: Vault, rows: Sequence[Row]) -> tuple[Delivery, ...]:
    if not rows:  # nearly always, where a lane looks before each message whether an answer was lost
        return ()
    alerts = await load_alerts(vault.database, [row[5] for row in rows])
    return tuple(
        Delivery(
            delivery_id=number,
            channel=channel,
            alert=alerts[alert_id],
            attempts=attempts,
            uncertain=bool(uncertain),
            receipt=receipt,
            previous_receipt=previous or "",
            intent=intent or "",
            card_sent_at=None if sent_at is None else moment(sent_at),
        )
        for number, channel, attempts, uncertain, receipt, alert_id, previous, intent, sent_at in rows
    )


async def mark_sending(vault: Vault, delivery_id: int, at: datetime) -> None:
    """The intent, durable before the channel is called."""
    await _change(vault, _SENDING, (micros(at), delivery_id))


async def mark_delivered(vault: Vault, delivery_id: int, at: datetime, receipt: str) -> None:
    """The channel said so; receipt is its own mark of the card."""
    await _change(vault, _DELIVERED, (micros(at), clean(receipt), delivery_id))


async def mark_waiting(
    vault: Vault, delivery_id: int, retry_at: datetime, why: str, *, uncertain: bool
) -> None:
    """Try again at `retry_at`. uncertain: this attempt may have reached people; it stays true."""
    await _change(vault, _WAITING, (micros(retry_at), clean(why), uncertain, delivery_id))


async def mark_dead(vault: Vault, delivery_id: int, why: str) -> None:
    """The channel will never take it in this form."""
    await _change(vault, _DEAD, (clean(why), delivery_id))


async def _change(vault: Vault, sql: str, values: Sequence[object]) -> None:
    async def job(batch: Batch) -> None:
        batch.many(sql, values)

    await vault.submit(job)


async def notify(vault: Vault, text: str, announce: tuple[str, ...], tier: Tier) -> Alert:
    """See `Store.notify`."""
    now = vault.clock.now()
    facts = AlertFacts(kind=AlertKind.NOTICE, tier=tier, created_at=now, notice=text)

    async def job(batch: Batch) -> str:
        sql = (
            "SELECT alert_id FROM alert WHERE kind = 'notice' AND created_at > ? AND notice = ? "
            "ORDER BY created_at DESC LIMIT 1"
        )
        rows = await batch.rows(sql, (micros(now - NOTICE_QUIET), clean(text)))
        if not rows:
            return put(batch, facts, announce)
        put_deliveries(batch, rows[0][0], facts, announce)
        return str(rows[0][0])

    alert_id = await vault.submit(job)
    return (await load_alerts(vault.database, [alert_id]))[alert_id]


async def mark_uncertain_after_crash(batch: Batch) -> None:
    """At start: what a crash left in "sending" may have reached people."""
    await batch.run("UPDATE delivery SET uncertain = 1 WHERE state = 'sending'")


_SHOWN = (
    "LEFT JOIN alert b ON b.rowid = CASE a.kind WHEN 'duty' THEN (SELECT max(c.rowid) FROM alert c "
    "WHERE c.item_id = a.item_id AND (c.alert_id = a.revises OR c.revises = a.revises) "
    "AND c.kind <> 'duty') END"
)
"""What the card says of the post beside what people did: the newest there is when it is told."""


# --- loading whole alerts ------------------------------------------------------


async def load_alerts(database: Database, alert_ids: Sequence[str]) -> dict[str, Alert]:
    """Alerts with all they speak of: evidence, verdict, item, matches, lifetime.

    The alert of a vanished post has no verdict of its own: it carries the last one of that post.
    """
    sql = (
        "SELECT a.alert_id, a.kind, a.tier, a.created_at, a.revises, "  # noqa: S608 -- our columns
        "coalesce(a.lifetime, b.lifetime), a.notice, a.jurisdiction, a.tags, a.log_size, a.log_root, b.kind, "
        "(SELECT f.captured_at FROM observation f WHERE f.post_key = o.post_key ORDER BY f.seq LIMIT 1), "
        f"{pointers.HAS_OTHERS}, i.item_id, i.tier, i.first_evidence, i.members, "
        f"v.verdict, v.matches, {observations.COLUMNS} FROM alert a {_SHOWN} "
        "LEFT JOIN item i ON i.item_id = a.item_id "
        "LEFT JOIN observation o ON o.seq = coalesce(a.seq, b.seq) LEFT JOIN verdict v ON v.seq = ("
        "SELECT max(x.seq) FROM verdict x JOIN observation y ON y.seq = x.seq "
        "WHERE y.post_key = o.post_key AND y.seq <= o.seq) "
        "WHERE a.alert_id IN (SELECT value FROM json_each(?))"
    )
    rows = await database.rows(sql, (json.dumps(list(alert_ids)),))
    pictures = await observations.pictures_of(database, [row[20] for row in rows if row[20] is not None])
    alerts = {row[0]: _alert(row, pictures) for row in rows}
    looks = [alert.evidence for alert in alerts.values() if alert.evidence is not None]
    edits = await observations.edits_of(database, looks)
    cards = {alert.revises or name for name, alert in alerts.items()}
    duties = await duty_rows.of_cards(database, sorted(cards))
    twins = {row[4] or row[0] for row in rows if row[13]}  # most have none, and asking costs
    same = await pointers.of_cards(database, twins, duties)
    return {
        name: replace(
            alert,
            edit=edits.get(alert.evidence.evidence_id) if alert.evidence else None,
            duty=duties.get(alert.revises or name),
            same=same.get(alert.revises or name),
        )
        for name, alert in alerts.items()
    }


def _alert(row: Row, pictures: dict[int, tuple[Picture, ...]]) -> Alert:
    alert_id, kind, tier, created_at, revises, lifetime, notice, jurisdiction, tags = tuple(row)[:9]
    size, root, shows, first_at = tuple(row)[9:13]
    item, (verdict, matches), look = tuple(row)[14:18], tuple(row)[18:20], tuple(row)[20:]
    return Alert(
        alert_id=AlertId(alert_id),
        kind=AlertKind(kind),
        tier=Tier(tier),
        created_at=moment(created_at),
        item=None if item[0] is None else observations.item_of(item),
        evidence=None if look[0] is None else observations.evidence_of(look, pictures[look[0]]),
        verdict=None if verdict is None else load(Verdict, verdict),
        matches=() if matches is None else load_tuple(PictureMatch, matches),
        lifetime=None if lifetime is None else load(Lifetime, lifetime),
        revises=revises,
        notice=notice,
        jurisdiction=jurisdiction,
        tags=load_tuple(str, tags),
        log_size=size or 0,
        log_root=root or "",
        shows=None if shows is None else AlertKind(shows),
        first_at=None if first_at is None else moment(first_at),
    )
