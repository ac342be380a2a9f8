"""The picture index is exact, and the same below and above the size where numpy takes over."""

from __future__ import annotations

import random
import subprocess
import sys
from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import parts, similar
from storage.model import Tier, sha256_of
from storage.similar import PictureIndex, Seen
from storage.turns import turned

HASHES = st.integers(0, (1 << 64) - 1)


def name_of(number: int) -> str:
    return sha256_of(b"%d" % number)


def seen(sha256: str, phash: str, known: str, tier: Tier, label: str = "") -> Seen:
    return Seen(sha256=sha256, phash=phash, known=known, tier=tier, label=label)


def filled(values: list[int]) -> PictureIndex:
    index = PictureIndex()
    for number, value in enumerate(values):
        index.add(seen(name_of(number), f"{value:016x}", f"evidence-{number}", Tier.HIGH))
    return index


@settings(deadline=None)  # the first call loads numpy
@given(st.lists(HASHES, max_size=40), HASHES, st.integers(0, 64), st.booleans())
def test_exactly_the_near_ones_are_found(values: list[int], wanted: int, bits: int, fast: bool) -> None:
    index = filled(values)
    search = index._fast if fast else index._plain
    expected = [
        ((wanted ^ v).bit_count(), n) for n, v in enumerate(values) if (wanted ^ v).bit_count() <= bits
    ]
    assert sorted(search(wanted, bits)) == sorted(expected)


def test_the_nearest_comes_first_and_says_what_it_is() -> None:
    index = PictureIndex()
    index.add(seen(name_of(1), "00000000000000ff", "evidence-1", Tier.NORMAL))
    index.add(seen(name_of(2), "0000000000000001", "gallery:casque.jpg", Tier.HIGH, label="casque"))
    first, second = index.near("0" * 16, 8, sha256=name_of(9))
    assert (first.known, first.distance_bits, first.label, first.known_tier) == (
        "gallery:casque.jpg",
        1,
        "casque",
        Tier.HIGH,
    )
    assert (first.sha256, first.known_sha256) == (name_of(9), name_of(2))
    assert (second.known, second.distance_bits) == ("evidence-1", 8)
    assert index.near("0" * 16, 0) == ()


def test_what_the_longer_hash_calls_another_picture_is_only_to_be_looked_at() -> None:
    index, pdq = PictureIndex(), "0" * 64
    for number, bits in enumerate((0, 64, 65, None)):
        held = () if bits is None else (f"{(1 << bits) - 1:064x}",)
        index.add(replace(seen(name_of(number), "0" * 16, f"evidence-{number}", Tier.HIGH), pdqs=held))
    found = {match.known: match for match in index.near("0" * 15 + "3", 8, pdqs=(pdq,))}
    assert [found[f"evidence-{n}"].is_sure for n in range(4)] == [True, True, False, True]
    assert (found["evidence-2"].by, found["evidence-2"].distance_bits) == ("pdq", 65)
    assert all(match.is_sure for match in index.near("0" * 15 + "3", 8))  # with one hash alone
    assert all(match.by == "phash" for match in index.near("0" * 14 + "3f", 8, pdqs=(pdq,)))  # no doubt there


def test_a_logo_on_every_page_does_not_fill_the_index() -> None:
    index = PictureIndex()
    for number in range(1_000):
        index.add(seen(name_of(7), "f" * 16, f"evidence-{number}", Tier.NONE))
    index.add(seen(name_of(7), "f" * 16, "gallery:logo.png", Tier.HIGH, label="logo"))
    assert len(index) == 5
    assert {m.known for m in index.near("f" * 16, 0)} == {
        "evidence-0", "evidence-1", "evidence-2", "evidence-3", "gallery:logo.png",
    }  # fmt: skip


def test_the_index_grows_past_the_change_of_method() -> None:
    chosen = random.Random(3)
    values = [chosen.getrandbits(64) for _ in range(similar._PLAIN_UP_TO + 10)]
    index = filled(values)
    assert index.near(f"{values[0]:016x}", 0)[0].known == "evidence-0"
    index.add(seen(name_of(10**6), f"{values[0] ^ 1:016x}", "late", Tier.HIGH))
    assert [m.known for m in index.near(f"{values[0]:016x}", 1)] == ["evidence-0", "late"]


@pytest.mark.parametrize(
    ("sha256", "phash"), [(name_of(1), "zz"), ("zz", "0" * 16), (name_of(1), "1" + "0" * 16)]
)
def test_what_is_no_hash_is_refused_and_leaves_no_trace(sha256: str, phash: str) -> None:
    index = PictureIndex()
    with pytest.raises(ValueError, match=r"hash|hexadecimal|base 16"):
        index.add(seen(sha256, phash, "e", Tier.HIGH))
    index.add(seen(name_of(2), "0" * 16, "e", Tier.HIGH))
    assert [m.known_sha256 for m in index.near("0" * 16, 64)] == [name_of(2)]


