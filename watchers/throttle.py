"""Politeness: how often one host may be asked, by everything this process does.

Each host has one gate (`gate.py`), and one more is for all hosts together. Only then a
request passes asyncio-throttle, uncontended, as
the enforcer of last resort: queueing on that library would wake every waiter a
hundred times a second (facts/monitoring.md, section 6). Waiting costs the caller's
own task and one loop timer per host that has a queue; idle hosts cost nothing.

The key is the host name without its port: one machine, one politeness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from asyncio_throttle.throttler import Throttler

from storage.clock import Clock
from storage.model import HostLimit
from watchers.gate import IDLE_S, Gate, Overall

LONGEST_PAUSE_S = 1_800.0
"""A host may silence us for half an hour at a time, never for the night (facts, section 10)."""
LONGEST_QUEUE_S = 600.0
OVERALL = HostLimit(requests_per_s=1_500.0, concurrency=256)
"""What this machine asks of all hosts together: about what one core can do."""
_SWEEP_EVERY_S = 300.0


@dataclass(slots=True)
class _Claim:
    limit: HostLimit
    used_at: float


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
        old = self._loop.time() - IDLE_S
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
        self, place: HostGate, overall: Overall, *, urgent: bool, now: float, until: float, says_sent: bool
    ) -> None:
        self._place, self._overall = place, overall
        self._urgent, self._now, self._until, self._says_sent = urgent, now, until, says_sent

    async def __aenter__(self) -> HostGate:
        gate = self._place.gate
        at_once = gate.enter_at_once(self._now)
        if at_once and self._overall.enter_at_once(self._now):
            await self._enforced()
        else:
            await self._take(at_once=at_once)
        while gate.paused:
            # Another answer of the host asked for a pause after we had been granted our turn.
            self._overall.give_back()
            gate.give_back()
            await self._take(at_once=False)
        if not self._says_sent:
            gate.started()
        return self._place

    async def _take(self, *, at_once: bool) -> None:
        """Places at the host (unless one is had already) and overall, past the enforcer of last resort."""
        gate, overall = self._place.gate, self._overall
        if not at_once:
            await gate.enter(urgent=self._urgent, until=self._until)
        try:
            await overall.enter(urgent=self._urgent, until=self._until)
        except BaseException:
            gate.give_back()
            raise
        await self._enforced()

    async def _enforced(self) -> None:
        """Past the enforcer of last resort, with both places in hand."""
        try:
            await self._place.throttler.acquire()  # type: ignore[no-untyped-call]
        except BaseException:
            self._overall.give_back()
            self._place.gate.give_back()
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
        self._overall = Overall("(all hosts)", overall, self._loop)
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
