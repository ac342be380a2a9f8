"""Simulated time for the market: the same arithmetic as the daemon's, written again.

The exam must not trust the clock of what it examines. Both read the machine's monotonic
clock, so the same `START,SPEED,ORIGIN` gives the same instant in both processes.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

VARIABLE = "NIGHTJAR_SIMULATION"
"""The environment variable in which a daemon finds the triple."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """It was `start` (aware) when the monotonic clock showed `origin`; `speed` times real."""

    start: datetime
    speed: float
    origin: float

    def now(self) -> datetime:
        """Simulated wall time, aware UTC."""
        return self.at(time.monotonic())

    def at(self, monotonic: float) -> datetime:
        """The simulated instant of a reading of the machine's monotonic clock."""
        return self.start.astimezone(UTC) + timedelta(seconds=(monotonic - self.origin) * self.speed)

    def real(self, moment: datetime) -> float:
        """The machine's monotonic reading at a simulated instant."""
        return self.origin + (moment - self.start).total_seconds() / self.speed

    def triple(self) -> str:
        """The text both processes are given."""
        return f"{self.start.isoformat()},{self.speed!r},{self.origin!r}"

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read a triple back. Raises ValueError when it is malformed."""
        start, speed, origin = text.split(",")
        return cls(start=datetime.fromisoformat(start), speed=float(speed), origin=float(origin))


class _Selector(selectors.DefaultSelector):
    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self._speed)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, speed: float) -> None:
        self._speed = speed
        super().__init__(_Selector(speed))

    def time(self) -> float:
        return time.monotonic() * self._speed


def scaled_loop(speed: float) -> asyncio.AbstractEventLoop:
    """A loop on which every sleep and time-out runs `speed` times faster."""
    return _Loop(speed)
