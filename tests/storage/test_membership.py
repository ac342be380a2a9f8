"""An item that a post founded before its picture was known becomes part of the item of that picture."""

from __future__ import annotations

from dataclasses import replace

from bench._looks import judgement, look
from storage.model import Alert, AlertKind, Evidence, Observation, PictureMatch, Reason, Tier, sha256_of
from storage.store import Store
from tests.storage.kit import HandClock
from tests.storage.test_items import CHAT, judged, match, sealed, told


async def blind(store: Store, clock: HandClock, post_id: str) -> Evidence:
    """A look whose pictures could not be had."""
    return await store.seal(replace(look(post_id, clock.tick()), pictures=()))


async def of_post(store: Store, evidence: Evidence) -> str:
    """The item of its post by now."""
    sql = (
        "SELECT m.item_id FROM member m JOIN observation o ON o.post_key = m.post_key WHERE o.evidence_id = ?"
    )
    return str((await store.vault.database.rows(sql, (evidence.evidence_id,)))[0][0])


async def items(store: Store) -> list[tuple[str, int]]:
    """Tier and number of posts of each item."""
    rows = await store.vault.database.rows("SELECT tier, members FROM item ORDER BY item_id")
    return [(str(tier), int(members)) for tier, members in rows]


async def again(
    store: Store, clock: HandClock, evidence: Evidence, tier: Tier, *known: Evidence
) -> Alert | None:
    """Judged once more, when its picture is known to be that of others."""
    one = judgement(evidence, clock.tick(), tier)
    seen = Reason(kind="picture", what="same picture as before", weight=4.6)
    one = replace(
        one,
        verdict=replace(one.verdict, reasons=(*one.verdict.reasons, seen)),
        matches=tuple(match(evidence, k, 0) for k in known),
    )
    return await store.renew(one, announce=CHAT, kind=AlertKind.REPOST)


async def test_a_post_whose_picture_came_later_joins_the_item_of_that_picture(
    store: Store, clock: HandClock
) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.HIGH)
    early = await blind(store, clock, "2")
    own = await judged(store, clock, early, Tier.NORMAL)
    await told(store, clock)
    whole = await sealed(store, clock, "2")
    repost = await judged(store, clock, whole, Tier.HIGH, (match(whole, first, 0),))
    assert own is not None
    assert repost is not None
    # The card of the very post says that it is one of two; nobody is told anew of a known thing.
    assert (repost.kind, repost.revises, repost.tier) == (AlertKind.REPOST, own.alert_id, Tier.HIGH)
    assert repost.item is not None
    assert repost.item.members == 2
    assert await of_post(store, whole) == await of_post(store, first)
    assert await items(store) == [("high", 2)]


async def test_a_post_judged_again_with_more_pictures_known_takes_its_re_posts_along(
    store: Store, clock: HandClock
) -> None:
    first, second, third = [await sealed(store, clock, number) for number in "123"]
    await judged(store, clock, first, Tier.HIGH)
    await judged(store, clock, second, Tier.NORMAL)
    await judged(store, clock, third, Tier.NORMAL, (match(third, second, 0),))
    await told(store, clock)
    assert await items(store) == [("high", 1), ("normal", 2)]
    repost = await again(store, clock, second, Tier.HIGH, first)
    assert repost is not None
    assert repost.kind is AlertKind.REPOST
    assert await items(store) == [("high", 3)]
    assert len({await of_post(store, one) for one in (first, second, third)}) == 1


async def test_an_edit_that_puts_other_goods_in_place_leaves_the_re_posts_of_the_first_alone(
    store: Store, clock: HandClock
) -> None:
    first, second, third = [await sealed(store, clock, number) for number in "123"]
    await judged(store, clock, first, Tier.HIGH)
    await judged(store, clock, second, Tier.HIGH)
    await judged(store, clock, third, Tier.HIGH, (match(third, second, 0),))
    other = replace(look("2", clock.tick()), pictures=look("other goods", clock.now()).pictures)
    edited = await store.seal(
        replace(other, observation=Observation.CHANGED, previous=second.evidence_id), announce=CHAT
    )
    await judged(store, clock, edited, Tier.HIGH, (match(edited, first, 0),))
    assert await items(store) == [("high", 1), ("high", 2)]
    assert await of_post(store, edited) == await of_post(store, third)


async def test_a_re_post_stays_in_its_item_whatever_else_it_resembles(store: Store, clock: HandClock) -> None:
    first, second, third = [await sealed(store, clock, number) for number in "123"]
    await judged(store, clock, first, Tier.HIGH)
    await judged(store, clock, second, Tier.HIGH)
    await judged(store, clock, third, Tier.NORMAL, (match(third, second, 0),))
    await again(store, clock, third, Tier.HIGH, first)
    assert await items(store) == [("high", 1), ("high", 2)]


