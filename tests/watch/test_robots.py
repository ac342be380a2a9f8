"""robots.txt as RFC 9309 has it: obeyed, remembered, and never a way to disable a site for good."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import AskedToWait, HostDown, RobotsForbid, WatchError
from storage.model import Response
from tests.fakes.virtual import VirtualClock, VirtualLoop
from watchers.robots import DECISIONS, FRESH_LEAST, FRESH_S, LONGEST_DELAY_S, RETRY_S, Robots, Rules

SITE = "https://market.example"
NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)


def answer(text: str | bytes = "", status: int = 200) -> Response:
    body = text.encode() if isinstance(text, str) else text
    url = f"{SITE}/robots.txt"
    return Response(
        url=url, requested_url=url, status=status, body=body, started_at=NOW, first_byte_at=NOW, ended_at=NOW
    )


class Site:
    """Serves one robots.txt and counts how often it is asked."""

    def __init__(self, now: Response | WatchError) -> None:
        self.now = now
        self.asked = 0

    async def __call__(self, url: str) -> Response:
        assert url == f"{SITE}/robots.txt"
        self.asked += 1
        await asyncio.sleep(0.1)
        if isinstance(self.now, WatchError):
            raise self.now
        return self.now


def having(text: str) -> Callable[[str], Awaitable[Response]]:
    """Every site has this robots.txt."""

    async def ask(_url: str) -> Response:
        return answer(text)

    return ask


def play(scene: Callable[[Robots], Awaitable[None]]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(scene(Robots(VirtualClock(loop))))
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow: /", "/x", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Nightjar\nDisallow:", "/x", True),
        ("User-agent: nightjar\nDisallow: /p\n\nUser-agent: *\nDisallow:", "/p/1", False),
        ("User-agent: otherbot\nDisallow: /", "/x", True),
        ("User-agent: otherbot\nUser-agent: *\nDisallow: /p", "/p", False),
        ("User-agent: *\nDisallow: /p\nAllow: /p/open", "/p/open/1", True),
        ("User-agent: *\nDisallow: /*?sort=", "/list?sort=new", False),
        ("User-agent: *\nDisallow: /*.jpg$", "/a.jpg", False),
        ("User-agent: *\nDisallow: /*.jpg$", "/a.jpg?x=1", True),
        ("User-agent: *\nDisallow: /象牙", "/%E8%B1%A1%E7%89%99/1", False),
        ("\ufeffUser-agent: *\nDisallow: /x", "/x", False),
        ("user-agent:*\r\ndisallow:/x # comment", "/x", False),
        ("<html><body>not found</body></html>", "/x", True),
        ("User-agent: nightjars\nDisallow: /x", "/x", True),
    ],
)
def test_rules_are_read_for_our_agent(text: str, path: str, allowed: bool) -> None:
    async def scene(robots: Robots) -> None:
        site = Site(answer(text))
        if allowed:
            await robots.check(SITE, SITE + path, site)
        else:
            with pytest.raises(RobotsForbid) as told:
                await robots.check(SITE, SITE + path, site)
            assert (told.value.retry_after_s or 0) > 0

    play(scene)


def test_rules_are_fetched_once_for_some_hours_however_many_ask() -> None:
    async def scene(robots: Robots) -> None:
        site = Site(answer("User-agent: *\nDisallow: /p"))
        await asyncio.gather(*(robots.check(SITE, f"{SITE}/{n}", site) for n in range(20)))
        assert site.asked == 1
        await asyncio.sleep(FRESH_S * FRESH_LEAST - 10)
        await robots.check(SITE, f"{SITE}/x", site)
        assert site.asked == 1
        await asyncio.sleep(FRESH_S * (1 - FRESH_LEAST) + 20)
        await robots.check(SITE, f"{SITE}/x", site)
        assert site.asked == 2

    play(scene)


def test_sites_met_in_one_second_are_not_asked_again_in_one() -> None:
    """Four hours after a start with 500 hosts their rules were all over within a second and a half."""

    async def scene(robots: Robots) -> None:
        asked = list[float]()

        async def site(_url: str) -> Response:
            asked.append(asyncio.get_running_loop().time())
            return answer("")

        origins = [f"http://h{n}.example" for n in range(500)]
        for _ in range(1 + round(FRESH_S / 60)):
            for origin in origins:
                await robots.check(origin, f"{origin}/x", site)
            await asyncio.sleep(60)
        assert len(asked) == 1_000
        assert max(Counter(asked[500:]).values()) <= 25  # eight a minute on the mean of the last hour

    play(scene)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 301])
def test_a_missing_file_means_no_rules(status: int) -> None:
    async def scene(robots: Robots) -> None:
        assert await robots.check(SITE, f"{SITE}/x", Site(answer("no", status))) == 0.0

    play(scene)


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (answer("", 500), RobotsForbid),
        (answer("", 503), RobotsForbid),
        (HostDown(SITE, "no answer"), HostDown),
        (AskedToWait(SITE, "429", retry_after_s=60), AskedToWait),
    ],
)
def test_rules_that_cannot_be_had_forbid_for_minutes_and_not_for_ever(
    trouble: Response | WatchError, error: type[WatchError]
) -> None:
    async def scene(robots: Robots) -> None:
        site = Site(trouble)
        for pause in (*RETRY_S, RETRY_S[-1]):
            for _ in range(3):
                with pytest.raises(error) as told:
                    await robots.check(SITE, f"{SITE}/x", site)
                assert 0 < getattr(told.value, "retry_after_s", 0) <= pause
            await asyncio.sleep(pause + 1)
        assert site.asked == len(RETRY_S) + 1
        site.now = answer("User-agent: *\nDisallow: /p")
        await robots.check(SITE, f"{SITE}/x", site)

    play(scene)


def test_a_copy_in_hand_is_used_while_the_file_cannot_be_had() -> None:
    async def scene(robots: Robots) -> None:
        site = Site(answer("User-agent: *\nDisallow: /p"))
        await robots.check(SITE, f"{SITE}/x", site)
        site.now = HostDown(SITE, "down")
        await asyncio.sleep(FRESH_S + 1)
        await robots.check(SITE, f"{SITE}/x", site)
        with pytest.raises(RobotsForbid):
            await robots.check(SITE, f"{SITE}/p", site)
        assert site.asked == 2

    play(scene)


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [
        ("User-agent: *\nCrawl-delay: 7", 7),
        ("User-agent: *\nCrawl-delay: 0.5", 0.5),
        ("User-agent: *\nRequest-rate: 1/5", 5),
        ("User-agent: *\nCrawl-delay: 86400", LONGEST_DELAY_S),
        ("User-agent: *\nCrawl-delay: nan", 0),
        ("User-agent: *\nCrawl-delay: -3", 0),
        ("User-agent: other\nCrawl-delay: 9", 0),
    ],
)
def test_the_crawl_delay_is_told(text: str, delay_s: float) -> None:
    async def scene(robots: Robots) -> None:
        assert await robots.check(SITE, f"{SITE}/x", Site(answer(text))) == delay_s

    play(scene)


def test_decisions_are_counted() -> None:
    async def scene(robots: Robots) -> None:
        site = Site(answer("User-agent: *\nDisallow: /p"))
        await robots.check(SITE, f"{SITE}/x", site)
        with pytest.raises(RobotsForbid):
            await robots.check(SITE, f"{SITE}/p", site)
        robots.override(SITE)
        tally = robots.tallies()[SITE]
        assert (tally.allowed, tally.forbidden, tally.overridden, tally.unavailable) == (1, 1, 1, 0)

    play(scene)


def test_a_cancelled_first_asker_leaves_the_file_to_the_next() -> None:
    async def scene(robots: Robots) -> None:
        site = Site(answer(""))
        first = asyncio.create_task(robots.check(SITE, f"{SITE}/x", site))
        second = asyncio.create_task(robots.check(SITE, f"{SITE}/x", site))
        await asyncio.sleep(0.05)
        first.cancel()
        await second
        assert site.asked == 2

    play(scene)


def test_posts_that_come_and_go_are_not_remembered_for_ever() -> None:
    async def scene(robots: Robots) -> None:
        sites = [f"https://s{number}.example" for number in range(40)]
        for site in sites:
            for post in range(DECISIONS // 20):
                await robots.check(site, f"{site}/post/{post}", having("User-agent: *\nDisallow: /shut"))
        assert robots.remembered == DECISIONS

    play(scene)


def test_new_rules_of_a_site_are_obeyed_where_the_old_ones_had_said_otherwise() -> None:
    async def scene(robots: Robots) -> None:
        await robots.check(SITE, f"{SITE}/x", having(""))
        assert robots.known(SITE, f"{SITE}/x") == 0.0
        await asyncio.sleep(FRESH_S + 1)
        with pytest.raises(RobotsForbid):
            await robots.check(SITE, f"{SITE}/x", having("User-agent: *\nDisallow: /x"))
        with pytest.raises(RobotsForbid):
            robots.known(SITE, f"{SITE}/x")
        assert robots.known(SITE, f"{SITE}/y") == 0.0

    play(scene)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600), st.text(max_size=40))
def test_any_bytes_make_rules(body: bytes, path: str) -> None:
    Rules(b"User-agent: *\nDisallow: /".decode() + body.decode("utf-8", "replace")).allows(f"{SITE}/{path}")


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"User-agent: bot{n}\n" for n in range(12_000)) + "Disallow: /x\n" * 12_000,
        "User-agent: *\n" + "Disallow: /" + "*a" * 120_000,
        "User-agent: *\n" + "Disallow: /*a*b*c*d*e*f*g$\n" * 15_000,
        "User-agent: *\nDisallow: /" + "%41" * 100_000,
        ("User-agent: *\nDisallow: /a\n") * 15_000,
    ],
)
def test_a_hostile_file_costs_bounded_time(text: str) -> None:
    began = time.process_time()
    rules = Rules(text[:524_288])
    rules.allows(f"{SITE}/" + "abcdefg" * 300)
    assert time.process_time() - began < 2.5
