"""Each hostile server on its own, and what it costs the fetching side: `python -m bench._alone`.

A process of its own, so that nothing else's memory is counted or lends a free page. Before
each case the kernel is told to forget the peak of this process (5 into /proc/self/clear_refs);
growth is the peak afterwards over what was resident before. Input: one line of JSON,
{"good": port, "cases": {name: [port, the error it ends in or "", words]}}; output: one line.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import socket
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from storage.clock import SystemClock
from storage.errors import FeedTrouble
from storage.model import Authority, HostLimit, Response, Target
from watchers.fetch import Fetcher
from watchers.resolver import system_lookup

MAX_BODY = 4_000_000
WARM_UP = 20
INSIDE = "inside.example"
"""A name that leads to loopback."""
FACTS = {
    "gzip bomb": "gzip bomb",
    "brotli bomb": "brotli bomb",
    "endless chunked body": "endless chunked body",
    "one byte at a time": "slow drip",
    "endless header": "endless header",
}
"""Cases of the facts that are servers, by their name there and in `tests.fakes.hostile`."""
ADDRESSES = (
    "redirect to loopback",
    "address as a literal",
    "IPv4 address inside IPv6",
    "address as one number",
    "file:// address",
    "name of a private address",
    "localhost",
)
"""The others: addresses that may not be asked at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """How one case ended. growth_bytes: peak of memory over that before."""

    name: str
    right: bool
    said: str
    growth_bytes: int


def target(url: str, name: str) -> Target:
    """A target as these servers need it: no robots.txt, no waiting for turns."""
    return Target(
        name=name,
        kind="html",
        url=url,
        authority=Authority(legal_basis="own test", authorised_by="bench", review_after=date(2099, 1, 1)),
        rules=None,
        host_limit=HostLimit(requests_per_s=1000, concurrency=100),
        robots_override="servers of our own",
        max_body_bytes=MAX_BODY,
        timeout_s=20.0,
    )


async def outcome_of(fetcher: Fetcher, url: str, name: str) -> Response | FeedTrouble:
    """What asking for `url` ends in."""
    try:
        return await fetcher.get(url, target(url, name), purpose="page")
    except FeedTrouble as trouble:
        return trouble


def is_right(outcome: Response | FeedTrouble, ends: str, says: str) -> bool:
    """Whether it ended in the error named `ends` ("": an answer with a shortfall) with these words."""
    if isinstance(outcome, Response):
        return not ends and says in outcome.shortfall
    return type(outcome).__name__ == ends and says in str(outcome)


async def measured(fetcher: Fetcher, name: str, url: str, ends: str, says: str) -> Met:
    """One case, with its peak of memory."""
    trim()
    before = status("VmRSS")
    forget_peak()
    outcome = await outcome_of(fetcher, url, name)
    growth = status("VmHWM") - before
    said = outcome.shortfall if isinstance(outcome, Response) else f"{type(outcome).__name__}: {outcome.why}"
    return Met(name=name, right=is_right(outcome, ends, says), said=said[:200], growth_bytes=max(0, growth))


def trim() -> None:
    """Give free memory back, or what the last case left would hide what this one takes."""
    gc.collect()
    with contextlib.suppress(AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)


def forget_peak() -> None:
    """Let the kernel count the peak of this process anew."""
    Path("/proc/self/clear_refs").write_text("5")


def status(field: str) -> int:
    """A figure of /proc/self/status in bytes."""
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(field + ":"))


class Trap:
    """Two small servers in this process: one redirects to the other, which nobody may reach."""

    def __init__(self) -> None:
        self.reached = 0
        self.port = 0
        self.way_in = ""

    async def open(self) -> None:
        """Listen on 127.0.0.1 (must not be reached) and 127.0.0.2 (may be asked, and leads there)."""
        inner = await asyncio.start_server(self._inner, "127.0.0.1", 0, family=socket.AF_INET)
        self.port = inner.sockets[0].getsockname()[1]
        outer = await asyncio.start_server(self._outer, "127.0.0.2", 0, family=socket.AF_INET)
        self.way_in = f"http://127.0.0.2:{outer.sockets[0].getsockname()[1]}/"

    async def _inner(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached += 1
        writer.close()

    async def _outer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        where = b"http://127.0.0.1:%d/" % self.port
        writer.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + where + b"\r\n\r\n")
        await writer.drain()
        writer.close()

    def addresses(self) -> dict[str, tuple[str, str]]:
        """What is asked in each case, and the words of the refusal."""
        private, at = "127.0.0.1 is not a public address", f":{self.port}/"
        asked = (
            (self.way_in, private),
            (f"http://127.0.0.1{at}", private),
            (f"http://[::ffff:127.0.0.1]{at}", private),
            (f"http://2130706433{at}", "in disguise"),
            ("file:///etc/passwd", "is not http or https"),
            (f"http://{INSIDE}{at}", private),
            (f"http://localhost{at}", "is not a public address"),
        )
        return dict(zip(ADDRESSES, asked, strict=True))


def refusing(host: str, port: int, family: int) -> list[tuple[int, str]]:
    """A resolver that knows one name and the machine's own, and refuses what is a number."""
    if host == INSIDE:
        return [(int(socket.AF_INET), "127.0.0.1")]
    if host != "localhost":
        raise OSError(f"{host}: refused")
    return system_lookup(host, port, family)


async def warm_up(fetcher: Fetcher, good: int, cases: dict[str, list[object]]) -> None:
    """Let everything be imported and every pool be filled that any fetch fills."""
    for _ in range(WARM_UP):
        await outcome_of(fetcher, f"http://127.0.0.2:{good}/", "good")
    for name in ("gzip that ends early", "brotli that is noise"):
        await outcome_of(fetcher, f"http://127.0.0.1:{cases[name][0]}/", name)


async def meet_all(good: int, cases: dict[str, list[object]], only: frozenset[str]) -> list[Met]:
    """The cases named in `only` and all addresses, one after another."""
    found: list[Met] = []
    trap = Trap()
    await trap.open()
    fetcher = Fetcher(SystemClock(), contact="bench", allow=("127.0.0.0/8",))
    guarded = Fetcher(SystemClock(), contact="bench", allow=("127.0.0.2/32",), lookup=refusing)
    try:
        await warm_up(fetcher, good, cases)
        await outcome_of(guarded, f"http://127.0.0.2:{good}/", "good")
        for name, (port, ends, says) in cases.items():
            if name in only:
                url = f"http://127.0.0.1:{port}/"
                found.append(await measured(fetcher, name, url, str(ends), str(says)))
        for name, (url, says) in trap.addresses().items():
            reached = trap.reached
            met = await measured(guarded, name, url, "Refused", says)
            if trap.reached != reached:
                met = Met(name=name, right=False, said="it was dialled", growth_bytes=met.growth_bytes)
            found.append(met)
    finally:
        await fetcher.close()
        await guarded.close()
    return found


async def _main() -> None:
    told = json.loads(sys.stdin.readline())
    only = frozenset(told.get("only") or told["cases"])
    found = await meet_all(told["good"], told["cases"], only)
    print(json.dumps([[met.name, met.right, met.said, met.growth_bytes] for met in found]), flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
