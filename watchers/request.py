"""One hop to ask, what it may take, and how its failures are put in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from storage.model import Hop, Response
from watchers.address import Address
from watchers.wire import Exchange

_MESSAGE = re.compile(r"message=(['\"])(.*?)\1|^\d{3}, message:\s*(?P<rest>.*)", re.DOTALL)
_HOP_BODY_BYTES = 65_536


@dataclass(slots=True, kw_only=True)
class Request:
    """One hop to ask, and what it may take.

    until: loop time. body_bytes: decoded. cut_off: a longer body is cut instead of refused.
    requested_url, hops: how the visit came here, for the answer. sending: called as it goes out.
    head: the bytes to be sent, where they were written before; b"": they are written from `headers`.
    """

    address: Address
    headers: dict[str, str]
    until: float
    body_bytes: int
    cut_off: bool = False
    requested_url: str = ""
    hops: tuple[Hop, ...] = ()
    sending: Callable[[], None] | None = None
    head: bytes = b""


@dataclass(slots=True)
class Call:
    """One request under way. began: loop time, monotonic."""

    request: Request
    exchange: Exchange
    started_at: datetime
    began: float


def hop_of(answer: Response, location: str) -> Hop:
    """A redirect with its whole answer; a body that no redirect needs is not carried along."""
    kept = replace(answer, hops=()) if len(answer.body) <= _HOP_BODY_BYTES else None
    return Hop(url=answer.url, status=answer.status, location=location, answer=kept)


def plain_reason(error: BaseException | None) -> str:
    """What a library's error says, on one short line."""
    return short_words(str(error)) or type(error).__name__


def short_words(text: str) -> str:
    """A library's message on one short line, without the bytes it points at."""
    found = _MESSAGE.search(text)
    if found is not None:
        text = found.group(2) or found.group("rest")
    return " ".join(text.strip().partition("\n")[0].split())[:200].rstrip(":.")
