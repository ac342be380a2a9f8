"""The only reader of wall and monotonic time, and the loop that can run faster.

Code gets a `Clock`; pure code gets `now`. Waits are `clock.sleep`, which is the
loop's own sleep, so a loop with its own idea of time (scaled in the simulated
night, virtual in tests) moves every timer of every library with it.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from storage import adjtimex


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


READ_EVERY_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """Where stamps come from, and what was known of that clock. None: not known, see absent.

    offset_us: what the kernel was still correcting at read_at; max_error_us: its own bound.
    """

    source: str
    read_at: datetime
    synchronised: bool | None = None
    offset_us: int | None = None
    max_error_us: int | None = None
    absent: str = ""


class Timekeeping:
    """What is known of a clock, read again at most every two minutes; never waits."""

    def __init__(self, clock: Clock, read: Callable[[], adjtimex.KernelClock | str] = adjtimex.read) -> None:
        self._clock, self._read = clock, read
        self._facts: ClockFacts | None = None
        self._read_s = 0.0

    def facts(self) -> ClockFacts:
        """The facts as read last."""
        now = self._clock.monotonic()
        if self._facts is None or now - self._read_s >= READ_EVERY_S:
            self._facts, self._read_s = self._look(), now
        return self._facts

    def _look(self) -> ClockFacts:
        at = self._clock.now()
        if not isinstance(self._clock, SystemClock):
            # A night that was played must never be taken for one that was watched.
            why = "simulated time is nobody's clock"
            return ClockFacts(source=f"simulated at speed {self._clock.speed:g}", read_at=at, absent=why)
        found = self._read()
        if isinstance(found, str):
            return ClockFacts(source="system", read_at=at, absent=found)
        return ClockFacts(
            source="system",
            read_at=at,
            synchronised=found.synchronised,
            offset_us=found.offset_us if found.synchronised else None,
            max_error_us=found.max_error_us,
            absent="" if found.synchronised else "the kernel's clock is not synchronised",
        )


def local_zone(at: datetime) -> str:
    """The machine's own time zone at that instant: "UTC+08:00 Asia/Shanghai"."""
    offset = at.astimezone().strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]} {_zone_name() or at.astimezone().tzname()}"


def _zone_name() -> str:
    named = os.environ.get("TZ", "").lstrip(":")
    if named and not named.startswith("/"):
        return named
    try:
        return os.readlink("/etc/localtime").partition("zoneinfo/")[2]  # noqa: PTH115  a name, not a path
    except OSError:
        return ""


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
