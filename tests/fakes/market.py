"""A small market place: a JSON listing, a page per post, pictures; everything scripted by the test.

Runs on `FakeSite`, a real HTTP server on loopback. Pages hold a token that changes with
every answer, as real ones do.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from html import escape

from aiohttp import web
from PIL import Image, ImageDraw

from tests.fakes.site import FakeSite


def picture(seed: int, size: int = 320) -> bytes:
    """A photo-like JPEG of its own for each seed: gradients, shapes, grain."""
    import numpy as np

    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y, w, h = (int(v) for v in random.integers(0, size, 4))
        draw.ellipse(
            (x, y, x + w // 2 + 20, y + h // 2 + 20), fill=tuple(int(v) for v in random.integers(0, 255, 3))
        )
    grain = random.normal(0, 6, (size, size, 3))
    noisy = np.clip(np.asarray(image, dtype=float) + grain, 0, 255).astype("uint8")
    out = io.BytesIO()
    Image.fromarray(noisy).save(out, "JPEG", quality=85)
    return out.getvalue()


@dataclass(slots=True)
class Advert:
    """One post: what its page says now, and its pictures by path."""

    number: int
    title: str
    text: str
    seller: str = "jade_lady"
    price: str = "¥3,800"
    pictures: tuple[str, ...] = ()
    up: bool = True


@dataclass(slots=True)
class Market:
    """`publish`, `edit`, `remove`; set `outage`, `wall` or `blip` to misbehave."""

    site: FakeSite
    adverts: dict[int, Advert] = field(default_factory=dict)
    shown: int = 20
    outage: bool = False
    wall: bool = False
    blips: set[int] = field(default_factory=set)
    gone_status: int = 404
    answers: int = 0
    polls: list[float] = field(default_factory=list)
    on_page: dict[int, object] = field(default_factory=dict)

    def open(self) -> None:
        """Begin to serve."""
        self.site.put("/robots.txt", b"User-agent: *\nAllow: /\n", headers={"Content-Type": "text/plain"})
        self.site.script("/posts.json", self._feed)

    @property
    def url(self) -> str:
        return self.site.url("/posts.json")

    def publish(self, title: str, text: str = "", pictures: tuple[bytes, ...] = (), **more: str) -> int:
        number = len(self.adverts) + 1
        paths = tuple(f"/pictures/{number}-{n}.jpg" for n in range(len(pictures)))
        for path, data in zip(paths, pictures, strict=True):
            self.site.put(path, data, headers={"Content-Type": "image/jpeg"})
        self.adverts[number] = Advert(number=number, title=title, text=text or title, pictures=paths, **more)  # type: ignore[arg-type]
        self.site.script(f"/post/{number}", self._page)
        return number

    def remove(self, number: int) -> None:
        self.adverts[number].up = False

    def restore(self, number: int) -> None:
        self.adverts[number].up = True

    def _listed(self) -> list[Advert]:
        return [a for a in reversed(self.adverts.values()) if a.up][: self.shown]

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        self.polls.append(_loop_time())
        if (refusal := self._refusal(request)) is not None:
            return refusal
        items = [
            {
                "id": f"post-{a.number}",
                "url": self.site.url(f"/post/{a.number}"),
                "title": a.title,
                "text": a.text,
            }
            for a in self._listed()
        ]
        return web.json_response({"posts": items, "answer": len(self.polls)})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        number = int(request.path.rsplit("/", 1)[1])
        if (refusal := self._refusal(request)) is not None:
            return refusal
        advert = self.adverts[number]
        if not advert.up or number in self.blips:
            return web.Response(status=self.gone_status, text="<h1>Not found</h1>", content_type="text/html")
        self.answers += 1
        images = "".join(f'<img src="{p}">' for p in advert.pictures)
        og = "".join(f'<meta property="og:image" content="{self.site.url(p)}">' for p in advert.pictures)
        body = (
            f"<html><head><title>{escape(advert.title)}</title>"
            f'<meta property="og:title" content="{escape(advert.title)}">{og}</head><body>'
            f'<article><h1>{escape(advert.title)}</h1><p class="text">{escape(advert.text)}</p>{images}'
            f'<span class="price">{escape(advert.price)}</span></article>'
            f'<form><input type="hidden" name="csrf" value="{self.answers}"></form></body></html>'
        )
        return web.Response(text=body, content_type="text/html")

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        if self.outage:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if self.wall:
            body = (
                "<html><title>Log in</title><form action=/login><input name=user><input type=password></form>"
                "Please log in to view this page.</html>"
            )
            return web.Response(status=401, text=body, content_type="text/html")
        return None


def _loop_time() -> float:
    import asyncio

    return asyncio.get_running_loop().time()
