"""The market serves what its world holds: read back by a small client over real sockets."""

from __future__ import annotations

import hashlib
import html
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import pytest

from nightmarket.crier import happenings
from nightmarket.judging.capture import squeezed
from nightmarket.model import Advert, Gone, Site, Style, Trouble, World
from nightmarket.routes import CLASSIFIEDS, FORUMS
from nightmarket.truth import lines, read_served
from nightmarket.world import make
from tests.night.stall import Stall, visit

WHOLE_IN_LISTING = {
    *(Style.RSS, Style.RDF, Style.ATOM, Style.JSONFEED, Style.MASTODON),
    *(Style.WORDPRESS, Style.LEMMY, Style.SHOP_API, Style.TELEGRAM),
}


@pytest.fixture(scope="module")
def world() -> World:
    return make(1)


def _quiet(world: World, site: Site, after: datetime) -> datetime:
    """An instant at which the site suffers no trouble but its layout, and shows something."""
    troubles = [t.span for t in world.troubles if t.site == site.number and t.kind != "layout"]
    moment = after
    while any(span.begin <= moment < span.end for span in troubles):
        moment += timedelta(minutes=1)
    return moment


def _words(site: Site, body: bytes) -> str:
    """All the text of an answer, markup, entities and escapes undone, strictly decoded."""
    text = body.decode("cp932" if site.encoding == "shift_jis" else site.encoding)
    if body[:1] in (b"{", b"["):
        text = json.dumps(json.loads(text), ensure_ascii=False)
        text = json.loads(f'"{text}"') if '"' not in text else text.replace('\\"', '"').replace("\\n", "\n")
    text = re.sub(r"<(?:br/?|/?i|/?b)(?: [^>]*)?>", "", html.unescape(text))
    return squeezed(html.unescape(re.sub(r"<[^>]{0,400}>", "", text)) + html.unescape(text))


def _page_path(site: Site, advert: Advert) -> str:
    paths = {
        Style.DISCOURSE: f"/t/topic/{advert.post_id}",
        Style.MASTODON: f"/@{advert.seller}/{advert.post_id}",
        Style.WORDPRESS: f"/archives/{advert.post_id}",
        Style.LEMMY: f"/post/{advert.post_id}",
        Style.SHOP_API: f"/goods/{advert.post_id}",
        Style.TELEGRAM: f"/{site.name}/{advert.post_id}?embed=1",
        Style.CLASSIFIED: f"/item/{advert.post_id}.html",
        Style.CLASSIFIED_LD: f"/item/{advert.post_id}.html",
        Style.FORUM: f"/thread-{advert.post_id}-1-1.html",
        Style.BOARD: f"/viewtopic.php?t={advert.post_id}",
    }
    return paths.get(site.style, f"/p/{advert.post_id}.html")


async def _listing(stall: Stall, site: Site) -> list[bytes]:
    """Every page of the listing that the configuration follows."""
    bodies = []
    for number in range(1, site.pages + 1):
        path = stall.start(site)
        status, _, body = await stall.get(site, path if number == 1 else f"{path}?page={number}")
        assert status == 200
        bodies.append(body)
    return bodies


