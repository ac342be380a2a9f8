"""The line to the web: one request, one answer, one hop, within bounds.

Owns the aiohttp session. Knows nothing of limits between requests, robots or redirects
(`fetch.py`). Every failure leaves as one of our errors with the reason in words;
an answer that breaks off in its body is returned as far as it came.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import aiohttp
from aiohttp import EMPTY_PAYLOAD, ClientHandlerType, ClientRequest, ClientResponse

from storage.clock import Clock
from storage.errors import FeedTrouble, HostDown, Refused, TooBig
from storage.model import Connection, Hop, Response
from watchers.address import Address
from watchers.bounds import BOUNDS
from watchers.guard import DIALLING, Guard
from watchers.resolver import Lookup, Resolver, system_lookup
from watchers.unpack import Damaged, TooMuch, Unpacker
from watchers.wire import Exchange, install, request_head

KEEP_ALIVE_S = 300.0
"""Longer than any usual interval: a new TLS connection costs ten times a kept one (facts, 3)."""
DNS_CACHE_S = 600
_HTTP_ERROR = 400
_NOT_MODIFIED = 304
_MESSAGE = re.compile(r"message=(['\"])(.*?)\1|^\d{3}, message:\s*(?P<rest>.*)", re.DOTALL)


class Dropped(Exception):
    """The host closed the connection without a byte of answer. reused: it was a kept one."""

    def __init__(self, why: str, *, reused: bool) -> None:
        super().__init__(why)
        self.why, self.reused = why, reused


@dataclass(slots=True, kw_only=True)
class Request:
    """One hop to ask, and what it may take.

    until: loop time. body_bytes: decoded. cut_off: a longer body is cut instead of refused.
    requested_url, hops: how the visit came here, for the answer.
    """

    address: Address
    headers: dict[str, str]
    until: float
    body_bytes: int
    cut_off: bool = False
    requested_url: str = ""
    hops: tuple[Hop, ...] = ()


class Line:
    """One aiohttp session and its guarded connector. Open it inside the running loop."""

    def __init__(
        self,
        clock: Clock,
        guard: Guard,
        *,
        lookup: Lookup = system_lookup,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._resolver = Resolver(lookup)
        connector = aiohttp.TCPConnector(
            limit=0,  # the throttle's overall gate is the limit
            ttl_dns_cache=DNS_CACHE_S,
            keepalive_timeout=KEEP_ALIVE_S,
            resolver=self._resolver,
            socket_factory=guard.open_socket,
            ssl=tls or True,
        )
        self.exact = install(connector, self._loop)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=BOUNDS.connect_s, sock_connect=BOUNDS.connect_s, sock_read=None
            ),
            max_line_size=BOUNDS.header_line_bytes,
            max_field_size=BOUNDS.header_field_bytes,
            max_headers=BOUNDS.header_fields,
            middlewares=(_no_hidden_retry,),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )

    async def close(self) -> None:
        """Close all connections. Twice is harmless."""
        await self._session.close()

    async def ask(self, request: Request) -> Response:
        """GET once. Raises HostDown, Refused, TooBig or Dropped."""
        exchange = Exchange(request.address.host, self._loop, BOUNDS.head_bytes)
        call = _Call(request, exchange, self._clock.now(), self._loop.time())
        mark = DIALLING.set(exchange)
        try:
            answer = await self._head(call)
        finally:
            DIALLING.reset(mark)
        try:
            return await self._body(call, answer)
        finally:
            exchange.detach()
            answer.release() if answer.content.at_eof() else answer.close()

    async def _head(self, call: _Call) -> ClientResponse:
        """Everything up to the end of the answer's header."""
        asked, url = call.request, call.request.address.text
        try:
            async with asyncio.timeout_at(min(asked.until, call.began + BOUNDS.head_s)):
                return await self._session.get(
                    asked.address.url, headers=asked.headers, allow_redirects=False
                )
        except _Gone as gone:
            if call.exchange.overrun:
                raise TooBig(url, "the answer's header does not end") from gone
            raise Dropped(f"the host closed the connection ({gone})", reused=call.exchange.reused) from gone
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if call.exchange.refusals and isinstance(error, OSError):
                raise Refused(url, f"{asked.address.host}: {call.exchange.refusals[-1]}") from error
            raise _in_words(url, error, self._loop.time() - call.began, call.exchange) from error

    async def _body(self, call: _Call, answer: ClientResponse) -> Response:
        """Read what follows the header and put the answer together."""
        asked, exchange = call.request, call.exchange
        body, shortfall, wire, framing = b"", "", b"", "normalised"
        if answer.content is not EMPTY_PAYLOAD:
            reader = _Reader(call, answer, self._loop)
            shortfall = await reader.read()
            body = reader.unpacker.body()
            wire, framing = reader.wire()
        elif answer.status != _NOT_MODIFIED:  # a 304 is no evidence of anything and most frequent
            wire = exchange.wire()
            framing = "exact" if wire else "normalised"
        spent_s = self._loop.time() - call.began
        first_s = exchange.first_byte - call.began if exchange.first_byte else spent_s
        return Response(
            url=asked.address.text,
            requested_url=asked.requested_url or asked.address.text,
            status=answer.status,
            reason=answer.reason or "",
            headers=tuple([(k.decode("latin-1"), v.decode("latin-1")) for k, v in answer.raw_headers]),
            body=body,
            wire=wire,
            wire_request=request_head(answer) if answer.status != _NOT_MODIFIED else b"",
            framing=framing,
            hops=asked.hops,
            connection=self._connection(call, answer),
            started_at=call.started_at,
            first_byte_at=call.started_at + timedelta(seconds=first_s),
            ended_at=call.started_at + timedelta(seconds=spent_s),
            elapsed_s=spent_s,
            shortfall=shortfall,
        )

    def _connection(self, call: _Call, answer: ClientResponse) -> Connection:
        """The facts of the connection, completed once with what its first answer shows."""
        facts, protocol = call.exchange.connection, call.exchange.protocol
        if facts.http_version:
            return facts
        version = answer.version
        facts = replace(
            facts,
            dns=self._resolver.answers(call.request.address.host),
            http_version=f"{version.major}.{version.minor}" if version else "",
        )
        if protocol is not None:
            protocol.facts = facts
        return facts


