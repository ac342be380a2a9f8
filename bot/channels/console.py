"""The console channel: every alert on standard error, as a readable block or a line of the log.

For a terminal at hand and for the journal; needs no account and no network. Where nobody reads
along, the log beside it is one JSON object a line (`bot.logs`), and so is an alert: what reads
the one can read the other.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TextIO

from bot.channel import Card, Channel, Setting, Span
from storage.clock import Clock
from storage.model import Delivery, Tier

WANTS_SHEET = False
REPEATABLE = True

_COLOUR = {Tier.URGENT: "\x1b[1;97;41m", Tier.HIGH: "\x1b[1;33m", Tier.NORMAL: "\x1b[36m"}
_STYLE = {"bold": "\x1b[1m", "code": "\x1b[32m", "italic": "\x1b[3m"}
_OFF = "\x1b[0m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of a console channel.

    colour: of the blocks on a terminal: "auto", "always" (blocks in colour even where no terminal
    is) or "never". Where no terminal is, an alert is else one JSON object a line, as the log is.
    """

    colour: str = "auto"

    def __post_init__(self) -> None:
        if self.colour not in ("auto", "always", "never"):
            raise ValueError('colour must be "auto", "always" or "never"')


class Console:
    """Writes blocks; a card's text holds no control characters by construction."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream, self._colour = stream, colour

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Print one block and flush it. The receipt is the alert's id."""
        body = paint(card, delivery.alert.tier) if self._colour else card.text
        block = "\n".join(f"  {line}" if n else line for n, line in enumerate(body.split("\n")))
        self._stream.write(f"{block}\n\n")
        self._stream.flush()
        return delivery.alert.alert_id

    async def close(self) -> None:
        """Nothing to release: the stream is not ours."""


class Lines:
    """Writes alerts as lines of the JSON log, whatever level the log is kept at."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream, self._clock = stream, clock

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Write one line and flush it. The receipt is the alert's id."""
        alert = delivery.alert
        line = {
            "event": "alert",
            "alert": alert.alert_id,
            "kind": alert.kind.value,
            "tier": alert.tier.value,
            "card": card.text,
            "level": "info",
            "logger": __name__,
            "at": self._clock.now().isoformat(timespec="milliseconds"),
        }
        self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()
        return alert.alert_id

    async def close(self) -> None:
        """Nothing to release: the stream is not ours."""


def paint(card: Card, tier: Tier) -> str:
    """The card's text with terminal colours where its spans are."""
    data = card.text.encode("utf-16-le")
    parts, at = [], 0
    for number, span in enumerate(card.spans):
        parts.append(data[at * 2 : span.offset * 2].decode("utf-16-le"))
        parts.append(_painted(data, span, _COLOUR.get(tier, "") if number == 0 else ""))
        at = span.offset + span.length
    return "".join(parts) + data[at * 2 :].decode("utf-16-le")


def _painted(data: bytes, span: Span, colour: str) -> str:
    inner = data[span.offset * 2 : (span.offset + span.length) * 2].decode("utf-16-le")
    return f"{colour or _STYLE.get(span.kind, '')}{inner}{_OFF}"


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open on standard error."""
    if not isinstance(settings, Settings):
        raise TypeError("console settings expected")
    terminal = sys.stderr.isatty()
    if not terminal and settings.colour != "always":
        return Lines(sys.stderr, setting.clock)
    return Console(sys.stderr, colour=settings.colour != "never")
