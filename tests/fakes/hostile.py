"""Servers that mean harm: each a `Talk` for `RawSite`, named by what it does.

The expected ending stands beside each, for the tests and for `bench/hostile.py`.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import zlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from storage.errors import FeedTrouble, HostDown, TooBig
from tests.fakes.site import FakeSite, RawSite, Talk, says

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
BLOCK = b"x" * 65_536


@dataclass(frozen=True, slots=True)
class Case:
    """ends: the error it must end in, or None when it must end in an answer with a shortfall.

    by_time: only a time-out ends it, so a test may hurry its loop.
    """

    talk: Talk
    ends: type[FeedTrouble] | None
    says: str = ""
    by_time: bool = False


async def _pour(writer: asyncio.StreamWriter, block: bytes) -> None:
    """Send `block` until the other side has had enough."""
    while not writer.is_closing():
        writer.write(block)
        await writer.drain()


async def _drip(writer: asyncio.StreamWriter, piece: bytes, every_s: float = 0.02) -> None:
    while not writer.is_closing():
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(every_s)


async def endless_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"\r\n")
    await _pour(writer, BLOCK)


async def endless_chunks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    await _pour(writer, b"10000\r\n" + BLOCK + b"\r\n")


async def endless_tiny_chunks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    await _pour(writer, b"1\r\nx\r\n" * 8_000)


async def endless_trailers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    await _pour(writer, b"X-Trailer: 1\r\n" * 4_000)


async def endless_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await _pour(writer, b"X-More: 1\r\n" * 4_000)


async def endless_early_hints(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _pour(writer, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 400)


async def slow_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 100000\r\n\r\n")
    await _drip(writer, b"x")


async def slow_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    await _drip(writer, b"x")


async def silence(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        await asyncio.sleep(0.02)
        # A closed peer shows only when something is written; nothing ever is.
        if writer.transport.is_closing():
            return


async def reset_in_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 100000\r\n\r\n" + b"half of it")
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.transport.abort()


def coded(name: bytes, body: bytes) -> Talk:
    head = HEAD + b"Content-Encoding: " + name + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    return says(head + body)


def _zeros(megabytes: int, engine: Any) -> bytes:
    """So many megabytes of zeros, compressed without ever holding them."""
    block = bytes(1_000_000)
    feed = getattr(engine, "compress", None) or engine.process
    return b"".join(bytes(feed(block)) for _ in range(megabytes))


def gzip_bomb(megabytes: int = 300) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return _zeros(megabytes, engine) + engine.flush()


def deflate_bomb(megabytes: int = 300) -> bytes:
    engine = zlib.compressobj(9)
    return _zeros(megabytes, engine) + engine.flush()


def brotli_bomb(megabytes: int = 300) -> bytes:
    import brotli

    engine = brotli.Compressor(quality=5)
    return _zeros(megabytes, engine) + bytes(engine.finish())


def zip_bomb() -> bytes:
    """A gzip of a gzip: the first layer is small, the second is the bomb."""
    return gzip.compress(gzip_bomb(), 9)


def many_members() -> bytes:
    return gzip.compress(b"") * 12_000


def cases() -> dict[str, Case]:
    """All of them, by name. Made anew because the bombs are large to build."""
    plain = HEAD + b"Content-Length: "
    return {
        "endless body": Case(endless_body, TooBig, "longer than"),
        "endless chunked body": Case(endless_chunks, TooBig, "longer than"),
        "endless one-byte chunks": Case(endless_tiny_chunks, TooBig, "more framing"),
        "endless trailers": Case(endless_trailers, None, ""),
        "announced too long": Case(says(plain + b"999999999\r\n\r\nx"), TooBig, "announced with"),
        "announced absurdly long": Case(says(plain + b"9" * 400 + b"\r\n\r\nx"), HostDown, "not HTTP"),
        "gzip bomb": Case(coded(b"gzip", gzip_bomb()), TooBig, "longer than"),
        "deflate bomb": Case(coded(b"deflate", deflate_bomb()), TooBig, "longer than"),
        "brotli bomb": Case(coded(b"br", brotli_bomb()), TooBig, "longer than"),
        "gzip in gzip bomb": Case(coded(b"gzip, gzip", zip_bomb()), TooBig, "longer than"),
        "endless gzip members": Case(coded(b"gzip", many_members()), TooBig, "longer than"),
        "slow drip": Case(slow_body, None, "less than", by_time=True),
        "slow header": Case(slow_head, HostDown, "no complete header", by_time=True),
        "header of 1 MB": Case(
            says(b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 1_000_000 + b"\r\n\r\n"), TooBig, "header"
        ),
        "endless header": Case(endless_head, TooBig, "header"),
        "endless early hints": Case(endless_early_hints, TooBig, "header"),
        "no answer": Case(silence, HostDown, "no answer within", by_time=True),
        "hangs up at once": Case(says(b""), HostDown, "closed the connection"),
        "length too long": Case(says(plain + b"500\r\n\r\nshort"), None, "broke off"),
        "length not a number": Case(says(plain + b"many\r\n\r\nshort"), HostDown, "not HTTP"),
        "two lengths": Case(says(plain + b"5\r\nContent-Length: 50\r\n\r\nshort"), HostDown, "not HTTP"),
        "broken chunking": Case(
            says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\nx\r\n"), None, "broke off"
        ),
        "chunks cut short": Case(
            says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhello"), None, "broke off"
        ),
        "reset in the body": Case(reset_in_body, None, "broke off"),
        "HTTP/0.9": Case(says(b"<html>no header at all</html>"), HostDown, "not HTTP"),
        "binary noise": Case(says(bytes(range(256)) * 40), HostDown, "not HTTP"),
        "another protocol": Case(says(b"SSH-2.0-OpenSSH_9.6\r\n"), HostDown, "not HTTP"),
        "gzip that is damaged": Case(
            coded(b"gzip", gzip.compress(b"hello" * 999)[:10] + b"\xff" * 500), None, "damaged"
        ),
        "gzip that ends early": Case(coded(b"gzip", gzip.compress(b"hello " * 9999)[:-40]), None, "no end"),
        "brotli that is noise": Case(coded(b"br", b"\xff" * 500), None, "damaged"),
        "unknown coding": Case(coded(b"zstd", b"(\xb5/\xfd$"), None, "content coding"),
    }


async def serve() -> None:
    """Serve every case on a port of its own; the first line of output says which, as JSON."""
    async with AsyncExitStack() as stack:
        ports = {}
        for name, case in cases().items():
            ports[name] = (await stack.enter_async_context(RawSite(case.talk))).port
        good = await stack.enter_async_context(FakeSite("127.0.0.2"))
        good.put("/", b"<p>an ordinary page</p>")
        sys.stdout.write(json.dumps({"cases": ports, "good": good.port}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
