"""Near PDQ hashes are found exactly, in every way a picture can lie, by each of the three methods."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.fingerprints import Fingerprints
from storage.turns import TURNS, distance_bits, hex_of, turned, words_of

HASHES = st.integers(0, (1 << 256) - 1).map(lambda value: f"{value:064x}")


def brute(hashes: list[str], wanted: str, max_bits: int) -> set[tuple[int, int]]:
    """(distance, number) over all eight turns, the plain way."""
    ways = turned(wanted)
    nearest = [(min(distance_bits(one, way) for way in ways), at) for at, one in enumerate(hashes)]
    return {(bits, at) for bits, at in nearest if bits <= max_bits}


def near_copies(chosen: random.Random, count: int) -> tuple[list[str], str]:
    """Hashes of which many are 0 to 70 bits from some turn of the one that is asked for."""
    wanted = f"{chosen.getrandbits(256):064x}"
    hashes = []
    for _ in range(count):
        value = int(chosen.choice(turned(wanted)), 16)
        for bit in chosen.sample(range(256), chosen.randrange(71)):
            value ^= 1 << bit
        hashes.append(f"{value if chosen.random() < 0.5 else chosen.getrandbits(256):064x}")
    return hashes, wanted


@given(HASHES)
def test_words_hold_all_of_a_hash(pdq: str) -> None:
    assert hex_of(words_of(pdq)) == pdq


@given(HASHES)
def test_each_turn_comes_back(pdq: str) -> None:
    ways = turned(pdq)
    assert ways[0] == pdq
    for number in range(5):  # these five undo themselves
        assert turned(ways[number])[number] == pdq
    assert {way for one in ways for way in turned(one)} == set(ways)


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(0, 130))
def test_what_is_found_is_what_comparing_all_would_find(chosen: random.Random, max_bits: int) -> None:
    hashes, wanted = near_copies(chosen, 40)
    index = Fingerprints()
    for at, pdq in enumerate(hashes):
        index.add(pdq, at)
    expected = brute(hashes, wanted, max_bits)
    for search in (index._plain, index._fast):
        found = search(words_of(wanted), max_bits)
        assert {(bits, at) for bits, at, _ in found} == expected
        for bits, at, turn in found:
            assert distance_bits(turned(wanted)[turn], hashes[at]) == bits


@pytest.mark.parametrize("max_bits", [0, 12, 31, 64])
def test_bands_and_what_came_after_them_find_the_same(max_bits: int) -> None:
    chosen = random.Random(max_bits)
    hashes, wanted = near_copies(chosen, 3_000)
    index = Fingerprints(flat_up_to=500)
    for at, pdq in enumerate(hashes):
        index.add(pdq, at)
        if at == 2_500:
            assert index.unsettled
            index.settle()
            assert not index.unsettled
    assert {(bits, at) for bits, at, _ in index.near(wanted, max_bits)} == brute(hashes, wanted, max_bits)


def test_the_distance_to_one_owner_is_that_of_its_nearest_hash() -> None:
    chosen, index = random.Random(4), Fingerprints()
    held = {owner: [f"{chosen.getrandbits(256):064x}" for _ in range(owner % 3)] for owner in range(12)}
    for owner, pdqs in held.items():
        for pdq in pdqs:
            index.add(pdq, owner)
    asked = [f"{chosen.getrandbits(256):064x}" for _ in range(2)]
    for owner, pdqs in held.items():
        nearest = min((distance_bits(a, b) for a in asked for b in pdqs), default=None)
        assert index.bits(asked, owner) == nearest
    assert index.bits((), 1) is None


def test_a_turn_has_a_name_that_people_understand() -> None:
    assert TURNS[0].called == ""
    assert TURNS[1].called == "mirrored"


@pytest.mark.parametrize("wrong", ["", "ff", "g" * 64, "0" * 65])
def test_what_is_no_pdq_hash_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"PDQ|base 16"):
        Fingerprints().add(wrong, 0)
