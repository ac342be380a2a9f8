"""`try` and `add` against a site on loopback: what is found, what is missing, what is offered."""

# ruff: noqa: E501  pages as sites write them
from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from storage.clock import SystemClock
from storage.errors import FeedTrouble
from storage.model import Authority, HostLimit, Post, Target
from tests.fakes.site import FakeSite
from tests.feeds.pages import NOW, page
from watchers.feed import load
from watchers.fetch import Fetcher
from watchers.offers import linked_feeds, settings_of
from watchers.trial import recognise, suggested_interval, trial

CLOCK = SystemClock()
QUICK = HostLimit(requests_per_s=1000.0, concurrency=4)


@pytest.fixture
async def site() -> AsyncIterator[FakeSite]:
    async with FakeSite() as running:
        yield running


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    asker = Fetcher(CLOCK, contact="admin@example.org", allow=("127.0.0.0/8",), hosts={"127.0.0.1": QUICK})
    yield asker
    await asker.close()


def target(url: str, *, kind: str = "html", **rules: object) -> Target:
    nobody = Authority(legal_basis="law", authorised_by="office", review_after=date(2030, 1, 1))
    settings = settings_of(load(kind), dict(rules))
    return Target(name="t", kind=kind, url=url, authority=nobody, rules=settings, host_limit=QUICK)


def listing(count: int) -> bytes:
    rows = "".join(
        f'<li class=ad><h3><a href="/ad/{n}">Old thing number {n}</a></h3><b class=price>${n}0</b><img src=/p/{n}.jpg></li>'
        for n in range(1, count + 1)
    )
    return f"<title>Ads</title><main><ul>{rows}</ul></main>".encode()


def own(n: int) -> bytes:
    return f"<title>Old thing number {n}</title><main><h1>Old thing number {n}</h1><div class=description>Long words about {n}, which is heavy.</div><img src=/o/{n}.jpg><img src=/o/{n}b.jpg></main>".encode()


async def test_a_trial_reads_the_listing_once_and_three_own_pages(site: FakeSite, fetcher: Fetcher) -> None:
    site.put("/ads", listing(5), headers={"ETag": '"1"'})
    for n in range(1, 6):
        site.put(f"/ad/{n}", own(n))
    tried = await trial(fetcher, target(site.url("/ads")), CLOCK)
    assert [p for p in site.paths() if p != "/robots.txt"] == ["/ads", "/ad/1", "/ad/2", "/ad/3"]
    assert tried.works
    assert tried.looked_into == 3
    assert len(tried.posts) == 5
    assert tried.posts[0].text == "Long words about 1, which is heavy."
    assert tried.pictures == 6
    counts = {fill.field: (fill.on_listing, fill.with_page) for fill in tried.fills}
    assert counts["title"] == (5, 3)
    assert counts["price"] == (5, 3)
    assert counts["text"] == (0, 3)
    assert tried.missing == ("seller", "location", "posted")
    assert tried.conditional == "ETag"
    assert tried.encoding == "utf-8"
    assert tried.interval_s == 30


async def test_an_own_page_that_is_gone_is_told_and_the_rest_goes_on(
    site: FakeSite, fetcher: Fetcher
) -> None:
    site.put("/ads", listing(3))
    site.put("/ad/2", own(2))
    tried = await trial(fetcher, target(site.url("/ads")), CLOCK)
    assert len(tried.pages_failed) == 2
    assert "404" in tried.pages_failed[0]
    assert tried.posts[1].text


async def test_own_pages_that_all_read_alike_are_pointed_out(site: FakeSite, fetcher: Fetcher) -> None:
    site.put("/ads", listing(3))
    for n in range(1, 4):
        site.put(f"/ad/{n}", own(9))
    tried = await trial(fetcher, target(site.url("/ads")), CLOCK)
    assert any("same text" in note for note in tried.notes)


async def test_a_wall_robots_and_a_missing_page_are_findings(site: FakeSite, fetcher: Fetcher) -> None:
    site.put("/wall", b"<title>Just a moment...</title>", status=403, headers={"cf-mitigated": "challenge"})
    site.put("/robots.txt", b"User-agent: *\nDisallow: /private", headers={"Content-Type": "text/plain"})
    gone = await trial(fetcher, target(site.url("/gone")), CLOCK)
    assert "404" in gone.trouble
    barred = await trial(fetcher, target(site.url("/private")), CLOCK)
    assert "forbids" in barred.robots
    assert "/private" not in site.paths()
    walled = await trial(fetcher, target(site.url("/wall")), CLOCK)
    assert walled.wall == "challenge"
    assert walled.trouble
    assert not walled.works


