"""Whole nights on virtual time: posts come, change and vanish; what is kept and told is right."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web

from storage.model import Observation
from tests.fakes.market import Market, picture
from tests.fakes.night import Night, play

EVENING = datetime(2026, 3, 1, 20, 55, tzinfo=UTC)
HORN = "XJ rhino horn carving, real, wechat 13800138000, 3800元, ship at night"


async def observations(night: Night, post_id: str) -> list[str]:
    """The kinds of the looks that were kept of a post, oldest first."""
    row = (await night.store.known("market", [post_id]))[post_id]
    chain, evidence_id = [], str(row.evidence_id)
    while evidence_id:
        evidence = await night.store.evidence(evidence_id)
        chain.append(evidence.observation.value)
        evidence_id = evidence.previous
    return chain[::-1]


def test_a_post_that_is_deleted_at_night_is_kept_whole_and_its_vanishing_is_an_interval(
    tmp_path: Path,
) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=30)
        number = market.publish(HORN, pictures=(picture(1), picture(2)))
        await night.run_for(minutes=21)
        died = night.clock.now()
        market.remove(number)
        await night.run_for(minutes=30)
        row = (await night.store.known("market", [f"post-{number}"]))[f"post-{number}"]
        first = await night.store.evidence((await night.store.evidence(row.evidence_id)).previous)
        assert row.closed
        assert len(first.pictures) == 2
        assert all(p.phash for p in first.pictures)
        assert await night.store.blobs.get(first.page_sha256)  # type: ignore[arg-type]
        new, gone = night.alerts()
        assert (new["kind"], gone["kind"], gone["revises"]) == ("new", "deleted", new["alert_id"])
        life = gone["lifetime"]
        seen, missing = (datetime.fromisoformat(life[k]) for k in ("last_seen_at", "first_missing_at"))
        assert seen <= died <= missing
        assert missing - seen <= timedelta(minutes=5)
        assert life["confirmations"] >= 3
        assert not await night.store.damage()

    play(tmp_path, EVENING, script)


def test_an_outage_a_wall_and_a_passing_404_are_never_deletions(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        number = market.publish(HORN)
        market.publish("a bicycle, nearly new")
        await night.run_for(minutes=5)
        for name in ("outage", "wall"):
            setattr(market, name, True)
            await night.run_for(minutes=20)
            setattr(market, name, False)
            await night.run_for(minutes=20)
        market.blips.add(number)
        await night.run_for(seconds=70)
        market.blips.clear()
        await night.run_for(minutes=30)
        assert [a["kind"] for a in night.alerts() if a["kind"] != "notice"] == ["new"]
        assert not (await night.store.known("market", ["post-1"]))["post-1"].closed

    play(tmp_path, EVENING, script)


def test_a_site_whose_every_page_answers_404_has_deleted_nothing(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        for n in range(5):
            market.publish(f"{HORN} no {n}")
        await night.run_for(minutes=5)
        market.blips.update(range(1, 6))
        await night.run_for(minutes=40)
        assert not [a for a in night.alerts() if a["kind"] == "deleted"]

    play(tmp_path, EVENING, script)


def test_edits_and_a_reappearance_are_chained_to_what_was_kept_before(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        number = market.publish(HORN, pictures=(picture(3),))
        await night.run_for(minutes=5)
        market.adverts[number].text = "sold, thank you"
        await night.run_for(minutes=20)
        market.remove(number)
        await night.run_for(minutes=30)
        market.restore(number)
        await night.run_for(minutes=20)
        kinds = [Observation.SEEN, Observation.CHANGED, Observation.MISSING, Observation.REAPPEARED]
        assert await observations(night, "post-1") == kinds
        assert [a["kind"] for a in night.alerts()] == ["new", "changed", "deleted", "reappeared"]

    play(tmp_path, EVENING, script)


def test_moving_counters_and_tokens_are_no_edits(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        number = market.publish(HORN)
        for views in range(10):
            market.adverts[number].text = f"{HORN}\n{views * 7} views · {views + 2} minutes ago"
            await night.run_for(minutes=4)
        assert await observations(night, "post-1") == [Observation.SEEN]

    play(tmp_path, EVENING, script)


def test_by_day_nothing_new_is_hunted_and_the_vigil_goes_on(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        number = market.publish(HORN)
        await night.run_for(minutes=30)
        polls = len(market.polls)
        await night.run_for(minutes=60)  # 06:00 has passed
        late = market.publish("second offer, " + HORN)
        await night.run_for(minutes=30)
        market.remove(number)
        await night.run_for(hours=2)
        assert len(market.polls) - polls <= 62
        assert f"post-{late}" not in await night.store.known("market", [f"post-{late}"])
        assert [a["kind"] for a in night.alerts()] == ["new", "deleted"]

    play(tmp_path, datetime(2026, 3, 2, 5, 0, tzinfo=UTC), script)


@pytest.mark.parametrize(
    ("day", "zone", "hours", "every_s"),
    [
        ((2026, 3, 1), "UTC", 9, 60),
        ((2026, 3, 28), "Europe/Berlin", 8, 600),
        ((2026, 4, 4), "Australia/Lord_Howe", 9.5, 600),
    ],
)
def test_a_whole_night_is_polled_from_dusk_to_dawn_exactly(
    tmp_path: Path, day: tuple[int, int, int], zone: str, hours: float, every_s: int
) -> None:
    """Nights with a change of the clocks last 8 hours, in Lord Howe nine and a half.

    What a night is in other zones, `tests/watch/test_hours.py` says.
    """

    async def script(night: Night, market: Market) -> None:
        for number in range(4):
            market.publish(f"bicycle {number}")
        await night.run_for(hours=hours + 1.25)
        begin = datetime(*day, 21, tzinfo=ZoneInfo(zone))
        first, last = (night.clock._start + timedelta(seconds=s) for s in (market.polls[0], market.polls[-1]))
        assert timedelta(0) <= first - begin <= timedelta(seconds=every_s + 5)
        end = begin.astimezone(UTC) + timedelta(hours=hours)
        assert timedelta(0) <= end - last <= timedelta(seconds=every_s + 5)
        assert len(market.polls) == pytest.approx(hours * 3_600 / every_s, abs=3)
        assert len(await night.store.vigils_open("market")) == 4

    start = datetime(*day, 20, 30, tzinfo=ZoneInfo(zone))
    play(tmp_path, start, script, zone=zone, every_s=every_s, more="vigil_sample = 0.0")


def test_a_restart_in_the_night_loses_and_repeats_nothing(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        for number in range(12):
            market.publish(f"{HORN} no {number}", pictures=(picture(number),))
            await night.run_for(seconds=40)
            if number % 3 == 2:
                await night.kill()
                await night.start()
        await night.run_for(minutes=10)
        known = await night.store.known("market", [f"post-{n}" for n in range(1, 13)])
        assert len(known) == 12
        assert not await night.store.unjudged()
        told = [a["facts"]["post_id"] for a in night.alerts() if a["kind"] == "new"]
        assert len(told) == len(set(told))

    play(tmp_path, EVENING, script)


def test_a_bad_live_edit_keeps_the_watch_and_a_good_one_is_taken_over(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        good = night.config.read_text()
        night.config.write_text(good.replace("interval", "intervall"))
        await night.run_for(minutes=5)
        market.publish(HORN)
        await night.run_for(minutes=5)
        told = [a for a in night.alerts() if a["kind"] == "notice"]
        assert len(told) == 1
        assert "intervall" in told[0]["notice"]
        assert [a["kind"] for a in night.alerts() if a["kind"] != "notice"] == ["new"]
        night.write_config(
            night.stanza(market.url), night.stanza(market.site.url("/posts.json?b"), name="second")
        )
        market.site.script("/posts.json?b", market._feed)
        await night.run_for(minutes=5)
        assert night.daemon is not None
        assert set(night.daemon.roster.watches) == {"market", "second"}

    play(tmp_path, EVENING, script)


def test_a_target_whose_authority_is_open_is_left_out_and_told_while_the_others_run(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        right, other = night.stanza(market.url), night.stanza(market.site.url("/posts.json?b"), name="second")
        open_one = other.replace('"Unit 7"', '"<who ordered it>"')
        market.site.script("/posts.json?b", market._feed)
        await night.stop()
        night.write_config(right, open_one)
        await night.start()
        await night.run_for(minutes=5)
        assert night.daemon is not None
        assert set(night.daemon.roster.watches) == {"market"}
        row = night.daemon.house.rows["second"]
        assert (row.health, "authorised_by" in row.reason) == ("unfilled", True)
        told = [a["notice"] for a in night.alerts() if a["kind"] == "notice"]
        assert len(told) == 1
        assert "second" in told[0]
        night.write_config(right, open_one + "# a remark\n")  # told once, however often it is read
        await night.run_for(minutes=5)
        assert len([a for a in night.alerts() if a["kind"] == "notice"]) == 1
        night.write_config(right, other)
        await night.run_for(minutes=5)
        assert set(night.daemon.roster.watches) == {"market", "second"}
        assert night.daemon.house.rows["second"].health == "ok"
        night.write_config(right.replace('"Unit 7"', '"TODO"'), other)
        await night.run_for(minutes=5)
        assert set(night.daemon.roster.watches) == {"second"}
        assert night.daemon.house.rows["market"].health == "unfilled"

    play(tmp_path, EVENING, script)


def test_a_target_past_its_review_stops_and_says_so(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(hours=2)
        polls = len(market.polls)
        assert polls > 50
        await night.run_for(hours=3)  # the first of January has begun
        assert len(market.polls) < polls + 70
        assert night.daemon is not None
        assert night.daemon.house.rows["market"].health == "expired"
        (told,) = [a["notice"] for a in night.alerts() if a["kind"] == "notice"]
        assert "market is not watched: review was due after 2029-01-01" in told

    play(tmp_path, datetime(2029, 1, 1, 21, 30, tzinfo=UTC), script)


def test_a_stop_in_the_middle_of_a_capture_seals_what_had_come_and_the_rest_follows(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        hanging = asyncio.Event()

        async def hang(_request: web.Request) -> web.StreamResponse:
            hanging.set()
            await asyncio.sleep(3_600)
            return web.Response(status=500)

        number = market.publish(HORN, pictures=(picture(1), picture(2)))
        whole = market.site._answers["/pictures/1-1.jpg"]
        market.site.script("/pictures/1-1.jpg", hang)
        await asyncio.wait_for(hanging.wait(), 300)
        await night.stop()
        market.site._answers["/pictures/1-1.jpg"] = whole
        await night.start()
        await night.run_for(minutes=5)
        row = (await night.store.known("market", [f"post-{number}"]))[f"post-{number}"]
        second = await night.store.evidence(row.evidence_id)
        first = await night.store.evidence(second.previous)
        assert len(first.pictures) == 1
        assert first.page_sha256
        assert any("stopped" in a for a in first.absences)
        assert len(second.pictures) == 2
        assert not row.incomplete
        assert [a["kind"] for a in night.alerts()].count("new") == 1

    play(tmp_path, EVENING, script)


def test_a_post_deleted_during_its_capture_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        number = market.publish(HORN, pictures=(picture(1),))

        async def gone(_request: web.Request) -> web.StreamResponse:
            market.remove(number)
            return web.Response(status=404)

        market.site.script("/pictures/1-0.jpg", gone)
        market.site.script("/post/1", gone)
        await night.run_for(minutes=10)
        row = (await night.store.known("market", ["post-1"]))["post-1"]
        assert row.closed
        first = await night.store.evidence(row.evidence_id)
        while first.previous:
            first = await night.store.evidence(first.previous)
        assert first.post.text == HORN
        assert first.listing_sha256
        assert any("404" in a for a in first.absences)

    play(tmp_path, EVENING, script)


def test_a_retry_after_the_listing_dropped_a_post_is_no_sign_of_life(tmp_path: Path) -> None:
    """Once a picture was fetched again after its post had vanished, and the post counted as seen then."""

    async def script(night: Night, market: Market) -> None:
        market.publish("bicycle")
        await night.run_for(minutes=10)
        number = market.publish(HORN, pictures=(picture(1),))
        whole = market.site._answers["/pictures/2-0.jpg"]

        async def fails(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=500)

        market.site.script("/pictures/2-0.jpg", fails)
        await night.run_for(minutes=2)
        died = night.clock.now()
        market.remove(number)
        market.site._answers["/pictures/2-0.jpg"] = whole
        await night.run_for(minutes=15)
        (gone,) = [a for a in night.alerts() if a["kind"] == "deleted"]
        life = gone["lifetime"]
        seen, missing = (datetime.fromisoformat(life[k]) for k in ("last_seen_at", "first_missing_at"))
        assert seen <= died <= missing

    play(tmp_path, EVENING, script, more="[target.rules]\npage = false")


async def failing(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=500)


def test_an_edit_of_a_post_whose_picture_never_comes_is_still_an_edit(tmp_path: Path) -> None:
    """A seller could hide edits behind one picture on a dead host."""

    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        number = market.publish(HORN, pictures=(picture(1),))
        market.site.script(f"/pictures/{number}-0.jpg", failing)
        await night.run_for(minutes=5)
        market.adverts[number].text = "sold, thank you"
        await night.run_for(minutes=10)
        assert Observation.CHANGED in await observations(night, f"post-{number}")
        row = (await night.store.known("market", [f"post-{number}"]))[f"post-{number}"]
        assert "sold, thank you" in (await night.store.evidence(row.evidence_id)).post.text

    play(tmp_path, EVENING, script)


def test_the_first_reading_of_a_page_is_no_edit(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        number = market.publish(HORN)
        page = market.site._answers[f"/post/{number}"]
        market.site.script(f"/post/{number}", failing)
        await night.run_for(seconds=90)
        market.site._answers[f"/post/{number}"] = page
        await night.run_for(minutes=20)
        assert set(await observations(night, f"post-{number}")) == {Observation.SEEN}
        assert "changed" not in [a["kind"] for a in night.alerts()]

    play(tmp_path, EVENING, script)


def test_a_stop_seals_the_posts_that_nobody_had_come_to_yet(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        hanging = asyncio.Event()

        async def hang(_request: web.Request) -> web.StreamResponse:
            hanging.set()
            await asyncio.sleep(3_600)
            return web.Response(status=500)

        numbers = [market.publish(f"{HORN} no {n}") for n in range(12)]
        for number in numbers:
            market.site.script(f"/post/{number}", hang)
        await asyncio.wait_for(hanging.wait(), 300)
        await night.stop()
        for number in numbers:
            market.remove(number)
        await night.start()
        await night.run_for(seconds=1)
        known = await night.store.known("market", [f"post-{n}" for n in numbers])
        assert len(known) == 12
        for row in known.values():
            evidence = await night.store.evidence(row.evidence_id)
            assert evidence.listing_sha256
            assert evidence.post.text.startswith(HORN)

    play(tmp_path, EVENING, script)
