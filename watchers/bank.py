"""The bank of known pictures: cropped, pasted and covered copies that no hash finds.

Second stage of likeness, for gallery pictures and those of loud alerts only: points of a picture
are had from a picture worker and compared in a process of their own, which the daemon outlives. The
points are derived from stored pictures and kept nowhere else: when that process dies they are
gathered anew, and until then the first stage answers alone.

    judging --match(picture)--> Bank --pipe--> watchers.bank_worker
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from storage.clock import Clock
from storage.model import PictureMatch, Sha256, Tier
from watchers.pictures import PictureWorkers
from watchers.workers import Died, Worker

log = structlog.get_logger(__name__)

MOST = 20_000
"""Pictures held: 60 KB each. The first ones stay; what is beyond is found by hashes alone."""
_MOST_LOSSES = 2
"""Of one picture: what ends the process whenever it is taken in would have all gathered for ever."""
_DEADLINE_S = 10.0
_ANSWER_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A picture of the bank. known: evidence id or "gallery:NAME"."""

    sha256: Sha256
    known: str
    tier: Tier
    label: str = ""


Bytes = Callable[[Known], Awaitable[bytes | None]]
"""Gives the stored bytes of a known picture, None when they cannot be had."""


class Bank:
    """One supervised process. Use from one event loop; safe for many tasks at once.

    bytes_of: from where pictures are read again when the process was lost.
    """

    def __init__(
        self, workers: PictureWorkers, clock: Clock, bytes_of: Bytes, *, program: str = "watchers.bank_worker"
    ) -> None:
        self._workers, self._bytes_of = workers, bytes_of
        self._worker = Worker(
            program,
            clock.speed,
            called="bank worker",
            reader="comparison",
            answer_max_bytes=_ANSWER_MAX_BYTES,
        )
        self._turn = asyncio.Lock()
        self._pictures: dict[Sha256, Known] = {}
        """All that belong in it, by their bytes."""
        self._numbers: dict[int, Known] = {}
        """Those the process holds, by the number it gave them; one that is written on by two."""
        self._blamed: Counter[Sha256] = Counter()
        """How often the process ended while it took a picture in."""
        self._gathering = False
        self._lost = False
        """Whether the process that held them is gone and nobody has begun to gather them again."""
        self._pid = 0
        """Of the process that holds them."""
        self.losses = 0

    def __len__(self) -> int:
        return len(self._pictures)

    @property
    def held(self) -> int:
        """How many pictures are compared with now."""
        return len({held.sha256 for held in self._numbers.values()})

    @property
    def gathers(self) -> bool:
        """Whether what a lost process held is being gathered again."""
        return self._gathering

    @property
    def is_whole(self) -> bool:
        """Whether all that belongs in it was given to the process: none was lost that is not in again."""
        return not self._gathering and not self._lost

    async def close(self) -> None:
        """End the process. Twice is harmless."""
        await self._worker.end()

    async def add(self, known: Known, data: bytes | None = None) -> bool:
        """Take a picture in, unless its bytes are in it; whether it can be found from now on.

        data: its bytes, when they are at hand.
        """
        if known.sha256 in self._pictures or len(self._pictures) >= MOST:
            return False
        if self._blamed[known.sha256] >= _MOST_LOSSES:
            return False
        self._pictures[known.sha256] = known
        return await self._give(known, data)

    def forget(self, known: str) -> None:
        """Let nothing be found by this name any more: it was erased."""
        gone = [sha256 for sha256, picture in self._pictures.items() if picture.known == known]
        for sha256 in gone:
            del self._pictures[sha256]
        self._numbers = {number: held for number, held in self._numbers.items() if held.known != known}

    async def match(self, data: bytes, sha256: Sha256) -> tuple[PictureMatch, ...]:
        """Known pictures that share a part with this one, most points first. Never raises."""
        if self._lost:
            await self._refill()
        if not self._numbers:
            return ()
        parts = await self._workers.features(data, asked=True)
        if not parts:
            return ()
        head: dict[str, object] = {"do": "ask", "sizes": [len(part) for part in parts]}
        facts = await self._ask(head, b"".join(parts))
        shared = facts.get("shared") if facts else None
        return tuple(self._matches(shared, sha256)) if isinstance(shared, list) else ()

    def _matches(self, shared: list[object], sha256: Sha256) -> list[PictureMatch]:
        """One for each known picture, by the view of it that is most alike."""
        found: dict[Sha256, PictureMatch] = {}
        for row in shared:
            if not (isinstance(row, list) and len(row) == 4 and all(isinstance(n, int) for n in row)):
                continue
            number, points, mirrored, differing = row
            known = self._numbers.get(number)
            if known is not None and self._pictures.get(known.sha256) == known:
                match = PictureMatch(
                    sha256=sha256,
                    known=known.known,
                    known_sha256=known.sha256,
                    distance_bits=0,
                    known_tier=known.tier,
                    label=known.label,
                    by="orb",
                    points=points,
                    differing_percent=differing,
                    turned="mirrored" if mirrored else "",
                )
                found.setdefault(known.sha256, match)
        return list(found.values())

    async def _give(self, known: Known, data: bytes | None) -> bool:
        data = data if data is not None else await self._bytes_of(known)
        if data is None:
            return False
        taken = False
        for features in await self._workers.features(data, asked=False):
            losses = self.losses
            facts = await self._ask({"do": "add"}, features)
            if facts is None and self.losses > losses:
                self._blame(known)
                return False
            number = facts.get("number") if facts else None
            if isinstance(number, int):
                self._numbers[number] = known
                taken = True
        return taken

    def _blame(self, known: Known) -> None:
        """The process ended over this picture; not for ever again."""
        self._blamed[known.sha256] += 1
        if self._blamed[known.sha256] >= _MOST_LOSSES:
            self._pictures.pop(known.sha256, None)
            log.error("known picture left out of the bank", sha256=known.sha256, known=known.known)

    async def _refill(self) -> None:
        """Gather again what a lost process held."""
        if self._gathering:
            return
        self._gathering, self._lost = True, False
        held = {known.sha256 for known in self._numbers.values()}  # taken in since
        try:
            for known in [one for one in self._pictures.values() if one.sha256 not in held]:
                await self._give(known, None)
        finally:
            self._gathering = False
        log.info("bank of known pictures gathered again", pictures=len(self._numbers))

    async def _ask(self, head: dict[str, object], body: bytes) -> dict[str, object] | None:
        """One job; None when it could not be done. A lost process is replaced, empty."""
        async with self._turn:
            if self._numbers and self._worker.pid != self._pid:  # it died between two jobs
                log.error("bank of known pictures lost", why="its process ended")
                self._lose()
                if head["do"] == "ask":
                    return None
            try:
                facts, _ = await self._worker.ask(head, body, _DEADLINE_S)
            except (TimeoutError, Died) as loss:
                log.error("bank of known pictures lost", why=str(loss) or "took too long")
                facts = {"spent": True}
            except asyncio.CancelledError:
                self._lose()
                raise
            if facts.get("spent"):
                self._lose()
                await self._worker.end()
            self._pid = self._worker.pid
            return None if "failed" in facts or "spent" in facts else facts

    def _lose(self) -> None:
        self.losses += 1
        self._lost = True
        self._numbers.clear()
        self._worker.kill()
