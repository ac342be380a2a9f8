"""Polls that answer 304: the whole fetcher beside bare aiohttp, same loop, same run, alternating.

CPU time of this process per GET; the server runs in another. Guard, robots.txt, limits,
times and bounds are all on; the limits are set so high that they never wait.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date

import aiohttp

from bench.figures import Figure, Result
from storage.clock import SystemClock
from storage.model import Authority, HostLimit, Target, Validators
from watchers.fetch import Fetcher

NAME = "fetchrate"
SUMMARY = "CPU of a 304 poll through the fetcher, as a share of bare aiohttp in the same run"
AT_ONCE, EACH, ROUNDS = 64, 40, 5
SEEN = Validators(etag='"abc"', last_modified="Tue, 24 Nov 2026 06:52:02 GMT")
ENDLESS = HostLimit(requests_per_s=1e9, concurrency=10_000)
SERVER = """
import asyncio
ANSWER = (b'HTTP/1.1 304 Not Modified\\r\\nServer: bench\\r\\nDate: Tue, 24 Nov 2026 06:52:02 GMT\\r\\n'
          b'ETag: "abc"\\r\\nCache-Control: max-age=0\\r\\nConnection: keep-alive\\r\\n\\r\\n')
class Site(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(ANSWER * data.count(b"\\r\\n\\r\\n"))
async def main():
    server = await asyncio.get_running_loop().create_server(Site, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


async def run(_: list[str]) -> Result:
    """Median of the paired ratios."""
    async with server() as port, aiohttp.ClientSession() as session:
        fetcher = Fetcher(SystemClock(), contact="bench", allow=("127.0.0.0/8",), overall=ENDLESS)
        goals = [target(f"http://127.0.0.1:{port}/feed/{n}") for n in range(AT_ONCE)]

        async def bare(goal: Target) -> None:
            headers = {"If-None-Match": SEEN.etag, "If-Modified-Since": SEEN.last_modified}
            async with session.get(goal.url, headers=headers) as answer:
                await answer.read()

        async def ours(goal: Target) -> None:
            await fetcher.get(goal.url, goal, purpose="listing", validators=SEEN)

        await per_get(bare, goals), await per_get(ours, goals)
        pairs = [(await per_get(bare, goals), await per_get(ours, goals)) for _ in range(ROUNDS)]
        await fetcher.close()
    return Result(
        (
            Figure("rate against bare aiohttp", statistics.median(a / b for a, b in pairs), 0.75),
            Figure("bare aiohttp", statistics.median(a for a, _ in pairs) * 1e6, unit="us CPU/GET"),
            Figure("the fetcher", statistics.median(b for _, b in pairs) * 1e6, unit="us CPU/GET"),
        ),
        (f"{ROUNDS} alternating rounds of {AT_ONCE * EACH} GETs, {AT_ONCE} at once, kept connections",),
    )


async def per_get(ask: Callable[[Target], Awaitable[None]], goals: list[Target]) -> float:
    """CPU seconds of this process per GET."""

    async def often(goal: Target) -> None:
        for _ in range(EACH):
            await ask(goal)

    began = time.process_time()
    await asyncio.gather(*(often(goal) for goal in goals))
    return (time.process_time() - began) / (EACH * len(goals))


def target(url: str) -> Target:
    """A target whose limits never wait."""
    return Target(
        name=url,
        kind="html",
        url=url,
        authority=Authority(legal_basis="own test", authorised_by="bench", review_after=date(2099, 1, 1)),
        rules=None,
        host_limit=ENDLESS,
    )


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    """The bare server, in a process of its own; its port."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert child.stdout is not None
    try:
        yield int(await child.stdout.readline())
    finally:
        child.kill()
        await child.wait()
