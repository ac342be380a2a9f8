"""Posts that were judged while the bank of known pictures did not hold all that it should: once more later.

The bank is gathered anew after every start and when its process was lost, picture by picture and never on
a verdict's way, and what was told a moment ago comes into it a moment later. A part of a known picture
that is posted meanwhile is found by nothing else. Such a post is judged without, at once, and once more
when the bank holds what had been given to it by then.

    judging --late(evidence)--> Latecomers --judge again--> store.renew --> alert
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from storage.clock import Clock
from storage.errors import DatabaseTrouble, StoreError
from storage.model import Evidence, EvidenceId, Judgement, Sha256, Tier
from storage.store import Store
from watchers.detect.picture import is_known
from watchers.second_look import SecondLook

log = structlog.get_logger(__name__)

MOST = 1_000
"""Posts that wait; of more the oldest are left as they are, and counted."""
MOST_TIMES = 3
"""How often a post is judged again at most: a bank that is lost at every question would never have done."""
GATHERED_S = 2.0
"""Between two looks whether a lost bank holds its pictures again."""
_REMEMBERED = 4_096

News = Callable[[Judgement], bool]
"""Whether a judgement says anything that the one before it did not."""
Again = Callable[[Evidence, News], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Late:
    """A post that was judged too soon. known: the pictures that it was sure to show already."""

    evidence_id: EvidenceId
    given: int
    tier: Tier
    known: frozenset[Sha256]

    def is_news(self, later: Judgement) -> bool:
        """Whether it is louder now, or shows another known picture."""
        return later.verdict.tier.rank < self.tier.rank or not _known(later) <= self.known


def _known(judgement: Judgement) -> frozenset[Sha256]:
    return frozenset(match.known_sha256 for match in judgement.matches if match.is_sure and is_known(match))


class Latecomers:
    """The line of posts to be judged again. Use from one event loop; `run` owns the judging.

    again: judges a post once more and keeps what is news.
    """

    def __init__(self, store: Store, second: SecondLook, clock: Clock, again: Again) -> None:
        self._store, self._second, self._clock, self._again = store, second, clock, again
        self._line: deque[_Late] = deque()
        self._some = asyncio.Event()
        self._times: OrderedDict[EvidenceId, int] = OrderedDict()
        self.judged, self.left_out = 0, 0

    def __len__(self) -> int:
        return len(self._line)

    def add(self, judgement: Judgement) -> None:
        """Have a post judged again when all that was given to the bank by now is in it. Returns at once."""
        evidence_id = judgement.evidence.evidence_id
        times = self._times.pop(evidence_id, 0)
        self._times[evidence_id] = times + 1
        if len(self._times) > _REMEMBERED:
            self._times.popitem(last=False)
        if times >= MOST_TIMES:
            return
        self._line.append(
            _Late(
                evidence_id=evidence_id,
                given=self._second.given,
                tier=judgement.verdict.tier,
                known=_known(judgement),
            )
        )
        if len(self._line) > MOST:
            self._line.popleft()
            self.left_out += 1
        self._some.set()

    async def run(self) -> None:
        """Judge again for ever; a trouble of the store costs one post."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._line:
                await self.next()

    async def next(self) -> None:
        """Judge the post that waits longest again, if one does, as soon as the bank is ready for it."""
        if not self._line:
            return
        late = self._line[0]
        await self._second.reached(late.given)
        while self._second.gathers:
            await self._clock.sleep(GATHERED_S)
        if late not in self._line:  # left out meanwhile
            return
        self._line.remove(late)
        try:
            evidence = await self._store.evidence(late.evidence_id)
        except DatabaseTrouble:  # erased meanwhile
            return
        self.judged += 1
        try:
            await self._again(evidence, late.is_news)
        except StoreError as trouble:
            log.warning("not judged again", evidence=late.evidence_id, why=str(trouble))
