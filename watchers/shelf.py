"""Pictures that were had a moment ago: the same address is not fetched twice.

Shops show one picture in many posts, and sellers post the same offer again and again. Each
capture that asks for an address which another one has just had, or is fetching, gets that
answer, with its own times. After a while it is asked for again with its validators, and a
304 keeps it. Whoever wants to know whether a picture was exchanged does not ask here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.model import Response, Validators

FRESH = timedelta(minutes=10)
"""So long an answer stands for another capture without asking again."""
MOST_BYTES = 16_000_000
"""Of all answers kept; the least recently asked for go first."""
BESIDE_BYTES = 4_000
"""What an answer takes in memory beside body and wire: headers, times, facts of its connection. Small
pictures would otherwise take three times the room that they may."""
MOST_OF_ONE = 3_000_000
_NOT_MODIFIED = 304

Ask = Callable[[Validators | None], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Response
    validators: Validators | None
    sure_at: datetime | None
    """When the answer was surely right; None: it says itself that it must be asked for each time."""
    size: int


class Shelf:
    """Recent whole pictures by address. Use from one event loop; safe for many tasks at once."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._fetching: dict[str, asyncio.Event] = {}

    async def get(self, url: str, now: Callable[[], datetime], ask: Ask) -> Response:
        """The answer for `url`: one that was had lately, or what `ask(validators)` gives.

        Raises what `ask` raises. Of several callers one asks; when it fails the next one does.
        """
        while (other := self._fetching.get(url)) is not None:
            await other.wait()
        kept = self._kept.get(url)
        if kept is not None and kept.sure_at is not None and now() - kept.sure_at < FRESH:
            self._kept.move_to_end(url)
            return kept.answer
        done = self._fetching[url] = asyncio.Event()
        try:
            return await self._ask(url, kept, ask)
        finally:
            del self._fetching[url]
            done.set()

    async def _ask(self, url: str, kept: _Kept | None, ask: Ask) -> Response:
        validators = kept.validators if kept is not None else None
        answer = await ask(validators)
        if kept is not None and validators is not None and answer.status == _NOT_MODIFIED:
            sure_at = answer.started_at if kept.sure_at is not None else None
            self._keep(url, _Kept(kept.answer, validators, sure_at, kept.size))
            return kept.answer
        orders = answer.header("Cache-Control").lower()
        if answer.status == 200 and answer.body and not answer.shortfall and "no-store" not in orders:
            size = len(answer.body) + len(answer.wire) + BESIDE_BYTES
            sure_at = None if "no-cache" in orders else answer.started_at
            self._keep(url, _Kept(answer, validators_of(answer), sure_at, size))
        return answer

    def _keep(self, url: str, kept: _Kept) -> None:
        old = self._kept.pop(url, None)
        self._bytes -= old.size if old is not None else 0
        if kept.size > MOST_OF_ONE:
            return
        self._kept[url] = kept
        self._bytes += kept.size
        while self._bytes > self._most_bytes:
            self._bytes -= self._kept.popitem(last=False)[1].size


def validators_of(answer: Response) -> Validators | None:
    """What a conditional request for the same bytes names; None when the answer has none."""
    etag, modified = answer.header("ETag"), answer.header("Last-Modified")
    return Validators(etag=etag, last_modified=modified) if etag or modified else None
