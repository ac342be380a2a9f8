"""Reading the words in pictures, behind the verdicts: what is found may make an alert louder.

    judging --offer(judgement)--> Reading --pipe--> watchers.text_worker
                                  |          `--> judge again --> store.renew --> alert
                                  `--> watchers.hinting

One picture at a time in one process of the lowest priority, so that no poll is late for it. Posts that
say next to nothing, or a word of the trade, come first, and within a rank the newest: their alert is
worth most now. The line is bounded; what falls out is counted, told in `status`, and read when the
next start finds it. A picture is read once, however often it is posted.

A classifier of the admin's own is asked in the same turn, so that there is one new verdict for both. What it
was asked to look for makes a quiet post worth comparing with known pictures: it is judged again then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from storage import hints, looks, readings
from storage.clock import Clock
from storage.errors import DatabaseTrouble, DiskTrouble, StoreError
from storage.model import AlertKind, Evidence, Judgement, Likeness, Picture, Reason, Tier, Verdict
from storage.patience import DiskWatch
from storage.store import Store
from storage.threads import in_thread
from watchers.detect import hint
from watchers.detect.history import KIND
from watchers.detect.whole import judge_whole
from watchers.hinting import Hinting
from watchers.meter import Meter
from watchers.picture_text import RECIPE, why_off
from watchers.second_look import suspicious
from watchers.workers import Worker

if TYPE_CHECKING:
    from watchers.judging import Policy

log = structlog.get_logger(__name__)

MOST = 500
"""Posts that wait to be read."""
PER_POST = 6
"""Pictures read of one post."""
LEAST_SIDE_PX = 64
CAUGHT_UP = timedelta(hours=12)
"""How far back a start looks for pictures that were left."""
IDLE_S = 300.0
"""After which the process ends: it holds 400 MB."""
STANDING_S = 20.0
_START_S, _DEADLINE_S, _CPU_S = 180.0, 120.0, 30
"""In real seconds; it runs when nobody else does, and loads its models for five of the processor."""
_ANSWER_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A post whose pictures are to be read. since: when it was judged."""

    evidence_id: str
    pictures: tuple[Picture, ...]
    since: datetime


def rank_of(evidence: Evidence, verdict: Verdict) -> int:
    """0 where words in a picture could decide; 1 where a way to the seller may be found; 2 for the rest."""
    if verdict.tier is Tier.URGENT:
        return 1
    if suspicious(evidence.post, verdict):
        return 0
    return 1 if any(reason.kind in ("contact", "cue", "price") for reason in verdict.reasons) else 2


def to_read(judgement: Judgement, rank: int, *, hinting: bool = False) -> tuple[Picture, ...]:
    """The pictures of a post that are worth reading; copies of kept ones only where it is suspicious.

    hinting: those too whose words were read already, since a classifier may not have seen them.
    """
    copies: Collection[str] = {
        m.sha256
        for m in judgement.matches
        if m.likeness is Likeness.SAME and not m.known.startswith("gallery:")
    }
    fit = (
        p
        for p in judgement.pictures
        if not p.undecodable and (hinting or not p.words) and min(p.width, p.height) >= LEAST_SIDE_PX
    )
    return tuple({p.sha256: p for p in fit if rank == 0 or p.sha256 not in copies}.values())[:PER_POST]


