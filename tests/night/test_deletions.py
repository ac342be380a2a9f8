"""Deletion truth in short: an hour of planted trouble, and the rules that keep it true one by one."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from bench import deletions
from bench._rough import RoughMarket
from tests.fakes.market import Market
from tests.fakes.night import Night, play

EVENING = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
HORN = "XJ rhino horn carving, real, wechat 13800138000, 3800元"


def deleted(night: Night) -> list[tuple[datetime, datetime]]:
    """The intervals of the deletions told so far."""
    told = [a["lifetime"] for a in night.alerts() if a["kind"] == "deleted"]
    return [
        (datetime.fromisoformat(life["last_seen_at"]), datetime.fromisoformat(life["first_missing_at"]))
        for life in told
    ]


def test_an_hour_of_troubles_and_restarts_keeps_every_interval_true() -> None:
    ledger = deletions.Ledger()
    deletions.one_night(ledger, seed=7, posts=8, hours=1.0)
    assert ledger.died == 8
    assert (ledger.false, ledger.outside) == (0, 0), ledger.odd
    assert ledger.told == ledger.spoken >= 6


def test_a_young_post_is_looked_at_once_per_poll_so_its_interval_is_short(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        numbers = [market.publish(f"{HORN} no {n}") for n in range(6)]
        chance = random.Random(3)
        await night.run_for(minutes=35)
        for number in numbers[:4]:
            await night.run_for(seconds=chance.uniform(60, 400))
            market.remove(number)
        await night.run_for(minutes=10)
        spans = [(missing - seen).total_seconds() for seen, missing in deleted(night)]
        assert len(spans) == 4
        assert max(spans) <= 2 * 60 + 5

    play(tmp_path, EVENING, script)


def test_a_passing_404_before_the_true_end_does_not_end_the_interval(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        number = market.publish(HORN)
        market.publish("a bicycle, nearly new")
        await night.run_for(minutes=10)
        market.blips.add(number)
        await night.run_for(minutes=6)
        market.blips.clear()
        died = night.clock.now()
        market.remove(number)
        await night.run_for(minutes=10)
        ((seen, missing),) = deleted(night)
        assert seen <= died <= missing
        assert missing - died < timedelta(minutes=2)

    play(tmp_path, EVENING, script)


def test_a_page_that_is_gone_while_every_listing_shows_it_is_told_late_and_not_never(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        assert isinstance(market, RoughMarket)
        number = market.publish(HORN)
        market.publish("a bicycle, nearly new")
        await night.run_for(minutes=10)
        market.frozen = market._items()
        died = night.clock.now()
        market.remove(number)
        await night.run_for(minutes=12)
        assert deleted(night) == []
        await night.run_for(minutes=12)
        ((seen, missing),) = deleted(night)
        assert seen <= died <= missing

    play(tmp_path, EVENING, script, market=RoughMarket)


def test_when_most_posts_go_at_once_the_living_are_asked_as_controls_and_the_dead_are_not(
    tmp_path: Path,
) -> None:
    async def script(night: Night, market: Market) -> None:
        assert isinstance(market, RoughMarket)
        numbers = [market.publish(f"{HORN} no {n}") for n in range(9)]
        await night.run_for(minutes=10)
        market.frozen = market._items()
        for number in numbers[3:]:
            market.remove(number)
        asked_before = len(market.site.visits)
        await night.run_for(minutes=4)
        sql = "SELECT line FROM sighting WHERE line LIKE '%\"status\":404%'"
        lines = await night.store.vault.database.rows(sql)
        looks = [json.loads(line) for (line,) in lines]
        assert len(looks) >= 6
        assert {look["presence"] for look in looks} == {"404"}
        living = {market.site.url(f"/post/{number}") for number in numbers[:3]}
        assert {look["control"] for look in looks} <= living
        asked = Counter(visit.path for visit in market.site.visits[asked_before:])
        for number in numbers[3:]:  # its own looks, once a minute, and nobody else's
            assert asked[f"/post/{number}"] <= 5

    play(tmp_path, EVENING, script, market=RoughMarket)


def test_a_copy_from_a_cache_proves_life_only_as_of_its_age(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        number = market.publish(HORN)
        market.publish("a bicycle, nearly new")
        await night.run_for(minutes=10)
        path = f"/post/{number}"
        page = f"<html><title>{HORN}</title><body><article><h1>{HORN}</h1></article></body></html>"
        died = night.clock.now()
        for age_s in range(0, 240, 20):  # the post is gone, but a cache goes on showing it
            market.site.put(path, page.encode(), headers={"Age": str(age_s + 21)})
            await night.run_for(seconds=20)
        market.remove(number)
        market.site.put(path, b"<h1>Not found</h1>", status=404)
        await night.run_for(minutes=10)
        ((seen, missing),) = deleted(night)
        assert seen <= died <= missing

    play(tmp_path, EVENING, script)


class BusyMarket(Market):
    """Posts without a page of their own; each poll finds post 2 claimed for two seconds."""

    busy: set[tuple[str, str]]

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        self.polls.append(0.0)
        claimed = ("market", "post-2")
        if claimed not in self.busy:
            self.busy.add(claimed)
            asyncio.get_running_loop().call_later(2.0, self.busy.discard, claimed)
        counter = len(self.polls)
        posts = [{"id": f"post-{a.number}", "title": a.title, "text": f"{counter}"} for a in self._listed()]
        return web.json_response({"posts": posts})


def test_a_listed_post_that_somebody_is_busy_with_is_no_missing_one(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        assert isinstance(market, BusyMarket)
        assert night.daemon is not None
        for title in ("a bicycle", HORN, "a lamp", "a chair"):
            market.publish(title)
        market.busy = set()
        await night.run_for(minutes=10)
        market.busy = night.daemon.kit.busy
        await night.run_for(minutes=20)
        assert len(market.polls) > 20
        assert deleted(night) == []

    play(tmp_path, EVENING, script, market=BusyMarket)


class PagelessMarket(BusyMarket):
    """Posts without a page of their own, and nobody busy with any."""

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        self.busy = {("market", "post-2")}
        return await super()._feed(request)


def test_a_post_that_left_a_channel_is_told_with_the_listing_that_shows_it_no_more(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        for title in ("a bicycle", HORN, "a lamp", "a chair"):
            market.publish(title)
        await night.run_for(minutes=10)
        market.remove(2)
        await night.run_for(minutes=10)
        ((seen, missing),) = deleted(night)
        assert missing - seen < timedelta(minutes=3)
        sql = "SELECT evidence_id FROM observation WHERE observation = 'missing'"
        ((evidence_id,),) = await night.store.vault.database.rows(sql)
        gone = await night.store.evidence(evidence_id)
        told = json.loads(await night.store.vault.blobs.get(gone.manifest_sha256))
        ((exchange,),) = [told["exchanges"]]
        listing = json.loads(await night.store.vault.blobs.get(exchange["body_sha256"]))
        assert [post["id"] for post in listing["posts"]] == ["post-4", "post-3", "post-1"]
        assert told["times"]["listed_at"].startswith("absent: ")
        assert told["content"]["extracted_text"].startswith("absent: ")
        assert not gone.was_listed

    play(tmp_path, EVENING, script, market=PagelessMarket)
