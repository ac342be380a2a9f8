"""Politeness: how often one host may be asked, by everything this process does.

Each host has one gate. Its next free instant is computed (GCRA, no burst), callers
queue there first come first served, pictures and pages ahead of listings for a while, and the
one at the head is woken once. Only then it passes asyncio-throttle, uncontended, as
the enforcer of last resort: queueing on that library would wake every waiter a
hundred times a second (facts/monitoring.md, section 6). Waiting costs the caller's
own task and one loop timer per host that has a queue; idle hosts cost nothing.

The key is the host name without its port: one machine, one politeness.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from asyncio_throttle.throttler import Throttler

from storage.clock import Clock
from storage.errors import AskedToWait
from storage.model import HostLimit

LONGEST_PAUSE_S = 1_800.0
"""A host may silence us for half an hour at a time, never for the night (facts, section 10)."""
PATIENCE_S = 10.0
"""A longer pause is told to the caller at once instead of being slept through."""
STARVED_S = 3.0
"""After this long listing polls get every second turn: a host's first captures may not push its polls
out of their interval, and polls of many targets may not keep what was found from being captured."""
LONGEST_QUEUE_S = 600.0
OVERALL = HostLimit(requests_per_s=400.0, concurrency=256)
_IDLE_S = 900.0
_SWEEP_EVERY_S = 300.0


@dataclass(slots=True)
class _Claim:
    limit: HostLimit
    used_at: float


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
        return max(self._last_start + self.spacing_s, self._paused_until)

    def paused_s(self) -> float:
        """Seconds until a pause ends; 0 when there is none."""
        return max(0.0, self._paused_until - self._loop.time())

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
        if self._granting or self.busy >= self._limit.concurrency:
            return False
        return now >= self._free_at()

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
        starved = bool(self._usual) and now - self._usual[0].since > STARVED_S
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
        quiet = now - self.used_at > _IDLE_S and now >= self._free_at()
        return quiet and not self.busy and not self.waiting


class HostGate:
    """A gate with the claims of the targets that use its host: the strictest of them rules."""

    def __init__(self, gate: Gate, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self.gate = gate
        self._speed = clock.speed
        self._loop = loop
        self._claims: dict[str, _Claim] = {}
        self._fixed: HostLimit | None = None
        self._floors: dict[str, float] = {}
        self.throttler = Throttler(rate_limit=1, period=1.0)
        self._apply(HostLimit())

    def claim(self, target: str, limit: HostLimit, fixed: HostLimit | None, now: float) -> None:
        """`target` is about to use the host under `limit`; `fixed` is the admin's word on the host."""
        known = self._claims.get(target)
        if (
            known is not None
            and (known.limit is limit or known.limit == limit)
            and (fixed is self._fixed or fixed == self._fixed)
        ):
            known.used_at = now
            return
        self._claims[target] = _Claim(limit, now)
        self._fixed = fixed
        self._apply(fixed or self._strictest())

    def _strictest(self) -> HostLimit:
        """Over the targets that asked lately: one that was loosened or removed stops counting."""
        old = self._loop.time() - _IDLE_S
        self._claims = {name: c for name, c in self._claims.items() if c.used_at >= old}
        limits = [c.limit for c in self._claims.values()] or [HostLimit()]
        return HostLimit(
            requests_per_s=min(limit.requests_per_s for limit in limits),
            concurrency=min(limit.concurrency for limit in limits),
        )

    def floor(self, origin: str, seconds: float) -> None:
        """The Crawl-delay of one origin of the host: never start faster than the longest of them."""
        if self._floors.get(origin, 0.0) != seconds:
            self._floors[origin] = seconds
            self._apply(self._fixed or self._strictest())

    def _apply(self, limit: HostLimit) -> None:
        self.gate.restrict(limit, max(self._floors.values(), default=0.0))
        # The library reads the machine's clock, so its period is in real seconds.
        self.throttler.period = self.gate.spacing_s / self._speed
        self.throttler.retry_interval = min(self.gate.spacing_s / 4, 0.25)


