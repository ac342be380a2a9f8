"""What every watch and the vigil share: the tools, and who is busy with which post."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from storage.clock import Clock
from storage.errors import DiskTrouble, StoreError
from storage.model import (
    Evidence,
    HostLimit,
    Lifetime,
    Observation,
    Post,
    Progress,
    Response,
    Snapshot,
    Watched,
)
from storage.patience import DiskWatch
from storage.store import Store
from watchers.capture import Capture, Errand, Fetches, run_within
from watchers.heartbeats import Heartbeats
from watchers.meter import Meter
from watchers.pacing import Pacing
from watchers.readers import Readers
from watchers.shelf import Shelf
from watchers.turns import GateView
from watchers.unkept import Unkept

log = structlog.get_logger(__name__)

CAPTURE_DEADLINE_S = 300.0
"""Longest time for one post, all pictures and the waiting for the host's turn included; a
slow host gives what came by then, and the rest is tried again."""
LAST_SEAL_S = 4.0
"""Real seconds for which a stopping daemon waits for the seal of what was begun."""


def nobody() -> None:
    """Nobody is told."""


def no_gate(_host: str) -> GateView | None:
    """No gate is known."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The tools of the watch. `busy` holds (target, post id) pairs being captured or looked at."""

    store: Store
    fetches: Fetches
    readers: Readers
    clock: Clock
    meter: Meter
    submit: Callable[[Evidence], Awaitable[None]]
    spoke: Callable[[], None]
    tell_admin: Callable[[str], Awaitable[None]]
    noted: Callable[[Progress], None]
    disk: DiskWatch
    unkept: Unkept | None = None
    """Where captures wait for a disk that refuses; without it they wait where they are."""
    pacing: Pacing | None = None
    """Who is polled how often where budgets are short; without it as configured."""
    beats: Heartbeats = field(default_factory=Heartbeats)
    """Polls that showed nothing new, until the vigil writes them down."""
    busy: set[tuple[str, str]] = field(default_factory=set)
    shelf: Shelf = field(default_factory=Shelf)
    """Pictures had a moment ago."""
    gate: Callable[[str], GateView | None] = no_gate
    """The gate of a host, for whoever plans what waits at it."""
    hosts: Mapping[str, HostLimit] = field(default_factory=dict)
    """The admin's own limits by host, which outrank those of the targets."""
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a look may have become due earlier than the vigil knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A capture that the disk did not take, as it would have been sealed."""

    snapshot: Snapshot
    row: Watched


async def capture_or_hand_back(
    kit: Kit, errand: Errand, row: Watched, fetched: Callable[[], None] = nobody
) -> Watched | Refused:
    """As `capture_and_seal`, but a capture that the disk refuses comes back at once."""
    snapshot, row = await _captured(kit, errand, row, None)
    fetched()
    if kit.disk.trouble and kit.disk.led:
        return Refused(snapshot=snapshot, row=row)
    try:
        evidence = await kit.disk.once(lambda: kit.store.seal(snapshot, watched=row))
    except DiskTrouble:
        return Refused(snapshot=snapshot, row=row)
    await _sealed(kit, errand, snapshot, evidence)
    return replace(row, evidence_id=evidence.evidence_id)


async def capture_and_seal(
    kit: Kit,
    errand: Errand,
    row: Watched,
    *,
    lifetime: Lifetime | None = None,
    fetched: Callable[[], None] = nobody,
) -> tuple[Evidence, Watched]:
    """Capture a post, seal it with its watched row, and hand it to judging.

    A cancelled capture is sealed as far as it came before the cancellation goes on.
    fetched: told when nothing more is asked of the site. Raises StoreError when the store could
    not keep it.
    """
    snapshot, row = await _captured(kit, errand, row, lifetime)
    fetched()
    evidence = await seal(kit, snapshot, row, lifetime)
    await _sealed(kit, errand, snapshot, evidence)
    return evidence, replace(row, evidence_id=evidence.evidence_id)


async def _captured(
    kit: Kit, errand: Errand, row: Watched, lifetime: Lifetime | None
) -> tuple[Snapshot, Watched]:
    # Any later look asks anew: a picture may have been exchanged.
    shelf = kit.shelf if errand.observation is Observation.SEEN else None
    capture = Capture(errand, kit.fetches, kit.readers, kit.clock, shelf)
    try:
        snapshot = await run_within(capture, CAPTURE_DEADLINE_S)
    except asyncio.CancelledError:
        capture.note("the daemon was stopped during the capture", passing=True)
        await seal_last(kit, capture, row, lifetime)
        raise
    return snapshot, kept_row(row, capture)


async def _sealed(kit: Kit, errand: Errand, snapshot: Snapshot, evidence: Evidence) -> None:
    """Count a sealed capture and hand it on."""
    kit.meter.captured(errand.observation, max(0.0, (evidence.sealed_at - errand.listed_at).total_seconds()))
    for picture in snapshot.pictures:
        kit.meter.pictured("kept" if picture.response else "absent")
    if errand.observation is not Observation.MISSING:
        await kit.submit(evidence)
    if errand.observation is Observation.REAPPEARED:
        kit.spoke()


async def seal(kit: Kit, snapshot: Snapshot, row: Watched, lifetime: Lifetime | None = None) -> Evidence:
    """Seal a snapshot with its row, waiting out a disk that refuses."""
    return await kit.disk.patiently(lambda: kit.store.seal(snapshot, watched=row, lifetime=lifetime))


async def seal_last(kit: Kit, capture: Capture, row: Watched, lifetime: Lifetime | None = None) -> None:
    """Seal what had come when the watch is stopped. Never raises but for a cancellation.

    A store that cannot take it in time is told in the log; the stop must go on, or the
    cancellation would be lost in another error and the watch would run for ever.
    """
    try:
        async with asyncio.timeout(LAST_SEAL_S * kit.clock.speed):
            await seal(kit, capture.snapshot(), kept_row(row, capture), lifetime)
    except (TimeoutError, StoreError) as why:
        log.error("stopped before the seal was had", target=row.target, why=str(why) or type(why).__name__)


def kept_row(row: Watched, capture: Capture) -> Watched:
    """The watched row after a capture: what the post looked like, and when it was alive."""
    row = replace(
        row,
        # "" until the page was read once: then the first reading is no edit.
        page_digest=capture.page_print or row.page_digest,
        incomplete=capture.incomplete,
    )
    return seen_alive(row, capture.alive_at) if capture.alive_at is not None else row


def seen_alive(row: Watched, at: datetime) -> Watched:
    """The row after the post was seen alive: a run of looks that said "gone" before is over."""
    row = replace(row, last_seen_at=max(row.last_seen_at, at))
    if row.missing_looks and (row.first_missing_at is None or row.first_missing_at < at):
        row = replace(row, first_missing_at=None, missing_looks=0, missing_class="")
    return row


def reopened(row: Watched) -> Watched:
    """The row of a post that was reported gone and is there again."""
    return replace(row, closed=False, first_missing_at=None, missing_looks=0, missing_class="")


def first_row(target: str, post: Post, print_: str, listing: Response) -> Watched:
    """The watched row of a post met for the first time; `print_` is its fingerprint.

    Until its page has been seen alive, the site's own posting time is the only sure
    sign of life: a cached feed may list what is gone already.
    """
    born = post.posted_at
    seen = born if born is not None and born < listing.started_at else listing.started_at
    return Watched(
        target=target,
        post_id=post.post_id,
        url=post.url,
        digest=print_,
        evidence_id="",  # type: ignore[arg-type]  # filled in by the seal
        first_seen_at=listing.started_at,
        last_seen_at=seen,
    )


def sampled(post_id: str, share: float) -> bool:
    """Whether an unmatched post belongs to the watched sample; steady over restarts."""
    return int(hashlib.sha256(post_id.encode("utf-8", "replace")).hexdigest()[:8], 16) < share * 2**32
