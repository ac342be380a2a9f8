"""The exact bytes of an answer, and the facts of the very connection that carried it.

aiohttp strips chunk framing and lets go of the connection before the caller sees the
answer. So the connection's protocol is ours: it copies what arrives to the `Exchange`
of the request it is serving. This leans on three names that aiohttp does not promise
(`TCPConnector._factory`, `ResponseHandler.set_response_params`, `.data_received`);
`install` says whether they are there, tests/watch/test_fetch_wire.py holds them, and
without them answers are kept in parsed form with framing "normalised".
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp.client_proto import ResponseHandler

from storage.model import Connection
from watchers.guard import DIALLING, Dialling

if TYPE_CHECKING:
    from aiohttp import ClientResponse, StreamReader, TCPConnector

READ_BYTES = 65_536
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_INFORMATIONAL = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d")


class Exchange(Dialling):
    """One request and what came back for it; also what the guard is told of it.

    Private to one fetch; not frozen because it fills while the connection feeds it.
    overrun / too_slow say that we cut the connection ourselves, broken why the body ended early.
    """

    __slots__ = (
        "_fault", "_kept", "_loop", "_stream", "broken", "connection", "first_byte", "keeping", "limit",
        "overrun", "protocol", "received", "reused", "too_slow",
    )  # fmt: skip

    def __init__(self, host: str, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        super().__init__(host)
        self._loop = loop
        self._kept: list[bytes] = []
        self._stream: StreamReader | None = None
        self.keeping = True
        self.limit = limit
        self.received = 0
        self.first_byte = 0.0
        self.overrun = self.too_slow = self.reused = False
        self.broken = self._fault = ""
        self.connection = Connection()
        self.protocol: TeeProtocol | None = None

    def feed(self, data: bytes) -> None:
        """Take note of `data` as it came from the socket; cut the connection past the limit."""
        if not self.received:
            self.first_byte = self._loop.time()
        self.received += len(data)
        if self.received > self.limit:
            self.overrun = True
            self.cut()
        elif self.keeping:
            self._kept.append(data)

    def keep_no_more(self) -> None:
        """Forget the exact bytes: there are too many to hold them twice."""
        self._kept.clear()
        self.keeping = False

    def keep_head_only(self) -> bool:
        """Hold the head alone: the body came bare, so head + body are the exact bytes."""
        raw = b"".join(self._kept)
        end = _end_of_head(raw)
        self.keep_no_more()
        if end:
            self._kept.append(raw[:end])
        return bool(end)

    def wire(self) -> bytes:
        """What was kept, in one piece."""
        return b"".join(self._kept)

    def cut(self) -> None:
        """Drop the connection at once."""
        if self.protocol is not None and self.protocol.transport is not None:
            self.protocol.transport.abort()

    def read_by(self, stream: StreamReader) -> None:
        """`stream` is where the body is being read from."""
        self._stream = stream
        self._end_early()

    def break_off(self, why: str) -> None:
        """The bytes cannot be parsed further: end the body here, with what came before.

        aiohttp would leave the reader waiting, since it tells the connection alone.
        """
        self._fault = self._fault or why
        self._end_early()

    def _end_early(self) -> None:
        # When the body is whole already, only what followed it was wrong.
        if self._fault and self._stream is not None and not self._stream.is_eof():
            self.broken = self._fault
            self._stream.feed_eof()

    def detach(self) -> None:
        """The answer is over: the connection may serve another."""
        if self.protocol is not None and self.protocol.exchange is self:
            self.protocol.exchange = None
        self.protocol = None


def _end_of_head(raw: bytes) -> int:
    """Where the final answer's header ends, past informational (1xx) ones; 0 when not found."""
    at = 0
    while (found := _HEAD_END.search(raw, at)) is not None:
        if not _INFORMATIONAL.match(raw, at):
            return found.end()
        at = found.end()
    return 0


class TeeProtocol(ResponseHandler):
    """aiohttp's client protocol, with an ear."""

    exchange: Exchange | None = None
    facts: Connection = Connection()
    served: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the facts of a fresh connection, certificate included."""
        super().connection_made(transport)
        self.facts = _facts(transport)
        if hasattr(transport, "max_size"):
            # asyncio hands over 256 KB at a time; parsed in one go, hostile framing in it
            # would hold everybody for tens of milliseconds.
            transport.max_size = READ_BYTES

    # The keywords are aiohttp's own and grow with its versions; none is looked at here.
    def set_response_params(self, **params: Any) -> None:
        """A request is about to be sent: from here on what arrives is its answer."""
        exchange = DIALLING.get()
        self.exchange = exchange if isinstance(exchange, Exchange) else None
        if isinstance(exchange, Exchange):
            exchange.protocol = self
            exchange.connection = self.facts
            exchange.reused = self.served > 0
        self.served += 1
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Copy, then parse as usual. Empty data is aiohttp waking its own parser."""
        exchange = self.exchange
        if exchange is not None and data:
            fresh = not exchange.received
            exchange.feed(data)
            end = data.find(b"\r\n\r\n") + 4 if fresh else 0
            if 4 <= end < len(data):
                # The header on its own first: a body that is damaged from its first bytes on
                # would otherwise take the header with it.
                super().data_received(data[:end])
                data = data[end:]
        super().data_received(data)
        if exchange is not None and self.exception() is not None:
            exchange.break_off(str(self.exception()))


def _facts(transport: asyncio.BaseTransport) -> Connection:
    tls = transport.get_extra_info("ssl_object")
    return Connection(
        peer=_shown(transport.get_extra_info("peername")),
        local=_shown(transport.get_extra_info("sockname")),
        tls_version=(tls.version() or "") if tls else "",
        cipher=(tls.cipher() or ("",))[0] if tls else "",
        certificate_der=(tls.getpeercert(binary_form=True) or b"") if tls else b"",
    )


def _shown(sockaddr: object) -> str:
    if not isinstance(sockaddr, tuple):
        return ""
    host, port = sockaddr[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def install(connector: TCPConnector, loop: asyncio.AbstractEventLoop) -> bool:
    """Make `connector` build our protocols. False (nothing done) when aiohttp has changed inside."""
    known = getattr(connector, "_factory", None)
    if getattr(known, "func", None) is not ResponseHandler:
        return False
    # A partial of a subclass serves wherever one of its base does; mypy holds partial invariant.
    connector._factory = partial(TeeProtocol, loop=loop)  # type: ignore[assignment]  # noqa: SLF001
    return True


def request_head(answer: ClientResponse) -> bytes:
    """The head of our request, byte for byte as aiohttp writes it (same order, same spelling)."""
    info = answer.request_info
    lines = [f"{info.method} {info.url.raw_path_qs} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in info.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
