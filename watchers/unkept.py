"""What was captured while the disk refused: held in memory, judged from memory, sealed when it can be.

Bounded: beyond the bounds nothing more is held, quiet posts make room for loud ones, and
what is given up is counted. A post stays claimed until it is sealed or the trouble is over,
so that nobody captures it at every poll. What memory holds is lost if the process ends.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from storage.model import (
    Alert,
    AlertId,
    AlertKind,
    Evidence,
    EvidenceId,
    Judgement,
    Observation,
    Picture,
    Response,
    Sha256,
    Snapshot,
    Target,
    Tier,
    Watched,
    new_id,
    sha256_of,
)
from storage.patience import DiskWatch
from storage.store import Store
from watchers.claims import Key

log = structlog.get_logger(__name__)

MOST_BYTES = 128 * 1024 * 1024
MOST_POSTS = 2_000
NOT_KEPT = -1
"""The leaf index of evidence that is in no log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One capture in memory. loud: it raised an alert."""

    snapshot: Snapshot
    row: Watched
    size_bytes: int
    loud: bool


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the captures of one trouble."""

    captured: int = 0
    told: int = 0
    given_up: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """An alert that no database holds, its contact sheet (JPEG or b""), and the channels it goes to."""

    alert: Alert
    sheet: bytes
    announce: tuple[str, ...]


class Unkept:
    """The captures that wait for the disk. `busy` is the set of claims shared by watch and vigil.

    judge: judges a snapshot from memory and tells people, given why it is not kept; its tier.
    submit: hands sealed evidence to judging.
    """

    def __init__(
        self,
        store: Store,
        disk: DiskWatch,
        busy: set[Key],
        *,
        judge: Callable[[Snapshot, str], Awaitable[Tier]],
        submit: Callable[[Evidence], Awaitable[None]],
    ) -> None:
        self._store, self._disk, self._busy = store, disk, busy
        self._judge, self._submit = judge, submit
        self._held: OrderedDict[Key, Held] = OrderedDict()
        self._lost: set[Key] = set()
        self._bytes = 0
        self._sealing: Key | None = None
        self._taking = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.counts = Counts()

    @property
    def depth(self) -> int:
        """Captures in memory now."""
        return len(self._held)

    async def take(self, snapshot: Snapshot, row: Watched) -> None:
        """Hold a capture that the disk refused. The caller has ceded its claim on the post to us."""
        self._taking += 1
        self._idle.clear()
        try:
            await self._take(snapshot, row)
        finally:
            self._taking -= 1
            if not self._taking:
                self._idle.set()

    async def _take(self, snapshot: Snapshot, row: Watched) -> None:
        key = (row.target, row.post_id)
        self._busy.add(key)
        self.counts.captured += 1
        tier = Tier.NONE
        if not row.matched and key not in self._held and key not in self._lost:
            tier = await self._judge(snapshot, self._disk.trouble or "the disk refuses")
        loud = row.matched or tier is not Tier.NONE
        self.counts.told += tier is not Tier.NONE
        held = Held(snapshot=snapshot, row=row, size_bytes=size_of(snapshot), loud=loud)
        if not self._make_room(held):
            self._give_up(key)
            return
        earlier = self._held.get(key)
        self._held[key] = held
        self._bytes += held.size_bytes - (earlier.size_bytes if earlier is not None else 0)

    def _make_room(self, held: Held) -> bool:
        """Whether it fits, after the oldest quiet ones made room for a loud one."""
        quiet = [k for k, h in self._held.items() if not h.loud and k != self._sealing] if held.loud else []
        for key in quiet:
            if self._fits(held):
                break
            self._drop(key)
            self._give_up(key)
        return self._fits(held)

    def _fits(self, held: Held) -> bool:
        return len(self._held) < MOST_POSTS and self._bytes + held.size_bytes <= MOST_BYTES

    def _give_up(self, key: Key) -> None:
        self._lost.add(key)
        self.counts.given_up += 1

    def _drop(self, key: Key) -> None:
        self._bytes -= self._held.pop(key).size_bytes

    async def keep_all(self) -> None:
        """Seal what is held or being judged, oldest first. Raises DiskTrouble: the rest stays in memory."""
        await self._idle.wait()
        while self._held:
            key, held = next(iter(self._held.items()))
            self._sealing = key
            try:
                evidence = await self._disk.once(
                    lambda h=held: self._store.seal(h.snapshot, watched=h.row)  # type: ignore[misc]
                )
            finally:
                self._sealing = None
            if self._held[key] is held:  # else a later look at the post came meanwhile
                self._drop(key)
                self._busy.discard(key)
            self.counts.kept += 1
            if held.snapshot.observation is not Observation.MISSING:
                await self._submit(evidence)

    def reset(self) -> Counts:
        """The counts of the trouble that is over; what was given up may be captured anew."""
        self._busy -= self._lost
        self._lost.clear()
        counts, self.counts = self.counts, Counts()
        return counts


def size_of(snapshot: Snapshot) -> int:
    """About the bytes of memory that a snapshot holds: bodies and wire images; listings are shared."""
    answers = [snapshot.page, *(p.response for p in snapshot.pictures)]
    return 4_096 + sum(_size(answer) for answer in answers if answer is not None)


def _size(answer: Response) -> int:
    return len(answer.body) + len(answer.wire)


def as_evidence(snapshot: Snapshot) -> tuple[Evidence, dict[str, bytes]]:
    """A snapshot as judging wants it, in no store and no log, and its pictures' bytes by SHA-256."""
    data: dict[str, bytes] = {}
    pictures = []
    for capture in snapshot.pictures:
        answer = capture.response
        if answer is None or not answer.body:
            continue
        sha256 = Sha256(sha256_of(answer.body))
        data[sha256] = answer.body
        pictures.append(Picture(sha256=sha256, url=capture.ref.url, size_bytes=len(answer.body)))
    page = snapshot.page
    return Evidence(
        evidence_id=EvidenceId(""),
        target=snapshot.target,
        observation=snapshot.observation,
        post=snapshot.post,
        manifest_sha256=Sha256(""),
        leaf_index=NOT_KEPT,
        listed_at=snapshot.listed_at,
        captured_at=snapshot.captured_at,
        sealed_at=snapshot.captured_at,
        previous=snapshot.previous,
        pictures=tuple(pictures),
        page_sha256=sha256_of(page.body) if page is not None and page.body else "",
        absences=snapshot.absences,
    ), data


def unwritten_alert(judgement: Judgement, target: Target | None, why: str) -> Alert:
    """The alert of a loud judgement that could not be recorded; `notice` says why."""
    return Alert(
        alert_id=AlertId(new_id(judgement.judged_at)),
        kind=AlertKind.NEW,
        tier=judgement.verdict.tier,
        created_at=judgement.judged_at,
        evidence=judgement.evidence,
        verdict=judgement.verdict,
        matches=judgement.matches,
        notice=why,
        jurisdiction=target.jurisdiction if target else "",
        tags=target.tags if target else (),
    )
