"""Virtual time around real parts: sockets, database threads, worker processes.

As `virtual.VirtualLoop`, but the loop never jumps while the outside owes an answer:
database and executor threads are counted (`Busy`), and after anything was said on a
socket or pipe the other side gets `PATIENCE_S` real seconds to speak, and as long again
while the machine lets this process wait for its turn. A night of nine hours takes as
long as the work in it.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
import time
from asyncio import selector_events, unix_events
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiosqlite.core

PATIENCE_S = 0.003
"""Real seconds without any event after which a loop with nothing owed counts as idle."""
BREATH_S = 0.0002
"""As much, when nothing was said since it last counted as idle: a process may still end meanwhile."""
LATE_S = 0.002
"""A wait that overran by so much: others have the processor, perhaps the kernel's own network thread."""
LATE_MOST = 5
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
        if not events and (timeout is None or timeout > 0):
            events = self._patiently() or self._owed(timeout)
            if not events and timeout is not None:
                self.loop.virtual_now += timeout
        own = self.loop.own_pipe()  # by it a thread says that it is done, and has no more to say
        if any(key.fd != own for key, _ in events):
            self.loop.said = True
        return events

    def _owed(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """What comes while answers are owed, or while there is no timer to jump to."""
        waited = 0.0
        while self.loop.busy.owed or timeout is None:
            if waited > STUCK_S:
                raise RuntimeError(f"virtual time stands still: {self.loop.busy.owed} answers owed")
            if events := super().select(0.02):
                return events
            waited += 0.02
        return []

    def _patiently(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What comes before the loop counts as idle."""
        if not self.loop.said:
            time.sleep(BREATH_S)
            return super().select(0)
        self.loop.said = False
        for _ in range(LATE_MOST):
            began = time.monotonic()
            events = super().select(PATIENCE_S)
            if events or time.monotonic() - began < PATIENCE_S + LATE_S:
                return events
        return []


class JumpLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self.virtual_now = 0.0
        self.said = True
        self.busy = Busy()
        selector = _PatientSelector()
        selector.loop = self
        super().__init__(selector)

    def own_pipe(self) -> int:
        """Descriptor by which threads wake the loop."""
        return self._ssock.fileno()  # type: ignore[attr-defined,no-any-return]

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
        with counted_calls(loop.busy, aiosqlite.core.Connection, "_execute", "_connect"), heard(loop):
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


SPEAKING = (
    (selector_events._SelectorSocketTransport, "write"),  # type: ignore[attr-defined]
    (selector_events._SelectorTransport, "close"),  # type: ignore[attr-defined]
    (selector_events.BaseSelectorEventLoop, "_sock_connect"),
    (unix_events._UnixWritePipeTransport, "write"),  # type: ignore[attr-defined]
)
"""Where asyncio speaks to somebody outside the loop, who may answer."""


@contextmanager
def heard(loop: JumpLoop) -> Iterator[None]:
    """While the block runs, the loop notes whenever something is said."""
    kept = [(owner, name, getattr(owner, name)) for owner, name in SPEAKING]

    def noting(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def speaking(*args: Any, **kwargs: Any) -> Any:
            loop.said = True
            return method(*args, **kwargs)

        return speaking

    for owner, name, method in kept:
        setattr(owner, name, noting(method))
    try:
        yield
    finally:
        for owner, name, method in kept:
            setattr(owner, name, method)
