"""Connections that have served a request and wait for the next one to their origin.

aiohttp's own pool makes a lease anew for each request and looks it over twice; between two polls
of a host nothing of that is needed. The leases stay with the connector, which ends them all when
it is closed.
"""

from __future__ import annotations

import asyncio

from aiohttp.connector import Connection as Leased

SWEEP_S = 30.0


class Kept:
    """Idle connections by origin, the one used last first; those idle for `idle_s` are closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, idle_s: float) -> None:
        self._loop, self._idle_s = loop, idle_s
        self._idle: dict[str, list[tuple[Leased, float]]] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def take(self, origin: str) -> Leased | None:
        """A connection to `origin` that can carry a request, None when there is none."""
        idle = self._idle.get(origin)
        while idle:
            lease, since = idle.pop()
            if _fit(lease) and self._loop.time() - since <= self._idle_s:
                return lease
            lease.close()
        return None

    def put(self, origin: str, lease: Leased) -> None:
        """Keep a connection whose answer has come to its end, unless its host closes it."""
        if not _fit(lease):
            lease.close()
            return
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = []
        idle.append((lease, self._loop.time()))
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)

    def close(self) -> None:
        """Close all that are idle."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for lease, _ in [entry for idle in self._idle.values() for entry in idle]:
            lease.close()
        self._idle.clear()

    def _sweep(self) -> None:
        old = self._loop.time() - self._idle_s
        for origin, idle in list(self._idle.items()):
            good = [entry for entry in idle if entry[1] >= old and _fit(entry[0])]
            for entry in idle if len(good) < len(idle) else ():
                if entry not in good:
                    entry[0].close()
            if good:
                self._idle[origin] = good
            else:
                del self._idle[origin]
        self._sweeping = self._loop.call_later(SWEEP_S, self._sweep) if self._idle else None


def _fit(lease: Leased) -> bool:
    """Whether the connection stands, its last answer is over and nothing came that nobody asked for."""
    protocol = lease.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close
