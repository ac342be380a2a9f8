"""What a chat lane sees in one visit is what each question by itself would be answered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bench._looks import judgement, look
from storage import incidents, lane_view, lanes, moves, outbox
from storage.codec import micros
from storage.errors import StoreError
from storage.lane_view import LaneView
from storage.lane_words import Intent, Place
from storage.model import Observation, Tier
from storage.store import Store
from tests.storage.kit import HandClock

INTENT = Intent(chat="-1", after=3, form="text")


async def spoken(store: Store, clock: HandClock, post_id: str, tier: Tier = Tier.HIGH) -> None:
    """A post that raised a new alert in a chat and a file."""
    evidence = await store.seal(look(post_id, clock.tick()))
    await store.record(judgement(evidence, clock.tick(), tier), announce=("chat", "file"))


async def asked(store: Store, clock: HandClock) -> LaneView:
    """Each question by itself."""
    vault, now = store.vault, clock.now()
    rows = await vault.database.rows(incidents.INCIDENTS, ("chat",))
    waiting = await vault.database.rows(lanes.WAITING, ("chat", micros(now), lanes.MOST))
    return LaneView(
        sending=tuple(one.delivery_id for one in await store.stuck("chat")),
        waiting=lanes.waiting_of(waiting),
        incidents=incidents.incidents_of(rows),
        revisions=await lanes.revisions(vault, "chat", now),
        state=await lanes.state(vault, "chat"),
        next_at=await store.next_delivery("chat"),
    )


async def test_a_chat_without_anything(store: Store, clock: HandClock) -> None:
    seen = await lane_view.view(store.vault, "chat", clock.now())
    assert seen == await asked(store, clock)
    assert (seen.sending, seen.waiting, seen.incidents, seen.revisions, seen.next_at) == (
        (),
        (),
        (),
        (),
        None,
    )


async def test_everything_that_a_lane_decides_by(store: Store, clock: HandClock) -> None:
    vault = store.vault
    await moves.enter(vault, "chat", "-1")
    for number, tier in enumerate((Tier.NORMAL, Tier.URGENT, Tier.HIGH, Tier.HIGH, Tier.NORMAL, Tier.HIGH)):
        await spoken(store, clock, str(number), tier)
    first = (await lane_view.view(vault, "chat", clock.now())).waiting
    place = Place(channel="chat", receipt="text:5", message_id=5)
    await lanes.delivered(vault, place, [first[0].delivery_id], clock.now())
    await store.seal(look("1", clock.tick(), observation=Observation.MISSING), announce=("chat",))
    await lanes.intend(vault, first[1].delivery_id, clock.now(), INTENT, repeat=False)
    later = clock.now() + timedelta(minutes=3)
    await lanes.again(vault, first[2].delivery_id, later, "put off", uncertain=False)
    together = [one.delivery_id for one in first[3:5]]
    await incidents.open_incident(vault, "chat", "seller x", 1, together, loud=True)
    await lanes.storm(vault, "chat", clock.now())

    seen = await lane_view.view(vault, "chat", clock.now())
    assert seen == await asked(store, clock)
    assert seen.sending == (first[1].delivery_id,)
    assert {one.delivery_id for one in seen.waiting} >= {first[5].delivery_id}
    assert [one.count for one in seen.incidents] == [2]
    assert [one.receipt for one in seen.revisions] == ["text:5"]
    assert seen.state.storm_at is not None
    assert seen.state.last_id == 5
    assert seen.next_at is not None


async def test_one_question_that_fails_is_told_in_the_store_s_own_words_and_nothing_is_stuck(
    store: Store, clock: HandClock
) -> None:
    with pytest.raises(StoreError, match="no such table"):
        await store.vault.database.rows_each((lanes.STATE, ("chat",)), ("SELECT 1 FROM nowhere", ()))
    assert (await outbox.next_at(store.vault, "chat")) is None
    assert (await lane_view.view(store.vault, "chat", clock.now())).sending == ()
