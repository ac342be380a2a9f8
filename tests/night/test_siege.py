"""A night among hostile pages: the loop turns on, and the market beside them is polled in time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench._lair import pages
from tests.fakes.market import Market
from tests.fakes.night import Night, play

EVENING = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
HELD_S = 0.3
"""Processor seconds of one callback; in the daemon's own thread the worst of these pages took 3.6."""


@contextmanager
def longest_callback() -> Iterator[list[float]]:
    """Processor seconds of every callback of a loop while the block runs, whatever else the machine does."""
    spans: list[float] = []
    kept = asyncio.Handle._run  # type: ignore[attr-defined]

    def timed(self: asyncio.Handle) -> None:
        began = time.thread_time()
        kept(self)
        spans.append(time.thread_time() - began)

    asyncio.Handle._run = timed  # type: ignore[attr-defined]
    try:
        yield spans
    finally:
        asyncio.Handle._run = kept  # type: ignore[attr-defined]


def hostile_site(market: Market) -> list[str]:
    """Put the lair's pages on the market's site, a listing of them, and two endless listings."""
    lair = pages()
    for name, body in lair.items():
        market.site.put(f"/p/{name}", body)
    items = [{"id": n, "url": market.site.url(f"/p/{n}"), "title": f"XJ {n}", "text": "ivory"} for n in lair]
    crowd = [{"id": n, "title": f"bicycle {n}", "text": "x"} for n in range(100_000)]
    links = "".join(f'<div><a href="/gone?{n}">bicycle {n}</a></div>' for n in range(100_000))
    plain = {"Content-Type": "application/json"}
    market.site.put("/adverts", json.dumps({"posts": items}).encode(), headers=plain)
    market.site.put("/crowd", json.dumps({"posts": crowd}).encode(), headers=plain)
    market.site.put("/links", f"<html><body>{links}</body></html>".encode())
    return ["/adverts", "/crowd", "/links"]


def test_no_page_holds_up_the_loop_or_the_market_beside_it(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        market.publish("XJ chopsticks")
        await night.run_for(minutes=2)  # everything is imported, every table read
        stanzas = [night.stanza(market.url)]
        for path in hostile_site(market):
            kind = "html" if path == "/links" else "json"
            few = "[target.rules]\nmax_items = 20"
            stanza = night.stanza(market.site.url(path), name=path.strip("/"), more=few)
            stanzas.append(stanza.replace('kind = "json"', f'kind = "{kind}"'))
        night.write_config(*stanzas)
        seen = len(market.polls)
        with longest_callback() as spans:
            await night.run_for(minutes=4)
        assert max(spans) < HELD_S
        gaps = [b - a for a, b in zip(market.polls[seen:], market.polls[seen + 1 :], strict=False)]
        assert len(gaps) >= 2
        assert max(gaps) < 66
        assert night.daemon is not None
        rows = night.daemon.house.rows
        assert {name for name, row in rows.items() if row.health == "ok"} >= {"market", "adverts", "crowd"}
        assert len(night.daemon.roster.watches["links"].listed) == 20
        assert night.daemon.readers.pids()

    play(tmp_path, EVENING, script)
