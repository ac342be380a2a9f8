"""How a fault looks from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from nightmarket.messenger.faults import Fault
from nightmarket.messenger.words import Json, Refusal

PAGE = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body>\r\n</html>\r\n"


async def mishap(
    fault: Fault,
    request: web.Request,
    answer: web.Response | None,
    hold: Callable[[], Refusal] = lambda: Refusal(429, "Too Many Requests"),
) -> web.StreamResponse:
    """What the caller meets instead of `answer` (None: nothing was done)."""
    kind = fault.kind.removesuffix("-before").removesuffix("-after")
    if kind == "slow" and answer is not None:
        await asyncio.sleep(fault.delay_s)
        return answer
    if kind in ("429", "400", "403"):
        return _refused(fault, hold)
    if kind == "hang":
        await asyncio.sleep(fault.delay_s)
    whole = (
        answer.body if answer is not None and isinstance(answer.body, bytes) else b'{"ok":true,"result":{}}'
    )
    if kind in ("stall", "wrong-length"):
        return await _part(fault, request, whole)
    if kind in ("reset", "late") and request.transport is not None:
        request.transport.abort()
    return _spoilt(kind, whole)


def _spoilt(kind: str, whole: bytes) -> web.Response:
    if kind == "cut":
        return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
    if kind in ("html", "502", "hang"):
        status = {"html": 200, "hang": 504}.get(kind, 502)
        return web.Response(status=status, text=PAGE, content_type="text/html")
    body: Json = {"ok": False, "error_code": 500, "description": "Internal Server Error: restart"}
    return web.json_response(body, status=500)


def _refused(fault: Fault, hold: Callable[[], Refusal]) -> web.Response:
    status, text, parameters = int(fault.kind), fault.text, {}
    if status == 429:
        refusal = hold()
        text, parameters = refusal.text, refusal.parameters
    body: Json = {"ok": False, "error_code": status, "description": text}
    return web.json_response(body | ({"parameters": parameters} if parameters else {}), status=status)


async def _part(fault: Fault, request: web.Request, whole: bytes) -> web.StreamResponse:
    """Some of the answer, then nothing; or less than Content-Length said, then the end."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    if fault.kind.startswith("wrong"):
        response.content_length = len(whole) + 100
    else:
        response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    if fault.kind.startswith("stall"):
        await asyncio.sleep(fault.delay_s)
    elif request.transport is not None:
        request.transport.close()
    return response