async def test_no_posts_and_a_selector_without_match_are_said(site: FakeSite, fetcher: Fetcher) -> None:
    site.put("/ads", b"<title>x</title><p>Nothing is listed here today.</p>")
    assert any("item" in note for note in (await trial(fetcher, target(site.url("/ads")), CLOCK)).notes)
    tried = await trial(fetcher, target(site.url("/ads"), item="li.ad"), CLOCK)
    assert not tried.works
    assert not tried.trouble
    assert "li.ad" in " ".join(tried.notes)


async def test_a_page_and_its_feed_are_both_offered_with_the_lag_of_the_feed(
    site: FakeSite, fetcher: Fetcher
) -> None:
    rows = "".join(
        f'<article><h2><a href="/p/{n}">Post number {n} here</a></h2><time datetime="2026-11-2{n}T10:00:00Z">x</time></article>'
        for n in (4, 3, 2, 1)
    )
    head = '<link rel=alternate type="application/rss+xml" href="/feed"><link rel=alternate type="application/rss+xml" title="Comments" href="/comments/feed">'
    site.put("/", f"<html><head><title>B</title>{head}</head><main>{rows}</main>".encode())
    items = "".join(
        f"<item><title>Post number {n} here</title><link>{site.url(f'/p/{n}')}</link><guid>{n}</guid><pubDate>2{n} Nov 2026 10:00:00 GMT</pubDate><description>{'Full words. ' * 30}</description></item>"
        for n in (2, 1)
    )
    site.put(
        "/feed",
        f'<rss version="2.0"><channel><title>B</title>{items}</channel></rss>'.encode(),
        headers={"Content-Type": "application/rss+xml"},
    )
    found = await recognise(fetcher, site.url("/"), CLOCK)
    assert [(one.kind, one.url) for one in found] == [("rss", site.url("/feed")), ("html", site.url("/"))]
    assert "lags" in found[0].why
    assert "2 days" in found[0].why
    assert "/comments/feed" not in site.paths()


async def test_apis_are_asked_only_where_the_page_names_them(site: FakeSite, fetcher: Fetcher) -> None:
    site.put("/", listing(6))
    found = await recognise(fetcher, site.url("/"), CLOCK)
    assert [one.kind for one in found] == ["html"]
    assert [p for p in site.paths() if p != "/robots.txt"] == ["/"]


async def test_a_site_that_cannot_be_had_raises_feed_trouble(site: FakeSite, fetcher: Fetcher) -> None:
    with pytest.raises(FeedTrouble):
        await recognise(fetcher, site.url("/gone"), CLOCK)


async def test_every_sample_is_recognised_as_html(site: FakeSite, fetcher: Fetcher) -> None:
    samples = Path(__file__).parents[1] / "samples" / "html"
    for path in sorted(samples.glob("*.json")):
        sample = json.loads(path.read_text())
        if sample["posts"]:
            answer = page(path.with_suffix(".html").read_bytes(), url=sample["url"])
            told = load("html").recognise(answer, NOW)
            assert told is not None, path.stem
            assert told.confidence >= 0.5, path.stem


def at(*minutes: float) -> list[Post]:
    return [
        Post(post_id=str(m), url="u", posted_at=datetime(2026, 11, 24, 13, tzinfo=UTC) - timedelta(minutes=m))
        for m in minutes
    ]


def test_the_interval_follows_how_fast_a_listing_rolls_over() -> None:
    answer = page("x")
    assert suggested_interval(at(*range(0, 600, 20)), answer)[0] == 30
    assert suggested_interval(at(*(m / 60 for m in range(30))), answer)[0] < 30
    assert suggested_interval(at(0), answer)[0] == 30
    pinned = [*at(*(n * 30 for n in range(20))), *at(600_000)]
    assert "days" not in suggested_interval(pinned, answer)[1]


def test_feeds_are_found_in_the_head_of_a_page() -> None:
    head = '<link rel="alternate nofollow" type="application/atom+xml; charset=utf-8" href="/a"><link rel=alternate hreflang=de href=/de>'
    answer = replace(page(head), url="https://m.example/x/")
    assert linked_feeds(answer) == ["https://m.example/a"]
