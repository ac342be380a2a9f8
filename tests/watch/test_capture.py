"""What a capture asks for, in which order, and what it does not ask for twice; from a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from aiohttp import web

from storage.clock import SystemClock
from storage.errors import HostDown
from storage.model import Observation, PictureRef, Post, Response, Snapshot, Validators
from tests.fakes.site import FakeSite
from tests.watch.kit import fetching, target
from watchers.capture import Capture, Errand
from watchers.feed import load
from watchers.fetch import Fetcher
from watchers.readers import Readers
from watchers.shelf import BESIDE_BYTES, FRESH, MOST_OF_ONE, Shelf

PAGE = b"<html><title>ring</title><article><h1>ring</h1><p>nearly new, by night</p>%s</article></html>"
JPEG = {"Content-Type": "image/jpeg"}


@dataclass
class Rig:
    """A site, and captures of its posts that share a shelf."""

    site: FakeSite
    fetcher: Fetcher
    readers: Readers
    shelf: Shelf

    def post(self, name: str, text: str, *pictures: str) -> Post:
        refs = tuple(PictureRef(url=self.site.url(path)) for path in pictures)
        return Post(post_id=name, url=self.site.url(f"/{name}"), title="", text=text, pictures=refs)

    async def take(self, post: Post, shelf: Shelf | None = None) -> Snapshot:
        goal, clock = target(self.site.url("/list")), SystemClock()
        errand = Errand(
            target=goal, feed=load("html"), post=post, observation=Observation.SEEN,
            listing=None, listed_at=clock.now(),
        )  # fmt: skip
        capture = Capture(errand, self.fetcher, self.readers, clock, shelf)
        await capture.run()
        return capture.snapshot()

    def asked(self, *paths: str) -> list[str]:
        return [visit.path for visit in self.site.visits if visit.path in paths]


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    async with FakeSite() as site, fetching() as fetcher:
        readers = Readers(SystemClock())
        try:
            yield Rig(site, fetcher, readers, Shelf())
        finally:
            await readers.close()


@pytest.mark.parametrize(
    ("text", "order"), [("", ["/a.jpg", "/p"]), ("an old ring, ask me", ["/p", "/a.jpg"])]
)
async def test_a_post_without_words_is_told_by_its_picture_which_comes_first(
    text: str, order: list[str]
) -> None:
    async with rig() as one:
        one.site.put("/p", PAGE % b"<img src='/a.jpg'>")
        one.site.put("/a.jpg", b"jpeg", headers=JPEG)
        kept = await one.take(one.post("p", text, "/a.jpg"))
        assert one.asked("/p", "/a.jpg") == order
        assert [p.response.body for p in kept.pictures if p.response] == [b"jpeg"]


async def test_the_listings_picture_is_kept_when_the_page_has_another() -> None:
    async with rig() as one:
        one.site.put("/p", PAGE % b"<img src='/full.jpg' width=800>")
        for path in ("/small.jpg", "/full.jpg"):
            one.site.put(path, path.encode(), headers=JPEG)
        kept = await one.take(one.post("p", "", "/small.jpg"))
        had = [p.response.body for p in kept.pictures if p.response]
        assert sorted(had) == [b"/full.jpg", b"/small.jpg"]


async def test_a_picture_of_several_posts_is_fetched_once() -> None:
    async with rig() as one:
        one.site.put("/a.jpg", b"jpeg", headers=JPEG)
        for name in ("p", "q", "r"):
            one.site.put(f"/{name}", PAGE % b"<img src='/a.jpg'>")
        posts = [one.post(name, "an old ring, ask me", "/a.jpg") for name in ("p", "q", "r")]
        kept = await asyncio.gather(*(one.take(post, one.shelf) for post in posts))
        assert one.asked("/a.jpg") == ["/a.jpg"]
        assert [[p.response.body for p in s.pictures if p.response] for s in kept] == [[b"jpeg"]] * 3
        assert len({p.response.started_at for s in kept for p in s.pictures if p.response}) == 1
        await one.take(posts[0])
        assert one.asked("/a.jpg") == ["/a.jpg"] * 2, "a look without the shelf asks anew"


async def test_an_older_picture_is_asked_for_with_its_validators() -> None:
    async def picture(request: web.Request) -> web.Response:
        known = request.headers.get("If-None-Match") == '"1"'
        return web.Response(status=304 if known else 200, body=b"jpeg", headers={"ETag": '"1"'})

    async with rig() as one:
        one.site.script("/a.jpg", picture)
        goal, now = target(one.site.url("/list")), SystemClock().now()

        async def ask(validators: Validators | None) -> Response:
            url = one.site.url("/a.jpg")
            return await one.fetcher.get(url, goal, purpose="picture", validators=validators)

        first = await one.shelf.get("u", lambda: now, ask)
        again = await one.shelf.get("u", lambda: now + FRESH * 2, ask)
        assert (first.status, first.body) == (200, b"jpeg")
        assert again is first
        assert [visit.headers.get("If-None-Match") for visit in one.site.visits[-2:]] == [None, '"1"']


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {"Cache-Control": "private, no-store"}, b"x"),
        (200, {"Cache-Control": "no-cache"}, b"x"),
        (404, {}, b"x"),
        (200, {}, b""),
        (200, {}, b"x" * (MOST_OF_ONE + 1)),
    ],
)
async def test_what_may_not_or_cannot_be_kept_is_asked_for_each_time(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    async with rig() as one:
        one.site.put("/a.jpg", body, status=status, headers=headers)
        goal, now = target(one.site.url("/list")), SystemClock().now()

        async def ask(validators: Validators | None) -> Response:
            url = one.site.url("/a.jpg")
            return await one.fetcher.get(url, goal, purpose="picture", validators=validators)

        for _ in range(3):
            assert (await one.shelf.get("u", lambda: now, ask)).status == status
        assert one.asked("/a.jpg") == ["/a.jpg"] * 3


async def test_the_shelf_forgets_what_was_not_asked_for_when_it_is_full() -> None:
    async with rig() as one:
        for name in "abc":
            one.site.put(f"/{name}", name.encode() * 1_000, headers=JPEG)
        goal, now = target(one.site.url("/list")), SystemClock().now()
        probe = await one.fetcher.get(one.site.url("/a"), goal, purpose="picture")
        shelf = Shelf(most_bytes=2 * (len(probe.body) + len(probe.wire) + BESIDE_BYTES) + 100)

        async def have(name: str) -> None:
            async def ask(_: Validators | None) -> Response:
                return await one.fetcher.get(one.site.url(f"/{name}"), goal, purpose="picture")

            assert (await shelf.get(name, lambda: now, ask)).body == name.encode() * 1_000

        for name in "abacab":
            await have(name)
        assert one.asked("/a", "/b", "/c") == ["/a", "/a", "/b", "/c", "/b"]


async def test_when_the_one_that_asks_fails_the_next_asks_itself() -> None:
    async with rig() as one:
        one.site.put("/a.jpg", b"jpeg", headers=JPEG)
        goal, now = target(one.site.url("/list")), SystemClock().now() + timedelta(seconds=1)
        tries = 0

        async def ask(_: Validators | None) -> Response:
            nonlocal tries
            tries += 1
            await asyncio.sleep(0)
            if tries == 1:
                raise HostDown("u", "no answer")
            return await one.fetcher.get(one.site.url("/a.jpg"), goal, purpose="picture")

        asked = (one.shelf.get("u", lambda: now, ask) for _ in range(4))
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(found[0], HostDown)
        assert [one.body for one in found if isinstance(one, Response)] == [b"jpeg"] * 3
        assert tries == 2
