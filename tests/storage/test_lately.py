"""The table of digests that came lately: never wrong about what it knows, and of one size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from storage.lately import Lately
from storage.model import sha256_of

ROOT = Path(__file__).resolve().parents[2]
digests = st.lists(st.integers(0, 60).map(lambda n: sha256_of(b"%d" % n)), max_size=120)


def many(first: int, count: int) -> list[str]:
    return [sha256_of(b"%d" % n) for n in range(first, first + count)]


@given(digests, digests)
def test_only_what_was_added_is_known_and_what_was_discarded_is_not(
    added: list[str], dropped: list[str]
) -> None:
    lately = Lately(64)
    lately.add(added)
    for digest in dropped:
        lately.discard(digest)
    known = {digest for digest in many(0, 61) if digest in lately}
    assert known <= set(added) - set(dropped)


@given(digests)
def test_the_last_sixteen_are_known_in_any_case(added: list[str]) -> None:
    lately = Lately(64)
    fresh = list(dict.fromkeys(added))
    lately.add(fresh)
    assert all(digest in lately for digest in fresh[-16:])


def test_what_comes_again_takes_no_second_place() -> None:
    lately = Lately(16)
    lately.add(many(0, 16))
    for _ in range(20):
        lately.add(many(15, 1))
    assert all(digest in lately for digest in many(0, 16))


def test_it_takes_the_same_room_however_many_came_and_knows_nearly_all_of_the_last() -> None:
    lately = Lately(4_096)
    room = lately.size_bytes
    lately.add(many(0, 20_000))
    assert lately.size_bytes == room == 4_096 * 16
    assert sum(digest in lately for digest in many(18_000, 2_000)) >= 1_960
    assert sum(digest in lately for digest in many(0, 20_000)) <= 4_096


def test_a_discarded_place_is_that_of_one_digest_alone() -> None:
    lately = Lately(16)
    lately.add(many(0, 10))
    lately.discard(many(4, 1)[0])
    assert [digest in lately for digest in many(0, 10)] == [n != 4 for n in range(10)]


def test_places_that_nothing_was_written_to_take_no_memory() -> None:
    """In a process of its own: failed when the table was a bytearray."""
    looked = (
        "import os\nfrom storage.lately import Lately\n"
        "room = lambda: int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')\n"
        "before = room(); table = Lately(2 ** 22); table.add(['ab' * 32]); print(room() - before)"
    )
    told = subprocess.run(
        [sys.executable, "-c", looked], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(told.stdout) < 2**22  # of 64 MB
