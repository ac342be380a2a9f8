"""The Telegram channel: one photo card a message, revised in place. Bot API via python-telegram-bot.

Entities instead of a parse mode, link previews off (a preview would visit the seller's
site), and a request class on aiohttp: it knows whether a request left at all, and keeps
the token out of logs. Method reference: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.channel import Card, Channel, Keyboard, Probe, Setting, spoken
from bot.request import markup, request_of
from bot.words import cut, disarmed, units
from storage.errors import ChatMoved, ConfigError, Flooded, NotSent, ShutOut, Uncertain, Unsendable
from storage.live import UNKNOWN, LiveAnswers, read
from storage.model import Delivery, Tier

if TYPE_CHECKING:
    from telegram import Bot, MessageEntity

WANTS_SHEET = True
REPEATABLE = False

UNKNOWN_PAUSE_S = 5.0
_GONE = re.compile(r"message to edit not found|message can't be edited|message_id_invalid", re.IGNORECASE)
_TOPIC = re.compile(r"thread not found|topic_(closed|deleted|id_invalid)", re.IGNORECASE)
_LONG = re.compile(r"is too long|message_too_long", re.IGNORECASE)
_FORM = re.compile(r"there is no (caption|text) in the message", re.IGNORECASE)
_LEAST = 64
"""UTF-16 units; a text that is refused as too long is halved down to this."""
_PHOTO = re.compile(r"photo|image|wrong file|dimensions|file is too big", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of a telegram channel.

    chat_id: number of the group or channel, or "@name" of a public channel.
    token_file / token_env: where the bot token is (a file not readable by others, or
    the name of an environment variable). base_url / base_file_url: another Bot API
    server, ending in /bot and /file/bot. topic_id: forum topic, 0 for none.
    silent_below: tiers quieter than this come without a sound.
    timeout_s: seconds for one call. grace_s: seconds after a lost answer before the message is
    looked for: so long a request may still be in the server. oncall_chats: user ids of officers whose
    own chats get urgent alerts too. fallback: the channel that is told urgent alerts while this one
    cannot be reached for half a minute, or lets the bot in no more. discussion_id: the group linked
    to a channel; what it shows of a post is taken as its receipt. audit_chat_id: a chat only the bot
    uses, for looks by forward; 0: the chat itself.
    """

    chat_id: int | str
    token_file: str = ""
    token_env: str = "NIGHTJAR_TELEGRAM_TOKEN"  # noqa: S105 - a variable's name, not a token
    base_url: str = "https://api.telegram.org/bot"
    base_file_url: str = "https://api.telegram.org/file/bot"
    topic_id: int = 0
    silent_below: str = "normal"
    timeout_s: float = 15.0
    grace_s: float = 15.0
    oncall_chats: tuple[int, ...] = ()
    fallback: str = ""
    discussion_id: int = 0
    audit_chat_id: int = 0

    def __post_init__(self) -> None:
        if not self.base_url.endswith("/bot"):
            raise ValueError("base_url must end in /bot")
        if not self.base_file_url.endswith("/file/bot"):
            raise ValueError("base_file_url must end in /file/bot")
        if self.silent_below not in {t.value for t in Tier if t is not Tier.NONE}:
            raise ValueError("silent_below must be urgent, high or normal")
        if not 0 < self.timeout_s <= 25:
            raise ValueError("timeout_s must be above 0 and at most 25")
        if not 0 <= self.grace_s <= 300:
            raise ValueError("grace_s must be 0 to 300")
        if any(chat <= 0 for chat in self.oncall_chats):
            raise ValueError("oncall_chats must be user ids, which are positive")


