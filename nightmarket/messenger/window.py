"""The page of a service's chats on loopback: look, press, write. For people; the bot never sees it.

It is served at a port of its own. Only requests that name this very address are answered, and writes
only from this page: another page in the same browser, or a name that points here, gets 403.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

from aiohttp import web
from PIL import Image

from nightmarket.messenger import page
from nightmarket.messenger.people import Press
from nightmarket.messenger.service import Service
from nightmarket.messenger.words import Chat, User

LOOK = Path(__file__).with_name("look")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MOST_PICTURE = 10_000_000
MOST_WORDS = 4_096
LOOKS = 200
"""How often an answer to a press is looked for."""


class Window:
    """`async with Window(service, people) as window:`; `window.address` goes to people.

    people: who may be pressed and written as. patience_s: how long an answer to a press is waited for,
    in the loop's seconds.
    """

    def __init__(
        self, service: Service, people: tuple[User, ...], *, port: int = 0, patience_s: float = 10.0
    ) -> None:
        if not people:
            raise ValueError("somebody must be there to press")
        self._service, self._people, self._port = service, people, port
        self._patience_s = patience_s
        self._runner: web.AppRunner | None = None
        self._host = ""

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{self._host}/"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MOST_PICTURE + 100_000, middlewares=[self._door])
        app.router.add_get("/", self._first)
        app.router.add_get("/chat/{chat}", self._chat)
        app.router.add_get("/chat/{chat}/news", self._news)
        app.router.add_get("/upload/{file_id}", self._upload)
        app.router.add_get("/look/{name}", self._look)
        app.router.add_post("/press", self._press)
        app.router.add_post("/say", self._say)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.host != self._host or origin not in (None, f"http://{self._host}"):
            raise web.HTTPForbidden(text="not from here")
        answer = await handler(request)
        answer.headers.update(HEADERS)
        return answer

    # --- looking ------------------------------------------------------------------------

    async def _first(self, request: web.Request) -> web.StreamResponse:
        return self._shown(next(iter(self._service.chats.values()), None), request)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return self._shown(self._named(request.match_info["chat"]), request)

    def _shown(self, chat: Chat | None, request: web.Request) -> web.Response:
        if chat is None:
            raise web.HTTPNotFound(text="there is no such chat")
        view = self._view(chat, request)
        return web.Response(text=page.page(view), content_type="text/html")

    def _view(self, chat: Chat, request: web.Request) -> page.View:
        numbers = request.query.get("only", "").split(",")
        return page.View(
            chats=tuple(self._service.chats.values()),
            people=self._people,
            me=self._service.me,
            chat=chat,
            who=self._who(request.query.get("as", ""), chat).user_id,
            before=_number(request.query.get("before", "")),
            only=frozenset(n for n in map(_number, numbers) if n),
            said=request.query.get("said", "")[:400],
            counted=self._counted(),
        )

    def _counted(self) -> str:
        service = self._service
        limits = service.limits
        return (
            f"The server counted {len(service.calls):,} calls, {limits.violations + limits.early} of them "
            f"over the limits; {len(service.updates.waiting)} updates wait for the bot."
        )

    async def _news(self, request: web.Request) -> web.StreamResponse:
        chat = self._named(request.match_info["chat"])
        now = page.version(chat)
        same = request.query.get("version") == now
        counts = {
            str(one.chat_id): sum(m.form != "service" for m in one.seen())
            for one in self._service.chats.values()
        }
        html = None if same else page.messages(self._view(chat, request))
        return web.json_response({"version": now, "html": html, "counts": counts, "counted": self._counted()})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        """A picture to look at, anything else to save: what strangers sent is never run here."""
        upload = self._service.uploads.get(request.match_info["file_id"])
        if upload is None:
            raise web.HTTPNotFound(text="there is no such file")
        if kind := page.picture_type(upload):
            return web.Response(body=upload.data, content_type=kind)
        name = quote(upload.name or "file", safe="")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return web.Response(body=upload.data, content_type="application/octet-stream", headers=headers)

    async def _look(self, request: web.Request) -> web.StreamResponse:
        kinds = {"chat.css": "text/css", "chat.js": "text/javascript"}
        name = request.match_info["name"]
        if name not in kinds:
            raise web.HTTPNotFound(text="there is no such file")
        text = await asyncio.to_thread((LOOK / name).read_text, encoding="utf-8")
        return web.Response(text=text, content_type=kinds[name])

    # --- doing ------------------------------------------------------------------------------

    async def _press(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        chat = self._named(str(form.get("chat", "")))
        number, data = _number(str(form.get("message", ""))), str(form.get("data", ""))
        message = chat.messages.get(number)
        if message is None or message.deleted or not 1 <= len(data.encode()) <= 64:
            raise web.HTTPNotFound(text="that message or button is no longer there")
        who = self._who(str(form.get("as", "")), chat)
        press = self._service.people.press(chat, number, who, data=data)
        said = await self._answer(press)
        return self._back(request, chat, who, said, box=press.alert)

    async def _answer(self, press: Press) -> str:
        for _ in range(LOOKS):
            if press.answered_at is not None:
                return press.answer
            await asyncio.sleep(self._patience_s / LOOKS)
        return "the bot has not answered"

    async def _say(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        chat = self._named(str(form.get("chat", "")))
        who, words = self._who(str(form.get("as", "")), chat), str(form.get("text", "")).strip()
        sent = form.get("picture")
        picture = await asyncio.to_thread(sent.file.read) if isinstance(sent, web.FileField) else b""
        if len(words) > MOST_WORDS or len(picture) > MOST_PICTURE:
            raise web.HTTPBadRequest(text="too long")
        if words or picture:
            try:
                self._service.people.say(chat, who, words, picture=picture)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                raise web.HTTPBadRequest(text="that is no picture") from None
        return self._back(request, chat, who, "", box=False)

    def _back(
        self, request: web.Request, chat: Chat, who: User, said: str, *, box: bool
    ) -> web.StreamResponse:
        """To the script in JSON, to a browser without it by loading the chat anew."""
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response({"said": said, "box": box})
        query = urlencode({"as": who.user_id} | ({"said": said} if said else {}))
        raise web.HTTPSeeOther(f"/chat/{chat.chat_id}?{query}")

    def _named(self, number: str) -> Chat:
        chat = self._service.chats.get(_number(number))
        if chat is None:
            raise web.HTTPNotFound(text="there is no such chat")
        return chat

    def _who(self, number: str, chat: Chat) -> User:
        """Whoever was chosen; in a private chat only the one whose it is."""
        wanted = chat.chat_id if chat.kind == "private" else _number(number)
        known = {one.user_id: one for one in self._people}
        return known.get(wanted) or self._service.users.get(wanted) or self._people[0]


def _number(text: str) -> int:
    """A whole number, 0 for anything else."""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 18:
        return 0
    return int(text)
