"""A site's own "no picture" is no likeness between the posts that show it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench._looks import answer, bytes_of, look, watched
from storage import erasure, similar
from storage.model import Alert, AlertKind, Evidence, Picture, PictureCapture, PictureRef, Sha256, Tier
from storage.patience import DiskWatch
from storage.retention import Rules
from storage.store import Store
from tests.storage.kit import HandClock, opened
from watchers.detect.furniture import is_furniture, likeness
from watchers.judging import Bench, Policy
from watchers.lexicon import Lexicon

STAND_IN = "https://example.org/static/none.jpg"


class Hasher:
    """Pictures as the workers describe them; bytes that begin alike are alike."""

    async def describe(self, data: bytes, *, sha256: Sha256, url: str = "") -> Picture:
        return Picture(
            sha256=sha256, url=url, size_bytes=len(data), phash=data[:8].hex(), dhash=data[:8].hex()
        )

    async def features(self, data: bytes, *, asked: bool) -> tuple[bytes, bytes]:
        return b"", b""  # nothing for the bank


class Silent:
    """Counts nothing."""

    def __getattr__(self, name: str) -> object:
        return lambda *_: None


@asynccontextmanager
async def market(folder: Path) -> AsyncIterator[tuple[Store, HandClock, Bench]]:
    clock = HandClock()
    async with opened(folder, clock) as store:
        policy = Policy(lexicon=Lexicon.load(), targets={}, route=lambda *_: ("chat",))
        bench = Bench(
            store,
            Hasher(),
            clock,
            Silent(),
            policy,
            spoke=lambda: None,
            disk=DiskWatch(clock),
        )
        yield store, clock, bench


async def shown(
    store: Store, clock: HandClock, number: str, title: str, picture: str, *, seller: str = ""
) -> Evidence:
    """A post whose picture has that address; the same address gives the same bytes."""
    at = clock.tick()
    snapshot = look(number, at)
    ref = PictureRef(url=picture)
    body = bytes_of("one picture of the house", 2_000)
    words = replace(snapshot.post, title=title, text=title, seller=seller, price="", pictures=(ref,))
    picture_ = PictureCapture(ref=ref, response=answer(picture, body, at))
    return await store.seal(replace(snapshot, post=words, pictures=(picture_,)), watched=watched(number, at))


async def told(bench: Bench, evidence: Evidence) -> Alert | None:
    return await bench._judge(evidence)


def test_a_stand_in_of_the_shop_makes_no_bicycle_suspicious(tmp_path: Path) -> None:
    async def night() -> list[Alert | None]:
        async with market(tmp_path) as (store, clock, bench):
            horn = await shown(store, clock, "1", "rhino horn cup, antique ivory", STAND_IN)
            bike = await shown(store, clock, "2", "bicycle with basket", STAND_IN)
            tusk = await shown(store, clock, "3", "象牙手镯 全新 私聊", STAND_IN)
            return [await told(bench, one) for one in (horn, bike, tusk)]

    horn, bike, tusk = asyncio.run(night())
    assert horn is not None
    assert horn.kind is AlertKind.NEW
    assert bike is None
    assert tusk is not None
    assert tusk.item is not None
    assert horn.item is not None
    assert tusk.item.item_id != horn.item.item_id


def test_a_picture_uploaded_again_still_leads_to_its_item(tmp_path: Path) -> None:
    async def night() -> list[Alert | None]:
        async with market(tmp_path) as (store, clock, bench):
            first = await shown(
                store, clock, "1", "rhino horn cup, antique ivory", "https://example.org/up/1.jpg"
            )
            again = await shown(store, clock, "2", "old cup", "https://example.org/up/2.jpg", seller="other")
            return [await told(bench, one) for one in (first, again)]

    first, again = asyncio.run(night())
    assert first is not None
    assert again is not None
    assert again.verdict is not None
    assert again.verdict.tier is not Tier.NONE
    assert first.item is not None
    assert again.item is not None
    assert again.item.item_id == first.item.item_id


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        ({"title": "bicycle"}, True),
        ({"title": "bicycle", "seller": "lan"}, False),
        ({"title": "rhino horn cup antique again"}, False),
        ({"title": "bicycle", "picture": "https://example.org/up/2.jpg"}, False),
    ],
)
def test_what_shares_seller_title_or_nothing_tells_furniture(
    tmp_path: Path, other: dict[str, str], wanted: bool
) -> None:
    async def pair() -> tuple[Evidence, Evidence]:
        async with market(tmp_path) as (store, clock, _):
            facts = {"picture": STAND_IN, "seller": "nam", **other}
            return (
                await shown(store, clock, "1", "rhino horn cup antique", STAND_IN, seller="lan"),
                await shown(store, clock, "2", facts["title"], facts["picture"], seller=facts["seller"]),
            )

    one, two = asyncio.run(pair())
    assert is_furniture(one.pictures[0].sha256, one, two) is wanted


def test_a_picture_on_another_host_is_nobodys_furniture(tmp_path: Path) -> None:
    async def pair() -> tuple[Evidence, Evidence]:
        async with market(tmp_path) as (store, clock, _):
            far = "https://pictures.test/1.jpg"
            return await shown(store, clock, "1", "horn", far), await shown(store, clock, "2", "bicycle", far)

    one, two = asyncio.run(pair())
    assert not is_furniture(one.pictures[0].sha256, one, two)


def test_titles_are_alike_in_any_script() -> None:
    assert likeness("象牙手镯 全新", "象牙手镯全新 急出") > 0.5 > likeness("象牙手镯", "穿山甲片")
    assert likeness("", "x") == 0.0


def test_a_picture_of_an_erased_post_is_like_nothing_and_ends_no_judging(tmp_path: Path) -> None:
    async def night() -> tuple[Alert | None, int]:
        async with market(tmp_path) as (store, clock, bench):
            url = "https://example.org/up/1.jpg"
            await told(bench, await shown(store, clock, "1", "bicycle with basket", url))
            clock.tick(40 * 86_400)
            erased = await erasure.apply(store, Rules(unmatched_days=30))
            again = await shown(store, clock, "2", "bicycle with basket", url, seller="other")
            return await told(bench, again), erased.posts

    assert asyncio.run(night()) == (None, 1)


def test_a_post_is_not_like_itself_however_often_it_was_edited(tmp_path: Path) -> None:
    async def night() -> list[Alert | None]:
        async with market(tmp_path) as (store, clock, bench):
            url = "https://example.org/up/1.jpg"
            titles = (
                "rhino horn cup",
                "rhino horn cup, antique",
                "rhino horn cup, real",
                "rhino horn cup, old",
            )
            return [await told(bench, await shown(store, clock, "1", title, url)) for title in titles]

    verdicts = [alert.verdict for alert in asyncio.run(night()) if alert is not None]
    assert verdicts
    assert not [r for verdict in verdicts if verdict for r in verdict.reasons if r.kind == "picture"]


def test_after_a_start_with_many_pictures_a_logo_on_every_page_counts_four_times_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar, "_ONE_BY_ONE", 2)

    async def night() -> tuple[int, int, int]:
        async with market(tmp_path) as (store, clock, bench):
            for number in range(7):
                one = await shown(
                    store, clock, str(number), "bicycle", f"https://example.org/up/{number}.jpg"
                )
                await told(bench, one)
            logo = bytes_of("one picture of the house", 8).hex()
            before = len(bench.near(logo, 0))
        async with market(tmp_path) as (_, _, bench):
            return before, await bench.fill_index(), len(bench.near(logo, 0))

    assert asyncio.run(night()) == (4, 7, 4)
