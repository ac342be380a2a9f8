"""Points are found again by parts of their bits, the rare ones first."""

from __future__ import annotations

import numpy as np

from watchers.picture_features import BYTES, Descriptors
from watchers.picture_tables import PointTables

NEAR_BITS = 56


def points(count: int, seed: int) -> Descriptors:
    return np.random.default_rng(seed).integers(0, 256, (count, BYTES), np.uint8)


def changed(kept: Descriptors, bits: int, seed: int) -> Descriptors:
    """With so many bits of each turned over."""
    chosen = np.random.default_rng(seed)
    spread = np.unpackbits(kept, axis=1)
    for row in spread:
        row[chosen.choice(8 * BYTES, bits, replace=False)] ^= 1
    return np.packbits(spread, axis=1)


def distances(one: Descriptors, two: Descriptors) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    differing = np.unpackbits(one, axis=1)[:, None] != np.unpackbits(two, axis=1)[None]
    count: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = differing.sum(-1)
    return count


def pairs(tables: PointTables, asked: Descriptors, kept: Descriptors) -> set[tuple[int, int]]:
    which, places = tables.near(asked, kept)
    return set(zip(which.tolist(), places.tolist(), strict=True))


def test_only_near_points_are_found_and_nearly_all_of_the_nearest() -> None:
    kept = points(600, 1)
    asked = np.concatenate([changed(kept[:200], 8, 2), changed(kept[200:400], 70, 3)])
    found = pairs(PointTables(), asked, kept)
    every = distances(asked, kept)
    assert all(every[pair] <= NEAR_BITS for pair in found)
    # Eight bits of 256 leave a key of 22 whole in about half of the eight tables.
    assert sum((number, number) in found for number in range(200)) >= 195


def test_what_comes_later_is_found_beside_what_was_there() -> None:
    kept, tables = points(30_000, 4), PointTables()
    for count in (25_000, 25_010, 30_000):
        there = kept[:count]
        asked = np.concatenate([there[:5], there[-5:]])
        found = pairs(tables, asked, there)
        own = [*range(5), *range(count - 5, count)]
        assert {(number, place) for number, place in enumerate(own)} <= found


def test_a_rare_point_is_found_beside_a_thousand_of_one_weave() -> None:
    weave = np.repeat(points(1, 5), 300, axis=0)
    rare = points(20, 6)
    kept = np.concatenate([weave, rare])
    asked = np.concatenate([np.repeat(weave[:1], 980, axis=0), rare])
    which, places = PointTables().near(asked, kept)
    found = set(zip(which.tolist(), places.tolist(), strict=True))
    assert {(980 + number, 300 + number) for number in range(20)} <= found
    assert len(which) <= 100_000  # of the 2,352,000 pairs with a common key


def test_nothing_is_near_where_nothing_is_kept() -> None:
    which, places = PointTables().near(points(10, 7), points(0, 8))
    assert len(which) == len(places) == 0
