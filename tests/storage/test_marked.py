"""Many hashes asked of the known ones at once find exactly what comparing them one by one finds."""

from __future__ import annotations

import random

import pytest

from storage.marked import Marked
from storage.model import Tier
from storage.similar import PictureIndex, Seen
from storage.turns import distance_bits, turned


def made(chosen: random.Random) -> str:
    return f"{chosen.getrandbits(256):064x}"


def near(pdq: str, bits: int, chosen: random.Random) -> str:
    value = int(pdq, 16)
    for bit in chosen.sample(range(256), bits):
        value ^= 1 << bit
    return f"{value:064x}"


@pytest.mark.parametrize("count", [1, 40, 4_500])
def test_the_nearest_way_of_every_known_hash_is_found(count: int) -> None:
    chosen, marked = random.Random(count), Marked()
    kept = [made(chosen) for _ in range(count)]
    for number, pdq in enumerate(kept):
        marked.add(pdq, number // 2)  # two hashes of one picture
    some = chosen.sample(range(count), min(count, 9))
    asked = [
        near(turned(kept[at])[at % 8], bits, chosen) for at, bits in zip(some, range(20, 60), strict=False)
    ]
    wanted: dict[int, int] = {}
    for at in some:
        best = min(distance_bits(way, pdq) for pdq in asked for way in turned(kept[at]))
        if best <= 48:
            wanted[at // 2] = min(best, wanted.get(at // 2, 256))
    assert {owner: bits for bits, owner, _ in marked.near(asked, 48)} == wanted


def test_nothing_is_asked_of_nothing() -> None:
    marked = Marked()
    assert marked.near(["0" * 64], 48) == []
    marked.add("0" * 64, 1)
    assert marked.near([], 48) == []


def test_only_known_pictures_are_asked_about_and_what_was_erased_is_not_found() -> None:
    index, chosen = PictureIndex(), random.Random(3)
    tiers = (Tier.HIGH, Tier.NONE, Tier.NORMAL)
    hashes = [made(chosen) for _ in tiers]
    for number, (pdq, tier) in enumerate(zip(hashes, tiers, strict=True)):
        index.add(Seen(sha256=f"{number:064x}", known=f"e{number}", tier=tier, pdqs=(pdq,)))
    asked = [near(pdq, 40, chosen) for pdq in hashes]
    found = index.near_probes(asked, 48, sha256="f" * 64)
    assert [(one.known, one.by, one.distance_bits) for one in found] == [("e0", "pdq", 40), ("e2", "pdq", 40)]
    assert all(one.is_sure and one.turned == "cut or turned a little" for one in found)
    index.forget("e0")
    assert [one.known for one in index.near_probes(asked, 48)] == ["e2"]
