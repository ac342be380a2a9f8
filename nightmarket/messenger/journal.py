"""What was asked of the service, call by call, and which message says what."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nightmarket.messenger.forms import Form
from nightmarket.messenger.words import Message

_KEY = re.compile(r"^a1:([0-9a-f]{32}):")


@dataclass(frozen=True, slots=True)
class Call:
    """at: the service's monotonic seconds when it came. key: of the alert that its keyboard names, or "".

    outcome: "ok", the status and text of a refusal, or the fault that it met.
    """

    at: float
    method: str
    chat_id: int
    key: str
    outcome: str
    message_id: int = 0


def key_in(keyboard: object) -> str:
    """The id of the alert in the first button that names one (`a1:ID:...`), or ""."""
    for row in keyboard if isinstance(keyboard, list) else ():
        for button in row if isinstance(row, list) else ():
            data = button.get("callback_data", "") if isinstance(button, dict) else ""
            if match := _KEY.match(str(data)):
                return match[1]
    return ""


def key_of(form: Form) -> str:
    """The key of a call, from its keyboard."""
    markup = form.object("reply_markup")
    return key_in(markup.get("inline_keyboard")) if isinstance(markup, dict) else ""


@dataclass(frozen=True, slots=True)
class Edited:
    """What a message said from an edit on. at: the service's seconds."""

    at: float
    chat_id: int
    message_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that was made by the bot, with the key it had then: edits do not change it."""

    at: float
    chat_id: int
    message_id: int
    key: str
    form: str
    silent: bool
    message: Message
