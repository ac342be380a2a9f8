"""Of two cards of one item somebody took one and gives it back: somebody else hears of the item in time."""

from __future__ import annotations

import pytest

from storage.duties import act, by_clock, due, state
from storage.duty import LEVELS_S, Act
from storage.model import Alert, Tier
from storage.store import Store
from tests.storage.kit import HandClock
from tests.storage.test_membership import again
from tests.storage.test_twins import Pair, does, going, two_cards


async def passed_on(store: Store, clock: HandClock, times: int) -> Pair:
    """Two urgent cards of one item, of which the earlier went further that often."""
    one, earlier, other, later = await two_cards(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    for seconds in LEVELS_S[:times]:
        clock.tick(seconds)
        for step in await due(store.vault.database, clock.now()):
            await act(store.vault, by_clock(step))
    return one, earlier, other, later


async def steps(store: Store, clock: HandClock) -> list[tuple[str, int]]:
    """What the clock takes further until all that is planned is due, with the level that it leads to."""
    clock.tick(LEVELS_S[-1] + 1)
    planned = await due(store.vault.database, clock.now())
    done = [await act(store.vault, by_clock(step)) for step in planned]
    return [(one.duty.alert_id, one.duty.level) for one in done if one.refusal is None]


async def taken_and_given_back(store: Store, clock: HandClock, alert: Alert) -> None:
    await does(store, clock, alert, Act.ACKNOWLEDGE)
    assert await going(store) == []
    await does(store, clock, alert, Act.UNACKNOWLEDGE)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_one_that_is_given_back_goes_through_every_step_though_the_other_was_passed_on(
    store: Store, clock: HandClock, times: int
) -> None:
    """Failed before: the other's steps were planned, that many of which it had made: of three none."""
    _, earlier, _, later = await passed_on(store, clock, times)
    await taken_and_given_back(store, clock, later)
    stands = await state(store.vault.database, earlier.alert_id)
    assert stands is not None
    assert stands.level == times
    assert await going(store) == [later.alert_id]
    assert await steps(store, clock) == [(later.alert_id, 1), (later.alert_id, 2), (later.alert_id, 3)]


async def test_a_louder_one_that_goes_further_is_not_put_off_by_a_quieter_that_is_given_back(
    store: Store, clock: HandClock
) -> None:
    """Failed before: its three minutes began anew."""
    one, earlier, other, later = await two_cards(store, clock, Tier.NORMAL, Tier.URGENT)
    await again(store, clock, other, Tier.URGENT, one)
    clock.tick(170)
    await does(store, clock, earlier, Act.ACKNOWLEDGE)
    await does(store, clock, earlier, Act.UNACKNOWLEDGE)
    clock.tick(20)
    assert [step.alert_id for step in await due(store.vault.database, clock.now())] == [later.alert_id]
    assert await going(store) == [later.alert_id]
