"""The words of chat lanes: what waits in brief, what was about to be sent, messages of many alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storage.codec import load
from storage.model import AlertKind, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What was about to be sent. chat: where to. after: the highest message id known there then.

    form: photo or text. keyboard: rows of (label, callback data). text_sha256: of the words. bound: a
    message that was sent after its answer was lost, 0 while there is none. repeat: a try before it may have
    arrived, of which it is not known what became.
    """

    chat: str
    after: int
    form: str
    keyboard: tuple[tuple[tuple[str, str], ...], ...] = ()
    text_sha256: str = ""
    bound: int = 0
    repeat: bool = False


def intent_of(text: str) -> Intent | None:
    """An intent as it was written, None for "" and for what cannot be read."""
    try:
        return load(Intent, text) if text else None
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """See `LaneRow`. chat: "" unless the configured one has moved."""

    configured: str = ""
    last_id: int = 0
    chat: str = ""
    storm_at: datetime | None = None
    touched: int = 0
    rests_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A delivery that asks for a message. cluster: what it has in common with others of its seller, or ""."""

    delivery_id: int
    alert_id: str
    rank: int
    created_at: datetime
    due_at: datetime
    kind: AlertKind
    target: str = ""
    cluster: str = ""
    uncertain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A card that is to be edited: its newest word, with all the rows that this word settles.

    receipt: of the card's message. inside: the incident that shows it, or "". duty: somebody acted on it.
    edited_at: when a message was last sent or edited for it.
    """

    newest: int
    rows: tuple[int, ...]
    receipt: str
    inside: str
    since: datetime
    duty: bool
    rank: int
    edited_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An alert inside an incident. status: "up", or the kind of the newest word about it.

    open: nobody has taken it; False where nobody can be asked to. shown_at: since when a message shows it.
    """

    delivery_id: int
    alert_id: str
    tier: Tier
    created_at: datetime
    shown: bool
    target: str
    title: str
    seller: str
    price: str
    product: str
    evidence_id: str
    status: str
    open: bool = False
    shown_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A message of many alerts. receipt: "" while it was not sent."""

    alert_id: str
    key: str
    loud: bool
    opened_at: datetime
    delivery_id: int
    receipt: str
    state: str
    edited_at: datetime | None
    waiting: int
    """Members that its message does not show yet."""
    count: int
    rank: int
    since: datetime | None
    """When the oldest of those came; rank is of the loudest of them."""
    joined_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A message of a channel's chat. receipt: as the channel names it."""

    channel: str
    receipt: str
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a message of a chat shows."""

    alert_id: str
    kind: AlertKind
