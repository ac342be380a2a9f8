"""Bounds in time for many short waits at once, by one timer for all of them.

`asyncio.timeout_at` costs a request a tenth of its whole way (a timer made, sorted in and
cancelled), and hardly any of them ever rings. Here a wait is a member of a set, looked over a
few times a second while it is not empty; what is overdue is cancelled and raises TimeoutError
at its own place, up to `TICK_S` late. Time for which the loop was busy with something else does not
count: an answer may lie in the socket meanwhile, and a host is not down because we are slow.
Used in one loop only.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

TICK_S = 0.25


class Deadline:
    """One bounded wait, as a context: leaving it overdue raises TimeoutError. Used once."""

    __slots__ = ("_all", "_cancelling", "_task", "lost_before_s", "passed", "until")

    def __init__(self, everyone: Deadlines, until: float) -> None:
        self._all, self.until = everyone, until
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self.lost_before_s = everyone.away_s()
        self.passed = False

    def __enter__(self) -> Self:
        self._task = task = asyncio.current_task(self._all.loop)
        if task is None:
            raise RuntimeError("a deadline bounds a task")
        self._cancelling = task.cancelling()
        self._all.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all.drop(self)
        if not self.passed or self._task is None:
            return
        # As asyncio.Timeout does it: our own cancellation is taken back, anybody else's stays.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def ring(self) -> None:
        """It is overdue: stop the wait."""
        self.passed = True
        if self._task is not None:
            self._task.cancel()


class Deadlines:
    """All bounded waits of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waits: set[Deadline] = set()
        self._ticking = False
        self._due = 0.0
        self.lost_s = 0.0
        """For how long the loop was late for us, all in all."""

    def until(self, moment: float) -> Deadline:
        """A wait that may last to that loop time."""
        return Deadline(self, moment)

    def away_s(self) -> float:
        """For how long the loop was late for us so far, what the timer has not come to tell included."""
        return self.lost_s + (max(0.0, self.loop.time() - self._due) if self._ticking else 0.0)

    def add(self, wait: Deadline) -> None:
        """A wait begins."""
        self._waits.add(wait)
        if not self._ticking:
            self._tick_later()

    def drop(self, wait: Deadline) -> None:
        """A wait is over."""
        self._waits.discard(wait)

    def _tick_later(self) -> None:
        self._ticking, self._due = True, self.loop.time() + TICK_S
        self.loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self.loop.time()
        self.lost_s += max(0.0, now - self._due)
        counted = now - self.lost_s
        for wait in [wait for wait in self._waits if wait.until - wait.lost_before_s <= counted]:
            self._waits.discard(wait)
            wait.ring()
        self._ticking = False
        if self._waits:
            self._tick_later()
