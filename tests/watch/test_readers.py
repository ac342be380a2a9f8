"""Heavy pages are read elsewhere; one that crashes, hangs or eats memory is a bad page, and no more."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from storage.clock import SystemClock
from storage.errors import BadPage
from storage.model import Post, Response
from tests.fakes import words
from watchers.feed import load
from watchers.page_worker import fitted
from watchers.pages import ANSWER_MAX_BYTES, ReadListing, read, read_listing, read_post
from watchers.readers import LIGHT_BYTES, LIGHT_TAGS, SLOW_FOR_S, Readers, is_heavy

NAUGHTY = "tests.watch.naughty_pages"
POST = words.post("1", url="http://127.0.0.1/p/1")
TEXT = "XJ chopsticks\nivory, nearly new"
ADVERT = b"<html><body><article><h1>XJ chopsticks</h1><p>ivory, nearly new</p></article>"


def page(body: bytes, host: str = "127.0.0.1") -> Response:
    url = f"http://{host}/p/1"
    return words.response(body, url=url, requested_url=url, headers=(("Content-Type", "text/html"),))


def heavy(word: str = "", host: str = "127.0.0.1") -> Response:
    return page(ADVERT + b"<!--" + b"x" * LIGHT_BYTES + b"--><!--" + word.encode(), host)


def rules(kind: str = "html") -> object:
    return load(kind).Settings()


@pytest_asyncio.fixture
async def readers() -> AsyncIterator[Readers]:
    pool = Readers(SystemClock(), deadline_s=60.0, cpu_s=1, program=NAUGHTY)
    yield pool
    await pool.close()


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("crash:", "could not be read: reader crashed (SIGSEGV)"),
        ("spin:", "could not be read within"),
        ("memory:", "ran out of memory"),
        ("pickle:", "could not be read: the page worker answered nonsense"),
        ("naive:", "could not be read: the page worker answered nonsense"),
        ("long:", "could not be read: answered with 3,000,002 bytes"),
    ],
)
async def test_a_page_that_breaks_its_reader_is_a_bad_page(readers: Readers, word: str, why: str) -> None:
    with pytest.raises(BadPage) as bad:
        await readers.detail("html", heavy(word), POST, rules(), words.NIGHT)
    assert why in bad.value.why
    assert bad.value.url == "http://127.0.0.1/p/1"
    found = await readers.detail("html", heavy(), POST, rules(), words.NIGHT)
    assert found.post.text == TEXT


async def test_a_page_that_hangs_its_reader_is_given_up_at_the_deadline() -> None:
    readers = Readers(SystemClock(), deadline_s=0.5, program=NAUGHTY)
    try:
        with pytest.raises(BadPage, match=r"could not be read within 0\.5 s"):
            await readers.detail("html", heavy("hang:"), POST, rules(), words.NIGHT)
        assert readers.pids() == ()
    finally:
        await readers.close()


async def test_a_worker_killed_from_outside_costs_nothing(readers: Readers, tmp_path: Path) -> None:
    job = heavy(f"first:{tmp_path / 'begun'}")
    assert (await readers.detail("html", job, POST, rules(), words.NIGHT)).post.text == TEXT
    assert readers.restarts == 1


async def test_both_ways_read_alike() -> None:
    readers = Readers(SystemClock())
    listing = json.dumps({"posts": [{"id": n, "title": f"象牙 {n}", "text": "x" * 900} for n in range(300)]})
    try:
        for kind, body in (("html", heavy().body), ("json", listing.encode())):
            assert is_heavy(body)
            found = await readers.parse(kind, page(body), rules(kind), words.NIGHT)
            assert found == read_listing(kind, page(body), rules(kind), words.NIGHT)
        whole = await readers.detail("html", heavy(), POST, rules(), words.NIGHT)
        assert whole == read_post("html", heavy(), POST, rules(), words.NIGHT)
        assert await readers.alone("html", heavy(), POST, rules(), words.NIGHT) == whole.alone
    finally:
        await readers.close()


async def test_a_bad_page_says_the_same_from_the_worker() -> None:
    readers = Readers(SystemClock())
    told = []
    try:
        for body in (b"no JSON", b"no JSON" * LIGHT_BYTES):
            with pytest.raises(BadPage) as bad:
                await readers.parse("json", page(body), rules("json"), words.NIGHT)
            told.append((bad.value.why, bad.value.field, str(bad.value)))
    finally:
        await readers.close()
    assert told[0] == told[1]


async def test_light_pages_start_no_process(readers: Readers) -> None:
    await readers.detail("html", page(ADVERT), POST, rules(), words.NIGHT)
    await readers.parse("html", page(ADVERT), rules(), words.NIGHT)
    assert readers.pids() == ()


async def test_the_process_rests_when_no_heavy_page_comes() -> None:
    readers = Readers(SystemClock(), idle_s=0.05)
    try:
        await readers.parse("html", heavy(), rules(), words.NIGHT)
        async with asyncio.timeout(60):
            while readers.pids():  # noqa: ASYNC110 - the process's end is no event of ours
                await asyncio.sleep(0.02)
        await readers.parse("html", heavy(), rules(), words.NIGHT)
    finally:
        await readers.close()


async def test_a_daemon_that_is_large_itself_does_not_tire_its_worker(readers: Readers) -> None:
    ballast = bytearray(b"x") * (300 << 20)
    for _ in range(2):
        await readers.parse("html", heavy(), rules(), words.NIGHT)
    assert readers.restarts == 0
    assert ballast


async def test_a_host_that_was_slow_twice_in_a_row_is_read_elsewhere_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SetClock()
    readers = Readers(clock)
    monkeypatch.setattr("watchers.readers.SLOW_S", -1.0)

    async def workers_after_a_page() -> int:
        await readers.parse("html", page(ADVERT, "slow.example"), rules(), words.NIGHT)
        return len(readers.pids())

    try:
        assert [await workers_after_a_page() for _ in range(3)] == [0, 0, 1]
        clock.at_s += SLOW_FOR_S
        readers._go_to_rest()
        async with asyncio.timeout(60):
            while readers.pids():  # noqa: ASYNC110 - the process's end is no event of ours
                await asyncio.sleep(0.02)
        assert await workers_after_a_page() == 0
    finally:
        await readers.close()


async def test_a_quick_page_of_another_sort_clears_no_listing(
    monkeypatch: pytest.MonkeyPatch, readers: Readers
) -> None:
    """Listings of ten milliseconds were read on the spot for ever, since posts of two came between them."""
    for _ in range(3):
        monkeypatch.setattr("watchers.readers.SLOW_S", -1.0)
        await readers.parse("html", page(ADVERT, "slow.example"), rules(), words.NIGHT)
        monkeypatch.setattr("watchers.readers.SLOW_S", 60.0)
        post = Post(post_id="1", url="https://slow.example/1")
        await readers.alone("html", page(ADVERT, "slow.example"), post, rules(), words.NIGHT)
    assert len(readers.pids()) == 1


async def test_a_light_page_waits_for_no_queue_at_the_worker(
    monkeypatch: pytest.MonkeyPatch, readers: Readers
) -> None:
    monkeypatch.setattr("watchers.readers.SLOW_S", -1.0)

    async def listing() -> ReadListing:
        return await readers.parse("html", page(ADVERT, "slow.example"), rules(), words.NIGHT)

    for _ in range(2):
        await listing()
    busy = readers._free.get_nowait()
    async with asyncio.timeout(10):
        on_the_spot = await listing()
    assert not readers.pids()
    readers._free.put_nowait(busy)
    assert await listing() == on_the_spot
    assert readers.pids()


async def test_one_quick_page_clears_a_host_that_was_slow_once(
    monkeypatch: pytest.MonkeyPatch, readers: Readers
) -> None:
    for slow_s in (-1.0, 60.0, -1.0, 60.0):
        monkeypatch.setattr("watchers.readers.SLOW_S", slow_s)
        await readers.parse("html", page(ADVERT, "slow.example"), rules(), words.NIGHT)
    assert readers.pids() == ()


async def test_a_library_that_is_imported_while_a_page_is_read_makes_no_host_slow(
    monkeypatch: pytest.MonkeyPatch, readers: Readers
) -> None:
    monkeypatch.setattr("watchers.readers.SLOW_S", -1.0)

    def importing(job: object) -> object:
        sys.modules[f"imported_{len(sys.modules)}"] = sys
        return read(job)  # type: ignore[arg-type]

    monkeypatch.setattr("watchers.readers.read", importing)
    try:
        for _ in range(4):
            await readers.parse("html", page(ADVERT, "slow.example"), rules(), words.NIGHT)
    finally:
        for name in [name for name in sys.modules if name.startswith("imported_")]:
            del sys.modules[name]
    assert readers.pids() == ()


async def test_a_feed_that_is_read_again_gives_known_posts_in_short(readers: Readers) -> None:
    def feed(*numbers: int) -> Response:
        items = "".join(f"<item><title>t{n}</title><guid>g{n}</guid></item>" for n in numbers)
        return page(f"<rss version='2.0'><channel>{items}</channel></rss>".encode())

    known: dict[str, str] = {}
    for numbers in ((2, 1), (3, 2), (4, 3)):
        found = await readers.parse("rss", feed(*numbers), rules("rss"), words.NIGHT, known=known)
        expected = read_listing("rss", feed(*numbers), rules("rss"), words.NIGHT)
        assert found.prints == expected.prints
        assert found.listing.posts[0] == expected.listing.posts[0]
        known = {p.post_id: print_ for p, print_ in zip(found.listing.posts, found.prints, strict=True)}
    assert found.listing.posts[1] == Post(post_id="g3", url=found.listing.posts[1].url)


class SetClock(SystemClock):
    """The machine's clock, its monotonic time set by hand."""

    at_s = 0.0

    def monotonic(self) -> float:
        return self.at_s


