"""Hostile servers: each ends in bounded time and memory, with the error that names it."""

from __future__ import annotations

import asyncio
import re
import threading
import tracemalloc
from collections.abc import Callable

import pytest

from storage.clock import ScaledClock, scaled_loop
from storage.errors import FeedTrouble, HostDown, Refused, TooBig
from storage.model import Response
from tests.fakes.hostile import Case, cases
from tests.fakes.site import FakeSite, RawSite, says
from tests.watch.kit import fetching, site_tls, target

CASES = cases()
MAX = 300_000
HURRY = 8.0
"""How much faster waits are here than in life; a stall of a busy machine counts as many times its length."""


async def meet(case: Case) -> Response | FeedTrouble:
    async with RawSite(case.talk) as site, fetching() as fetcher:
        try:
            goal = target(site.url(), timeout_s=20.0, max_body_bytes=MAX)
            return await fetcher.get(site.url(), goal, purpose="page")
        except FeedTrouble as trouble:
            return trouble


def on_fast_loop(case: Case) -> tuple[Response | FeedTrouble, float]:
    """Meet it, hurrying only where nothing but time ends it; the outcome and loop seconds."""
    loop = scaled_loop(HURRY if case.by_time else 1.0)
    try:
        began = loop.time()
        return loop.run_until_complete(meet(case)), loop.time() - began
    finally:
        loop.close()


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_server_ends_in_bounded_time_with_its_name(name: str) -> None:
    case = CASES[name]
    outcome, took_s = on_fast_loop(case)
    if case.ends is None:
        assert isinstance(outcome, Response), outcome
        assert case.says in outcome.shortfall
    else:
        assert type(outcome) is case.ends, outcome
        assert case.says in str(outcome)
    assert took_s < 60


@pytest.mark.parametrize(
    "name",
    [
        "endless body",
        "endless chunked body",
        "gzip bomb",
        "brotli bomb",
        "gzip in gzip bomb",
        "endless header",
    ],
)
async def test_a_hostile_server_costs_little_memory(name: str) -> None:
    case = CASES[name]
    await meet(case)
    tracemalloc.start()
    try:
        await meet(case)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6_000_000


async def test_a_circle_of_redirects_is_left_at_once() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/a", status=302, headers={"Location": "/b"})
        site.put("/b", status=302, headers={"Location": "/a"})
        with pytest.raises(TooBig, match="circle"):
            await fetcher.get(site.url("/a"), target(site.url("/a")), purpose="page")
        assert site.paths() == ["/a", "/b"]


async def test_redirects_without_end_are_followed_five_times() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        for n in range(20):
            site.put(f"/{n}", status=301, headers={"Location": f"/{n + 1}"})
        with pytest.raises(TooBig, match="more than 5 redirects"):
            await fetcher.get(site.url("/0"), target(site.url("/0")), purpose="page")
        assert len(site.visits) == 6


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "not a public address"),
        ("http://[fd00:ec2::254]/", "not a public address"),
        ("http://[::ffff:169.254.169.254]/", "not a public address"),
        ("http://10.0.0.1/", "not a public address"),
        ("http://2130706433/", "in disguise"),
        ("http://0x7f.1/", "in disguise"),
        ("http://017700000001/", "in disguise"),
        ("http://127.1/", "in disguise"),
        ("file:///etc/passwd", "not http or https"),
        ("gopher://x/", "not http or https"),
        ("javascript:alert(1)", "not http or https"),
        ("ftp://example.org/", "not http or https"),
        ("data:text/html,hello", "not http or https"),
        ("https://user:secret@example.org/", "user name"),
        ("http://example.org:22/", "neither 80 nor 443"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://exa mple.org/", "not a host name"),
        ("//\\\\evil.example", "back-slash"),
        ("http://example.org\\@10.0.0.1/", "back-slash"),
        ("http://[::1", "cannot be read"),
        ("http://example.org:99999/", "port cannot be read"),
        ("/" + "x" * 9000, "too long"),
    ],
)
async def test_a_redirect_out_of_the_public_web_is_refused(location: str, why: str) -> None:
    async with RawSite(
        says(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % location.encode())
    ) as site:
        # One loopback port alone is allowed: everything else is judged as in life.
        async with fetching(allow=(f"127.0.0.1:{site.port}",)) as fetcher:
            with pytest.raises(Refused, match=why):
                await fetcher.get(site.url("/"), target(site.url("/")), purpose="page")
        assert len(site.asked) == 1


async def test_a_name_that_comes_to_mean_loopback_is_refused_at_the_socket() -> None:
    answers = iter([[(2, "127.0.0.1")], [(2, "127.0.0.1"), (10, "::1"), (2, "169.254.169.254")]])
    async with FakeSite() as site:
        allowed = ("first.example:" + str(site.port),)
        async with fetching(allow=allowed, lookup=lambda *_: next(answers)) as fetcher:
            site.put("/", status=302, headers={"Location": f"http://second.example:{site.port}/"})
            with pytest.raises(Refused, match="neither 80 nor 443"):
                await fetcher.get(
                    f"http://first.example:{site.port}/", target("http://first.example/"), purpose="page"
                )
            site.put("/", status=302, headers={"Location": "http://second.example/"})
            with pytest.raises(Refused, match=r"second\.example: .* is not a public address"):
                await fetcher.get(
                    f"http://first.example:{site.port}/", target("http://first.example/"), purpose="page"
                )
        assert site.paths() == ["/", "/"]


