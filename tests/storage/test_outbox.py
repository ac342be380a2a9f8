"""The outbox: nothing lost, nothing early, urgent first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench._looks import judgement, look
from storage.model import AlertKind, Delivery, Observation, Tier
from storage.store import Store
from tests.storage.kit import HandClock, opened

BOTH = ("chat", "file")


async def spoken(store: Store, clock: HandClock, post_id: str, tier: Tier = Tier.HIGH) -> str:
    """A post that raised a new alert in both channels; its evidence id."""
    evidence = await store.seal(look(post_id, clock.tick()))
    await store.record(judgement(evidence, clock.tick(), tier), announce=BOTH)
    return evidence.evidence_id


async def gone(store: Store, clock: HandClock, post_id: str) -> None:
    await store.seal(look(post_id, clock.tick(), observation=Observation.MISSING), announce=BOTH)


async def due(store: Store, clock: HandClock, channel: str = "chat") -> tuple[Delivery, ...]:
    return await store.deliveries_due(channel, clock.now())


async def test_each_channel_gets_its_own_delivery(store: Store, clock: HandClock) -> None:
    await spoken(store, clock, "1")
    (chat,), (file,) = await due(store, clock), await due(store, clock, "file")
    assert chat.alert == file.alert
    assert chat.delivery_id != file.delivery_id
    await store.mark_delivered(chat.delivery_id, clock.now(), "42")
    assert await due(store, clock) == ()
    assert len(await due(store, clock, "file")) == 1


async def test_urgent_goes_first_then_the_oldest(store: Store, clock: HandClock) -> None:
    for post_id, tier in (("1", Tier.NORMAL), ("2", Tier.URGENT), ("3", Tier.HIGH), ("4", Tier.URGENT)):
        await spoken(store, clock, post_id, tier)
    order = [d.alert.evidence.post.post_id for d in await due(store, clock) if d.alert.evidence]
    assert order == ["2", "4", "3", "1"]
    assert len(await store.deliveries_due("chat", clock.now(), limit=2)) == 2


async def test_a_revision_waits_for_its_card_and_carries_its_receipt(store: Store, clock: HandClock) -> None:
    await spoken(store, clock, "1")
    await gone(store, clock, "1")
    (card,) = await due(store, clock)
    assert card.alert.kind is AlertKind.NEW
    await store.mark_sending(card.delivery_id, clock.now())
    assert await due(store, clock) == ()
    await store.mark_delivered(card.delivery_id, clock.now(), "message 7")
    (revision,) = await due(store, clock)
    assert revision.alert.kind is AlertKind.DELETED
    assert revision.previous_receipt == "message 7"
    assert revision.receipt == ""


async def test_a_card_put_off_holds_its_revisions_back_too(store: Store, clock: HandClock) -> None:
    await spoken(store, clock, "1")
    await gone(store, clock, "1")
    (card,) = await due(store, clock)
    await store.mark_waiting(card.delivery_id, clock.now() + timedelta(minutes=5), "429")
    assert await due(store, clock) == ()
    clock.tick(300)
    assert [d.alert.kind for d in await due(store, clock)] == [AlertKind.NEW]


async def test_revisions_of_one_card_keep_their_order(store: Store, clock: HandClock) -> None:
    await spoken(store, clock, "1")
    await gone(store, clock, "1")
    await store.seal(look("1", clock.tick(), observation=Observation.REAPPEARED), announce=BOTH)
    await gone(store, clock, "1")
    kinds = []
    while found := await due(store, clock):
        (delivery,) = found
        kinds.append(delivery.alert.kind)
        await store.mark_delivered(delivery.delivery_id, clock.now(), "7")
    assert kinds == [AlertKind.NEW, AlertKind.DELETED, AlertKind.REAPPEARED, AlertKind.DELETED]


async def test_a_revision_of_a_card_that_died_stands_alone(store: Store, clock: HandClock) -> None:
    await spoken(store, clock, "1")
    await gone(store, clock, "1")
    (card,) = await due(store, clock)
    await store.mark_dead(card.delivery_id, "chat not found")
    (revision,) = await due(store, clock)
    assert revision.alert.kind is AlertKind.DELETED
    assert revision.previous_receipt == ""


async def test_a_channel_that_never_had_the_card_still_hears_of_the_vanishing(
    store: Store, clock: HandClock
) -> None:
    await spoken(store, clock, "1")
    await store.seal(look("1", clock.tick(), observation=Observation.MISSING), announce=("late",))
    (revision,) = await due(store, clock, "late")
    assert (revision.alert.kind, revision.previous_receipt) == (AlertKind.DELETED, "")


async def test_cards_of_different_items_do_not_wait_for_one_another(store: Store, clock: HandClock) -> None:
    await spoken(store, clock, "1")
    (stuck,) = await due(store, clock)
    await store.mark_sending(stuck.delivery_id, clock.now())
    await spoken(store, clock, "2")
    assert len(await due(store, clock)) == 1


async def test_attempts_and_doubts_are_counted(store: Store, clock: HandClock) -> None:
    await spoken(store, clock, "1")
    (first,) = await due(store, clock)
    assert (first.attempts, first.uncertain) == (0, False)
    await store.mark_sending(first.delivery_id, clock.now())
    await store.mark_waiting(first.delivery_id, clock.now(), "answer lost", uncertain=True)
    await store.mark_sending(first.delivery_id, clock.now())
    await store.mark_waiting(first.delivery_id, clock.now(), "429")
    (again,) = await due(store, clock)
    assert (again.attempts, again.uncertain) == (2, True)


async def test_what_was_delivered_stays_delivered(store: Store, clock: HandClock) -> None:
    await spoken(store, clock, "1")
    (card,) = await due(store, clock)
    await store.mark_delivered(card.delivery_id, clock.now(), "7")
    await store.mark_waiting(card.delivery_id, clock.now(), "late")
    await store.mark_dead(card.delivery_id, "later")
    assert await due(store, clock) == ()
    await gone(store, clock, "1")
    assert [d.previous_receipt for d in await due(store, clock)] == ["7"]


async def test_what_a_crash_left_half_sent_is_found_and_may_have_arrived(
    store: Store, clock: HandClock
) -> None:
    await spoken(store, clock, "1")
    (sending,) = await due(store, clock)
    await store.mark_sending(sending.delivery_id, clock.now())
    (found,) = await store.stuck("chat")
    assert not found.uncertain  # its sender lives
    await store.close()
    async with opened(store.folder, clock) as again:
        (found,) = await again.stuck("chat")
        assert found.delivery_id == sending.delivery_id
        assert found.uncertain
        assert await again.stuck("file") == ()
        await again.mark_waiting(found.delivery_id, clock.now(), "restarted")
        assert await again.stuck("chat") == ()
        assert [d.uncertain for d in await due(again, clock)] == [True]


async def test_a_notice_is_not_repeated_within_the_hour(store: Store, clock: HandClock) -> None:
    first = await store.notify("market: blocked by a captcha", announce=("admin",))
    assert (first.kind, first.notice, first.tier) == (
        AlertKind.NOTICE,
        "market: blocked by a captcha",
        Tier.HIGH,
    )
    clock.tick(3_500)
    assert await store.notify("market: blocked by a captcha", announce=("admin",)) == first
    other = await store.notify("market: ok again", announce=("admin",))
    assert other.alert_id != first.alert_id
    clock.tick(200)
    again = await store.notify("market: blocked by a captcha", announce=("admin",))
    assert again.alert_id != first.alert_id
    assert len(await due(store, clock, "admin")) == 3


async def test_a_repeated_notice_reaches_a_channel_that_had_none(store: Store, clock: HandClock) -> None:
    await store.notify("disk full", announce=("a",))
    await store.notify("disk full", announce=("a", "b"))
    assert (len(await due(store, clock, "a")), len(await due(store, clock, "b"))) == (1, 1)


STEPS = st.lists(
    st.tuples(st.sampled_from(["speak", "gone", "sent", "off", "dead"]), st.integers(0, 2)), max_size=25
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_happens_no_revision_overtakes_its_card_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    async def live() -> None:
        clock = HandClock()
        folder = tmp_path_factory.mktemp("outbox")
        async with opened(folder, clock) as store:
            finished: list[tuple[str, AlertKind]] = []
            made = 0
            for what, which in steps:
                if what == "speak":
                    made += 1
                    await spoken(store, clock, f"{which}-{made}")
                elif what == "gone":
                    await gone(store, clock, f"{which}-{made}")
                elif found := await due(store, clock):
                    await _answer(store, clock, found[min(which, len(found) - 1)], what, finished)
            clock.tick(10_000)
            while found := await due(store, clock):
                await _answer(store, clock, found[0], "sent", finished)
            (total,) = (
                await store.vault.database.rows("SELECT count(*) FROM delivery WHERE channel = 'chat'")
            )[0]
            assert len(finished) == total
            _in_order(finished)

    asyncio.run(live())


async def _answer(
    store: Store, clock: HandClock, delivery: Delivery, what: str, finished: list[tuple[str, AlertKind]]
) -> None:
    await store.mark_sending(delivery.delivery_id, clock.now())
    if what == "off":
        await store.mark_waiting(delivery.delivery_id, clock.now() + timedelta(hours=1), "429")
        return
    finished.append((delivery.alert.revises or delivery.alert.alert_id, delivery.alert.kind))
    if what == "dead":
        await store.mark_dead(delivery.delivery_id, "refused")
    else:
        await store.mark_delivered(delivery.delivery_id, clock.now(), "r")


def _in_order(finished: list[tuple[str, AlertKind]]) -> None:
    seen: set[str] = set()
    for card, kind in finished:
        assert (kind is AlertKind.NEW) == (card not in seen)
        seen.add(card)