async def test_an_alert_that_waits_is_withdrawn_when_its_item_was_told_before(
    store: Store, clock: HandClock
) -> None:
    first, second = [await sealed(store, clock, number) for number in "12"]
    new = await judged(store, clock, first, Tier.URGENT)
    assert await told(store, clock) == [AlertKind.NEW]
    await judged(store, clock, second, Tier.URGENT)  # the chat is down
    repost = await again(store, clock, second, Tier.URGENT, first)
    assert new is not None
    assert repost is not None
    assert (repost.kind, repost.revises) == (AlertKind.REPOST, new.alert_id)
    assert await told(store, clock) == [AlertKind.REPOST]
    waits = "SELECT count(*) FROM escalation WHERE done_at IS NULL AND alert_id <> ?"
    assert (await store.vault.database.rows(waits, (new.alert_id,)))[0][0] == 0


async def test_a_louder_alert_that_waits_is_told_though_its_item_was_told_before(
    store: Store, clock: HandClock
) -> None:
    first, second = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, first, Tier.NORMAL)
    await told(store, clock)
    loud = await judged(store, clock, second, Tier.URGENT)
    repost = await again(store, clock, second, Tier.URGENT, first)
    assert loud is not None
    assert repost is not None
    assert repost.revises == loud.alert_id
    assert await told(store, clock) == [AlertKind.NEW, AlertKind.REPOST]
    assert await items(store) == [("urgent", 2)]


async def test_what_becomes_of_the_post_is_told_on_the_card_of_both(store: Store, clock: HandClock) -> None:
    first, second = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, first, Tier.HIGH)
    own = await judged(store, clock, second, Tier.HIGH)
    await told(store, clock)
    await again(store, clock, second, Tier.HIGH, first)
    assert await told(store, clock) == [AlertKind.REPOST]
    edited = await sealed(store, clock, "2", Observation.CHANGED, second.evidence_id)
    changed = await judged(store, clock, edited, Tier.HIGH)
    assert own is not None
    assert changed is not None
    assert (changed.kind, changed.revises) == (AlertKind.CHANGED, own.alert_id)
    assert await items(store) == [("high", 2)]


def gallery(evidence: Evidence) -> PictureMatch:
    """A sure match with the one picture of the gallery."""
    return PictureMatch(
        sha256=evidence.pictures[0].sha256,
        known="gallery:horn.jpg",
        known_sha256=sha256_of(b"horn"),
        distance_bits=0,
        known_tier=Tier.HIGH,
        label="horn",
    )


async def test_posts_of_one_gallery_picture_are_one_item_though_the_first_was_told_without_it(
    store: Store, clock: HandClock
) -> None:
    early = await blind(store, clock, "1")
    await judged(store, clock, early, Tier.NORMAL)
    whole, other = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, whole, Tier.HIGH, (gallery(whole),))
    await judged(store, clock, other, Tier.HIGH, (gallery(other),))
    assert await items(store) == [("high", 2)]


async def test_a_re_post_that_also_shows_a_gallery_picture_draws_nobody_into_its_item(
    store: Store, clock: HandClock
) -> None:
    first, second, third = [await sealed(store, clock, number) for number in "123"]
    await judged(store, clock, first, Tier.HIGH)
    await judged(store, clock, second, Tier.HIGH, (match(second, first, 0),))
    await again(store, clock, second, Tier.URGENT, first)
    edited = await sealed(store, clock, "2", Observation.CHANGED, second.evidence_id)
    await judged(store, clock, edited, Tier.HIGH, (gallery(edited),))
    await judged(store, clock, third, Tier.HIGH, (gallery(third),))
    assert [members for _, members in await items(store)] == [2, 1]


async def test_the_card_that_people_have_speaks_for_both_when_the_other_is_muted(
    store: Store, clock: HandClock
) -> None:
    first, second = [await sealed(store, clock, number) for number in "12"]
    own = await judged(store, clock, second, Tier.HIGH)
    await told(store, clock)
    quiet = replace(judgement(first, clock.tick(), Tier.HIGH), matches=())
    assert await store.record(quiet, announce=()) is not None  # goes to nobody
    repost = await again(store, clock, second, Tier.HIGH, first)
    assert own is not None
    assert repost is not None
    assert repost.revises == own.alert_id


async def test_the_first_evidence_of_both_is_the_earlier_one_whichever_is_part_of_which(
    store: Store, clock: HandClock
) -> None:
    first, second = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, first, Tier.HIGH)
    await judged(store, clock, second, Tier.HIGH)
    await told(store, clock)
    repost = await again(store, clock, first, Tier.HIGH, second)
    assert repost is not None
    assert repost.item is not None
    assert (repost.item.first_evidence, repost.item.members) == (first.evidence_id, 2)