async def test_no_secret_reaches_the_process(monkeypatch: pytest.MonkeyPatch, readers: Readers) -> None:
    monkeypatch.setenv("NIGHTJAR_TELEGRAM_TOKEN", "123:secret")
    names = await readers.alone("html", heavy("environment:"), POST, rules(), words.NIGHT)
    assert names
    assert "TOKEN" not in names


async def test_a_cancelled_reading_leaves_the_next_one_whole(readers: Readers) -> None:
    job = asyncio.create_task(readers.detail("html", heavy("hang:"), POST, rules(), words.NIGHT))
    while not readers.pids():  # noqa: ASYNC110 - the process's start is no event of ours
        await asyncio.sleep(0.01)
    job.cancel()
    with suppress(asyncio.CancelledError):
        await job
    assert (await readers.detail("html", heavy(), POST, rules(), words.NIGHT)).post.text == TEXT


async def test_closed_readers_say_so() -> None:
    readers = Readers(SystemClock())
    await readers.close()
    await readers.close()
    with pytest.raises(BadPage, match="closed"):
        await readers.parse("html", heavy(), rules(), words.NIGHT)


async def test_the_wire_and_the_certificate_stay_in_the_daemon(readers: Readers) -> None:
    answer = words.response(heavy().body, wire=b"<!--crash:", wire_request=b"<!--crash:")
    await readers.parse("html", answer, rules(), words.NIGHT)


