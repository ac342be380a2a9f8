"""The exact bytes of an answer, and the facts of the very connection that carried it.

aiohttp strips chunk framing and lets go of the connection before the caller sees the
answer. So the connection's protocol is ours: it copies what arrives to the `Exchange` of the
request it is serving, and `dial.py` writes what is sent. This leans on the names in `LEANED_ON`,
which aiohttp and ssl do not promise; `install` says whether those of aiohttp are there,
tests/watch/test_fetch_wire.py holds all of them and names the version that changed one.
Without them the record is kept in parsed form with framing "normalised".
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp.client_proto import ResponseHandler

from storage.model import Connection
from watchers.bounds import BOUNDS
from watchers.guard import Dialling

if TYPE_CHECKING:
    from aiohttp import ClientResponse, StreamReader, TCPConnector

READ_BYTES = 65_536
LEANED_ON = (
    "aiohttp: TCPConnector._factory is a partial of ResponseHandler",
    "aiohttp: TCPConnector.connect gives a lease whose protocol the factory built",
    "aiohttp: ResponseHandler.set_response_params before a request, .read for its answer's header",
    "aiohttp: ResponseHandler.data_received, .connection_made, .exception, .is_connected and .should_close",
    "aiohttp: ResponseHandler._parser and ._tail, as long as they are there: one parser serves a connection",
    "ssl: SSLObject.get_unverified_chain, or _sslobj.get_unverified_chain before Python 3.13",
)
"""What this file needs of others beyond their promises."""
_MOST_CERTIFICATES = 16
_NOT_YET = Connection()
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ?(\d{1,9})\r\n")
_INFORMATIONAL = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d")


class Exchange(Dialling):
    """One request and what came back for it; also what the guard is told of it.

    Private to one fetch; not frozen because it fills while the connection feeds it.
    overrun / too_slow say that we cut the connection ourselves, broken why the body ended early,
    taken that the body was had from here and not from aiohttp's stream.
    """

    __slots__ = (
        "_fault", "_kept", "_loop", "_stream", "broken", "connection", "first_byte", "keeping", "limit",
        "overrun", "protocol", "received", "reused", "sending", "sent", "taken", "too_slow",
    )  # fmt: skip

    def __init__(self, host: str, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        super().__init__(host)
        self._loop = loop
        self._kept: list[bytes] = []
        self._stream: StreamReader | None = None
        self.keeping = True
        self.limit = limit
        self.received = 0
        self.sent = b""
        self.first_byte = 0.0
        self.overrun = self.too_slow = self.reused = self.taken = False
        self.broken = self._fault = ""
        self.connection = _NOT_YET
        self.protocol: TeeProtocol | None = None
        self.sending: Callable[[], None] | None = None

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

    def take(self, body_bytes: int) -> tuple[bytes, bytes] | None:
        """(head, body) as they came, when the body is all that follows the head; None when it is not."""
        raw = b"".join(self._kept)
        end = _end_of_head(raw)
        if not end or len(raw) - end != body_bytes:
            return None
        self.keep_no_more()
        self.taken = True
        return raw[:end], raw[end:]

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
    if raw[9:10] != b"1" and (end := raw.find(b"\n\r\n")) > 0 and raw.find(b"\n\n", 0, end + 1) < 0:
        return end + 3  # as nearly always; searched for as a pattern it takes two microseconds
    at = 0
    while (found := _HEAD_END.search(raw, at)) is not None:
        if not _INFORMATIONAL.match(raw, at):
            return found.end()
        at = found.end()
    return 0


class TeeProtocol(ResponseHandler):
    """aiohttp's client protocol, with an ear."""

    exchange: Exchange | None = None
    facts: Connection = _NOT_YET
    served: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the facts of a fresh connection, certificates included."""
        super().connection_made(transport)
        self.facts = _facts(transport)
        if hasattr(transport, "max_size"):
            # asyncio hands over 256 KB at a time; parsed in one go, hostile framing in it
            # would hold everybody for tens of milliseconds.
            transport.max_size = READ_BYTES

    def serve(self, exchange: Exchange) -> None:
        """A request is about to be sent: from here on what arrives is its answer."""
        self.exchange = exchange
        exchange.protocol, exchange.connection = self, self.facts
        exchange.reused = self.served > 0
        self.served += 1
        if (
            self.served > 1
            and getattr(self, "_parser", None) is not None
            and not getattr(self, "_tail", b"?")
        ):
            return  # the parser goes on from one answer to the next by itself
        self.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=READ_BYTES,
            max_line_size=BOUNDS.header_line_bytes,
            max_field_size=BOUNDS.header_field_bytes,
            max_headers=BOUNDS.header_fields,
        )

    def data_received(self, data: bytes) -> None:
        """Copy, then parse as usual. Empty data is aiohttp waking its own parser."""
        exchange = self.exchange
        if exchange is not None and data:
            fresh = not exchange.received
            exchange.feed(data)
            end = data.find(b"\r\n\r\n") + 4 if fresh else 0
            if 4 <= end < len(data) and not _is_one(data, end):
                # The header on its own first: a body that is damaged from its first bytes on
                # would otherwise take the header with it.
                super().data_received(data[:end])
                data = data[end:]
        super().data_received(data)
        if exchange is not None and self.exception() is not None:
            exchange.break_off(str(self.exception()))


def _is_one(data: bytes, end: int) -> bool:
    """Whether `data` is a head of `end` bytes and a body of just the length that it names."""
    length = _LENGTH.search(data, 0, end)
    return length is not None and end + int(length[1]) == len(data)


def _facts(transport: asyncio.BaseTransport) -> Connection:
    tls = transport.get_extra_info("ssl_object")
    chain, absent = chain_of(tls)
    return Connection(
        peer=_shown(transport.get_extra_info("peername")),
        local=_shown(transport.get_extra_info("sockname")),
        tls_version=(tls.version() or "") if tls else "",
        cipher=(tls.cipher() or ("",))[0] if tls else "",
        certificate_der=(tls.getpeercert(binary_form=True) or b"") if tls else b"",
        chain_der=chain,
        chain_absent=absent,
    )


def chain_of(tls: ssl.SSLObject | None) -> tuple[tuple[bytes, ...], str]:
    """(every certificate the peer sent as DER, leaf first; why there are none, or "")."""
    if tls is None:
        return (), "no TLS"
    # Public from Python 3.13 on; before that the same call is one level down.
    ask = getattr(tls, "get_unverified_chain", None) or getattr(
        getattr(tls, "_sslobj", None), "get_unverified_chain", None
    )
    if ask is None:
        return (), "this Python gives the leaf only"
    try:
        found = [_der(one) for one in (ask() or ())[:_MOST_CERTIFICATES]]
    except (ssl.SSLError, ValueError, TypeError, AttributeError) as error:
        return (), f"the chain cannot be read: {type(error).__name__}"
    return tuple(found), "" if found else "the peer sent no chain (a resumed session)"


def _der(certificate: Any) -> bytes:
    """DER of what `get_unverified_chain` gives: bytes, or before Python 3.13 an inner object."""
    if isinstance(certificate, bytes):
        return certificate
    encoding = ssl._ssl.ENCODING_DER  # type: ignore[attr-defined]  # noqa: SLF001  no public name
    return bytes(certificate.public_bytes(encoding))


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
    """The head of a request as aiohttp's session writes it (same order, same spelling)."""
    info = answer.request_info
    lines = [f"{info.method} {info.url.raw_path_qs} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in info.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
