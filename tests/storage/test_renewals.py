"""A verdict in place of another never says less than the one that stands by then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench._looks import judgement
from storage import orders
from storage.model import Alert, AlertKind, Evidence, Tier
from storage.store import Store
from tests.storage.kit import HandClock
from tests.storage.test_items import CHAT, judged, sealed


async def renewed(
    store: Store,
    clock: HandClock,
    evidence: Evidence,
    tier: Tier,
    *contacts: str,
    kind: AlertKind = AlertKind.REPOST,
) -> Alert | None:
    """As from looking back, unless it says another kind."""
    one = judgement(evidence, clock.tick(), tier)
    one = replace(one, verdict=replace(one.verdict, contacts=contacts))
    return await store.renew(one, announce=CHAT, kind=kind)


async def standing(store: Store) -> list[tuple[str, int]]:
    """The tier that stands, and how many verdicts were set aside for it."""
    sql = "SELECT v.tier, (SELECT count(*) FROM verdict_before b WHERE b.seq = v.seq) FROM verdict v"
    return [(str(tier), int(before)) for tier, before in await store.vault.database.rows(sql)]


async def test_what_was_weighed_before_something_louder_was_found_does_not_take_its_place(
    store: Store, clock: HandClock
) -> None:
    evidence = await sealed(store, clock, "1")
    await judged(store, clock, evidence, Tier.NONE)
    found = await renewed(store, clock, evidence, Tier.HIGH)  # words were read in its picture meanwhile
    assert found is not None
    assert found.kind is AlertKind.NEW
    assert await renewed(store, clock, evidence, Tier.NORMAL) is None
    assert await standing(store) == [("high", 1)]


async def test_a_softer_verdict_with_another_way_to_the_seller_is_kept(
    store: Store, clock: HandClock
) -> None:
    evidence = await sealed(store, clock, "1")
    await judged(store, clock, evidence, Tier.NONE)
    await renewed(store, clock, evidence, Tier.HIGH)
    await renewed(store, clock, evidence, Tier.NORMAL, "wechat:moonfox77")
    assert await standing(store) == [("normal", 2)]


@pytest.mark.parametrize("kind", [AlertKind.READ, AlertKind.HINTED])
async def test_an_order_may_name_the_alert_of_what_was_found_in_a_picture(
    store: Store, clock: HandClock, kind: AlertKind
) -> None:
    """Failed before of a hint: there was no such alert, though channels had been given its id."""
    evidence = await sealed(store, clock, "1")
    await judged(store, clock, evidence, Tier.HIGH)
    said = await renewed(store, clock, evidence, Tier.HIGH, "wechat:moonfox77", kind=kind)
    assert said is not None
    assert said.kind is kind
    found = await orders.find(store.vault.database, said.alert_id)
    assert found == (said.alert_id, evidence.evidence_id)
