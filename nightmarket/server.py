"""The market itself: one process that is all sites and the chat, and keeps the truth log.

Each site has its own loopback address, all on one port. Started by `play.py`:

    python -m nightmarket.server --seed N --size S --log FILE --secret FILE

It prints one JSON line with the port, waits for the time triple on standard input, takes another
when one comes (once the night is judged), and serves until that input ends. Nothing it shows
depends on anything but seed, instant and the order of requests.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import hashlib
import json
import random
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from aiohttp import web

from nightmarket import routes
from nightmarket.chat import Chat
from nightmarket.clockwork import Hours, scaled_loop
from nightmarket.crier import Crier
from nightmarket.faults import Fault, Faults, retry_after
from nightmarket.gallery import Gallery, paint_ahead
from nightmarket.model import World
from nightmarket.pages.common import Answer, Desk, rfc822
from nightmarket.routes import Place
from nightmarket.shelf import Shelf, shelves
from nightmarket.truth import TruthLog
from nightmarket.world import HOURS, make

CHAT_ADDRESS = "127.0.1.200"
FLUSH_REAL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One request on its way through the house."""

    desk: Desk
    where: Place
    path: str
    fault: Fault | None


class Market:
    """Answers requests for all sites."""

    def __init__(self, world: World, hours: Hours, log: TruthLog, port: int) -> None:
        self.hours = hours
        self._world, self._log, self._port = world, log, port
        self._shelves = shelves(world)
        self._faults = {s.number: Faults(s, world.troubles, world.seed) for s in world.sites}
        self._by_address = {site.address: site.number for site in world.sites}
        self._chance = random.Random(f"{world.seed} tokens")
        self.gallery = Gallery()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request to any site."""
        number = self._by_address.get(_own_address(request))
        if number is None or request.method not in ("GET", "HEAD"):
            return web.Response(status=404 if number is None else 405)
        shelf, faults = self._shelves[number], self._faults[number]
        query = dict(request.query)
        where = routes.place(shelf.site.style, shelf.site.name, request.path, query)
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        now = self.hours.now()
        desk = self._desk(shelf, faults, now, query)
        asked = _Asked(desk=desk, where=where, path=request.path_qs, fault=faults.of(where.kind, now))
        if asked.fault and asked.fault.kind in ("down", "reset"):
            return self._broken(request, asked)
        answer = await self._answer(asked)
        if self._is_fresh(request, asked, answer):
            answer = replace(answer, status=304, body=b"", whole=(), listed=())
        return await self._send(request, asked, answer)

    def _desk(self, shelf: Shelf, faults: Faults, now: datetime, query: dict[str, str]) -> Desk:
        return Desk(
            shelf=shelf,
            now=now,
            base=f"http://{shelf.site.address}:{self._port}",
            query=query,
            changed_layout=faults.active("layout", now) is not None,
            chance=self._chance,
        )

    async def _answer(self, asked: _Asked) -> Answer:
        if asked.fault is not None and asked.fault.kind != "cut":
            return _faulty(asked.desk, asked.fault)
        if asked.where.kind in ("picture", "thumb"):
            return await self._picture(asked.desk, asked.where)
        return routes.answer(asked.desk, asked.where)

    async def _picture(self, desk: Desk, where: Place) -> Answer:
        advert = desk.shelf.by_id.get(where.post_id)
        if advert is None or advert.published > desk.now or not 0 < where.picture <= len(advert.pictures):
            return routes.not_found(desk)
        if not desk.site.keeps_pictures and not advert.is_alive(desk.now):
            return routes.not_found(desk)
        body = await self.gallery.picture(advert.pictures[where.picture - 1], small=where.kind == "thumb")
        return Answer(body=body, content_type="image/jpeg")

    # --- conditional requests -----------------------------------------------------------

    def _validators(self, asked: _Asked) -> tuple[str, datetime] | None:
        """ETag and Last-Modified of a listing, on the sites that have them.

        One follows the newest post only: after an older one is deleted it still says
        "not modified", as seen on real programs.
        """
        traits, desk = asked.desk.site.traits, asked.desk
        if asked.where.kind != "listing" or not traits & {"etag", "etag-newest"}:
            return None
        shown = desk.shelf.page(desk.now, desk.number)
        if "etag-newest" in traits:
            shown = shown[:1]
        versions = ",".join(f"{a.post_id}.{a.version(desk.now)}" for a in shown)
        changes = [a.published for a in shown] + [e.at for a in shown for e in a.edits if e.at <= desk.now]
        newest = max(changes, default=datetime(2026, 1, 1, tzinfo=UTC)).replace(microsecond=0)
        return f'W/"{hashlib.sha256(versions.encode()).hexdigest()[:20]}"', newest

    def _is_fresh(self, request: web.Request, asked: _Asked, answer: Answer) -> bool:
        validators = self._validators(asked)
        if validators is None or answer.status != 200:
            return False
        given = request.headers.get("If-None-Match")
        if given is not None:  # it alone decides (RFC 9110, 13.2.2)
            return given == validators[0]
        since = request.headers.get("If-Modified-Since", "")
        try:
            return bool(since) and validators[1] <= parsedate_to_datetime(since)
        except ValueError:
            return False

    # --- the wire -----------------------------------------------------------------------

    def _broken(self, request: web.Request, asked: _Asked) -> web.StreamResponse:
        self._note(asked, Answer(status=0), sent=False)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _send(self, request: web.Request, asked: _Asked, answer: Answer) -> web.StreamResponse:
        headers = {"Content-Type": answer.content_type, "Date": rfc822(asked.desk.now), "Server": "nginx"}
        headers |= dict(answer.headers)
        validators = self._validators(asked) if answer.status in (200, 304) else None
        if validators:
            headers |= {"ETag": validators[0], "Last-Modified": rfc822(validators[1])}
        body = self._packed(request, asked, answer, headers)
        is_cut = bool(asked.fault and asked.fault.kind == "cut" and len(body) > 200 and answer.status == 200)
        self._note(asked, answer, sent=not is_cut)
        if is_cut:
            return await self._cut(request, body, headers, answer.status)
        return web.Response(status=answer.status, body=body, headers=headers)

    async def _cut(
        self, request: web.Request, body: bytes, headers: dict[str, str], status: int
    ) -> web.StreamResponse:
        """Promise the whole body and break off in the middle."""
        response = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(body))})
        with contextlib.suppress(ConnectionError):  # it may have left before
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    def _packed(self, request: web.Request, asked: _Asked, answer: Answer, headers: dict[str, str]) -> bytes:
        traits, accepted = asked.desk.site.traits, request.headers.get("Accept-Encoding", "")
        if answer.status != 200 or answer.content_type.startswith("image/"):
            return answer.body
        if "br" in traits and "br" in accepted and self._chance.random() < 0.5:
            import brotli

            headers["Content-Encoding"] = "br"
            return bytes(brotli.compress(answer.body, quality=4))
        if traits & {"br", "gzip"} and "gzip" in accepted:
            headers["Content-Encoding"] = "gzip"
            return gzip.compress(answer.body, 5)
        return answer.body

    def _note(self, asked: _Asked, answer: Answer, *, sent: bool) -> None:
        site, where = asked.desk.site, asked.where
        key = f"{site.name}/{where.post_id}" if where.post_id else ""
        self._log.write(
            "served",
            asked.desk.now,
            site=site.number,
            path=asked.path[:200],
            status=answer.status,
            kind=where.kind,
            sha256=hashlib.sha256(answer.body).hexdigest() if answer.body else "",
            whole=list(answer.whole),
            post=key,
            picture=f"{key}#{where.picture}" if where.kind == "picture" else "",
            fault=asked.fault.kind if asked.fault else "",
            sent=sent,
        )


def _faulty(desk: Desk, fault: Fault) -> Answer:
    """What a site that is unwell answers."""
    match fault.kind:
        case "captcha":
            return routes.captcha(desk)
        case "login":
            return Answer(status=302, headers=(("Location", "/login"),))
        case "blip":
            return routes.not_found(desk)
        case "500" | "502" as code:
            return Answer(status=int(code), body=f"<h1>{code}</h1><p>{desk.token()}</p>".encode())
    until = fault.until or desk.now
    pause = retry_after(until, desk.now, as_date=int(desk.now.timestamp()) % 2 == 0)
    return Answer(status=429, body=b"slow down", headers=(("Retry-After", pause),))


def _own_address(request: web.Request) -> str:
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return str(name[0]) if name else ""


async def bind(stack: AsyncExitStack, app: web.Application, addresses: list[str]) -> int:
    """Listen on all addresses at one port that is free on each."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=3600.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    for _ in range(20):
        site = web.TCPSite(runner, addresses[0], 0)
        await site.start()
        port = int(site._server.sockets[0].getsockname()[1])  # type: ignore[union-attr]  # noqa: SLF001 - no public way
        try:
            for address in addresses[1:]:
                await web.TCPSite(runner, address, port).start()
        except OSError:
            for started in list(runner.sites):
                await started.stop()
            continue
        return port
    raise OSError("no port is free on all loopback addresses")


