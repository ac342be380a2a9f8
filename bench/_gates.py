"""The gates alone under a storm on virtual time, for `bench limiter`: what real sockets cannot show.

Pages, pictures and listings of several targets at once, a tenth of them given up while
they wait or fetch: no host may see two starts closer than its limit, nor more at once
than allowed.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from random import Random

from bench.figures import Figure
from storage.model import HostLimit
from tests.fakes.virtual import VirtualClock, VirtualLoop
from watchers.throttle import Throttle

HOSTS = 500
AT_ONCE = 5_000
"""Waves: no more tasks than this exist at once."""


class Storm:
    """Requests at random instants; what the hosts see of them."""

    def __init__(self, requests: int) -> None:
        self.requests = requests
        self.random = Random(7)
        self.limits = {
            f"h{n}.example": HostLimit(
                requests_per_s=self.random.choice((0.2, 1.0, 5.0)), concurrency=self.random.choice((1, 1, 3))
            )
            for n in range(HOSTS)
        }
        self.last = dict.fromkeys(self.limits, float("-inf"))
        self.inside: dict[str, int] = defaultdict(int)
        self.started = self.closer = self.crowded = self.given_up = 0

    async def play(self, loop: asyncio.AbstractEventLoop) -> None:
        """All requests."""
        throttle = Throttle(VirtualClock(loop))
        left = self.requests
        while left > 0:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(left, AT_ONCE)):
                    group.create_task(self._one(throttle, loop))
            left -= AT_ONCE

    async def _one(self, throttle: Throttle, loop: asyncio.AbstractEventLoop) -> None:
        host, urgent = self.random.choice(tuple(self.limits)), self.random.random() < 0.5
        await asyncio.sleep(self.random.random() * 10)
        patience = 5.0 if self.random.random() < 0.1 else None
        try:
            async with asyncio.timeout(patience):
                turn = throttle.turn(host, "t", self.limits[host], urgent=urgent, until=float("inf"))
                async with turn:
                    await self._visit(host, loop.time())
        except TimeoutError:
            self.given_up += 1

    async def _visit(self, host: str, now: float) -> None:
        limit = self.limits[host]
        self.closer += now - self.last[host] < 1 / limit.requests_per_s - 1e-6
        self.last[host] = now
        self.started += 1
        self.inside[host] += 1
        self.crowded += self.inside[host] > limit.concurrency
        try:
            await asyncio.sleep(self.random.random())
        finally:
            self.inside[host] -= 1


def storm(requests: int) -> tuple[Figure, ...]:
    """One storm."""
    found = Storm(requests)
    loop = VirtualLoop()
    began, virtual = time.process_time(), loop.time()
    loop.run_until_complete(found.play(loop))
    spent, hours = time.process_time() - began, (loop.time() - virtual) / 3600
    loop.close()
    note = f"{HOSTS} hosts, {hours:.1f} hours of virtual time"
    return (
        Figure("gates alone: starts closer than allowed", found.closer, 0, "equal", note=note),
        Figure("gates alone: more at once than allowed", found.crowded, 0, "equal"),
        Figure("gates alone: requests started", found.started),
        Figure("gates alone: given up while waiting or fetching", found.given_up),
        Figure("gates alone: CPU per request, storm included", spent / requests * 1e6, unit="us"),
    )
