"""A loop whose time jumps to the next timer instead of waiting, and its clock.

A whole night of timers runs in the time its work takes. Only for code without real
sockets: while one is awaited, time would run away.
"""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta


class _Jumping(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`loop.run_until_complete(night())`; `loop.time()` is virtual seconds."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def spend(self, seconds: float) -> None:
        """Whoever runs now keeps the loop for so long, as work of the processor does."""
        self._jumping.now += seconds


class VirtualClock:
    """Wall and monotonic time of a `VirtualLoop`, from `start` (aware UTC)."""

    # So fast that libraries which read the machine's clock see every period as over.
    speed = 1e12

    def __init__(
        self, loop: asyncio.AbstractEventLoop, start: datetime = datetime(2026, 1, 1, 21, tzinfo=UTC)
    ):
        self._loop, self._start, self._origin = loop, start, loop.time()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time() - self._origin)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
