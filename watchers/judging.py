"""From evidence to verdict: hash the pictures, compare, judge, record.

Everything here can be run again: evidence without a verdict is judged at start, and
recording the same verdict twice records it once. What decides is `detect.score`, pure;
this file fetches its inputs and keeps its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from storage.clock import Clock
from storage.errors import DamagedBlob, DatabaseTrouble, DiskTrouble, StoreError
from storage.model import (
    Alert,
    Evidence,
    EvidenceId,
    Judgement,
    Picture,
    PictureMatch,
    Reason,
    Snapshot,
    Target,
    Tier,
    Verdict,
    sha256_of,
)
from storage.patience import DiskWatch
from storage.similar import PictureIndex
from storage.store import Store
from storage.tables import key_of
from storage.threads import in_thread
from watchers.detect.furniture import is_furniture
from watchers.detect.score import judge
from watchers.lexicon import Lexicon
from watchers.meter import Meter
from watchers.pictures import PictureWorkers
from watchers.unkept import Unwritten, as_evidence, unwritten_alert

if TYPE_CHECKING:
    from watchers.detect.model import Model

log = structlog.get_logger(__name__)

SAME_BITS = 8
"""Largest phash-64 distance that is looked up; what it is worth is the score's business.

Source: imaging facts, section 2: false pairs per million are below one at 5 bits.
"""
QUEUE = 2_000
"""Evidence waiting to be judged; when full, capturing waits (sealed evidence is safe)."""

LONG_CHARS = 4_000
"""Texts beyond it are judged in a thread: 3 ms for so much of an advert, 20 of the worst."""


SHEET_TILES = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What judging needs to know that may change while it runs.

    model: learnt from labels, or None; it weighs only where it proved better than the lexicon.
    route: (tier, jurisdiction, tags) -> names of the channels that such an alert goes to.
    """

    lexicon: Lexicon
    targets: dict[str, Target]
    route: Callable[[Tier, str, tuple[str, ...]], tuple[str, ...]]
    model: Model | None = None


