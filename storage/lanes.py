"""The outbox as a chat with a budget needs it: what waits in brief, and intents.

A chat lane marks a delivery `sending` with what it is about to send (`Intent`), so that after a lost
answer or a kill it can look for exactly that. Messages of many alerts are in `incidents`, moved chats
in `moves`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from storage import twins
from storage.codec import clean, dump, micros, moment
from storage.database import Database, Row
from storage.lane_words import Intent, LaneState, Place, Revision, Shown, Waiting
from storage.model import AlertKind, Tier
from storage.outbox import AlertFacts, put_deliveries
from storage.vault import Vault
from storage.writer import Batch

MOST = 10_000
"""Waiting deliveries that are looked at together."""
_RAISE = "UPDATE lane SET last_id = max(last_id, ?) WHERE channel = ?"
_INTEND = (
    "UPDATE delivery SET state = 'sending', sending_at = ?, attempts = attempts + 1, intent = ?, "
    "uncertain = ? WHERE id = ? AND state <> 'delivered'"
)
_DELIVERED = (
    "UPDATE delivery SET state = 'delivered', delivered_at = ?, receipt = ?, why = '', uncertain = 0 "
    "WHERE id = ? AND state <> 'delivered'"
)
_AGAIN = (
    "UPDATE delivery SET state = 'waiting', due_at = ?, why = ?, uncertain = ? "
    "WHERE id = ? AND state <> 'delivered'"
)
_ADOPT = (
    "UPDATE delivery SET state = 'delivered', delivered_at = ?, receipt = ?, why = '', uncertain = 0 "
    "WHERE alert_id = ? AND channel = ? AND (state = 'sending' OR (state = 'waiting' AND uncertain) "
    "OR (state = 'withdrawn' AND intent IS NOT NULL))"
)
_ADOPT_INSIDE = (
    "UPDATE delivery SET state = 'delivered', delivered_at = ?1, receipt = ?2, why = '' WHERE inside = ?3 "
    "AND channel = ?4 AND EXISTS (SELECT 1 FROM delivery i WHERE i.alert_id = ?3 AND i.channel = ?4 "
    "AND (i.state = 'sending' OR (i.state = 'waiting' AND i.uncertain)))"
)
_TOUCH = "UPDATE lane SET touched = ? WHERE channel = ?"
WAITING = (
    "SELECT d.id, d.alert_id, d.rank, a.created_at, d.due_at, a.kind, o.target, "
    "json_extract(o.post, '$.seller'), json_extract(v.verdict, '$.contacts[0]'), d.uncertain "
    "FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "
    "LEFT JOIN observation o ON o.seq = a.seq LEFT JOIN verdict v ON v.seq = a.seq "
    "WHERE d.channel = ?1 AND d.state = 'waiting' AND d.inside IS NULL AND d.due_at <= ?2 "
    "AND (a.revises = '' OR NOT EXISTS (SELECT 1 FROM delivery c WHERE c.alert_id = a.revises "
    "AND c.channel = d.channel AND (c.state IN ('waiting', 'sending') OR c.receipt <> ''))) "
    "ORDER BY d.rank, a.created_at, d.id LIMIT ?3"
)
REVISIONS = (
    "SELECT max(d.id), c.receipt, c.inside, min(a.created_at), max(a.kind = 'duty'), min(d.rank), "
    "json_group_array(d.id), (SELECT max(s.sending_at) FROM delivery s WHERE s.channel = d.channel "
    "AND s.card = d.card) FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "
    "JOIN delivery c ON c.alert_id = a.revises AND c.channel = d.channel AND c.state = 'delivered' "
    "AND c.receipt <> '' WHERE d.channel = ?1 AND d.state IN ('waiting', 'sending') AND d.due_at <= ?2 "
    "GROUP BY d.card ORDER BY 5 DESC, 6, 4"
)


STATE = "SELECT last_id, chat, storm_at, touched, configured, rests_until FROM lane WHERE channel = ?"


async def state(vault: Vault, channel: str) -> LaneState:
    """How far a channel's chat was read."""
    return state_of(await vault.database.rows(STATE, (channel,)))


def state_of(rows: Sequence[Row]) -> LaneState:
    """What `STATE` found."""
    if not rows:
        return LaneState()
    last_id, chat, storm_at, touched, configured, rests_until = rows[0]
    return LaneState(
        configured=configured,
        last_id=last_id,
        chat=chat,
        storm_at=None if storm_at is None else moment(storm_at),
        touched=touched,
        rests_until=None if rests_until is None else moment(rests_until),
    )


