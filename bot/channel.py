"""The chat channels: what one is, and how it is found.

A channel is one file in `bot/channels/`, found by its name: a frozen `Settings`
dataclass (the keys of its `[[channel]]` table, validated by pydantic) and `open_channel`.
Channels never import one another.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from storage.clock import Clock
from storage.errors import ConfigError
from storage.model import Alert, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An entity of a card's text: offset and length in UTF-16 code units; kind bold, code, pre, italic."""

    offset: int
    length: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button under a card. data: what a press tells us (`bot.callback`)."""

    label: str
    data: str


Keyboard = tuple[tuple[Button, ...], ...]
"""Rows of buttons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the cards of a channel are made.

    language, zone: see `bot.desk.tongue`. key: of buttons, b"" for none.
    """

    language: str = "en"
    zone: str = "UTC"
    key: bytes = b""


BARE = Manner()
"""In English, times in UTC, without buttons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An alert in words: text <= 1,024 UTF-16 units with spans, and a contact sheet (JPEG) or b"".

    `headline` is the first line of `text`; it stands alone on a lock screen. keyboard: for channels
    that have buttons. veiled: the sheet is shown only to whoever touches it (`bot.veil`); veil_note: what
    stands under it where it can only be shown blurred.
    """

    headline: str
    text: str
    spans: tuple[Span, ...] = ()
    sheet: bytes = b""
    keyboard: Keyboard = ()
    veiled: bool = False
    veil_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every channel is given: its name in the TOML, the data folder, the clock, a secret reader."""

    name: str
    folder: Path
    clock: Clock
    secret: Callable[[str, str], str]
    """secret(file_path, environment_name) -> value; raises ConfigError."""


class Channel(Protocol):
    """One way to people. Deliveries of one channel are sent one at a time, in order.

    `send` tells a new alert, or revises the card named by `delivery.previous_receipt`.
    It returns the receipt to keep (a message id, a line number). It raises NotSent
    (surely not delivered, retry), Unsendable (never in this form) or Uncertain (may have
    been delivered: the caller decides; a channel with idempotency keys may just be
    called again with the same delivery). It may be cancelled: then Uncertain applies.
    """

    async def send(self, delivery: Delivery, card: Card) -> str: ...

    async def close(self) -> None:
        """Release connections and files. Twice is harmless."""
        ...


class Probe(Enum):
    """What a look at one message id says about the message that is looked for."""

    HERE = "it is this one"
    OTHER = "it is another's message, or none"
    TOUCHED = "it is one of ours, whose buttons were changed by the look"
    UNKNOWN = "the server refused the look, and not as one at another's message"


@dataclass(frozen=True, slots=True)
class Look:
    """What came of a look. says: the words of the message that was touched, as far as the server told."""

    probe: Probe
    says: str = ""


@runtime_checkable
class ChatChannel(Channel, Protocol):
    """A channel that is a chat with a budget, message ids, and messages that can be edited.

    `bot.lanes` runs it. chat: where it speaks now; private: one person's own chat; grace_s: so long a
    request may still be in the server after its answer was given up. Receipts are `FORM:MESSAGE_ID`.
    Every call may raise the errors of `Channel.send`, and ChatMoved, ShutOut and Flooded among them.
    """

    chat: str
    private: bool
    grace_s: float
    fallback: str
    by_words: bool
    """Whether looks go by the words of a message: this server does not tell the same buttons from others."""
    looks_are_free: bool
    """Whether looks cost nothing of the chat's minute: this server does not count refused edits."""
    calls: int
    """Sends, edits and looks so far: a message that is refused in one form may take several."""
    rest_s: float
    """Seconds that the server asked to wait at the last 429; whoever waits sets it to 0."""
    marks_alerts: bool
    """Whether cards carry the id of their alert in words, for receipts by forward."""

    def dressed(self, card: Card) -> Card:
        """A card as this server must have it. Twice changes nothing more."""
        ...

    async def revise(self, receipt: str, card: Card) -> str:
        """Edit a card; its receipt. Unsendable: the message is gone."""
        ...

    async def probe(self, message_id: int, keyboard: Keyboard) -> Look:
        """Whether a message carries exactly these buttons."""
        ...

    async def words(self, message_id: int) -> str | None:
        """What a message says, by a forward of it; None when there is none of that id."""
        ...

    async def bound(self, text: str) -> int:
        """A silent message; its id is above all before it."""
        ...

    async def unsay(self, message_id: int) -> None:
        """Delete a message of ours; it does not matter when that fails."""
        ...

    def remarks(self) -> tuple[str, ...]:
        """What operators should know since this was asked last: a topic that is gone."""
        ...


class ChannelModule(Protocol):
    """What a file in `bot/channels/` offers.

    WANTS_SHEET: whether cards need the contact sheet. REPEATABLE: whether the same
    delivery may be sent again after Uncertain without telling people twice.
    """

    Settings: Any
    WANTS_SHEET: bool
    REPEATABLE: bool

    def open_channel(self, settings: object, setting: Setting) -> Channel: ...


@cache
def kinds() -> tuple[str, ...]:
    """Names of all channels, sorted: the files in `bot/channels/`."""
    from bot import channels

    return tuple(
        sorted(m.name for m in pkgutil.iter_modules(channels.__path__) if not m.name.startswith("_"))
    )


@cache
def load(kind: str) -> ChannelModule:
    """The channel module of that name. Raises ConfigError when unknown."""
    if kind not in kinds():
        raise ConfigError(f"unknown channel {kind!r}; known: {', '.join(kinds())}", key="kind")
    return cast(ChannelModule, importlib.import_module(f"bot.channels.{kind}"))


def spoken(alert: Alert) -> bool:
    """Whether an alert is a message of its own (True) or revises an earlier card (False)."""
    return not alert.revises
