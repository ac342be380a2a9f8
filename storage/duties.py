"""What people do about alerts: one transaction for state, step, log entry, card and timers.

Every order leaves a private entry of kind `action` in the log, refused ones too: who wanted what,
when, and what it was before and after. Idempotent by `update_id`: the same update acted on twice
makes one step and gives the same answer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage import outbox, records, twins
from storage.codec import clean, micros, moment
from storage.database import Database
from storage.duty import CLOCK, LAPSED, Act, Actor, Duty, Order, Refusal, State, decide
from storage.duty_rows import COLUMNS, begin, duty_of, plan
from storage.duty_tables import DutyStepRow
from storage.model import AlertKind, Tier
from storage.outbox import AlertFacts
from storage.vault import Vault
from storage.writer import Batch

KIND = "action"
_CARD = "SELECT CASE revises WHEN '' THEN alert_id ELSE revises END FROM alert WHERE alert_id = ?"
_IS_CARD = "SELECT 1 FROM alert WHERE alert_id = ? AND (kind = 'new' OR (item_id <> '' AND revises = ''))"
_KEEP = (
    "UPDATE duty SET state = ?, version = ?, seen = ?, level = ?, actor_id = ?, actor = ?, at = ?, "
    "acknowledged_at = ?, outcome = ?, reason = ? WHERE alert_id = ?"
)
_ENDS = "UPDATE escalation SET done_at = ?, outcome = ? WHERE alert_id = ? AND done_at IS NULL"
_TOLD = f"{_ENDS} AND level <= ?"
_LOUDER = "CASE {}.tier WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END"
_TAKEN_WITH = (
    "SELECT 1 FROM alert t JOIN duty u ON u.alert_id = t.alert_id WHERE t.item_id = a.item_id "  # noqa: S608 -- our words
    "AND a.item_id <> '' AND t.alert_id <> a.alert_id AND u.state = 'acknowledged' "
    f"AND {_LOUDER.format('t')} <= {_LOUDER.format('a')}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an order led to. refusal: None when it was carried out. repeated: by this same update before."""

    duty: Duty
    refusal: Refusal | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DueStep:
    """An alert that nobody took and that goes further now."""

    alert_id: str
    level: int
    due_at: datetime


async def act(
    vault: Vault,
    order: Order,
    *,
    update_id: int | None = None,
    tell: Sequence[str] = (),
    reminder: tuple[str, Sequence[str]] = ("", ()),
    event: Mapping[str, str] | None = None,
) -> Done:
    """Carry an order out, or refuse it; both are in the log.

    tell: channels that get the card now. reminder: a text, and the channels that are told it.
    event: further words for the log, of an order that waited for the watch (event_id, happened_at).
    """
    now, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> Done:
        before = await _state(batch, order.alert_id, now)
        if before is None:
            nobody = Duty(alert_id=order.alert_id)
            return _refuse(batch, order, nobody, Refusal.UNKNOWN, now, salt=salt, update_id=update_id)
        if update_id is not None and await _acted(batch, update_id):
            return Done(duty=before, repeated=True)
        by_the_clock = order.actor.id == CLOCK.id
        if by_the_clock and not await _goes_further(batch, before, order.level):
            return Done(duty=before, refusal=Refusal.ALREADY)
        after = decide(before, order, now)
        if isinstance(after, Refusal):
            if by_the_clock:
                return Done(duty=before, refusal=after)
            return _refuse(batch, order, before, after, now, salt=salt, update_id=update_id)
        told = _facts(order, before, after, update_id) | dict(event or {})
        leaf = records.append(batch, KIND, told, now, salt=salt)
        batch.urgent |= after.state is not before.state
        _keep(batch, before, after)
        _step(batch, order, before, after, leaf=leaf, update_id=update_id)
        await twins.show(batch, after.alert_id, now)
        if not by_the_clock:
            await twins.acted(batch, before, after, now)
        await _tell(batch, after.alert_id, now, tell, reminder)
        return Done(duty=after)

    return await vault.submit(job)


