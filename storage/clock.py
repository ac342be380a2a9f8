"""The only reader of wall and monotonic time, and the loop that can run faster.

Code gets a `Clock`; pure code gets `now`. Waits are `clock.sleep`, which is the
loop's own sleep, so a loop with its own idea of time (scaled in the simulated
night, virtual in tests) moves every timer of every library with it.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time as the program sees it.

    `speed` is simulated seconds per real second: 1.0 in life. Libraries that read
    the machine's clock themselves (asyncio-throttle) get periods divided by it.
    """

    speed: float

    def now(self) -> datetime:
        """Wall time, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; for spans, not for stamps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock's time."""
        ...


class SystemClock:
    """The machine's own clocks."""

    speed = 1.0

    def now(self) -> datetime:
        """Wall time, aware UTC (`time.time`)."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """`time.monotonic` seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """`asyncio.sleep`."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """Simulated time: it was `start` when the machine's monotonic clock showed `origin`.

    Two processes given the same `start`, `origin` and `speed` agree on the time,
    because the monotonic clock is the machine's. Run it on `scaled_loop(speed)`.
    """

    def __init__(self, start: datetime, speed: float, origin: float | None = None) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        self.speed = speed
        self._start = start.astimezone(UTC)
        self._origin = time.monotonic() if origin is None else origin

    def now(self) -> datetime:
        """Simulated wall time, aware UTC."""
        return self._start + timedelta(seconds=(time.monotonic() - self._origin) * self.speed)

    def monotonic(self) -> float:
        """Simulated seconds."""
        return time.monotonic() * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait simulated seconds; exact only on `scaled_loop`."""
        await asyncio.sleep(seconds)


class _ScaledSelector(selectors.DefaultSelector):
    """Waits `timeout / speed` real seconds where the loop asks for `timeout`."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As the base class, in scaled time."""
        return super().select(None if timeout is None else timeout / self._speed)


class _ScaledLoop(asyncio.SelectorEventLoop):
    def __init__(self, speed: float) -> None:
        self._speed = speed
        super().__init__(_ScaledSelector(speed))

    def time(self) -> float:
        """Loop time: machine monotonic seconds times the speed."""
        return time.monotonic() * self._speed


def scaled_loop(speed: float) -> asyncio.AbstractEventLoop:
    """A loop whose timers run `speed` times faster; every asyncio time-out and sleep obeys it."""
    return asyncio.SelectorEventLoop() if speed == 1.0 else _ScaledLoop(speed)


SIMULATION = "NIGHTJAR_SIMULATION"


def clock_from(environment: Mapping[str, str]) -> Clock:
    """The system clock, or the scaled one named by NIGHTJAR_SIMULATION.

    The value is `START,SPEED,ORIGIN`: ISO time with zone, factor, machine monotonic
    seconds. Raises ValueError when it is malformed.
    """
    text = environment.get(SIMULATION)
    if not text:
        return SystemClock()
    start, speed, origin = text.split(",")
    return ScaledClock(datetime.fromisoformat(start), float(speed), float(origin))
