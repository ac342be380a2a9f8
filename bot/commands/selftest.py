"""`nightjar selftest --live`: what only the real messenger server can answer, asked once and kept.

An admin runs it in an empty group (and, for two of the questions, with an empty channel linked to a
group, the bot an administrator in all of them). It sends some 90 silent messages and deletes them again.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from typing import Any

from bot.channels.telegram import Settings
from bot.commands.options import WrongUseError
from bot.commands.out import OK, PROBLEM, Out
from bot.config import Config
from bot.desk.updates import PollerLock
from bot.live import Finding, Live, answers
from bot.request import request_of
from storage import live
from storage.clock import Clock
from storage.errors import ConfigError

CALL_S = 30.0
ANSWERS = {True: "yes", False: "no", None: "not known"}


def run(
    out: Out,
    config: Config,
    clock: Clock,
    secret: Callable[[str, str], str],
    *,
    channel: str,
    chat: int,
    post_to: int,
) -> int:
    """Ask, show and keep the answers; exit code 1 when the server could not be asked."""
    settings = _settings(config, channel)
    token = secret(settings.token_file, settings.token_env).strip()
    if not re.fullmatch(r"\d+:[\w-]{20,}", token):
        raise ConfigError("the bot token does not look like one (digits, a colon, 35 characters)")
    bot_id = token.partition(":")[0]
    found, why = asyncio.run(_asked(settings, token, clock, chat=chat, post_to=post_to))
    kept = live.keep(config.data_dir, answers(found, bot_id), clock.now()) if found else None
    out.facts(
        {
            "asked_at": kept.at if kept else None,
            "answers": {name: getattr(kept, name) for name in live.QUESTIONS} if kept else None,
            "found": [{"question": f.question, "answer": f.answer, "why": f.why} for f in found],
            "error": why or None,
        }
    )
    out.table(("question", "answer", "seen"), ((f.question, ANSWERS[f.answer], f.why) for f in found))
    if why:
        out.say(f"the server could not be asked: {why}", style="bold red")
        return PROBLEM
    out.say(
        f"kept in {config.data_dir / live.NAME}; a running watch reads it at its next start", style="bold"
    )
    return OK


def _settings(config: Config, channel: str) -> Settings:
    """Of the telegram channel of that name, or of the only one, or of the desk's."""
    tables = {one.name: one.settings for one in config.channels if isinstance(one.settings, Settings)}
    if not tables:
        raise WrongUseError("selftest --live asks the server of a telegram channel, and there is none")
    name = channel or (config.desk.channel if config.desk else "") or next(iter(tables))
    if name not in tables:
        raise WrongUseError(f"there is no telegram channel {name!r}; there is {', '.join(tables)}")
    return tables[name]


async def _asked(
    settings: Settings, token: str, clock: Clock, *, chat: int, post_to: int
) -> tuple[tuple[Finding, ...], str]:
    """What was found, and why nothing was."""
    from telegram import Bot
    from telegram.error import TelegramError

    lock = PollerLock(token.partition(":")[0])
    if post_to and not lock.take():
        return (), "a watch polls this bot on this machine: stop it first"
    request: Any = request_of(CALL_S)
    bot = Bot(
        token,
        base_url=settings.base_url,
        base_file_url=settings.base_file_url,
        request=request,
        get_updates_request=request,
    )
    await request.initialize()
    try:
        return await Live(bot, clock, chat, post_to, told=_tell).ask(), ""
    except TelegramError as error:
        return (), error.message
    finally:
        await request.shutdown()
        lock.release()


def _tell(text: str) -> None:
    """To standard error: standard output belongs to the answer."""
    sys.stderr.write(f"nightjar: {text}\n")
    sys.stderr.flush()
