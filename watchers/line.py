"""The line to the web: one request, one answer, one hop, within bounds.

Owns the aiohttp session. Knows nothing of limits between requests, robots or redirects
(`fetch.py`). Every failure leaves as one of our errors with the reason in words;
an answer that breaks off in its body is returned as far as it came.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import timedelta

import aiohttp
from aiohttp import EMPTY_PAYLOAD, ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.http_exceptions import HttpProcessingError

from storage.clock import Clock
from storage.errors import FeedTrouble, HostDown, Refused, TooBig
from storage.model import Connection, Response
from watchers.body import BodyReader, whole_already
from watchers.bounds import BOUNDS
from watchers.deadlines import Deadlines
from watchers.dial import TIMEOUTS, Answer, Dial, Gone
from watchers.guard import DIALLING, Guard
from watchers.purse import Purse
from watchers.request import Call, Request, plain_reason, short_words
from watchers.resolver import Lookup, Resolver, system_lookup
from watchers.secured import context, lighten
from watchers.wire import Exchange, install, request_head

KEEP_ALIVE_S = 300.0
"""Longer than any usual interval: a new TLS connection costs ten times a kept one (facts, 3)."""
DNS_CACHE_S = 600
_NOT_MODIFIED = 304


class Dropped(Exception):
    """The host closed the connection without a byte of answer. reused: it was a kept one."""

    def __init__(self, why: str, *, reused: bool) -> None:
        super().__init__(why)
        self.why, self.reused = why, reused


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
        self._purse = Purse()
        self._connector = connector = aiohttp.TCPConnector(
            limit=0,  # the throttle's overall gate is the limit
            ttl_dns_cache=DNS_CACHE_S,
            dns_cache_max_size=20_000,
            keepalive_timeout=KEEP_ALIVE_S,
            resolver=self._resolver,
            socket_factory=guard.open_socket,
            ssl=lighten(tls or context()),
        )
        self.exact = install(connector, self._loop)
        self._deadlines = Deadlines(self._loop)
        self._dial = Dial(connector, self._loop, KEEP_ALIVE_S, self._deadlines)
        self._session = None if self.exact else _session(connector)

    async def close(self) -> None:
        """Close all connections. Twice is harmless."""
        if self._session is not None:
            await self._session.close()
        self._dial.close()
        await self._connector.close()

    def away_s(self) -> float:
        """Seconds for which the loop was busy with something else while anybody waited, all in all."""
        return self._deadlines.away_s()

    async def ask(self, request: Request) -> Response:
        """GET once. Raises HostDown, Refused, TooBig or Dropped."""
        exchange = Exchange(request.address.host, self._loop, BOUNDS.head_bytes)
        exchange.sending = request.sending
        call = Call(request, exchange, self._clock.now(), self._loop.time())
        answer = await self._head(call)
        try:
            return await self._body(call, answer)
        finally:
            exchange.detach()
            answer.release() if exchange.taken or answer.content.at_eof() else answer.close()

    async def _head(self, call: Call) -> Answer:
        """Everything up to the end of the answer's header."""
        asked, url = call.request, call.request.address.text
        try:
            with self._deadlines.until(min(asked.until, call.began + BOUNDS.head_s)):
                if self._session is None:
                    return await self._dial.ask(asked, call.exchange)
                return await self._by_session(self._session, asked, call.exchange)
        except Gone as gone:
            if call.exchange.overrun:
                raise TooBig(url, "the answer's header does not end") from gone
            raise Dropped(f"the host closed the connection ({gone})", reused=call.exchange.reused) from gone
        except (aiohttp.ClientError, HttpProcessingError, TimeoutError, OSError, ValueError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                # The host may have moved: the next try looks its name up anew.
                self._connector.clear_dns_cache(asked.address.host, asked.address.port)
            if call.exchange.refusals and isinstance(error, OSError):
                raise Refused(url, f"{asked.address.host}: {call.exchange.refusals[-1]}") from error
            raise _inshort_words(url, error, self._loop.time() - call.began, call.exchange) from error

    async def _by_session(self, session: aiohttp.ClientSession, asked: Request, exchange: Exchange) -> Answer:
        mark = DIALLING.set(exchange)
        try:
            return await session.get(asked.address.url, headers=asked.headers, allow_redirects=False)
        finally:
            DIALLING.reset(mark)

    async def _body(self, call: Call, answer: Answer) -> Response:
        """Read what follows the header and put the answer together."""
        asked, exchange = call.request, call.exchange
        body, shortfall, wire, framing = b"", "", b"", "normalised"
        if (whole := whole_already(call, answer)) is not None:
            (wire, body), framing = whole, "head"
        elif answer.content is not EMPTY_PAYLOAD:
            reader = BodyReader(call, answer, self._loop, self._purse, self._deadlines)
            shortfall = await reader.read()
            body = reader.unpacker.body()
            wire, framing = reader.wire()
        elif answer.status != _NOT_MODIFIED:  # a 304 is no evidence of anything and most frequent
            wire = exchange.wire()
            framing = "exact" if wire else "normalised"
        request, request_framing = exchange.sent, "exact"
        if not request and isinstance(answer, ClientResponse):
            request, request_framing = request_head(answer), "normalised"
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
            wire_request=request if answer.status != _NOT_MODIFIED else b"",
            framing=framing,
            hops=asked.hops,
            connection=self._connection(call, answer),
            started_at=call.started_at,
            first_byte_at=call.started_at + timedelta(seconds=first_s),
            ended_at=call.started_at + timedelta(seconds=spent_s),
            elapsed_s=spent_s,
            shortfall=shortfall,
            started_ns=_ns(call.began),
            first_byte_ns=_ns(call.began + first_s),
            ended_ns=_ns(call.began + spent_s),
            request_framing=request_framing,
        )

    def _connection(self, call: Call, answer: Answer) -> Connection:
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


