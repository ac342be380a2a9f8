"""The bench of what is known of a night: a small night of it, and every way in which it could be wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bench import knowing
from bench._ideal import Told, replayed
from nightmarket.model import World
from nightmarket.world import make

ORDINARY = 40


@pytest.fixture(scope="module")
def small() -> World:
    """The illicit posts of two rings that show a photograph in several accounts, and innocent ones."""
    world = make(2)
    bad = [a for a in world.adverts if a.ring in (2, 3)]
    good = [a for a in world.adverts if not a.illicit][:ORDINARY]
    return replace(world, adverts=tuple(sorted([*bad, *good], key=lambda a: a.published)))


@pytest.fixture(scope="module")
def told(small: World, tmp_path_factory: pytest.TempPathFactory) -> Told:
    return asyncio.run(replayed(tmp_path_factory.mktemp("night"), small))


@pytest.mark.slow
def test_a_small_night_keeps_what_is_promised(small: World, told: Told) -> None:
    found = knowing.figures_of(small, told)
    assert [one.name for one in knowing.figures({2: found}) if not one.met] == []
    assert found["seller links: recall of all planted"] >= 0.9


@pytest.mark.slow
def test_a_rough_night_keeps_what_is_promised_too(small: World, tmp_path: Path) -> None:
    found = knowing.figures_of(small, asyncio.run(replayed(tmp_path, small, rough=True)))
    assert [one.name for one in knowing.figures({2: found}) if not one.met] == []


@pytest.mark.slow
def test_what_is_not_told_joined_or_linked_costs(small: World, told: Told) -> None:
    mute = knowing.figures_of(small, replace(told, spoken=()))
    assert mute["illicit posts alerted"] == 0
    apart = [replace(one, item_id=f"{at}") for at, one in enumerate(told.held)]
    assert knowing.figures_of(small, replace(told, held=tuple(apart)))["re-posts joined"] == 0
    heaped = [replace(one, item_id="one") for one in told.held]
    assert knowing.figures_of(small, replace(told, held=tuple(heaped)))["wrong joins"] > 0.5
    alone = {**told.sellers, "sellers": []}
    assert (
        knowing.figures_of(small, replace(told, sellers=alone))["seller links: recall of the linkable"] == 0
    )


def test_the_worst_night_counts_and_nothing_measured_is_no_success() -> None:
    good = dict.fromkeys((name for name, _, _ in knowing.PROMISES), 1.0) | {"wrong joins": 0.0}
    worst = knowing.figures({1: good, 2: good | {"wrong joins": 0.5, "re-posts joined": 0.2}})
    told = {figure.name: figure.value for figure in worst}
    assert (told["wrong joins"], told["re-posts joined"]) == (0.5, 0.2)
    nothing = knowing.figures({1: good | {"re-posts joined": float("nan")}, 2: good})
    assert [one.name for one in nothing if not one.met] == ["re-posts joined"]
