"""The life of one target: wait until it is due, read its listing, capture what is new.

Polling and capturing run side by side, so that a slow capture never delays a poll;
the host's own limit decides which request goes first. One `Watch` per target, without a
task of its own: `roster` polls it when it is due, `hands` do its captures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from storage.errors import DiskTrouble, FeedTrouble
from storage.model import (
    HostLimit,
    Listing,
    Observation,
    Pace,
    Post,
    Progress,
    Response,
    Target,
    Validators,
    Watched,
)
from watchers import cadence, standing
from watchers.address import read_address
from watchers.capture import Capture, Errand
from watchers.claims import Claims
from watchers.feed import Feed, load
from watchers.firsts import First
from watchers.hands import Hands
from watchers.honesty import NOTHING, Honesty
from watchers.kit import Kit, Refused, capture_and_seal, capture_or_hand_back, first_row, reopened, seal_last
from watchers.pages import ReadListing
from watchers.presence import sure_at
from watchers.sameness import tag
from watchers.seen import Seen
from watchers.timetable import Plan, Timetable
from watchers.turnover import Turnover, turnover

log = structlog.get_logger(__name__)

COMPLETIONS = 12
"""How often an incomplete capture is tried again: at once three times, then ever more rarely."""
_NOT_MODIFIED = 304
GAPS_TOLD = timedelta(hours=6)
"""A target whose listing rolls over again and again is told to the admin once in so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One capture to do. recheck: only if the post's page shows more than a moved counter.

    fresh: the post appeared since the last poll. first: it stood in the target's very first listing.
    """

    errand: Errand
    row: Watched
    recheck: bool = False
    fresh: bool = False
    first: bool = False

    @property
    def listed_at(self) -> datetime:
        return self.errand.listed_at


_AT_REST: list[str] = []
"""Of ten thousand watches that read nothing just now: every poll that does begins lists of its own."""


class Watch:
    """One target being watched: its state, its plan, one poll of it and one capture.

    It has no task of its own: `roster` calls `visit` when the plan says so, and the hands `work`.
    There are ten thousand of them: what one keeps between two polls is kept small.
    """

    __slots__ = (
        "_asked_with", "_backlog", "_began", "_body_mark", "_dealt", "_feed", "_hands", "_honesty", "_kit",
        "_known_before", "_left", "_met", "_order", "_order_before", "_prints", "_prints_read",
        "_put_off", "_quiet", "_showing", "_stale", "_stale_looks", "_timetable", "_turned",
        "_unfinished", "_validators", "claims", "due_s", "host", "listed", "planned", "polls_next",
        "progress", "rests", "seen", "shown", "target",
    )  # fmt: skip

    def __init__(
        self, target: Target, progress: Progress | None, kit: Kit, hands: Hands, timetable: Timetable
    ) -> None:
        self.target, self.host = target, host_of(target)
        self._hands, self._timetable = hands, timetable
        self.planned: datetime | None = None
        """When it is to be polled next, or was last while that poll is under way."""
        self.polls_next = True
        """Whether that instant is for a poll, and not only for another plan."""
        self.rests = False
        """Whether it is by day, until then, that it is not polled."""
        self.due_s = 0.0
        """The same on the monotonic clock."""
        self.progress = progress or Progress(target=target.name)
        self._kit = kit
        self._feed: Feed = load(target.kind)
        self.listed: dict[str, str] = {}
        """Fingerprints of what the listing showed last and was dealt with, by post id."""
        self.shown: frozenset[str] = frozenset()
        """Ids of all that the listing showed last, on every page of it that was read."""
        self.seen: Seen | None = None
        self._prints: tuple[tuple[str, str], ...] = ()
        self._prints_read: tuple[str, ...] = ()
        """As they were read. A feed in which only a date has changed gives the very same once more."""
        self._dealt: tuple[str, ...] = ()
        """The very prints of which all are among the listed: they need not be looked up one by one."""
        self._unfinished: dict[str, tuple[Post, int]] | None = None
        # The first poll after a start is unconditional: the last run may have seen a
        # listing whose captures it did not live to finish.
        self._validators = Validators()
        self._asked_with: Validators | None = None
        self._began: datetime | None = None
        """When the poll that is under way began."""
        self._body_mark = b""
        """`sameness.tag` of the last body that was dealt with; b"": the next is to be read in any case."""
        self._stale = False
        self._put_off: list[str] = _AT_REST
        self._backlog = self.progress.last_good_at is None
        """Whether what is listed may all have stood there long before the first watch of this target."""
        self._left = 0
        self._known_before: frozenset[str] = frozenset()
        self._showing: frozenset[str] = frozenset()
        self._honesty = Honesty(int(getattr(target.rules, "max_items", 0)))
        self._quiet: Response | None = None
        """The answer to the poll under way when it brought nothing new."""
        self._order: list[str] = _AT_REST
        self._met: list[str] = _AT_REST
        """Ids on the pages just read, in order, and those among them that were met for the first time."""
        self._order_before: tuple[str, ...] | None = None
        self._turned: Turnover | None = None
        self._stale_looks: dict[str, float] | None = None
        self.claims = Claims(kit.busy, target.name)

    def plan(self, now: datetime) -> Plan:
        """When this target is next polled or planned anew, after the poll that was just made."""
        began, self._began = self._began, None
        return self._planning(self._timetable.next(now, self.planned, self.progress.retry_at, began))

    def first_plan(self, now: datetime, within_s: float) -> Plan:
        """The same after a start: see `Timetable.first`."""
        return self._planning(self._timetable.first(now, within_s, self.progress.retry_at))

    def first(self, plan: Plan, start: datetime, within_s: float, *, fixed: HostLimit | None) -> First | None:
        """What is to be evened of its first poll at `plan`; None when that is no matter of the start.

        fixed: the admin's own limit of its host.
        """
        span_s, due_s = self._timetable.first_span_s(start, within_s), (plan.at - start).total_seconds()
        if not plan.polls or plan.rests or not 0.0 <= due_s <= span_s:
            return None
        return First(
            name=self.target.name,
            host=self.host,
            due_s=due_s,
            span_s=span_s,
            spacing_s=1.0 / (fixed or self.target.host_limit).requests_per_s,
            cold=not self.target.robots_override and self._kit.gate(self.host) is None,
        )

    def poll_at(self, at: datetime) -> Plan:
        """Poll it at that instant next."""
        return self._planning(Plan(at=at, polls=True))

    def moved_plan(self, now: datetime, before_s: float, interval_s: float) -> Plan | None:
        """The same when its interval has changed meanwhile; None when it waits for no poll to come."""
        if self.planned is None or self.planned <= now or not self.polls_next:
            return None
        held = self.progress.retry_at
        return self._planning(
            self._timetable.moved(now, self.planned, held, before_s=before_s, interval_s=interval_s)
        )

    @property
    def spacing_s(self) -> float:
        """Seconds between its polls at night, as the budgets allow."""
        return self._timetable.spacing_s

    def _planning(self, plan: Plan) -> Plan:
        self.planned, self.polls_next, self.rests = plan.at, plan.polls, plan.rests
        if plan.rests and self.progress.health != "paused":
            self._keep(standing.paused(self.progress))
        return plan

    def behind(self, waiting: int) -> None:
        """A poll was due and not made: so many captures of this target wait to be done first."""
        self._keep(standing.behind(self.progress, waiting))

    async def seal_waiting(self, jobs: Iterable[_Job], why: str) -> None:
        """Keep the listing's words of posts that nobody came to; the next start captures them whole.

        A fault of ours in one of them is logged: it must not cost the others their seal.
        """
        waiting = []
        for job in jobs:
            if not job.recheck:
                capture = Capture(job.errand, self._kit.fetches, self._kit.readers, self._kit.clock)
                capture.note(f"{why} before it was fetched", passing=True)
                waiting.append(seal_last(self._kit, capture, job.row))
        for fault in await asyncio.gather(*waiting, return_exceptions=True):
            if fault is not None:
                log.error("a waiting post was not sealed", target=self.target.name, exc_info=fault)

    async def visit(self, late_s: float = 0.0) -> None:
        """One poll: read the listing, compare, queue captures. Site troubles are recorded, not raised.

        late_s: how much later than planned it begins.
        """
        self._began = now = self._kit.clock.now()
        self._quiet = None
        try:
            outcome = await self._read_listing(now)
        except FeedTrouble as trouble:
            outcome = await self._endure(trouble, now)
        except DiskTrouble as refused:  # reading what is known failed: the next poll tries again
            self._kit.disk.note(refused)
            self._body_mark, outcome = b"", "disk"
        self._kit.meter.polled(outcome, late_s)
        self._count(now, late_s)
        if self._kit.pacing is not None and outcome in ("same", "changed") and self.progress.health == "ok":
            self._kit.pacing.polled(self.target.name, now, self._turned)
        self._turned = self._quiet = None  # ten thousand answers are much memory

    def _count(self, now: datetime, late_s: float) -> None:
        """Keep what the poll that was just made says of the target."""
        held, row, target, quiet = self._hands.held(self.target.name), self.progress, self.target, self._quiet
        if quiet is not None and not held:
            doubt = self._honesty.words(self._kit.clock.monotonic()) if self._honesty.doubted else ""
            if standing.count_quiet(row, target, now, late_s, read=quiet, doubt=doubt):
                self._kit.noted(row)
                return
        if quiet is None:
            row = standing.after_poll(row, target, now, late_s)
        else:
            row = standing.after_quiet(row, target, now, late_s, read=quiet)
        if held:
            row = standing.held_back(row, held, for_host=self._hands.waits_for_host(target.name))
        self._keep(row)

    async def _read_listing(self, now: datetime) -> str:
        page = await self._fetch(self.target.url, conditional=True)
        if page.status not in (200, _NOT_MODIFIED):
            raise FeedTrouble(page.url, f"listing answered {page.status} {page.reason}".rstrip())
        mark = tag(page.body) if page.status != _NOT_MODIFIED else b""
        if not self._came_before(page, mark):
            read = await self._parse(page)
            if page.shortfall or not self._shows_the_same(read):
                return await self._compare(page, read, mark, now)
            self._note_same(page, read, mark)
        if self._unfinished:
            await self._retry_unfinished(page)
        self._quiet = page
        return "same"

    def _came_before(self, page: Response, mark: bytes) -> bool:
        """Take note of a 304, or of the very bytes of the last answer; False: `page` is neither."""
        if page.status == _NOT_MODIFIED:
            self._honesty.unmodified()
        elif mark != self._body_mark or page.shortfall:
            return False
        else:
            self._honesty.same_bytes(self._asked_with or NOTHING, self._kit.clock.monotonic())
            if self.seen is not None:
                self.seen = Seen(posts=self.seen.posts, started_at=sure_at(page), ended_at=page.ended_at)
        self._kit.beats.note(self.target.name, page, mark, self._prints)
        return True

    async def _compare(self, page: Response, read: ReadListing, mark: bytes, now: datetime) -> str:
        """A listing that shows other posts, or other words of them: queue what is to be captured."""
        self._order, self._met = [], []
        changed = await self._take(page, read)
        showing = self._showing
        changed += await self._follow(read.listing, changed)
        self._showing = showing  # what `page` itself shows, for the captures that it comes along with
        self._honesty.read(
            page, self._validators, self._order, self._kit.clock.monotonic(), changed=bool(changed)
        )
        await self._retry_unfinished(page)
        if not page.shortfall:
            self._kit.beats.note(self.target.name, page, mark, self._prints)
            self._validators = _validators(page)
            self._body_mark = b"" if self._stale else mark
            if self._stale:  # what somebody was busy with must be met again, not answered by a 304
                self._validators = Validators()
        await self._weigh_yield(page, now)
        self._order = self._met = self._put_off = _AT_REST
        return "changed" if changed else "same"

    def _shows_the_same(self, read: ReadListing) -> bool:
        """Whether a listing of other bytes shows the posts of the last one, in order, all dealt with."""
        if read.prints and read.prints is self._prints_read:
            return len(self.shown) == len(self._prints)
        posts = read.listing.posts
        pairs = tuple(zip([post.post_id for post in posts], read.prints, strict=True))
        if not pairs or pairs != self._prints or len(self.shown) != len(pairs):
            return False
        return dict(pairs).items() <= self.listed.items()

    def _note_same(self, page: Response, read: ReadListing, mark: bytes) -> None:
        """Only a build date or a counter has changed, as most programs' do."""
        self._showing = self.shown
        self._honesty.same_posts(page, len(read.prints), self._kit.clock.monotonic())
        if self.seen is None or read.prints is not self._prints_read:
            posts = tuple([(post.post_id, post.url) for post in read.listing.posts])
        else:
            posts = self.seen.posts
        self.seen = Seen(posts=posts, started_at=sure_at(page), ended_at=page.ended_at)
        self._prints_read = self._dealt = read.prints
        self._kit.beats.note(self.target.name, page, mark, self._prints)
        self._validators, self._body_mark = _validators(page), mark

    async def _parse(self, page: Response) -> ReadListing:
        target = self.target
        return await self._kit.readers.parse(
            target.kind, page, target.rules, page.first_byte_at, known=self.listed, dealt=self._dealt
        )

    async def _fetch(self, url: str, *, conditional: bool) -> Response:
        now_s = self._kit.clock.monotonic()
        validators = self._honesty.validators(self._validators, now_s) if conditional else None
        page = await self._kit.fetches.get(url, self.target, purpose="listing", validators=validators)
        if conditional:
            self._asked_with = validators
        if page.status == 200 and conditional:
            self._honesty.answered_whole(now_s)
        return page

    async def _follow(self, listing: Listing, fresh: int) -> int:
        """Read further pages of the listing while they show anything new, to the kind's depth."""
        changed, depth, seen = 0, 1, {self.target.url}
        known = fresh < len(listing.posts)
        most = int(getattr(self.target.rules, "max_pages", 1)) if self._honesty.follows(known=known) else 1
        while fresh and listing.next_url and listing.next_url not in seen and depth < most:
            seen.add(listing.next_url)
            page = await self._fetch(listing.next_url, conditional=False)
            if page.status != 200:
                break
            read = await self._parse(page)
            listing = read.listing
            fresh = await self._take(page, read, first_page=False)
            changed += bool(fresh)
            depth += 1
        if depth > 1:
            invented = known and depth == most and 0 < len(listing.posts) <= fresh and bool(listing.next_url)
            self._honesty.deep(self._kit.clock.monotonic(), invented=invented)
        return changed

    # --- comparing with what is known -------------------------------------------------

    async def _take(self, page: Response, read: ReadListing, *, first_page: bool = True) -> int:
        """Queue a capture for each new or changed post; returns how many there were."""
        listing, self._dealt = read.listing, ()
        prints = {post.post_id: print_ for post, print_ in zip(listing.posts, read.prints, strict=True)}
        self._showing = frozenset(prints)
        moved = [p for p in listing.posts if self.listed.get(p.post_id) != prints[p.post_id]]
        # What stood there before we came is the least perishable: it waits in its listing, not in memory.
        later = self._backlog and self._hands.crowded
        # Claimed before it is read: nobody may change a row between our reading and our writing.
        mine = self.claims.claim([] if later else [p.post_id for p in moved])
        skipped = {p.post_id for p in moved} - mine
        count, self._put_off = 0, list[str]()
        try:
            known = await self._known(mine)
            for post in moved:
                if post.post_id in mine:
                    row = known.get(post.post_id)
                    count += await self._consider(post, row, prints[post.post_id], page)
        finally:
            self.claims.give_back(mine)
        skipped.update(self._put_off)
        if first_page:
            await self._mark_dropped(self.shown - prints.keys())
            self.listed, self.shown = {}, frozenset()
            self._prints, self._prints_read = tuple(prints.items()), read.prints
            self.seen = Seen(
                posts=tuple((p.post_id, p.url) for p in listing.posts),
                started_at=sure_at(page),
                ended_at=page.ended_at,
            )
        self.shown = self.shown.union(prints) if self.shown else self._showing
        self._order += prints
        # What somebody is busy with is looked at again at the next poll.
        self.listed.update({k: v for k, v in prints.items() if k not in skipped})
        self._stale = bool(skipped)
        if first_page and not skipped:
            self._dealt = read.prints
        self._left = len(skipped) if later else 0
        return count

    async def _known(self, ids: set[str]) -> dict[str, Watched]:
        """The rows of these posts; when the disk will not give them, what was not listed before is new."""
        if not ids:  # as when only a build date has changed: no way to the database for nothing
            return {}
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
            self._enqueue(post, Observation.SEEN, row, page, fresh=not self._backlog, first=self._backlog)
            return True
        if row.closed and not self._feed.OWN_PAGE:
            row = replace(reopened(row), digest=print_)
            self._enqueue(post, Observation.REAPPEARED, row, page, fresh=True)
            return True
        if row.closed:
            if post.url != row.url:  # its id may have been given to another post
                moved = replace(row, url=post.url)
                await self._kit.disk.or_later(lambda: self._kit.store.save_watched([moved]))
            await self._look_soon(row)
            return False
        if row.incomplete:
            self._unfinished = self._unfinished or {}
            tries = self._unfinished.get(post.post_id, (post, 0))[1]
            self._unfinished[post.post_id] = (post, tries)
        if row.digest == print_:
            return False
        self._honesty.moved()
        if post.url == row.url and not self._honesty.rechecks(post.post_id, self._kit.clock.monotonic()):
            self._put_off.append(post.post_id)
            return False
        row = replace(row, digest=print_, url=post.url)
        # Only the post's own page says whether this is an edit or a moved counter.
        recheck = self._feed.wants_detail(post, self.target.rules)
        self._enqueue(post, Observation.CHANGED, row, page, recheck=recheck)
        return not recheck

    async def _look_soon(self, row: Watched) -> None:
        """A post reported gone is listed again: a stale feed, or a reappearance; the vigil finds out."""
        key, now = row.post_id, self._kit.clock.monotonic()
        self._stale_looks = self._stale_looks or {}
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
        for post_id, (post, tries) in list((self._unfinished or {}).items()):
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
            (self._unfinished or {}).pop(post_id, None)
            return
        if tries > 3 and self.progress.polls % 2 ** (tries - 3):
            return  # a wall may stand for minutes; it is not run against at every poll
        if self._unfinished and post_id in self._unfinished:  # a hand may have finished it in the meantime
            self._unfinished[post_id] = (post, tries + 1)
        self._enqueue(post, Observation.SEEN, row, page)

    # --- capturing --------------------------------------------------------------------

    def _enqueue(
        self,
        post: Post,
        why: Observation,
        row: Watched,
        page: Response,
        *,
        recheck: bool = False,
        fresh: bool = False,
        first: bool = False,
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
            shown=post.post_id in self.shown,
        )
        job = _Job(errand=errand, row=row, recheck=recheck, fresh=fresh, first=first)
        self._hands.put(self.target.name, self.host, job, self.work)

    def _shows(self, page: Response, post: Post) -> bool:
        """Whether `page` is a listing that shows the post: a retry may come after it was dropped."""
        return page.status == 200 and post.post_id in self._showing

    async def work(self, job: _Job) -> None:
        """Do one of our captures; for the hands."""
        try:
            await self._capture(job)
        finally:
            self.claims.release(job.errand.post.post_id)

    async def _capture(self, job: _Job) -> None:
        errand: Errand | None = job.errand
        if job.recheck:
            errand = await self._recheck(job)
        if errand is None:
            self._hands.leave_host()
            await self._kit.disk.or_later(lambda: self._kit.store.save_watched([job.row]))
            return
        soon = cadence.vigil_step(0, matched=True, age_s=0.0)
        row = replace(job.row, next_look_at=self._kit.clock.now() + timedelta(seconds=soon))
        post, unkept = errand.post, self._kit.unkept
        if unkept is None:
            _, row = await capture_and_seal(self._kit, errand, row, fetched=self._hands.leave_host)
        else:
            kept = await capture_or_hand_back(self._kit, errand, row, self._hands.leave_host)
            if isinstance(kept, Refused):
                self.claims.cede(post.post_id)
                # Forgotten as listed: should memory give it up, the next poll captures it anew.
                self.listed.pop(post.post_id, None)
                self._dealt = ()
                self._validators, self._body_mark = Validators(), b""
                await unkept.take(kept.snapshot, kept.row)
                return
            row = kept
        if row.incomplete:
            self._unfinished = self._unfinished or {}
            self._unfinished.setdefault(post.post_id, (post, 0))
        else:
            (self._unfinished or {}).pop(post.post_id, None)

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
        if health != before:  # not at every poll of a night in which a host is down
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
        if row.health == "failing" and before != "failing" and not self._honesty.often_empty:
            await self._kit.tell_admin(f"target {self.target.name}: {row.reason}")
        elif gap and (last_gap_at is None or now - last_gap_at >= GAPS_TOLD):
            await self._kit.tell_admin(f"target {self.target.name}: {row.reason}; some may have been missed")
        if row.health != "failing":
            if self._order_before is not None:
                self._turned = turnover(self._order_before, self._order, self._met, gap=gap)
            self._order_before = tuple(self._order)
        if row.health == "failing":
            self._body_mark = b""  # the same empty page must be weighed again, not passed as unchanged
        self._known_before = self.shown or self._known_before
        self._backlog = self._backlog and self._left > 0
        if self._left:
            row = replace(row, reason=f"{self._left} posts are left to later polls: captures cannot keep up")
        self._keep(replace(row, pace=self.progress.pace))  # it may have come while the admin was told

    def paced(self, pace: Pace) -> None:
        """Keep what is expected of the target, for `status`."""
        self._keep(replace(self.progress, pace=pace))

    def _keep(self, row: Progress) -> None:
        if row.health == "ok" and not row.reason:
            doubt = self._honesty.words(self._kit.clock.monotonic())
            row = replace(row, reason=doubt) if doubt else row
        self.progress = row
        self._kit.noted(row)

    def listed_urls(self) -> tuple[tuple[str, str], ...]:
        """(id, url) of the posts the listing showed last, in page order."""
        return self.seen.posts if self.seen is not None else ()


def _validators(page: Response) -> Validators:
    return Validators(etag=page.header("ETag"), last_modified=page.header("Last-Modified"))


def host_of(target: Target) -> str:
    """The host whose gate a target's polls pass, "" when its address cannot be asked at all."""
    try:
        return read_address(target.url).host
    except FeedTrouble:
        return ""
