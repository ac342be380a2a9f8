"""An account whose advert was loud is looked at when it posts again: told, with why, and never loudly."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench._looks import answer, bytes_of, look, watched
from storage import orders
from storage.duty import Act, Actor, Order
from storage.model import Alert, Picture, PictureCapture, PictureRef, Post, Sha256, Tier, Verdict
from storage.store import Store
from tests.detect.posts import shipped
from tests.detect.test_furniture import market, told
from tests.storage.kit import HandClock
from watchers.detect.history import Past, history_reasons
from watchers.detect.score import judge
from watchers.detect.silence import hardly_a_word
from watchers.judging import Bench
from watchers.linking import Linker
from watchers.pasts import Pasts

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
LOUD = "象牙手镯 全新 私聊"
PICTURE = Picture(sha256=Sha256("a" * 64), url="", size_bytes=1, phash="0" * 16)
SILENT = Post(post_id="2", url="https://example.org/2", title="...", text="...")


def verdict(post: Post, *past: Past, hour: int | None = 23) -> Verdict:
    return judge(post, (), (), shipped(), hour, history=history_reasons(past, NOW))


def past(key: str = "a", *, by: str = "account", confirmed: bool = False) -> Past:
    return Past(post_key=key, at=NOW - timedelta(days=2), by=by, confirmed=confirmed)


def test_a_post_without_words_is_told_for_its_account_but_not_loudly() -> None:
    assert verdict(SILENT).tier is Tier.NONE
    for known in ([past()], [past(confirmed=True)], [past(str(n), confirmed=True) for n in range(9)]):
        found = verdict(SILENT, *known)
        assert found.tier is Tier.NORMAL
        assert found.reasons[0].kind == "seller"
    assert verdict(SILENT, past(), hour=12).tier is Tier.NORMAL


@pytest.mark.parametrize("title", ["", ".", "图上", "as pictured", "ตามรูป"])
def test_an_animal_beside_a_picture_is_told_whether_or_not_the_title_points_at_it(title: str) -> None:
    post = Post(post_id="3", url="https://example.org/3", title=title, text="🦏💰")
    assert judge(post, (PICTURE,), (), shipped(), 23).tier is Tier.NORMAL


def test_the_reason_says_how_many_adverts_whose_and_when() -> None:
    (reason,) = history_reasons([past("a"), past("b", confirmed=True)], NOW)
    assert reason.what == "2 adverts by this account judged high before"
    assert reason.detail == "last 2 days ago, 1 confirmed"
    (reason,) = history_reasons([past(by="contact")], NOW)
    assert reason.what == "1 advert by this contact judged high before"
    assert history_reasons([], NOW) == ()


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_bicycle_of_such_an_account_is_a_bicycle(*, confirmed: bool) -> None:
    bicycle = "Dutch city bicycle with basket, seven gears, 90 euro, whatsapp +31 6 12345678"
    post = replace(SILENT, title="bicycle", text=bicycle, price="90 EUR")
    assert verdict(post, past(confirmed=confirmed)).tier is Tier.NONE


def test_a_weak_word_counts_beside_such_an_account() -> None:
    post = replace(SILENT, title="XY", text="XY")
    assert verdict(post).tier is Tier.NONE
    assert verdict(post, past()).tier is not Tier.NONE


async def posted(place: tuple[Store, HandClock, Bench], number: str, text: str, seller: str) -> Alert | None:
    store, clock, bench = place
    at = clock.tick()
    snapshot = look(number, at)
    ref = PictureRef(url=f"https://example.org/up/{number}.jpg")
    picture = PictureCapture(ref=ref, response=answer(ref.url, bytes_of(f"picture {number}", 2_000), at))
    words = replace(snapshot.post, title=text, text=text, seller=seller, price="", pictures=(ref,))
    row = watched(number, at)
    sealed = await store.seal(replace(snapshot, post=words, pictures=(picture,)), watched=row)
    return await told(bench, sealed)


def tiers(alerts: list[Alert | None]) -> list[Tier]:
    return [alert.tier if alert is not None else Tier.NONE for alert in alerts]


def test_the_watch_knows_an_account_again_and_after_a_restart_too(tmp_path: Path) -> None:
    async def night() -> list[Alert | None]:
        async with market(tmp_path) as place:
            await posted(place, "1", LOUD, "mei")
            shown = [await posted(place, n, "...", who) for n, who in (("2", "mei"), ("3", "li"))]
        async with market(tmp_path) as place:
            await place[2].fill_index()
            return [*shown, await posted(place, "4", "...", "mei")]

    assert tiers(asyncio.run(night())) == [Tier.NORMAL, Tier.NONE, Tier.NORMAL]


def test_a_false_alarm_says_nothing_about_its_account_and_a_confirmed_one_more(tmp_path: Path) -> None:
    async def night(act: Act, reason: str = "") -> Alert | None:
        async with market(tmp_path / act.value) as place:
            first = await posted(place, "1", LOUD, "mei")
            assert first is not None
            actor = Actor(id=orders.AT_THE_MACHINE, name="Lin", role="officer")
            order = Order(alert_id=first.alert_id, act=act, actor=actor, reason=reason)
            await orders.carry_out(place[0].vault, order)
            return await posted(place, "2", "...", "mei")

    assert asyncio.run(night(Act.FALSE, "word")) is None
    alert = asyncio.run(night(Act.CONFIRM))
    assert alert is not None
    assert alert.verdict is not None
    assert any("1 confirmed" in reason.detail for reason in alert.verdict.reasons)


def test_a_flood_of_accounts_is_kept_small(tmp_path: Path) -> None:
    async def flood() -> int:
        async with market(tmp_path) as (store, clock, _):
            pasts = Pasts(store, clock)
            loud = verdict(replace(SILENT, text=LOUD))
            for n in range(1_000):
                post = replace(SILENT, seller="mei", post_id=str(n))
                pasts._take("market", f"key {n}", post, loud, NOW + timedelta(seconds=n))
            return max(len(ones) for ones in pasts._by.values())

    assert asyncio.run(flood()) <= 20


def pictured(text: str, seller: str = "", location: str = "") -> Verdict:
    post = replace(SILENT, title="", text=text, seller=seller, location=location)
    return judge(post, (PICTURE,), (), shipped(), 23)


def test_an_animal_in_place_of_words_counts_beside_a_picture_only() -> None:
    assert pictured("🐘🔥").tier is Tier.NORMAL
    assert pictured("🐅\nmei88 · Hanoi", seller="mei88", location="Hanoi").tier is Tier.NORMAL
    assert verdict(replace(SILENT, title="", text="🐘🔥")).tier is Tier.NONE
    assert pictured("🔥🔥").tier is Tier.NONE
    assert pictured("🐘 baby blanket, washed").tier is Tier.NONE


def test_what_a_page_prints_beside_the_words_is_no_word_of_the_offer() -> None:
    page = "như hình\n¥\n@ Bắc Ninh\n# tammoon389\nt 2026-11-21 22:48\n10"
    post = replace(SILENT, title="như hình", text=page, seller="tammoon389", location="Bắc Ninh")
    assert hardly_a_word(post, verdict(post))
    assert verdict(post, past()).tier is Tier.NORMAL
    spoken = replace(post, text=page.replace("như hình", "bàn gỗ và hai cái ghế cũ"))
    assert not hardly_a_word(spoken, verdict(spoken))
    assert verdict(spoken, past()).tier is Tier.NONE
    assert verdict(replace(post, title="冷蔵庫", text="冷蔵庫"), past(confirmed=True)).tier is Tier.NONE


def test_a_name_that_a_feed_gives_to_everybody_is_no_account(tmp_path: Path) -> None:
    async def night(others: int) -> Alert | None:
        async with market(tmp_path / str(others)) as place:
            await posted(place, "1", LOUD, "the channel")
            for n in range(others):
                await posted(place, f"{n + 10}", f"bicycle with basket, number {n}", "the channel")
            await Linker(place[0], place[1]).catch_up()
            return await posted(place, "2", "...", "the channel")

    assert asyncio.run(night(2)) is not None
    assert asyncio.run(night(9)) is None
