"""Posts that were judged while the bank of known pictures did not hold all that it should: once more later.

The bank is gathered anew after every start and when its process was lost, picture by picture and never on
a verdict's way, and what was told a moment ago comes into it a moment later. A part of a known picture
that is posted meanwhile is found by nothing else. Such a post is judged without, at once, and once more
when the bank holds what had been given to it by then. Who waits is on record from the verdict's own
transaction on, so that the next start takes it up after a kill.

    judging --record(too_soon)--> storage.late
       `--add(evidence)--> Latecomers --judge again--> store.renew --> alert
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog

from storage import late, looks
from storage.clock import Clock
from storage.errors import DiskTrouble, StoreError
from storage.looks import Look
from storage.model import Evidence, EvidenceId, Judgement, PictureMatch, Sha256
from storage.store import Store
from watchers.detect.picture import is_known
from watchers.second_look import SecondLook

log = structlog.get_logger(__name__)

MOST_TIMES = 3
"""How often a post is judged again at most, over all starts: a bank that is lost at every question, or a
post whose judging ends the process, would never have done."""
GATHERED_S = 2.0
"""Between two looks whether a lost bank holds its pictures again."""
FIRST_S = 120.0
"""How long posts that nobody judged yet go before one that has been, at most: after a kill both wait."""
_LOOK_S = 0.25
_REMEMBERED = 4_096

News = Callable[[Judgement], bool]
"""Whether a judgement says anything that the one before it did not."""
Again = Callable[[Evidence, News], Awaitable[object]]


def _news(before: Look) -> News:
    """Whether a judgement is louder than this one, or is sure of another known picture."""
    tier, known = before.verdict.tier, _known(before.matches)
    return lambda later: later.verdict.tier.rank < tier.rank or not _known(later.matches) <= known


def _known(matches: Sequence[PictureMatch]) -> frozenset[Sha256]:
    return frozenset(match.known_sha256 for match in matches if match.is_sure and is_known(match))


class _Place(NamedTuple):
    """given: how many known pictures the bank had been given when the post was judged. since: monotonic."""

    given: int
    since: float


class Latecomers:
    """The line of posts to be judged again. Use from one event loop; `run` owns the judging.

    again: judges a post once more and keeps what is news.
    busy: whether posts wait to be judged for the first time.
    """

    def __init__(
        self,
        store: Store,
        second: SecondLook,
        clock: Clock,
        again: Again,
        *,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store, self._second, self._clock, self._again = store, second, clock, again
        self._busy = busy
        self._line: OrderedDict[EvidenceId, _Place] = OrderedDict()
        self._some = asyncio.Event()
        self._times: OrderedDict[EvidenceId, int] = OrderedDict()
        """How often a post was begun to be judged again."""
        self.judged, self.left_out = 0, 0

    def __len__(self) -> int:
        return len(self._line)

    async def fill(self) -> None:
        """Take up what an earlier run left, once the bank was given all known pictures. Raises StoreError."""
        for one in await late.waiting(self._store.vault.database):
            evidence_id = EvidenceId(one.evidence_id)
            self._times[evidence_id] = one.times
            if not self.add(evidence_id):
                await late.done(self._store.vault, evidence_id)

    def add(self, evidence_id: EvidenceId) -> bool:
        """Have a post judged again when all that was given to the bank by now is in it. Returns at once.

        Its row in `storage.late` is the caller's. False: it was judged again often enough.
        """
        if self._times.get(evidence_id, 0) >= MOST_TIMES:
            return False
        self._line[evidence_id] = _Place(self._second.given, self._clock.monotonic())
        self._line.move_to_end(evidence_id)
        if len(self._line) > late.MOST:
            self._line.popitem(last=False)
            self.left_out += 1
        self._some.set()
        return True

    async def wait(self, evidence_id: EvidenceId) -> None:
        """Have a post wait, in line and on record, whose verdict stood before. Raises StoreError."""
        if self.add(evidence_id):
            await late.wait(self._store.vault, evidence_id)

    async def run(self) -> None:
        """Judge again for ever; a trouble of the store leaves one post to the next start."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._line:
                await self.next()

    async def next(self) -> None:
        """Judge the post that waits longest again, if one does, as soon as the bank is ready for it."""
        if not self._line:
            return
        evidence_id, place = next(iter(self._line.items()))
        await self._second.reached(place.given)
        while self._second.gathers:
            await self._clock.sleep(GATHERED_S)
        while self._busy() and self._clock.monotonic() < place.since + FIRST_S:
            await self._clock.sleep(_LOOK_S)
        if self._line.get(evidence_id) != place:  # left out meanwhile, or in line anew
            return
        del self._line[evidence_id]
        try:
            await self._once_more(evidence_id)
        except StoreError as trouble:
            log.warning("not judged again", evidence=evidence_id, why=str(trouble))

    async def _once_more(self, evidence_id: EvidenceId) -> None:
        look = await looks.look(self._store.vault.database, evidence_id)
        if look is None:  # erased meanwhile, its row too
            return
        self._count(evidence_id)
        with contextlib.suppress(DiskTrouble):  # judging waits for the disk; only the count is lost
            await late.begin(self._store.vault, evidence_id)
        self.judged += 1
        await self._again(look.evidence, _news(look))
        if evidence_id not in self._line:  # the bank held all this time, or never will
            await late.done(self._store.vault, evidence_id)

    def _count(self, evidence_id: EvidenceId) -> None:
        self._times[evidence_id] = self._times.pop(evidence_id, 0) + 1
        if len(self._times) > _REMEMBERED:
            self._times.popitem(last=False)