def test_every_site_lists_what_is_on_show_and_shows_each_post_whole(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        for site in world.sites:
            shelf = stall.shelves[site.number]
            stall.set_time(_quiet(world, site, world.start + timedelta(minutes=100)))
            now = stall.hours.now()
            shown = shelf.on_show(now)[: site.reach]
            text = "".join([_words(site, body) for body in await _listing(stall, site)])
            for advert in shown:
                said = advert.wording(shelf.listing_time(now))
                assert squeezed(said.title) in text or said.title == ".", (site.name, said.title)
                if site.style in WHOLE_IN_LISTING:
                    assert squeezed(said.text) in text, (site.name, said.text)
            for advert in [a for a in shown if a.is_alive(now)][:4]:
                status, _, page = await stall.get(site, _page_path(site, advert))
                assert status == 200
                assert squeezed(advert.wording(now).text) in _words(site, page), (site.name, advert.key)
                for number in range(1, len(advert.pictures) + 1):
                    status, _, picture = await stall.get(site, f"/img/{advert.post_id}/{number}.jpg")
                    assert (status, picture[:3]) == (200, b"\xff\xd8\xff")
                    listing_only = site.style is Style.TELEGRAM
                    assert f"/img/{advert.post_id}/{number}.jpg".encode() in page or listing_only

    visit(world, tmp_path, work)


def test_a_post_that_is_gone_is_told_in_the_manner_of_its_site(world: World, tmp_path: Path) -> None:
    expected = {
        Gone.NOT_FOUND: 404,
        Gone.EXPLAINED: 404,
        Gone.GONE: 410,
        Gone.SOFT: 200,
        Gone.STUB: 200,
        Gone.CARD: 200,
        Gone.HOME: 302,
    }

    async def work(stall: Stall) -> None:
        seen = set()
        for site in world.sites:
            shelf = stall.shelves[site.number]
            advert = next(a for a in shelf.adverts if len(a.alive) == 1 and a.alive[0].end < world.end)
            stall.set_time(_quiet(world, site, advert.alive[0].end + timedelta(minutes=10)))
            status, headers, page = await stall.get(site, _page_path(site, advert))
            seen.add(site.gone)
            assert status == expected[site.gone], site.name
            if len(advert.first.text) > 4:
                assert squeezed(advert.first.text) not in _words(site, page), site.name
            if site.gone is Gone.HOME:
                assert headers["Location"] == "/"
            stall.set_time(_quiet(world, site, advert.alive[0].end + timedelta(minutes=10)))
            for body in await _listing(stall, site):
                assert f'"{_page_path(site, advert)}"'.encode() not in body
        assert seen == set(expected)

    visit(world, tmp_path, work)


def test_pictures_outlive_their_post_on_some_sites_and_not_on_others(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        for number, kept in ((21, True), (27, False)):
            site = world.sites[number - 1]
            advert = next(
                a for a in stall.shelves[number].adverts if a.pictures and a.alive[0].end < world.end
            )
            stall.set_time(_quiet(world, site, advert.alive[-1].end + timedelta(minutes=1)))
            status, _, _ = await stall.get(site, f"/img/{advert.post_id}/1.jpg")
            assert (status == 200) is kept
            stall.set_time(_quiet(world, site, advert.published - timedelta(hours=9)))
            status, _, _ = await stall.get(site, f"/img/{advert.post_id}/1.jpg")
            assert status == 404

    visit(world, tmp_path, work)


def test_no_two_bodies_of_a_listing_or_a_page_are_the_same(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        for site in world.sites:
            stall.set_time(_quiet(world, site, world.start + timedelta(minutes=100)))
            if site.style in (
                Style.MASTODON,
                Style.WORDPRESS,
                Style.LEMMY,
                Style.ATOM,
                Style.RSS,
                Style.RSS_SHORT,
            ):
                continue  # these carry nothing but posts and a time, and time stands still here
            bodies = [(await stall.get(site, stall.start(site)))[2] for _ in range(3)]
            assert len(set(bodies)) == 3, site.name

    visit(world, tmp_path, work)


def _during(world: World, site: Site, kind: str) -> Trouble:
    return next(t for t in world.troubles if t.site == site.number and t.kind == kind)


def _with(world: World, trait: str) -> Site:
    return next(s for s in world.sites if trait in s.traits)


def test_a_busy_site_answers_429_with_retry_after_in_both_forms(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        site = _with(world, "busy")
        span = _during(world, site, "busy").span
        forms = set()
        for seconds in range(1, 9):
            stall.set_time(span.begin + timedelta(seconds=seconds))
            status, headers, _ = await stall.once(site, stall.start(site))
            assert status == 429
            after = headers["Retry-After"]
            forms.add(after.isdigit())
            until = (
                stall.hours.now() + timedelta(seconds=int(after))
                if after.isdigit()
                else parsedate_to_datetime(after)
            )
            assert timedelta(0) <= until - span.end < timedelta(seconds=3)
        assert forms == {True, False}

    visit(world, tmp_path, work)


def test_captcha_login_blip_outage_and_new_layout_come_when_the_world_says(
    world: World, tmp_path: Path
) -> None:
    async def work(stall: Stall) -> None:
        captcha = _with(world, "captcha")
        stall.set_time(_during(world, captcha, "captcha").span.begin)
        status, _, body = await stall.once(captcha, stall.start(captcha))
        assert status == 403
        assert b"captcha" in body

        down = _with(world, "down")
        stall.set_time(_during(world, down, "down").span.begin)
        with pytest.raises(aiohttp.ClientError):
            await stall.once(down, stall.start(down))

        for trait, status in (("login", 302), ("blips", 404)):
            site = _with(world, trait)
            span = _during(world, site, trait.removesuffix("s")).span
            stall.set_time(span.begin)
            advert = next(a for a in stall.shelves[site.number].adverts if a.is_alive(span.begin))
            assert (await stall.once(site, _page_path(site, advert)))[0] == status
            assert (await stall.get(site, stall.start(site)))[0] == 200

        changing = _with(world, "layout")
        moment = _during(world, changing, "layout").span.begin
        for at, mark in ((moment - timedelta(seconds=1), b"ItemList"), (moment, b"x-grid")):
            stall.set_time(at)
            assert mark in (await stall.get(changing, stall.start(changing)))[2]

    visit(world, tmp_path, work)


def test_an_etag_answers_304_until_the_listing_changes_and_one_follows_the_newest_only(
    world: World, tmp_path: Path
) -> None:
    async def work(stall: Stall) -> None:
        for trait in ("etag", "etag-newest"):
            site = _with(world, trait)
            shelf = stall.shelves[site.number]
            old = next(
                a
                for a in shelf.adverts
                if world.start < a.alive[0].end < world.end
                and shelf.on_show(a.alive[0].end - timedelta(seconds=1))[0] is not a
                and a in shelf.page(a.alive[0].end - timedelta(seconds=1), 1)
            )
            stall.set_time(old.alive[0].end - timedelta(seconds=1))
            _, headers, _ = await stall.get(site, stall.start(site))
            asked = {"If-None-Match": headers["ETag"], "If-Modified-Since": headers["Last-Modified"]}
            assert (await stall.get(site, stall.start(site), headers=asked))[0] == 304
            stall.set_time(old.alive[0].end)
            status, _, _ = await stall.get(site, stall.start(site), headers=asked)
            assert status == (304 if trait == "etag-newest" else 200), trait

    visit(world, tmp_path, work)


def test_bodies_come_compressed_where_the_client_takes_it(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        site = _with(world, "br")
        stall.set_time(_quiet(world, site, world.start))
        used = set()
        for _ in range(20):
            _, headers, _ = await stall.get(site, stall.start(site))
            used.add(headers.get("Content-Encoding"))
        assert used == {"br", "gzip"}
        _, headers, _ = await stall.get(site, stall.start(site), headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in headers

    visit(world, tmp_path, work)


def test_about_three_in_a_hundred_fail_one_is_cut_and_the_log_says_which(
    world: World, tmp_path: Path
) -> None:
    async def work(stall: Stall) -> None:
        site = world.sites[14]
        stall.set_time(world.start + timedelta(minutes=30))
        broken = failed = 0
        for _ in range(1500):
            try:
                status, _, body = await stall.once(site, stall.start(site))
                failed += status in (500, 502)
                assert status in (200, 500, 502)
                assert body
            except aiohttp.ClientError:
                broken += 1
        stall.log.flush()
        served = read_served(stall.truth)
        assert 1500 <= len(served) < 1560  # the client library tries once more when a line breaks
        assert 15 < failed < 70
        assert failed == sum(s.status in (500, 502) for s in served)
        assert 0 < broken <= sum(not s.sent for s in served)
        cut = [s for s in served if s.fault == "cut"]
        assert 4 < len(cut) < 32
        assert all(s.sha256 and not s.sent for s in cut)

    visit(world, tmp_path, work)


def test_the_log_names_each_body_by_hash_with_the_posts_it_carried(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        site = world.sites[20]
        stall.set_time(_quiet(world, site, world.start + timedelta(minutes=60)))
        advert = next(a for a in stall.shelves[21].on_show(stall.hours.now()) if a.pictures)
        _, _, page = await stall.get(site, _page_path(site, advert))
        _, _, picture = await stall.get(site, f"/img/{advert.post_id}/1.jpg")
        stall.log.flush()
        served = {s.sha256: s for s in read_served(stall.truth)}
        assert served[hashlib.sha256(page).hexdigest()].whole == (advert.key,)
        age = stall.hours.now() - served[hashlib.sha256(page).hexdigest()].at
        assert timedelta(0) <= age < timedelta(seconds=1)
        assert served[hashlib.sha256(picture).hexdigest()].picture == f"{advert.key}#1"

    visit(world, tmp_path, work)


def test_the_crier_tells_every_birth_edit_death_and_trouble_once(world: World) -> None:
    told = [(what, str(facts.get("post", ""))) for _, what, facts in happenings(world)]
    for advert in world.adverts:
        assert told.count(("publish", advert.key)) == 1
        break
    assert sum(what == "publish" for what, _ in told) == len(world.adverts)
    assert sum(what == "edit" for what, _ in told) == sum(len(a.edits) for a in world.adverts)
    assert sum(what == "delete" for what, _ in told) == sum(len(a.alive) for a in world.adverts)
    assert sum(what == "restore" for what, _ in told) == sum(len(a.alive) - 1 for a in world.adverts)
    assert sum(what == "trouble" for what, _ in told) == len(world.troubles)


def test_addresses_that_name_nothing_are_404_and_nothing_may_be_posted(world: World, tmp_path: Path) -> None:
    async def work(stall: Stall) -> None:
        site = world.sites[20]
        stall.set_time(_quiet(world, site, world.start))
        for path in ("/nope", "/item/99999999.html", "/img/1/1.jpg", "/item/.html", "/%00", "/list?page=-1"):
            assert (await stall.get(site, path))[0] in (404, 200 if "list" in path else 404)
        async with stall.session.post(stall.url(site, "/list")) as answer:
            assert answer.status == 405

    visit(world, tmp_path, work)


def test_a_torn_last_line_of_the_log_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.ndjson"
    whole = json.dumps({"what": "served", "at": datetime.now(UTC).isoformat(), "sent": True})
    path.write_text(f"{whole}\n{whole[:20]}")
    assert len(list(lines(path))) == 1
    assert [s.sent for s in read_served(path)] == [True]


def test_forums_and_classifieds_have_further_pages_and_feeds_do_not(world: World) -> None:
    for site in world.sites:
        assert (site.pages > 1) is (site.style in (*CLASSIFIEDS, *FORUMS))
