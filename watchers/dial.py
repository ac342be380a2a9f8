"""One GET over aiohttp's connector and parser, past its session.

The session does for every request what is never used here: redirects, cookies, proxies,
traces, middlewares, timers. That is half of what a 304 costs. Here the head of the request is
written as it stands, so that what was sent is known to the byte, and the answer's header is
awaited from the connection's own protocol. Where aiohttp has changed inside, the line goes
through the session instead (`line.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import aiohttp
from aiohttp import ClientRequest, HttpVersion, StreamReader, TCPConnector
from aiohttp.connector import Connection as Leased
from aiohttp.http import RawResponseMessage
from multidict import CIMultiDictProxy
from yarl import URL

from watchers.address import Address
from watchers.bounds import BOUNDS
from watchers.deadlines import Deadlines
from watchers.guard import DIALLING
from watchers.kept import Kept
from watchers.request import Request, plain_reason
from watchers.wire import Exchange, TeeProtocol

_MOST_ORIGINS = 20_000
TIMEOUTS = aiohttp.ClientTimeout(
    total=None, connect=BOUNDS.connect_s, sock_connect=BOUNDS.connect_s, sock_read=None
)
_UNTIMED = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_SWITCHING = 101
_FINAL = 200


class Gone(Exception):
    """The connection was lost before the header; not a ClientError, so aiohttp does not retry."""


class Answer(Protocol):
    """What the line needs of an answer's header: ours below, or aiohttp's own response."""

    @property
    def status(self) -> int: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def version(self) -> HttpVersion | None: ...
    @property
    def headers(self) -> CIMultiDictProxy[str]: ...
    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]: ...
    @property
    def content(self) -> StreamReader: ...
    def release(self) -> object:
        """Give the connection back for another request."""

    def close(self) -> None:
        """Drop the connection."""


class Dialled:
    """The header of an answer, its body still to be read, and the connection it came by."""

    __slots__ = (
        "_kept", "_lease", "_origin", "content", "headers", "raw_headers", "reason", "status", "version"
    )  # fmt: skip

    def __init__(
        self, message: RawResponseMessage, content: StreamReader, lease: Leased, origin: str, kept: Kept
    ) -> None:
        self.status, self.reason, self.version = message.code, message.reason, message.version
        self.headers, self.raw_headers = message.headers, message.raw_headers
        self.content = content
        self._lease, self._origin, self._kept = lease, origin, kept

    def release(self) -> None:
        """Keep the connection for another request."""
        self._kept.put(self._origin, self._lease)

    def close(self) -> None:
        """Drop the connection."""
        self._lease.close()


class Dial:
    """GETs over one connector whose protocols are ours (`wire.install` said yes)."""

    def __init__(
        self, connector: TCPConnector, loop: asyncio.AbstractEventLoop, idle_s: float, deadlines: Deadlines
    ) -> None:
        self._connector, self._loop, self._deadlines = connector, loop, deadlines
        self._origins: dict[str, ClientRequest] = {}
        self._kept = Kept(loop, idle_s)

    def close(self) -> None:
        """Close the connections that nobody uses; the connector closes the others."""
        self._kept.close()

    async def ask(self, request: Request, exchange: Exchange) -> Dialled:
        """The answer's header. Raises what aiohttp's connector and parser raise, ValueError, or Gone."""
        head = request.head or head_of(request.address, request.headers)
        origin = request.address.origin
        lease = self._kept.take(origin) or await self._connect(request.address, exchange)
        try:
            message, content = await _converse(lease.protocol, head, exchange)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            lease.close()
            raise Gone(plain_reason(error)) from error
        except BaseException:
            lease.close()
            raise
        return Dialled(message, content, lease, origin, self._kept)

    async def _connect(self, address: Address, exchange: Exchange) -> Leased:
        mark = DIALLING.set(exchange)
        try:
            # Not aiohttp's own timeouts: they count the time for which this loop was away, and then ring
            # before the connection, which was made meanwhile, is seen.
            with self._deadlines.until(self._loop.time() + BOUNDS.connect_s):
                return await self._connector.connect(self._origin(address), traces=[], timeout=_UNTIMED)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(address.host) from error
        finally:
            DIALLING.reset(mark)

    def _origin(self, address: Address) -> ClientRequest:
        """What the connector wants to know of an origin, made once."""
        known = self._origins.get(address.origin)
        if known is None:
            if len(self._origins) >= _MOST_ORIGINS:
                self._origins.clear()
            known = ClientRequest("GET", URL(address.origin + "/", encoded=True), loop=self._loop)
            self._origins[address.origin] = known
        return known


async def _converse(
    protocol: object, head: bytes, exchange: Exchange
) -> tuple[RawResponseMessage, StreamReader]:
    """Send the head and wait for the final answer's header, past informational ones."""
    if not isinstance(protocol, TeeProtocol) or protocol.transport is None:
        raise aiohttp.ServerDisconnectedError
    protocol.serve(exchange)
    exchange.sent = head
    protocol.transport.write(head)
    if exchange.sending is not None:
        exchange.sending()
    while True:
        message, content = await protocol.read()
        if message.code >= _FINAL or message.code == _SWITCHING:
            return message, content


def head_of(address: Address, headers: Mapping[str, str]) -> bytes:
    """The request's head. Raises ValueError on a line end or NUL in a header.

    Header values are read as latin-1 (`Response.headers`), so a validator goes back byte for byte.
    """
    url = address.url
    lines = [f"GET {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    text = "\r\n".join(lines)
    if text.count("\r") != len(lines) - 1 or text.count("\n") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header holds a line end")
    try:
        return text.encode("latin-1") + b"\r\n\r\n"
    except UnicodeEncodeError:
        return text.encode() + b"\r\n\r\n"
