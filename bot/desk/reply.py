"""What the bot answers: a text with spans, perhaps buttons or a file. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.channel import Keyboard, Span
from bot.words import Text

LIMIT = 4_096
"""UTF-16 units of a message (core.telegram.org/bots/api#sendmessage)."""
CAPTION = 1_024
"""UTF-16 units of what stands under a file."""
ANSWER = 200
"""Characters of an answer to a press (answerCallbackQuery)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. file: (name, bytes) of a document that comes with it. outcome: for the inbox and the log.

    refused: he wanted what he may not, which the log is told.
    """

    text: str
    spans: tuple[Span, ...] = ()
    keyboard: Keyboard = ()
    file: tuple[str, bytes] | None = None
    outcome: str = "answered"
    refused: bool = False


def plainly(text: str, outcome: str = "answered") -> Reply:
    """An answer in the program's own words alone."""
    return of(Text(LIMIT).add(text), outcome)


def refusing(text: str, why: str) -> Reply:
    """An answer to somebody who may not do what he asked for. why: for the log."""
    return replace(plainly(text, why), refused=True)


def of(text: Text, outcome: str = "answered") -> Reply:
    """An answer from a text with spans."""
    return Reply(text=text.text, spans=text.spans, outcome=outcome)


def begun() -> Text:
    """An empty text as long as a message may be."""
    return Text(LIMIT)
