"""Looking back when an advert turns out loud: at what its account, or its pictures, showed quietly before.

Sellers show a picture without a word, or goods by a name that nobody knows yet, and say too much an hour
later. The next post of such an account is known (`pasts`); this is for the one before. It is judged
once more with what is known now, behind the verdicts and never on their way; where that makes it louder, the
verdict before is set aside, and people are told of it as of any post.

    judging --offer(judgement)--> Hindsight --judge again--> store.renew --> alert
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from storage import looks, traces
from storage.clock import Clock
from storage.errors import DatabaseTrouble, StoreError
from storage.model import Evidence, EvidenceId, Judgement, Picture
from storage.store import Store
from storage.tables import key_of
from watchers.linking import EVERY_S, account_of, sign
from watchers.pasts import LOUD

log = structlog.get_logger(__name__)

LOOKED_BACK = timedelta(hours=24)
"""So far back: a night and the day before it."""
MOST = 500
"""Loud adverts that wait; what falls out is counted."""
MOST_OF_ONE = 20
"""Earlier posts judged again for one loud advert, the latest first."""
MOST_TIMES = 3
"""How often a post is judged again at most: a seller of many loud adverts would have it done for each."""
DELAY_S = 2 * EVERY_S
"""After the loud verdict: by then what was shown before it is kept (`linking.Linker`)."""
_LEFT_OVER = timedelta(minutes=15)
_REMEMBERED = 4_096

Alike = Callable[[tuple[Picture, ...]], Awaitable[tuple[str, ...]]]
"""Evidence of posts that nobody minded, with very likely the same picture as one of these."""


class Hindsight:
    """The line of loud adverts to look back from. Use from one event loop; `run` owns the looking.

    alike: asks the picture index. again: judges a post once more and keeps what is louder.
    """

    def __init__(
        self, store: Store, clock: Clock, *, alike: Alike, again: Callable[[Evidence], Awaitable[object]]
    ) -> None:
        self._store, self._clock, self._alike, self._again = store, clock, alike, again
        self._line: OrderedDict[EvidenceId, Judgement] = OrderedDict()
        self._some = asyncio.Event()
        self._times: OrderedDict[str, int] = OrderedDict()
        self.judged, self.left_out = 0, 0
        """Posts that were judged again, and loud adverts from which nobody looked back."""

    def offer(self, judgement: Judgement) -> None:
        """Put a loud advert into the line; others say nothing about what was before. Returns at once."""
        if judgement.verdict.tier not in LOUD:
            return
        self._line[judgement.evidence.evidence_id] = judgement
        if len(self._line) > MOST:
            self._line.popitem(last=False)
            self.left_out += 1
        self._some.set()

    async def fill(self) -> None:
        """Put the loud adverts of the last minutes into the line: a stop may have come before their turn.

        The last minutes of the watch, however long it stood still since.
        """
        now, database = self._clock.now(), self._store.vault.database
        last = min(now, await looks.latest(database) or now)
        async for page in looks.judged(database, max(last - _LEFT_OVER, now - LOOKED_BACK), now):
            for look in page:
                evidence = look.evidence
                self.offer(
                    Judgement(
                        evidence=evidence,
                        verdict=look.verdict,
                        pictures=evidence.pictures,
                        matches=look.matches,
                        judged_at=evidence.sealed_at,
                    )
                )

    @property
    def due_at(self) -> datetime | None:
        """When to look back next; None when nothing waits."""
        first = next(iter(self._line.values()), None)
        return None if first is None else first.judged_at + timedelta(seconds=DELAY_S)

    async def run(self) -> None:
        """Look back for ever; a trouble of the store costs one look."""
        while True:
            await self._some.wait()
            self._some.clear()
            while (due := self.due_at) is not None:
                wait_s = (due - self._clock.now()).total_seconds()
                if wait_s > 0:
                    await self._clock.sleep(wait_s)
                await self.look_back()

    async def look_back(self) -> None:
        """Look back from the advert that waits longest, if one does."""
        if not self._line:
            return
        _, loud = self._line.popitem(last=False)
        try:
            for evidence_id in await self._earlier(loud):
                await self._once_more(evidence_id)
        except StoreError as trouble:
            log.warning("not looked back", evidence=loud.evidence.evidence_id, why=str(trouble))

    async def _earlier(self, loud: Judgement) -> list[str]:
        """Quiet looks of its account, its contacts and its pictures."""
        evidence = loud.evidence
        key = key_of(evidence.target, evidence.post.post_id)
        account = account_of(evidence.post, evidence.target, key)
        found = await traces.quiet_looks(
            self._store.vault.database,
            account.account_id if account.name else "",
            tuple(dict.fromkeys(filter(None, map(sign, loud.verdict.contacts)))),
            evidence.captured_at - LOOKED_BACK,
            MOST_OF_ONE,
        )
        alike = await self._alike(loud.pictures)
        return list(dict.fromkeys((*alike, *found)))[: 2 * MOST_OF_ONE]

    async def _once_more(self, evidence_id: str) -> None:
        times = self._times.pop(evidence_id, 0)
        self._times[evidence_id] = times + 1
        if len(self._times) > _REMEMBERED:
            self._times.popitem(last=False)
        if times >= MOST_TIMES:
            return
        try:
            evidence = await self._store.evidence(evidence_id)
        except DatabaseTrouble:  # erased meanwhile
            return
        if self._clock.now() - evidence.captured_at <= LOOKED_BACK:
            self.judged += 1
            await self._again(evidence)
