"""Whether the messenger's server knows the bots and chats of a configuration; nothing is written there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.answers import UNREADABLE
from bot.channels.telegram import Settings
from bot.config import Config
from bot.logs import redact
from bot.request import request_of
from storage.errors import ConfigError

if TYPE_CHECKING:
    from telegram import Bot

CALL_S = 15.0
_OFFICIAL = Settings(chat_id=0).base_url
_OR_ANOTHER = "; or is what base_url names no Bot API server?"


async def faults(config: Config, secret: Callable[[str, str], str]) -> tuple[str, ...]:
    """What is wrong, each by the name of its channel or table. secret: as of `bot.secrets.reader`."""
    found: list[str] = []
    desk = config.desk.channel if config.desk else ""
    for channel in config.channels:
        settings = channel.settings
        if isinstance(settings, Settings):
            chats = _chats(settings)
            if channel.name == desk:
                chats |= {f"[[chat]] id = {one.id}": one.id for one in config.chats}
                chats |= {f'officer "{one.name}"': one.telegram for one in config.officers if one.telegram}
            found += [f'channel "{channel.name}": {why}' for why in await _asked(settings, secret, chats)]
    return tuple(found)


def _chats(settings: Settings) -> dict[str, int | str]:
    """The chats of a channel by the key that names them."""
    named: dict[str, int | str] = {f"chat_id = {settings.chat_id}": settings.chat_id}
    named |= {f"oncall_chats: {one}": one for one in settings.oncall_chats}
    for key in ("discussion_id", "audit_chat_id"):
        if number := getattr(settings, key):
            named[f"{key} = {number}"] = number
    return named


async def _asked(
    settings: Settings, secret: Callable[[str, str], str], chats: dict[str, int | str]
) -> list[str]:
    """What the server says of one bot and its chats."""
    from telegram import Bot
    from telegram.error import InvalidToken, TelegramError

    try:
        token = secret(settings.token_file, settings.token_env).strip()
    except ConfigError as error:
        return [error.why]
    request: Any = request_of(CALL_S)
    await request.initialize()
    try:
        bot = Bot(token, base_url=settings.base_url, request=request, get_updates_request=request)
        await bot.get_me()
        return await _known(bot, chats)
    except InvalidToken as error:
        sure = settings.base_url == _OFFICIAL or "unauthorized" in error.message.casefold()
        return [f"the token is refused: it is wrong or was withdrawn{'' if sure else _OR_ANOTHER}"]
    except TelegramError as error:
        return [f"the server cannot be asked: {redact(error.message)}"]
    except UNREADABLE as error:
        return [f"the server's answer cannot be read ({type(error).__name__}){_OR_ANOTHER}"]
    finally:
        await request.shutdown()


async def _known(bot: Bot, chats: dict[str, int | str]) -> list[str]:
    """What is wrong with the chats; what was found so far is told too when the server ends it."""
    from telegram.error import TelegramError

    found: list[str] = []
    for place, (name, chat_id) in enumerate(chats.items()):
        try:
            found.append(await _chat(bot, name, chat_id))
        except TelegramError as error:
            rest = f", nor of {left} more" if (left := len(chats) - place - 1) else ""
            found.append(f"{name}: the server cannot be asked of it{rest}: {redact(error.message)}")
            break
    return [why for why in found if why]


async def _chat(bot: Bot, name: str, chat_id: int | str) -> str:
    """What keeps the bot out of a chat, or ""."""
    from telegram.error import BadRequest, ChatMigrated, Forbidden

    try:
        await bot.get_chat(chat_id)
    except ChatMigrated as error:
        return f"{name}: the chat has moved, it is {error.new_chat_id} now"
    except Forbidden as error:
        return f"{name}: {error.message}"
    except BadRequest as error:
        hint = (
            "; is the bot in it, or did the officer write to it first?"
            if "not found" in error.message
            else ""
        )
        return f"{name}: {error.message}{hint}"
    except UNREADABLE:  # it knows the chat; servers of some age tell less of it than the library asks for
        return ""
    return ""
