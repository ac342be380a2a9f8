"""Another Bot API server: the one that we own, seen through a door with manners of its own.

What a server or a proxy before it may do differently while it keeps to the API's rules, or breaks them a
little. The chats, the limits and the report stay those of `nightmarket.messenger`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from nightmarket.messenger import Service

PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
_OPTIONAL = ("date", "chat_instance", "is_bot", "first_name", "type", "from", "username", "language_code")


@dataclass(slots=True, kw_only=True)
class Manners:
    """refusals_as_200: every refusal has the status 200. html: JSON is called text/html. shuffled: other
    order of fields, and fields that nobody knows. sparse: without fields that are not needed.
    chunked: bodies come in pieces, slowly. bare_429: without parameters. least_photo: photos of so many
    bytes and more are refused by a proxy's 413 page; 0 for none. absent: methods that answer 404.
    quick: polls are answered at once. same_is_fine: an edit that changes nothing is no error. broken:
    so many uploads are cut off in the middle. noise: updates that come with the next poll.
    """

    refusals_as_200: bool = False
    html: bool = False
    shuffled: bool = False
    sparse: bool = False
    chunked: bool = False
    bare_429: bool = False
    least_photo: int = 0
    absent: tuple[str, ...] = ()
    quick: bool = False
    same_is_fine: bool = False
    broken: int = 0
    noise: list[dict[str, Any]] = field(default_factory=list)


class OtherApi:
    """`async with OtherApi(service, manners) as api:`; then `service.base_url` is this door's."""

    def __init__(self, service: Service, manners: Manners) -> None:
        self._service, self._manners = service, manners
        service.ways.same_is_told = not manners.same_is_fine
        self._inner = service.origin
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self.polls = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=100_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/{path:.*}", self._file)
        self._client = aiohttp.ClientSession(trust_env=False)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._service.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.origin = self._inner
        if self._client is not None:
            await self._client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        manners, method = self._manners, request.match_info["method"].lower()
        if manners.broken and method == "sendphoto":
            manners.broken -= 1
            await request.content.readany()
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        body = await request.read()
        if method in {one.lower() for one in manners.absent}:
            return self._told(404, {"ok": False, "error_code": 404, "description": "Not Found"})
        if manners.least_photo and method == "sendphoto" and len(body) >= manners.least_photo:
            return web.Response(
                status=413, text=PAGE.format("413 Request Entity Too Large"), content_type="text/html"
            )
        if method == "getupdates":
            self.polls += 1
            if manners.quick:
                body = _without_waiting(body)
        return await self._passed_on(request, method, body)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        assert self._client is not None
        async with self._client.get(f"{self._inner}{request.path_qs}") as answer:
            return web.Response(status=answer.status, body=await answer.read())

    async def _passed_on(self, request: web.Request, method: str, body: bytes) -> web.StreamResponse:
        assert self._client is not None
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        url = f"{self._inner}{request.path_qs}"
        try:
            async with self._client.request(request.method, url, data=body, headers=headers) as answer:
                status, told = answer.status, await answer.read()
        except aiohttp.ClientError:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        try:
            found = json.loads(told)
        except ValueError:
            return web.Response(status=status, body=told, content_type="text/html")
        if method == "getupdates" and status == 200 and self._manners.noise:
            found["result"] = [*self._manners.noise, *found["result"]]
            self._manners.noise = []
        return await self._dressed(request, status, found)

    async def _dressed(self, request: web.Request, status: int, found: Any) -> web.StreamResponse:
        manners = self._manners
        if manners.bare_429 and status == 429:
            found.pop("parameters", None)
            found["description"] = "Too Many Requests"
        if manners.sparse:
            found = _sparse(found)
        if manners.shuffled:
            found = _shuffled(found)
        answer = self._told(status, found)
        if not manners.chunked:
            return answer
        slow = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
        slow.enable_chunked_encoding()
        await slow.prepare(request)
        whole = answer.body if isinstance(answer.body, bytes) else b""
        for begin in range(0, len(whole), 200):
            await slow.write(whole[begin : begin + 200])
            await asyncio.sleep(0.05)
        await slow.write_eof()
        return slow

    def _told(self, status: int, found: Any) -> web.Response:
        manners = self._manners
        kind = "text/html" if manners.html else "application/json"
        shown = 200 if manners.refusals_as_200 and not found.get("ok") else status
        return web.Response(status=shown, text=json.dumps(found), content_type=kind)


def _without_waiting(body: bytes) -> bytes:
    """The form of a poll that does not wait, as the library sends it."""
    return body.replace(b"timeout=25", b"timeout=0").replace(b"\r\n\r\n25\r\n", b"\r\n\r\n0\r\n")


def _each(found: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(found, list):
        return [_each(one, change) for one in found]
    if isinstance(found, dict):
        return change({key: _each(value, change) for key, value in found.items()})
    return found


def _shuffled(found: Any) -> Any:
    def change(one: dict[str, Any]) -> dict[str, Any]:
        more = {"x_new_field": {"nested": [1, None]}, "another_flag": True}
        return dict(reversed(list((one | more).items())))

    return _each(found, change)


def _sparse(found: Any) -> Any:
    def change(one: dict[str, Any]) -> dict[str, Any]:
        kept = {"from"} if "data" in one or "text" in one else set()  # who writes and presses is needed
        if "id" not in one:  # of a chat the type can be known, of a link it cannot
            kept.add("type")
        return {key: value for key, value in one.items() if key not in _OPTIONAL or key in kept}

    return _each(found, change)
