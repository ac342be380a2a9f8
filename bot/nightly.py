"""Verifying the whole store once a day, in a process of its own that gives way to everything.

By day when no target is in its window; after a day and a half at any hour. The child runs at
the lowest processor and disk priority and rests as long as it works, so it takes at most
half of one core. What it found is kept in `<data>/verify.json`, and a restart goes by that
file instead of beginning anew. A fault alerts the admin.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

import structlog

from bot.vitals import Vitals
from storage.clock import Clock, SystemClock
from storage.errors import StoreError
from storage.threads import in_thread
from storage.verified import Verified, keep_result, last_result

log = structlog.get_logger(__name__)

LOOK_S = 600.0
"""Real seconds between two looks whether it is time."""
EVERY = timedelta(hours=20)
AT_LATEST = timedelta(hours=36)
"""After so long it runs at night too: a target without a day must not prevent it for ever."""
SETTLE = timedelta(minutes=30)
"""After a start the first one waits so long."""
_ROOT = Path(__file__).resolve().parents[1]
_IDLE_DISK = ("ionice", "-c", "3")


class Due(Enum):
    """Whether to verify now, with the reason."""

    NOW = "by day, and the last one is long ago"
    OVERDUE = "the last one is too long ago, day or night"
    NIGHT = "a target is being watched"
    RECENT = "the last one is recent"


def due(last: datetime | None, started: datetime, now: datetime, *, night: bool) -> Due:
    """Whether the store is to be verified at `now`. last: the last run; started: of this process. Pure."""
    since = started - EVERY + SETTLE if last is None else max(last, started - EVERY + SETTLE)
    if now - since < EVERY:
        return Due.RECENT
    if not night:
        return Due.NOW
    return Due.OVERDUE if now - since >= AT_LATEST else Due.NIGHT


class Nightly:
    """One per daemon; `run` ends by cancellation, and its child with it."""

    def __init__(
        self, folder: Path, clock: Clock, vitals: Vitals, tell: Callable[[str], Awaitable[None]]
    ) -> None:
        self._folder, self._clock, self._vitals, self._tell = folder, clock, vitals, tell
        self._started = clock.now()

    async def run(self, night: Callable[[], bool]) -> None:
        """Verify when it is time, for ever. night: whether any target is being watched now."""
        last = await in_thread(last_result, self._folder)
        self._show(last)
        while True:
            await self._clock.sleep(LOOK_S * self._clock.speed)
            at = datetime.fromisoformat(last.at) if last is not None else None
            if due(at, self._started, self._clock.now(), night=night()) in (Due.NOW, Due.OVERDUE):
                last = await self.verify()

    async def verify(self) -> Verified:
        """Run it once, keep and show the result, and alert the admin when anything is not whole."""
        began, at = self._clock.monotonic(), self._clock.now()
        found = await in_child(self._folder)
        took_s = round(self._clock.monotonic() - began, 1)
        result = Verified(at=at.isoformat(), took_s=took_s, **found)  # type: ignore[arg-type]
        self._show(result)
        log.info("verified", whole=result.whole, faults=result.faults, took_s=took_s)
        try:
            await in_thread(keep_result, self._folder, result)
        except OSError as error:
            log.error("the result of the verify could not be kept", why=str(error))
        if not result.whole:
            count = f"{result.faults} faults, the first: " if result.faults else ""
            await self._tell(f"verify: the store is not whole: {count}{result.first}. Run nightjar verify")
        return result

    def _show(self, result: Verified | None) -> None:
        if result is not None:
            self._vitals.verified_at_seconds.set(datetime.fromisoformat(result.at).timestamp())
            self._vitals.verify_faults.set(result.faults or (not result.whole))


async def in_child(folder: Path) -> dict[str, object]:
    """Verify in a process of its own; the fields of a `Verified`. The child dies with the wait."""
    lowest = _IDLE_DISK if shutil.which(_IDLE_DISK[0]) else ()
    command = (*lowest, sys.executable, "-m", "bot.nightly", str(folder))
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            stdin=asyncio.subprocess.DEVNULL,
            cwd=_ROOT,
        )
    except OSError as error:  # no memory, no process, no file left for it
        return {"whole": False, "faults": 0, "first": f"the verify did not begin: {error}"}
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _read(told, process.returncode or 0)


def _read(told: bytes, code: int) -> dict[str, object]:
    try:
        found = json.loads(told)
        return {
            "whole": bool(found["whole"]),
            "faults": int(found["faults"]),
            "first": str(found["first"])[:300],
            "tree_size": int(found["tree_size"]),
            "root": str(found["root"]),
        }
    except (ValueError, KeyError, TypeError):
        return {"whole": False, "faults": 0, "first": f"the verify ended early (exit code {code})"}


# --- the child -------------------------------------------------------------------


class _Pace:
    """Called at every step of a verify, from its thread: rests as long as the work took."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._rest = clock, threading.Event()
        self._since = clock.monotonic()

    def __call__(self, _done: int, _total: int) -> None:
        worked = self._clock.monotonic() - self._since
        if worked > 0.02:
            self._rest.wait(worked)
            self._since = self._clock.monotonic()


async def _child(folder: Path) -> dict[str, object]:
    from storage.store import Store
    from storage.verify import verify

    clock = SystemClock()
    try:
        store = await Store.open_reader(folder, clock)
        try:
            report = await verify(store, _Pace(clock))
        finally:
            await store.close()
    except StoreError as error:
        return {"whole": False, "faults": 1, "first": str(error), "tree_size": 0, "root": ""}
    first = report.broken[0] if report.broken else None
    return {
        "whole": report.whole,
        "faults": report.faults,
        "first": f"{first.kind} {first.what}: {first.why}" if first else "",
        "tree_size": report.tree_size,
        "root": report.root,
    }


if __name__ == "__main__":
    os.nice(19)
    print(json.dumps(asyncio.run(_child(Path(sys.argv[1])))))  # noqa: T201 -- the parent reads it
