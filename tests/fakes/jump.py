"""Virtual time around real parts: sockets, database threads, worker processes.

As `virtual.VirtualLoop`, but the loop never jumps while the outside owes an answer:
database and executor threads are counted (`Busy`), and a socket gets `PATIENCE_S` real
seconds to speak, and as long again while the machine lets this process wait for its turn.
A night of nine hours takes as long as the work in it.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiosqlite.core

PATIENCE_S = 0.002
"""Real seconds without any event after which a loop with nothing owed counts as idle."""
LATE_S = 0.001
"""A wait that overran by so much: others have the processor, perhaps the kernel's own network thread."""
LATE_MOST = 20
STUCK_S = 120.0


class Busy:
    """How many answers the real world owes."""

    def __init__(self) -> None:
        self.owed = 0

    @contextmanager
    def owing(self) -> Iterator[None]:
        """Count one answer while the block runs."""
        self.owed += 1
        try:
            yield
        finally:
            self.owed -= 1

    def counted(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """The async function `call`, counted while it is awaited."""

        @functools.wraps(call)
        async def counting(*args: Any, **kwargs: Any) -> Any:
            with self.owing():
                return await call(*args, **kwargs)

        return counting


class _PatientSelector(selectors.DefaultSelector):
    loop: JumpLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        for _ in range(LATE_MOST):
            began = time.monotonic()
            events = super().select(PATIENCE_S)
            if events or time.monotonic() - began < PATIENCE_S + LATE_S:
                break
        waited = PATIENCE_S
        while not events and (self.loop.busy.owed or timeout is None):
            if waited > STUCK_S:
                raise RuntimeError(f"virtual time stands still: {self.loop.busy.owed} answers owed")
            events = super().select(0.02)
            waited += 0.02
        if not events and timeout is not None:
            self.loop.virtual_now += timeout
        return events


class JumpLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self.virtual_now = 0.0
        self.busy = Busy()
        selector = _PatientSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.virtual_now

    def run_in_executor(  # type: ignore[override]  # typeshed's type variables
        self, executor: Any, func: Any, *args: Any
    ) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self.busy.owed += 1
        future.add_done_callback(self._paid)
        return future

    def _paid(self, _future: asyncio.Future[Any]) -> None:
        self.busy.owed -= 1


class JumpClock:
    """The clock of a `JumpLoop`: it was `start` when the loop's time was 0."""

    speed = 1e6
    """Libraries that read the machine's clock (asyncio-throttle) must not hold up virtual time."""

    def __init__(self, loop: JumpLoop, start: datetime) -> None:
        self._loop, self._start = loop, start.astimezone(UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.virtual_now)

    def monotonic(self) -> float:
        return self._loop.virtual_now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_jumping(main: Callable[[JumpLoop], Coroutine[Any, Any, Any]]) -> Any:
    """Run `main(loop)` on a new jumping loop and return its result."""
    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, JumpLoop)
        with counted_calls(loop.busy, aiosqlite.core.Connection, "_execute", "_connect"):
            return runner.run(main(loop))


@contextmanager
def counted_calls(busy: Busy, owner: type, *names: str) -> Iterator[None]:
    """While the block runs, awaited calls of these methods count as answers owed."""
    kept = {name: getattr(owner, name) for name in names}
    for name, method in kept.items():
        setattr(owner, name, busy.counted(method))
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(owner, name, method)