class Turn:
    """One request's leave to go: entered, it holds a place at its host and one overall.

    The host's spacing counts from `sent`, and nobody else is let in before it: what a
    connection takes to be made must not bring two requests closer at the host. Without
    `says_sent` it counts from entering.
    """

    __slots__ = ("_now", "_overall", "_place", "_says_sent", "_until", "_urgent")

    def __init__(
        self, place: HostGate, overall: Gate, *, urgent: bool, now: float, until: float, says_sent: bool
    ) -> None:
        self._place, self._overall = place, overall
        self._urgent, self._now, self._until, self._says_sent = urgent, now, until, says_sent

    async def __aenter__(self) -> HostGate:
        gate = self._place.gate
        await self._take(at_once=gate.enter_at_once(self._now))
        while gate.paused_s():
            # Another answer of the host asked for a pause after we had been granted our turn.
            self._overall.give_back()
            gate.give_back()
            await self._take(at_once=False)
        self._overall.started()
        if not self._says_sent:
            gate.started()
        return self._place

    async def _take(self, *, at_once: bool) -> None:
        """Places at the host (unless one is had already) and overall, past the enforcer of last resort."""
        gate, overall = self._place.gate, self._overall
        if not at_once:
            await gate.enter(urgent=self._urgent, until=self._until)
        try:
            if not (at_once and overall.enter_at_once(self._now)):
                await overall.enter(urgent=self._urgent, until=self._until)
        except BaseException:
            gate.give_back()
            raise
        try:
            async with self._place.throttler:
                pass
        except BaseException:
            overall.give_back()
            gate.give_back()
            raise

    def sent(self) -> bool:
        """The request goes out now. Only the first call counts, and says so."""
        first, self._says_sent = self._says_sent, False
        if first:
            self._place.gate.started()
        return first

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sent()  # a host that could not be reached was asked all the same
        self._overall.leave()
        self._place.gate.leave()


class Throttle:
    """All gates of the process. `fixed` holds the admin's [hosts] table, host name to limit."""

    def __init__(
        self, clock: Clock, *, overall: HostLimit = OVERALL, fixed: Mapping[str, HostLimit] | None = None
    ) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self.fixed: Mapping[str, HostLimit] = fixed or {}
        self._places: dict[str, HostGate] = {}
        self._overall = Gate("(all hosts)", overall, self._loop)
        self._swept_at = self._loop.time()

    def turn(
        self,
        host: str,
        target: str,
        limit: HostLimit,
        *,
        urgent: bool,
        until: float,
        says_sent: bool = False,
    ) -> Turn:
        """Leave to ask `host` once, as an async context. Entering raises AskedToWait when it is paused.

        says_sent: the caller calls `Turn.sent` when the request goes out.
        """
        now = self._loop.time()
        if now - self._swept_at >= _SWEEP_EVERY_S:
            self._sweep(now)
        place = self.place(host)
        place.claim(target, limit, self.fixed.get(host), now)
        until = min(until, now + LONGEST_QUEUE_S)
        return Turn(place, self._overall, urgent=urgent, now=now, until=until, says_sent=says_sent)

    def place(self, host: str) -> HostGate:
        """The gate of `host`, made when new."""
        found = self._places.get(host)
        if found is None:
            gate = Gate(host, HostLimit(), self._loop)
            found = self._places[host] = HostGate(gate, self._clock, self._loop)
        return found

    def floor(self, host: str, origin: str, seconds: float) -> None:
        """Keep to the Crawl-delay of an origin of `host` (0: it has none)."""
        if seconds or host in self._places:
            self.place(host).floor(origin, seconds)

    def gates(self) -> Mapping[str, HostGate]:
        """The gates in use, by host."""
        return self._places

    def pause(self, host: str, seconds: float) -> float:
        """Nobody asks `host` for `seconds` (at most LONGEST_PAUSE_S); returns what it came to."""
        seconds = min(max(0.0, seconds), LONGEST_PAUSE_S)
        self.place(host).gate.pause(seconds)
        return seconds

    def _sweep(self, now: float) -> None:
        self._swept_at = now
        self._places = {h: p for h, p in self._places.items() if not p.gate.idle(now)}
