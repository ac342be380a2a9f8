"""Many large bodies at once stay within one bound, and none waits for ever."""

from __future__ import annotations

import asyncio

from tests.fakes.site import RawSite, says
from tests.watch.kit import fetching, target
from watchers.purse import SMALL_BYTES, Purse


def test_small_bodies_never_wait() -> None:
    purse = Purse(most=1_000_000)
    assert purse.may("big", 1_000_000)
    assert all(purse.may(n, SMALL_BYTES) for n in range(100))
    assert purse.total == 1_000_000


def test_beyond_the_bound_only_the_oldest_goes_on() -> None:
    purse = Purse(most=1_000_000)
    assert purse.may("first", 600_000)
    assert purse.may("second", 400_000)
    assert not purse.may("second", 500_000)
    assert not purse.may("third", 300_000)
    assert purse.may("first", 5_000_000)
    purse.give_back("first")
    purse.give_back("first")
    assert purse.total == 400_000
    assert purse.may("second", 500_000)
    purse.give_back("second")
    assert purse.total == 0


async def test_twenty_large_bodies_come_whole_through_a_small_purse() -> None:
    body = b"x" * 2_000_000
    talk = says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    async with RawSite(talk) as site, fetching() as fetcher:
        goal = target(site.url())
        await fetcher.get(site.url(), goal, purpose="picture")
        assert fetcher._line is not None
        purse = fetcher._line._purse = Purse(most=3_000_000)
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, purse.total)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        answers = await asyncio.gather(*(fetcher.get(site.url(), goal, purpose="picture") for _ in range(20)))
        watching.cancel()
        assert all(answer.body == body and not answer.shortfall for answer in answers)
        assert most <= 3_000_000 + len(body)
        assert purse.total == 0


async def test_a_cancelled_reader_gives_back_what_it_held() -> None:
    async def half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + b"x" * 2_000_000)
        await writer.drain()
        await asyncio.sleep(60)

    async with RawSite(half) as site, fetching() as fetcher:
        task = asyncio.create_task(fetcher.get(site.url(), target(site.url()), purpose="picture"))
        while fetcher._line is None or fetcher._line._purse.total < 1_900_000:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert fetcher._line._purse.total == 0
