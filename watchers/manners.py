"""What the fetching room tells of its manners: counts to be kept, and pauses to go on with.

Between the counters (`hostbook`) and the gates (`throttle`), for whoever keeps the report.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from dataclasses import replace

import aiohttp

from storage.clock import Clock
from storage.manners import Pause, Taken
from watchers.hostbook import HostBook, HostFacts
from watchers.throttle import Throttle

TLS_ERRORS = (ssl.SSLError, ssl.CertificateError, aiohttp.ClientSSLError)
"""What a request fails with when the other side cannot show who it is, or no encryption is agreed."""


class Manners:
    """One per fetcher. throttle: the one in use, or None before the first request; opened: makes it."""

    def __init__(
        self,
        clock: Clock,
        book: HostBook,
        throttle: Callable[[], Throttle | None],
        opened: Callable[[], Throttle],
    ) -> None:
        self._clock, self._book, self._throttle, self._opened = clock, book, throttle, opened

    @property
    def pressing(self) -> asyncio.Event:
        """Set when `take` should be called soon: a host asked to be left alone."""
        return self._book.pressing

    def take(self, most: int) -> Taken:
        """About `most` parts of what was counted since; empty when nothing was. Each is given once."""
        return self._book.take(self._clock.now(), asyncio.get_running_loop().time(), most)

    def go_on(self, pauses: Iterable[Pause]) -> None:
        """Keep to what hosts asked of an earlier process, and see when they are asked again.

        Call it inside the loop that fetches, before the first request.
        """
        now, at, throttle = self._clock.now(), asyncio.get_running_loop().time(), self._opened()
        for pause in pauses:
            if left_s := self._book.remember(pause, now, at):
                throttle.pause(pause.host, left_s)

    def hosts(self) -> tuple[HostFacts, ...]:
        """What was asked of each host so far, and what its gate is doing now."""
        return tuple(self._facts_of(host) for host in self._book.hosts())

    def _facts_of(self, host: str) -> HostFacts:
        facts, throttle = self._book.facts(host), self._throttle()
        place = throttle.gates().get(host) if throttle is not None else None
        if place is None:
            return facts
        gate = place.gate
        return replace(
            facts,
            in_flight=gate.busy,
            waiting=gate.waiting,
            paused_s=gate.paused_s(),
            spacing_s=gate.spacing_s,
        )
