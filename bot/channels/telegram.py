"""The Telegram channel: one photo card a message, revised in place. Bot API via python-telegram-bot.

Entities instead of a parse mode, link previews off (a preview would visit the seller's
site), and a request class on aiohttp: it knows whether a request left at all, and keeps
the token out of logs. Method reference: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.channel import Card, Channel, Setting, spoken
from storage.errors import ConfigError, NotSent, Uncertain, Unsendable
from storage.model import Delivery, Tier

if TYPE_CHECKING:
    from telegram import Bot, MessageEntity

WANTS_SHEET = True
REPEATABLE = False

UNKNOWN_PAUSE_S = 5.0
_GONE = re.compile(r"message to edit not found|message can't be edited|message_id_invalid", re.IGNORECASE)
_PHOTO = re.compile(r"photo|image|wrong file|dimensions", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of a telegram channel.

    chat_id: number of the group or channel, or "@name" of a public channel.
    token_file / token_env: where the bot token is (a file not readable by others, or
    the name of an environment variable). base_url / base_file_url: another Bot API
    server, ending in /bot and /file/bot. topic_id: forum topic, 0 for none.
    silent_below: tiers quieter than this come without a sound.
    timeout_s: seconds for one call.
    """

    chat_id: int | str
    token_file: str = ""
    token_env: str = "NIGHTJAR_TELEGRAM_TOKEN"  # noqa: S105 - a variable's name, not a token
    base_url: str = "https://api.telegram.org/bot"
    base_file_url: str = "https://api.telegram.org/file/bot"
    topic_id: int = 0
    silent_below: str = "normal"
    timeout_s: float = 15.0

    def __post_init__(self) -> None:
        if not self.base_url.endswith("/bot"):
            raise ValueError("base_url must end in /bot")
        if not self.base_file_url.endswith("/file/bot"):
            raise ValueError("base_file_url must end in /file/bot")
        if self.silent_below not in {t.value for t in Tier if t is not Tier.NONE}:
            raise ValueError("silent_below must be urgent, high or normal")
        if not 0 < self.timeout_s <= 25:
            raise ValueError("timeout_s must be above 0 and at most 25")