async def intend(vault: Vault, delivery_id: int, at: datetime, intent: Intent, *, repeat: bool) -> None:
    """The intent, durable before the call. repeat: an earlier try may have reached people."""
    await run(vault, (_INTEND, (micros(at), dump(intent), repeat, delivery_id)))


async def delivered(vault: Vault, place: Place, delivery_ids: Sequence[int], at: datetime) -> None:
    """A message shows these deliveries; nothing of it is looked for any more."""
    jobs = [(_DELIVERED, (micros(at), clean(place.receipt), number)) for number in delivery_ids]
    await run(vault, *jobs, (_RAISE, (place.message_id, place.channel)), (_TOUCH, (0, place.channel)))


async def bounded(vault: Vault, delivery_id: int, intent: Intent) -> None:
    """Keep the upper bound of a lost message: a restart looks below it, however much is written since."""
    sql = "UPDATE delivery SET intent = ? WHERE id = ? AND state = 'sending'"
    await run(vault, (sql, (dump(intent), delivery_id)))


async def again(vault: Vault, delivery_id: int, due_at: datetime, why: str, *, uncertain: bool) -> None:
    """Wait once more. uncertain: whether the last try may have arrived, as far as can be known.

    What surely did not is withdrawn where the card of another alert says it by now.
    """
    now = vault.clock.now()

    async def job(batch: Batch) -> None:
        await batch.run(_AGAIN, (micros(due_at), clean(why), uncertain, delivery_id))
        if not uncertain:
            await twins.surely_unsent(batch, delivery_id, now)

    await vault.submit(job)


async def seen(vault: Vault, channel: str, message_id: int) -> None:
    """A message of this id is in the chat."""
    await run(vault, (_RAISE, (message_id, channel)))


async def rest(vault: Vault, channel: str, until: datetime) -> None:
    """Remember that the server asked not to be asked before, over a kill too."""
    sql = "UPDATE lane SET rests_until = ? WHERE channel = ? AND coalesce(rests_until, 0) < ?"
    await run(vault, (sql, (micros(until), channel, micros(until))))


async def storm(vault: Vault, channel: str, at: datetime | None) -> None:
    """Remember since when people know of the storm; None: it is over."""
    sql = "UPDATE lane SET storm_at = ? WHERE channel = ?"
    await run(vault, (sql, (None if at is None else micros(at), channel)))


async def adopt(vault: Vault, place: Place, alert_id: str, at: datetime) -> None:
    """An update proved that this message shows this alert, whose answer was lost; and what is inside it.

    One that was tried and withdrawn (`twins`) had arrived after all.
    """
    values = (micros(at), clean(place.receipt), alert_id, place.channel)
    await run(
        vault,
        (_ADOPT_INSIDE, values),
        (_ADOPT, values),
        (_RAISE, (place.message_id, place.channel)),
    )


async def touch(vault: Vault, channel: str, message_id: int) -> None:
    """This message is about to be looked at: its buttons may not be its own from now on. 0: none is."""
    await run(vault, (_TOUCH, (message_id, channel)))


async def known(vault: Vault, chat: str, after: int) -> frozenset[int]:
    """Messages above an id of a chat that are known to show something, whichever channel told it.

    Of the day before what is in doubt: no bracket is longer.
    """
    sql = (
        "SELECT CAST(substr(receipt, instr(receipt, ':') + 1) AS INTEGER) AS number FROM delivery "
        "WHERE sending_at >= (SELECT coalesce(min(sending_at), 0) FROM delivery WHERE state = 'sending') "
        "- 86400000000 AND state = 'delivered' AND json_extract(intent, '$.chat') = ? AND number > ?"
    )
    return frozenset(row[0] for row in await vault.database.rows(sql, (chat, after)))


async def shown_by(database: Database, chat: str, message_id: int) -> Shown | None:
    """The alert or incident whose own message this is, or None. Whatever else it shows has no intent."""
    sql = (
        "SELECT d.alert_id, a.kind FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "
        "WHERE d.receipt IN (?, ?) AND d.state = 'delivered' AND json_extract(d.intent, '$.chat') = ? "
        "ORDER BY d.id DESC LIMIT 1"
    )
    rows = await database.rows(sql, (f"photo:{message_id}", f"text:{message_id}", chat))
    return Shown(alert_id=rows[0][0], kind=AlertKind(rows[0][1])) if rows else None


async def is_sending(vault: Vault, delivery_id: int) -> bool:
    """Whether it is still not known what became of a delivery."""
    return await _state(vault, delivery_id) == "sending"


