"""A Bot API server that we own: enough of it to deliver cards, with faults on order.

Answers and error texts follow https://core.telegram.org/bots/api and the official server's
source as quoted in the alerting facts. It checks what the real one checks (token, lengths
in UTF-16 units, entity bounds, photo bytes) and counts what people would have seen.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

TOKEN = "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
CAPTION, TEXT = 1_024, 4_096


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@dataclass(slots=True)
class Message:
    number: int
    text: str
    entities: list[dict[str, Any]]
    photo: bytes = b""
    silent: bool = False
    preview: bool = False
    edits: int = 0


@dataclass(slots=True)
class Fault:
    """What the next call of `method` ("" any) meets.

    kind: 429, 400, 403, 500-before, 500-after, reset-before, reset-after, hang-after.
    """

    kind: str
    method: str = ""
    retry_after: int = 3
    text: str = "Bad Request"


@dataclass(slots=True)
class BotApi:
    """`async with BotApi() as api:`; `api.base_url` goes into the channel's settings."""

    chat_id: int = -1001
    messages: list[Message] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    origin: str = ""
    _runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"{self.origin}/bot"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append(method)
        if request.match_info["token"] != TOKEN:
            return _error(401, "Unauthorized")
        form = dict(await request.post())
        fault = self._next_fault(method)
        if fault is not None and not fault.kind.endswith("-after"):
            return await self._fail(fault, request)
        answer = self._answer(method, form)
        if fault is not None:
            return await self._fail(fault, request)
        return answer

    def _next_fault(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.method in ("", method):
                self.faults.remove(fault)
                return fault
        return None

    async def _fail(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        if fault.kind == "429":
            return _error(
                429,
                f"Too Many Requests: retry after {fault.retry_after}",
                parameters={"retry_after": fault.retry_after},
            )
        if fault.kind.startswith("reset"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if fault.kind.startswith("hang"):
            await asyncio.sleep(3600)
        status = int(fault.kind[:3])
        return _error(status, fault.text if status < 500 else "Internal Server Error")

    def _answer(self, method: str, form: dict[str, Any]) -> web.Response:
        if str(form.get("chat_id")) != str(self.chat_id):
            return _error(400, "Bad Request: chat not found")
        text = str(form.get("caption" if "Photo" in method or "Caption" in method else "text", ""))
        key = "caption_entities" if "Photo" in method or "Caption" in method else "entities"
        entities = json.loads(str(form.get(key, "[]")))
        limit = CAPTION if key == "caption_entities" else TEXT
        if units(text) > limit:
            return _error(400, "Bad Request: message caption is too long")
        if any(e["offset"] + e["length"] > units(text) or e["offset"] < 0 for e in entities):
            return _error(400, "Bad Request: entity out of bounds")
        if method.startswith("edit"):
            return self._edit(int(str(form["message_id"])), text, entities)
        return self._send(method, form, text, entities)

    def _send(
        self, method: str, form: dict[str, Any], text: str, entities: list[dict[str, Any]]
    ) -> web.Response:
        photo = b""
        if method == "sendPhoto":
            upload = next((v for v in form.values() if isinstance(v, web.FileField)), None)
            photo = upload.file.read() if upload else b""
            if not photo.startswith(b"\xff\xd8"):
                return _error(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        elif not text:
            return _error(400, "Bad Request: message text is empty")
        options = json.loads(str(form.get("link_preview_options", "{}")))
        message = Message(
            number=len(self.messages) + 1,
            text=text,
            entities=entities,
            photo=photo,
            silent=str(form.get("disable_notification", "")).lower() in ("true", "1"),
            preview=method == "sendMessage" and not options.get("is_disabled"),
        )
        self.messages.append(message)
        return _ok(self._shown(message))

    def _edit(self, number: int, text: str, entities: list[dict[str, Any]]) -> web.Response:
        message = next((m for m in self.messages if m.number == number), None)
        if message is None:
            return _error(400, "Bad Request: message to edit not found")
        if (message.text, message.entities) == (text, entities):
            return _error(400, "Bad Request: message is not modified")
        message.text, message.entities, message.edits = text, entities, message.edits + 1
        return _ok(self._shown(message))

    def _shown(self, message: Message) -> dict[str, Any]:
        return {
            "message_id": message.number,
            "date": 1_700_000_000,
            "chat": {"id": self.chat_id, "type": "supergroup", "title": "watch"},
            "text": message.text,
        }


def _ok(result: object) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _error(code: int, text: str, parameters: dict[str, Any] | None = None) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": text}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=code)
