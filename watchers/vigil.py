"""The watch on: looking at captured posts again until they vanish, and proving when.

A look asks the post's own page, because a listing may be stale and a page that rolled
off it is still there. "Deleted" needs several looks over minutes that all say so, each
beside a control: another page of the same site that was alive in the same minute. What
is reported is an interval [last seen, first missing]. Our own fault, a wall or a silent
host never counts. What a look
says is decided in `presence`, pure; `Vigil` acts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from storage.errors import BadPage, DatabaseTrouble, DiskTrouble, StoreError
from storage.model import (
    Evidence,
    Lifetime,
    Observation,
    Polls,
    Post,
    Presence,
    Response,
    Sighting,
    Snapshot,
    Target,
    Watched,
    sha256_of,
)
from storage.patience import PAUSE_S
from watchers import cadence, hours
from watchers.capture import Errand
from watchers.control import FRESH_S, Controls
from watchers.feed import Feed, load
from watchers.kit import Kit, capture_and_seal, sampled, seal
from watchers.presence import Look, conclude
from watchers.watch import Watch

log = structlog.get_logger(__name__)

PER_HOST = 2
"""Looks at one host at the same time; one slow host must not hold all hands."""
AT_ONCE = 48
"""Looks at the same time over all hosts."""
LONGEST_REST_S = 30.0
"""The vigil looks up what is due at least this often."""
RESTLESS = 3
"""Edits in a row after which a page counts as restless and is kept at most every ten minutes."""
RESTLESS_S = 600.0
DAY_FACTOR = 4.0
"""Outside the watch window the vigil goes on this much slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """The target a post belongs to, and how its pages are read."""

    target: Target
    feed: Feed