def test_a_young_index_does_not_load_numpy() -> None:
    code = (
        "import sys; from storage.similar import PictureIndex, Seen; from storage.model import Tier\n"
        "i = PictureIndex()\n"
        "i.add(Seen(sha256='0' * 64, phash='0' * 16, known='e', tier=Tier.HIGH, pdqs=('0' * 64,)))\n"
        "assert i.near('0' * 16, 1) and i.near_pdq(['0' * 64], 64)\n"
        "import storage.store; sys.exit('numpy' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode
        == 0
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(HASHES, max_size=60), HASHES, st.lists(st.integers(0, 63), max_size=12), st.integers(0, 16))
def test_in_order_exactly_the_same_is_found(
    values: list[int], wanted: int, flipped: list[int], bits: int
) -> None:
    close = wanted
    for bit in flipped:
        close ^= 1 << bit
    index = filled([*values, close])
    before = index.near(f"{wanted:016x}", bits)
    index.settle()
    assert index.near(f"{wanted:016x}", bits) == before
    index.add(seen(name_of(10**6), f"{wanted:016x}", "late", Tier.HIGH))
    assert [m.known for m in index.near(f"{wanted:016x}", bits)][-len(before) - 1 :].count("late") == 1


@pytest.mark.parametrize("ordered", [False, True])
def test_of_many_all_are_found_and_a_logo_among_them_counts_four_times(ordered: bool) -> None:
    chosen, index = random.Random(4), PictureIndex()
    values = [chosen.getrandbits(64) for _ in range(70_000)]
    rows = [(name_of(n), f"{v:016x}", f"{n:032x}", Tier.NONE) for n, v in enumerate(values, 1)]
    logo = [(name_of(10**9), "f" * 16, f"{n:032x}", Tier.NONE) for n in range(10**6, 10**6 + 20)]
    index.fill(seen(*row) for row in (*rows, *logo, logo[0]))
    assert index.unsifted
    index.sift()
    assert not index.unsifted
    if ordered:
        index.settle()
    assert not index.unsettled
    assert [m.known for m in index.near("f" * 16, 0)] == [row[2] for row in logo[:4]]
    index.add(seen(name_of(10**9), "f" * 16, f"{7:032x}", Tier.NONE))
    assert len(index.near("f" * 16, 0)) == 4
    for number in (0, 35_000, 69_999):
        near = values[number] ^ (1 << 3 | 1 << 30 | 1 << 60)
        assert [m.known for m in index.near(f"{near:016x}", 8)] == [f"{number + 1:032x}"]
    index.forget(f"{35_001:032x}")
    assert index.near(f"{values[35_000]:016x}", 8) == ()


def test_a_mirrored_copy_is_found_by_its_pdq_and_said_to_be_mirrored() -> None:
    index, chosen = PictureIndex(), random.Random(5)
    hashes = [f"{chosen.getrandbits(256):064x}" for _ in range(20)]
    for number, pdq in enumerate(hashes):
        index.add(Seen(sha256=name_of(number), known=f"e{number}", tier=Tier.HIGH, pdqs=(pdq, hashes[0])))
    (first, *others) = index.near_pdq([turned(hashes[7])[1]], 31, sha256=name_of(99))
    assert (first.known, first.by, first.distance_bits, first.turned) == ("e7", "pdq", 0, "mirrored")
    assert others == []
    assert len(index.near_pdq([hashes[0]], 0)) == 20
    index.forget("e7")
    assert index.near_pdq([hashes[7]], 31) == ()
    assert index.near("0" * 16, 64) == ()  # they have no phash, and none may be made up


@pytest.mark.parametrize("count", [1, 100, 70_000])
def test_the_order_of_few_hashes_takes_little_room(count: int) -> None:
    """Full tables took 34 MB from the first settling on, which a watch of two hours reached."""
    rng = np.random.default_rng(count)
    hashes = array("Q", rng.integers(0, 1 << 64, count, dtype=np.uint64).tobytes())
    made = parts.ordered(hashes)
    assert sum(part.nbytes for part in (*made.places, *made.begins)) <= 36 * count + 64
    values = np.array(hashes, dtype=np.uint64)
    for bits in (0, 5, 8, 11):
        wanted = int(hashes[count // 2]) ^ sum(1 << bit for bit in rng.permutation(64)[:bits].tolist())
        distances = np.bitwise_count(values ^ np.uint64(wanted))
        near = {(int(distances[at]), int(at)) for at in np.flatnonzero(distances <= bits)}
        assert set(made.near(hashes, wanted, bits)) == near


def test_what_comes_in_two_hours_of_a_night_is_not_put_in_order_and_is_found_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Put in order at 65,536 it took 4.6 MB more from one post to the next, and longer to search."""
    assert similar._LOOSE > 3 * 36_000
    monkeypatch.setattr(similar, "_LOOSE", 6_000)
    chosen, index = random.Random(8), PictureIndex()
    values = [chosen.getrandbits(64) for _ in range(6_001)]
    for number, value in enumerate(values):
        assert not index.unsettled
        index.add(seen(name_of(number), f"{value:016x}", f"{number:032x}", Tier.NONE))
    assert index.unsettled
    index.settle()
    assert not index.unsettled
    for number in (0, 3_000, 6_000):
        near = values[number] ^ (1 << 5 | 1 << 50)
        assert [m.known for m in index.near(f"{near:016x}", 8)] == [f"{number:032x}"]


def test_the_same_bytes_count_once_under_one_name_and_four_times_in_all_among_many() -> None:
    chosen, index = random.Random(9), PictureIndex()
    for number in range(5_000):
        index.add(seen(name_of(number), f"{chosen.getrandbits(64):016x}", f"{number:032x}", Tier.NONE))
    before = len(index)
    for number in (100, 100, *range(200, 220)):
        index.add(seen(name_of(77), "f" * 16, f"{number:032x}", Tier.NONE))
    assert len(index) == before + 3  # one stands there with a hash of its own
    assert [m.known for m in index.near("f" * 16, 0)] == [f"{n:032x}" for n in (100, 200, 201)]
