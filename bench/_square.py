"""Feeds for `bench peers`, and the ear that hears the alerts: `python -m bench._square TARGETS PORT`.

/f/N is an RSS feed of six posts and 24 KB. Of three feeds the first has an ETag and answers
304 while nothing is new, the second sends the same bytes without validators, the third other
bytes each time (the number of the request in a comment). /begin?rate=R makes posts appear
from then on, R a second over all feeds; /told takes alerts of any form and looks for the
names of posts in them; /report tells what was asked and how late each post was told.
Bare protocol, so that the site takes little of the machine that is measured.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import sys
import time
from bisect import bisect_right
from collections import Counter
from functools import lru_cache
from random import Random
from urllib.parse import parse_qs, urlsplit

OLD = 6
"""Posts of a feed at the start; as many are shown at any time."""
TEXT_CHARS = 3_900
HORIZON_S = 3_600.0
CLASSES = ("validated", "same", "changing")
NAME = re.compile(rb"lot (\d+-\d+)")
_TALK = (
    "nearly new hardly used fetched by night call after eight no swaps price as written old box kept dry "
    "from a clean house small scratch on one side works well sold as seen more on request seven pieces left"
)
_WORDS = _TALK.split()


class Square:
    """What appears when, what was asked, what was told. Times are of the machine's monotonic clock."""

    def __init__(self, targets: int, port: int) -> None:
        self.targets, self.port = targets, port
        self.births: list[list[float]] = [[] for _ in range(targets)]
        self.begin(0.0)
        self.seen: Counter[int] = Counter()
        self.pages: set[str] = set()

    def begin(self, rate: float) -> None:
        """Forget what was counted; posts appear from now on, evenly at random, `rate` a second."""
        self.began = time.monotonic()
        self.polls: Counter[str] = Counter()
        self.told: dict[str, float] = {}
        random, at = Random(11), self.began
        while rate and (at := at + random.expovariate(rate)) < self.began + HORIZON_S:
            self.births[random.randrange(self.targets)].append(at)

    def feed(self, target: int, head: bytes, address: str) -> bytes:
        """The answer to a poll."""
        self.seen[target] += 1
        count = OLD + bisect_right(self.births[target], time.monotonic())
        kind = CLASSES[target % 3]
        etag = b'ETag: "%d-%d"\r\n' % (target, count) if kind == "validated" else b""
        if etag and etag[6:-2] in head:
            self.polls["304"] += 1
            return b"HTTP/1.1 304 Not Modified\r\n" + etag + b"\r\n"
        self.polls["200 with ETag" if etag else kind] += 1
        body = _feed(target, count, f"http://{address}:{self.port}")
        if kind == "changing":
            body = body.replace(b"<!-- -->", b"<!-- %d -->" % self.polls.total())
        return whole(body, "application/rss+xml; charset=utf-8", etag)

    def hear(self, body: bytes) -> bytes:
        """An alert, whatever its form: the posts it names were told by now."""
        now = time.monotonic()
        for name in NAME.findall(body):
            self.told.setdefault(name.decode(), now)
        return whole(b"{}", "application/json")

    def report(self, grace_s: float) -> dict[str, object]:
        """Since the last begin. Posts of the last `grace_s` seconds need not have been told."""
        until = time.monotonic() - grace_s
        late, untold = [], []
        for target, births in enumerate(self.births):
            for number, born in enumerate(births, OLD):
                told = self.told.get(f"{target}-{number}")
                if told is not None:
                    late.append(told - born)
                elif born < until:
                    untold.append(f"{target}-{number}")
        least = min((self.seen[target] for target in range(self.targets)), default=0)
        return {
            "seconds": time.monotonic() - self.began,
            "polls": self.polls,
            "latencies_s": late,
            "untold": len(untold),
            "least_polls": least,
            "pages": len(self.pages),
        }


class Site(asyncio.Protocol):
    """One connection; requests come one after another."""

    square: Square

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._held = transport, b""

    def data_received(self, data: bytes) -> None:
        """A request once it is whole."""
        held = self._held + data
        head, end, body = held.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not end or len(body) < int(length[1] if length else 0):
            self._held = held
            return
        self._held = b""
        self._transport.write(self._answer(head, body))
        if b"connection: close" in head.lower():
            self._transport.close()

    def _answer(self, head: bytes, body: bytes) -> bytes:
        path, square = head.split(b" ", 2)[1].decode(), self.square
        what, name = path[:3], path[3:]
        if what == "/f/":
            return square.feed(int(name), head, str(self._transport.get_extra_info("sockname")[0]))
        if what == "/p/":
            square.pages.add(name)
            return whole(_page(name), "text/html; charset=utf-8")
        if what == "/i/":
            return whole(_picture(name), "image/jpeg")
        if what == "/to":
            return square.hear(body)
        asked = parse_qs(urlsplit(path).query)
        if path.startswith("/begin"):
            square.begin(float(asked["rate"][0]))
        if path.startswith("/report"):
            told = json.dumps(square.report(float(asked["grace"][0]))).encode()
            return whole(told, "application/json")
        return whole(b"User-agent: *\nAllow: /\n", "text/plain")


def whole(body: bytes, kind: str, more: bytes = b"") -> bytes:
    """A 200 with its length."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n".encode()
    return head + more + b"\r\n" + body


@lru_cache(maxsize=2_000)
def _feed(target: int, count: int, base: str) -> bytes:
    items = "".join(_item(f"{target}-{number}", base) for number in reversed(range(count - OLD, count)))
    start = f"<rss version='2.0'><channel><title>square {target}</title><link>{base}/</link>"
    return f"<?xml version='1.0' encoding='utf-8'?>{start}<!-- -->{items}</channel></rss>".encode()


def _item(name: str, base: str) -> str:
    picture = f"<enclosure url='{base}/i/{name}' type='image/jpeg' length='9000'/>" if _is_new(name) else ""
    return (
        f"<item><guid isPermaLink='false'>{name}</guid><link>{base}/p/{name}</link>"
        f"<title>{_title(name)}</title><description>{_text(name)}</description>{picture}</item>"
    )


def _is_new(name: str) -> bool:
    return int(name.partition("-")[2]) >= OLD


def _title(name: str) -> str:
    """What appears is an offer that the watch tells; what was there before is not."""
    if not _is_new(name):
        return f"bicycle, lot {name}"
    phone = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**8
    return f"rhino horn carving, real, wechat 138{phone:08d}, {phone % 9000 + 1000}元, lot {name}"


def _text(name: str) -> str:
    random, words, length = Random(name), [], 0
    while length < TEXT_CHARS:
        words.append(random.choice(_WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)


def _page(name: str) -> bytes:
    picture = f"<img src='/i/{name}'>" if _is_new(name) else ""
    article = f"<article><h1>{_title(name)}</h1><p>{_text(name)}</p>{picture}</article>"
    return f"<html><head><title>{_title(name)}</title></head><body>{article}</body></html>".encode()


def _picture(name: str) -> bytes:
    """Sixty-four fields of its own grey: no two look alike."""
    from PIL import Image

    out = io.BytesIO()
    fields = Image.frombytes("L", (8, 8), hashlib.shake_128(name.encode()).digest(64))
    fields.resize((320, 320), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()


async def main() -> None:
    """Serve on every loopback address until killed."""
    Site.square = Square(int(sys.argv[1]), int(sys.argv[2]))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Site, "0.0.0.0", int(sys.argv[2]), backlog=4_096)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
