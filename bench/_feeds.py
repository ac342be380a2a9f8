"""A fast site of feeds for benches: `python -m bench._feeds` prints its port and serves until killed.

/304/N answers 304 to whatever validator; /same/N is the same RSS feed every time and names no
validator; /dated/N is a feed of the same posts whose bytes differ each time, as most programs'
do (counters, build dates); /rolling/N shows one more post at the top each time it is asked, and
the oldest no more; /changed/N does both, each time other bytes and every twentieth time a new
post. 28 KB each. Bare protocol, so that the site takes little of the
machine that is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from email.utils import formatdate
from functools import lru_cache
from typing import ClassVar

ITEMS = 33
POLLS_A_POST = 20
"""A new post in so many answers of /changed: more than a busy listing has."""
_WORDS = (
    "九成新，夜里自取，价格面议，不议价勿扰；手串一条，珠子十二颗，配一个老银三通，有证书，可走闲鱼。"
    "Nearly new, hardly used, to be fetched by night; message me, no calls before eight. "
)
_HEAD = (
    "HTTP/1.1 200 OK\r\nServer: feeds\r\nDate: {date}\r\n"
    "Content-Type: {kind}\r\nContent-Length: {length}\r\nConnection: keep-alive\r\n\r\n"
)
_NOT_MODIFIED = (
    "HTTP/1.1 304 Not Modified\r\nServer: feeds\r\nDate: {date}\r\n"
    'ETag: "abc"\r\nCache-Control: max-age=0\r\nConnection: keep-alive\r\n\r\n'
)


class Site(asyncio.Protocol):
    """One connection, one request after another."""

    count = itertools.count()
    first: ClassVar[dict[str, int]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request of ours always comes in one piece."""
        path = data.split(b" ", 2)[1].decode()
        what, _, name = path[1:].partition("/")
        if what == "304" and b"If-None-Match" in data:
            self._transport.write(_NOT_MODIFIED.format(date=today(int(time.time()))).encode())
            return
        kind, body = "text/plain", b"User-agent: *\nAllow: /\n"
        if what in ("304", "same", "dated"):
            kind, body = "application/rss+xml; charset=utf-8", feed(name)
        elif what == "rolling":
            first = self.first[name] = self.first.get(name, 0) + 1
            kind, body = "application/rss+xml; charset=utf-8", rolled(name, first)
        elif what == "changed":
            asked = self.first[name] = self.first.get(name, 0) + 1
            kind, body = "application/rss+xml; charset=utf-8", rolled(name, asked // POLLS_A_POST)
        if what in ("dated", "changed"):
            body = body.replace(b"<generator>", b"<generator>%012d " % next(self.count), 1)
        head = _HEAD.format(date=today(int(time.time())), kind=kind, length=len(body)).encode()
        if what == "304":
            head = head.replace(b"Server:", b'ETag: "abc"\r\nServer:', 1)
        self._transport.write(head + body)


@lru_cache(maxsize=2)
def today(second: int) -> str:
    """The Date of an answer: a host whose clock is a day off is doubted, and costs more to ask."""
    return formatdate(second, usegmt=True)


@lru_cache(maxsize=1024)
def feed(name: str) -> bytes:
    """An RSS 2.0 feed of thirty-three posts, 28 KB."""
    return rolled(name, 0)


def rolled(name: str, first: int) -> bytes:
    """The same, its posts numbered from `first` on, the highest at the top."""
    items = "".join(item(name, number) for number in range(first + ITEMS - 1, first - 1, -1))
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>{name}</title>'
        f"<link>https://feeds.example/{name}</link><generator>bench</generator>{items}</channel></rss>"
    ).encode()


@lru_cache(maxsize=8192)
def item(name: str, number: int) -> str:
    """One post of a feed."""
    return (
        f"<item><title>lot {name}-{number}</title><link>https://feeds.example/{name}/{number}</link>"
        f"<guid>{name}-{number}</guid><pubDate>Fri, 27 Nov 2026 20:{number % 60:02d}:00 GMT</pubDate>"
        f"<description>{_WORDS * 3} Lot {number}.</description></item>"
    )


async def main() -> None:
    """Serve on a free port of every loopback address."""
    server = await asyncio.get_running_loop().create_server(Site, "0.0.0.0", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