@dataclass(slots=True)
class _Call:
    """One request under way. began: loop time, monotonic."""

    request: Request
    exchange: Exchange
    started_at: datetime
    began: float


class _Reader:
    """Reads one body: bounded bytes, bounded time, least pace."""

    def __init__(self, call: _Call, answer: ClientResponse, loop: asyncio.AbstractEventLoop) -> None:
        self._call, self._answer, self._loop = call, answer, loop
        self._seen = 0
        self._timer: asyncio.TimerHandle | None = None
        coding = ",".join(answer.headers.getall("Content-Encoding", ()))
        self.unpacker = Unpacker(coding, call.request.body_bytes)
        self._bare = not self.unpacker.coded and "Transfer-Encoding" not in answer.headers
        self._framed = call.exchange.keeping and call.exchange.received > 0

    async def read(self) -> str:
        """Collect the body; returns the shortfall, "" when whole. Raises TooBig and HostDown."""
        exchange, cap = self._call.exchange, self._call.request.body_bytes
        # Chunk framing at its worst (a byte per chunk) is bounded with the body it carries.
        exchange.limit = exchange.received + 2 * cap + BOUNDS.head_bytes
        if self._bare and self._framed:
            self._framed = exchange.keep_head_only()
        exchange.read_by(self._answer.content)
        try:
            if not self._answer.content.is_eof():
                self._check_length(cap)
                self._pace()
            shortfall = await self._collect()
        except TooMuch:
            return self._too_much(f"the body is longer than {cap:,} bytes")
        finally:
            if self._timer is not None:
                self._timer.cancel()
        if exchange.overrun:
            return self._too_much(f"the body's framing is longer than {2 * cap:,} bytes")
        return self._without_body(shortfall) or self._unfinished()

    def _check_length(self, cap: int) -> None:
        length = self._answer.headers.get("Content-Length", "")
        if length.isdigit() and int(length[:20]) > cap and not self._call.request.cut_off:
            raise TooBig(self._url, f"the body is announced with {length[:20]} bytes, more than {cap:,}")

    @property
    def _url(self) -> str:
        return self._call.request.address.text

    def _too_much(self, why: str) -> str:
        if not self._call.request.cut_off:
            raise TooBig(self._url, why)
        return why

    async def _collect(self) -> str:
        exchange = self._call.exchange
        try:
            if self._answer.content.is_eof():  # all of it has come: nothing to wait for
                await self._take()
            else:
                async with asyncio.timeout_at(self._call.request.until):
                    await self._take()
        except TimeoutError:
            return f"cut after {self._loop.time() - self._call.began:.1f} s, {self._got()}"
        except Damaged as damaged:
            return f"{damaged}, {self._got()}"
        except (aiohttp.ClientError, OSError) as error:
            if exchange.too_slow:
                return self._slow()
            return f"the connection broke off ({_plain(error)}), {self._got()}"
        if exchange.broken:
            return f"the connection broke off ({_words(exchange.broken)}), {self._got()}"
        return self._slow() if exchange.too_slow else ""

    async def _take(self) -> None:
        content, exchange = self._answer.content, self._call.exchange
        while data := await content.readany():
            self.unpacker.feed(data)
            if exchange.keeping and exchange.received > BOUNDS.kept_wire_bytes:
                exchange.keep_no_more()

    def _got(self) -> str:
        return f"{self._answer.content.total_bytes:,} bytes of body had come"

    def _slow(self) -> str:
        return f"the host sent less than {BOUNDS.pace_bytes:,} bytes in {BOUNDS.pace_s:.0f} s, {self._got()}"

    def _without_body(self, shortfall: str) -> str:
        """A success that broke off before its first byte of body is no answer at all."""
        if shortfall and not self._answer.content.total_bytes and self._answer.status < _HTTP_ERROR:
            raise HostDown(self._url, shortfall)
        return shortfall

    def _unfinished(self) -> str:
        if self.unpacker.unknown:
            return f"the content coding is {self.unpacker.unknown}; the body is as it came"
        return "" if self.unpacker.whole else f"the compressed body has no end, {self._got()}"

    def _pace(self) -> None:
        """Every few seconds: cut a host that drips."""
        exchange = self._call.exchange
        if self._timer is not None and exchange.received - self._seen < BOUNDS.pace_bytes:
            exchange.too_slow = True
            exchange.cut()
            return
        self._seen = exchange.received
        self._timer = self._loop.call_later(BOUNDS.pace_s, self._pace)

    def wire(self) -> tuple[bytes, str]:
        """(exact bytes, framing) of the answer, as `Response` defines them."""
        exchange = self._call.exchange
        if self._bare and self._framed:
            return exchange.wire(), "head"
        return (exchange.wire(), "exact") if self._framed and exchange.keeping else (b"", "normalised")


