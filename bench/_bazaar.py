"""A fast site for benches: `python -m bench._bazaar` prints its port and serves until killed.

/l/N is a JSON listing of ten posts, /p/N-K the page of one (13 KB of HTML), /i/N-K its
picture (40 KB that no other has, with the header of a JPEG). Bare protocol, so that the
site takes little of the machine that is measured.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from functools import lru_cache

from bench._feeds import today

POSTS = 10
PICTURE_BYTES = 40_000
_JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0001108012001b003012200021101031101ffda")
_WORDS = (
    "九成新，夜里自取，价格面议，不议价勿扰；手串一条，珠子十二颗，配一个老银三通，有证书，可走闲鱼。"
    "Nearly new, hardly used, to be fetched by night; message me, no calls before eight. Lot {number}."
)
_HEAD = (
    "HTTP/1.1 200 OK\r\nServer: bazaar\r\nDate: {date}\r\n"
    "Content-Type: {kind}\r\nContent-Length: {length}\r\nConnection: keep-alive\r\n\r\n"
)


class Site(asyncio.Protocol):
    """One connection, one request after another."""

    port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request of ours always comes in one piece."""
        path = data.split(b" ", 2)[1].decode()
        kind, body = self._answer(path)
        head = _HEAD.format(date=today(int(time.time())), kind=kind, length=len(body))
        self._transport.write(head.encode() + body)

    def _answer(self, path: str) -> tuple[str, bytes]:
        what, name = path[1:2], path[3:]
        if what == "l":
            return "application/json", _listing(name, self.port)
        if what == "p":
            return "text/html; charset=utf-8", _page(name)
        if what == "i":
            return "image/jpeg", _JPEG + hashlib.shake_128(name.encode()).digest(PICTURE_BYTES)
        return "text/plain", b"User-agent: *\nAllow: /\n"


@lru_cache(maxsize=4)
def _listing(name: str, port: int) -> bytes:
    posts = [
        {"id": f"{name}-{k}", "url": f"http://127.0.0.1:{port}/p/{name}-{k}", "title": f"bicycle {name}-{k}"}
        for k in range(POSTS)
    ]
    return json.dumps({"posts": posts}).encode()


def _page(name: str) -> bytes:
    title, words = f"bicycle {name}", _WORDS.format(number=name)
    menu = "".join(f"<li><a href='/c/{n}'>category {n}</a></li>" for n in range(60))
    script = hashlib.shake_128(name.encode()).hexdigest(5_000)
    return (
        f"<html><head><title>{title}</title><meta property='og:title' content='{title}'>"
        f"<script>var state='{script}'</script></head><body><nav><ul>{menu}</ul></nav>"
        f"<article><h1>{title}</h1><p>{words}</p><img src='/i/{name}'></article></body></html>"
    ).encode()


async def main() -> None:
    """Serve on an ephemeral port of loopback."""
    server = await asyncio.get_running_loop().create_server(Site, "127.0.0.1", 0, backlog=512)
    Site.port = int(server.sockets[0].getsockname()[1])
    print(Site.port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