class Reading:
    """The line and its one process. Use from one event loop; `run` owns the reading.

    Off where the extra is not installed: then nothing is read and `why_off` says so. again: judges a quiet
    post anew, its pictures compared with known ones.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        meter: Meter,
        *,
        policy: Callable[[], Policy],
        spoke: Callable[[], None],
        disk: DiskWatch,
        hinting: Hinting,
        again: Callable[[Evidence], Awaitable[object]],
        program: str = "watchers.text_worker",
        off: str | None = None,
    ) -> None:
        self._store, self._clock, self._meter = store, clock, meter
        self._policy, self._spoke, self._disk = policy, spoke, disk
        self._hinting, self._again = hinting, again
        self.why_off = why_off() if off is None else off
        self._worker = Worker(
            program,
            clock.speed,
            called="text worker",
            reader="reader",
            answer_max_bytes=_ANSWER_MAX_BYTES,
            start_s=_START_S,
        )
        self._line: tuple[dict[str, Waiting], ...] = ({}, {}, {})
        """By rank, each in the order of arrival."""
        self._some, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self.read, self.left_out = 0, 0

    def offer(self, judgement: Judgement) -> None:
        """Put a judged post into the line, if there is something to read in it. Returns at once."""
        if not self._is_on:
            return
        rank = rank_of(judgement.evidence, judgement.verdict)
        pictures = to_read(judgement, rank, hinting=bool(self._hinting.recipe))
        if not pictures:
            return
        self._line[rank][judgement.evidence.evidence_id] = Waiting(
            evidence_id=judgement.evidence.evidence_id,
            pictures=pictures,
            since=judgement.judged_at,
        )
        if self.waiting > MOST:
            least = next(some for some in reversed(self._line) if some)
            del least[next(iter(least))]
            self.left_out += 1
        self._meter.queued("reading", self.waiting)
        self._idle.clear()
        self._some.set()

    @property
    def _is_on(self) -> bool:
        return not self.why_off or bool(self._hinting.recipe)

    @property
    def waiting(self) -> int:
        """Posts in the line."""
        return sum(map(len, self._line))

    def _next(self) -> Waiting | None:
        """The newest of the first rank that has one, out of the line."""
        for some in self._line:
            if some:
                return some.popitem()[1]
        return None

    async def drain(self) -> None:
        """Wait until nothing waits to be read; only while `run` runs."""
        await self._idle.wait()

    def standing(self) -> readings.Standing:
        """How it goes on, for `status`."""
        now = self._clock.now()
        oldest = min((next(iter(some.values())).since for some in self._line if some), default=now)
        return readings.Standing(
            at=now.isoformat(),
            why_off=self.why_off,
            waiting=self.waiting,
            oldest_s=round((now - oldest).total_seconds(), 1),
            read=self.read,
            left_out=self.left_out,
            hinted=self._hinting.hinted,
            hints_off=self._hinting.why_off,
        )

    async def run(self) -> None:
        """Read for ever what is offered; first what a former run left."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell_standing())
                if self._is_on:
                    group.create_task(self._read_for_ever())
        finally:
            await self._end()

    async def _end(self) -> None:
        await self._worker.end()
        await self._hinting.end()

    async def _tell_standing(self) -> None:
        told: readings.Standing | None = None
        while True:
            now = self.standing()
            if told is None or replace(told, at="") != replace(now, at=""):
                with contextlib.suppress(OSError):  # a full disk is told elsewhere
                    await in_thread(readings.keep_standing, self._store.folder, now)
                told = now
            await self._clock.sleep(STANDING_S)

    async def _read_for_ever(self) -> None:
        await self._catch_up()
        while True:
            first = self._next()
            if first is None:
                self._idle.set()
                self._some.clear()
                try:
                    async with asyncio.timeout(IDLE_S * self._clock.speed):
                        await self._some.wait()
                except TimeoutError:
                    await self._end()
                    await self._some.wait()
                continue
            try:
                await self._post(first)
            except DiskTrouble as refused:
                self._disk.note(refused)
            except StoreError as error:
                log.warning("pictures not read", evidence=first.evidence_id, why=str(error))

    async def _catch_up(self) -> None:
        since, database = self._clock.now() - CAUGHT_UP, self._store.vault.database
        left = () if self.why_off else await readings.unread(database, RECIPE, since, MOST)
        if recipe := self._hinting.recipe:
            left += await hints.unasked(database, recipe, since, MOST)
        for look in left:
            evidence = look.evidence
            judgement = Judgement(
                evidence=evidence,
                verdict=look.verdict,
                pictures=evidence.pictures,
                matches=look.matches,
                judged_at=evidence.sealed_at,
            )
            self.offer(judgement)

    async def _post(self, waiting: Waiting) -> None:
        """Read the pictures of one post, then judge it again."""
        done = await readings.read_before(
            self._store.vault.database, RECIPE, [picture.sha256 for picture in waiting.pictures]
        )
        for picture in waiting.pictures:
            if not self.why_off and picture.sha256 not in done:
                await self._picture(picture)
        hinted = await self._hinting.look(waiting.pictures)
        await self._renew(waiting)
        if hinted:
            await self._compare(waiting)

    async def _picture(self, picture: Picture) -> None:
        data = await self._store.blobs.get(picture.sha256)
        job: dict[str, object] = {"do": "read", "cpu_s": _CPU_S}
        facts = (await self._worker.answered(job, data, _DEADLINE_S)).facts
        if facts is None:  # the machine is too busy to read now; the next start finds it
            self.left_out += 1
            return
        words, why = facts.get("words"), facts.get("why", "")
        lines = [line for line in words if isinstance(line, str)] if isinstance(words, list) else []
        await self._store.keep_reading(picture.sha256, RECIPE, lines, str(why))
        self.read += 1
        self._meter.pictured("unreadable" if why else "read")

    async def _renew(self, waiting: Waiting) -> None:
        # As it stands now: what came later may have made it louder while its pictures waited.
        look = await looks.look(self._store.vault.database, waiting.evidence_id)
        if look is None or not any(p.words or p.hints for p in look.evidence.pictures):
            return
        evidence = look.evidence
        policy = self._policy()
        target = policy.targets.get(evidence.target)
        hour = evidence.captured_at.astimezone(ZoneInfo(target.window.zone)).hour if target else None
        verdict = await in_thread(
            judge_whole,
            evidence.post,
            evidence.pictures,
            look.matches,
            policy.lexicon,
            hour,
            history=[reason for reason in look.verdict.reasons if reason.kind == KIND],
            model=policy.model,
            country=target.country if target else "",
        )
        if not says_more(verdict, look.verdict):
            return
        judgement = Judgement(
            evidence=evidence,
            verdict=verdict,
            pictures=evidence.pictures,
            matches=look.matches,
            judged_at=self._clock.now(),
        )
        place, tags = (target.jurisdiction, target.tags) if target else ("", ())
        announce = policy.route(verdict.tier, place, tags)
        try:
            alert = await self._store.renew(
                judgement,
                announce=announce,
                jurisdiction=place,
                tags=tags,
                kind=_kind_of(verdict, look.verdict),
            )
        except DatabaseTrouble as erased:
            log.info("erased while it was read", evidence=waiting.evidence_id, why=str(erased))
            return
        if alert is not None:
            log.info("read in a picture", evidence=waiting.evidence_id, tier=verdict.tier.value)
            self._spoke()

    async def _compare(self, waiting: Waiting) -> None:
        """Have a post that is quiet to this moment judged again: with a hint the bank is asked about it."""
        look = await looks.look(self._store.vault.database, waiting.evidence_id)
        if look is not None and look.verdict.tier is Tier.NONE:
            await self._again(look.evidence)


def says_more(verdict: Verdict, before: Verdict) -> bool:
    """Whether a verdict tells people more than the one before: louder, another way to the seller, a hint."""
    if verdict.score == before.score and not hint.said(verdict) <= hint.said(before):
        return True
    return verdict.score > before.score or not set(verdict.contacts) <= set(before.contacts)


def _kind_of(verdict: Verdict, before: Verdict) -> AlertKind:
    """What a card is revised with. A look says each kind once: a hint leaves room for words read later.

    No hint makes a post louder: where it is, by terms that were taken over meanwhile, that is no hint.
    """
    if verdict.tier.rank < before.tier.rank:
        return AlertKind.READ
    fresh = _beside_hints(verdict) - _beside_hints(before) or set(verdict.contacts) - set(before.contacts)
    return AlertKind.READ if fresh else AlertKind.HINTED


def _beside_hints(verdict: Verdict) -> set[Reason]:
    return {reason for reason in verdict.reasons if reason.kind != hint.KIND}