class _Gone(Exception):
    """The connection was lost before the header; not a ClientError, so aiohttp does not retry."""


async def _no_hidden_retry(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Aiohttp repeats a GET on a lost connection by itself, past every limit: not with us."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Gone(_plain(error)) from error


def _in_words(  # noqa: PLR0911  a table in the form of a match
    url: str, error: Exception, after_s: float, exchange: Exchange
) -> FeedTrouble:
    """The failure of a request that brought no header, as one of our errors."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return HostDown(url, f"the certificate is not trusted: {_plain(error.certificate_error)}")
        case aiohttp.ClientConnectorSSLError():
            return HostDown(url, f"TLS failed: {_plain(error.os_error)}")
        case aiohttp.ClientConnectorDNSError():
            return HostDown(url, f"the name does not resolve: {_plain(error.os_error)}")
        case aiohttp.ClientConnectorError():
            return HostDown(url, f"no connection: {_plain(error.os_error)}")
        case aiohttp.ServerTimeoutError():
            return HostDown(url, f"no connection within {after_s:.1f} s")
        case TimeoutError():
            what = "no complete header" if exchange.received else "no answer"
            return HostDown(url, f"{what} within {after_s:.1f} s")
        case aiohttp.ClientResponseError():
            return _not_http(url, error, exchange)
        case aiohttp.InvalidURL() | ValueError():
            return Refused(url, f"the address cannot be asked: {_plain(error)}")
        case _:
            return HostDown(url, _plain(error))


def _not_http(url: str, error: aiohttp.ClientResponseError, exchange: Exchange) -> FeedTrouble:
    said = _words(error.message)
    if exchange.overrun or _is_size(said):
        return TooBig(url, f"the answer's header is too large: {said}")
    return HostDown(url, f"the answer is not HTTP: {said}")


def _is_size(said: str) -> bool:
    """Whether aiohttp's parser complains of size rather than of form."""
    return said.startswith(("Got more than", "Too many headers"))


def _plain(error: BaseException | None) -> str:
    return _words(str(error)) or type(error).__name__


def _words(text: str) -> str:
    """A library's message on one short line, without the bytes it points at."""
    found = _MESSAGE.search(text)
    if found is not None:
        text = found.group(2) or found.group("rest")
    return " ".join(text.strip().partition("\n")[0].split())[:200].rstrip(":.")