def _ns(loop_time_s: float) -> int:
    return round(loop_time_s * 1_000_000_000)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    """The way through aiohttp's session, for a version whose inside is not the one we know."""
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=TIMEOUTS,
        max_line_size=BOUNDS.header_line_bytes,
        max_field_size=BOUNDS.header_field_bytes,
        max_headers=BOUNDS.header_fields,
        middlewares=(_no_hidden_retry,),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )


async def _no_hidden_retry(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Aiohttp repeats a GET on a lost connection by itself, past every limit: not with us."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Gone(plain_reason(error)) from error


def _inshort_words(  # noqa: PLR0911  a table in the form of a match
    url: str, error: Exception, after_s: float, exchange: Exchange
) -> FeedTrouble:
    """The failure of a request that brought no header, as one of our errors."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return HostDown(url, f"the certificate is not trusted: {plain_reason(error.certificate_error)}")
        case aiohttp.ClientConnectorSSLError():
            return HostDown(url, f"TLS failed: {plain_reason(error.os_error)}")
        case aiohttp.ClientConnectorDNSError():
            return HostDown(url, f"the name does not resolve: {plain_reason(error.os_error)}")
        case aiohttp.ClientConnectorError():
            return HostDown(url, f"no connection: {plain_reason(error.os_error)}")
        case aiohttp.ServerTimeoutError():
            return HostDown(url, f"no connection within {after_s:.1f} s")
        case TimeoutError():
            what = "no complete header" if exchange.received else "no answer"
            return HostDown(url, f"{what} within {after_s:.1f} s")
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return _not_http(url, error.message, exchange)
        case aiohttp.InvalidURL() | ValueError():
            return Refused(url, f"the address cannot be asked: {plain_reason(error)}")
        case _:
            return HostDown(url, plain_reason(error))


def _not_http(url: str, message: str, exchange: Exchange) -> FeedTrouble:
    said = short_words(message)
    if exchange.overrun or _is_size(said):
        return TooBig(url, f"the answer's header is too large: {said}")
    return HostDown(url, f"the answer is not HTTP: {said}")


def _is_size(said: str) -> bool:
    """Whether aiohttp's parser complains of size rather than of form."""
    return said.startswith(("Got more than", "Too many headers"))
