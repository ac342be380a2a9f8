"""Many small sites in one process, for benches: `python -m bench._crowd TARGETS HOSTS PORT`.

Each target is a JSON listing with an ETag on one of HOSTS loopback addresses; each gets a
new post with a page and a picture now and then. /report on the first address tells when
every target was polled (machine monotonic seconds), and how often what was served.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections import Counter

from aiohttp import web

POST_EVERY_S = 300.0
JPEG_SIDE = 200


def host_of(target: int, hosts: int) -> str:
    """The loopback address of a target."""
    number = target % hosts
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


class Crowd:
    """The sites' memory."""

    def __init__(self, targets: int, hosts: int, port: int) -> None:
        self.targets, self.hosts, self.port = targets, hosts, port
        self.began = time.monotonic()
        self.polls: dict[int, list[float]] = {n: [] for n in range(targets)}
        self.served: Counter[str] = Counter()
        self.jpeg = _jpeg()

    def posts(self, target: int) -> list[int]:
        """Numbers of the posts a target has by now; their births are spread over time."""
        shift = target / self.targets * POST_EVERY_S
        count = int((time.monotonic() - self.began + shift) // POST_EVERY_S)
        return list(range(3 + count))

    async def listing(self, request: web.Request) -> web.StreamResponse:
        """The listing of one target; 304 when nothing is new."""
        target = int(request.match_info["target"])
        self.polls[target].append(time.monotonic())
        posts = self.posts(target)
        etag = f'"{target}-{len(posts)}"'
        if request.headers.get("If-None-Match") == etag:
            self.served["304"] += 1
            return web.Response(status=304, headers={"ETag": etag})
        self.served["listing"] += 1
        base = f"http://{host_of(target, self.hosts)}:{self.port}"
        items = [
            {
                "id": f"{target}-{n}",
                "url": f"{base}/p/{target}/{n}",
                "title": f"bicycle {n} of {target}",
                "text": "nearly new " * 20,
            }
            for n in reversed(posts)
        ]
        return web.json_response({"posts": items}, headers={"ETag": etag})

    async def page(self, request: web.Request) -> web.StreamResponse:
        """A post's own page of about 20 KB."""
        self.served["page"] += 1
        title = "bicycle {number} of {target}".format(**request.match_info)
        filler = hashlib.shake_128(title.encode()).hexdigest(8_000)
        body = (
            f"<html><head><title>{title}</title></head><body><article><h1>{title}</h1>"
            f"<p>nearly new</p><img src='/i/{request.match_info['target']}.jpg'></article>"
            f"<!-- {filler} --></body></html>"
        )
        return web.Response(text=body, content_type="text/html")

    async def picture(self, _request: web.Request) -> web.StreamResponse:
        """A picture."""
        self.served["picture"] += 1
        return web.Response(body=self.jpeg, content_type="image/jpeg")

    async def report(self, _request: web.Request) -> web.StreamResponse:
        """What was asked for."""
        return web.json_response({"polls": self.polls, "served": self.served})


def _jpeg() -> bytes:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.effect_mandelbrot((JPEG_SIDE, JPEG_SIDE), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


async def serve(targets: int, hosts: int, port: int) -> None:
    """Serve until killed."""
    crowd = Crowd(targets, hosts, port)
    app = web.Application()
    app.router.add_get("/t/{target}", crowd.listing)
    app.router.add_get("/p/{target}/{number}", crowd.page)
    app.router.add_get("/i/{name}", crowd.picture)
    app.router.add_get("/report", crowd.report)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=300)
    await runner.setup()
    for number in range(hosts):
        await web.TCPSite(runner, host_of(number, hosts), port, backlog=64).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*(int(x) for x in sys.argv[1:4])))
