"""The Telegram channel: one photo card a message, revised in place. Bot API via python-telegram-bot.

Entities instead of a parse mode, link previews off (a preview would visit the seller's
site), and a request class on aiohttp: it knows whether a request left at all, and keeps
the token out of logs. Method reference: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from bot.channel import Card, Channel, Keyboard, Look, Probe, Setting, spoken
from bot.refusals import FORM, GONE, LONG, SAME, TOPIC, classed
from bot.request import entities, markup, request_of, said
from bot.veil import blurred
from bot.words import bare, cut, disarmed, units
from storage.errors import ConfigError, Flooded, NotSent, ShutOut, Uncertain, Unsendable
from storage.live import UNKNOWN, LiveAnswers, read
from storage.model import Delivery, Tier

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from telegram import Bot

log = structlog.get_logger(__name__)

WANTS_SHEET = True
REPEATABLE = False

_LEAST = 64
"""UTF-16 units; a text that is refused as too long is halved down to this."""


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
        self.calls, self.rest_s = 0, 0.0
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
                if not GONE.search(str(error)):
                    raise
        card = self.dressed(card)
        if card.sheet:
            try:
                return await self._sent(delivery, card)
            except Unsendable as error:  # whatever it is about, words arrive where pictures do not
                return await self._without_photo(delivery, card, str(error))
        return await self._worded(delivery, card)

    async def _worded(self, delivery: Delivery, card: Card) -> str:
        """As text; where that is refused as well, without entities, links made harmless."""
        try:
            return await self._sent(delivery, card)
        except Unsendable as error:
            log.warning("a text was refused and comes without its marks", why=str(error))
            return await self._sent(delivery, bare(card))

    async def _sent(self, delivery: Delivery, card: Card) -> str:
        """The first form that arrives: each refusal is certain. Raises Unsendable when none is left."""
        bot = await self._open()
        while True:
            try:
                return await (self._send_photo if card.sheet else self._send_text)(bot, delivery, card)
            except Unsendable as error:
                if TOPIC.search(str(error)):
                    self._leave_topic(error)
                elif LONG.search(str(error)) and units(card.text) > _LEAST:
                    card = cut(card, units(card.text) // 2)
                else:
                    raise

    def _leave_topic(self, error: Unsendable) -> None:
        """Speak in the general topic from now on. Raises ShutOut when it is that one that is closed."""
        if not self._topic:
            raise ShutOut(f"Telegram refuses the bot: {error}", retry_after_s=60) from error
        self._topic = 0
        self._remarks.append(f"the topic is gone ({error}): alerts go to the general one")

    async def _without_photo(self, delivery: Delivery, card: Card, why: str) -> str:
        receipt = await self._worded(delivery, replace(card, sheet=b""))
        log.warning("pictures were refused as a photo", why=why)
        await self._send_file(await self._open(), int(receipt.partition(":")[2]), card)
        return receipt

    async def _send_photo(self, bot: Bot, delivery: Delivery, card: Card) -> str:
        message = await self._asked(
            bot.send_photo(
                chat_id=self.chat,
                photo=card.sheet,
                caption=card.text,
                caption_entities=entities(card.spans),
                has_spoiler=card.veiled,
                **self._manner(delivery, card),
            )
        )
        return f"photo:{message.message_id}"

    async def _send_text(self, bot: Bot, delivery: Delivery, card: Card) -> str:
        from telegram import LinkPreviewOptions

        message = await self._asked(
            bot.send_message(
                chat_id=self.chat,
                text=card.text,
                entities=entities(card.spans),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                **self._manner(delivery, card),
            )
        )
        return f"text:{message.message_id}"

    async def _send_file(self, bot: Bot, reply_to: int, card: Card) -> None:
        """The pictures that were refused as a photo, as a file under the card; the card stands without.

        A file cannot come under a spoiler: what would be veiled comes blurred, and says so.
        """
        from telegram import ReplyParameters

        sheet = await asyncio.to_thread(blurred, card.sheet) if card.veiled else card.sheet
        if not sheet:
            return
        try:
            await self._asked(
                bot.send_document(
                    chat_id=self.chat,
                    document=sheet,
                    filename="blurred.jpg" if card.veiled else "pictures.jpg",
                    caption=card.veil_note or None if card.veiled else None,
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
        bot, card = await self._open(), self.dressed(card)
        form, _, number = receipt.partition(":")
        plain = False
        while True:
            try:
                await self._asked(self._edit(bot, form, int(number), card))
            except Unsendable as error:
                why = str(error)
                if SAME.search(why):
                    break
                if FORM.search(why) and form == receipt.partition(":")[0]:
                    # A picture was refused, or a press told of it.
                    form = "text" if form == "photo" else "photo"
                elif LONG.search(why) and units(card.text) > _LEAST:
                    card = cut(card, units(card.text) // 2)
                elif plain or GONE.search(why) or FORM.search(why):
                    raise
                else:
                    card, plain = bare(card), True
            else:
                break
        return f"{form}:{number}"

    async def _edit(self, bot: Bot, form: str, number: int, card: Card) -> None:
        from telegram import LinkPreviewOptions

        place: dict[str, Any] = {"chat_id": self.chat, "message_id": number, "parse_mode": None}
        place["reply_markup"] = markup(card.keyboard)
        if form == "photo":
            await bot.edit_message_caption(caption=card.text, caption_entities=entities(card.spans), **place)
        else:
            options = LinkPreviewOptions(is_disabled=True)
            await bot.edit_message_text(
                card.text, entities=entities(card.spans), link_preview_options=options, **place
            )

    # --- looking for what may have arrived ----------------------------------------------

    async def probe(self, message_id: int, keyboard: Keyboard) -> Look:
        """Give a message these buttons: "not modified" says that it has them. See `ChatChannel`."""
        bot = await self._open()
        call = bot.edit_message_reply_markup(self.chat, message_id, reply_markup=markup(keyboard))
        try:
            message = await self._asked(call)
        except Unsendable as error:
            if SAME.search(str(error)):
                return Look(Probe.HERE)
            return Look(Probe.OTHER if GONE.search(str(error)) else Probe.UNKNOWN)
        return Look(Probe.TOUCHED, said(message))

    async def words(self, message_id: int) -> str | None:
        """What a message says, by a silent forward; in the chat itself it is deleted again."""
        bot, where = await self._open(), self._settings.audit_chat_id or self.chat
        try:
            message = await self._asked(
                bot.forward_message(where, self.chat, message_id, disable_notification=True)
            )
        except Unsendable:
            return None
        if where == self.chat:
            await self.unsay(message.message_id)
        return said(message)

    async def bound(self, text: str) -> int:
        """See `ChatChannel`."""
        bot = await self._open()
        topic = self._topic or None
        call = bot.send_message(self.chat, text, disable_notification=True, message_thread_id=topic)
        message = await self._asked(call)
        return int(message.message_id)

    async def unsay(self, message_id: int) -> None:
        """See `ChatChannel`."""
        with suppress(NotSent, Unsendable, Uncertain):
            await self._asked((await self._open()).delete_message(self.chat, message_id))

    async def _asked(self, call: Awaitable[Any]) -> Any:
        """Await a call that counts against the chat's minute. Raises as `bot.refusals.classed`."""
        self.calls += 1
        try:
            return await classed(call)
        except Flooded as error:  # also where it does not matter that the call failed
            self.rest_s = error.retry_after_s or 1.0
            raise

    async def _open(self) -> Bot:
        if self._bot is None:
            from telegram import Bot

            request = request_of(self._settings.timeout_s, brief=True)
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


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open with the token read from its file or the environment. Raises ConfigError without one."""
    if not isinstance(settings, Settings):
        raise TypeError("telegram settings expected")
    token = setting.secret(settings.token_file, settings.token_env).strip()
    if not re.fullmatch(r"\d+:[\w-]{20,}", token):
        raise ConfigError("the bot token does not look like one (digits, a colon, 35 characters)")
    return Telegram(settings, token, read(setting.folder))
