"""What should have gone further long ago, when there was no desk, speaks for no other card of its item."""

from __future__ import annotations

from storage import lanes
from storage.duties import LAPSED
from storage.duty import LEVELS_S
from storage.lane_words import Intent
from storage.model import Tier
from storage.store import Store
from tests.storage.kit import HandClock
from tests.storage.test_items import judged, sealed, told
from tests.storage.test_membership import again
from tests.storage.test_twins import going, probed

LONG_S = LAPSED.total_seconds() + LEVELS_S[-1]


async def test_one_that_lapsed_does_not_end_the_other(store: Store, clock: HandClock) -> None:
    """Failed before: the earlier was to go further and could not, and the later did not."""
    one = await sealed(store, clock, "1")
    earlier = await judged(store, clock, one, Tier.URGENT)
    clock.tick(LONG_S)
    other = await sealed(store, clock, "2")
    later = await judged(store, clock, other, Tier.URGENT)
    assert earlier is not None
    assert later is not None
    await told(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    assert later.alert_id in await going(store)


async def test_one_that_lapsed_goes_further_in_place_of_one_that_did_not_arrive(
    store: Store, clock: HandClock
) -> None:
    """Failed before: it counted as going further, and the one that did was withdrawn."""
    one = await sealed(store, clock, "1")
    earlier = await judged(store, clock, one, Tier.URGENT)
    await told(store, clock)
    clock.tick(LONG_S)
    other = await sealed(store, clock, "2")
    await judged(store, clock, other, Tier.URGENT)
    (lost,) = await store.deliveries_due("chat", clock.now())
    intent = Intent(chat="1", after=1, form="text")
    await lanes.intend(store.vault, lost.delivery_id, clock.now(), intent, repeat=False)
    await again(store, clock, other, Tier.URGENT, one)
    await probed(store, clock, sure=True)
    sql = "SELECT DISTINCT alert_id FROM escalation WHERE done_at IS NULL AND due_at > ?"
    rows = await store.vault.database.rows(sql, (int(clock.now().timestamp() * 1_000_000),))
    assert earlier is not None
    assert [row[0] for row in rows] == [earlier.alert_id]
