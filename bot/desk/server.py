"""The Bot API as the desk uses it, by python-telegram-bot: fetch updates, answer, send, leave.

Answers are told once and not repeated: whoever misses one asks again. Alerts never go this way
(`dispatch`). A refused answer is a line in the log and never ends the desk.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog

from bot.channel import Keyboard
from bot.desk.reply import ANSWER, Reply
from bot.request import entities, markup, request_of

if TYPE_CHECKING:
    from telegram import Bot

log = structlog.get_logger(__name__)

POLL_S = 25
"""So long the server may keep a poll open."""
CALL_S = 20.0
KINDS = ["message", "callback_query", "my_chat_member"]
MOST_DOWN_BYTES = 20_000_000
MOST_UP_BYTES = 50_000_000


class ServerTrouble(Exception):
    """The server could not be asked or refused.

    Attributes: retry_after_s (what it asked for, or None); conflict (somebody else polls this bot);
    unreachable_user (he never wrote to the bot, or blocked it).
    """

    def __init__(self, why: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s
        self.conflict = self.unreachable_user = False


async def nothing(_chat_id: int) -> None:
    """Wait for no budget."""


class Server:
    """One bot at one server. `open` before anything else; `close` twice is harmless."""

    def __init__(
        self,
        token: str,
        *,
        base_url: str,
        base_file_url: str,
        pace: Callable[[int], Awaitable[None]] = nothing,
    ) -> None:
        """pace: waits until a message to that chat is within its limits."""
        self._token, self._base_url, self._base_file_url = token, base_url, base_file_url
        self._pace = pace
        self._bot: Bot | None = None
        self._name = ""

    @property
    def bot_id(self) -> str:
        """The number before the token's colon; no secret."""
        return self._token.partition(":")[0]

    async def open(self) -> None:
        """Make the client; asks nothing of the server yet."""
        from telegram import Bot

        request = request_of(CALL_S)
        polling = request_of(POLL_S + CALL_S)
        self._bot = Bot(
            self._token,
            base_url=self._base_url,
            base_file_url=self._base_file_url,
            request=request,
            get_updates_request=polling,
        )
        await request.initialize()
        await polling.initialize()

    async def close(self) -> None:
        """Close the connections."""
        bot, self._bot = self._bot, None
        if bot is not None:
            for request in bot._request:  # noqa: SLF001 -- both; the library closes them only with get_me
                await request.shutdown()

    @property
    def name(self) -> str:
        """The bot's username once it is known, else ""."""
        return self._name

    async def learn_name(self) -> None:
        """Ask who we are. Raises ServerTrouble (a wrong token among them)."""
        self._name = (await self._called(self.bot.get_me())).username or ""

    @property
    def bot(self) -> Bot:
        """The client. Raises RuntimeError before `open`."""
        if self._bot is None:
            raise RuntimeError("the desk's connection is not open")
        return self._bot

    # --- updates --------------------------------------------------------------------

    async def updates(self, offset: int | None, *, limit: int = 100) -> list[tuple[int, str]]:
        """(update id, JSON) of what is waiting; offset confirms all before it. Raises ServerTrouble."""
        found = await self._called(
            self.bot.get_updates(offset=offset, limit=limit, timeout=POLL_S, allowed_updates=KINDS)
        )
        return [(one.update_id, one.to_json()) for one in found]

    async def use_polling(self) -> None:
        """Take a webhook away that an earlier run set; waiting updates stay. Raises ServerTrouble."""
        await self._called(self.bot.delete_webhook(drop_pending_updates=False))

    async def use_webhook(self, url: str, secret: str) -> None:
        """Have updates posted to `url` with this secret. Raises ServerTrouble."""
        await self._called(self.bot.set_webhook(url=url, secret_token=secret or None, allowed_updates=KINDS))

    def parse(self, body: str) -> Any:
        """The update in a kept body, as the library's object, or None when it cannot be one."""
        from telegram import Update

        try:
            return Update.de_json(json.loads(body), self.bot)
        except Exception as error:  # noqa: BLE001 -- whatever a body of strangers makes the library raise
            log.warning("an update could not be read", why=type(error).__name__)
            return None

    # --- answers --------------------------------------------------------------------

    async def answer(self, query_id: str, text: str = "", *, alert: bool = False) -> None:
        """Answer a press; a query that is too old is no trouble."""
        try:
            await self._called(
                self.bot.answer_callback_query(query_id, text=text[:ANSWER] or None, show_alert=alert)
            )
        except ServerTrouble as trouble:
            log.info("a press was not answered", why=str(trouble))

    async def send(self, chat_id: int | str, reply: Reply, *, reply_to: int | None = None) -> bool:
        """Send an answer; whether it was taken. Raises ServerTrouble when the user cannot be reached."""
        from telegram import LinkPreviewOptions, ReplyParameters

        if isinstance(chat_id, int):  # a public channel's name has no budget of its own here
            await self._pace(chat_id)
        spans = entities(reply.spans)
        more: dict[str, Any] = {"reply_markup": markup(reply.keyboard), "parse_mode": None}
        if reply_to is not None:
            more["reply_parameters"] = ReplyParameters(reply_to, allow_sending_without_reply=True)
        if reply.file is not None:
            name, data = reply.file
            call = self.bot.send_document(
                chat_id,
                data,
                caption=reply.text,
                caption_entities=spans,
                filename=name,
                read_timeout=60,
                **more,
            )
        else:
            preview = LinkPreviewOptions(is_disabled=True)
            call = self.bot.send_message(
                chat_id, reply.text, entities=spans, link_preview_options=preview, **more
            )
        return await self._tried(call, "an answer was not taken")

    async def show_keyboard(self, chat_id: int, message_id: int, keyboard: Keyboard) -> bool:
        """Put other buttons under a message; whether they are there."""
        await self._pace(chat_id)
        call = self.bot.edit_message_reply_markup(
            chat_id=chat_id, message_id=message_id, reply_markup=markup(keyboard)
        )
        return await self._tried(call, "buttons were not changed")

    async def rewrite(self, chat_id: int, message_id: int, reply: Reply) -> bool:
        """Have a text message of ours say something else; whether it does."""
        from telegram import LinkPreviewOptions

        await self._pace(chat_id)
        call = self.bot.edit_message_text(
            reply.text,
            chat_id=chat_id,
            message_id=message_id,
            entities=entities(reply.spans),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_markup=markup(reply.keyboard),
            parse_mode=None,
        )
        return await self._tried(call, "a page was not turned")

    async def leave(self, chat_id: int) -> None:
        """Leave a chat that is not on the list."""
        await self._tried(self.bot.leave_chat(chat_id), "a chat was not left")

    async def menu(self, commands: dict[str, str], language: str = "") -> None:
        """Offer the commands in the client's menu; not every server knows how, and none must."""
        call = self.bot.set_my_commands(list(commands.items()), language_code=language or None)
        await self._tried(call, "the commands were not put into the menu")

    async def download(self, file_id: str) -> bytes:
        """A file that somebody sent, at most 20 MB. Raises ServerTrouble."""
        file = await self._called(self.bot.get_file(file_id))
        if (file.file_size or 0) > MOST_DOWN_BYTES:
            raise ServerTrouble("the file is larger than 20 MB")
        return bytes(await self._called(file.download_as_bytearray()))

    async def _tried(self, call: Awaitable[Any], why: str) -> bool:
        try:
            await self._called(call)
        except ServerTrouble as trouble:
            if trouble.unreachable_user:
                raise
            log.warning(why, why=str(trouble))
            return False
        return True

    async def _called(self, call: Awaitable[Any]) -> Any:
        from telegram.error import Conflict, Forbidden, RetryAfter, TelegramError

        try:
            return await call
        except RetryAfter as error:
            pause = error.retry_after
            seconds = float(pause if isinstance(pause, int) else pause.total_seconds())
            raise ServerTrouble("the server asked to wait", retry_after_s=seconds) from error
        except TelegramError as error:
            trouble = ServerTrouble(error.message)
            trouble.conflict = isinstance(error, Conflict)
            trouble.unreachable_user = isinstance(error, Forbidden)
            raise trouble from error
