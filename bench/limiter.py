"""The limit on hosts under a storm of every kind of request, on a loop without waiting.

Pages, pictures and listings of several targets at once, some given up half-way: no
host may see two starts closer than its strictest limit, nor more at once than allowed.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict
from random import Random

from bench.figures import Figure, Result
from storage.model import HostLimit
from tests.fakes.virtual import VirtualClock, VirtualLoop
from watchers.throttle import Throttle

NAME = "limiter"
SUMMARY = "a storm of requests over 500 hosts: starts closer than the limit allows (--requests N)"
HOSTS = 500


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
        """All requests, in waves so that no more than some thousand tasks exist at once."""
        throttle = Throttle(VirtualClock(loop))
        for _ in range(0, self.requests, 5_000):
            async with asyncio.TaskGroup() as group:
                for _ in range(5_000):
                    group.create_task(self._one(throttle, loop))

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


def run(args: list[str]) -> Result:
    """One storm."""
    options = argparse.ArgumentParser(prog="./nightjar bench limiter")
    options.add_argument("--requests", type=int, default=100_000)
    storm = Storm(options.parse_args(args).requests)
    loop = VirtualLoop()
    began, virtual = time.process_time(), loop.time()
    loop.run_until_complete(storm.play(loop))
    spent, lasted = time.process_time() - began, loop.time() - virtual
    loop.close()
    figures = (
        Figure("starts closer than allowed", storm.closer, 0, "equal"),
        Figure("more at once than allowed", storm.crowded, 0, "equal"),
        Figure("requests started", storm.started),
        Figure("given up while waiting or fetching", storm.given_up),
        Figure("CPU per request, task and storm included", spent / storm.requests * 1e6, unit="us"),
    )
    return Result(figures, (f"{HOSTS} hosts, {lasted / 3600:.1f} hours of virtual time",))