class Telegram:
    """One chat. `bot` is made at the first message, so a daemon starts without waiting for it."""

    def __init__(self, settings: Settings, token: str, known: LiveAnswers = UNKNOWN) -> None:
        self._settings, self._token = settings, token
        self.chat = str(settings.chat_id)
        self.grace_s = settings.grace_s
        self.fallback, self.marks_alerts = settings.fallback, bool(settings.discussion_id)
        self.by_words = known.same_is_told is False
        self.looks_are_free = known.failed_edits_count is False and not self.by_words
        self._code_is_quiet = known.code_is_quiet is not False
        self._topic = settings.topic_id
        self._remarks: list[str] = []
        self._bot: Bot | None = None

    @property
    def private(self) -> bool:
        """Whether it is one person's own chat: those ids are positive."""
        return self.chat.isdigit()

    def remarks(self) -> tuple[str, ...]:
        """See `ChatChannel`."""
        told, self._remarks = tuple(self._remarks), []
        return told

    def dressed(self, card: Card) -> Card:
        """See `ChatChannel`."""
        return card if self._code_is_quiet else disarmed(card)

    # --- sending ----------------------------------------------------------------------

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Send a card, or revise the one named by `previous_receipt`. Receipt: `photo:ID` or `text:ID`."""
        if not spoken(delivery.alert) and delivery.previous_receipt:
            try:
                return await self.revise(delivery.previous_receipt, card)
            except Unsendable as error:
                if not _GONE.search(str(error)):
                    raise
        while True:  # each refusal is certain, so the next form is the first that arrives
            try:
                return await self._sent(delivery, card)
            except Unsendable as error:
                if _TOPIC.search(str(error)) and self._topic:
                    self._topic = 0
                    self._remarks.append(f"the topic is gone ({error}): alerts go to the general one")
                elif _LONG.search(str(error)) and units(card.text) > _LEAST:
                    card = cut(card, units(card.text) // 2)
                else:
                    raise

    async def _sent(self, delivery: Delivery, card: Card) -> str:
        bot = await self._open()
        card = self.dressed(card)
        if not card.sheet:
            return await self._called(self._send_text(bot, delivery, card))
        try:
            return await self._called(self._send_photo(bot, delivery, card))
        except Unsendable as error:
            if not _PHOTO.search(str(error)):
                raise
            receipt = await self._called(self._send_text(bot, delivery, card))
            await self._send_file(bot, int(receipt.partition(":")[2]), card.sheet)
            return receipt

    async def _send_photo(self, bot: Bot, delivery: Delivery, card: Card) -> str:
        message = await bot.send_photo(
            chat_id=self.chat,
            photo=card.sheet,
            caption=card.text,
            caption_entities=_entities(card),
            has_spoiler=card.veiled,
            **self._manner(delivery, card),
        )
        return f"photo:{message.message_id}"

    async def _send_text(self, bot: Bot, delivery: Delivery, card: Card) -> str:
        from telegram import LinkPreviewOptions

        message = await bot.send_message(
            chat_id=self.chat,
            text=card.text,
            entities=_entities(card),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            **self._manner(delivery, card),
        )
        return f"text:{message.message_id}"

    async def _send_file(self, bot: Bot, reply_to: int, sheet: bytes) -> None:
        """The pictures that were refused as a photo, as a file under the card; the card stands without."""
        from telegram import ReplyParameters

        try:
            await self._called(
                bot.send_document(
                    chat_id=self.chat,
                    document=sheet,
                    filename="pictures.jpg",
                    reply_parameters=ReplyParameters(reply_to, allow_sending_without_reply=True),
                    disable_notification=True,
                    message_thread_id=self._topic or None,
                )
            )
        except (NotSent, Unsendable, Uncertain) as error:
            self._remarks.append(f"pictures were refused as a photo and could not be sent as a file: {error}")

    def _manner(self, delivery: Delivery, card: Card) -> dict[str, Any]:
        quiet = delivery.alert.tier.rank > Tier(self._settings.silent_below).rank
        return {
            "message_thread_id": self._topic or None,
            "disable_notification": quiet or not spoken(delivery.alert),
            "parse_mode": None,
            "reply_markup": markup(card.keyboard),
        }

    # --- editing ----------------------------------------------------------------------

    async def revise(self, receipt: str, card: Card) -> str:
        """Edit the card of a receipt. Raises Unsendable when its message is gone."""
        bot = await self._open()
        card = self.dressed(card)
        form, _, number = receipt.partition(":")
        try:
            try:
                await self._called(self._edit(bot, form, int(number), card))
            except Unsendable as error:  # a picture was refused then, or it was told by a press
                if not _FORM.search(str(error)):
                    raise
                form = "text" if form == "photo" else "photo"
                await self._called(self._edit(bot, form, int(number), card))
        except Unsendable as error:
            if "not modified" not in str(error):
                raise
        return f"{form}:{number}"

    async def _edit(self, bot: Bot, form: str, number: int, card: Card) -> str:
        from telegram import LinkPreviewOptions

        place: dict[str, Any] = {"chat_id": self.chat, "message_id": number, "parse_mode": None}
        place["reply_markup"] = markup(card.keyboard)
        if form == "photo":
            await bot.edit_message_caption(caption=card.text, caption_entities=_entities(card), **place)
        else:
            options = LinkPreviewOptions(is_disabled=True)
            await bot.edit_message_text(
                card.text, entities=_entities(card), link_preview_options=options, **place
            )
        return ""

    # --- looking for what may have arrived ----------------------------------------------

    async def probe(self, message_id: int, keyboard: Keyboard) -> Probe:
        """Give a message these buttons: "not modified" says that it has them. See `ChatChannel`."""
        bot = await self._open()
        call = bot.edit_message_reply_markup(self.chat, message_id, reply_markup=markup(keyboard))
        try:
            await self._called(call)
        except Unsendable as error:
            return Probe.HERE if "not modified" in str(error) else Probe.OTHER
        return Probe.TOUCHED

    async def restore(self, message_id: int, keyboard: Keyboard) -> None:
        """See `ChatChannel`."""
        await self.probe(message_id, keyboard)

    async def words(self, message_id: int) -> str | None:
        """What a message says, by a silent forward; in the chat itself it is deleted again."""
        bot = await self._open()
        where = self._settings.audit_chat_id or self.chat
        try:
            message = await self._asked(
                bot.forward_message(where, self.chat, message_id, disable_notification=True)
            )
        except Unsendable:
            return None
        if where == self.chat:
            await self.unsay(message.message_id)
        return str(message.caption or message.text or "")

    async def bound(self, text: str) -> int:
        """See `ChatChannel`."""
        bot = await self._open()
        message = await self._asked(
            bot.send_message(
                self.chat, text, disable_notification=True, message_thread_id=self._topic or None
            )
        )
        return int(message.message_id)

    async def unsay(self, message_id: int) -> None:
        """See `ChatChannel`."""
        bot = await self._open()
        with suppress(NotSent, Unsendable, Uncertain):
            await self._asked(bot.delete_message(self.chat, message_id))

    async def _called(self, call: Any) -> str:
        return str(await self._asked(call))

    async def _asked(self, call: Any) -> Any:
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
            return await call
        except RetryAfter as error:
            pause = error.retry_after
            seconds = pause if isinstance(pause, int) else pause.total_seconds()
            raise Flooded("Telegram asked to wait", retry_after_s=float(seconds)) from error
        except ChatMigrated as error:
            raise ChatMoved(str(error.new_chat_id)) from error
        except (Forbidden, InvalidToken) as error:
            raise ShutOut(f"Telegram refuses the bot: {error.message}", retry_after_s=60) from error
        except BadRequest as error:
            if "chat not found" in error.message.lower():
                raise ShutOut(f"Telegram refuses the bot: {error.message}", retry_after_s=60) from error
            raise Unsendable(error.message) from error
        except TelegramError as error:
            if isinstance(error.__cause__, aiohttp.ClientConnectorError):
                raise NotSent("Telegram not reachable", retry_after_s=UNKNOWN_PAUSE_S) from error
            raise Uncertain(f"no clear answer from Telegram: {type(error).__name__}") from error

    async def _open(self) -> Bot:
        if self._bot is None:
            from telegram import Bot

            request = request_of(self._settings.timeout_s)
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


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open with the token read from its file or the environment. Raises ConfigError without one."""
    if not isinstance(settings, Settings):
        raise TypeError("telegram settings expected")
    token = setting.secret(settings.token_file, settings.token_env).strip()
    if not re.fullmatch(r"\d+:[\w-]{20,}", token):
        raise ConfigError("the bot token does not look like one (digits, a colon, 35 characters)")
    return Telegram(settings, token, read(setting.folder))
