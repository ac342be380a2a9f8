"""What was withdrawn as surely unsent, and is pressed in its chat all the same, counts as told there."""

from __future__ import annotations

from storage import lanes, tonight
from storage.duty import Act
from storage.lane_words import Place
from storage.model import Tier
from storage.store import Store
from tests.storage.kit import DUSK, HandClock
from tests.storage.test_items import judged, sealed, told
from tests.storage.test_membership import again
from tests.storage.test_twins import does, going, probed, waiting_twin

PLACE = Place(channel="chat", receipt="text:77", message_id=77)


async def test_a_press_on_one_that_was_withdrawn_ends_the_other_s_steps_too(
    store: Store, clock: HandClock
) -> None:
    """Failed before: it stayed withdrawn, and officers were called about what somebody had taken."""
    one, earlier, other, later = await waiting_twin(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    await probed(store, clock, sure=True)
    await told(store, clock)
    assert await going(store) == [earlier.alert_id]
    await lanes.adopt(store.vault, PLACE, later.alert_id, clock.tick())  # its press shows that it is there
    await does(store, clock, later, Act.ACKNOWLEDGE)
    assert await going(store) == []
    rows = await store.vault.database.rows(
        "SELECT state, receipt, why FROM delivery WHERE alert_id = ?", (later.alert_id,)
    )
    assert [tuple(row) for row in rows] == [("delivered", "text:77", "")]
    assert (await tonight.counts(store.vault.database, DUSK)).alerts == {"urgent": 2}


async def test_a_press_says_nothing_of_what_a_channel_never_tried(store: Store, clock: HandClock) -> None:
    one, other = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, one, Tier.URGENT)
    await told(store, clock)
    later = await judged(store, clock, other, Tier.URGENT)
    await again(store, clock, other, Tier.URGENT, one)
    assert later is not None
    await lanes.adopt(store.vault, PLACE, later.alert_id, clock.tick())  # of another channel of that chat
    rows = await store.vault.database.rows("SELECT state FROM delivery WHERE alert_id = ?", (later.alert_id,))
    assert [row[0] for row in rows] == ["withdrawn"]
