"""A market in a rough night: everything that looks like a deletion and is none, on a scripted clock."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.market import Market

SOFT_404 = (
    "<html><head><title>Listing removed</title></head>"
    "<body><h1>This listing has been removed.</h1></body></html>"
)
LOGIN = (
    "<html><head><title>Log in</title></head><body><form action=/login method=post><input name=user>"
    "<input type=password name=pass></form>Please log in to view this page.</body></html>"
)
ENDINGS = ("404", "410", "soft", "home")
"""How a post may be gone: two statuses, a page that says so, a redirect to the front page."""
TROUBLES = ("blip", "429", "site-soft-404", "site-404", "wall-401", "wall-200", "outage", "stale-feed")
"""What may be planted; a blip hits one living post, the others the whole site."""


@dataclass(slots=True)
class RoughMarket(Market):
    """As `Market`, with one trouble at a time (`trouble`) and an ending of its own for each post."""

    trouble: str = ""
    endings: dict[int, str] = field(default_factory=dict)
    frozen: list[dict[str, object]] | None = None
    planted: dict[str, int] = field(default_factory=dict)

    def open(self) -> None:
        """Begin to serve, a front page too."""
        Market.open(self)
        self.site.put("/", b"<html><title>Market</title><body>Welcome to the market</body></html>")

    def begin(self, trouble: str, chance: random.Random) -> None:
        """Plant a trouble; `end` takes it away."""
        self.planted[trouble] = self.planted.get(trouble, 0) + 1
        self.trouble = trouble
        living = [n for n, a in self.adverts.items() if a.up]
        if trouble == "blip" and living:
            self.blips.update(chance.sample(living, min(3, len(living))))
        if trouble == "stale-feed":
            self.frozen = self._items()

    def end(self) -> None:
        """All is well again."""
        self.trouble, self.frozen = "", None
        self.blips.clear()

    def _items(self) -> list[dict[str, object]]:
        return [
            {
                "id": f"post-{a.number}",
                "url": self.site.url(f"/post/{a.number}"),
                "title": a.title,
                "text": a.text,
            }
            for a in self._listed()
        ]

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        self.polls.append(asyncio.get_running_loop().time())
        if (refusal := self._refusal(request)) is not None:
            return refusal
        items = self._items() if self.frozen is None else self.frozen
        return web.json_response({"posts": items, "answer": len(self.polls)})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        number = int(request.path.rsplit("/", 1)[1])
        if (refusal := self._refusal(request)) is not None:
            return refusal
        if self.trouble in ("site-404", "site-soft-404"):
            return _gone("404" if self.trouble == "site-404" else "soft")
        if number in self.blips:
            return _gone("404")
        if not self.adverts[number].up:
            return _gone(self.endings.get(number, "404"))
        return await Market._page(self, request)

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        if self.trouble == "outage":
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if self.trouble == "429":
            return web.Response(status=429, headers={"Retry-After": "40"}, text="slow down")
        if self.trouble in ("wall-401", "wall-200"):
            status = 401 if self.trouble == "wall-401" else 200
            return web.Response(status=status, text=LOGIN, content_type="text/html")
        return None


def _gone(how: str) -> web.StreamResponse:
    if how == "home":
        return web.Response(status=302, headers={"Location": "/"})
    if how == "soft":
        return web.Response(text=SOFT_404, content_type="text/html")
    return web.Response(status=int(how), text="<h1>Not found</h1>", content_type="text/html")
