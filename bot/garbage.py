"""Python's collector of cycles, tuned for a process that keeps much and makes few cycles.

With ten thousand targets a full collection looks through a million objects and holds the
loop for half a second: no poll begins meanwhile, and all of them in the next second. What
lives as long as the daemon is taken out of its sight (`gc.freeze`); counting of references
frees what is dropped of it all the same. The C library is told to give back what large arrays
and a start leave behind (mallopt(3)). For the daemon's own process only.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import linecache
import os

THRESHOLDS = (10_000, 20, 50)
"""Young objects before a look at them, and looks before one at the older ones."""
AT_A_START = (3_000, 3, 1_000)
"""The same while first polls are made. What they make comes to stay, so each look goes through all of it: of
200,000 objects that took a tenth of a second, and polls of that time began in the next."""
SETTLED_S = (45.0, 180.0, 900.0)
"""Real seconds after the start at which what is there has come to stay."""
TRIM_S = 600.0
"""Real seconds between two times at which the C library gives back what lies free amid what is kept: bodies
of all sizes come and go, and the holes that they leave grow for hours. It takes a few milliseconds."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MMAP_BYTES = 256 * 1024
"""Larger blocks have pages of their own. Left alone, glibc raises the bound to 32 MB as such are freed."""
_ARENAS = 2


def one_thread_for_arrays() -> None:
    """Before NumPy is first imported: its second thread takes 11 MB, and the processor of the loop."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def spare(loop: asyncio.AbstractEventLoop, speed: float) -> None:
    """Set the collector's pace, and leave out what was read so far and what a start makes."""
    for option, value in (
        (_M_ARENA_MAX, _ARENAS),
        (_M_MMAP_THRESHOLD, _MMAP_BYTES),
        (_M_TRIM_THRESHOLD, _MMAP_BYTES),
    ):
        _of_the_c_library("mallopt", option, value)
    linecache.clearcache()  # what made classes leave there for tracebacks: a quarter of a megabyte
    gc.set_threshold(*THRESHOLDS)
    gc.collect()
    gc.freeze()
    for after_s in SETTLED_S:
        loop.call_later(after_s * speed, _settle)
    loop.call_later((SETTLED_S[-1] + TRIM_S) * speed, _trim_for_ever, loop, speed)


def sweep() -> None:
    """Drop the cycles that opening the store left: a model for each step of the migrations, 30 MB of them.

    Before targets are taken in, so that they use that room; later on it would stay out of sight.
    """
    gc.collect()
    gc.freeze()


def spare_what_is_there() -> None:
    """Once all targets are taken in: a look at them would hold the loop for a tenth of a second."""
    gc.freeze()
    gc.set_threshold(*AT_A_START)


def _settle() -> None:
    """As `spare` later on, without the long look: cycles already old are kept, and are few."""
    gc.collect(1)
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    _of_the_c_library("malloc_trim", 0)


def _trim_for_ever(loop: asyncio.AbstractEventLoop, speed: float) -> None:
    _of_the_c_library("malloc_trim", 0)
    loop.call_later(TRIM_S * speed, _trim_for_ever, loop, speed)


def _of_the_c_library(name: str, *values: int) -> None:
    """Call a function that glibc has and others have not."""
    try:
        call = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return
    call(*values)
