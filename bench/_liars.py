"""A night among hosts that lie, beside one that does not: a real daemon, virtual time.

Every host shows the same stream of real posts (each with a page and a picture, alive for a set
time, then gone) and lies about it in its own way. What is asked of it, what was captured, what
was called deleted, and what the target's health says are held against the truth.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bench.figures import Figure
from tests.fakes.jump import JumpLoop, run_jumping
from tests.fakes.market import picture
from tests.fakes.night import Night
from tests.fakes.processes import awaited
from tests.fakes.site import FakeSite
from watchers import honesty

EVENING = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
EVERY_S = 300.0
"""One post appears in so long."""
LIFE_S = 1_500.0
STANDING = 6
"""Posts that stand there all night."""
CROWD = 100_000
HOST = '\n[hosts."{host}"]\nrequests_per_s = 20\nconcurrency = 4\n'
MORE = "vigil_sample = 1.0\n[target.rules]\nnext = 'more'\n"
PER_PAGE = 5
MOST_INVENTED = (honesty.HABIT + 1) * PER_PAGE
"""Of pages that never end: one page each time until the lie is a habit, however long the night."""
EMPTY_EVERY = 10
ASKED_AT_MOST = 1.25
"""Requests for pages and pictures, against those of the honest host with the same posts."""


@dataclass(slots=True)
class Real:
    """One real post. dies_s: loop time from which it is gone."""

    number: int
    born_s: float
    dies_s: float = float("inf")


@dataclass(slots=True)
class Host:
    """One host. lie: changes the items of a listing and its headers, or answers by itself."""

    name: str
    site: FakeSite
    lie: Callable[[Host, web.Request, list[dict[str, Any]], dict[str, str]], object | None]
    words: str
    posts: list[Real] = field(default_factory=list)
    polls: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def open(self) -> None:
        """Begin to serve."""
        self.site.put("/robots.txt", b"User-agent: *\nAllow: /\n", headers={"Content-Type": "text/plain"})
        self.site.script("/posts.json", self.listing)
        for n in range(1, 60):
            self.site.script(f"/posts.json?page={n}", self.listing)

    def appear(self, *, stands: bool) -> None:
        """A new post."""
        now, number = _now_s(), len(self.posts)
        self.posts.append(Real(number, now, float("inf") if stands else now + LIFE_S))
        self.site.script(f"/p/{self.slot(number)}/{number}", self.page)
        self.site.script(f"/i/{number}.jpg", self.image)

    def slot(self, number: int) -> str:
        """The id under which a post is shown."""
        return str(number % (STANDING + 1)) if self.words == honesty.REUSED else str(number)

    def alive(self) -> list[Real]:
        """Real posts as the honest would show them, newest first."""
        now = _now_s()
        here = {self.slot(post.number): post for post in self.posts if post.dies_s > now}
        return sorted(here.values(), key=lambda post: -post.number)

    async def listing(self, request: web.Request) -> web.StreamResponse:
        """A page of the listing, with the lie in it."""
        first = "page" not in request.query
        self.polls += first
        items = [self.item(post) for post in self.alive()] if first else []
        headers = {"ETag": f'"{hash(json.dumps(items)) & 0xFFFFFFFF:x}"'}
        told: dict[str, Any] = {"posts": items}
        answer = self.lie(self, request, items, headers)
        if isinstance(answer, web.StreamResponse):
            return answer
        if isinstance(answer, str):
            told["more"] = answer
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.json_response(told, headers=headers)

    def item(self, post: Real) -> dict[str, Any]:
        """One post of the listing."""
        url = self.site.url(f"/p/{self.slot(post.number)}/{post.number}")
        return {"id": self.slot(post.number), "url": url, "title": title(self.name, post.number)}

    async def page(self, request: web.Request) -> web.StreamResponse:
        """A real post's page."""
        number = int(request.path.rpartition("/")[2])
        self.asked["page"] += 1
        if self.posts[number].dies_s <= _now_s() or self.posts[number] not in self.alive():
            return web.Response(status=404, text="<h1>Not found</h1>", content_type="text/html")
        words = title(self.name, number)
        article = f"<article><h1>{words}</h1><img src='/i/{number}.jpg'></article>"
        text = f"<html><title>{words}</title>{article}</html>"
        return web.Response(text=text, content_type="text/html")

    async def image(self, request: web.Request) -> web.StreamResponse:
        """Its picture."""
        self.asked["picture"] += 1
        number = int(request.path.rpartition("/")[2].removesuffix(".jpg"))
        return web.Response(body=picture(number % 7), content_type="image/jpeg")


