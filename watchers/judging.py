"""From evidence to verdict: hash the pictures, compare, judge, record.

Everything here can be run again: evidence without a verdict is judged at start, and
recording the same verdict twice records it once. What decides is `detect.score`, pure;
this file fetches its inputs and keeps its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from storage.clock import Clock
from storage.codec import clean
from storage.errors import DamagedBlob, DatabaseTrouble, DiskTrouble, StoreError
from storage.model import (
    LIKELY_PDQ_BITS,
    NEAR_PDQ_BITS,
    SAME_PDQ_BITS,
    Alert,
    AlertKind,
    Evidence,
    EvidenceId,
    Judgement,
    Picture,
    PictureMatch,
    Post,
    Reason,
    Sha256,
    Snapshot,
    Target,
    Tier,
    Verdict,
    shows,
)
from storage.patience import DiskWatch
from storage.similar import PictureIndex, Seen
from storage.store import Store
from storage.tables import key_of
from storage.threads import in_thread
from watchers import gallery
from watchers.bank import Bank, Known
from watchers.detect.furniture import is_furniture
from watchers.detect.picture import is_known, is_sure
from watchers.detect.score import judge
from watchers.detect.unspoken import with_silence
from watchers.detect.whole import judge_whole
from watchers.hindsight import Hindsight
from watchers.latecomers import Latecomers, News
from watchers.lexicon import Lexicon
from watchers.lore import LONG_CHARS, Lore
from watchers.meter import Meter
from watchers.pasts import Pasts
from watchers.pictures import PictureWorkers
from watchers.renamed import is_same_post
from watchers.second_look import SecondLook
from watchers.sheets import sheet_of
from watchers.unkept import Unwritten, as_evidence, unwritten_alert

if TYPE_CHECKING:
    from watchers.detect.model import Model

log = structlog.get_logger(__name__)

PHASH_BITS = 8
"""Largest phash-64 distance that is looked up; what it is worth is the score's business."""
_SURE_QUALITY = 50
"""Of PDQ; below it a hash fits too much (facts: imaging, section 2)."""
_BANKED = (Tier.URGENT, Tier.HIGH, Tier.NORMAL)
"""Tiers of the posts whose pictures go into the bank: those that are in an item, for others to join."""
_LOOKED_AT = 3
"""Known pictures near by a guess that are looked at: more are copies of these, as a rule."""
MANY = 250_000
"""PDQ hashes from which on a look-up takes so long (2 ms) that it is done in a thread."""
_HUGE = 2_000_000
"""PDQ hashes from which on only the same picture is looked up, by bands, not what is like it."""
QUEUE = 2_000
"""Evidence waiting to be judged; when full, capturing waits (sealed evidence is safe)."""


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

    def prepare(self) -> None:
        """Make what the first verdict would make, an eighth of a second: in a thread, since polls wait."""
        judge(Post(post_id="-", url="-"), (), (), self.lexicon, None, model=self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Considered:
    """A post before its pictures are looked up.

    words: its verdict without them; parts: what the bank said of each; whole: whether it held all by then.
    """

    pictures: tuple[Picture, ...]
    hour: int | None
    history: tuple[Reason, ...]
    words: Verdict
    parts: Mapping[Sha256, tuple[PictureMatch, ...]]
    whole: bool
    names: tuple[str, ...] = ()


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
        read: Callable[[Judgement], None] = lambda _: None,
        hands: int = 8,
    ) -> None:
        self._store, self._workers, self._clock, self._meter = store, workers, clock, meter
        self.policy = policy
        self._spoke, self._disk, self._tell, self._read = spoke, disk, tell, read
        self._hands = hands
        self._index = PictureIndex()
        self._bank = Bank(workers, clock, self._bytes_of)
        self._second = SecondLook(self._bank, clock)
        self._pasts = Pasts(store, clock)
        self._hindsight = Hindsight(store, clock, alike=self._unminded, again=self.judge_again)
        self._latecomers = Latecomers(
            store, self._second, clock, again=self.judge_again, busy=lambda: not self._queue.empty()
        )
        self._lore = Lore()
        self._gallery: dict[Sha256, Path] = {}
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

    def near(self, phash_hex: str, max_bits: int) -> tuple[PictureMatch, ...]:
        """Kept and known pictures within so many differing bits, the nearest first."""
        return self._index.near(phash_hex, max_bits)

    async def fill_index(self) -> int:
        """Read the hashes of earlier captures, who posted what was loud, and who waits; how many hashes."""
        count = 0
        await self._pasts.fill()
        await self._hindsight.fill()
        async for page in self._store.pictures():
            self._index.fill(page)
            for seen in page:
                if seen.tier in _BANKED:
                    self._second.take(Known(sha256=Sha256(seen.sha256), known=seen.known, tier=seen.tier))
            count += len(page)
        if self._index.unsifted:
            await in_thread(self._index.sift)
        if self._index.unsettled:
            await in_thread(self._index.settle)
        await self._latecomers.fill()
        return count

    async def fill_gallery(self, folder: Path | None) -> int:
        """Hash every picture of the gallery folder and read its lists; returns how many are known."""
        if folder is None:
            return 0
        count = 0
        async for shown in gallery.pictures(folder, self._workers):
            name = f"gallery:{clean(shown.path.name)}"
            self._index.add(_seen(shown.picture, name, Tier.HIGH, label=shown.label))
            self._gallery[shown.picture.sha256] = shown.path  # of one name there may be many, in many cases
            banked = Known(sha256=shown.picture.sha256, known=name, tier=Tier.HIGH, label=shown.label)
            await self._bank.add(banked, shown.data)
            count += 1
        for row in await gallery.listed(folder):
            known, sha256 = gallery.name_of(row)
            label = gallery.label_of(row.product, row.case_number, row.label) or "of a shared list"
            pdqs = (row.pdq,) if row.pdq and row.quality >= _SURE_QUALITY else ()
            self._index.add(
                Seen(sha256=sha256, known=known, tier=Tier.HIGH, phash=row.phash, pdqs=pdqs, label=label)
            )
            count += 1
        return count

    async def catch_up(self) -> int:
        """Submit everything sealed but not judged, oldest first; returns how much there was."""
        count = 0
        while fresh := await self._left_over():
            for evidence in fresh:
                await self.submit(evidence)
            count += len(fresh)
            await self.drain()
        return count

    async def _left_over(self) -> list[Evidence]:
        """What is not judged, nor in hand now, nor was when the look began: that may be judged meanwhile."""
        before = frozenset(self._taken)
        found = await self._store.unjudged()
        return [one for one in found if one.evidence_id not in before | self._taken]

    async def run(self) -> None:
        """Judge what is submitted, for ever."""
        try:
            await asyncio.to_thread(self.policy.prepare)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._second.run())
                group.create_task(self._hindsight.run())
                group.create_task(self._latecomers.run())
                group.create_task(self._lore.recollect(self._store, self.policy.lexicon))
                for _ in range(self._hands):
                    group.create_task(self._hand())
        finally:
            await self.close()

    async def close(self) -> None:
        """End the process that compares. Twice is harmless."""
        await self._second.close()

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
        considered = await self._consider(evidence)
        # One at a time from look-up to the writer's queue: two copies of one picture judged
        # side by side would otherwise each found an item of their own. The commit itself is
        # awaited outside, so that many verdicts share one.
        async with self._in_turn:
            judgement = await self._weigh(evidence, considered)
            recording = asyncio.ensure_future(self._record_or_tell(judgement, too_soon=not considered.whole))
            await asyncio.sleep(0)  # its job is in the queue now, before that of whoever comes next
            self._remember(judgement)
            if self._index.unsettled:
                await in_thread(self._index.settle)
        alert = await recording
        self._lore.learn(judgement, considered.names)
        self._read(judgement)
        self._hindsight.offer(judgement)
        if not considered.whole:
            self._latecomers.add(evidence.evidence_id)
        self._meter.judged(judgement.verdict.tier, (self._clock.now() - evidence.sealed_at).total_seconds())
        if alert is not None:
            self._spoke()
        self._bank_pictures(judgement, considered.words)
        return alert

    async def _consider(self, evidence: Evidence) -> _Considered:
        """All that a verdict needs but what its pictures are like by now."""
        pictures = await self._describe(evidence.pictures)
        target = self.policy.targets.get(evidence.target)
        zone = ZoneInfo(target.window.zone) if target else None
        hour = evidence.captured_at.astimezone(zone).hour if zone else None
        words = await self._verdict_on(evidence, pictures, (), hour)
        if history := await self._pasts.of(evidence, words):
            words = await self._verdict_on(evidence, pictures, (), hour, history)
        parts, whole = await self._parts(evidence, pictures, words)
        return _Considered(
            pictures=pictures,
            hour=hour,
            history=history,
            words=words,
            parts=parts,
            whole=whole,
            names=self._lore.names(evidence.post, self.policy.lexicon),
        )

    async def _weigh(self, evidence: Evidence, of: _Considered) -> Judgement:
        """The verdict of this moment; with `_in_turn` held."""
        matches, elsewhere = await self._matches(of.pictures, evidence, of.parts)
        verdict = of.words
        if any(map(is_known, matches)):
            verdict = await self._verdict_on(evidence, of.pictures, matches, of.hour, of.history)
        verdict = self._lore.named(verdict, of.names, evidence.target, evidence.post)
        return Judgement(
            evidence=evidence,
            verdict=verdict,
            pictures=of.pictures,
            matches=matches,
            judged_at=self._clock.now(),
            elsewhere=elsewhere,
        )

    async def judge_again(self, evidence: Evidence, news: News = lambda _: True) -> Alert | None:
        """Judge a post by what is known now; keep and tell it where it is loud. Raises StoreError.

        news: whether the judgement says anything that the one before did not; else it is not kept.
        Waits for a disk that refuses: nobody else would find the post again.
        """
        considered = await self._consider(evidence)
        async with self._in_turn:
            judgement = await self._weigh(evidence, considered)
        if not considered.whole:
            await self._disk.patiently(lambda: self._latecomers.wait(evidence.evidence_id))
        if judgement.verdict.tier is Tier.NONE or not news(judgement):
            return None
        target = self.policy.targets.get(evidence.target)
        place, tags = (target.jurisdiction, target.tags) if target else ("", ())
        announce = self.policy.route(judgement.verdict.tier, place, tags)
        alert = await self._disk.patiently(
            lambda: self._store.renew(
                judgement, announce=announce, jurisdiction=place, tags=tags, kind=AlertKind.REPOST
            )
        )
        async with self._in_turn:
            self._index.forget(evidence.evidence_id)  # as one that nobody minded
            self._remember(judgement)
        self._bank_pictures(judgement, considered.words)
        self._hindsight.offer(judgement)
        if alert is not None:
            log.info(
                "told by what came later", evidence=evidence.evidence_id, tier=judgement.verdict.tier.value
            )
            self._spoke()
        return alert

    async def _unminded(self, pictures: tuple[Picture, ...]) -> tuple[str, ...]:
        """Evidence of quiet posts with very likely the same picture as one of these."""
        near: list[PictureMatch] = []
        for picture in pictures:
            async with self._in_turn:
                near += await self._near(picture)
        return tuple(dict.fromkeys(m.known for m in near if m.is_sure and not is_known(m)))

    async def _record_or_tell(self, judgement: Judgement, *, too_soon: bool) -> Alert | None:
        """Record a verdict; when the disk refuses, tell it from memory and record it later."""
        target = self.policy.targets.get(judgement.evidence.target)
        if not self._disk.led:
            return await self._disk.patiently(lambda: self._record(judgement, target, too_soon=too_soon))
        try:
            return await self._disk.once(lambda: self._record(judgement, target, too_soon=too_soon))
        except DiskTrouble as refused:
            why = f"the evidence is kept, its verdict could not be written yet: {refused}"
            self._tell_unwritten(judgement, target, why)
            self._disk.later(lambda: self._record_late(judgement, target, too_soon=too_soon))
            return None

    async def _record_late(self, judgement: Judgement, target: Target | None, *, too_soon: bool) -> None:
        alert = await self._record(judgement, target, too_soon=too_soon)
        if too_soon:  # whose turn came meanwhile found no verdict to renew
            self._latecomers.add(judgement.evidence.evidence_id)
        if alert is not None:
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
            async with self._in_turn:  # the index must not grow while a thread reads it
                matches, _ = await self._matches(pictures, evidence)
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
        sheet = b""
        if verdict.tier is not Tier.NONE:
            sheet = await sheet_of(pictures, matches, read=_from(data), workers=self._workers)
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

    async def _record(self, judgement: Judgement, target: Target | None, *, too_soon: bool) -> Alert | None:
        place, tags = (target.jurisdiction, target.tags) if target else ("", ())
        return await self._store.record(
            judgement,
            announce=self.policy.route(judgement.verdict.tier, place, tags),
            jurisdiction=place,
            tags=tags,
            too_soon=too_soon,
        )

    async def _verdict_on(
        self,
        evidence: Evidence,
        pictures: tuple[Picture, ...],
        matches: tuple[PictureMatch, ...],
        hour: int | None,
        history: tuple[Reason, ...] = (),
    ) -> Verdict:
        # A long text takes up to half a second, which is nobody else's.
        if len(evidence.post.text) > LONG_CHARS:
            return await asyncio.to_thread(self._verdict, evidence, pictures, matches, hour, history)
        return self._verdict(evidence, pictures, matches, hour, history)

    def _verdict(
        self,
        evidence: Evidence,
        pictures: tuple[Picture, ...],
        matches: tuple[PictureMatch, ...],
        hour: int | None,
        history: tuple[Reason, ...] = (),
    ) -> Verdict:
        """The verdict; a fault of ours in judging shows the post to people instead of hiding it."""
        try:
            target = self.policy.targets.get(evidence.target)
            verdict = judge_whole(
                evidence.post,
                pictures,
                matches,
                self.policy.lexicon,
                hour,
                history=history,
                model=self.policy.model,
                country=target.country if target else "",
            )
            silent = self._lore.is_silence_rare(evidence.target)
            return with_silence(verdict, evidence.post, pictures, hour) if silent else verdict
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
        if (picture.phash and picture.recipe) or picture.undecodable:
            return picture
        try:
            data = await self._store.blobs.get(picture.sha256)
        except DamagedBlob as damage:
            log.error("picture blob damaged", sha256=picture.sha256, why=str(damage))
            return replace(picture, undecodable="stored bytes are damaged")
        described = await self._workers.describe(data, sha256=picture.sha256, url=picture.url)
        self._meter.pictured("undecodable" if described.undecodable else "hashed")
        return described

    def in_gallery(self, match: PictureMatch) -> bool:
        """Whether the known picture that a match speaks of lies in the gallery's folder itself."""
        return match.known_sha256 in self._gallery

    async def bytes_of(self, match: PictureMatch) -> bytes:
        """The known picture that a match speaks of; b"" where only its hash is had, or no more."""
        return await self._bytes_of(_known(match)) or b""

    async def _bytes_of(self, known: Known) -> bytes | None:
        try:
            if known.sha256 in self._gallery:
                return await asyncio.to_thread(self._gallery[known.sha256].read_bytes)
            return await self._store.blobs.get(known.sha256)
        except (OSError, StoreError) as error:
            log.warning("known picture not had", sha256=known.sha256, why=str(error))
            return None

    async def _parts(
        self, evidence: Evidence, pictures: tuple[Picture, ...], words: Verdict
    ) -> tuple[dict[Sha256, tuple[PictureMatch, ...]], bool]:
        """What the bank says of pictures that no hash finds: they may be parts of known ones.

        words: the verdict on the post without its pictures. Also whether the bank held all by then: one that
        did not may say more later.
        """
        found: dict[Sha256, tuple[PictureMatch, ...]] = {}
        whole = True
        for picture in pictures:
            if picture.undecodable:
                continue
            async with self._in_turn:
                known = [m for m in await self._near(picture) if is_known(m)]
                near, _ = await self._apart(known, evidence)
            # A likeness to be looked at is told apart by the bank; without one, asking must be worth it.
            if any(m.is_sure for m in near) or not (
                near or self._second.worth(picture.sha256, evidence.post, words)
            ):
                continue
            data = await self._bytes_of(Known(sha256=picture.sha256, known="", tier=Tier.NONE))
            if data is None:
                continue
            found[picture.sha256], sure = await self._asked(data, picture.sha256)
            whole = whole and sure
        return found, whole

    async def _asked(self, data: bytes, sha256: Sha256) -> tuple[tuple[PictureMatch, ...], bool]:
        """Known pictures of which this one is a part, and whether there is no more to be known by now."""
        if cut := await self._cut(data, sha256):
            return cut, True
        was_whole = self._second.is_whole
        found = await self._second.match(data, sha256)
        if is_sure(found) or (was_whole and self._second.is_whole):
            return found, True
        self._second.ask_again(sha256)
        return found, False

    async def _matches(
        self,
        pictures: Sequence[Picture],
        evidence: Evidence,
        parts: Mapping[Sha256, tuple[PictureMatch, ...]] = MappingProxyType({}),
    ) -> tuple[tuple[PictureMatch, ...], str]:
        """The kept pictures of other posts that tell most of each picture of the post.

        parts: what the bank said. Also evidence of this post by another target's name, "" for none.
        """
        found: list[PictureMatch] = []
        same: list[PictureMatch] = []
        for picture in pictures:
            of_all = (*await self._near(picture), *parts.get(picture.sha256, ()))
            near, of_this = await self._apart(of_all, evidence)
            same += of_this
            if await self._is_furniture(picture, near, evidence):
                near = [m for m in near if m.known.startswith("gallery:")]
            found += _telling(near)
        return tuple(found), min(same, key=lambda m: m.known_tier.rank).known if same else ""

    async def _near(self, picture: Picture) -> tuple[PictureMatch, ...]:
        """What the picture is like, by either hash; the surest of each known picture."""
        if self._index.prints > MANY:
            return await in_thread(self._look_up, picture)
        return self._look_up(picture)

    async def _cut(self, data: bytes, sha256: Sha256) -> tuple[PictureMatch, ...]:
        """Known pictures that this one very likely was before its edges were cut off or it was turned.

        What is near by a guess is looked at: hashes alone took a bright thing at the same place for the same.
        """
        if not self._index.marked:
            return ()
        probes = await self._workers.probes(data)
        async with self._in_turn:  # the index must not grow while a thread reads it
            near = await in_thread(self._index.near_probes, probes, LIKELY_PDQ_BITS, sha256=sha256)
        found = []
        others = [match for match in near if match.known_sha256 != sha256]
        for match in others[:_LOOKED_AT]:
            shown = await self._bytes_of(_known(match))
            parts, differing = (0, 100) if shown is None else await self._workers.overlay(data, shown)
            if shows(parts, differing):
                found.append(replace(match, differing_percent=differing))
        return tuple(found)

    def _look_up(self, picture: Picture) -> tuple[PictureMatch, ...]:
        found: list[PictureMatch] = []
        if picture.pdqs:
            bits = SAME_PDQ_BITS if self._index.prints > _HUGE else NEAR_PDQ_BITS
            found += self._index.near_pdq(picture.pdqs, bits, sha256=picture.sha256)
        if picture.phash:
            found += self._index.near(picture.phash, PHASH_BITS, sha256=picture.sha256, pdqs=picture.pdqs)
        surest: dict[tuple[str, str], PictureMatch] = {}
        for match in sorted(found, key=lambda m: m.surest_first):
            surest.setdefault((match.known, match.known_sha256), match)
        return tuple(surest.values())

    async def _apart(
        self, near: Sequence[PictureMatch], evidence: Evidence
    ) -> tuple[list[PictureMatch], list[PictureMatch]]:
        """What is of other posts, and what is of this one by another target's name.

        Without earlier looks at this very post, and without what was erased since the index was filled.
        """
        asked = {m.known for m in near if not m.known.startswith("gallery:")}
        places = await self._store.places(asked)
        gone = asked - places.keys()
        for known in gone:
            self._index.forget(known)
            self._second.forget(known)
        own = key_of(evidence.target, evidence.post.post_id)
        gone |= {known for known, at in places.items() if at.post_key == own}
        kept = [m for m in near if m.known not in gone]
        same = {k for k, at in places.items() if is_same_post(evidence, at.target, at.post_id, at.url)}
        return [m for m in kept if m.known not in same], [m for m in kept if m.known in same]

    async def _is_furniture(self, picture: Picture, near: Sequence[PictureMatch], evidence: Evidence) -> bool:
        """Whether the site itself puts this picture into its posts; once known it is remembered."""
        if picture.phash and picture.phash in self._furniture:
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

    def _remember(self, judgement: Judgement) -> None:
        """Let its pictures and its account be known to what comes next."""
        for picture in judgement.pictures:
            if picture.phash or picture.pdqs:
                self._index.add(_seen(picture, judgement.evidence.evidence_id, judgement.verdict.tier))
        self._pasts.take(judgement.evidence, judgement.verdict)

    def _bank_pictures(self, judgement: Judgement, words: Verdict) -> None:
        """Put the pictures of a told post into the bank, unless only a likeness to be looked at told it.

        A guess is no ground for the next: two sellers of vacuum cleaners on one cloth became one item.
        """
        if judgement.verdict.tier not in _BANKED or not (words.tier in _BANKED or is_sure(judgement.matches)):
            return
        for picture in judgement.pictures:
            if picture.phash or picture.pdqs:
                known, tier = judgement.evidence.evidence_id, judgement.verdict.tier
                self._second.take(Known(sha256=picture.sha256, known=known, tier=tier))


def _telling(near: Sequence[PictureMatch]) -> tuple[PictureMatch, ...]:
    """The surest match, the surest of a known picture, and of a known one in a post: the item's other posts.

    A nearer picture of a post that nobody minded must not hide a known one.
    """
    found: dict[PictureMatch, None] = {}
    posts = [match for match in near if not match.known.startswith("gallery:")]
    for some in (near, [m for m in near if is_known(m)], [m for m in posts if is_known(m)]):
        if some:
            found[min(some, key=lambda m: (*m.surest_first, m.known_tier.rank))] = None
    return tuple(found)


def _from(data: Mapping[str, bytes]) -> Callable[[Sha256], Awaitable[bytes]]:
    """Reads pictures that no store has."""

    async def read(sha256: Sha256) -> bytes:
        return data.get(sha256, b"")

    return read


def _known(match: PictureMatch) -> Known:
    return Known(sha256=match.known_sha256, known=match.known, tier=match.known_tier)


def _seen(picture: Picture, known: str, tier: Tier, label: str = "") -> Seen:
    return Seen(
        sha256=picture.sha256, known=known, tier=tier, phash=picture.phash, pdqs=picture.pdqs, label=label
    )


Submit = Callable[[Evidence], Awaitable[None]]
