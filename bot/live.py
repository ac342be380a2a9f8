"""The questions that only the real messenger server can answer, asked by an admin in an empty group.

Each asks in a way whose outcome differs by the answer, beside a control that shows that the question
could be answered there at all; without it, or when the server says something else, nothing is concluded.
The questions are those of docs/alerts.md; the answers are kept by `storage.live`.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.clock import Clock
from storage.live import LiveAnswers

if TYPE_CHECKING:
    from telegram import Bot, Message

MINUTE = 22
"""Places that one question takes of a minute: more than the 20 that a group has."""
SPACED_S, REST_S = 1.2, 62.0
"""Between calls, so that only the minute's limit can strike; between questions, so that it is whole again."""
ALBUM = 10
WAITS, WAIT_S = 6, 5
"""How often, and for how many seconds each, the linked group is listened to."""
_WORDS = "https://example.org/nightjar @nightjar_selftest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one question found. answer: None when nothing can be concluded."""

    question: str
    answer: bool | None
    why: str


class Live:
    """Asks one bot's server. channel_id: a channel with a linked group, both with the bot in them, or 0."""

    def __init__(
        self, bot: Bot, clock: Clock, chat_id: int, channel_id: int, *, told: Callable[[str], None]
    ) -> None:
        """told: what is being asked now, for whoever waits."""
        self._bot, self._clock, self._told = bot, clock, told
        self._chat, self._channel = chat_id, channel_id
        self._sent: list[tuple[int, int]] = []

    async def ask(self) -> tuple[Finding, ...]:
        """Every question, in six to eight minutes. Raises TelegramError when the server cannot be asked."""
        try:
            found = [await self._same(), await self._code()]
            self._told(f"how many messages a group takes: {MINUTE} in a minute")
            limited = await self._strikes(self._chat, MINUTE, self._say)
            found += [await self._failed_edits(limited=limited), await self._albums(limited=limited)]
            found += [await self._like_groups(limited=limited), await self._photo()]
            return tuple(found)
        finally:
            await self._tidy()

    # --- what is said, and how it comes back ------------------------------------------------

    async def _same(self) -> Finding:
        """An edit to the buttons that stand there already; the control is an edit to others."""
        from telegram.error import BadRequest

        self._told("what an edit to the same buttons is answered")
        message = await self._say(self._chat, keyboard=_buttons("1"))
        place: dict[str, Any] = {"chat_id": self._chat, "message_id": message.message_id}
        question = "same_is_told"
        try:
            await self._bot.edit_message_reply_markup(**place, reply_markup=_buttons("1"))
        except BadRequest as error:
            if "not modified" not in error.message.lower():
                return Finding(question=question, answer=None, why=f"refused otherwise: {error.message}")
            await self._clock.sleep(SPACED_S)
            try:
                await self._bot.edit_message_reply_markup(**place, reply_markup=_buttons("2"))
            except BadRequest as other:
                return Finding(question=question, answer=None, why=f"other buttons, too: {other.message}")
            return Finding(question=question, answer=True, why=error.message)
        return Finding(question=question, answer=False, why="taken without a word")

    async def _code(self) -> Finding:
        """An address and a name in code; the control are the same words outside of it."""
        from telegram import MessageEntity

        self._told("whether code keeps addresses from being links")
        await self._clock.sleep(SPACED_S)
        size = len(_WORDS)
        code = MessageEntity(type="code", offset=0, length=size)
        message = await self._say(self._chat, f"{_WORDS}\n{_WORDS}", entities=[code])
        links = [e for e in message.entities if e.type in ("url", "mention", "text_link")]
        inside = [e for e in links if e.offset < size]
        why = f"{len(inside)} links in code, {len(links) - len(inside)} outside"
        if not links:
            why = "the server names no links at all in its answer"
        return Finding(question="code_is_quiet", answer=None if not links else not inside, why=why)

    # --- what a minute takes ----------------------------------------------------------------

    async def _strikes(
        self, chat_id: int, count: int, call: Callable[[int], Awaitable[object]], *, rest: bool = True
    ) -> bool:
        """Whether the server asks to wait within so many calls; afterwards the minute is let go by."""
        from telegram.error import RetryAfter

        pause, struck = REST_S, False
        for _ in range(count):
            try:
                await call(chat_id)
            except RetryAfter as error:
                asked = error.retry_after
                seconds = float(asked if isinstance(asked, int) else asked.total_seconds())
                pause, struck = max(REST_S, seconds + 1.0), True
                break
            await self._clock.sleep(SPACED_S)
        if rest:
            await self._clock.sleep(pause)
        return struck

    async def _failed_edits(self, *, limited: bool) -> Finding:
        """Edits of a message that is gone, and one message after them."""
        question = "failed_edits_count"
        if not limited:
            return _unlimited(question)
        self._told("whether refused edits count")
        gone = (await self._say(self._chat)).message_id
        await self._bot.delete_message(self._chat, gone)
        await self._clock.sleep(REST_S)
        struck = await self._strikes(
            self._chat, MINUTE - 1, lambda chat: self._refused_edit(chat, gone), rest=False
        )
        struck = struck or await self._strikes(self._chat, 1, self._say, rest=False)
        await self._clock.sleep(REST_S)
        return Finding(question=question, answer=struck, why=f"{MINUTE - 1} of them and a message")

    async def _refused_edit(self, chat_id: int, message_id: int) -> None:
        from telegram.error import BadRequest

        try:
            await self._bot.edit_message_reply_markup(chat_id, message_id, reply_markup=_buttons("3"))
        except BadRequest:
            return

    async def _albums(self, *, limited: bool) -> Finding:
        """As many pictures as a minute has places, in a few albums."""
        question = "albums_count_each"
        if not limited:
            return _unlimited(question)
        self._told("what an album costs")
        struck = await self._strikes(self._chat, MINUTE // ALBUM, self._album, rest=False)
        struck = struck or await self._strikes(self._chat, MINUTE % ALBUM, self._say, rest=False)
        await self._clock.sleep(REST_S)
        return Finding(question=question, answer=struck, why=f"{MINUTE // ALBUM} albums of {ALBUM}")

    async def _like_groups(self, *, limited: bool) -> Finding:
        question = "channels_as_groups"
        if not self._channel:
            return Finding(question=question, answer=None, why="no channel was named (--post-to)")
        if not limited:
            return _unlimited(question)
        self._told("whether a channel takes more than a group")
        struck = await self._strikes(self._channel, MINUTE, self._say)
        return Finding(question=question, answer=struck, why=f"{MINUTE} posts in half a minute")

    # --- what comes to the linked group ---------------------------------------------------------

    async def _photo(self) -> Finding:
        """A photo in the channel; the control is a text, which shows that the bot hears of forwards."""
        question = "photos_forwarded"
        if not self._channel:
            return Finding(question=question, answer=None, why="no channel was named (--post-to)")
        self._told("whether a channel's photo comes to the linked group")
        text = (await self._say(self._channel)).message_id
        photo = await self._bot.send_photo(self._channel, _picture(), disable_notification=True)
        self._sent.append((self._channel, photo.message_id))
        came: set[int] = set()
        for _ in range(WAITS):
            # Without an offset nothing is confirmed: what waits for the desk goes on waiting.
            for update in await self._bot.get_updates(timeout=WAIT_S, allowed_updates=["message"]):
                came.add(_forwarded(update.message))
            if {text, photo.message_id} <= came:
                break
            await self._clock.sleep(SPACED_S)
        if text not in came:
            return Finding(
                question=question, answer=None, why="the bot hears no forwards: is it in the group?"
            )
        heard = photo.message_id in came
        return Finding(question=question, answer=heard, why="text came, photo too" if heard else "text alone")

    # --- small steps ------------------------------------------------------------------------------

    async def _say(
        self, chat_id: int, text: str = "Nightjar selftest", *, keyboard: Any = None, entities: Any = None
    ) -> Message:
        from telegram import LinkPreviewOptions

        message = await self._bot.send_message(
            chat_id, text, entities=entities, reply_markup=keyboard, disable_notification=True,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )  # fmt: skip
        self._sent.append((chat_id, message.message_id))
        return message

    async def _album(self, chat_id: int) -> None:
        from telegram import InputMediaPhoto

        picture = _picture()
        sent = await self._bot.send_media_group(
            chat_id, [InputMediaPhoto(picture) for _ in range(ALBUM)], disable_notification=True
        )
        self._sent += [(chat_id, one.message_id) for one in sent]

    async def _tidy(self) -> None:
        """Delete what was said; it does not matter when that fails."""
        from telegram.error import TelegramError

        for chat_id in {chat for chat, _ in self._sent}:
            numbers = [number for chat, number in self._sent if chat == chat_id]
            for begin in range(0, len(numbers), 100):
                try:
                    await self._bot.delete_messages(chat_id, numbers[begin : begin + 100])
                except TelegramError as error:
                    self._told(f"some messages stay in the chat: {error.message}")


def answers(found: tuple[Finding, ...], bot_id: str) -> LiveAnswers:
    """What was found, as it is kept."""
    return LiveAnswers(bot=bot_id, **{one.question: one.answer for one in found})  # type: ignore[arg-type]


def _unlimited(question: str) -> Finding:
    why = f"this server took {MINUTE} messages in a minute: its limits cannot be measured"
    return Finding(question=question, answer=None, why=why)


def _buttons(data: str) -> Any:
    from telegram import InlineKeyboardButton, InlineKeyboardMarkup

    return InlineKeyboardMarkup([[InlineKeyboardButton("selftest", callback_data=f"selftest:{data}")]])


def _picture() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (320, 240), (40, 60, 80)).save(file, "JPEG")
    return file.getvalue()


def _forwarded(message: Message | None) -> int:
    """The id in the channel of a post that came to the linked group by itself, or 0."""
    if message is None or not message.is_automatic_forward:
        return 0
    return int(getattr(message.forward_origin, "message_id", 0) or 0)
