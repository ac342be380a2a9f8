"""What `try` and `add` need of the outside, handed in by the command line, and one look with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Protocol, TypeVar

from bot.glance import Visitor
from bot.mistakes import Mistake
from bot.settings.shapes import dotted, read_table
from bot.settings.targets import host_of
from bot.stanza import Recognised
from bot.table import Tried
from storage.clock import Clock, scaled_loop
from storage.errors import ConfigError
from storage.model import Authority, HostLimit, Target

T = TypeVar("T")


class Site(Protocol):
    """The outside, for one look: fetches politely, keeps nothing."""

    async def recognise(self, url: str) -> tuple[Recognised, ...]:
        """Ways to watch an address, best first. Raises FeedTrouble when it cannot be had."""
        ...

    async def trial(self, target: Target, *, details: int) -> Tried:
        """What one look at a target yields; troubles are findings."""
        ...

    def settings(self, kind: str) -> type:
        """The keys of a kind's rules. Raises ConfigError when there is no such kind."""
        ...


Opened = Callable[[Visitor], AbstractAsyncContextManager[Site]]


def look(opened: Opened, visitor: Visitor, clock: Clock, work: Callable[[Site], Awaitable[T]]) -> T:
    """Run `work(site)` with a site opened for `visitor`, on a loop that keeps the clock's time."""

    async def main() -> T:
        async with opened(visitor) as site:
            return await work(site)

    with asyncio.Runner(loop_factory=lambda: scaled_loop(clock.speed)) as runner:
        return runner.run(main())


def passing(found: Recognised, site: Site, visitor: Visitor) -> Target:
    """A target for one look at what was recognised; its rules are read as those of a file are."""
    reading = read_table(dict(found.rules), site.settings(found.kind))
    if reading.value is None:
        fault = reading.faults[0]
        raise ConfigError(str(Mistake(why=fault.why, table=f"kind {found.kind}", key=dotted(fault.path))))
    limits = dict(visitor.hosts)
    return Target(
        name="try",
        kind=found.kind,
        url=found.url,
        authority=Authority(legal_basis="one look", authorised_by="the admin", review_after=date.max),
        rules=reading.value,
        host_limit=limits.get(host_of(found.url), HostLimit()),
    )
