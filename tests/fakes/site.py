"""A site we own: a real HTTP server on loopback, scripted by the test.

`FakeSite` is an aiohttp server whose pages are set one by one and whose visits are
logged with their instants. `RawSite` speaks whatever bytes the test writes, for what
no proper server would send. Both bind an ephemeral port of 127.0.0.1 (or another
loopback address, to be another host).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request as the site saw it. at: loop time."""

    method: str
    path: str
    headers: Mapping[str, str]
    at: float


@dataclass(slots=True)
class Page:
    """A canned answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"})


class FakeSite:
    """`async with FakeSite() as site: site.put("/", b"...")`. Unknown paths answer 404."""

    def __init__(self, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> None:
        self._host, self._tls = host, tls
        self._answers: dict[str, Page | Answer] = {}
        self._runner: web.AppRunner | None = None
        self.visits: list[Visit] = []
        self.port = 0
        self.most_at_once = 0
        self._now = 0

    @property
    def origin(self) -> str:
        """scheme://host:port of the site."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    def url(self, path: str) -> str:
        """The absolute address of `path`."""
        return self.origin + path

    def put(
        self, path: str, body: bytes = b"", *, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        """Answer `path` (with its query, if any) with these."""
        page = Page(body, status)
        page.headers.update(headers or {})
        self._answers[path] = page

    def script(self, path: str, answer: Answer) -> None:
        """Answer `path` by calling `answer`."""
        self._answers[path] = answer

    def remove(self, path: str) -> None:
        """From now on 404."""
        self._answers.pop(path, None)

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [visit.path for visit in self.visits]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        path = request.raw_path
        self.visits.append(
            Visit(method=request.method, path=path, headers=request.headers.copy(), at=loop.time())
        )
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            answer = self._answers.get(path)
            if answer is None:
                return web.Response(status=404, text="not here")
            if isinstance(answer, Page):
                return web.Response(body=answer.body, status=answer.status, headers=answer.headers)
            return await answer(request)
        finally:
            self._now -= 1

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        app.on_response_prepare.append(_without_our_date)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


async def _without_our_date(_request: web.Request, answer: web.StreamResponse) -> None:
    """The machine's own time is not that of the test; what a test wrote itself stays."""
    if answer.headers.get("Date") == rfc822_formatted_time():
        del answer.headers["Date"]


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawSite:
    """A server that runs `talk` for every request, once its header was read (`asked`).

    listens False: it talks at once on every connection, whatever is asked.
    """

    def __init__(
        self,
        talk: Talk,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        listens: bool = True,
    ) -> None:
        self._talk, self._host, self._tls, self._listens = talk, host, tls, listens
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[bytes] = []
        self.port = 0

    @property
    def origin(self) -> str:
        """scheme://host:port of the site."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    def url(self, path: str = "/") -> str:
        """The absolute address of `path`."""
        return self.origin + path

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                if self._listens:
                    self.asked.append(await reader.readuntil(b"\r\n\r\n"))
                await self._talk(reader, writer)
                if writer.is_closing():
                    return
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            return  # the end of the test; Python 3.11 would log a cancelled handler as an error
        finally:
            self._tasks.discard(task)
            writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(ConnectionError):
            await self._server.wait_closed()


def says(data: bytes, *, close: bool = True) -> Talk:
    """A talk that answers `data` and hangs up, or keeps the connection."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if close:
            await writer.drain()
            writer.close()

    return talk
