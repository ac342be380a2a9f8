"""The life of an alert among people: new, acknowledged, escalated, resolved. Pure.

    new -> acknowledged -> resolved (confirmed, false positive, duplicate)
    new -> escalated -> acknowledged

`decide` says what an order makes of the state, or why it is refused; it reads no clock and no
database. A version counts the transitions: whoever presses a button says which one he saw.
Steps of the clock do not make his view stale, steps of people do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

UNDO_WITHIN = timedelta(minutes=15)
"""So long an acknowledgement may be taken back."""
LEVELS_S = (180.0, 360.0, 720.0)
"""Seconds after an urgent alert at which it goes further: next officer, second and supervisor, all."""
LAPSED = timedelta(hours=12)
"""What should have gone further longer ago (there was no desk then) does so no more."""
MOST_REASON = 500


class State(StrEnum):
    """How far people are with an alert."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class Act(StrEnum):
    """What somebody does about an alert."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    ESCALATE = "escalate"
    CONFIRM = "confirm"
    FALSE = "false positive"
    DUPLICATE = "duplicate"


class Outcome(StrEnum):
    """How it was resolved; OPEN while it is not."""

    OPEN = ""
    CONFIRMED = "confirmed"
    FALSE_POSITIVE = "false positive"
    DUPLICATE = "duplicate"


FALSE_REASONS = ("antique", "replica", "synthetic", "word", "other")
"""Why an alert was none: antique or permit, replica, plant or synthetic, another sense of the word."""
_RESOLVES = {
    Act.CONFIRM: Outcome.CONFIRMED,
    Act.FALSE: Outcome.FALSE_POSITIVE,
    Act.DUPLICATE: Outcome.DUPLICATE,
}


class Refusal(StrEnum):
    """Why an order changed nothing."""

    ALREADY = "somebody did that before"
    CLOSED = "the alert is resolved"
    STALE = "somebody acted since this was shown"
    FOREIGN = "no such state was ever shown"
    UNKNOWN = "there is no such alert"
    NOT_ACKNOWLEDGED = "nobody has acknowledged it"
    TOO_LATE = "an acknowledgement can be taken back for 15 minutes"
    NO_REASON = "a reason is needed"
    NOT_ALLOWED = "this role may not do that"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a Telegram user id with the name and role of the configuration. id 0 is the clock."""

    id: int
    name: str
    role: str = ""


CLOCK = Actor(id=0, name="clock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Where an alert stands. alert_id: of its card. seen: the version the last step of a person made.

    level: how far it was escalated, 0 to 3. at: of the last step. acknowledged_at: None when nobody has.
    """

    alert_id: str
    state: State = State.NEW
    version: int = 0
    seen: int = 0
    level: int = 0
    actor_id: int = 0
    actor: str = ""
    at: datetime | None = None
    acknowledged_at: datetime | None = None
    outcome: Outcome = Outcome.OPEN
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nobody has taken it yet."""
        return self.state in (State.NEW, State.ESCALATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants. version: of the card he saw, None where no card was shown (a command)."""

    alert_id: str
    act: Act
    actor: Actor
    version: int | None = None
    level: int = 0
    reason: str = ""


def decide(duty: Duty, order: Order, now: datetime) -> Duty | Refusal:
    """The state after an order, or why there is no change."""
    if order.version is not None and order.version > duty.version:
        return Refusal.FOREIGN
    if duty.state is State.RESOLVED:
        return Refusal.ALREADY if _RESOLVES.get(order.act) is duty.outcome else Refusal.CLOSED
    if refused := _refused(duty, order, now):
        return refused
    after = _after(duty, order, now)
    version = duty.version + 1
    return replace(
        after,
        version=version,
        seen=duty.seen if order.actor.id == CLOCK.id else version,
        actor_id=order.actor.id,
        actor=order.actor.name,
        at=now,
    )


def _refused(duty: Duty, order: Order, now: datetime) -> Refusal | None:  # noqa: PLR0911 -- one a rule
    if order.act is Act.ACKNOWLEDGE and duty.state is State.ACKNOWLEDGED:
        return Refusal.ALREADY
    if order.act is Act.ESCALATE and _level(duty, order) <= duty.level:
        return Refusal.ALREADY
    if order.act is Act.ESCALATE and order.actor.id == CLOCK.id and not duty.is_open:
        return Refusal.ALREADY
    if order.version is not None and order.version < duty.seen:
        return Refusal.STALE
    if order.act is Act.UNACKNOWLEDGE:
        if duty.state is not State.ACKNOWLEDGED or duty.acknowledged_at is None:
            return Refusal.NOT_ACKNOWLEDGED
        if now - duty.acknowledged_at > UNDO_WITHIN:
            return Refusal.TOO_LATE
    if order.act is Act.FALSE and not order.reason.strip():
        return Refusal.NO_REASON
    return None


def _level(duty: Duty, order: Order) -> int:
    """The level an escalation leads to: the clock names it, people go one further."""
    return order.level or min(duty.level + 1, len(LEVELS_S))


def _after(duty: Duty, order: Order, now: datetime) -> Duty:
    match order.act:
        case Act.ACKNOWLEDGE:
            return replace(duty, state=State.ACKNOWLEDGED, acknowledged_at=now)
        case Act.UNACKNOWLEDGE:
            return replace(duty, state=State.NEW, acknowledged_at=None, level=0)
        case Act.ESCALATE:
            level = _level(duty, order)
            return replace(duty, state=State.ESCALATED, acknowledged_at=None, level=level)
        case _:
            reason = order.reason.strip()[:MOST_REASON]
            return replace(duty, state=State.RESOLVED, outcome=_RESOLVES[order.act], reason=reason)
