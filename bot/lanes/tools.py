"""What every chat lane is given."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.channel import Card
from bot.desk.tongue import Tongue
from bot.lanes.budget import Purses
from storage.clock import Clock
from storage.model import Alert
from storage.patience import DiskWatch
from storage.store import Store


class Cards(Protocol):
    """Makes the card of an alert for a channel, with its buttons.

    repeat: it may have been told before. marked: the alert's id must stand in the words. sent_at: when
    it is sent, or was where it is edited.
    """

    async def __call__(
        self,
        alert: Alert,
        sheet: bytes,
        channel: str,
        *,
        repeat: bool,
        marked: bool,
        sent_at: datetime | None,
    ) -> Card: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """key: tags buttons. unwritten: tell what no database holds, and the pause to make (0: none).

    say: the language of a channel. acts: whether its buttons reach a desk. tell: a notice to the operators,
    not through this channel. count: one try ended so. moved: a chat has another id from now on.
    """

    store: Store
    clock: Clock
    disk: DiskWatch
    purses: Purses
    key: bytes
    card: Cards
    say: Callable[[str], Tongue]
    acts: Callable[[str], bool]
    sheet: Callable[[Alert], Awaitable[bytes]]
    unwritten: Callable[[str], Awaitable[float]]
    tell: Callable[[str, str], Awaitable[None]]
    count: Callable[[str, str, Alert], None]
    spoke: Callable[[], None]
    moved: Callable[[str, str], None]
    _turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @asynccontextmanager
    async def alone(self, chat: str) -> AsyncIterator[None]:
        """One call at a time in a chat, also where two channels speak in it."""
        async with self._turns[chat]:
            yield
