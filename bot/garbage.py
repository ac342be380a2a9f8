"""Python's collector of cycles, tuned for a process that keeps much and makes few cycles.

With ten thousand targets a full collection looks through a million objects and holds the
loop for half a second: no poll begins meanwhile, and all of them in the next second. What
lives as long as the daemon is taken out of its sight (`gc.freeze`); counting of references
frees what is dropped of it all the same. For the daemon's own process only.
"""

from __future__ import annotations

import asyncio
import gc

THRESHOLDS = (10_000, 20, 50)
"""Young objects before a look at them, and looks before one at the older ones."""
SETTLED_S = (45.0, 180.0, 900.0)
"""Real seconds after the start at which what is there has come to stay."""


def spare(loop: asyncio.AbstractEventLoop, speed: float) -> None:
    """Set the collector's pace, and leave out what was read so far and what a start makes."""
    gc.set_threshold(*THRESHOLDS)
    gc.collect()
    gc.freeze()
    for after_s in SETTLED_S:
        loop.call_later(after_s * speed, _settle)


def _settle() -> None:
    """As `spare` later on, without the long look: cycles already old are kept, and are few."""
    gc.collect(1)
    gc.freeze()