class Bench:
    """Judges evidence in about the order of arrival, `hands` at a time.

    `submit` waits when `QUEUE` pieces are waiting. `run` ends only by cancellation; what
    was taken but not recorded then is found again at the next start.
    """

    def __init__(
        self,
        store: Store,
        workers: PictureWorkers,
        clock: Clock,
        meter: Meter,
        policy: Policy,
        *,
        spoke: Callable[[], None],
        disk: DiskWatch,
        tell: Callable[[Unwritten], None] = lambda _: None,
        hands: int = 8,
    ) -> None:
        self._store, self._workers, self._clock, self._meter = store, workers, clock, meter
        self.policy = policy
        self._spoke, self._disk, self._tell = spoke, disk, tell
        self._hands = hands
        self._index = PictureIndex()
        self._furniture: set[str] = set()
        """Hashes of pictures that sites put into their posts, as far as met since the start."""
        self._queue: asyncio.Queue[Evidence] = asyncio.Queue(QUEUE)
        self._taken: set[EvidenceId] = set()
        self._in_turn = asyncio.Lock()

    async def submit(self, evidence: Evidence) -> None:
        """Queue sealed evidence for judging, unless it is queued already."""
        if evidence.evidence_id in self._taken:
            return
        self._taken.add(evidence.evidence_id)
        await self._queue.put(evidence)
        self._meter.queued("judging", self._queue.qsize())

    async def fill_index(self) -> int:
        """Read the hashes of earlier captures; returns how many were taken."""
        count = 0
        async for page in self._store.pictures():
            self._index.fill(page)
            count += len(page)
        if self._index.unsettled:
            await in_thread(self._index.settle, copies=True)
        return count

    async def fill_gallery(self, folder: Path | None) -> int:
        """Hash every picture of the gallery folder; a file's name is its label."""
        if folder is None:
            return 0
        count = 0
        for path in sorted(p for p in await asyncio.to_thread(_files_in, folder)):
            try:
                data = await asyncio.to_thread(path.read_bytes)
            except OSError as error:
                log.warning("gallery picture not readable", file=path.name, why=error.strerror)
                continue
            picture = await self._workers.describe(data, sha256=sha256_of(data), url=path.name)
            if picture.phash:
                self._index.add(
                    picture.sha256, picture.phash, f"gallery:{path.name}", Tier.HIGH, label=path.stem
                )
                count += 1
            else:
                log.warning("gallery picture not usable", file=path.name, why=picture.undecodable)
        return count

    async def catch_up(self) -> int:
        """Submit everything sealed but not judged, oldest first; returns how much there was."""
        count = 0
        while fresh := [e for e in await self._store.unjudged() if e.evidence_id not in self._taken]:
            for evidence in fresh:
                await self.submit(evidence)
            count += len(fresh)
            await self.drain()
        return count

    async def run(self) -> None:
        """Judge what is submitted, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._hands):
                group.create_task(self._hand())

    async def drain(self) -> None:
        """Wait until everything submitted has been judged."""
        await self._queue.join()

    async def _hand(self) -> None:
        while True:
            evidence = await self._queue.get()
            try:
                await self._judge(evidence)
            except DiskTrouble as refused:  # its bytes cannot be read now: once more when they can
                self._disk.note(refused)
                self._disk.later(lambda again=evidence: self.submit(again))  # type: ignore[misc]
            finally:
                self._taken.discard(evidence.evidence_id)
                self._queue.task_done()
                self._meter.queued("judging", self._queue.qsize())

    async def _judge(self, evidence: Evidence) -> Alert | None:
        pictures = await self._describe(evidence.pictures)
        target = self.policy.targets.get(evidence.target)
        zone = ZoneInfo(target.window.zone) if target else None
        hour = evidence.captured_at.astimezone(zone).hour if zone else None
        # One at a time from look-up to the writer's queue: two copies of one picture judged
        # side by side would otherwise each found an item of their own. The commit itself is
        # awaited outside, so that many verdicts share one.
        async with self._in_turn:
            matches = await self._matches(pictures, evidence)
            # A long text takes up to half a second, which is nobody else's.
            if len(evidence.post.text) > LONG_CHARS:
                verdict = await asyncio.to_thread(self._verdict, evidence, pictures, matches, hour)
            else:
                verdict = self._verdict(evidence, pictures, matches, hour)
            judgement = Judgement(
                evidence=evidence,
                verdict=verdict,
                pictures=pictures,
                matches=matches,
                judged_at=self._clock.now(),
            )
            recording = asyncio.ensure_future(self._record_or_tell(judgement, target))
            await asyncio.sleep(0)  # its job is in the queue now, before that of whoever comes next
            self._remember(pictures, evidence, verdict.tier)
            if self._index.unsettled:
                await in_thread(self._index.settle)
        alert = await recording
        self._meter.judged(verdict.tier, (self._clock.now() - evidence.sealed_at).total_seconds())
        if alert is not None:
            self._spoke()
        return alert

    async def _record_or_tell(self, judgement: Judgement, target: Target | None) -> Alert | None:
        """Record a verdict; when the disk refuses, tell it from memory and record it later."""
        if not self._disk.led:
            return await self._disk.patiently(lambda: self._record(judgement, target))
        try:
            return await self._disk.once(lambda: self._record(judgement, target))
        except DiskTrouble as refused:
            why = f"the evidence is kept, its verdict could not be written yet: {refused}"
            self._tell_unwritten(judgement, target, why)
            self._disk.later(lambda: self._record_late(judgement, target))
            return None

    async def _record_late(self, judgement: Judgement, target: Target | None) -> None:
        if await self._record(judgement, target) is not None:
            self._spoke()

    async def judge_unkept(self, snapshot: Snapshot, why: str) -> Tier:
        """Judge a capture that is not preserved, from memory, and tell what is loud; its tier.

        why: what the disk said. Nothing is recorded: once it is sealed it is judged anew.
        """
        evidence, data = as_evidence(snapshot)
        described = [
            await self._workers.describe(data[p.sha256], sha256=p.sha256, url=p.url)
            for p in evidence.pictures
        ]
        pictures = tuple(described)
        try:
            matches = await self._matches(pictures, evidence)
        except StoreError:  # whether they are the site's own pictures cannot be looked up
            matches = ()
        target = self.policy.targets.get(evidence.target)
        hour = evidence.captured_at.astimezone(ZoneInfo(target.window.zone)).hour if target else None
        verdict = await asyncio.to_thread(self._verdict, evidence, pictures, matches, hour)
        judgement = Judgement(
            evidence=replace(evidence, pictures=pictures),
            verdict=verdict,
            pictures=pictures,
            matches=matches,
            judged_at=self._clock.now(),
        )
        shown = [data[p.sha256] for p in pictures if not p.undecodable][:SHEET_TILES]
        sheet = await self._workers.sheet(shown) if shown and verdict.tier is not Tier.NONE else b""
        self._tell_unwritten(judgement, target, why, sheet)
        return verdict.tier

    def _tell_unwritten(
        self, judgement: Judgement, target: Target | None, why: str, sheet: bytes = b""
    ) -> None:
        tier = judgement.verdict.tier
        if tier is not Tier.NONE:
            alert = unwritten_alert(judgement, target, why)
            announce = self.policy.route(tier, alert.jurisdiction, alert.tags)
            self._tell(Unwritten(alert=alert, sheet=sheet, announce=announce))

    async def _record(self, judgement: Judgement, target: Target | None) -> Alert | None:
        place, tags = (target.jurisdiction, target.tags) if target else ("", ())
        return await self._store.record(
            judgement,
            announce=self.policy.route(judgement.verdict.tier, place, tags),
            jurisdiction=place,
            tags=tags,
        )

    def _verdict(
        self,
        evidence: Evidence,
        pictures: tuple[Picture, ...],
        matches: tuple[PictureMatch, ...],
        hour: int | None,
    ) -> Verdict:
        """The verdict; a fault of ours in judging shows the post to people instead of hiding it."""
        try:
            return judge(evidence.post, pictures, matches, self.policy.lexicon, hour, model=self.policy.model)
        except Exception as fault:
            log.exception("judging failed", evidence=evidence.evidence_id)
            reason = Reason(kind="fault", what="could not be judged: please look", weight=0.0)
            return Verdict(
                score=50,
                tier=Tier.NORMAL,
                reasons=(replace(reason, detail=type(fault).__name__),),
                lexicon_version=self.policy.lexicon.version,
            )

    async def _describe(self, pictures: Sequence[Picture]) -> tuple[Picture, ...]:
        return tuple(await asyncio.gather(*(self._describe_one(p) for p in pictures)))

    async def _describe_one(self, picture: Picture) -> Picture:
        if picture.phash or picture.undecodable:
            return picture
        try:
            data = await self._store.blobs.get(picture.sha256)
        except DamagedBlob as damage:
            log.error("picture blob damaged", sha256=picture.sha256, why=str(damage))
            return replace(picture, undecodable="stored bytes are damaged")
        described = await self._workers.describe(data, sha256=picture.sha256, url=picture.url)
        self._meter.pictured("undecodable" if described.undecodable else "hashed")
        return described

    async def _matches(self, pictures: Sequence[Picture], evidence: Evidence) -> tuple[PictureMatch, ...]:
        """The nearest kept picture of another post for each picture of the post."""
        found: list[PictureMatch] = []
        for picture in pictures:
            if not picture.phash:
                continue
            found_near = self._index.near(picture.phash, SAME_BITS, sha256=picture.sha256)
            near = await self._of_other_posts(found_near, evidence)
            if await self._is_furniture(picture, near, evidence):
                near = [m for m in near if m.known.startswith("gallery:")]
            if near:
                found.append(min(near, key=lambda m: (m.distance_bits, m.known_tier.rank)))
        return tuple(found)

    async def _of_other_posts(self, near: Sequence[PictureMatch], evidence: Evidence) -> list[PictureMatch]:
        """Without earlier looks at this very post, and without what was erased since the index was filled."""
        asked = {m.known for m in near if not m.known.startswith("gallery:")}
        keys = await self._store.post_keys(asked)
        gone = asked - keys.keys()
        for known in gone:
            self._index.forget(known)
        own = key_of(evidence.target, evidence.post.post_id)
        return [m for m in near if m.known not in gone and keys.get(m.known) != own]

    async def _is_furniture(self, picture: Picture, near: Sequence[PictureMatch], evidence: Evidence) -> bool:
        """Whether the site itself puts this picture into its posts; once known it is remembered."""
        if picture.phash in self._furniture:
            return True
        for match in near:
            if match.known_sha256 != picture.sha256 or match.known.startswith("gallery:"):
                continue
            try:
                other = await self._store.evidence(match.known)
            except DatabaseTrouble:  # erased this very moment
                continue
            if is_furniture(picture.sha256, evidence, other):
                self._furniture.add(picture.phash)
                return True
        return False

    def _remember(self, pictures: Sequence[Picture], evidence: Evidence, tier: Tier) -> None:
        for picture in pictures:
            if picture.phash:
                self._index.add(picture.sha256, picture.phash, evidence.evidence_id, tier)


def _files_in(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]


Submit = Callable[[Evidence], Awaitable[None]]
