"""Opening what is kept for a look, beside a live watch, and reading the times people type."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from bot.settings.units import seconds
from storage.clock import Clock
from storage.errors import DatabaseTrouble

T = TypeVar("T")


def look(folder: Path, clock: Clock, work: Callable[..., Awaitable[T]]) -> T:
    """Run `work(store)` on a store opened for reading. Raises StoreError when there is none."""
    from storage.store import Store

    if not folder.is_dir():
        raise DatabaseTrouble(f"there is no data folder {folder}: has the watch run yet?")

    async def main() -> T:
        store = await Store.open_reader(folder, clock)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(main())


def instant(text: str, now: datetime) -> datetime:
    """A moment as people write it: "12h" or "2d" ago, "2026-11-24", "2026-11-24 21:30", or ISO 8601.

    Without a zone it is UTC, as in everything that is printed. Raises ValueError.
    """
    if re.fullmatch(r"[\d.]+\s?[dhms].*", text.strip()):
        return now - timedelta(seconds=seconds(text))
    try:
        read = datetime.fromisoformat(text.strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f'{text[:40]!r} is no time; write "2026-11-24 21:30" (UTC), or "12h" for twelve hours ago'
        ) from None
