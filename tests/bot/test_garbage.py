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


_MAPPINGS = """\
7f0000000000-7f0000010000 r--p 00000000 fe:00 12 /lib/a.so
Rss:                  64 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
7f0000010000-7f0000050000 r-xp 00010000 fe:00 12 /lib/a.so
Size:                256 kB
Rss:                 128 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me sd
7f0000050000-7f0000060000 rw-p 00050000 fe:00 12 /lib/a.so
Rss:                  64 kB
Private_Dirty:        64 kB
Anonymous:            64 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
7f0000100000-7f0000140000 r-xp 00000000 fe:00 13 /lib/with a breakpoint.so
Rss:                 256 kB
Private_Dirty:         4 kB
Anonymous:             4 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
7f0000200000-7f0000240000 r-xp 00000000 00:00 0
Rss:                 256 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
7f0000300000-7f0000340000 rwxp 00000000 fe:00 14 /lib/jit.so
Rss:                 256 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
7f0000400000-7f0000402000 r-xp 00000000 00:00 0 [vdso]
Rss:                   8 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
7f0000600000-7f0000640000 r-xp 00000000 fe:00 16 /lib/with a breakpoint that was swapped out.so
Rss:                 128 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
Private_Hugetlb:       0 kB
Swap:                  4 kB
7f0000700000-7f0000a00000 r-xp 00000000 00:0f 17 /dev/hugepages/code
Rss:                   0 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
Private_Hugetlb:    2048 kB
Swap:                  0 kB
7f0000500000-7f0000540000 r-xp 00000000 fe:00 15 /lib/its facts are cut off.so
Rss:                 256 kB
"""


def test_only_code_as_it_stands_in_its_file_is_let_go_of() -> None:
    found = list(garbage.code_mappings(_MAPPINGS))
    assert found == [(0x7F0000010000, 0x7F0000050000, 128 * 1024)]
    assert list(garbage.code_mappings("")) == []


_CODE = """
from pathlib import Path
from bot import garbage

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

import hashlib, sqlite3
import numpy
from PIL import Image
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

def work():
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    signed = key.sign(b"words")
    key.public_key().verify(signed, b"words")
    total = sqlite3.connect(":memory:").execute("SELECT 40 + 2").fetchone()[0]
    grey = numpy.asarray(Image.new("L", (64, 64), 7)).sum()
    return signed.hex(), total, int(grey), hashlib.sha256(b"words").hexdigest()

first, before = work(), resident()
given = garbage.let_go_of_code()
between = resident()
again = work()
garbage.let_go_of_code()
assert work() == again == first
print(given, before - between)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="this system tells of no mappings")
def test_code_that_a_start_ran_is_let_go_of_and_runs_again_as_before() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _CODE],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    given, less = map(int, told.stdout.split())
    assert given > 4_000_000
    assert less > given / 2