async def serve(arguments: argparse.Namespace) -> None:
    """Bind, say where, wait for the time, serve until standard input ends."""
    world = make(arguments.seed, arguments.size)
    secret = await asyncio.to_thread(Path(arguments.secret).read_bytes)
    early = sorted(world.adverts, key=lambda advert: advert.alive[0].begin)
    painted = await asyncio.to_thread(paint_ahead, (p for advert in early for p in advert.pictures))
    async with AsyncExitStack() as stack:
        app = web.Application(client_max_size=4_000_000)
        holder: list[tuple[Market, Chat]] = []

        async def entrance(request: web.Request) -> web.StreamResponse:
            if not holder:
                return web.Response(status=503)
            market, chat = holder[0]
            is_chat = _own_address(request) == CHAT_ADDRESS
            return await (chat.receive(request) if is_chat else market.handle(request))

        app.router.add_route("*", "/{rest:.*}", entrance)
        port = await bind(stack, app, [CHAT_ADDRESS, *(site.address for site in world.sites)])
        print(json.dumps({"port": port}), flush=True)
        reader = await _stdin()
        line = await reader.readline()
        if not line:
            return
        hours = Hours.parse(line.decode().strip())
        log = TruthLog(Path(arguments.log))
        stack.callback(log.close)
        market = Market(world, hours, log, port)
        market.gallery.hang(painted)
        stack.callback(market.gallery.close)
        chat = Chat(secret.strip(), hours, log, world.troubles, world.seed)
        holder.append((market, chat))
        crier = asyncio.create_task(Crier(world, hours, log).run())
        stack.callback(crier.cancel)
        flusher = asyncio.create_task(_flush(log, hours.speed))
        stack.callback(flusher.cancel)
        while line := await reader.readline():
            market.hours = chat.hours = Hours.parse(line.decode().strip())


async def _flush(log: TruthLog, speed: float) -> None:
    while True:
        await asyncio.sleep(FLUSH_REAL_S * speed)
        log.flush()


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="nightmarket.server")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--size", choices=tuple(HOURS), required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--secret", required=True)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=lambda: scaled_loop(arguments.speed)) as runner:
        try:
            runner.run(serve(arguments))
        except KeyboardInterrupt:
            sys.exit(130)


if __name__ == "__main__":
    main()
