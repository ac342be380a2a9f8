"""When two items are found to be one, nothing that nobody heard of is hidden, and nothing is unwritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench._looks import look
from storage import digests
from storage.duties import act
from storage.duty import Act, Actor, Order
from storage.model import Alert, AlertKind, Evidence, Lifetime, Observation, Tier
from storage.store import Store
from storage.tonight import counts, queues
from tests.storage.kit import DUSK, HandClock, opened, report_on
from tests.storage.test_items import CHAT, judged, match, sealed, told
from tests.storage.test_membership import again, blind, items, of_post

LI = Actor(id=5, name="Li", role="officer")


async def pair(store: Store, clock: HandClock) -> tuple[Evidence, Alert, Evidence]:
    """An item that was told, and the only look at a post that waits to be told."""
    first, second = [await sealed(store, clock, number) for number in "12"]
    new = await judged(store, clock, first, Tier.HIGH)
    assert new is not None
    assert await told(store, clock) == [AlertKind.NEW]
    await judged(store, clock, second, Tier.HIGH)  # the chat is down
    return first, new, second


async def false_alarm(store: Store, clock: HandClock, alert: Alert) -> None:
    clock.tick()
    order = Order(alert_id=alert.alert_id, act=Act.FALSE, actor=LI, reason="replica")
    assert (await act(store.vault, order)).refusal is None


async def card(store: Store, evidence: Evidence) -> str:
    rows = await store.vault.database.rows(
        "SELECT card FROM item WHERE item_id = ?", (await of_post(store, evidence),)
    )
    return str(rows[0][0])


async def test_what_waits_is_told_when_nothing_is_said_in_its_place(store: Store, clock: HandClock) -> None:
    first, _, second = await pair(store, clock)
    await sealed(store, clock, "2")  # looked at since: the look before has nothing more to say
    assert await again(store, clock, second, Tier.HIGH, first) is None
    assert len(await items(store)) == 1
    assert await told(store, clock) == [AlertKind.NEW]


async def test_what_waits_is_told_though_an_edit_takes_its_words_back(store: Store, clock: HandClock) -> None:
    first, _, second = await pair(store, clock)
    edited = await sealed(store, clock, "2", Observation.CHANGED, second.evidence_id)
    assert await judged(store, clock, edited, Tier.NONE, (match(edited, first, 0),)) is None
    assert await told(store, clock) == [AlertKind.NEW]


async def test_what_waits_is_told_though_its_picture_is_of_a_false_alarm(
    store: Store, clock: HandClock
) -> None:
    first, new, second = await pair(store, clock)
    await false_alarm(store, clock, new)
    repost = await again(store, clock, second, Tier.HIGH, first)
    assert repost is not None
    assert repost.revises == await card(store, second) != new.alert_id
    assert AlertKind.NEW in await told(store, clock)


async def test_what_was_said_of_a_waiting_card_goes_out_with_it(store: Store, clock: HandClock) -> None:
    first, _, second = await pair(store, clock)
    gone = Lifetime(last_seen_at=DUSK, first_missing_at=clock.now(), confirmations=2, missing_class="404")
    await sealed(store, clock, "2", Observation.MISSING, second.evidence_id, lifetime=gone)
    await sealed(store, clock, "2", Observation.REAPPEARED, second.evidence_id)
    edited = await sealed(store, clock, "2", Observation.CHANGED, second.evidence_id)
    await judged(store, clock, edited, Tier.HIGH, (match(edited, first, 0),))
    heard = await told(store, clock)
    assert heard[0] is AlertKind.NEW
    assert AlertKind.DELETED in heard


async def test_a_withdrawn_alert_that_a_lane_had_in_hand_is_kept_as_told(
    store: Store, clock: HandClock
) -> None:
    first, _, second = await pair(store, clock)
    (in_hand,) = await store.deliveries_due("chat", clock.now())
    await again(store, clock, second, Tier.HIGH, first)
    await store.mark_sending(in_hand.delivery_id, clock.now())
    await store.mark_delivered(in_hand.delivery_id, clock.now(), "card of the second")
    sql = "SELECT state, receipt FROM delivery WHERE alert_id = ?"
    rows = await store.vault.database.rows(sql, (in_hand.alert.alert_id,))
    assert [tuple(row) for row in rows] == [("delivered", "card of the second")]


async def test_a_withdrawn_alert_is_on_record_waits_for_nobody_and_verifies(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path, clock) as store:
        first, new, second = await pair(store, clock)
        await again(store, clock, second, Tier.HIGH, first)
        sql = "SELECT why FROM delivery WHERE state = 'withdrawn'"
        rows = await store.vault.database.rows(sql)
        assert [row[0] for row in rows] == [f"its item was found to be that of alert {new.alert_id}"]
        assert (await counts(store.vault.database, DUSK)).states == {"new": 1}
        assert await told(store, clock) == [AlertKind.REPOST]
        assert await queues(store.vault.database) == ()
    assert (await report_on(tmp_path)).broken == ()


async def test_a_false_alarm_does_not_speak_for_the_item_whose_picture_is_put_into_it(
    store: Store, clock: HandClock
) -> None:
    theirs, own = [await sealed(store, clock, number) for number in "12"]
    open_card = await judged(store, clock, theirs, Tier.HIGH)
    called_off = await judged(store, clock, own, Tier.HIGH)
    assert open_card is not None
    assert called_off is not None
    await told(store, clock)
    await false_alarm(store, clock, called_off)
    edited = await sealed(store, clock, "2", Observation.CHANGED, own.evidence_id)
    await judged(store, clock, edited, Tier.HIGH, (match(edited, theirs, 0),))
    assert await card(store, theirs) == open_card.alert_id


async def test_an_edit_leaves_re_posts_alone_though_the_first_look_had_no_pictures(
    store: Store, clock: HandClock
) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.HIGH)
    early = await blind(store, clock, "2")
    await judged(store, clock, early, Tier.HIGH)
    second, third = await sealed(store, clock, "2"), await sealed(store, clock, "3")
    await judged(store, clock, second, Tier.HIGH)
    await judged(store, clock, third, Tier.HIGH, (match(third, second, 0),))
    other = replace(look("2", clock.tick()), pictures=look("other goods", clock.now()).pictures)
    edited = await store.seal(
        replace(other, observation=Observation.CHANGED, previous=second.evidence_id), announce=CHAT
    )
    await judged(store, clock, edited, Tier.HIGH, (match(edited, first, 0),))
    assert await items(store) == [("high", 1), ("high", 2)]


async def test_counts_and_the_digest_say_what_officers_were_told(store: Store, clock: HandClock) -> None:
    """Failed before: an alert that was withdrawn before anybody had it was among them."""
    one, other = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, one, Tier.HIGH)
    await told(store, clock)
    await judged(store, clock, other, Tier.HIGH)
    await again(store, clock, other, Tier.HIGH, one)
    counted = await counts(store.vault.database, DUSK)
    assert (counted.alerts, counted.states) == ({"high": 1}, {"new": 1})
    assert len(await digests.lines(store, DUSK, clock.tick())) == 1
