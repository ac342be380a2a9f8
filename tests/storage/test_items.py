"""Verdicts make items, items make alerts; judging twice tells once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from bench._looks import TARGET, judgement, look, watched
from storage import ledger
from storage.errors import DatabaseTrouble
from storage.model import (
    Alert,
    AlertKind,
    Evidence,
    Judgement,
    Lifetime,
    Observation,
    PictureMatch,
    Tier,
    sha256_of,
)
from storage.similar import Seen
from storage.store import Store
from storage.tree import root_of
from tests.storage.kit import HandClock

CHAT = ("chat",)


async def sealed(
    store: Store,
    clock: HandClock,
    post_id: str,
    kind: Observation = Observation.SEEN,
    previous: str = "",
    *,
    lifetime: Lifetime | None = None,
) -> Evidence:
    at = clock.tick()
    row = watched(post_id, at)
    snapshot = look(post_id, at, observation=kind, previous=previous)
    return await store.seal(snapshot, watched=row, announce=CHAT, lifetime=lifetime)


async def judged(
    store: Store, clock: HandClock, evidence: Evidence, tier: Tier, matches: tuple[PictureMatch, ...] = ()
) -> Alert | None:
    one = replace(judgement(evidence, clock.tick(), tier), matches=matches)
    return await store.record(one, announce=CHAT, jurisdiction="CN-31", tags=("ivory",))


def match(evidence: Evidence, known: Evidence, bits: int) -> PictureMatch:
    return PictureMatch(
        sha256=evidence.pictures[0].sha256,
        known=known.evidence_id,
        known_sha256=known.pictures[0].sha256,
        distance_bits=bits,
    )


async def told(store: Store, clock: HandClock) -> list[AlertKind]:
    """Kinds of alerts as the chat gets them, every one answered at once."""
    kinds = []
    while due := await store.deliveries_due("chat", clock.now()):
        for delivery in due:
            kinds.append(delivery.alert.kind)
            await store.mark_sending(delivery.delivery_id, clock.now())
            await store.mark_delivered(delivery.delivery_id, clock.now(), f"card {delivery.delivery_id}")
    return kinds


async def test_a_loud_verdict_makes_an_item_and_speaks(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    alert = await judged(store, clock, evidence, Tier.HIGH)
    assert alert is not None
    assert alert.kind is AlertKind.NEW
    assert alert.tier is Tier.HIGH
    assert alert.revises == ""
    assert alert.item is not None
    assert alert.item.first_evidence == evidence.evidence_id
    assert alert.item.members == 1
    assert alert.evidence is not None
    assert alert.evidence.pictures[0].phash == evidence.pictures[0].sha256[:16]
    assert alert.verdict == judgement(evidence, clock.now()).verdict
    assert (alert.jurisdiction, alert.tags) == ("CN-31", ("ivory",))
    assert await store.unjudged() == ()
    assert (await store.known(TARGET, ["1"]))["1"].matched


async def test_a_verdict_of_no_tier_is_kept_and_says_nothing(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    assert await judged(store, clock, evidence, Tier.NONE) is None
    assert await store.unjudged() == ()
    assert await told(store, clock) == []
    assert not (await store.known(TARGET, ["1"]))["1"].matched


async def test_judging_twice_records_once_and_gives_the_same_alert(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    first = await judged(store, clock, evidence, Tier.HIGH)
    louder = await judged(store, clock, evidence, Tier.URGENT)
    assert louder == first
    assert await told(store, clock) == [AlertKind.NEW]


async def test_judging_at_the_same_time_records_once(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    alerts = await asyncio.gather(*(judged(store, clock, evidence, Tier.HIGH) for _ in range(20)))
    assert len({a.alert_id for a in alerts if a is not None}) == 1
    assert await told(store, clock) == [AlertKind.NEW]


async def test_an_edit_of_a_member_revises_its_card(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    new = await judged(store, clock, first, Tier.HIGH)
    edited = await sealed(store, clock, "1", Observation.CHANGED, first.evidence_id)
    changed = await judged(store, clock, edited, Tier.NORMAL)
    assert new is not None
    assert changed is not None
    assert (changed.kind, changed.revises) == (AlertKind.CHANGED, new.alert_id)
    assert changed.tier is Tier.HIGH  # a revision goes where the card went
    assert changed.item is not None
    assert changed.item.item_id == new.item.item_id  # type: ignore[union-attr]


async def test_an_edit_that_hides_everything_still_revises(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.HIGH)
    edited = await sealed(store, clock, "1", Observation.CHANGED, first.evidence_id)
    changed = await judged(store, clock, edited, Tier.NONE)
    assert changed is not None
    assert changed.kind is AlertKind.CHANGED


async def test_an_edit_that_is_louder_speaks_anew(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.NORMAL)
    edited = await sealed(store, clock, "1", Observation.CHANGED, first.evidence_id)
    louder = await judged(store, clock, edited, Tier.URGENT)
    assert louder is not None
    assert (louder.kind, louder.revises, louder.tier) == (AlertKind.NEW, "", Tier.URGENT)
    quieter = await sealed(store, clock, "1", Observation.CHANGED, edited.evidence_id)
    changed = await judged(store, clock, quieter, Tier.HIGH)
    assert changed is not None
    assert changed.revises == louder.alert_id


async def test_a_completed_capture_of_a_member_is_no_news(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.HIGH)
    again = await sealed(store, clock, "1", Observation.SEEN, first.evidence_id)
    assert await judged(store, clock, again, Tier.HIGH) is None


async def test_an_edit_of_a_post_that_never_spoke_is_a_first_word(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.NONE)
    edited = await sealed(store, clock, "1", Observation.CHANGED, first.evidence_id)
    new = await judged(store, clock, edited, Tier.HIGH)
    assert new is not None
    assert new.kind is AlertKind.NEW


async def test_a_known_picture_makes_a_repost_of_the_same_item(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    new = await judged(store, clock, first, Tier.HIGH)
    other = await sealed(store, clock, "2")
    repost = await judged(store, clock, other, Tier.NORMAL, (match(other, first, 5),))
    assert new is not None
    assert repost is not None
    assert (repost.kind, repost.revises) == (AlertKind.REPOST, new.alert_id)
    assert repost.item is not None
    assert repost.item.members == 2
    assert repost.matches == (match(other, first, 5),)


async def test_a_picture_a_little_too_far_is_another_item(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    new = await judged(store, clock, first, Tier.HIGH)
    other = await sealed(store, clock, "2")
    apart = await judged(store, clock, other, Tier.HIGH, (match(other, first, 6),))
    assert new is not None
    assert apart is not None
    assert apart.kind is AlertKind.NEW
    assert apart.item != new.item


async def test_the_same_bytes_in_evidence_without_an_item_still_lead_to_one(
    store: Store, clock: HandClock
) -> None:
    quiet = await sealed(store, clock, "0")
    await judged(store, clock, quiet, Tier.NONE)
    at = clock.tick()
    same = replace(look("1", at), pictures=look("0", at).pictures)
    loud = await store.seal(same)
    twin = await store.seal(replace(look("2", at), pictures=same.pictures))
    await judged(store, clock, loud, Tier.HIGH)
    pointing_at_quiet = replace(match(twin, loud, 0), known=quiet.evidence_id)
    repost = await judged(store, clock, twin, Tier.HIGH, (pointing_at_quiet,))
    assert repost is not None
    assert repost.kind is AlertKind.REPOST


async def test_a_match_with_the_gallery_joins_nothing(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    known = PictureMatch(
        sha256=evidence.pictures[0].sha256,
        known="gallery:casque.jpg",
        known_sha256=evidence.pictures[0].sha256,
        distance_bits=0,
        label="casque",
    )
    alert = await judged(store, clock, evidence, Tier.URGENT, (known,))
    assert alert is not None
    assert alert.kind is AlertKind.NEW


async def test_a_quiet_repost_joins_without_a_word_and_its_louder_edit_speaks(
    store: Store, clock: HandClock
) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.HIGH)
    other = await sealed(store, clock, "2")
    assert await judged(store, clock, other, Tier.NONE, (match(other, first, 0),)) is None
    edited = await sealed(store, clock, "2", Observation.CHANGED, other.evidence_id)
    changed = await judged(store, clock, edited, Tier.HIGH)
    assert changed is not None
    assert changed.kind is AlertKind.CHANGED


async def test_a_vanishing_revises_the_card_with_its_interval(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.HIGH)
    lifetime = Lifetime(last_seen_at=clock.now(), first_missing_at=clock.tick(30), missing_class="410")
    gone = await sealed(store, clock, "1", Observation.MISSING, first.evidence_id, lifetime=lifetime)
    assert await told_alerts(store, clock) == [
        (AlertKind.NEW, first.evidence_id, None),
        (AlertKind.DELETED, gone.evidence_id, lifetime),
    ]


async def told_alerts(store: Store, clock: HandClock) -> list[tuple[AlertKind, str, Lifetime | None]]:
    found = []
    while due := await store.deliveries_due("chat", clock.now(), limit=1):
        alert = due[0].alert
        assert alert.evidence is not None
        assert alert.verdict is not None
        found.append((alert.kind, str(alert.evidence.evidence_id), alert.lifetime))
        await store.mark_delivered(due[0].delivery_id, clock.now(), "r")
    return found


async def test_a_return_revises_the_card_and_its_verdict_adds_nothing(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.HIGH)
    gone = await sealed(store, clock, "1", Observation.MISSING, first.evidence_id)
    back = await sealed(store, clock, "1", Observation.REAPPEARED, gone.evidence_id)
    assert await judged(store, clock, back, Tier.HIGH) is None
    assert await told(store, clock) == [AlertKind.NEW, AlertKind.DELETED, AlertKind.REAPPEARED]


async def test_a_quiet_post_that_vanishes_is_told_to_nobody(store: Store, clock: HandClock) -> None:
    first = await sealed(store, clock, "1")
    await judged(store, clock, first, Tier.NONE)
    await sealed(store, clock, "1", Observation.MISSING, first.evidence_id)
    assert await told(store, clock) == []


async def test_a_post_that_vanished_before_its_verdict_is_told_as_found_and_gone(
    store: Store, clock: HandClock
) -> None:
    first = await sealed(store, clock, "1")
    lifetime = Lifetime(last_seen_at=clock.now(), first_missing_at=clock.tick(30), missing_class="404")
    await sealed(store, clock, "1", Observation.MISSING, first.evidence_id, lifetime=lifetime)
    await judged(store, clock, first, Tier.HIGH)
    (new, deleted) = await told_alerts(store, clock)
    assert (new[0], deleted[0]) == (AlertKind.NEW, AlertKind.DELETED)
    assert deleted[2] == lifetime


async def test_a_post_that_matched_is_watched_on_even_outside_the_sample(
    store: Store, clock: HandClock
) -> None:
    first = await sealed(store, clock, "1")
    unwatched = replace((await store.known(TARGET, ["1"]))["1"], next_look_at=None)
    await store.save_watched([unwatched])
    await judged(store, clock, first, Tier.HIGH)
    row = (await store.known(TARGET, ["1"]))["1"]
    assert row.matched
    assert row.next_look_at is not None
    await store.save_watched([unwatched])  # an older copy, written late
    assert (await store.known(TARGET, ["1"]))["1"] == row


async def test_evidence_of_another_store_is_a_clear_error(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    strange = Judgement(
        evidence=replace(evidence, evidence_id="f" * 32),  # type: ignore[arg-type]
        verdict=judgement(evidence, clock.now()).verdict,
        judged_at=clock.now(),
    )
    with pytest.raises(DatabaseTrouble, match="no evidence"):
        await store.record(strange, announce=CHAT)
    assert await judged(store, clock, evidence, Tier.HIGH) is not None


async def test_hashed_pictures_come_back_for_the_index(store: Store, clock: HandClock) -> None:
    evidence = await store.seal(look("1", clock.now(), pictures=2))
    await judged(store, clock, evidence, Tier.URGENT)
    await sealed(store, clock, "2")  # not judged: no hashes yet
    found = [row async for page in store.pictures() for row in page]
    assert found == [
        Seen(sha256=p.sha256, phash=p.sha256[:16], known=evidence.evidence_id, tier=Tier.URGENT)
        for p in evidence.pictures
    ]


async def test_a_verdict_is_an_entry_of_the_log_that_reveals_nothing(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    before, _ = await store.root()
    await judged(store, clock, evidence, Tier.HIGH)
    rows = await store.vault.database.rows("SELECT leaf, record FROM verdict")
    leaf, record = tuple(rows[0])
    assert leaf == before
    entry = json.loads((await ledger.entry(store.vault.database, leaf))[1])
    assert (entry["kind"], entry["evidence_id"]) == ("verdict", evidence.evidence_id)
    assert entry["record_sha256"] == sha256_of(record.encode())
    assert entry.keys() == {"v", "kind", "at", "evidence_id", "record_sha256"}
    told = json.loads(record)
    assert (told["tier"], told["evidence_id"], len(told["salt"])) == ("high", evidence.evidence_id, 32)


async def test_judging_twice_leaves_one_entry(store: Store, clock: HandClock) -> None:
    evidence = await sealed(store, clock, "1")
    await judged(store, clock, evidence, Tier.HIGH)
    once = await store.root()
    await judged(store, clock, evidence, Tier.HIGH)
    assert await store.root() == once


async def test_an_alert_names_a_root_that_the_log_had(store: Store, clock: HandClock) -> None:
    looks = [await sealed(store, clock, post_id) for post_id in ("1", "2", "3")]
    alerts = [await judged(store, clock, evidence, Tier.HIGH) for evidence in looks]
    leaves = await ledger.leaf_hashes(store.vault.database, (await store.root())[0])
    for alert in alerts:
        assert alert is not None
        assert alert.evidence is not None
        assert alert.evidence.leaf_index < alert.log_size
        assert alert.log_root == root_of(leaves[: alert.log_size]).hex()
