"""How a Bot API call failed, in the errors that lanes know: not sent, refused in this form, or open.

The words are those of the official server (tdlib/telegram-bot-api, Client.cpp) and of the protocol below
it, which come through where the server has none of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any

import aiohttp

from bot.answers import UNREADABLE
from bot.logs import redact
from storage.errors import ChatMoved, Flooded, NotSent, ShutOut, Uncertain, Unsendable

UNKNOWN_PAUSE_S = 5.0
SHUT_PAUSE_S = 60.0
MOST_WHY = 300
"""Characters of what a server says that are told further: some answer with a whole page."""
GONE = re.compile(
    r"message (?:to edit )?not found|message can't be edited|message_(?:id_invalid|author_required|not_found)"
    r"|edit_time_expired|message identifier is not specified",
    re.IGNORECASE,
)
"""A message that is not there, or not ours."""
SAME = re.compile(r"not[ _]modified", re.IGNORECASE)
TOPIC = re.compile(
    r"thread not found|topic_(?:closed|deleted|id_invalid)|topic (?:is )?closed", re.IGNORECASE
)
LONG = re.compile(r"is too long|(?:message|media_caption|caption)_too_long|entities_too_long", re.IGNORECASE)
FORM = re.compile(r"there is no (?:caption|text) in the message", re.IGNORECASE)
_SHUT = re.compile(
    r"chat not found|chat_id is empty|peer_id_invalid|channel_(?:private|invalid)|input_user_deactivated"
    r"|(?:not enough|have no|need administrator) rights|chat_(?:write_forbidden|restricted|admin_required)"
    r"|chat_send_plain_forbidden|user_(?:is_blocked|banned_in_channel|deactivated)|bot was (?:kicked|blocked)"
    r"|bot is not a (?:member|participant)"
    r"|(?:group|chat|user) (?:chat )?(?:is|was) (?:deactivated|deleted|upgraded)",
    re.IGNORECASE,
)
"""No message of any form arrives there until somebody lets the bot in, or gives it its rights back."""
_MEDIA = re.compile(r"photo|media|image|document|video", re.IGNORECASE)
"""A right that only pictures need."""


async def classed(call: Awaitable[Any]) -> Any:
    """Await a Bot API call of the library.

    Raises Flooded, ChatMoved, ShutOut, NotSent, Unsendable; Uncertain for whatever else goes wrong, an
    answer that the library cannot read among it.
    """
    from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

    try:
        return await call
    except RetryAfter as error:
        pause = error.retry_after
        seconds = pause if isinstance(pause, int) else pause.total_seconds()
        raise Flooded("Telegram asked to wait", retry_after_s=float(seconds)) from error
    except ChatMigrated as error:
        raise ChatMoved(str(error.new_chat_id)) from error
    except (Forbidden, InvalidToken) as error:
        raise _shut_out(error.message) from error
    except BadRequest as error:
        if shuts_out(error.message):
            raise _shut_out(error.message) from error
        raise Unsendable(redact(error.message)[:MOST_WHY]) from error
    except TelegramError as error:
        if isinstance(error.__cause__, aiohttp.ClientConnectorError):
            raise NotSent("Telegram not reachable", retry_after_s=UNKNOWN_PAUSE_S) from error
        raise Uncertain(f"no clear answer from Telegram: {type(error).__name__}") from error
    except UNREADABLE as error:
        raise Uncertain(f"an answer that cannot be read: {type(error).__name__}") from error


def shuts_out(said: str) -> bool:
    """Whether a refusal is about the chat and not about what was sent."""
    return bool(_SHUT.search(said)) and not _MEDIA.search(said)


def _shut_out(said: str) -> ShutOut:
    return ShutOut(f"Telegram refuses the bot: {redact(said)[:MOST_WHY]}", retry_after_s=SHUT_PAUSE_S)
