"""Connections that wait for the next request of their origin."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.site import FakeSite, RawSite
from tests.watch.kit import fetching, target
from watchers.kept import SWEEP_S, Kept
from watchers.sameness import tag

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


class HandLoop:
    """A loop whose time the test moves; one timer is all that is asked of it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Any]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Any) -> Any:
        self.timers.append((self.now + delay, call))
        return SimpleNamespace(cancel=self.timers.clear)

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        due, self.timers = [t for t in self.timers if t[0] <= self.now], []
        for _, call in due:
            call()


class Lease:
    """A connection that stands until it is closed or `lost`."""

    def __init__(self) -> None:
        self.closed = self.lost = False
        self.protocol = SimpleNamespace(is_connected=lambda: not self.lost, should_close=False)

    def close(self) -> None:
        self.closed = True


def kept_over(loop: HandLoop) -> Kept:
    return Kept(loop, 300.0)  # type: ignore[arg-type]


async def test_what_a_host_sends_unasked_is_not_the_next_answer() -> None:
    writers = []

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(OK)

    async with RawSite(talk) as site, FakeSite() as other, fetching() as fetcher:
        other.put("/", b"meanwhile")
        first = await fetcher.get(site.url(), target(site.url()), purpose="listing")
        writers[0].write(FORGED)
        await writers[0].drain()
        await fetcher.get(other.url("/"), target(other.url("/")), purpose="listing")
        second = await fetcher.get(site.url(), target(site.url()), purpose="listing")
        assert second.body == b"ok"
        assert second.connection.local != first.connection.local


async def test_an_answer_after_a_304_with_a_length_is_its_own() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        old = len(site.asked) % 2
        writer.write(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n" if old else OK)

    async with RawSite(talk) as site, fetching() as fetcher:
        answers = [await fetcher.get(site.url(), target(site.url()), purpose="listing") for _ in range(6)]
        assert [(one.status, one.body) for one in answers] == [(304, b""), (200, b"ok")] * 3
        assert len({one.connection.local for one in answers}) == 1


async def test_closing_the_fetcher_ends_the_connections_that_wait() -> None:
    readers = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        readers.append(reader)
        writer.write(OK)

    async with RawSite(talk) as site:
        async with fetching() as fetcher:
            await fetcher.get(site.url(), target(site.url()), purpose="listing")
            assert not readers[0].at_eof()
        async with asyncio.timeout(5):
            while not readers[0].at_eof():  # noqa: ASYNC110  the server reads it in this same loop
                await asyncio.sleep(0)


def test_the_connection_used_last_is_taken_first_and_one_that_is_gone_never() -> None:
    loop = HandLoop()
    kept, first, second, gone = kept_over(loop), Lease(), Lease(), Lease()
    for lease in (first, second, gone):
        kept.put("http://a.example", lease)  # type: ignore[arg-type]
    gone.lost = True
    assert kept.take("http://b.example") is None
    assert kept.take("http://a.example") is second
    assert gone.closed
    assert kept.take("http://a.example") is first
    assert kept.take("http://a.example") is None


def test_idle_connections_are_closed_in_time_and_those_in_use_are_not() -> None:
    loop = HandLoop()
    kept, used, idle = kept_over(loop), Lease(), Lease()
    kept.put("http://a.example", used)  # type: ignore[arg-type]
    kept.put("http://b.example", idle)  # type: ignore[arg-type]
    for _ in range(int(300 / SWEEP_S)):
        loop.go_on(SWEEP_S)
        assert kept.take("http://a.example") is used
        kept.put("http://a.example", used)  # type: ignore[arg-type]
    assert not idle.closed
    loop.go_on(SWEEP_S)
    assert idle.closed
    assert not used.closed
    assert len(kept) == 1


def test_nothing_is_left_of_an_answer_whose_host_closes() -> None:
    kept, lease = kept_over(HandLoop()), Lease()
    lease.protocol.should_close = True
    kept.put("http://a.example", lease)  # type: ignore[arg-type]
    assert lease.closed
    assert len(kept) == 0


@given(st.binary(max_size=400), st.binary(max_size=400), st.integers(0, 399))
def test_tags_are_equal_just_when_bodies_are(a: bytes, b: bytes, at: int) -> None:
    assert (tag(a) == tag(b)) == (a == b)
    if at < len(a):
        assert tag(a) != tag(a[:at] + bytes([a[at] ^ 1]) + a[at + 1 :])
    assert tag(a) != tag(a + b"\0")