class Vigil:
    """Looks at every post that is due. `run` ends only by cancellation or a StoreError."""

    def __init__(self, kit: Kit, watches: Callable[[], Mapping[str, Watch]]) -> None:
        self._kit, self._watches = kit, watches
        self._hosts: Counter[str] = Counter()
        self._controls = Controls(kit)
        self._edits: dict[tuple[str, str], tuple[int, datetime]] = {}
        self._counted: dict[tuple[str, str], datetime] = {}
        self._sightings: list[Sighting] = []
        self._rows: dict[tuple[str, str], Watched] = {}
        self._young: dict[str, set[str]] = {}
        """Posts of each target that are watched closely now; they share its turns."""

    async def run(self) -> None:
        """Start due looks and keep what they found, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._kit.stirred.clear()
                try:
                    await self._start_due(group)
                    await self._flush()
                    await self._rest()
                except DiskTrouble as refused:  # what is due cannot be read: looks wait, polls go on
                    self._kit.disk.note(refused)
                    await self._kit.clock.sleep(PAUSE_S)

    async def _rest(self) -> None:
        """Wait for the next look to be due, for a finished one, or for somebody to hasten one."""
        if self._hosts or self._rows:
            await self._kit.clock.sleep(cadence.VIGIL_TICK_S)
            return
        due, now = await self._kit.store.next_look(), self._kit.clock.now()
        pause = (due - now).total_seconds() if due is not None else LONGEST_REST_S
        try:
            async with asyncio.timeout(min(max(pause, cadence.VIGIL_TICK_S), LONGEST_REST_S)):
                await self._kit.stirred.wait()
        except TimeoutError:
            return

    async def _start_due(self, group: asyncio.TaskGroup) -> None:
        rows = await self._kit.store.vigils_due(self._kit.clock.now(), limit=500)
        for row in rows:
            host, key = urlsplit(row.url).netloc, (row.target, row.post_id)
            if sum(self._hosts.values()) >= AT_ONCE:
                break
            if key in self._kit.busy or key in self._rows or self._hosts[host] >= PER_HOST:
                continue
            self._kit.busy.add(key)
            self._hosts[host] += 1
            group.create_task(self._guarded(row, host))

    async def _guarded(self, row: Watched, host: str) -> None:
        try:
            # Read again: somebody may have written it before it was claimed.
            known = await self._kit.store.known(row.target, [row.post_id])
            self._rows[row.target, row.post_id] = await self.look(known.get(row.post_id, row))
        except DiskTrouble as refused:
            self._kit.disk.note(refused)
        except StoreError:
            raise
        except Exception:
            log.exception("look failed", target=row.target)
            later = self._kit.clock.now() + timedelta(minutes=15)
            self._rows[row.target, row.post_id] = replace(row, looks=row.looks + 1, next_look_at=later)
        finally:
            self._hosts[host] -= 1
            if self._hosts[host] <= 0:
                del self._hosts[host]
            if (row.target, row.post_id) not in self._rows:
                self._kit.busy.discard((row.target, row.post_id))

    async def _flush(self) -> None:
        """Write the finished looks: sightings first, so a row never claims an unrecorded look."""
        sightings, self._sightings = self._sightings, []
        beats = self._kit.beats.due(self._kit.clock.now())
        while sightings or beats:
            await self._record(sightings, beats)
            sightings, beats = [], self._kit.beats.due(self._kit.clock.now())
        rows = dict(self._rows)
        if rows:
            await self._kit.disk.patiently(lambda: self._kit.store.save_watched(list(rows.values())))
            for key in rows:  # until now nobody else may write these rows
                self._rows.pop(key, None)
                self._kit.busy.discard(key)

    async def _record(self, sightings: Sequence[Sighting], beats: Sequence[Polls]) -> None:
        await self._kit.disk.patiently(lambda: self._kit.store.add_sightings(sightings, beats))

    # --- one look -----------------------------------------------------------------------

    async def look(self, row: Watched) -> Watched:
        """Look at one post and return its row as it is to be kept."""
        watch = self._watches().get(row.target)
        now = self._kit.clock.now()
        if watch is None:  # no longer watched: we have no authority to ask that host
            return replace(row, next_look_at=now + timedelta(hours=6))
        if not (row.matched or row.closed or sampled(row.post_id, watch.target.vigil_sample)):
            return replace(row, next_look_at=None)
        feed = load(watch.target.kind)
        look = await self._controls.ask(row, watch, feed)
        key = (row.target, row.post_id)
        if look.page is None and self._counted.get(key) == look.ended_at:
            return replace(row, next_look_at=self._next(row, watch.target))  # the same answer is one look
        self._counted[key] = look.ended_at
        self._kit.meter.looked(look.presence)
        control = ""
        if look.presence.says_gone and not row.closed:
            found = await self._controls.control(row, watch, look)
            control = found.alive
            if not control:
                look = replace(look, presence=Presence.UNKNOWN, why=f"{look.why}; {found.why}")
        self._sightings.append(_sighting(row, look, control))
        if look.presence is Presence.ALIVE:
            return await self._alive(row, look, _Where(target=watch.target, feed=feed))
        if look.presence.says_gone:
            return await self._gone(row, look, control, watch)
        return replace(row, looks=row.looks + 1, next_look_at=self._next(row, watch.target))

    # --- what it means --------------------------------------------------------------------

    async def _alive(self, row: Watched, look: Look, where: _Where) -> Watched:
        was_closed = row.closed
        row = replace(
            row,
            last_seen_at=max(row.last_seen_at, look.started_at),
            first_missing_at=None,
            missing_looks=0,
            missing_class="",
            looks=row.looks + 1,
            closed=False,
        )
        row = replace(row, next_look_at=self._next(row, where.target))
        if was_closed:
            return await self._back(row, look, where)
        if look.page is None or not where.feed.wants_detail(_bare(row), where.target.rules):
            return row
        if await self._is_unchanged(row, look.page, where) or self._is_restless(row):
            return row
        # A page read for the first time is no edit of anything.
        why = Observation.CHANGED if row.page_digest else Observation.SEEN
        return await self._keep(row, look, where, why)

    async def _back(self, row: Watched, look: Look, where: _Where) -> Watched:
        """A post that was reported gone is there again; without a page, the watch keeps its listing."""
        if look.page is None:
            return replace(row, closed=True, next_look_at=None)
        return await self._keep(row, look, where, Observation.REAPPEARED)

    async def _is_unchanged(self, row: Watched, page: Response, where: _Where) -> bool:
        """Whether a page reads as it did at the last capture; an unreadable one says nothing new."""
        try:
            alone = await self._kit.readers.alone(
                where.target.kind, page, _bare(row), where.target.rules, page.first_byte_at
            )
        except BadPage as bad:
            log.info("page unreadable in the vigil", target=where.target.name, why=bad.why)
            return True
        return alone == row.page_digest

    async def _keep(self, row: Watched, look: Look, where: _Where, why: Observation) -> Watched:
        """Capture the post anew from the page in hand, chained to what was kept of it before."""
        evidence = await self._before(row)
        if evidence is None:
            return row
        # At another address it may be another post, to which the site gave the same id.
        before = evidence.post if evidence.post.url == row.url else _bare(row)
        errand = Errand(
            target=where.target,
            feed=where.feed,
            # What the page does not say any more must not be carried over from before.
            post=replace(before, text="", price="", pictures=()),
            observation=why,
            listing=None,
            listed_at=look.ended_at,
            previous=row.evidence_id,
            page=look.page,
        )
        _, kept = await capture_and_seal(self._kit, errand, row)
        return kept

    async def _before(self, row: Watched) -> Evidence | None:
        """What was kept of the post; None when it was erased while the look was in flight.

        Then nothing is kept, and the store drops the row: the watch meets the post as a new one.
        """
        try:
            return await self._kit.store.evidence(row.evidence_id)
        except DatabaseTrouble:
            if await self._kit.store.post_keys([row.evidence_id]):
                raise
            log.info("a post was erased while it was looked at", target=row.target)
            return None

    def _is_restless(self, row: Watched) -> bool:
        """Whether a page that differs at every look was kept a moment ago; counts this edit."""
        key, now = (row.target, row.post_id), self._kit.clock.now()
        count, last = self._edits.get(key, (0, now))
        if count >= RESTLESS and (now - last).total_seconds() < RESTLESS_S:
            return True
        self._edits[key] = (count + 1, now)
        return False

    async def _gone(self, row: Watched, look: Look, control: str, watch: Watch) -> Watched:
        if row.closed:  # still gone, as reported: a stale feed lists it
            return replace(row, next_look_at=None)
        contested = self._contested(row, watch)
        row, settled = conclude(replace(row, looks=row.looks + 1), look, contested=contested)
        soon = self._kit.clock.now() + timedelta(seconds=cadence.CONFIRM_EVERY_S)
        if not settled:
            return replace(row, next_look_at=soon)
        listing = None
        if look.page is None:
            listing = await self._controls.last_listing(row, watch)
            if listing is None:
                return replace(row, next_look_at=soon)
        lifetime = Lifetime(
            last_seen_at=row.last_seen_at,
            first_missing_at=row.first_missing_at,
            confirmations=row.missing_looks,
            missing_class=row.missing_class,
            control=control,
        )
        if self._kit.pacing is not None:
            self._kit.pacing.vanished(row.target, row.post_id, row.last_seen_at, row.first_missing_at)
        closed = replace(row, closed=True, next_look_at=None)
        kept = await self._seal_missing(closed, look, watch.target, lifetime, listing)
        self._young.get(row.target, set()).discard(row.post_id)
        self._edits.pop((row.target, row.post_id), None)
        self._counted.pop((row.target, row.post_id), None)
        self._kit.spoke()
        return kept

    def _contested(self, row: Watched, watch: Watch) -> bool:
        """Whether the listing speaks for the post, or will be heard in a moment: right after a start."""
        now, seen = self._kit.clock.now(), watch.seen
        if seen is None:
            return hours.is_night(watch.target.window, now)
        fresh = (now - seen.started_at).total_seconds() <= FRESH_S + watch.spacing_s
        return fresh and row.post_id in watch.shown

    async def _seal_missing(
        self, row: Watched, look: Look, target: Target, lifetime: Lifetime, listing: Response | None
    ) -> Watched:
        """Keep the answer that says "gone" itself: the post's page, or the listing without it."""
        evidence = await self._before(row)
        if evidence is None:
            return row
        snapshot = Snapshot(
            target=target.name,
            target_digest=target.digest,
            observation=Observation.MISSING,
            post=replace(evidence.post, pictures=()),
            listing=listing,
            page=look.page,
            pictures=(),
            listed_at=look.ended_at,
            captured_at=self._kit.clock.now(),
            previous=row.evidence_id,
            absences=(look.why,),
            robots_override=target.robots_override,
            feed_kind=target.kind,
            feed_url=target.url,
        )
        sealed = await seal(self._kit, snapshot, row, lifetime)
        self._kit.meter.captured(Observation.MISSING, 0.0)
        log.info("post vanished", target=target.name, evidence=sealed.evidence_id, how=lifetime.missing_class)
        return replace(row, evidence_id=sealed.evidence_id)

    def _next(self, row: Watched, target: Target) -> datetime:
        now = self._kit.clock.now()
        age = (now - row.first_seen_at).total_seconds()
        young = self._young.setdefault(row.target, set())
        if row.matched and age < cadence.VIGIL_CLOSE_S:
            young.add(row.post_id)
        else:
            young.discard(row.post_id)
        close_s = cadence.close_pace(target.interval_s, len(young))
        step = cadence.vigil_step(row.looks, matched=row.matched, age_s=age, close_s=close_s)
        if not hours.is_night(target.window, now):
            step *= DAY_FACTOR
        return now + timedelta(seconds=step)


def _bare(row: Watched) -> Post:
    return Post(post_id=row.post_id, url=row.url)


def _sighting(row: Watched, look: Look, control: str) -> Sighting:
    return Sighting(
        target=row.target,
        post_id=row.post_id,
        looked_at=look.ended_at,
        presence=look.presence,
        status=look.page.status if look.page else 0,
        control=control,
        why=look.why,
        digest=sha256_of(look.page.body) if look.page and look.page.body else "",
    )