async def _state(batch: Batch, alert_id: str, now: datetime) -> Duty | None:
    """Where it stands; one from before there were any states, or told though withdrawn, is nobody's yet."""
    rows = await batch.rows(_CARD, (alert_id,))
    if not rows:
        return None
    sql = f"SELECT {COLUMNS} FROM duty WHERE alert_id = ?"  # noqa: S608 -- our columns
    found = await batch.rows(sql, (rows[0][0],))
    if found:
        return duty_of(found[0])
    if not await batch.rows(_IS_CARD, (rows[0][0],)):
        return None
    begin(batch, rows[0][0], now, urgent=False)
    return Duty(alert_id=rows[0][0])


async def _goes_further(batch: Batch, duty: Duty, level: int) -> bool:
    """Whether a step that was seen to be due still is: another card of the item may have ended it since."""
    sql = "SELECT 1 FROM escalation WHERE alert_id = ? AND level = ? AND done_at IS NULL"
    return bool(await batch.rows(sql, (duty.alert_id, level)))


async def _acted(batch: Batch, update_id: int) -> bool:
    return bool(await batch.rows("SELECT 1 FROM duty_step WHERE update_id = ?", (update_id,)))


def _facts(order: Order, before: Duty, after: Duty, update_id: int | None) -> dict[str, str]:
    facts = {
        "act": order.act.value,
        "alert": after.alert_id,
        "actor": order.actor.name,
        "actor_id": str(order.actor.id),
        "role": order.actor.role,
        "before": before.state.value,
        "after": after.state.value,
        "outcome": after.outcome.value,
        "level": str(after.level),
        "version": str(after.version),
        "reason": after.reason,
        "update_id": "" if update_id is None else str(update_id),
    }
    return {name: clean(value) for name, value in facts.items() if value}


def _refuse(
    batch: Batch,
    order: Order,
    duty: Duty,
    why: Refusal,
    now: datetime,
    *,
    salt: str,
    update_id: int | None,
) -> Done:
    facts = _facts(order, duty, duty, update_id) | {"refused": why.value}
    records.append(batch, KIND, facts, now, salt=salt)
    return Done(duty=duty, refusal=why)


async def refused(vault: Vault, facts: Mapping[str, str]) -> int:
    """Put a refusal that concerns no state (a stranger, a forged press) into the log; its index."""
    now, salt = vault.clock.now(), os.urandom(16).hex()
    told = {name: clean(value)[:200] for name, value in facts.items() if value}

    async def job(batch: Batch) -> int:
        return records.append(batch, KIND, told, now, salt=salt)

    return await vault.submit(job)


def _keep(batch: Batch, before: Duty, after: Duty) -> None:
    at = after.at
    assert at is not None  # `decide` set it
    taken = None if after.acknowledged_at is None else micros(after.acknowledged_at)
    values = (after.state.value, after.version, after.seen, after.level, after.actor_id, clean(after.actor))
    batch.many(
        _KEEP,
        (*values, micros(at), taken, after.outcome.value, clean(after.reason), after.alert_id),
    )
    if not after.is_open or (after.state is State.ESCALATED and after.level == 0):
        batch.many(_ENDS, (micros(at), after.state.value, after.alert_id))
    elif not before.is_open:  # given back: the time runs anew
        plan(batch, after.alert_id, at)
    else:
        batch.many(_TOLD, (micros(at), "told", after.alert_id, after.level))


def _step(batch: Batch, order: Order, before: Duty, after: Duty, *, leaf: int, update_id: int | None) -> None:
    batch.add(
        DutyStepRow(
            leaf=leaf,
            alert_id=after.alert_id,
            version=after.version,
            act=order.act.value,
            actor_id=order.actor.id,
            actor=clean(order.actor.name),
            at=after.at,
            before=before.state.value,
            after=after.state.value,
            reason=clean(after.reason),
            update_id=update_id,
        )
    )


