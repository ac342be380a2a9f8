"""Hostile content for a whole daemon: `python -m bench._lair PORT`, on 127.0.0.3.

Well-formed answers whose insides are the attack: adverts with pictures that lie, lead
astray or never end, pages that are malformed, nested or huge, listings of 100,000 posts,
redirects to forbidden places. The broken protocols are in `tests.fakes.hostile`.
"""

from __future__ import annotations

import asyncio
import io
import sys

from aiohttp import web
from PIL import Image

from tests.pictures.samples import encoded, jpeg, lying_jpeg, photo, png_header

HOST = "127.0.0.3"


def pictures() -> dict[str, bytes]:
    """Every picture by name."""
    frames = [photo(n, 200, 150) for n in range(30)]
    animated = io.BytesIO()
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:])
    whole = jpeg(5)
    return {
        "vast.png": png_header(40_000, 40_000),
        "lying.jpg": lying_jpeg(15_000, 10_400),
        "hugest.jpg": lying_jpeg(65_500, 65_500),
        "truncated.jpg": whole[: len(whole) // 2],
        "animated.gif": animated.getvalue(),
        "polyglot.jpg": whole + b"PK\x03\x04" + b"\0" * 200 + b"<script>alert(1)</script>",
        "flat.png": encoded(Image.new("RGB", (6_000, 6_000)), "PNG"),
        "eps.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run showpage\n",
        "vector.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "empty.jpg": b"",
        "noise.jpg": bytes(range(256)) * 200,
    }


def pages() -> dict[str, bytes]:
    """Every page by name."""
    head = b"<html><head><title>XJ for sale</title></head><body>"
    return {
        "utf8": head + b"\xff\xfe\xc3\x28\xa0\xa1\xed\xa0\x80 ivory \xf0\x28\x8c\x28" * 2_000,
        "nested": head + b"<div>" * 100_000 + b"deep",
        "attributes": head + b"<a " + b" ".join(b"a%d=1" % n for n in range(100_000)) + b">x</a>",
        "entities": head + b"&amp;" * 1_000_000,
        "nul": head + b"\0" * 3_000_000,
        "jsonld": head + b"<script type=application/ld+json>" + b"[" * 200_000 + b"</script>",
        "open": head + b"<!--" + b"x" * 5_000_000,
        "images": head + b"".join(b"<img src=/i/vast.png?%d>" % n for n in range(20_000)),
    }


class Lair:
    """The answers."""

    def __init__(self, port: int) -> None:
        self.base = f"http://{HOST}:{port}"
        self.pictures, self.pages = pictures(), pages()

    async def adverts(self, _: web.Request) -> web.StreamResponse:
        """A listing of one advert per hostile page, and one that shows every hostile picture."""
        names = [*self.pages, "gallery"]
        items = [
            {
                "id": name,
                "url": f"{self.base}/p/{name}",
                "title": f"XJ {name}",
                "text": "ivory \u202e\0\x1b[2J",
            }
            for name in names
        ]
        return web.json_response({"posts": items})

    async def page(self, request: web.Request) -> web.StreamResponse:
        """One page."""
        name = request.match_info["name"]
        if name == "gallery":
            images = "".join(f'<img src="/i/{n}">' for n in self.pictures)
            lost = '<img src="http://169.254.169.254/latest/meta-data/"><img src="/away"><img src="/endless">'
            text = f"<html><body><article><h1>XJ</h1><p>ivory</p>{images}{lost}</article></body></html>"
            return web.Response(text=text, content_type="text/html")
        return web.Response(body=self.pages[name], content_type="text/html")

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """One picture."""
        return web.Response(body=self.pictures[request.match_info["name"]], content_type="image/jpeg")

    async def away(self, _: web.Request) -> web.StreamResponse:
        """To where nobody may go."""
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")

    async def loop(self, _: web.Request) -> web.StreamResponse:
        """In a circle."""
        raise web.HTTPFound("/loop")

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """A picture that never ends."""
        answer = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
        await answer.prepare(request)
        while True:
            await answer.write(b"\xff\xd8\xff\xe0" * 16_384)

    async def crowd(self, _: web.Request) -> web.StreamResponse:
        """A listing of 100,000 posts without pages of their own."""
        items = [{"id": n, "title": f"bicycle {n}", "text": "x"} for n in range(100_000)]
        return web.json_response({"posts": items})

    async def links(self, _: web.Request) -> web.StreamResponse:
        """A page of 100,000 links."""
        body = "".join(f'<div><a href="/p/utf8?{n}">bicycle {n}</a></div>' for n in range(100_000))
        return web.Response(text=f"<html><body>{body}</body></html>", content_type="text/html")

    async def feed(self, _: web.Request) -> web.StreamResponse:
        """XML whose entities grow without end."""
        levels = "".join(
            f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' if n else '<!ENTITY e0 "ivory">' for n in range(12)
        )
        item = "<item><title>&e11;</title><guid>1</guid></item>"
        head = f'<?xml version="1.0"?><!DOCTYPE rss [{levels}]>'
        body = f'{head}<rss version="2.0"><channel>{item}</channel></rss>'
        return web.Response(body=body.encode(), content_type="application/rss+xml")


async def serve(port: int) -> None:
    """Serve until killed."""
    lair = Lair(port)
    app = web.Application()
    for path, answer in (
        ("/adverts", lair.adverts),
        ("/p/{name}", lair.page),
        ("/i/{name}", lair.picture),
        ("/away", lair.away),
        ("/loop", lair.loop),
        ("/endless", lair.endless),
        ("/crowd", lair.crowd),
        ("/links", lair.links),
        ("/feed", lair.feed),
    ):
        app.router.add_get(path, answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
