"""A target gets another name, or two targets overlap: the very same advert is no second witness of itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from bench._looks import TARGET, answer, bytes_of, look, watched
from storage.model import (
    NO_PAGE,
    Alert,
    AlertKind,
    Evidence,
    Observation,
    PictureCapture,
    PictureRef,
    Tier,
)
from storage.store import Store
from tests.detect.test_furniture import market, told
from tests.storage.kit import HandClock

RENAMED = "the same market by another name"
LOUD = "rhino horn cup, antique ivory, WeChat jade8888, 3800 yuan"
MILD = "old horn XJ for sale"


async def seen(
    store: Store,
    clock: HandClock,
    number: str,
    text: str,
    target: str = TARGET,
    *,
    own_page: bool = True,
    how: Observation = Observation.SEEN,
) -> Evidence:
    """A post with the picture that all show here, uploaded at an address of its own."""
    at = clock.tick()
    ref = PictureRef(url=f"https://example.org/up/{number}.jpg")
    shown = PictureCapture(ref=ref, response=answer(ref.url, bytes_of("one picture", 2_000), at))
    snapshot = replace(look(number, at, observation=how), target=target, pictures=(shown,))
    post = replace(snapshot.post, title=text, text=text, seller="mei", pictures=(ref,))
    if not own_page:
        post = replace(post, url="https://example.org/", extra=(NO_PAGE,))
    row = replace(watched(number, at), target=target, url=post.url)
    return await store.seal(replace(snapshot, post=post), watched=row)


def reasons(alert: Alert | None) -> set[str]:
    assert alert is not None
    assert alert.verdict is not None
    return {reason.kind for reason in alert.verdict.reasons}


async def verdict_of(store: Store, evidence: Evidence) -> tuple[Tier, str]:
    sql = (
        "SELECT v.tier, v.verdict FROM verdict v JOIN observation o ON o.seq = v.seq WHERE o.evidence_id = ?"
    )
    tier, text = (await store.vault.database.rows(sql, (evidence.evidence_id,)))[0]
    return Tier(tier), text


def test_an_advert_under_its_targets_new_name_is_told_no_more_and_no_louder(tmp_path: Path) -> None:
    async def night() -> None:
        async with market(tmp_path) as (store, clock, bench):
            first = await seen(store, clock, "1", LOUD)
            alert = await told(bench, first)
            again = await seen(store, clock, "1", LOUD, RENAMED)
            assert alert is not None
            assert alert.item is not None
            assert await told(bench, again) is None
            (before, _), (now, said) = [await verdict_of(store, one) for one in (first, again)]
            assert now is before
            assert "same picture" not in said
            rows = await store.vault.database.rows("SELECT members FROM item")
            assert [tuple(row) for row in rows] == [(1,)]

    asyncio.run(night())


def test_its_own_past_under_the_old_name_speaks_as_little(tmp_path: Path) -> None:
    async def night() -> tuple[Alert | None, Alert | None]:
        async with market(tmp_path) as (store, clock, bench):
            await told(bench, await seen(store, clock, "1", LOUD))
            again = await told(bench, await seen(store, clock, "1", "...", RENAMED))
            return again, await told(bench, await seen(store, clock, "2", "...", RENAMED))

    again, other = asyncio.run(night())
    assert again is None
    assert "seller" in reasons(other)


def test_an_edit_under_the_new_name_is_told_on_the_card_of_the_old(tmp_path: Path) -> None:
    async def night() -> tuple[Alert | None, Alert | None]:
        async with market(tmp_path) as (store, clock, bench):
            first = await told(bench, await seen(store, clock, "1", LOUD))
            await told(bench, await seen(store, clock, "1", LOUD, RENAMED))
            edited = await seen(store, clock, "1", LOUD + "!", RENAMED, how=Observation.CHANGED)
            return first, await told(bench, edited)

    first, edited = asyncio.run(night())
    assert first is not None
    assert edited is not None
    assert (edited.kind, edited.revises) == (AlertKind.CHANGED, first.alert_id)


def test_another_advert_with_the_picture_is_still_a_re_post_under_any_name(tmp_path: Path) -> None:
    async def night() -> tuple[Alert | None, Alert | None]:
        async with market(tmp_path) as (store, clock, bench):
            first = await told(bench, await seen(store, clock, "1", LOUD))
            return first, await told(bench, await seen(store, clock, "2", MILD, RENAMED))

    first, other = asyncio.run(night())
    assert first is not None
    assert "picture" in reasons(other)
    assert other is not None
    assert other.item is not None
    assert other.item.members == 2


def test_posts_without_pages_of_their_own_are_told_apart_by_their_numbers(tmp_path: Path) -> None:
    async def night() -> tuple[Alert | None, Alert | None]:
        async with market(tmp_path) as (store, clock, bench):
            await told(bench, await seen(store, clock, "1", LOUD, own_page=False))
            same = await told(bench, await seen(store, clock, "1", LOUD, RENAMED, own_page=False))
            return same, await told(bench, await seen(store, clock, "2", LOUD, RENAMED, own_page=False))

    same, other = asyncio.run(night())
    assert same is None
    assert "picture" in reasons(other)


def test_a_channel_that_has_no_card_of_it_is_told_by_the_other_target(tmp_path: Path) -> None:
    async def night() -> list[Alert | None]:
        async with market(tmp_path) as (store, clock, bench):
            first = await told(bench, await seen(store, clock, "1", LOUD))
            bench.policy = replace(bench.policy, route=lambda *_: ("chat", "elsewhere"))
            again = await told(bench, await seen(store, clock, "1", LOUD, RENAMED))
            third = await told(bench, await seen(store, clock, "1", LOUD, "a third"))
            return [first, again, third]

    first, again, third = asyncio.run(night())
    assert first is not None
    assert again is not None
    assert (again.kind, again.revises) == (AlertKind.REPOST, first.alert_id)
    assert "picture" not in reasons(again)
    assert third is None
