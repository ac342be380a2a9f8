"""Alerts that look as if another card spoke for them, and are told."""

from __future__ import annotations

from storage.model import AlertKind, Tier
from storage.store import Store
from tests.storage.kit import HandClock
from tests.storage.test_items import judged, sealed, told
from tests.storage.test_membership import again
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