async def test_a_self_signed_certificate_is_told_and_nothing_is_sent() -> None:
    async with FakeSite(tls=site_tls()) as site, fetching() as fetcher:
        with pytest.raises(HostDown, match=r"not trusted: .*(self-signed|local issuer)"):
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="page")
        assert site.visits == []


async def test_a_certificate_for_another_name_is_told() -> None:
    from tests.watch.kit import trusting_tls

    async with FakeSite(tls=site_tls()) as site:
        allow = (f"other.test:{site.port}",)
        async with fetching(tls=trusting_tls(), allow=allow, lookup=lambda *_: [(2, "127.0.0.1")]) as fetcher:
            with pytest.raises(HostDown, match="Hostname mismatch"):
                await fetcher.get(
                    f"https://other.test:{site.port}/", target("https://other.test/"), purpose="page"
                )


async def test_a_server_that_speaks_no_tls_is_told() -> None:
    async with (
        RawSite(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), listens=False) as site,
        fetching() as fetcher,
    ):
        url = site.url().replace("http:", "https:")
        with pytest.raises(HostDown, match=r"TLS failed|closed the connection|no connection"):
            await fetcher.get(url, target(url), purpose="page")


async def test_surplus_bytes_do_not_become_the_next_answer() -> None:
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
    talk = says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + surplus, close=False)
    async with RawSite(talk) as site, fetching() as fetcher:
        for _ in range(3):
            answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
            assert answer.body == b"good"


async def test_one_dripping_host_does_not_slow_another() -> None:
    case = CASES["slow drip"]
    async with RawSite(case.talk, host="127.0.0.2") as slow, FakeSite() as site, fetching() as fetcher:
        site.put("/", b"quick")
        dripping = asyncio.create_task(fetcher.get(slow.url(), target(slow.url()), purpose="page"))
        await asyncio.sleep(0)
        for _ in range(20):
            answer = await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing")
            assert answer.body == b"quick"
        assert not dripping.done()  # it is held for five seconds, for its pace
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_a_body_that_comes_for_too_long_is_cut() -> None:
    async with RawSite(CASES["slow drip"].talk) as slow, fetching() as fetcher:
        answer = await fetcher.get(slow.url(), target(slow.url(), timeout_s=2.5), purpose="page")
        assert "cut after" in answer.shortfall


def test_limits_follow_a_faster_loop() -> None:
    async def drip() -> Response:
        clock = ScaledClock(__import__("datetime").datetime.fromisoformat("2026-01-01T22:00:00+00:00"), HURRY)
        from watchers.fetch import Fetcher

        async with RawSite(CASES["slow drip"].talk) as site:
            fetcher = Fetcher(clock, contact="x", allow=("127.0.0.0/8",))
            answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
            await fetcher.close()
            return answer

    loop = scaled_loop(HURRY)
    answer = loop.run_until_complete(drip())
    loop.close()
    assert "less than" in answer.shortfall
    assert 4.9 < answer.elapsed_s < 40
    assert abs((answer.ended_at - answer.started_at).total_seconds() - answer.elapsed_s) < 0.01


def outcome_on_fast_loop(url_of: Callable[[RawSite], str], site: RawSite, **more: object) -> FeedTrouble:
    async def ask() -> FeedTrouble:
        async with site, fetching(**more) as fetcher:
            try:
                await fetcher.get(url_of(site), target(url_of(site)), purpose="page")
            except FeedTrouble as trouble:
                return trouble
            raise AssertionError("an answer")

    loop = scaled_loop(HURRY)
    try:
        return loop.run_until_complete(ask())
    finally:
        loop.close()


def test_a_handshake_that_never_comes_is_cut() -> None:
    silent = RawSite(CASES["no answer"].talk)
    trouble = outcome_on_fast_loop(lambda site: site.url().replace("http:", "https:"), silent)
    assert isinstance(trouble, HostDown)
    assert re.search(r"no connection within [1-3]\d\.\d s", trouble.why), trouble.why


def test_a_look_up_that_never_comes_is_cut_and_holds_nobody() -> None:
    hang = threading.Event()

    def lookup(host: str, port: int, family: int) -> list[tuple[int, str]]:
        hang.wait(20)
        raise OSError("gave up")

    site = RawSite(CASES["no answer"].talk)
    trouble = outcome_on_fast_loop(lambda _: "http://slow.example/", site, lookup=lookup)
    hang.set()
    assert isinstance(trouble, HostDown)
    assert re.search(r"no connection within [1-3]\d\.\d s", trouble.why), trouble.why
