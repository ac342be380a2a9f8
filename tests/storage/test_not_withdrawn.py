"""Alerts that look as if another card spoke for them, and are told."""

from __future__ import annotations

from storage.model import AlertKind, Tier
from storage.store import Store
from tests.storage.kit import HandClock
from tests.storage.test_items import judged, match, sealed, told
from tests.storage.test_membership import again, items
from tests.storage.test_twins import going, two_cards
from tests.storage.test_withdrawing import false_alarm


async def test_an_urgent_one_is_told_where_the_card_of_its_item_is_a_quieter_one(
    store: Store, clock: HandClock
) -> None:
    """Failed before: the item was urgent for a false alarm; its only open card made no sound."""
    one, _, other, later = await two_cards(store, clock, Tier.NORMAL, Tier.URGENT)
    await false_alarm(store, clock, later)
    await again(store, clock, other, Tier.URGENT, one)
    await told(store, clock)
    third = await sealed(store, clock, "3")
    urgent = await judged(store, clock, third, Tier.URGENT)
    assert urgent is not None
    await again(store, clock, third, Tier.URGENT, one)
    assert AlertKind.NEW in await told(store, clock)
    assert urgent.alert_id in await going(store)


async def test_a_louder_one_of_another_post_is_told_though_the_first_of_both_is_of_an_item_told_before(
    store: Store, clock: HandClock
) -> None:
    """Failed before: what was said in its place spoke of the first post alone; nobody heard of the louder."""
    known, first, louder = [await sealed(store, clock, number) for number in "123"]
    await judged(store, clock, known, Tier.URGENT)
    await judged(store, clock, first, Tier.NORMAL)
    await told(store, clock)
    urgent = await judged(store, clock, louder, Tier.URGENT, (match(louder, first, 0),))
    assert urgent is not None
    await again(store, clock, first, Tier.NORMAL, known)
    assert len(await items(store)) == 1
    assert AlertKind.NEW in await told(store, clock)
