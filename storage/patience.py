"""Waiting out a full or read-only disk: what is in hand is kept in hand until it can be kept.

The watch must not end, nor lose what it holds, because a disk was full for a minute.
Damage and programming errors pass through at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from storage.clock import Clock
from storage.errors import DiskTrouble

log = structlog.get_logger(__name__)
T = TypeVar("T")

PAUSE_S = 5.0
"""Between two attempts at a disk that refused."""


class DiskWatch:
    """Remembers what the disk last refused; `trouble` is "" while all is well."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.trouble = ""
        self.waiting = 0

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await `call()` again and again until the disk takes it. Raises whatever is not DiskTrouble."""
        self.waiting += 1
        try:
            while True:
                try:
                    answer = await call()
                except DiskTrouble as trouble:
                    if not self.trouble:
                        log.error("the disk refuses; what is in hand waits", why=str(trouble))
                    self.trouble = str(trouble) or "the disk refuses"
                    await self._clock.sleep(PAUSE_S)
                else:
                    if self.trouble:
                        log.info("the disk takes again")
                    self.trouble = ""
                    return answer
        finally:
            self.waiting -= 1
