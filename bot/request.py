"""Bot API calls of python-telegram-bot on aiohttp: it knows whether a call left, and logs no address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp

from bot.answers import brief as in_brief
from bot.answers import filled, told
from bot.channel import Keyboard, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telegram import InlineKeyboardMarkup, MessageEntity

_TOGETHER_BYTES = 1 << 20
"""What is longer is sent piece by piece: putting it together would hold up the loop."""


def request_of(timeout_s: float, *, brief: bool = False) -> Any:
    """A python-telegram-bot request on aiohttp; the base class is imported only when used.

    brief: of messages in answers only their number, chat and words are read (`bot.answers.brief`).
    """
    from telegram._utils.defaultvalue import DefaultValue
    from telegram.error import NetworkError
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
            try:
                body = await _whole(_form(request_data))
                async with self._session.request(
                    method, url, data=body, timeout=total, allow_redirects=False
                ) as answer:
                    return told(answer.status, await answer.read(), answer.headers.get("Retry-After", ""))
            except (aiohttp.ClientError, OSError, ValueError) as error:  # in their words stands the address
                raise NetworkError(f"no answer: {type(error).__name__}") from error

        parse_json_payload = staticmethod(_parsed_in_brief if brief else _parsed)

    return AiohttpRequest()


def markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    """Buttons as the library has them; None for none."""
    from telegram import InlineKeyboardButton, InlineKeyboardMarkup

    if not keyboard:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(one.label, callback_data=one.data) for one in row] for row in keyboard]
    )


def entities(spans: Iterable[Span]) -> list[MessageEntity]:
    """Spans as the library has them."""
    from telegram import MessageEntity

    return [MessageEntity(type=one.kind, offset=one.offset, length=one.length) for one in spans]


def said(message: Any) -> str:
    """The words of a message; "" where the server told only that it is done."""
    return str(getattr(message, "caption", None) or getattr(message, "text", None) or "")


def _parsed(payload: bytes) -> dict[str, Any]:
    """As the library does it, but for what it would stumble over. Raises TelegramError."""
    return dict(filled(_loaded(payload)))


def _parsed_in_brief(payload: bytes) -> dict[str, Any]:
    return dict(filled(in_brief(_loaded(payload))))


def _loaded(payload: bytes) -> dict[str, Any]:
    from telegram.error import TelegramError

    try:
        found = json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise TelegramError("Invalid server response") from error
    if not isinstance(found, dict):
        raise TelegramError("Invalid server response")
    return found


async def _whole(form: aiohttp.FormData | None) -> aiohttp.Payload | None:
    """A form as it goes out. One with pictures is put together first.

    Else each of its parts, some thirty, is sent by itself.
    """
    made = None if form is None else form()
    if isinstance(made, aiohttp.MultipartWriter) and 0 < (made.size or 0) <= _TOGETHER_BYTES:
        return aiohttp.BytesPayload(await made.as_bytes(), content_type=made.content_type)
    return made


def _form(request_data: Any) -> aiohttp.FormData | None:
    if request_data is None:
        return None
    form = aiohttp.FormData()
    for key, value in request_data.json_parameters.items():
        form.add_field(key, value)
    for key, (filename, content, mime) in (request_data.multipart_data or {}).items():
        form.add_field(key, content, filename=filename, content_type=mime)
    return form