def title(host: str, number: int) -> str:
    """What a real post says."""
    return f"bicycle {number} of {host}"


def _now_s() -> float:
    return asyncio.get_running_loop().time()


# --- the lies -----------------------------------------------------------------------------


def truth(_h: Host, _r: web.Request, _i: list[dict[str, Any]], _headers: dict[str, str]) -> None:
    """No lie."""


def new_validators(host: Host, _r: web.Request, _i: list[dict[str, Any]], headers: dict[str, str]) -> None:
    headers["ETag"] = f'"{host.chance.random()}"'
    headers["Last-Modified"] = format_datetime(EVENING, usegmt=True)


def endless_pages(
    host: Host, request: web.Request, items: list[dict[str, Any]], headers: dict[str, str]
) -> str:
    """A next page for ever, each with posts that nobody ever saw, which lead to real pages."""
    page = int(request.query.get("page", 0))
    if page:
        post = host.alive()[0]
        items += [
            host.item(post) | {"id": f"x{host.chance.random()}", "title": f"more {page} {n}"}
            for n in range(PER_PAGE)
        ]
        headers["ETag"] = f'"{host.chance.random()}"'
    return f"/posts.json?page={page + 1}"


def clock_years_off(_h: Host, _r: web.Request, items: list[dict[str, Any]], headers: dict[str, str]) -> None:
    headers["Date"] = "Tue, 01 Jan 2002 00:00:00 GMT"
    headers["Age"] = "86400000"
    for place, item in enumerate(items):
        item["posted"] = "2055-01-01T00:00:00Z" if place % 2 else "1999-01-01T00:00:00Z"


def reordered(host: Host, _r: web.Request, items: list[dict[str, Any]], headers: dict[str, str]) -> None:
    host.chance.shuffle(items)
    headers["ETag"] = f'"{host.chance.random()}"'


def other_words(host: Host, _r: web.Request, items: list[dict[str, Any]], headers: dict[str, str]) -> None:
    """Ids are few and given to the next post; and all listed words differ at each poll."""
    for item in items:
        item["text"] = f"lot {host.chance.random()}"
    headers["ETag"] = f'"{host.chance.random()}"'


def a_crowd(_h: Host, _r: web.Request, items: list[dict[str, Any]], _headers: dict[str, str]) -> None:
    """A hundred thousand old items without pages of their own behind the real ones."""
    items += [{"id": f"c{n}", "title": f"old {n}"} for n in range(CROWD)]


def often_empty(host: Host, _r: web.Request, items: list[dict[str, Any]], headers: dict[str, str]) -> None:
    if host.polls % EMPTY_EVERY == 0:
        items.clear()
        headers["ETag"] = '"empty"'


def always_unmodified(
    _h: Host, request: web.Request, _i: list[dict[str, Any]], headers: dict[str, str]
) -> web.StreamResponse | None:
    headers["ETag"] = '"for ever"'
    asked = "If-None-Match" in request.headers
    return web.Response(status=304, headers=headers) if asked else None


LIES: dict[str, tuple[Any, str]] = {
    "honest": (truth, ""),
    "validators": (new_validators, honesty.VALIDATORS),
    "pages": (endless_pages, honesty.ENDLESS),
    "clock": (clock_years_off, honesty.CLOCK),
    "order": (reordered, honesty.REORDERED),
    "ids": (other_words, honesty.REUSED),
    "crowd": (a_crowd, honesty.FULL),
    "empty": (often_empty, honesty.EMPTY),
    "unmodified": (always_unmodified, honesty.UNMODIFIED),
}


