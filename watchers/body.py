"""Reading one body: bounded bytes, bounded time, least pace; kept as far as it came."""

from __future__ import annotations

import asyncio

import aiohttp

from storage.errors import HostDown, TooBig
from watchers.bounds import BOUNDS
from watchers.deadlines import Deadlines
from watchers.dial import Answer
from watchers.purse import Purse
from watchers.request import Call, plain_reason, short_words
from watchers.unpack import Damaged, TooMuch, Unpacker
from watchers.wire import READ_BYTES

_HTTP_ERROR = 400
_FRAMING = 524_288
"""Bytes of header and chunk framing that any answer may have; beyond, a quarter of its body.
A byte per chunk would cost six times the body, and a microsecond of ours for each."""


def whole_already(call: Call, answer: Answer) -> tuple[bytes, bytes] | None:
    """(head, body) of an answer whose small body came bare and whole with its head, as most do.

    There is nothing to wait for, to undo or to read from the stream. None leaves it to `BodyReader`.
    """
    content, exchange = answer.content, call.exchange
    if not content.is_eof() or content.exception() is not None or exchange.broken or exchange.overrun:
        return None
    if not 0 < content.total_bytes <= min(READ_BYTES, call.request.body_bytes):
        return None
    if "Content-Encoding" in answer.headers or "Transfer-Encoding" in answer.headers:
        return None
    return exchange.take(content.total_bytes)


class BodyReader:
    """Reads one body: bounded bytes, bounded time, least pace."""

    def __init__(
        self,
        call: Call,
        answer: Answer,
        loop: asyncio.AbstractEventLoop,
        purse: Purse,
        deadlines: Deadlines,
    ) -> None:
        self._call, self._answer, self._loop, self._purse = call, answer, loop, purse
        self._deadlines = deadlines
        self._seen = 0
        self._held_back = False
        self._timer: asyncio.TimerHandle | None = None
        coding = ",".join(answer.headers.getall("Content-Encoding", ()))
        self.unpacker = Unpacker(coding, call.request.body_bytes)
        self._bare = not self.unpacker.coded and "Transfer-Encoding" not in answer.headers
        self._framed = call.exchange.keeping and call.exchange.received > 0

    async def read(self) -> str:
        """Collect the body; returns the shortfall, "" when whole. Raises TooBig and HostDown."""
        exchange, cap = self._call.exchange, self._call.request.body_bytes
        exchange.limit = exchange.received + cap + cap // 2 + _FRAMING
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
            self._purse.give_back(self)
            if self._timer is not None:
                self._timer.cancel()
        if exchange.overrun:
            return self._too_much("the body comes with more framing than a body needs")
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
                with self._deadlines.until(self._call.request.until):
                    await self._take()
        except TimeoutError:
            return f"cut after {self._loop.time() - self._call.began:.1f} s, {self._got()}"
        except Damaged as damaged:
            return f"{damaged}, {self._got()}"
        except (aiohttp.ClientError, OSError) as error:
            if exchange.too_slow:
                return self._slow()
            return f"the connection broke off ({plain_reason(error)}), {self._got()}"
        if exchange.broken:
            return f"the connection broke off ({short_words(exchange.broken)}), {self._got()}"
        return self._slow() if exchange.too_slow else ""

    async def _take(self) -> None:
        content, exchange = self._answer.content, self._call.exchange
        while data := await content.readany():
            self.unpacker.feed(data)
            if exchange.received - content.total_bytes > _FRAMING + content.total_bytes // 4:
                exchange.overrun = True
                return
            if exchange.keeping and exchange.received > BOUNDS.kept_wire_bytes:
                exchange.keep_no_more()
            while not self._purse.may(self, self.unpacker.size):
                self._held_back = True
                await self._purse.wait()
            self._held_back = False

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
        slow = exchange.received - self._seen < BOUNDS.pace_bytes and not self._held_back
        if self._timer is not None and slow:
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
