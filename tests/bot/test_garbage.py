"""Python's collector during a start: it looks at little at a time, since polls wait meanwhile."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import garbage


@pytest.fixture(autouse=True)
def _collector_as_before() -> Iterator[None]:
    pace, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield
    gc.set_threshold(*pace)
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def test_no_look_at_what_a_start_makes_goes_through_more_than_a_few_thousand_objects() -> None:
    """200,000 at a time took a tenth of a second, and the polls of that time began in the next."""
    looks: list[int] = []

    def note(phase: str, told: dict[str, int]) -> None:
        if phase == "start":
            looks.append(sum(len(gc.get_objects(generation=g)) for g in range(told["generation"] + 1)))

    gc.callbacks.append(note)
    garbage.spare_what_is_there()
    kept = [[number] for number in range(200_000)]
    assert len(kept) == 200_000
    assert looks
    assert max(looks) < 20_000


def test_later_on_the_collector_has_its_usual_pace() -> None:
    garbage.spare_what_is_there()
    garbage._settle()
    assert gc.get_threshold() == garbage.THRESHOLDS


_HOLES = """
import sys
from pathlib import Path
from bot import garbage
from tests.fakes.virtual import VirtualLoop

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

async def hours(count):
    import asyncio
    await asyncio.sleep(count * 3600)

loop = VirtualLoop()
garbage.spare(loop, 1.0)
loop.run_until_complete(hours(2))
before = resident()
bodies = [bytes(20_000) for _ in range(2_000)]
kept = bodies[::50]
del bodies
full = resident()
loop.run_until_complete(hours(0.2))
print(full - before, resident() - before)
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library keeps its own house"
)
def test_what_bodies_leave_behind_is_given_back_hours_after_a_start_too() -> None:
    """In a process of its own: how much others have taken before decides where holes are."""
    told = subprocess.run(
        [sys.executable, "-c", _HOLES],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    full, after = map(int, told.stdout.split())
    assert full > 30_000_000
    assert after < full / 4
