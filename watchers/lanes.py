"""What of one target waits to be captured, by how soon it may vanish."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

FRESH, REST, FIRST = 0, 1, 2
"""Kinds of captures: see `Job`."""


class Job(Protocol):
    """A capture to do. listed_at: when its post was listed.

    fresh: the post appeared since the last poll. first: it stood in the target's very first listing.
    """

    @property
    def fresh(self) -> bool: ...
    @property
    def first(self) -> bool: ...
    @property
    def listed_at(self) -> datetime: ...


@dataclass(slots=True, eq=False)
class Lane:
    """The captures of one target. Heaps of (age rank, number, job): fresh, the rest, first listing."""

    name: str
    host: str
    work: Callable[[Any], Awaitable[None]]
    heaps: tuple[list[tuple[float, int, Any]], ...] = field(default_factory=lambda: ([], [], []))
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    asking: int = 0
    """Of these tasks, those that may still ask the host for something."""
    unbegun: dict[asyncio.Task[None], tuple[float, int, Any]] = field(default_factory=dict)
    """What tasks that have not run yet are to do: one that is cancelled so early has done nothing."""
    queued: list[bool] = field(default_factory=lambda: [False, False, False])
    rounds: list[int] = field(default_factory=lambda: [0, 0, 0])
    """In which round each kind is served next: one more each time (start-time fair queueing, Goyal 1996)."""
    stopped: bool = False

    @property
    def waiting(self) -> int:
        """Captures that have not begun."""
        return sum(map(len, self.heaps))


def kind_of(job: Job) -> int:
    """Which of a lane's heaps a capture waits in."""
    if job.fresh:
        return FRESH
    return FIRST if job.first else REST
