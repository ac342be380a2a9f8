"""Fetching from a real server on loopback: what is asked, what is kept, what is told."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from datetime import UTC, datetime

import pytest
from aiohttp import web

from storage.errors import AskedToWait, Blocked, HostDown, Refused, RobotsForbid, TooBig
from storage.model import HostLimit, Validators
from tests.fakes.site import FakeSite, RawSite, says
from tests.watch.kit import FAST, fetching, target
from watchers.answers import retry_after_s
from watchers.fetch import Fetcher, agent


async def test_an_answer_comes_with_its_times_and_addresses() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/a?b=c", b"<p>hello</p>", headers={"X-One": "1"})
        before = datetime.now(UTC)
        answer = await fetcher.get(site.url("/a?b=c"), target(site.url("/a?b=c")), purpose="page")
        assert (answer.status, answer.reason, answer.body) == (200, "OK", b"<p>hello</p>")
        assert answer.header("x-one") == "1"
        assert before <= answer.started_at <= answer.first_byte_at <= answer.ended_at <= datetime.now(UTC)
        assert 0 < answer.elapsed_s < 20
        assert answer.connection.peer == f"127.0.0.1:{site.port}"
        assert answer.connection.local.startswith("127.0.0.1:")
        assert answer.connection.http_version == "1.1"
        assert (answer.shortfall, answer.hops) == ("", ())


async def test_we_say_who_we_are_and_send_nothing_else_about_us() -> None:
    async with FakeSite() as site, fetching(contact="https://agency.example/watch") as fetcher:
        site.put("/", b"", headers={"Set-Cookie": "session=1; Path=/"})
        for _ in range(2):
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing")
        sent = site.visits[-1].headers
        assert sent["User-Agent"].startswith("Nightjar/")
        assert sent["User-Agent"].endswith("(+https://agency.example/watch)")
        assert sent["Accept-Encoding"] == "gzip, deflate, br"
        assert set(sent) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


@pytest.mark.parametrize("contact", ["a\r\nX-Evil: 1", "a\nb", "a\x00b"])
def test_a_contact_cannot_break_out_of_its_header(contact: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        agent(contact)


@pytest.mark.parametrize("status", [200, 204, 400, 404, 410, 418, 500, 502, 504])
async def test_every_plain_status_comes_back_as_an_answer(status: int) -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/", b"said who removed it, and why" if status != 204 else b"", status=status)
        answer = await fetcher.get(site.url("/"), target(site.url("/")), purpose="page")
        assert answer.status == status


async def test_a_conditional_request_gets_its_304() -> None:
    async def page(request: web.Request) -> web.Response:
        known = request.headers.get("If-None-Match") == '"v1"' and "If-Modified-Since" in request.headers
        return web.Response(status=304 if known else 200, text="x", headers={"ETag": '"v1"'})

    async with FakeSite() as site, fetching() as fetcher:
        site.script("/", page)
        seen = Validators(etag='"v1"', last_modified="Tue, 03 Mar 2026 21:00:00 GMT")
        first = await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing")
        second = await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing", validators=seen)
        assert (first.status, second.status, second.body) == (200, 304, b"")
        assert fetcher.hosts()[0].not_modified == 1


async def test_validators_and_own_headers_stay_at_home() -> None:
    async with FakeSite() as site, FakeSite("127.0.0.2") as other, fetching() as fetcher:
        site.put("/", status=302, headers={"Location": other.url("/")})
        other.put("/", b"elsewhere")
        goal = target(site.url("/"), headers=(("Accept-Language", "vi"), ("X-Key", "secret")))
        await fetcher.get(site.url("/"), goal, purpose="listing", validators=Validators(etag='"v1"'))
        assert site.visits[0].headers["X-Key"] == "secret"
        assert site.visits[0].headers["If-None-Match"] == '"v1"'
        assert {"X-Key", "If-None-Match"}.isdisjoint(other.visits[0].headers)


async def test_a_target_cannot_change_who_we_say_we_are() -> None:
    own = (
        ("User-Agent", "Mozilla/5.0"),
        ("host", "evil.example"),
        ("accept", "text/plain"),
        ("X-A", "1"),
    )
    async with FakeSite() as site, fetching() as fetcher:
        await fetcher.get(site.url("/"), target(site.url("/"), headers=own), purpose="listing")
        sent = site.visits[0].headers
        assert sent["User-Agent"].startswith("Nightjar/")
        assert sent["Host"] == f"127.0.0.1:{site.port}"
        assert (sent["Accept"], sent["X-A"]) == ("text/plain", "1")
        assert len([name for name in sent if name.lower() in ("user-agent", "accept", "host")]) == 3


async def test_a_host_that_has_moved_is_looked_up_anew() -> None:
    told: list[str] = []

    def lookup(host: str, port: int, family: int) -> list[tuple[int, str]]:
        told.append("127.0.0.9" if not told else "127.0.0.1")
        return [(2, told[-1])]

    async with FakeSite() as site, fetching(lookup=lookup) as fetcher:
        site.put("/", b"here")
        url = f"http://moving.example:{site.port}/"
        with pytest.raises(HostDown, match="no connection"):
            await fetcher.get(url, target(url), purpose="page")
        assert (await fetcher.get(url, target(url), purpose="page")).body == b"here"


async def test_redirects_are_followed_and_told() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/old", status=301, headers={"Location": "new?x=1#part"})
        site.put("/new?x=1", status=307, headers={"Location": "/last"})
        site.put("/last", b"here")
        answer = await fetcher.get(site.url("/old"), target(site.url("/old")), purpose="page")
        assert (answer.url, answer.requested_url, answer.body) == (
            site.url("/last"),
            site.url("/old"),
            b"here",
        )
        assert [(h.url, h.status, h.location) for h in answer.hops] == [
            (site.url("/old"), 301, "new?x=1#part"),
            (site.url("/new?x=1"), 307, "/last"),
        ]


async def test_a_redirect_in_raw_utf8_is_followed() -> None:
    head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /商品\r\n\r\n".encode()
    async with RawSite(says(head)) as site, fetching() as fetcher:
        with pytest.raises(TooBig, match="circle"):
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="page")
        assert site.asked[1].startswith(b"GET /%E5%95%86%E5%93%81 HTTP/1.1")


async def test_a_redirect_status_without_a_place_is_an_answer() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/", b"where?", status=302)
        answer = await fetcher.get(site.url("/"), target(site.url("/")), purpose="page")
        assert (answer.status, answer.body) == (302, b"where?")


async def test_percent_encodings_are_asked_as_the_site_wrote_them() -> None:
    odd = "/p%7Eq/%cf%f3%D1%C0?sig=a%2Bb%2fc%3d&x=[1]"
    async with FakeSite() as site, fetching() as fetcher:
        await fetcher.get(site.url(odd), target(site.url("/")), purpose="picture")
        await fetcher.get(site.url("/a b?q=象牙|x"), target(site.url("/")), purpose="picture")
        assert site.paths() == [odd, "/a%20b?q=%E8%B1%A1%E7%89%99%7Cx"]


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        ("gzip", gzip.compress(b"hello " * 1000, mtime=0)),
        ("x-gzip", gzip.compress(b"hello " * 1000, mtime=0)),
        ("GZIP", gzip.compress(b"hello " * 500, mtime=0) + gzip.compress(b"hello " * 500, mtime=0)),
        ("gzip", gzip.compress(b"hello " * 1000, mtime=0) + b"\0\0padding"),
        ("deflate", zlib.compress(b"hello " * 1000)),
        ("deflate", zlib.compress(b"hello " * 1000)[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(b"hello " * 1000), mtime=0)),
        ("identity", b"hello " * 1000),
        ("", b"hello " * 1000),
    ],
)
async def test_content_codings_are_undone_and_the_wire_kept(name: str, coded: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (
        name.encode(),
        len(coded),
    )
    async with RawSite(says(head + coded)) as site, fetching() as fetcher:
        answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
        assert answer.body == b"hello " * 1000
        assert answer.shortfall == ""
        exact = answer.wire if answer.framing == "exact" else answer.wire + answer.body
        assert exact == head + coded


async def test_brotli_is_undone() -> None:
    import brotli

    coded = brotli.compress(b"hello " * 100_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: %d\r\n\r\n" % len(coded)
    async with RawSite(says(head + coded)) as site, fetching() as fetcher:
        answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
        assert answer.body == b"hello " * 100_000


async def test_plain_text_that_says_gzip_is_kept_as_it_came() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"
    async with RawSite(says(head)) as site, fetching() as fetcher:
        answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
        assert answer.body == b"plain"
        assert "though the body is not" in answer.shortfall


async def test_a_body_up_to_the_bound_is_whole_and_one_byte_more_is_too_big() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/", b"x" * 5000)
        goal = target(site.url("/"), max_body_bytes=5000)
        assert len((await fetcher.get(site.url("/"), goal, purpose="page")).body) == 5000
        with pytest.raises(TooBig):
            await fetcher.get(site.url("/"), goal, purpose="page", max_bytes=4999)


async def test_429_and_503_pause_the_host_for_the_time_they_name() -> None:
    async with FakeSite() as site, FakeSite("127.0.0.2") as other, fetching() as fetcher:
        site.put("/", b"slow down", status=429, headers={"Retry-After": "120"})
        other.put("/", b"fine")
        with pytest.raises(AskedToWait) as first:
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing")
        assert first.value.retry_after_s == 120
        with pytest.raises(AskedToWait) as second:
            await fetcher.get(site.url("/b"), target(site.url("/"), name="another"), purpose="page")
        assert second.value.retry_after_s == pytest.approx(120, abs=2)
        assert site.paths() == ["/"]
        assert (await fetcher.get(other.url("/"), target(other.url("/")), purpose="page")).body == b"fine"


async def test_an_absurd_retry_after_is_cut_to_half_an_hour() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/", status=503, headers={"Retry-After": "Wed, 01 Jan 2098 00:00:00 GMT"})
        with pytest.raises(AskedToWait) as told:
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing")
        assert told.value.retry_after_s == 1800


async def test_without_a_time_the_pause_is_our_own_back_off() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/", status=503)
        with pytest.raises(AskedToWait) as told:
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing")
        assert 11 <= (told.value.retry_after_s or 0) <= 15


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("90", 90), ("Sun, 01 Mar 2026 22:02:00 GMT", 120), ("Sun, 01 Mar 2026 21:00:00 GMT", 0),
        ("Sunday, 01-Mar-26 22:02:00 GMT", 120), ("", None), ("soon", None), ("-5", None), ("1.5", None),
        ("9" * 400, 999_999_999_999), ("Sun, 99 Mar 2026 22:02:00 GMT", None), ("٣", None),
    ],
)  # fmt: skip
async def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nRetry-After: %s\r\n\r\n" % text.encode()
    async with RawSite(says(head)) as site, fetching() as fetcher:
        answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
    assert retry_after_s(answer, datetime(2026, 3, 1, 22, tzinfo=UTC)) == seconds


async def test_a_wall_is_raised_with_what_was_met() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/", b"<html><title>Just a moment...</title><script>_cf_chl_opt</script></html>", status=403)
        with pytest.raises(Blocked) as met:
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing")
        assert met.value.wall == "challenge"
        assert met.value.response is not None
        assert met.value.response.status == 403
        assert (met.value.retry_after_s or 0) > 10
        with pytest.raises(AskedToWait):  # no storm: the whole host rests
            await fetcher.get(site.url("/2"), target(site.url("/")), purpose="page")
        assert site.paths() == ["/"]


async def test_one_page_behind_a_log_in_does_not_pause_its_host() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/private", status=302, headers={"Location": "/login?next=/private"})
        site.put("/login?next=/private", b"<h1>Log in</h1>")
        site.put("/open", b"open")
        with pytest.raises(Blocked) as met:
            await fetcher.get(site.url("/private"), target(site.url("/")), purpose="page")
        assert met.value.wall == "login"
        assert (await fetcher.get(site.url("/open"), target(site.url("/")), purpose="page")).body == b"open"


async def test_a_picture_is_no_wall_and_carries_whose_page_it_was_on() -> None:
    async with FakeSite() as site, FakeSite("127.0.0.2") as pictures, fetching() as fetcher:
        pictures.put("/1.jpg", b"", status=403)
        goal = target(site.url("/list?page=1"))
        answer = await fetcher.get(pictures.url("/1.jpg"), goal, purpose="picture")
        assert answer.status == 403
        assert pictures.visits[0].headers["Referer"] == site.origin + "/"
        assert pictures.visits[0].headers["Accept"].startswith("image/")


async def test_a_kept_connection_that_was_closed_is_asked_again_in_turn() -> None:
    async def once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(site.asked) == 2:
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with RawSite(once) as site, fetching() as fetcher:
        goal = target(site.url(), host_limit=HostLimit(requests_per_s=20, concurrency=1))
        for _ in range(2):
            assert (await fetcher.get(site.url(), goal, purpose="listing")).body == b"ok"
        assert len(site.asked) == 3
        assert fetcher.hosts()[0].asked == 3


async def test_a_host_that_always_hangs_up_is_not_asked_twice_at_once() -> None:
    async with RawSite(says(b"")) as site, fetching() as fetcher:
        with pytest.raises(HostDown, match="closed the connection"):
            await fetcher.get(site.url(), target(site.url()), purpose="listing")
        assert len(site.asked) == 1


async def test_a_closed_port_and_an_unknown_name_are_told() -> None:
    def lookup(host: str, port: int, family: int) -> list[tuple[int, str]]:
        raise OSError("Name or service not known")

    async with RawSite(says(b"")) as site:
        gone = site.url()
    async with fetching(lookup=lookup) as fetcher:
        with pytest.raises(HostDown, match="no connection"):
            await fetcher.get(gone, target(gone), purpose="page")
        with pytest.raises(HostDown, match="does not resolve"):
            await fetcher.get("http://nowhere.example/", target(gone), purpose="page")


async def test_a_deadline_bounds_waiting_and_fetching_together() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response(text="late")

    async with FakeSite() as site, fetching() as fetcher:
        site.script("/", slow)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(HostDown, match="no answer"):
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="page", deadline_s=1.0)
        crawl = target(site.url("/"), host_limit=HostLimit(requests_per_s=0.01))
        with pytest.raises((AskedToWait, HostDown)):
            await fetcher.get(site.url("/x"), crawl, purpose="page", deadline_s=0.2)
        assert loop.time() - began < 20  # the target's own time-out, and less than the site takes


async def test_the_limit_of_a_host_counts_redirects_robots_pages_and_pictures() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/robots.txt", b"User-agent: *\nDisallow:\n")
        site.put("/a", status=302, headers={"Location": "/b"})
        site.put("/b", b"page")
        limit = HostLimit(requests_per_s=10, concurrency=1)
        goals = [target(site.url("/a"), name=f"t{n}", host_limit=limit, robots_override="") for n in range(3)]
        await asyncio.gather(
            *(fetcher.get(site.url("/a"), goal, purpose="listing") for goal in goals),
            *(fetcher.get(site.url(f"/{n}.jpg"), goals[0], purpose="picture") for n in range(4)),
        )
        instants = [visit.at for visit in site.visits]
        assert len(instants) == 1 + 6 + 4
        assert site.most_at_once == 1
        # Starts are spaced exactly (test_throttle.py); the way to the server shifts what it sees.
        assert instants[-1] - instants[0] >= 10 * 0.1 * 0.6


async def test_robots_txt_is_obeyed_once_fetched_and_overridden_only_in_writing() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/robots.txt", b"User-agent: *\nDisallow: /private\n")
        site.put("/private/1", b"page")
        site.put("/open", b"page")
        strict = target(site.url("/"), robots_override="")
        for _ in range(2):
            with pytest.raises(RobotsForbid):
                await fetcher.get(site.url("/private/1"), strict, purpose="page")
            await fetcher.get(site.url("/open"), strict, purpose="page")
        assert site.paths() == ["/robots.txt", "/open", "/open"]
        written = target(site.url("/"), robots_override="court order 12/26")
        assert (await fetcher.get(site.url("/private/1"), written, purpose="page")).body == b"page"
        facts = fetcher.hosts()[0]
        assert (facts.robots_allowed, facts.robots_forbidden, facts.robots_overridden) == (2, 2, 1)


async def test_a_redirect_does_not_lead_around_robots_txt() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/robots.txt", b"User-agent: nightjar\nDisallow: /private\n")
        site.put("/a", status=302, headers={"Location": "/private"})
        with pytest.raises(RobotsForbid):
            await fetcher.get(site.url("/a"), target(site.url("/a"), robots_override=""), purpose="page")
        assert "/private" not in site.paths()


async def test_a_cancelled_request_frees_its_place_and_its_connection() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with FakeSite() as site, fetching() as fetcher:
        site.script("/slow", slow)
        site.put("/", b"ok")
        goal = target(site.url("/"), host_limit=HostLimit(requests_per_s=500, concurrency=1))
        for _ in range(5):
            task = asyncio.create_task(fetcher.get(site.url("/slow"), goal, purpose="page"))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await fetcher.get(site.url("/"), goal, purpose="page")).body == b"ok"
        assert fetcher.hosts()[0].in_flight == 0


async def test_closing_twice_is_harmless_and_ends_fetching() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        await fetcher.get(site.url("/"), target(site.url("/")), purpose="page")
        await fetcher.close()
        await fetcher.close()
        with pytest.raises(RuntimeError, match="closed"):
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="page")


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "http://x", "a b", "host:99999", ""])
def test_a_bad_allow_entry_is_told_at_once(entry: str) -> None:
    from storage.clock import SystemClock

    with pytest.raises(ValueError, match=r"neither|no such port"):
        Fetcher(SystemClock(), contact="x", allow=(entry,))


async def test_the_guard_is_on_when_nothing_is_allowed() -> None:
    async with FakeSite() as site, fetching(allow=()) as fetcher:
        for url in (
            site.url("/"),
            "http://127.0.0.1/",
            "http://localhost/",
            "http://[::1]/",
            "http://0.0.0.0/",
        ):
            with pytest.raises((Refused, HostDown)):
                await fetcher.get(url, target(url, host_limit=FAST), purpose="page")
        assert site.visits == []
