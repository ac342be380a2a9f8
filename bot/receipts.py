"""What an update says about a message of ours: the forward of a channel's post into its group. Pure.

A bot never sees its own messages, but it does see this forward, from 777000 with
is_automatic_forward (https://core.telegram.org/bots/api#message): proof that the post arrived.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MARK = re.compile(r"^alert ([0-9a-f]{32})$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message of a chat shows an alert."""

    alert_id: str
    chat_id: int
    message_id: int


def forwarded(update: Mapping[str, object]) -> Arrival | None:
    """The post that an update says was brought into the linked group, None for every other update."""
    message = update.get("message")
    if not isinstance(message, Mapping) or message.get("is_automatic_forward") is not True:
        return None
    origin = message.get("forward_origin")
    if not isinstance(origin, Mapping) or origin.get("type") != "channel":
        return None
    chat, number = origin.get("chat"), origin.get("message_id")
    found = _MARK.search(str(message.get("caption") or message.get("text") or ""))
    if found is None or not isinstance(chat, Mapping) or not isinstance(number, int):
        return None
    chat_id = chat.get("id")
    if not isinstance(chat_id, int):
        return None
    return Arrival(alert_id=found[1], chat_id=chat_id, message_id=number)
