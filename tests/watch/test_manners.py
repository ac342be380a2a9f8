"""How hosts were treated, counted around a real server and held against what the server saw."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from storage.errors import AskedToWait, HostDown, RobotsForbid
from storage.manners import HostHour, Pause, Taken, merged
from storage.model import HostLimit, Validators
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping
from tests.fakes.site import FakeSite
from tests.fakes.virtual import VirtualClock, VirtualLoop
from tests.watch.kit import fetching, site_tls, target
from watchers.fetch import Fetcher
from watchers.throttle import Throttle

START = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
HOST = "127.0.0.1"
ONE_PER_SECOND = HostLimit(requests_per_s=1.0, concurrency=1)
Scene = Callable[[FakeSite, Fetcher, JumpClock], Awaitable[None]]


def play(scene: Scene) -> None:
    """A site and a fetcher on a loop whose time jumps over every wait."""

    async def main(loop: JumpLoop) -> None:
        clock = JumpClock(loop, START)
        async with FakeSite() as site:
            fetcher = Fetcher(
                clock, contact="mailto:duty@example.org", allow=("127.0.0.0/8",), random=Random(1)
            )
            try:
                await scene(site, fetcher, clock)
            finally:
                await fetcher.close()

    run_jumping(main)


def taken(fetcher: Fetcher) -> Taken:
    """All that is new, of one hour."""
    return fetcher.manners.take(1_000)


def the_hour(fetcher: Fetcher) -> HostHour:
    (hour,) = taken(fetcher).hours
    return hour


def test_the_report_counts_what_the_server_saw() -> None:
    async def scene(site: FakeSite, fetcher: Fetcher, _clock: JumpClock) -> None:
        site.put("/", b"0123456789", headers={"ETag": '"1"'})
        site.put("/same", status=304)
        goal = target(site.url("/"), host_limit=ONE_PER_SECOND)
        known = Validators(etag='"1"', last_modified="")
        async with asyncio.TaskGroup() as group:
            for path in ("/", "/same", "/same", "/gone"):
                group.create_task(fetcher.get(site.url(path), goal, purpose="listing", validators=known))
        hour = the_hour(fetcher)
        assert (hour.hour, hour.host) == (START, HOST)
        assert (hour.asked, hour.answered, hour.not_modified) == (4, 4, 2)
        assert hour.body_bytes == 10 + len(b"not here")
        gaps = [b.at - a.at for a, b in pairwise(site.visits)]
        assert hour.closest_us is not None
        assert hour.closest_us / 1e6 == pytest.approx(min(gaps), abs=0.05)
        assert hour.closest_us >= 1_000_000
        assert (hour.busiest_second, hour.busiest_minute, hour.most_at_once) == (1, 4, 1)
        assert (hour.spacing_least_us, hour.concurrency, hour.broken) == (1_000_000, 1, 0)

    play(scene)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_429_is_honoured_and_the_next_request_is_after_it(form: str) -> None:
    async def scene(site: FakeSite, fetcher: Fetcher, clock: JumpClock) -> None:
        until = clock.now() + timedelta(seconds=120)
        named = "120" if form == "seconds" else until.strftime("%a, %d %b %Y %H:%M:%S GMT")
        site.put("/", status=429, headers={"Retry-After": named})
        goal = target(site.url("/"), host_limit=ONE_PER_SECOND)
        with pytest.raises(AskedToWait):
            await fetcher.get(site.url("/"), goal, purpose="listing")
        assert fetcher.manners.pressing.is_set()
        with pytest.raises(AskedToWait):
            await fetcher.get(site.url("/"), goal, purpose="listing")
        (pause,) = taken(fetcher).pauses
        assert (pause.status, pause.asked_s, pause.next_at) == (429, pytest.approx(120, abs=1), None)
        site.put("/", b"ok")
        await clock.sleep(121)
        await fetcher.get(site.url("/"), goal, purpose="listing")
        found = taken(fetcher)
        (pause,) = found.pauses
        assert pause.next_at is not None
        assert pause.until <= pause.next_at <= pause.until + timedelta(seconds=5)
        assert (pause.broken, found.hours[0].broken, len(site.visits)) == (0, 0, 2)

    play(scene)


def test_a_host_may_silence_us_for_half_an_hour_and_the_cut_is_told() -> None:
    async def scene(site: FakeSite, fetcher: Fetcher, clock: JumpClock) -> None:
        site.put("/", status=503, headers={"Retry-After": "7200"})
        goal = target(site.url("/"), host_limit=ONE_PER_SECOND)
        with pytest.raises(AskedToWait):
            await fetcher.get(site.url("/"), goal, purpose="listing")
        site.put("/", b"ok")
        await clock.sleep(1801)
        await fetcher.get(site.url("/"), goal, purpose="listing")
        found = taken(fetcher)
        (pause,) = found.pauses
        assert (pause.asked_s, pause.kept_s, pause.capped, pause.broken) == (7200, 1800, True, 0)
        assert (found.hours[0].busy_503, found.hours[0].capped, found.hours[0].broken) == (1, 1, 0)

    play(scene)


def test_a_gate_that_forgets_a_pause_is_found_out_by_the_counts() -> None:
    async def scene(site: FakeSite, fetcher: Fetcher, clock: JumpClock) -> None:
        site.put("/", status=429, headers={"Retry-After": "600"})
        goal = target(site.url("/"), host_limit=ONE_PER_SECOND)
        with pytest.raises(AskedToWait):
            await fetcher.get(site.url("/"), goal, purpose="listing")
        site.put("/", b"ok")
        gate = fetcher._open()[1].place(HOST).gate
        gate._paused_until = gate._last_start = float("-inf")
        await fetcher.get(site.url("/"), goal, purpose="listing")
        found = taken(fetcher)
        hour = found.hours[0]
        assert (hour.in_pause, hour.too_soon, hour.broken) == (1, 1, 2)
        assert [pause.broken for pause in found.pauses] == [1]
        assert fetcher.hosts()[0].broken == 2

    play(scene)


def test_a_restart_does_not_end_a_pause() -> None:
    async def scene(site: FakeSite, fetcher: Fetcher, clock: JumpClock) -> None:
        site.put("/", b"ok")
        goal = target(site.url("/"), host_limit=ONE_PER_SECOND)
        earlier = clock.now() - timedelta(seconds=60)
        fetcher.manners.go_on([Pause(host=HOST, asked_at=earlier, status=429, asked_s=300.0, kept_s=300.0)])
        with pytest.raises(AskedToWait):
            await fetcher.get(site.url("/"), goal, purpose="listing")
        assert site.visits == []
        await clock.sleep(241)
        await fetcher.get(site.url("/"), goal, purpose="listing")
        (pause,) = taken(fetcher).pauses
        assert (pause.asked_at, pause.broken) == (earlier, 0)
        assert pause.next_at is not None
        assert pause.next_at >= pause.until

    play(scene)


def test_robots_decisions_and_the_word_of_an_override_are_counted() -> None:
    async def scene(site: FakeSite, fetcher: Fetcher, _clock: JumpClock) -> None:
        site.put("/robots.txt", b"User-agent: *\nDisallow: /private\nCrawl-delay: 7\n")
        site.put("/open", b"page")
        site.put("/private", b"page")
        strict = target(site.url("/"), host_limit=ONE_PER_SECOND, robots_override="")
        await fetcher.get(site.url("/open"), strict, purpose="page")
        with pytest.raises(RobotsForbid):
            await fetcher.get(site.url("/private"), strict, purpose="page")
        written = target(site.url("/"), host_limit=ONE_PER_SECOND, robots_override="court order 12")
        await fetcher.get(site.url("/private"), written, purpose="page")
        found = taken(fetcher)
        hour = found.hours[0]
        assert (hour.robots_allowed, hour.robots_forbidden, hour.robots_overridden) == (1, 1, 1)
        assert (hour.asked, hour.spacing_most_us, hour.broken) == (3, 7_000_000, 0)
        (override,) = found.overrides
        assert (override.why, override.authorised_by, override.asked) == ("court order 12", "b", 1)

    play(scene)


def test_the_turn_of_the_hour_parts_the_counts() -> None:
    async def scene(site: FakeSite, fetcher: Fetcher, clock: JumpClock) -> None:
        site.put("/", b"ok")
        goal = target(site.url("/"), host_limit=ONE_PER_SECOND)
        await clock.sleep(3590)
        for _ in range(20):
            await fetcher.get(site.url("/"), goal, purpose="listing")
        early, late = sorted(taken(fetcher).hours, key=lambda one: one.hour)
        assert (early.hour, late.hour) == (START, START + timedelta(hours=1))
        assert (early.asked, late.asked) == (10, 10)
        assert merged(early, late).asked == len(site.visits)

    play(scene)


async def test_a_certificate_that_is_not_trusted_is_counted() -> None:
    async with FakeSite(tls=site_tls()) as site, fetching() as fetcher:
        with pytest.raises(HostDown, match="certificate"):
            await fetcher.get(site.url("/"), target(site.url("/")), purpose="listing")
        hour = the_hour(fetcher)
        assert (hour.asked, hour.answered, hour.troubles, hour.tls_failures) == (1, 0, 1, 1)


async def test_a_request_that_was_under_way_when_counts_were_taken_is_not_lost() -> None:
    async with FakeSite() as site, fetching() as fetcher:
        asked, go = asyncio.Event(), asyncio.Event()

        async def slow(_request: object) -> object:
            from aiohttp import web

            asked.set()
            await go.wait()
            return web.Response(body=b"12345")

        site.script("/", slow)  # type: ignore[arg-type]
        under_way = asyncio.create_task(fetcher.get(site.url("/"), target(site.url("/")), purpose="page"))
        await asked.wait()
        before = the_hour(fetcher)
        go.set()
        await under_way
        after = the_hour(fetcher)
        assert (before.asked, before.answered, after.asked, after.answered) == (1, 0, 0, 1)
        assert after.body_bytes == 5
        assert taken(fetcher) == Taken()


def test_a_pause_that_comes_after_a_place_was_granted_holds_it_back() -> None:
    loop, went = VirtualLoop(), list[str]()

    async def ask(throttle: Throttle, host: str) -> None:
        turn = throttle.turn(host, "t", HostLimit(), urgent=False, until=float("inf"))
        with suppress(AskedToWait):
            async with turn:
                went.append(host)

    async def scene() -> None:
        # One request a second over all hosts: the second caller has its host's place and waits for the other.
        throttle = Throttle(VirtualClock(loop), overall=HostLimit(requests_per_s=1.0, concurrency=9))
        await ask(throttle, "first.example")
        waiting = asyncio.create_task(ask(throttle, "second.example"))
        await asyncio.sleep(0.5)
        throttle.pause("second.example", 60)
        await waiting
        await ask(throttle, "third.example")
        gate = throttle.place("second.example").gate
        assert (gate.busy, gate.waiting) == (0, 0)

    try:
        loop.run_until_complete(scene())
    finally:
        loop.close()
    assert went == ["first.example", "third.example"]
