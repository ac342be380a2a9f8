"""One queue of requests: how far apart they start, and how many are out at once.

The next free instant is computed (GCRA, ITU-T I.371), callers queue first come first served,
pictures and pages ahead of listings for a while, and the one at the head is woken once.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass

from storage.errors import AskedToWait
from storage.model import HostLimit

PATIENCE_S = 10.0
"""A longer pause is told to the caller at once instead of being slept through."""
STARVED_S = 3.0
"""Listing polls that one turn more would keep waiting for longer get every second turn: a host's first
captures may not push its polls out of their interval, and polls of many targets may not keep what was found
from being captured. At a host of one request in five seconds that is each second turn from the first on."""
IDLE_S = 900.0
CATCH_UP_S = 0.05
"""Starts over all hosts may make up for so much time in which the loop was busy with something else."""


@dataclass(slots=True)
class _Waiter:
    future: asyncio.Future[None]
    since: float


class Gate:
    """Lets callers through one at a time, `requests_per_s` apart, `concurrency` at once.

    `enter` grants a place, `started` marks the instant of the request (spacing counts
    from there; until then no other is granted), `leave` ends it. `give_back` instead of
    `started` when the place is not used after all.
    """

    def __init__(self, host: str, limit: HostLimit, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self._limit = limit
        self._floor_s = 0.0
        self.spacing_s = 1.0 / limit.requests_per_s
        """Seconds between two starts."""
        self._loop = loop
        self._urgent: deque[_Waiter] = deque()
        self._usual: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._granting = False
        self._was_usual = False
        self.busy = 0
        self._last_start = -math.inf
        self._paused_until = -math.inf
        self.used_at = 0.0
        self.strikes = 0

    @property
    def waiting(self) -> int:
        """Callers in the queue."""
        return len(self._urgent) + len(self._usual)

    @property
    def urgent(self) -> int:
        """Callers in the queue that go ahead of listing polls."""
        return len(self._urgent)

    @property
    def places(self) -> int:
        """Requests that may be under way at the same time."""
        return self._limit.concurrency

    def free_in_s(self) -> float:
        """Seconds until the limit or a pause would let another start; 0 when it would now."""
        return max(0.0, self._free_at() - self._loop.time())

    def restrict(self, limit: HostLimit, floor_s: float) -> None:
        """Set the limit and the floor on spacing (a Crawl-delay); counts from the last start on."""
        self._limit, self._floor_s = limit, floor_s
        self.spacing_s = max(1.0 / limit.requests_per_s, floor_s)
        self._pump()

    def _free_at(self) -> float:
        free_at = self._last_start + self.spacing_s
        return free_at if free_at >= self._paused_until else self._paused_until  # noqa: FURB136  a call less

    def paused_s(self) -> float:
        """Seconds until a pause ends; 0 when there is none."""
        return max(0.0, self._paused_until - self._loop.time())

    @property
    def paused(self) -> bool:
        """Whether a pause is on."""
        return self._paused_until > 0.0 and self.paused_s() > 0.0

    def pause(self, seconds: float) -> None:
        """Let nobody start for `seconds`; those in the queue are told when that is long."""
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)
        if seconds <= PATIENCE_S:
            return
        for waiter in (*self._urgent, *self._usual):
            if not waiter.future.done():
                waiter.future.set_exception(self._paused_error())
        self._urgent.clear()
        self._usual.clear()

    def _paused_error(self) -> AskedToWait:
        left = self.paused_s()
        return AskedToWait(self.host, f"the host asked for a pause, {left:.0f} s left", retry_after_s=left)

    async def enter(self, *, urgent: bool, until: float) -> None:
        """Wait for a place, at longest to loop time `until`. Raises AskedToWait when it cannot be had."""
        now = self._loop.time()
        if self.enter_at_once(now):
            return
        if self.paused_s() > min(PATIENCE_S, max(0.0, until - now)):
            raise self._paused_error()
        await self._queue(urgent=urgent, until=until, now=now)

    def enter_at_once(self, now: float) -> bool:
        """Take a place when there is one and nobody waits for it; most requests find it so."""
        self.used_at = now
        if self._urgent or self._usual or not self._open(now):
            return False
        self._grant()
        return True

    def _open(self, now: float) -> bool:
        return not self._granting and self.busy < self._limit.concurrency and now >= self._free_at()

    def _grant(self) -> None:
        self._granting = True
        self.busy += 1

    async def _queue(self, *, urgent: bool, until: float, now: float) -> None:
        waiter = _Waiter(self._loop.create_future(), now)
        (self._urgent if urgent else self._usual).append(waiter)
        self._pump()
        try:
            async with asyncio.timeout_at(until):
                await waiter.future
        except BaseException as stop:
            self._abandon(waiter)
            if isinstance(stop, TimeoutError):
                why = f"waited {self._loop.time() - now:.0f} s for its turn at the host's limit"
                raise AskedToWait(self.host, why, retry_after_s=self.spacing_s) from stop
            raise

    def _abandon(self, waiter: _Waiter) -> None:
        """A caller went away: take it from the queue, or give back the place it had just been granted."""
        future = waiter.future
        if future.done() and not future.cancelled() and future.exception() is None:
            self.give_back()
            return
        future.cancel()
        for queue in (self._urgent, self._usual):
            if waiter in queue:
                queue.remove(waiter)

    def started(self) -> None:
        """The request goes out now."""
        self._granting = False
        self._last_start = self._loop.time()
        self._pump()

    def leave(self) -> None:
        """A started request is over."""
        self.busy -= 1
        self._pump()

    def give_back(self) -> None:
        """A place that was granted is not used."""
        self._granting = False
        self.leave()

    def _pump(self) -> None:
        """Grant the head of the queue, or set the timer to the instant when it may go."""
        if self._timer is None and not self._usual and not self._urgent:
            return  # as at nearly every call: nobody waits
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.waiting or self._granting or self.busy >= self._limit.concurrency:
            return
        now = self._loop.time()
        if not self._open(now):
            self._timer = self._loop.call_at(self._free_at(), self._pump)
            return
        waiter = self._head(now)
        if waiter is not None:
            self._grant()
            waiter.future.set_result(None)

    def _head(self, now: float) -> _Waiter | None:
        for queue in (self._urgent, self._usual):
            while queue and queue[0].future.done():
                queue.popleft()
        starved = bool(self._usual) and now + self.spacing_s - self._usual[0].since > STARVED_S
        if not self._urgent or (starved and not self._was_usual):
            queue, self._was_usual = self._usual, True
        else:
            queue, self._was_usual = self._urgent, False
        return queue.popleft() if queue else None

    @property
    def terms(self) -> tuple[float, float, int]:
        """Loop time of the newest start, seconds there must be between two, and how many may be out."""
        return self._last_start, self.spacing_s, self._limit.concurrency

    def idle(self, now: float) -> bool:
        """True when forgetting this gate loses nothing."""
        quiet = now - self.used_at > IDLE_S and now >= self._free_at()
        return quiet and not self.busy and not self.waiting


class Overall(Gate):
    """The gate of all hosts together: it spares this machine, and is no politeness of anybody.

    So it counts from the grant and lets several in at one time: one at a time, each after the
    one before was sent, is one for each turn of the loop, and a loop with much to do turns a
    hundred times a second.
    """

    def __init__(self, host: str, limit: HostLimit, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(host, limit, loop)
        self.burst = max(1, int(limit.requests_per_s * CATCH_UP_S))
        """So many may start at one time after a rest; in a time t at most so many and t / spacing_s."""
        self._next = -math.inf

    def _free_at(self) -> float:
        return self._next - (self.burst - 1) * self.spacing_s

    def _grant(self) -> None:
        self.busy += 1
        self._next = max(self._next, self._loop.time()) + self.spacing_s

    def give_back(self) -> None:
        """A place that was granted is not used."""
        self._next -= self.spacing_s
        self.leave()

    def _pump(self) -> None:
        if self._timer is None and not self._usual and not self._urgent:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        while self.waiting and self.busy < self._limit.concurrency:
            if not self._open(now):
                self._timer = self._loop.call_at(self._free_at(), self._pump)
                return
            waiter = self._head(now)
            if waiter is not None:
                self._grant()
                waiter.future.set_result(None)