class Telegram:
    """One chat. `bot` is made at the first message, so a daemon starts without waiting for it."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._settings, self._token = settings, token
        self._bot: Bot | None = None

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Send a card, or revise the one named by `previous_receipt`. Receipt: `photo:ID` or `text:ID`."""
        bot = await self._open()
        if not spoken(delivery.alert) and delivery.previous_receipt:
            try:
                return await self._called(self._revise(bot, delivery.previous_receipt, card))
            except Unsendable as error:
                if "not modified" in str(error):
                    return delivery.previous_receipt
                if not _GONE.search(str(error)):
                    raise
        if card.sheet:
            try:
                return await self._called(self._send_photo(bot, delivery, card))
            except Unsendable as error:
                if not _PHOTO.search(str(error)):
                    raise
        return await self._called(self._send_text(bot, delivery, card))

    async def _send_photo(self, bot: Bot, delivery: Delivery, card: Card) -> str:
        message = await bot.send_photo(
            chat_id=self._settings.chat_id,
            photo=card.sheet,
            caption=card.text,
            caption_entities=_entities(card),
            **self._manner(delivery),
        )
        return f"photo:{message.message_id}"

    async def _send_text(self, bot: Bot, delivery: Delivery, card: Card) -> str:
        from telegram import LinkPreviewOptions

        message = await bot.send_message(
            chat_id=self._settings.chat_id,
            text=card.text,
            entities=_entities(card),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            **self._manner(delivery),
        )
        return f"text:{message.message_id}"

    def _manner(self, delivery: Delivery) -> dict[str, Any]:
        quiet = delivery.alert.tier.rank > Tier(self._settings.silent_below).rank
        return {
            "message_thread_id": self._settings.topic_id or None,
            "disable_notification": quiet or not spoken(delivery.alert),
            "parse_mode": None,
        }

    async def _revise(self, bot: Bot, receipt: str, card: Card) -> str:
        from telegram import LinkPreviewOptions

        form, _, number = receipt.partition(":")
        chat_id = self._settings.chat_id
        if form == "photo":
            await bot.edit_message_caption(
                chat_id=chat_id,
                message_id=int(number),
                caption=card.text,
                caption_entities=_entities(card),
                parse_mode=None,
            )
        else:
            await bot.edit_message_text(
                card.text,
                chat_id=chat_id,
                message_id=int(number),
                entities=_entities(card),
                parse_mode=None,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        return receipt

    async def _called(self, call: Any) -> str:
        """Await a Bot API call and class what went wrong (alerting facts, section 2)."""
        from telegram.error import (
            BadRequest,
            ChatMigrated,
            Forbidden,
            InvalidToken,
            RetryAfter,
            TelegramError,
        )

        try:
            return str(await call)
        except RetryAfter as error:
            pause = error.retry_after
            seconds = pause if isinstance(pause, int) else pause.total_seconds()
            raise NotSent("Telegram asked to wait", retry_after_s=float(seconds)) from error
        except ChatMigrated as error:
            raise NotSent(
                f"the chat has moved to {error.new_chat_id}: change chat_id", retry_after_s=60
            ) from error
        except (Forbidden, InvalidToken) as error:
            raise NotSent(f"Telegram refuses the bot: {error.message}", retry_after_s=60) from error
        except BadRequest as error:
            raise Unsendable(error.message) from error
        except TelegramError as error:
            if isinstance(error.__cause__, aiohttp.ClientConnectorError):
                raise NotSent("Telegram not reachable", retry_after_s=UNKNOWN_PAUSE_S) from error
            raise Uncertain(f"no clear answer from Telegram: {type(error).__name__}") from error

    async def _open(self) -> Bot:
        if self._bot is None:
            from telegram import Bot

            request = _request(self._settings.timeout_s)
            self._bot = Bot(
                self._token,
                base_url=self._settings.base_url,
                base_file_url=self._settings.base_file_url,
                request=request,
                get_updates_request=request,
            )
            await request.initialize()
        return self._bot

    async def close(self) -> None:
        """Close the connections; not the bot's session at the server."""
        bot, self._bot = self._bot, None
        if bot is not None:
            await bot.request.shutdown()


def _entities(card: Card) -> list[MessageEntity]:
    from telegram import MessageEntity

    return [MessageEntity(type=s.kind, offset=s.offset, length=s.length) for s in card.spans]


def _request(timeout_s: float) -> Any:
    """A python-telegram-bot request on aiohttp; the base class is imported only when used."""
    from telegram._utils.defaultvalue import DefaultValue
    from telegram.request import BaseRequest, RequestData

    class AiohttpRequest(BaseRequest):
        """Sends Bot API calls; errors keep their aiohttp cause, which says whether a call left."""

        __slots__ = ("_session",)

        def __init__(self) -> None:
            self._session: aiohttp.ClientSession | None = None

        @property
        def read_timeout(self) -> float:
            return timeout_s

        async def initialize(self) -> None:
            if self._session is None:
                self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)

        async def shutdown(self) -> None:
            session, self._session = self._session, None
            if session is not None:
                await session.close()

        async def do_request(  # noqa: PLR0917 - the base class's signature
            self,
            url: str,
            method: str,
            request_data: RequestData | None = None,
            read_timeout: Any = None,
            write_timeout: Any = None,
            connect_timeout: Any = None,
            pool_timeout: Any = None,
        ) -> tuple[int, bytes]:
            del write_timeout, connect_timeout, pool_timeout  # one total bound holds for all
            if self._session is None:
                raise RuntimeError("request is not initialised")
            longest = timeout_s if isinstance(read_timeout, (DefaultValue, type(None))) else read_timeout
            total = aiohttp.ClientTimeout(total=max(timeout_s, float(longest)))
            async with self._session.request(
                method, url, data=_form(request_data), timeout=total, allow_redirects=False
            ) as answer:
                return answer.status, await answer.read()

    return AiohttpRequest()


def _form(request_data: Any) -> aiohttp.FormData | None:
    if request_data is None:
        return None
    form = aiohttp.FormData()
    for key, value in request_data.json_parameters.items():
        form.add_field(key, value)
    for key, (filename, content, mime) in (request_data.multipart_data or {}).items():
        form.add_field(key, content, filename=filename, content_type=mime)
    return form


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open with the token read from its file or the environment. Raises ConfigError without one."""
    if not isinstance(settings, Settings):
        raise TypeError("telegram settings expected")
    token = setting.secret(settings.token_file, settings.token_env).strip()
    if not re.fullmatch(r"\d+:[\w-]{20,}", token):
        raise ConfigError("the bot token does not look like one (digits, a colon, 35 characters)")
    return Telegram(settings, token)
