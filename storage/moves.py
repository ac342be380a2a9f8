"""Chats that moved: a group that became a supergroup has another id for ever, and ids of messages begin anew.

The table of lanes holds each move: of a channel's chat in the channel's own row, of any other in a row that
is named by the chat.
"""

from __future__ import annotations

from storage import lanes
from storage.codec import clean, micros
from storage.database import Database
from storage.lane_words import LaneState
from storage.vault import Vault

_ENTER = (
    "INSERT INTO lane (channel, last_id, configured, chat, touched) VALUES (?, 0, ?, '', 0) "
    "ON CONFLICT (channel) DO UPDATE SET last_id = 0, chat = '', touched = 0, storm_at = NULL, "
    "rests_until = NULL, configured = excluded.configured WHERE configured <> excluded.configured"
)
_MOVE = "UPDATE lane SET last_id = 0, touched = 0, rests_until = NULL, chat = ? WHERE channel = ?"
_NOTE = (
    "INSERT INTO lane (channel, last_id, configured, chat, touched) VALUES (?, 0, ?, ?, 0) "
    "ON CONFLICT (channel) DO UPDATE SET chat = excluded.chat"
)
_SHOWN = (
    "channel = ?1 AND state = 'delivered' AND receipt <> '' AND "
    "coalesce((SELECT json_extract(i.intent, '$.chat') FROM delivery i WHERE i.channel = ?1 "
    "AND i.alert_id = coalesce(delivery.inside, delivery.alert_id) AND i.intent <> ''), ?2) <> ?2"
)
_APART = (
    f"UPDATE delivery SET inside = NULL WHERE channel = ?1 AND state = 'waiting' AND inside IN "  # noqa: S608
    f"(SELECT alert_id FROM delivery WHERE {_SHOWN})"
)
_CLOSE = (
    f"UPDATE incident SET closed_at = ?3 WHERE channel = ?1 AND closed_at IS NULL AND alert_id IN "  # noqa: S608
    f"(SELECT alert_id FROM delivery WHERE {_SHOWN})"
)
_FORGET = (
    f"UPDATE delivery SET why = 'shown by ' || receipt || ' of the chat before', receipt = '' WHERE {_SHOWN}"  # noqa: S608
)


async def enter(vault: Vault, channel: str, configured: str) -> LaneState:
    """Begin to speak in a chat; what was known of another one that was configured before is forgotten.

    In one transaction: a stop between the two would have messages of that chat edited in this one for ever.
    """
    before = await lanes.state(vault, channel)
    if before.configured == configured:
        return before
    await lanes.run(vault, (_ENTER, (channel, configured)), *_forgetting(vault, channel, configured))
    return await lanes.state(vault, channel)


async def moved(vault: Vault, channel: str, chat: str) -> None:
    """The server said that the chat of a channel is `chat` from now on; see `_forgetting`."""
    await lanes.run(vault, (_MOVE, (clean(chat), channel)), *_forgetting(vault, channel, chat))


def _forgetting(vault: Vault, channel: str, chat: str) -> tuple[tuple[str, tuple[object, ...]], ...]:
    """No message of another chat than this is edited for the channel any more.

    Their numbers are those of other messages here. What happens to their posts is told anew, and what
    waited to be shown by one of them is told by itself.
    """
    here = (channel, clean(chat))
    return (_APART, here), (_CLOSE, (*here, micros(vault.clock.now()))), (_FORGET, here)


async def note(vault: Vault, before: int, now: int) -> None:
    """A chat has moved, as an update said."""
    await lanes.run(vault, (_NOTE, (f"chat {before}", str(before), str(now))))


async def known(database: Database) -> dict[int, int]:
    """Chats that moved, each with the id of before that the configuration names."""
    rows = await database.rows("SELECT chat, configured FROM lane WHERE chat <> ''", ())
    found = ((_number(chat), _number(configured)) for chat, configured in rows)
    return {chat: configured for chat, configured in found if chat and configured}


def _number(text: str) -> int:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else 0
