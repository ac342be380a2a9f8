"""A look that spoke already turns out to be louder: people can take what they hear, or it goes further."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench._looks import judgement
from storage.duties import act
from storage.duty import Act, Order
from storage.model import Alert, AlertKind, Judgement, Reason, Tier
from storage.store import Store
from tests.storage.kit import HandClock
from tests.storage.test_items import CHAT, judged, sealed, told
from tests.storage.test_membership import again
from tests.storage.test_twins import LI, going


async def judged_again(store: Store, one: Judgement, kind: AlertKind) -> Alert | None:
    found = Reason(kind="picture", what=f"found at {one.judged_at}", weight=4.6)
    one = replace(one, verdict=replace(one.verdict, reasons=(*one.verdict.reasons, found)))
    return await store.renew(one, announce=CHAT, kind=kind)


@pytest.mark.parametrize("kind", [AlertKind.READ, AlertKind.REPOST, AlertKind.HINTED])
async def test_what_is_louder_for_whatever_was_found_later_can_be_taken_and_goes_further(
    store: Store, clock: HandClock, kind: AlertKind
) -> None:
    """Failed before but for words that were read: no state, no steps; a press said there is no such alert."""
    evidence = await sealed(store, clock, "1")
    first = await judged(store, clock, evidence, Tier.NORMAL)
    assert first is not None
    await told(store, clock)
    louder = await judged_again(store, judgement(evidence, clock.tick(), Tier.URGENT), kind)
    assert louder is not None
    assert louder.revises == ""
    assert await going(store) == [louder.alert_id]
    clock.tick()
    done = await act(store.vault, Order(alert_id=louder.alert_id, act=Act.ACKNOWLEDGE, actor=LI))
    assert done.refusal is None
    assert await going(store) == []


async def test_each_louder_word_is_told(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    await judged(store, clock, evidence, Tier.NORMAL)
    await judged_again(store, judgement(evidence, clock.tick(), Tier.HIGH), AlertKind.READ)
    urgent = await judged_again(store, judgement(evidence, clock.tick(), Tier.URGENT), AlertKind.REPOST)
    assert urgent is not None
    assert urgent.revises == ""
    assert len(await told(store, clock)) == 3
    assert await going(store) == [urgent.alert_id]


async def test_one_that_was_withdrawn_and_told_all_the_same_can_be_taken(
    store: Store, clock: HandClock
) -> None:
    """Failed before: a lane that had it in hand told it, and a press said that there is no such alert."""
    known, evidence = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, known, Tier.URGENT)
    await judged(store, clock, evidence, Tier.NORMAL)
    await told(store, clock)
    louder = await judged_again(store, judgement(evidence, clock.tick(), Tier.URGENT), AlertKind.READ)
    assert louder is not None
    (in_hand,) = await store.deliveries_due("chat", clock.now())
    await again(store, clock, evidence, Tier.URGENT, known)
    await store.mark_sending(in_hand.delivery_id, clock.now())
    await store.mark_delivered(in_hand.delivery_id, clock.now(), "card")
    done = await act(store.vault, Order(alert_id=louder.alert_id, act=Act.ACKNOWLEDGE, actor=LI))
    assert done.refusal is None