def test_what_says_too_much_is_cut_and_keeps_its_fingerprints() -> None:
    posts = [{"id": n, "title": f"bicycle {n}", "text": "ivory " * 4_000} for n in range(300)]
    whole = read_listing("json", page(json.dumps({"posts": posts}).encode()), rules("json"), words.NIGHT)
    text = fitted(whole)
    assert len(text) <= ANSWER_MAX_BYTES
    told = json.loads(text)
    assert tuple(told["prints"]) == whole.prints
    assert len(told["listing"]["posts"]) == len(whole.listing.posts)
    assert "cut" in told["listing"]["notes"][-1]


def test_a_listing_that_fits_is_not_cut() -> None:
    empty = ReadListing(listing=read_listing("html", page(ADVERT), rules(), words.NIGHT).listing, prints=())
    assert b"cut" not in fitted(empty)


async def test_the_loop_turns_while_a_page_of_a_hundred_thousand_links_is_read() -> None:
    body = b"".join(b'<div><a href="/p/%d">bicycle %d</a></div>' % (n, n) for n in range(100_000))
    readers, lags = Readers(SystemClock()), [0.0]
    reading = asyncio.create_task(readers.parse("html", page(body), rules(), words.NIGHT))
    try:
        while not reading.done():
            began = time.thread_time()  # of the loop's own thread: whatever else the machine does
            await asyncio.sleep(0.005)
            lags.append(time.thread_time() - began)
        assert (await reading).listing.posts
    finally:
        await readers.close()
    assert max(lags) < 0.1


@pytest.mark.parametrize(
    "body",
    [b"<" * (LIGHT_TAGS + 1), b"x" * (LIGHT_BYTES + 1), b"<a href=/p/1>x</a>" * LIGHT_TAGS],
)
def test_heavy_is_long_or_of_many_elements(body: bytes) -> None:
    assert is_heavy(body)
    assert not is_heavy(ADVERT)


def test_the_daemon_does_not_gain_the_libraries_of_reading() -> None:
    import subprocess
    import sys

    code = (
        "import sys, watchers.readers; "
        "print([m for m in ('feedparser', 'extruct', 'dateparser', 'PIL', 'numpy') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=dict(os.environ))
    assert told.stdout.strip() == b"[]"
