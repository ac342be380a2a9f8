"""Python's collector of cycles, tuned for a process that keeps much and makes few cycles.

With ten thousand targets a full collection looks through a million objects and holds the
loop for half a second: no poll begins meanwhile, and all of them in the next second. What
lives as long as the daemon is taken out of its sight (`gc.freeze`); counting of references
frees what is dropped of it all the same. The C library is told to give back what large arrays
and a start leave behind (mallopt(3)), and code that only a start runs is unmapped. For the
daemon's own process only.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import linecache
import os
import re
from collections.abc import Iterator
from pathlib import Path

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
_MADV_DONTNEED = 4
_CODE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-xp [0-9a-f]+ \S+ [1-9]\d* +/")
_WRITTEN = ("Anonymous", "Private_Dirty", "Swap", "Private_Hugetlb")
"""Where pages that are not as they stand in their file are counted: in memory, out of it, or large."""
_SIZE = re.compile(rf"^(Rss|{'|'.join(_WRITTEN)}): +(\d+) kB$", re.MULTILINE)


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
    let_go_of_code()


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
    let_go_of_code()


def let_go_of_code() -> int:
    """Unmap the machine code that was run so far; what is run again is mapped again at once. Bytes let go of.

    A start runs through a great part of each library once (16 MB of code), and none of it is seen again;
    how much of its surroundings the system maps besides depends on how the files lie in its memory. It is
    the system's copy of the files, which it could take back itself, but counts as the process's until then.
    Only code that is as it stands in its file: a page that was written to would be lost.
    """
    given = 0
    try:
        text = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return 0
    for first, last, resident in code_mappings(text):
        _of_the_c_library("madvise", ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MADV_DONTNEED)
        given += resident
    return given


def code_mappings(smaps: str) -> Iterator[tuple[int, int, int]]:
    """(first address, address behind, resident bytes) of each file's code that nobody wrote to.

    smaps: as in https://docs.kernel.org/filesystems/proc.html.
    """
    for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", smaps, flags=re.MULTILINE):
        if (head := _CODE.match(part)) is None:
            continue
        sizes = {key: int(kb) for key, kb in _SIZE.findall(part)}
        if not any(sizes.get(where, 1) for where in _WRITTEN):
            yield int(head[1], 16), int(head[2], 16), 1024 * sizes.get("Rss", 0)


def _trim_for_ever(loop: asyncio.AbstractEventLoop, speed: float) -> None:
    _of_the_c_library("malloc_trim", 0)
    loop.call_later(TRIM_S * speed, _trim_for_ever, loop, speed)


def _of_the_c_library(name: str, *values: int | ctypes.c_void_p | ctypes.c_size_t) -> None:
    """Call a function that glibc has and others have not."""
    try:
        call = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return
    call(*values)
