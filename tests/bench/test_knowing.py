"""The bench of what is known of a night: a small night of it, and every way in which it could be wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bench import knowing
from bench._ideal import Told, replayed
from nightmarket.exports import Held, Spoken
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
    found = knowing.counts_of(small, told)
    assert [one.name for one in knowing.figures({2: found}) if not one.met] == []
    some, whole = found["seller links: recall of all planted"]
    assert some >= 0.9 * whole


@pytest.mark.slow
def test_a_rough_night_keeps_what_is_promised_too(small: World, tmp_path: Path) -> None:
    found = knowing.counts_of(small, asyncio.run(replayed(tmp_path, small, rough=True)))
    assert [one.name for one in knowing.figures({2: found}, rough=True) if not one.met] == []


@pytest.mark.slow
def test_what_is_not_told_joined_or_linked_costs(small: World, told: Told) -> None:
    mute = knowing.counts_of(small, replace(told, spoken=()))
    assert mute["illicit posts alerted"][0] == 0
    twice = replace(told, spoken=tuple(replace(one, alert_id=one.alert_id + "b") for one in told.spoken))
    again = knowing.counts_of(small, replace(twice, spoken=(*told.spoken, *twice.spoken)))
    assert again["items told again, no louder"][0] > 0
    apart = [replace(one, item_id=f"{at}") for at, one in enumerate(told.held)]
    assert knowing.counts_of(small, replace(told, held=tuple(apart)))["re-posts joined"][0] == 0
    heaped = [replace(one, item_id="one") for one in told.held]
    wrong, posts = knowing.counts_of(small, replace(told, held=tuple(heaped)))["wrong joins"]
    assert wrong > posts / 2
    alone = knowing.counts_of(small, replace(told, sellers={**told.sellers, "sellers": []}))
    assert [alone[promise.name][0] for promise in knowing.PROMISES if "recall" in promise.name] == [0, 0, 0]


def test_the_worst_night_counts_or_all_together_and_nothing_measured_is_no_success() -> None:
    good = {one.name: (0, 10) if one.better == "at most" else (10, 10) for one in knowing.PROMISES}
    pooled = next(one.name for one in knowing.PROMISES if one.pooled)
    bad = {"wrong joins": (5, 10), "re-posts joined": (2, 10), pooled: (0, 2)}
    told = {figure.name: figure.value for figure in knowing.figures({1: good, 2: good | bad})}
    assert (told["wrong joins"], told["re-posts joined"]) == (0.5, 0.2)
    assert told[pooled] == pytest.approx(10 / 12)
    nothing = knowing.figures({1: good | {"re-posts joined": (0, 0)}, 2: good | {pooled: (0, 0)}})
    assert [one.name for one in nothing if not one.met] == ["re-posts joined"]
    assert [one.name for one in knowing.figures({1: good | {pooled: (0, 0)}}) if not one.met] == [pooled]


def test_a_second_card_of_an_item_is_counted_whether_it_is_louder_or_not() -> None:
    """Before, an item that was told twice, louder the second time, was said to be told once."""
    made = make(2, "hour")
    kept = Held(
        evidence_id="0",
        target="t",
        post_id="1",
        url="",
        observation="seen",
        captured_at=made.start,
        item_id="one",
    )
    cards = tuple(
        Spoken(
            alert_id=f"{at}",
            kind="new",
            tier=tier,
            item_id="one",
            evidence_id="0",
            target="t",
            post_id="1",
            url="",
        )
        for at, tier in enumerate(("normal", "high", "high"))
    )
    sellers: dict[str, object] = {"accounts": [], "sellers": []}

    def again(spoken: tuple[Spoken, ...]) -> tuple[int, int]:
        found = knowing.counts_of(made, Told(held=(kept,), spoken=spoken, sellers=sellers))
        return found["items told again, no louder"][0], found["items told again, louder"][0]

    assert [again(cards[:most]) for most in (1, 2, 3)] == [(0, 0), (0, 1), (1, 1)]
