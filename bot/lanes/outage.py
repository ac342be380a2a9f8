"""A chat that cannot be told: how long it rests, who is told instead, and when it is over.

Rows are kept. After half a minute urgent alerts go to the fallback channel too, urgent and high ones
at once when the bot was shut out; the operators are told once an hour.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from bot.channel import ChatChannel
from bot.lanes.tools import Tools
from storage import lanes
from storage.clock import Clock
from storage.errors import NotSent
from storage.model import Tier
from storage.store import Store

log = structlog.get_logger(__name__)

TOLD_AFTER_S = 30.0
LONGEST_PAUSE_S = 15.0
Tell = Callable[[str, str], Awaitable[None]]
"""What is to be told about which channel."""


class Outage:
    """Troubles of one chat in a row."""

    def __init__(self, name: str, channel: ChatChannel, tools: Tools) -> None:
        self._name, self._channel, self._tools = name, channel, tools
        self._since: datetime | None = None
        self._failures = 0
        self._told = False

    async def failed(self, error: NotSent, *, shut: bool) -> float:
        """Another try failed; seconds until the next one."""
        now = self._tools.clock.now()
        self._since = self._since or now
        self._failures += 1
        if shut or (now - self._since).total_seconds() >= TOLD_AFTER_S:
            await self._lend(error, shut=shut)
        if shut:
            return error.retry_after_s or 60.0
        return min(2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE_S)

    async def _lend(self, error: NotSent, *, shut: bool) -> None:
        store, other = self._tools.store, self._channel.fallback
        lent = 0
        if other:
            rank = Tier.HIGH.rank if shut else Tier.URGENT.rank
            lent = await lanes.lend(store.vault, self._name, other, rank=rank)
        if not self._told:
            self._told = True
            since = self._since or self._tools.clock.now()
            waiting = await lanes.depth(store.vault, self._name)
            text = _words(self._name, f"{since:%H:%M:%SZ}", waiting, shut=shut)
            whither = f"{lent} alerts go to {other}" if other else "there is no fallback"
            await self._tools.tell(self._name, f"{text}; {whither} ({error})")
        if lent:
            log.warning("alerts go to the fallback channel", channel=self._name, fallback=other, alerts=lent)
            self._tools.spoke()

    async def over(self) -> None:
        """A call succeeded."""
        if self._told and self._since is not None:
            took = (self._tools.clock.now() - self._since).total_seconds() / 60
            await self._tools.tell(
                self._name, f"channel {self._name} is told again, after {took:.0f} minutes"
            )
        self._since, self._failures, self._told = None, 0, False


class Unreached:
    """Troubles in a row of a channel that is no chat: its rows wait, and the operators are told of it once.

    tell: has the other channels say something about this one.
    """

    def __init__(self, name: str, store: Store, clock: Clock, tell: Tell) -> None:
        self._name, self._store, self._clock, self._tell = name, store, clock, tell
        self._since: datetime | None = None
        self._told = False

    async def failed(self, why: str) -> None:
        """Another try failed."""
        now = self._clock.now()
        self._since = self._since or now
        if not self._told and (now - self._since).total_seconds() >= TOLD_AFTER_S:
            self._told = True
            waiting = await lanes.depth(self._store.vault, self._name)
            text = _words(self._name, f"{self._since:%H:%M:%SZ}", waiting, shut=False)
            await self._tell(self._name, f"{text}; there is no fallback ({why})")

    async def over(self) -> None:
        """Something was told there."""
        if self._told and self._since is not None:
            took = (self._clock.now() - self._since).total_seconds() / 60
            await self._tell(self._name, f"channel {self._name} is told again, after {took:.0f} minutes")
        self._since, self._told = None, False


def _words(name: str, since: str, waiting: int, *, shut: bool) -> str:
    if shut:
        return f"the bot is shut out of channel {name} since {since}, {waiting} alerts wait"
    return f"channel {name} cannot be reached since {since}, {waiting} alerts wait"
