"""The state of alerts among people as rows: begun with the alert, read with its card.

Not here: changing it (`duties`), which also writes to the outbox.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from storage.codec import micros, moment
from storage.database import Database, Row
from storage.duty import LEVELS_S, Duty, Outcome, State
from storage.writer import Batch

COLUMNS = "alert_id, state, version, seen, level, actor_id, actor, at, acknowledged_at, outcome, reason"
_BEGIN = (
    "INSERT OR IGNORE INTO duty "
    "(alert_id, state, version, seen, level, actor_id, actor, at, outcome, reason) "
    "VALUES (?, 'new', 0, 0, 0, 0, '', ?, '', '')"
)
# What is muted goes nowhere, so it does not go further either.
_ESCALATE = (
    "INSERT INTO escalation (alert_id, level, due_at, outcome) SELECT ?1, ?2, ?3, '' WHERE NOT EXISTS "
    "(SELECT 1 FROM muted WHERE alert_id = ?1) ON CONFLICT (alert_id, level) "
    "DO UPDATE SET due_at = excluded.due_at, done_at = NULL, outcome = ''"
)


def begin(batch: Batch, alert_id: str, at: datetime, *, urgent: bool) -> None:
    """A new alert is nobody's yet; an urgent one goes further when nobody takes it."""
    batch.many(_BEGIN, (alert_id, micros(at)))
    if urgent:
        plan(batch, alert_id, at)


def plan(batch: Batch, alert_id: str, since: datetime) -> None:
    """Write down when it goes further, counted from `since`."""
    for number, after_s in enumerate(LEVELS_S, 1):
        batch.many(_ESCALATE, (alert_id, number, micros(since + timedelta(seconds=after_s))))


async def of_cards(database: Database, cards: Sequence[str]) -> dict[str, Duty]:
    """The states of these cards; of those from before there were any, none."""
    sql = f"SELECT {COLUMNS} FROM duty WHERE alert_id IN (SELECT value FROM json_each(?))"  # noqa: S608 -- our columns
    return {row[0]: duty_of(row) for row in await database.rows(sql, (json.dumps(list(cards)),))}


def duty_of(row: Row | tuple[object, ...]) -> Duty:
    """The state in a row of `COLUMNS`."""
    alert_id, state, version, seen, level, actor_id, actor, at, acknowledged_at, outcome, reason = tuple(row)
    return Duty(
        alert_id=str(alert_id),
        state=State(str(state)),
        version=int(str(version)),
        seen=int(str(seen)),
        level=int(str(level)),
        actor_id=int(str(actor_id)),
        actor=str(actor),
        at=moment(int(str(at))),
        acknowledged_at=None if acknowledged_at is None else moment(int(str(acknowledged_at))),
        outcome=Outcome(str(outcome)),
        reason=str(reason),
    )
