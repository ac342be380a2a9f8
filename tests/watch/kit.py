"""What the tests of fetching share: a target, a fetcher on loopback, trusted TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

from storage.clock import SystemClock
from storage.model import Authority, HostLimit, Response, Target
from watchers.fetch import Fetcher

TLS = Path(__file__).parents[1] / "samples" / "tls"
FAST = HostLimit(requests_per_s=500.0, concurrency=8)


def target(url: str, **more: Any) -> Target:
    """A target that may be asked fast and does not mind robots.txt, unless told."""
    facts: dict[str, Any] = {
        "name": "market",
        "kind": "html",
        "rules": None,
        "host_limit": FAST,
        "robots_override": "a site of our own",
        "authority": Authority(legal_basis="a", authorised_by="b", review_after=date(2099, 1, 1)),
    }
    return Target(url=url, **{**facts, **more})


@asynccontextmanager
async def fetching(**more: Any) -> AsyncIterator[Fetcher]:
    """A fetcher that may go to loopback; closed at the end."""
    facts: dict[str, Any] = {"contact": "mailto:duty@example.org", "allow": ("127.0.0.0/8", "[::1]/128")}
    fetcher = Fetcher(SystemClock(), **{**facts, **more}, random=Random(1))
    try:
        yield fetcher
    finally:
        await fetcher.close()


def site_tls() -> ssl.SSLContext:
    """The server side of a certificate that `trusting_tls` trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "site.pem", TLS / "site.key")
    return context


def trusting_tls() -> ssl.SSLContext:
    """A client context that trusts the test authority alone."""
    return ssl.create_default_context(cafile=TLS / "ca.pem")


def answered(at: datetime, body: bytes = b"") -> Response:
    """An answer of which only the instant matters, and its body."""
    return Response(
        url="https://e.org/",
        requested_url="https://e.org/",
        status=200,
        body=body,
        started_at=at,
        first_byte_at=at,
        ended_at=at,
    )
