"""One bound on the bytes of all bodies being read at the same time.

Each body has its own bound, but many large ones at once would add up. Small bodies
never wait. Beyond the common bound a large one waits, its connection held back by TCP,
until others are done; the oldest always goes on, so there is no standstill.
"""

from __future__ import annotations

import asyncio

SMALL_BYTES = 262_144
COMMON_BYTES = 64_000_000


class Purse:
    """Bytes held by readers. `take` may wait, `give_back` never does."""

    def __init__(self, most: int = COMMON_BYTES) -> None:
        self._most = most
        self._held: dict[object, int] = {}
        self._total = 0
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def total(self) -> int:
        """Bytes held now by bodies that are no longer small."""
        return self._total

    def may(self, reader: object, size: int) -> bool:
        """Whether `reader` may go on with `size` bytes in all; counts them when it may."""
        if size <= SMALL_BYTES:
            return True
        known = self._held.get(reader)
        oldest = known is not None and next(iter(self._held)) is reader
        if self._total + size - (known or 0) > self._most and not oldest and self._held:
            return False
        self._held[reader] = size
        self._total += size - (known or 0)
        return True

    async def wait(self) -> None:
        """Until a reader is done."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def give_back(self, reader: object) -> None:
        """`reader` is done, however it ended. Twice is harmless."""
        freed = self._held.pop(reader, 0)
        if not freed:
            return
        self._total -= freed
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
