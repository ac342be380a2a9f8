"""The real market in this process, its time standing still, and a small client for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from nightmarket import routes
from nightmarket.chat import Chat
from nightmarket.clockwork import Hours, scaled_loop
from nightmarket.model import Site, World
from nightmarket.server import CHAT_ADDRESS, Market, bind
from nightmarket.shelf import Shelf, shelves
from nightmarket.truth import TruthLog

SECRET = b"a shared secret"
STILL = 1e-9


@dataclass
class Stall:
    world: World
    market: Market
    chat: Chat
    session: aiohttp.ClientSession
    port: int
    hours: Hours
    shelves: dict[int, Shelf]
    truth: Path
    log: TruthLog

    def set_time(self, moment: datetime) -> None:
        """Stop the clocks of market and chat at `moment`."""
        self.hours = Hours(start=moment, speed=STILL, origin=time.monotonic())
        self.market.hours = self.chat.hours = self.hours

    def url(self, site: Site, path: str) -> str:
        return path if path.startswith("http") else f"http://{site.address}:{self.port}{path}"

    def start(self, site: Site) -> str:
        return routes.start(site.style, site.name)

    async def once(self, site: Site, path: str, **more: object) -> tuple[int, CIMultiDict[str], bytes]:
        """One request, no redirects followed; raises aiohttp.ClientError when the line breaks."""
        async with self.session.get(self.url(site, path), allow_redirects=False, **more) as answer:  # type: ignore[arg-type]
            return answer.status, answer.headers.copy(), await answer.read()

    async def get(self, site: Site, path: str, **more: object) -> tuple[int, CIMultiDict[str], bytes]:
        """As a patient reader: tries again through the 3 % of errors and 1 % of cut bodies."""
        for _ in range(12):
            try:
                status, headers, body = await self.once(site, path, **more)
            except aiohttp.ClientError:
                continue
            if status not in (500, 502):
                return status, headers, body
        raise AssertionError(f"{path} never answered")


@asynccontextmanager
async def opened(world: World, folder: Path) -> AsyncIterator[Stall]:
    hours = Hours(start=world.start, speed=STILL, origin=time.monotonic())
    async with AsyncExitStack() as stack:
        log = TruthLog(folder / "truth.ndjson")
        stack.callback(log.close)
        holder: list[Stall] = []

        async def entrance(request: web.Request) -> web.StreamResponse:
            own = request.transport.get_extra_info("sockname")[0] if request.transport else ""
            return await (
                holder[0].chat.receive(request) if own == CHAT_ADDRESS else holder[0].market.handle(request)
            )

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", entrance)
        addresses = [CHAT_ADDRESS, *(site.address for site in world.sites)]
        port = await bind(stack, app, addresses)
        market = Market(world, hours, log, port)
        stack.callback(market.gallery.close)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=60_000),
            )
        )
        chat = Chat(SECRET, hours, log, world.troubles, world.seed)
        holder.append(
            Stall(world, market, chat, session, port, hours, shelves(world), folder / "truth.ndjson", log)
        )
        yield holder[0]


def visit(world: World, folder: Path, work: Callable[[Stall], Awaitable[None]]) -> None:
    """Open the market and do `work` in it; waits of five minutes take a third of a second."""

    async def main() -> None:
        async with opened(world, folder) as stall:
            await work(stall)

    with asyncio.Runner(loop_factory=lambda: scaled_loop(1_000.0)) as runner:
        runner.run(main())
