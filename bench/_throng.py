"""Very many small sites in one process, whose posts live for a set time and are then gone.

`python -m bench._throng TARGETS HOSTS PORT POSTS_PER_S LIFE_S`. Each target is a JSON listing with an ETag
on one of HOSTS loopback addresses. New posts appear at random targets (a Poisson process) with
a page and a picture; when one has lived LIFE_S seconds, listing, page and picture know
nothing of it. On the first address, and on port `--control` of 127.0.0.1, /report tells when
each post was born and first had, and when each target was polled and any robots.txt asked for
(machine monotonic seconds); /trouble?on=1 on the latter makes one host answer nothing any more
and another one byte a second, until /trouble?on=0.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import io
import random
import resource
import ssl
import sys
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from PIL import Image

from bench._crowd import JPEG_SIDE, host_of

SEED = 20261127
PICTURES = 2_000
"""Pictures that do not look alike; each post has one of them with a mark of its own."""
TICK_S = 0.02
DEAD, DRIPPING = 1, 2
"""Numbers of the hosts that are in trouble when they are told to be."""


@dataclass(slots=True)
class Advert:
    """One post. page_at, picture_at: when each was first served, None while it was not."""

    born: float
    dies: float
    page_at: float | None = None
    picture_at: float | None = None


class Throng:
    """The sites' memory."""

    def __init__(
        self,
        targets: int,
        hosts: int,
        port: int,
        posts_per_s: float,
        life_s: float,
        *,
        standing: float = 1.0,
    ) -> None:
        self.targets, self.hosts, self.port = targets, hosts, port
        self.posts_per_s, self.life_s = posts_per_s, life_s
        self.scheme = "http"
        self.chance = random.Random(SEED)  # a bench that repeats itself
        # One post stands for ever on most targets: a listing without any would be of little interest.
        self.adverts = [
            [Advert(time.monotonic(), float("inf"))] if n < standing * targets else [] for n in range(targets)
        ]
        self.polls: list[list[float]] = [[] for _ in range(targets)]
        self.robots: list[float] = []
        self.away: list[tuple[float, float]] = []
        self.served: Counter[str] = Counter()
        self.jpegs = [_jpeg(self.chance) for _ in range(PICTURES)]
        self.trouble = False
        self.closing = False

    @web.middleware
    async def troubled(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """What every answer goes through: hosts in trouble, and connections that are closed."""
        target = request.match_info.get("target")
        number = int(target) % self.hosts if target is not None else -1
        if self.trouble and number == DEAD:
            await asyncio.Event().wait()
        answer = await handler(request)
        if self.closing:
            answer.force_close()
        if self.trouble and number == DRIPPING:
            dripping = web.StreamResponse(headers={"Content-Length": "100000"})
            await dripping.prepare(request)
            for _ in range(100_000):
                await dripping.write(b" ")
                await asyncio.sleep(1)
        return answer

    async def set_trouble(self, request: web.Request) -> web.StreamResponse:
        """Begin or end the trouble."""
        self.trouble = request.query["on"] == "1"
        return web.json_response({"trouble": self.trouble})

    async def bear(self) -> None:
        """Let posts appear, for ever."""
        due = time.monotonic()
        while self.posts_per_s > 0:
            due += self.chance.expovariate(self.posts_per_s)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            posts = self.adverts[self.chance.randrange(self.targets)]
            posts.append(Advert(due, due + self.life_s))
        await asyncio.Event().wait()

    async def listen(self) -> None:
        """Note when this program itself was late, for ever: what came meanwhile has the time of its end."""
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            if (late_s := time.monotonic() - due) > TICK_S:
                self.away.append((due, late_s))

    def living(self, target: int) -> list[int]:
        """Numbers of the posts that a target shows now, newest first."""
        now = time.monotonic()
        posts = self.adverts[target]
        return [n for n in range(len(posts) - 1, -1, -1) if posts[n].born <= now < posts[n].dies]

    async def rules(self, _request: web.Request) -> web.StreamResponse:
        """No site has a robots.txt; that it was asked for counts."""
        self.robots.append(time.monotonic())
        return web.Response(status=404)

    async def listing(self, request: web.Request) -> web.StreamResponse:
        """The listing of one target; 304 when nothing is new."""
        target = int(request.match_info["target"])
        self.polls[target].append(time.monotonic())
        posts = self.living(target)
        etag = f'"{"-".join(map(str, posts))}"'
        if request.headers.get("If-None-Match") == etag:
            self.served["304"] += 1
            return web.Response(status=304, headers={"ETag": etag})
        self.served["listing"] += 1
        base = f"{self.scheme}://{host_of(target, self.hosts)}:{self.port}"
        items = [
            {
                "id": f"{target}-{n}",
                "url": f"{base}/p/{target}/{n}",
                "title": f"bicycle {n} of {target}",
                "text": "nearly new " * 20,
            }
            for n in posts
        ]
        return web.json_response({"posts": items}, headers={"ETag": etag})

    def _find(self, request: web.Request) -> Advert | None:
        posts = self.adverts[int(request.match_info["target"])]
        number = int(request.match_info["number"])
        return posts[number] if number < len(posts) and time.monotonic() < posts[number].dies else None

    async def page(self, request: web.Request) -> web.StreamResponse:
        """A post's own page of about 20 KB."""
        advert = self._find(request)
        if advert is None:
            self.served["gone"] += 1
            return web.Response(status=404, text="<title>404 not found</title>", content_type="text/html")
        self.served["page"] += 1
        advert.page_at = advert.page_at or time.monotonic()
        target, number = request.match_info["target"], request.match_info["number"]
        title = f"bicycle {number} of {target}"
        filler = hashlib.shake_128(title.encode()).hexdigest(8_000)
        body = (
            f"<html><head><title>{title}</title></head><body><article><h1>{title}</h1>"
            f"<p>nearly new</p><img src='/i/{target}/{number}.jpg'></article>"
            f"<!-- {filler} --></body></html>"
        )
        return web.Response(text=body, content_type="text/html")

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """A post's picture: no two posts have the same bytes."""
        advert = self._find(request)
        if advert is None:
            self.served["gone"] += 1
            return web.Response(status=404)
        self.served["picture"] += 1
        advert.picture_at = advert.picture_at or time.monotonic()
        mark = f"{request.match_info['target']}-{request.match_info['number']}".encode()
        jpeg = self.jpegs[zlib.crc32(mark) % len(self.jpegs)]
        return web.Response(body=jpeg + mark, content_type="image/jpeg")

    async def report(self, _request: web.Request) -> web.StreamResponse:
        """What was asked for; a post as [born, dies or null, page_at, picture_at].

        owners: the target of each post. robots: when any robots.txt was asked for. away: when this
        program was late, and by how many seconds.
        """
        posts = [
            [a.born, a.dies if a.dies < float("inf") else None, a.page_at, a.picture_at]
            for adverts in self.adverts
            for a in adverts
        ]
        owners = [n for n, adverts in enumerate(self.adverts) for _ in adverts]
        return web.json_response(
            {
                "polls": self.polls,
                "robots": self.robots,
                "away": self.away,
                "posts": posts,
                "owners": owners,
                "served": self.served,
            }
        )


def _jpeg(chance: random.Random) -> bytes:
    """Soft spots of colour: no two look alike, to a person or a hash."""
    out, small = io.BytesIO(), Image.frombytes("RGB", (6, 6), chance.randbytes(108))
    small.resize((JPEG_SIDE, JPEG_SIDE), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()


async def serve(throng: Throng, control: int, certificates: Path | None) -> None:
    """Serve until killed."""
    app = web.Application(middlewares=[throng.troubled])
    app.router.add_get("/robots.txt", throng.rules)
    app.router.add_get("/t/{target}", throng.listing)
    app.router.add_get("/p/{target}/{number}", throng.page)
    app.router.add_get("/i/{target}/{number}.jpg", throng.picture)
    app.router.add_get("/report", throng.report)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=300)
    await runner.setup()
    for number in range(throng.hosts):
        address = host_of(number, throng.hosts)
        tls = _secured(certificates / f"{address}.pem") if certificates else None
        await web.TCPSite(runner, address, throng.port, backlog=64, ssl_context=tls).start()
    own = web.Application()
    own.router.add_get("/report", throng.report)
    own.router.add_get("/trouble", throng.set_trouble)
    controls = web.AppRunner(own, access_log=None)
    await controls.setup()
    await web.TCPSite(controls, "127.0.0.1", control).start()
    gc.collect()
    gc.freeze()  # a look at all adverts would keep the clock of the record waiting
    print("ready", flush=True)
    await asyncio.gather(throng.bear(), throng.listen())


def _secured(certificate: Path) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    return tls


async def _main(words: list[str]) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # listeners and kept connections of all hosts
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parser = argparse.ArgumentParser(prog="bench._throng")
    for name in ("targets", "hosts", "port"):
        parser.add_argument(name, type=int)
    for name in ("posts_per_s", "life_s"):
        parser.add_argument(name, type=float)
    parser.add_argument("--control", type=int, default=0, help="0: any that is free")
    parser.add_argument("--standing", type=float, default=1.0)
    parser.add_argument(
        "--tls", default="", help="folder of keys and certificates; each connection has one answer"
    )
    asked = parser.parse_args(words)
    throng = Throng(
        asked.targets, asked.hosts, asked.port, asked.posts_per_s, asked.life_s, standing=asked.standing
    )
    if asked.tls:
        throng.scheme, throng.closing = "https", True
    await serve(throng, asked.control, Path(asked.tls) if asked.tls else None)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