async def is_delivered(vault: Vault, delivery_id: int) -> bool:
    """Whether a message is known to show it."""
    return await _state(vault, delivery_id) == "delivered"


async def _state(vault: Vault, delivery_id: int) -> str:
    rows = await vault.database.rows("SELECT state FROM delivery WHERE id = ?", (delivery_id,))
    return str(rows[0][0]) if rows else ""


async def forget_card(vault: Vault, delivery_id: int) -> None:
    """The message of the card that this delivery revises is gone: whatever is said of it stands alone."""
    sql = (
        "UPDATE delivery SET receipt = '' WHERE channel = (SELECT channel FROM delivery WHERE id = ?1) "
        "AND alert_id = (SELECT card FROM delivery WHERE id = ?1)"
    )
    await run(vault, (sql, (delivery_id,)))


def waiting_of(rows: Sequence[Row]) -> tuple[Waiting, ...]:
    """What `WAITING` found: deliveries that ask for a message of their own, loudest first, then oldest."""
    return tuple(
        Waiting(
            delivery_id=row[0],
            alert_id=row[1],
            rank=row[2],
            created_at=moment(row[3]),
            due_at=moment(row[4]),
            kind=AlertKind(row[5]),
            target=row[6] or "",
            cluster=f"contact {row[8]}" if row[8] else f"seller {row[7]} [{row[6]}]" if row[7] else "",
            uncertain=bool(row[9]),
        )
        for row in rows
    )


async def revisions(vault: Vault, channel: str, now: datetime) -> tuple[Revision, ...]:
    """Cards that are to be edited: what people did first, then the loudest, then the oldest."""
    return revisions_of(await vault.database.rows(REVISIONS, (channel, micros(now))))


def revisions_of(rows: Sequence[Row]) -> tuple[Revision, ...]:
    """What `REVISIONS` found."""
    return tuple(
        Revision(
            newest=row[0],
            receipt=row[1],
            inside=row[2] or "",
            since=moment(row[3]),
            duty=bool(row[4]),
            rank=row[5],
            rows=tuple(json.loads(row[6])),
            edited_at=None if row[7] is None else moment(row[7]),
        )
        for row in rows
    )


async def begin(vault: Vault, delivery_ids: Sequence[int], at: datetime) -> None:
    """Edits are about to be made: they may be made again, so no intent is needed."""
    sql = "UPDATE delivery SET sending_at = ?, attempts = attempts + 1 WHERE id = ?"
    await run(vault, *((sql, (micros(at), number)) for number in delivery_ids))


async def recent(vault: Vault, channel: str, since: datetime) -> tuple[datetime, ...]:
    """When messages were sent and edited in a chat lately, as far as it is written down; each call once.

    All that one edit shows has the instant of its call: an incident's would take thirty places of a minute.
    """
    sql = "SELECT DISTINCT sending_at FROM delivery WHERE channel = ? AND sending_at > ? ORDER BY sending_at"
    return tuple(moment(row[0]) for row in await vault.database.rows(sql, (channel, micros(since))))


async def lend(vault: Vault, channel: str, other: str, *, rank: int) -> int:
    """Have another channel told what this one cannot tell, down to a rank; how many are new there."""
    sql = (
        "SELECT d.alert_id, d.rank, a.created_at FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "
        "WHERE d.channel = ?1 AND d.state IN ('waiting', 'sending') AND d.rank <= ?2 "
        "AND a.kind <> 'incident' AND NOT EXISTS "
        "(SELECT 1 FROM delivery e WHERE e.alert_id = d.alert_id AND e.channel = ?3)"
    )

    async def job(batch: Batch) -> int:
        rows = await batch.rows(sql, (channel, rank, other))
        for alert_id, row_rank, created_at in rows:
            facts = AlertFacts(kind=AlertKind.NEW, tier=list(Tier)[row_rank], created_at=moment(created_at))
            put_deliveries(batch, alert_id, facts, (other,))
        return len(rows)

    return await vault.submit(job)


async def depth(vault: Vault, channel: str) -> int:
    """How many deliveries wait in a channel."""
    sql = "SELECT count(*) FROM delivery WHERE channel = ? AND state IN ('waiting', 'sending')"
    return int((await vault.database.rows(sql, (channel,)))[0][0])


async def run(vault: Vault, *statements: tuple[str, Sequence[object]]) -> None:
    """Statements of one transaction, those of equal text together."""

    async def job(batch: Batch) -> None:
        await batch.flush()  # equal statements go together: what came before goes first
        for sql, values in statements:
            batch.many(sql, values)

    await vault.submit(job)
