"""What the watch does for others beside it: takes in what commands left, erases what is past its period.

Erasing runs once a day, while no target is in its window and at the lowest weight: in small
batches with rests. A command can ask for it at any hour.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Awaitable, Callable

import structlog

from storage import erasure, orders, settling
from storage.clock import Clock
from storage.errors import StoreError
from storage.retention import Rules
from storage.store import Store

log = structlog.get_logger(__name__)

TAKE_S = 5.0
"""Real seconds between two looks for what commands left."""
NIGHT_S = 60.0
"""At night that is asked again so much later: the windows of ten thousand targets take milliseconds."""
EVERY_S = 20 * 3600.0
SETTLING_S = 60.0
"""Between two tries to take erased words out of pages that a busy reader holds."""
SETTLE_S = 3600.0
"""After a start the first erasing waits so long."""


class Chores:
    """The loop of one daemon."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        rules: Callable[[], Rules],
        night: Callable[[], bool],
        tell: Callable[[str], Awaitable[None]],
        spoke: Callable[[], None] = lambda: None,
    ) -> None:
        """spoke: called when an answer from a command was taken in, which cards are to say."""
        self._store, self._clock = store, clock
        self._rules, self._night, self._tell, self._spoke = rules, night, tell, spoke
        self._next_s = clock.monotonic() + SETTLE_S
        self._settle_s = clock.monotonic()
        self._night_until_s = -math.inf
        self._waits = ""
        """Why what commands left waits, as the admin was told."""

    async def run(self) -> None:
        """Look after it for ever. A store in trouble is told and tried again the next day."""
        while True:
            await self._clock.sleep(TAKE_S * self._clock.speed)
            if not await self._take():
                continue
            ordered = self._store.heard(erasure.ORDER)
            if ordered or (self._clock.monotonic() >= self._next_s and self._is_day()):
                await self._erase("by hand" if ordered else "")
            if self._clock.monotonic() >= self._settle_s and self._is_day():
                self._settle_s = self._clock.monotonic() + SETTLING_S
                with contextlib.suppress(StoreError):  # owed until it is done
                    await settling.settle(self._store)

    def _is_day(self) -> bool:
        """Whether no target is in its window. It becomes day up to `NIGHT_S` late, and never night."""
        now_s = self._clock.monotonic()
        if now_s < self._night_until_s:
            return False
        if self._night():
            self._night_until_s = now_s + NIGHT_S * self._clock.speed
            return False
        return True

    async def _take(self) -> bool:
        """Take in what commands left. Only when nothing waits may anything be erased: it may be a hold."""
        try:
            await self._store.take_left()
        except StoreError as error:
            why = str(error)
        else:
            why = ""
        if self._store.heard(orders.KIND):
            self._spoke()
        for words in self._store.refused():
            await self._tell(words)
        if why and why != self._waits:
            await self._tell(f"what commands left waits, and nothing is erased meanwhile: {why}")
        self._waits = why
        return not why

    async def _erase(self, officer: str) -> None:
        self._next_s = self._clock.monotonic() + EVERY_S
        rules = self._rules()
        if rules.idle:
            return
        try:
            erased = await erasure.apply(self._store, rules, officer=officer)
        except StoreError as error:
            await self._tell(f"what is past its period was not erased: {error}")
            return
        if erased.posts:
            log.info("erased what was past its period", posts=erased.posts, files=erased.files)
