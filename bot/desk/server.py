"""The Bot API as the desk uses it, by python-telegram-bot: fetch updates, answer, send, leave.

Answers are tried twice where that cannot tell anything twice; whoever misses one asks again. Alerts
never go this way (`dispatch`). A refused answer is a line in the log and never ends the desk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from bot.answers import UNREADABLE, filled, is_update_id
from bot.channel import Keyboard
from bot.desk.reply import ANSWER, Reply
from bot.logs import redact
from bot.request import entities, markup, request_of

if TYPE_CHECKING:
    from telegram import Bot

log = structlog.get_logger(__name__)

POLL_S = 25
"""So long the server may keep a poll open."""
CALL_S = 20.0
AGAIN_S = 0.3
LONGEST_WAIT_S = 30.0
"""An answer for which the server asks us to wait longer is not given: whoever asked, asks again."""
MOST_WHY = 300
KINDS = ["message", "callback_query", "my_chat_member"]
MOST_DOWN_BYTES = 20_000_000
MOST_UP_BYTES = 50_000_000


class ServerTrouble(Exception):
    """The server could not be asked or refused.

    Attributes: retry_after_s (what it asked for, or None); conflict (somebody else polls this bot);
    unreachable_user (he never wrote to the bot, or blocked it); refused (asking again changes nothing);
    not_done (surely nothing was carried out).
    """

    def __init__(self, why: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s
        self.conflict = self.unreachable_user = self.refused = self.not_done = False


async def nothing(_chat_id: int) -> None:
    """Wait for no budget."""


def nobody(_chat_id: int, _seconds: float) -> None:
    """Have nobody wait."""


class Server:
    """One bot at one server. `open` before anything else; `close` twice is harmless."""

    def __init__(
        self,
        token: str,
        *,
        base_url: str,
        base_file_url: str,
        pace: Callable[[int], Awaitable[None]] = nothing,
        held: Callable[[int, float], None] = nobody,
    ) -> None:
        """pace: waits until a message to that chat is within its limits. held: told of each 429."""
        self._token, self._base_url, self._base_file_url = token, base_url, base_file_url
        self._pace, self._held = pace, held
        self._polling: Any = None
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
        self._polling = polling = request_of(POLL_S + CALL_S)
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
        """(update id, JSON) of what is waiting; offset confirms all before it. Raises ServerTrouble.

        As the server wrote them: whether each can be read shows when it is handled, so that one that
        cannot takes no other with it.
        """
        asked = {"timeout": str(POLL_S), "limit": str(limit), "allowed_updates": json.dumps(KINDS)}
        if offset is not None:
            asked["offset"] = str(offset)
        call = self._polling.post(
            f"{self._base_url}{self._token}/getUpdates", Fields(asked), read_timeout=POLL_S + CALL_S
        )
        found = await self._called(call)
        listed = found if isinstance(found, list) else []
        ours = [one for one in listed if isinstance(one, dict) and is_update_id(one.get("update_id"))]
        if len(ours) < len(listed) or found is not listed:
            log.warning("the server told updates that are none", updates=len(listed) - len(ours))
        if not ours and (listed or found is not listed):
            raise ServerTrouble("what the server told as updates is none")
        return [(one["update_id"], json.dumps(one)) for one in ours]

    async def use_polling(self) -> None:
        """Take a webhook away that an earlier run set; waiting updates stay. Raises ServerTrouble.

        Refused: there is none, or the first poll will say so.
        """
        try:
            await self._called(self.bot.delete_webhook(drop_pending_updates=False))
        except ServerTrouble as trouble:
            if not trouble.refused:
                raise
            log.info("a webhook was not taken away", why=str(trouble))

    async def use_webhook(self, url: str, secret: str) -> None:
        """Have updates posted to `url` with this secret. Raises ServerTrouble."""
        await self._called(self.bot.set_webhook(url=url, secret_token=secret or None, allowed_updates=KINDS))

    def parse(self, body: str) -> Any:
        """The update in a kept body, as the library's object, or None when it cannot be one."""
        from telegram import Update

        try:
            return Update.de_json(filled(json.loads(body)), self.bot)
        except Exception as error:  # noqa: BLE001 -- whatever a body of strangers makes the library raise
            log.warning("an update could not be read", why=type(error).__name__)
            return None

    # --- answers --------------------------------------------------------------------

    async def answer(self, query_id: str, text: str = "", *, alert: bool = False) -> None:
        """Answer a press, again where the answer was lost; a query that is too old is no trouble."""
        said = text[:ANSWER] or None
        try:
            await self._again(lambda: self.bot.answer_callback_query(query_id, text=said, show_alert=alert))
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

        def call() -> Awaitable[Any]:
            if reply.file is not None:
                name, data = reply.file
                given = {"caption": reply.text, "caption_entities": spans, "filename": name} | more
                return self.bot.send_document(chat_id, data, read_timeout=60, **given)
            preview = LinkPreviewOptions(is_disabled=True)
            return self.bot.send_message(
                chat_id, reply.text, entities=spans, link_preview_options=preview, **more
            )

        return await self._tried(call, "an answer was not taken", chat_id=chat_id, twice=False)

    async def show_keyboard(self, chat_id: int, message_id: int, keyboard: Keyboard) -> bool:
        """Put other buttons under a message; whether they are there."""
        await self._pace(chat_id)

        def call() -> Awaitable[Any]:
            return self.bot.edit_message_reply_markup(
                chat_id=chat_id, message_id=message_id, reply_markup=markup(keyboard)
            )

        return await self._tried(call, "buttons were not changed", chat_id=chat_id)

    async def rewrite(self, chat_id: int, message_id: int, reply: Reply) -> bool:
        """Have a text message of ours say something else; whether it does."""
        from telegram import LinkPreviewOptions

        await self._pace(chat_id)

        def call() -> Awaitable[Any]:
            return self.bot.edit_message_text(
                reply.text,
                chat_id=chat_id,
                message_id=message_id,
                entities=entities(reply.spans),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                reply_markup=markup(reply.keyboard),
                parse_mode=None,
            )

        return await self._tried(call, "a page was not turned", chat_id=chat_id)

    async def leave(self, chat_id: int) -> None:
        """Leave a chat that is not on the list."""
        try:
            await self._called(self.bot.leave_chat(chat_id))
        except ServerTrouble as trouble:  # most of all: it was put out already
            log.warning("a chat was not left", why=str(trouble))

    async def menu(self, commands: dict[str, str], language: str = "") -> None:
        """Offer the commands in the client's menu; not every server knows how, and none must."""
        try:
            await self._called(
                self.bot.set_my_commands(list(commands.items()), language_code=language or None)
            )
        except ServerTrouble as trouble:
            log.warning("the commands were not put into the menu", why=str(trouble))

    async def download(self, file_id: str) -> bytes:
        """A file that somebody sent, at most 20 MB. Raises ServerTrouble."""
        file = await self._called(self.bot.get_file(file_id))
        if (file.file_size or 0) > MOST_DOWN_BYTES:
            raise ServerTrouble("the file is larger than 20 MB")
        return bytes(await self._called(file.download_as_bytearray()))

    async def _tried(
        self, call: Callable[[], Awaitable[Any]], why: str, *, chat_id: int | str, twice: bool = True
    ) -> bool:
        """Whether it was done. twice: it may be, so a lost answer is no reason not to try again."""
        try:
            await self._again(call, chat_id=chat_id, twice=twice)
        except ServerTrouble as trouble:
            if trouble.unreachable_user:
                raise
            log.warning(why, why=str(trouble))
            return False
        return True

    async def _again(
        self, call: Callable[[], Awaitable[Any]], *, chat_id: int | str = 0, twice: bool = True
    ) -> Any:
        """Call; once more when it surely was not done, or may be done twice. Raises ServerTrouble."""
        try:
            return await self._called(call())
        except ServerTrouble as trouble:
            pause = trouble.retry_after_s or AGAIN_S
            if trouble.retry_after_s and isinstance(chat_id, int) and chat_id:
                self._held(chat_id, pause)
            if trouble.refused or not (twice or trouble.not_done) or pause > LONGEST_WAIT_S:
                raise
        await asyncio.sleep(pause)
        return await self._called(call())

    async def _called(self, call: Awaitable[Any]) -> Any:
        from telegram.error import (
            BadRequest,
            ChatMigrated,
            Conflict,
            Forbidden,
            InvalidToken,
            RetryAfter,
            TelegramError,
        )

        try:
            return await call
        except RetryAfter as error:
            pause = error.retry_after
            seconds = float(pause if isinstance(pause, int) else pause.total_seconds())
            trouble = ServerTrouble("the server asked to wait", retry_after_s=seconds)
            trouble.not_done = True
            raise trouble from error
        except TelegramError as error:
            trouble = ServerTrouble(redact(error.message)[:MOST_WHY])
            trouble.conflict = isinstance(error, Conflict)
            trouble.unreachable_user = isinstance(error, Forbidden)
            trouble.refused = isinstance(
                error, BadRequest | Conflict | Forbidden | InvalidToken | ChatMigrated
            )
            trouble.not_done = isinstance(error.__cause__, aiohttp.ClientConnectorError)
            raise trouble from error
        except UNREADABLE as error:
            # It was done, or told in a form that the library cannot read: asking again does not help.
            trouble = ServerTrouble(f"an answer that cannot be read: {type(error).__name__}")
            trouble.refused = True
            raise trouble from error


@dataclass(frozen=True, slots=True)
class Fields:
    """Parameters of a call, as the request class takes them."""

    json_parameters: Mapping[str, str]
    multipart_data: None = None