async def _tell(
    batch: Batch, card: str, now: datetime, tell: Sequence[str], reminder: tuple[str, Sequence[str]]
) -> None:
    """The card to whoever has not had it, a reminder to whoever has."""
    rows = await batch.rows("SELECT channel FROM delivery WHERE alert_id = ?", (card,))
    told = {row[0] for row in rows}
    fresh = [name for name in tell if name not in told]
    facts = AlertFacts(kind=AlertKind.NEW, tier=Tier.URGENT, created_at=now)
    outbox.put_deliveries(batch, card, facts, fresh)
    text, everybody = reminder
    again = [name for name in dict.fromkeys((*everybody, *tell)) if name not in fresh]
    if text and again:
        notice = AlertFacts(kind=AlertKind.NOTICE, tier=Tier.URGENT, created_at=now, notice=text)
        outbox.put(batch, notice, again)


# --- reading ------------------------------------------------------------------------


async def due(database: Database, now: datetime, limit: int = 50) -> tuple[DueStep, ...]:
    """What goes further by `now`, the longest due first."""
    sql = (
        "SELECT alert_id, level, due_at FROM escalation WHERE done_at IS NULL AND due_at <= ? "
        "AND due_at > ? ORDER BY due_at, level LIMIT ?"
    )
    rows = await database.rows(sql, (micros(now), micros(now - LAPSED), limit))
    return tuple(DueStep(alert_id=row[0], level=row[1], due_at=moment(row[2])) for row in rows)


async def next_due(database: Database, now: datetime) -> datetime | None:
    """When the next alert goes further, or None."""
    sql = "SELECT min(due_at) FROM escalation WHERE done_at IS NULL AND due_at > ?"
    rows = await database.rows(sql, (micros(now - LAPSED),))
    return None if rows[0][0] is None else moment(rows[0][0])


async def skip(vault: Vault, step: DueStep, why: str) -> None:
    """Write down that a step was not made, and why."""
    now = vault.clock.now()

    async def job(batch: Batch) -> None:
        batch.many(_TOLD, (micros(now), why[:16], step.alert_id, step.level))

    await vault.submit(job)


async def state(database: Database, alert_id: str) -> Duty | None:
    """Where an alert, or the card it revises, stands; None when there is none."""
    rows = await database.rows(_CARD, (alert_id,))
    if not rows:
        return None
    sql = f"SELECT {COLUMNS} FROM duty WHERE alert_id = ?"  # noqa: S608 -- our columns
    found = await database.rows(sql, (rows[0][0],))
    return duty_of(found[0]) if found else None


async def open_cards(database: Database, since: datetime, limit: int = 200) -> tuple[Duty, ...]:
    """Alerts since then that nobody has taken, the oldest first; not those whose item somebody has."""
    sql = (
        f"SELECT {', '.join('d.' + c for c in COLUMNS.split(', '))} FROM duty d "  # noqa: S608 -- our columns
        "JOIN alert a ON a.alert_id = d.alert_id WHERE d.state IN ('new', 'escalated') AND a.created_at >= ? "
        "AND NOT EXISTS (SELECT 1 FROM muted m WHERE m.alert_id = d.alert_id) "
        f"AND NOT EXISTS ({_TAKEN_WITH}) ORDER BY a.created_at LIMIT ?"
    )
    return tuple(duty_of(row) for row in await database.rows(sql, (micros(since), limit)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was done about an alert: from one state to another."""

    at: datetime
    actor: str
    act: str
    before: str
    after: str
    reason: str = ""


async def steps(database: Database, alert_id: str) -> tuple[Step, ...]:
    """The history of an alert, oldest first."""
    sql = "SELECT at, actor, act, before, after, reason FROM duty_step WHERE alert_id = ? ORDER BY version"
    rows = await database.rows(sql, (alert_id,))
    return tuple(
        Step(at=moment(r[0]), actor=r[1], act=r[2], before=r[3], after=r[4], reason=r[5] or "") for r in rows
    )


def by_clock(step: DueStep) -> Order:
    """The order by which the clock takes an alert further."""
    return Order(alert_id=step.alert_id, act=Act.ESCALATE, actor=CLOCK, level=step.level)


__all__ = [
    "KIND", "LAPSED", "Act", "Actor", "Done", "DueStep", "Step", "act", "by_clock", "due", "next_due",
    "open_cards", "refused", "skip", "state", "steps",
]  # fmt: skip
