"""The life of one target: wait until it is due, read its listing, capture what is new.

Polling and capturing run side by side, so that a slow capture never delays a poll;
the host's own limit decides which request goes first. One `Watch` per target, owned
and restarted by `roster`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from storage.errors import DiskTrouble, FeedTrouble
from storage.model import Listing, Observation, Pace, Post, Progress, Response, Target, Validators, Watched
from watchers import cadence, hours, standing
from watchers.capture import Capture, Errand
from watchers.claims import Claims
from watchers.feed import Feed, load
from watchers.kit import Kit, Refused, capture_and_seal, capture_or_hand_back, first_row, reopened, seal_last
from watchers.pages import ReadListing
from watchers.presence import sure_at
from watchers.seen import Seen
from watchers.turnover import Turnover, turnover

log = structlog.get_logger(__name__)

HANDS = 4
"""Captures side by side per target; the host's own limit holds underneath."""
WAITING = 500
"""Captures waiting per target; when full, the next poll waits."""
COMPLETIONS = 12
"""How often an incomplete capture is tried again: at once three times, then ever more rarely."""
GAPS_TOLD = timedelta(hours=6)
"""A target whose listing rolls over again and again is told to the admin once in so long."""
UNCONDITIONAL_S = 900.0
"""A full listing at least this often: a server may answer 304 for ever (monitoring facts, 11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One capture to do. recheck: only if the post's page shows more than a moved counter."""

    errand: Errand
    row: Watched
    recheck: bool = False