# --- the night ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one host's night came to. real: posts that stood for two intervals or more before the end.

    extra: looks kept of real posts beyond the first of each; false_ends: deletions of what stood.
    """

    name: str
    real: int
    hidden: tuple[str, ...]
    extra: int
    invented: int
    asked: int
    false_ends: int
    health: str
    reason: str
    notices: int
    minutes: float


def play(folder: Path, minutes: float, lies: tuple[str, ...] = tuple(LIES)) -> list[Found]:
    """A night of so many virtual minutes; what each host's came to."""

    async def main(loop: JumpLoop) -> list[Found]:
        with (
            awaited(loop),
        ):
            async with AsyncExitStack() as stack:
                hosts = []
                for place, name in enumerate(lies):
                    site = await stack.enter_async_context(FakeSite(f"127.0.0.{60 + place}"))
                    hosts.append(Host(name, site, *LIES[name]))
                return await _night(loop, folder, hosts, minutes)

    return list(run_jumping(main))


async def _night(loop: JumpLoop, folder: Path, hosts: list[Host], minutes: float) -> list[Found]:
    night = Night(loop, folder, EVENING, "UTC")
    for host in hosts:
        host.open()
        for _ in range(STANDING):
            host.appear(stands=True)
    limits = [HOST.format(host=host.site.origin.split("/")[2].split(":")[0]) for host in hosts]
    targets = [night.stanza(host.site.url("/posts.json"), name=host.name, more=MORE) for host in hosts]
    night.write_config(*limits, *targets)
    await night.start()
    try:
        for _ in range(int(60 * minutes / EVERY_S)):
            await night.run_for(seconds=EVERY_S)
            for host in hosts:
                host.appear(stands=False)
        await night.run_for(seconds=EVERY_S)
        return [await _found(night, host) for host in hosts]
    finally:
        await night.stop()


async def _found(night: Night, host: Host) -> Found:
    database = night.store.vault.database
    sql = "SELECT observation, post, page_sha256, lifetime FROM observation WHERE target = ? ORDER BY seq"
    looks = [(row[0], json.loads(row[1]), row[2]) for row in await database.rows(sql, (host.name,))]
    kept = Counter(post["title"] for what, post, page in looks if what != "missing" and page)
    gone = Counter(post["title"] for what, post, _ in looks if what == "missing")
    real = {title(host.name, post.number): post for post in host.posts if post.born_s < _now_s() - 130}
    alive = {title(host.name, post.number) for post in host.alive()}
    row = night.daemon.house.rows[host.name] if night.daemon is not None else None
    assert row is not None
    return Found(
        name=host.name,
        real=len(real),
        hidden=tuple(sorted(real.keys() - kept.keys())),
        extra=sum(count - 1 for words, count in kept.items() if words in real),
        invented=sum(count for words, count in kept.items() if words not in real and words not in alive),
        asked=sum(host.asked.values()),
        false_ends=sum(count for words, count in gone.items() if words in alive),
        health=row.health,
        reason=row.reason,
        notices=sum(f"target {host.name}: " in str(alert) for alert in night.alerts()),
        minutes=_now_s() / 60,
    )


def figures(found: list[Found]) -> tuple[Figure, ...]:
    """Each lie beside the honest host."""
    honest = next(one for one in found if one.name == "honest")
    told: list[Figure] = [
        Figure("lies: real posts that were hidden", sum(len(one.hidden) for one in found), 0, "equal"),
        Figure("lies: posts called deleted that stood", sum(one.false_ends for one in found), 0, "equal"),
    ]
    liars = [one for one in found if one is not honest]
    named = sum(LIES[one.name][1] in one.reason for one in liars)
    told.append(Figure("lies named by the target's health", named, len(liars), "equal"))
    for one in liars:
        ratio = one.asked / one.real / (honest.asked / honest.real)
        note = f"{one.asked} pages and pictures for {one.real} posts, {one.extra} looks more than one each"
        if one.name == "pages":
            told.append(
                Figure(
                    "lie of pages: invented posts captured", one.invented, MOST_INVENTED, "at most", note=note
                )
            )
            continue
        most = ASKED_AT_MOST + (honesty_looks(one) if one.name == "ids" else 0.0) / (honest.asked)
        told.append(
            Figure(f"lie of {one.name}: asked per post, of the honest", ratio, most, "at most", note=note)
        )
    return tuple(told)


def honesty_looks(one: Found) -> float:
    """Pages that are asked because the listed words of every post change at every poll."""
    polls_before = honesty.HABIT + 1
    return (polls_before + one.minutes * 60 / honesty.RECHECK_S) * (STANDING + 1)
