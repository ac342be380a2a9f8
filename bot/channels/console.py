"""The console channel: every alert as a readable block on standard error or a file.

For a terminal at hand and for the journal; needs no account and no network.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TextIO

from bot.channel import Card, Channel, Setting, Span
from storage.model import Delivery, Tier

WANTS_SHEET = False
REPEATABLE = True

_COLOUR = {Tier.URGENT: "\x1b[1;97;41m", Tier.HIGH: "\x1b[1;33m", Tier.NORMAL: "\x1b[36m"}
_STYLE = {"bold": "\x1b[1m", "code": "\x1b[32m", "italic": "\x1b[3m"}
_OFF = "\x1b[0m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of a console channel.

    colour: "auto" (only on a terminal), "always" or "never".
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
    del setting  # the console needs neither folder nor secret
    if not isinstance(settings, Settings):
        raise TypeError("console settings expected")
    colour = settings.colour == "always" or (settings.colour == "auto" and sys.stderr.isatty())
    return Console(sys.stderr, colour=colour)