class Watch:
    """One target being watched. `run` ends only by cancellation or a StoreError."""

    def __init__(
        self, target: Target, progress: Progress | None, kit: Kit, *, first_within_s: float = 5.0
    ) -> None:
        self.target = target
        self._first_within_s = first_within_s
        self.progress = progress or Progress(target=target.name)
        self._kit = kit
        self._feed: Feed = load(target.kind)
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(WAITING)
        self.listed: dict[str, str] = {}
        """Fingerprints of what the listing showed last and was dealt with, by post id."""
        self.shown: frozenset[str] = frozenset()
        """Ids of all that the listing showed last, on every page of it that was read."""
        self.seen: Seen | None = None
        self._prints: tuple[tuple[str, str], ...] = ()
        self._unfinished: dict[str, tuple[Post, int]] = {}
        # The first poll after a start is unconditional: the last run may have seen a
        # listing whose captures it did not live to finish.
        self._validators = Validators()
        self._body_digest = ""
        self._stale = False
        self._known_before: frozenset[str] = frozenset()
        self._showing: frozenset[str] = frozenset()
        self._full_at: float | None = None
        self._quiet: Response | None = None
        self._planned: datetime | None = None
        self._repaced = asyncio.Event()
        self._order: list[str] = []
        self._met: list[str] = []
        """Ids on the pages just read, in order, and those among them that were met for the first time."""
        self._order_before: list[str] | None = None
        self._turned: Turnover | None = None
        self._stale_looks: dict[str, float] = {}
        self.claims = Claims(kit.busy, target.name)

    async def run(self) -> None:
        """Poll and capture for ever. When stopped, what waits to be captured is sealed as it was listed."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(HANDS):
                    group.create_task(self._hand())
                group.create_task(self._poll_for_ever())
        except asyncio.CancelledError:
            await self._seal_waiting()
            raise

    async def _seal_waiting(self) -> None:
        """The listing's words of posts that nobody came to; the next start captures them whole."""
        waiting = []
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if not job.recheck:
                capture = Capture(job.errand, self._kit.fetches, self._kit.readers, self._kit.clock)
                capture.note("the daemon was stopped before it was fetched", passing=True)
                waiting.append(seal_last(self._kit, capture, job.row))
        await asyncio.gather(*waiting)

    async def _poll_for_ever(self) -> None:
        now = self._kit.clock.now()
        interval = self._interval(now) or self.target.interval_s
        spread = min(self._first_within_s, interval)
        due: datetime | None = now + timedelta(seconds=cadence.phase(self.target.name, spread))
        while True:
            self._planned = self._allowed(due)
            if self._planned is None:
                self._keep(standing.paused(self.progress))
                await self._kit.clock.sleep(self._until_window(now))
            else:
                await self._wait()
                await self.visit()
            now = self._kit.clock.now()
            due = self._next_slot(now)

    async def _wait(self) -> None:
        """Sleep until the planned instant, which may be moved meanwhile."""
        while self._planned is not None:
            self._repaced.clear()
            ahead_s = (self._planned - self._kit.clock.now()).total_seconds()
            try:
                async with asyncio.timeout(max(0.0, ahead_s)):
                    await self._repaced.wait()
            except TimeoutError:
                return

    def repace(self, before_s: float, interval_s: float) -> None:
        """The interval has changed: a poll that is waited for comes sooner or later in proportion."""
        now = self._kit.clock.now()
        if self._planned is None or self._planned <= now:
            return
        due = cadence.moved(self._planned, now, before_s=before_s, interval_s=interval_s)
        self._planned = self._allowed(due) or self._planned
        self._repaced.set()

    def _next_slot(self, now: datetime) -> datetime | None:
        """The next instant on the target's own grid, clear of the poll that was just made."""
        interval = self._interval(now)
        if interval is None:
            return None
        pacing = self._kit.pacing
        if self._planned is not None and pacing is not None and pacing.is_stretched(self.target.name):
            return cadence.next_poll(self._planned, interval, now)
        clear = now if self._planned is None else max(now, self._planned + timedelta(seconds=interval / 4))
        slot = cadence.slot_before(self.target.name, interval, clear)
        return cadence.next_poll(slot, interval, clear)

    def _allowed(self, due: datetime | None) -> datetime | None:
        """`due`, or later when the site asked for a pause; None when that is by day and by day we rest."""
        held = self.progress.retry_at
        if due is not None and held is not None:
            due = max(due, held)
        return due if due is not None and self._interval(due) is not None else None

    def _interval(self, now: datetime) -> float | None:
        configured_s, pacing = self._configured(now), self._kit.pacing
        if pacing is None or configured_s is None:
            return configured_s
        return pacing.interval_s(self.target.name, configured_s)

    @property
    def spacing_s(self) -> float:
        """Seconds between its polls at night, as the budgets allow."""
        pacing, own_s = self._kit.pacing, self.target.interval_s
        return own_s if pacing is None else pacing.interval_s(self.target.name, own_s)

    def _configured(self, now: datetime) -> float | None:
        if hours.is_night(self.target.window, now):
            return self.target.interval_s
        return self.target.day_interval_s

    def _until_window(self, now: datetime) -> float:
        change = hours.next_change(self.target.window, now)
        return min(max(0.05, (change - now).total_seconds()), 3600.0)

    async def visit(self) -> None:
        """One poll: read the listing, compare, queue captures. Site troubles are recorded, not raised."""
        now = self._kit.clock.now()
        late = max(0.0, (now - self._planned).total_seconds()) if self._planned else 0.0
        self._quiet = None
        try:
            outcome = await self._read_listing(now)
        except FeedTrouble as trouble:
            outcome = await self._endure(trouble, now)
        except DiskTrouble as refused:  # reading what is known failed: the next poll tries again
            self._kit.disk.note(refused)
            self._body_digest, outcome = "", "disk"
        self._kit.meter.polled(outcome, late)
        if self._quiet is None:
            self._keep(standing.after_poll(self.progress, self.target, now, late))
        else:
            self._keep(standing.after_quiet(self.progress, self.target, now, late, read=self._quiet))
        if self._kit.pacing is not None and outcome in ("same", "changed") and self.progress.health == "ok":
            self._kit.pacing.polled(self.target.name, now, self._turned)
        self._turned = None

    async def _read_listing(self, now: datetime) -> str:
        page = await self._fetch(self.target.url, conditional=True)
        if page.status == 304:
            self._kit.beats.note(self.target.name, page, "", self._prints)
            await self._retry_unfinished(page)
            self._quiet = page
            return "same"
        if page.status != 200:
            raise FeedTrouble(page.url, f"listing answered {page.status} {page.reason}".rstrip())
        digest = hashlib.sha256(page.body).hexdigest()
        if digest == self._body_digest and not page.shortfall:
            if self.seen is not None:
                self.seen = Seen(posts=self.seen.posts, started_at=sure_at(page), ended_at=page.ended_at)
            self._kit.beats.note(self.target.name, page, digest, self._prints)
            await self._retry_unfinished(page)
            self._quiet = page
            return "same"
        read = await self._parse(page)
        self._order, self._met = [], []
        changed = await self._take(page, read)
        changed += await self._follow(read.listing, bool(changed))
        await self._retry_unfinished(page)
        if not page.shortfall:
            self._kit.beats.note(self.target.name, page, digest, self._prints)
            self._validators = Validators(
                etag=page.header("ETag"), last_modified=page.header("Last-Modified")
            )
            self._body_digest = "" if self._stale else digest
            if self._stale:  # what somebody was busy with must be met again, not answered by a 304
                self._validators = Validators()
        await self._weigh_yield(page, now)
        return "changed" if changed else "same"

    async def _parse(self, page: Response) -> ReadListing:
        target = self.target
        return await self._kit.readers.parse(target.kind, page, target.rules, page.first_byte_at)

    async def _fetch(self, url: str, *, conditional: bool) -> Response:
        clock = self._kit.clock
        full = self._full_at is None or clock.monotonic() - self._full_at >= UNCONDITIONAL_S
        validators = self._validators if conditional and not full else None
        page = await self._kit.fetches.get(url, self.target, purpose="listing", validators=validators)
        if page.status == 200 and conditional:
            self._full_at = clock.monotonic()
        return page

    async def _follow(self, listing: Listing, fresh: bool) -> int:
        """Read further pages of the listing while they show anything new, to the kind's depth."""
        changed, depth, seen = 0, 1, {self.target.url}
        most = int(getattr(self.target.rules, "max_pages", 1))
        while fresh and listing.next_url and listing.next_url not in seen and depth < most:
            seen.add(listing.next_url)
            page = await self._fetch(listing.next_url, conditional=False)
            if page.status != 200:
                break
            read = await self._parse(page)
            listing = read.listing
            fresh = bool(await self._take(page, read, first_page=False))
            changed += fresh
            depth += 1
        return changed

    # --- comparing with what is known -------------------------------------------------

    async def _take(self, page: Response, read: ReadListing, *, first_page: bool = True) -> int:
        """Queue a capture for each new or changed post; returns how many there were."""
        listing = read.listing
        prints = {post.post_id: print_ for post, print_ in zip(listing.posts, read.prints, strict=True)}
        self._showing = frozenset(prints)
        moved = [p for p in listing.posts if self.listed.get(p.post_id) != prints[p.post_id]]
        # Claimed before it is read: nobody may change a row between our reading and our writing.
        mine = self.claims.claim([p.post_id for p in moved])
        skipped = {p.post_id for p in moved} - mine
        count = 0
        try:
            known = await self._known(mine)
            for post in moved:
                if post.post_id in mine:
                    row = known.get(post.post_id)
                    count += await self._consider(post, row, prints[post.post_id], page)
        finally:
            self.claims.give_back(mine)
        if first_page:
            await self._mark_dropped(self.shown - prints.keys())
            self.listed, self.shown = {}, frozenset()
            self._prints = tuple(prints.items())
            self.seen = Seen(
                posts=tuple((p.post_id, p.url) for p in listing.posts),
                started_at=sure_at(page),
                ended_at=page.ended_at,
            )
        self.shown = self.shown.union(prints)
        self._order += prints
        # What somebody is busy with is looked at again at the next poll.
        self.listed.update({k: v for k, v in prints.items() if k not in skipped})
        self._stale = bool(skipped)
        return count

    async def _known(self, ids: set[str]) -> dict[str, Watched]:
        """The rows of these posts; when the disk will not give them, what was not listed before is new."""
        try:
            return await self._kit.store.known(self.target.name, sorted(ids))
        except DiskTrouble as refused:
            if ids & self.listed.keys() or not self.listed:
                raise
            self._kit.disk.note(refused)
            return {}

    async def _consider(self, post: Post, row: Watched | None, print_: str, page: Response) -> bool:
        """Decide what a listed post needs; True when it is new or was captured anew."""
        if row is None:
            self._met.append(post.post_id)
            row = first_row(self.target.name, post, print_, page)
            await self._enqueue(post, Observation.SEEN, row, page)
            return True
        if row.closed and not self._feed.OWN_PAGE:
            row = replace(reopened(row), digest=print_)
            await self._enqueue(post, Observation.REAPPEARED, row, page)
            return True
        if row.closed:
            await self._look_soon(row)
            return False
        if row.incomplete:
            tries = self._unfinished.get(post.post_id, (post, 0))[1]
            self._unfinished[post.post_id] = (post, tries)
        if row.digest == print_:
            return False
        row = replace(row, digest=print_, url=post.url)
        # Only the post's own page says whether this is an edit or a moved counter.
        recheck = self._feed.wants_detail(post, self.target.rules)
        await self._enqueue(post, Observation.CHANGED, row, page, recheck=recheck)
        return not recheck

    async def _look_soon(self, row: Watched) -> None:
        """A post reported gone is listed again: a stale feed, or a reappearance; the vigil finds out."""
        key, now = row.post_id, self._kit.clock.monotonic()
        if now - self._stale_looks.get(key, float("-inf")) >= cadence.STALE_LOOK_S:
            self._stale_looks[key] = now
            await self._hasten([key])

    async def _mark_dropped(self, ids: Iterable[str]) -> None:
        """Posts that left the listing are looked at by the vigil at once, if it watches them."""
        dropped = list(ids)
        if dropped:
            await self._hasten(dropped, only_watched=True)

    async def _hasten(self, ids: list[str], *, only_watched: bool = False) -> None:
        now = self._kit.clock.now()
        await self._kit.disk.or_later(
            lambda: self._kit.store.hasten(self.target.name, ids, now, only_watched=only_watched)
        )
        self._kit.stirred.set()

    async def _retry_unfinished(self, page: Response) -> None:
        """Try again what a capture could not get, while the listing still shows it."""
        for post_id, (post, tries) in list(self._unfinished.items()):
            mine = self.claims.claim([post_id])
            if not mine:
                continue
            try:
                await self._retry(post_id, post, tries, page)
            finally:
                self.claims.give_back(mine)

    async def _retry(self, post_id: str, post: Post, tries: int, page: Response) -> None:
        row = (await self._kit.store.known(self.target.name, [post_id])).get(post_id)
        most = COMPLETIONS if post_id in self.shown else 1
        if row is None or not row.incomplete or tries >= most:
            self._unfinished.pop(post_id, None)
            return
        if tries > 3 and self.progress.polls % 2 ** (tries - 3):
            return  # a wall may stand for minutes; it is not run against at every poll
        if post_id in self._unfinished:  # a hand may have finished it in the meantime
            self._unfinished[post_id] = (post, tries + 1)
        await self._enqueue(post, Observation.SEEN, row, page)

    # --- capturing --------------------------------------------------------------------

    async def _enqueue(
        self, post: Post, why: Observation, row: Watched, page: Response, *, recheck: bool = False
    ) -> None:
        self.claims.hold(post.post_id)
        errand = Errand(
            target=self.target,
            feed=self._feed,
            post=post,
            observation=why,
            listing=page if self._shows(page, post) else None,
            listed_at=page.first_byte_at,
            previous=row.evidence_id,
        )
        await self._jobs.put(_Job(errand=errand, row=row, recheck=recheck))
        self._kit.meter.queued("capture", self._jobs.qsize())

    def _shows(self, page: Response, post: Post) -> bool:
        """Whether `page` is a listing that shows the post: a retry may come after it was dropped."""
        return page.status == 200 and post.post_id in self._showing

    async def _hand(self) -> None:
        while True:
            job = await self._jobs.get()
            try:
                await self._capture(job)
            finally:
                self.claims.release(job.errand.post.post_id)
                self._kit.meter.queued("capture", self._jobs.qsize())

    async def _capture(self, job: _Job) -> None:
        errand: Errand | None = job.errand
        if job.recheck:
            errand = await self._recheck(job)
        if errand is None:
            await self._kit.disk.or_later(lambda: self._kit.store.save_watched([job.row]))
            return
        soon = cadence.vigil_step(0, matched=True, age_s=0.0)
        row = replace(job.row, next_look_at=self._kit.clock.now() + timedelta(seconds=soon))
        post, unkept = errand.post, self._kit.unkept
        if unkept is None:
            _, row = await capture_and_seal(self._kit, errand, row)
        else:
            kept = await capture_or_hand_back(self._kit, errand, row)
            if isinstance(kept, Refused):
                self.claims.cede(post.post_id)
                # Forgotten as listed: should memory give it up, the next poll captures it anew.
                self.listed.pop(post.post_id, None)
                self._validators, self._body_digest = Validators(), ""
                await unkept.take(kept.snapshot, kept.row)
                return
            row = kept
        if row.incomplete:
            self._unfinished.setdefault(post.post_id, (post, 0))
        else:
            self._unfinished.pop(post.post_id, None)

    async def _recheck(self, job: _Job) -> Errand | None:
        """The errand with the post's page in hand, or None when the page shows no edit."""
        errand = job.errand
        try:
            page = await self._kit.fetches.get(errand.post.url, self.target, purpose="page")
            if page.status != 200 or page.shortfall:
                return None  # the vigil finds out why
            alone = await self._kit.readers.alone(
                self.target.kind, page, errand.post, self.target.rules, page.first_byte_at
            )
        except FeedTrouble as trouble:
            log.info("edit check failed", target=self.target.name, why=trouble.why)
            return None
        if alone == job.row.page_digest:
            return None
        # A page read for the first time is no edit of anything.
        why = errand.observation if job.row.page_digest else Observation.SEEN
        return replace(errand, page=page, observation=why)

    # --- health -----------------------------------------------------------------------

    async def _endure(self, trouble: FeedTrouble, now: datetime) -> str:
        """Record a trouble and when to come back; walls are told to the admin once."""
        health, outcome = standing.health_of(trouble)
        name, before = self.target.name, self.progress.health
        self._keep(standing.after_trouble(self.progress, trouble, self.target, now))
        log.info("target trouble", target=name, health=health, why=trouble.why)
        if health != before and health in ("blocked", "forbidden"):
            await self._kit.tell_admin(f"target {name}: {health}: {trouble.why}")
        return outcome

    async def _weigh_yield(self, page: Response, now: datetime) -> None:
        before = self.progress.health
        row = standing.after_good(self.progress, now, read_bytes=len(page.body))
        gaps, last_gap_at = row.gaps, row.gap_at
        row = standing.after_listing(row, self.shown, self._known_before, now)
        gap = row.gaps > gaps
        if row.health == "failing" and before != "failing":
            await self._kit.tell_admin(f"target {self.target.name}: {row.reason}")
        elif gap and (last_gap_at is None or now - last_gap_at >= GAPS_TOLD):
            await self._kit.tell_admin(f"target {self.target.name}: {row.reason}; some may have been missed")
        if row.health != "failing":
            if self._order_before is not None:
                self._turned = turnover(self._order_before, self._order, self._met, gap=gap)
            self._order_before = self._order
        if row.health == "failing":
            self._body_digest = ""  # the same empty page must be weighed again, not passed as unchanged
        self._known_before = self.shown or self._known_before
        self._keep(replace(row, pace=self.progress.pace))  # it may have come while the admin was told

    def paced(self, pace: Pace) -> None:
        """Keep what is expected of the target, for `status`."""
        self._keep(replace(self.progress, pace=pace))

    def _keep(self, row: Progress) -> None:
        self.progress = row
        self._kit.noted(row)

    def listed_urls(self) -> tuple[tuple[str, str], ...]:
        """(id, url) of the posts the listing showed last, in page order."""
        return self.seen.posts if self.seen is not None else ()
