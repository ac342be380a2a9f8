"""Capturing one post whole before it can vanish: its page, then every picture.

A post that says next to nothing on the listing is told by its picture: that comes first.

A `Capture` gathers; `snapshot()` says at any moment what has been had so far, so a
deadline, a stop or a deletion in the middle costs only what had not come yet.
Not here: deciding what is captured (`watch`, `vigil`) and keeping it (`storage`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from storage.clock import Clock
from storage.errors import AskedToWait, BadPage, Blocked, FeedTrouble, HostDown
from storage.model import (
    Observation,
    PictureCapture,
    PictureRef,
    Post,
    Presence,
    Response,
    Snapshot,
    Target,
    Validators,
)
from watchers.feed import Feed
from watchers.presence import classify, sure_at
from watchers.readers import Readers
from watchers.shelf import Shelf

TRIES = 3
"""Attempts at a page or picture while the fault is the line's, not an answer."""
PAUSE_S = 1.0
"""First pause between two attempts; it doubles."""
AT_ONCE = 4
"""Pictures asked for side by side; the host's own limit still holds underneath."""
FEW_LETTERS = 12
"""A post with fewer on the listing is told by its picture."""

_PASSING = (Presence.HOST_DOWN, Presence.UNKNOWN)


class Fetches(Protocol):
    """The part of `Fetcher` that capturing needs."""

    async def get(
        self,
        url: str,
        target: Target,
        *,
        purpose: str,
        validators: Validators | None = None,
        deadline_s: float | None = None,
        max_bytes: int | None = None,
    ) -> Response:
        """See `watchers.fetch.Fetcher.get`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is to be captured and why.

    page: the post's own page when the caller has just fetched it (the vigil), else None.
    shown: whether the newest listing shows it, though no listing comes along (a 304 brings none).
    previous: evidence this look follows, or "".
    """

    target: Target
    feed: Feed
    post: Post
    observation: Observation
    listing: Response | None
    listed_at: datetime
    previous: str = ""
    page: Response | None = None
    shown: bool = False


class Capture:
    """One errand being run. Not reusable; not for two tasks at once."""

    def __init__(
        self, errand: Errand, fetches: Fetches, readers: Readers, clock: Clock, shelf: Shelf | None = None
    ) -> None:
        """shelf: pictures that others had lately; without it all are fetched."""
        self._errand, self._fetches, self._readers, self._clock = errand, fetches, readers, clock
        self._shelf = shelf
        self._post = errand.post
        self._page = errand.page
        self._pictures: dict[str, PictureCapture] = {}
        self._absences: list[str] = []
        self._passing = False
        self.alive_at: datetime | None = None
        """Latest instant at which the post surely existed: the start of the request whose
        answer showed it (the server made that page after it, never before), or None."""
        self.page_print = ""
        """Fingerprint of what the page alone says, "" when it was not read."""
        if not errand.feed.wants_detail(errand.post, errand.target.rules) and errand.listing is not None:
            self.alive_at = errand.listing.started_at

    @property
    def incomplete(self) -> bool:
        """True when a later look may still get what is missing (line faults, stops, walls)."""
        return self._passing

    def note(self, absence: str, *, passing: bool = False) -> None:
        """Record why something is missing; `passing` marks what may work later."""
        self._absences.append(absence)
        self._passing = self._passing or passing

    async def run(self) -> None:
        """Fetch the page if the kind wants it, then all pictures. Raises only cancellation."""
        gate = asyncio.Semaphore(AT_ONCE)
        if self._errand.feed.wants_detail(self._post, self._errand.target.rules):
            if tells_by_picture(self._post) and (first := unique_pictures(self._post.pictures, 1)):
                await self._fetch_picture(first[0], gate)
            await self._fetch_page()
        wanted = unique_pictures(self._post.pictures, self._errand.target.max_pictures)
        if (left := len({p.url for p in self._post.pictures}) - len(wanted)) > 0:
            self.note(f"pictures: {left} beyond the target's max_pictures or doubles")
        async with asyncio.TaskGroup() as group:
            for ref in wanted:
                if (had := self._pictures.get(ref.url)) is not None and had.response is not None:
                    continue
                group.create_task(self._fetch_picture(ref, gate))

    def snapshot(self) -> Snapshot:
        """Everything had so far, in the post's own order."""
        errand = self._errand
        refs = unique_pictures(self._post.pictures, errand.target.max_pictures)
        # The listing's picture, had first, need not stand on the page.
        refs += tuple(p.ref for url, p in self._pictures.items() if url not in {ref.url for ref in refs})
        missing = "stopped before it came" if self._passing else "not fetched"
        return Snapshot(
            target=errand.target.name,
            target_digest=errand.target.digest,
            observation=errand.observation,
            post=self._post,
            listing=errand.listing,
            page=self._page,
            pictures=tuple(
                self._pictures.get(ref.url, PictureCapture(ref=ref, absent=missing)) for ref in refs
            ),
            listed_at=errand.listed_at,
            captured_at=self._clock.now(),
            previous=errand.previous,
            absences=tuple(self._absences),
            robots_override=errand.target.robots_override,
            feed_kind=errand.target.kind,
            feed_url=errand.target.url,
        )

    async def _fetch_page(self) -> None:
        if self._page is None:
            try:
                self._page = await self._get(self._post.url, "page")
            except FeedTrouble as trouble:
                self._keep_wall(trouble)
                self.note(f"page: {trouble.why}", passing=is_passing(trouble))
                return
        page, target = self._page, self._errand.target
        presence, why = classify(page, self._post.title, target.url)
        if presence is Presence.ALIVE:
            self.alive_at = sure_at(page)
        else:
            # A listing that still shows the post makes its page's 404 doubtful: some servers
            # answer one in passing, so the page is asked for again.
            is_listed = self._errand.listing is not None or self._errand.shown
            doubtful = is_listed and presence.says_gone
            self.note(f"page: {why}", passing=doubtful or presence in _PASSING)
            if not page.shortfall:
                return
        try:
            found = await self._readers.detail(
                target.kind, page, self._post, target.rules, page.first_byte_at
            )
            self._post, self.page_print = found.post, found.alone
        except BadPage as bad:
            self.note(f"page: could not be read: {bad.why}")

    def _keep_wall(self, trouble: FeedTrouble) -> None:
        """A wall that stood in front is evidence of what was met; keep its bytes."""
        answer = getattr(trouble, "response", None)
        if isinstance(trouble, Blocked) and isinstance(answer, Response):
            self._page = answer

    async def _fetch_picture(self, ref: PictureRef, gate: asyncio.Semaphore) -> None:
        async with gate:
            try:
                answer = await self._picture(ref.url)
            except FeedTrouble as trouble:
                self._lose(ref, trouble.why, passing=is_passing(trouble))
                return
        if answer.status != 200 or not answer.body:
            why = f"answered {answer.status} {answer.reason}".rstrip()
            self._lose(ref, why if answer.status != 200 else "empty body", passing=answer.status >= 500)
            return
        if answer.shortfall:
            self.note(f"picture {ref.url}: {answer.shortfall}", passing=True)
        self._pictures[ref.url] = PictureCapture(ref=ref, response=answer, absent=answer.shortfall)

    async def _picture(self, url: str) -> Response:
        if self._shelf is None:
            return await self._get(url, "picture")
        return await self._shelf.get(
            url, self._clock.now, lambda validators: self._get(url, "picture", validators)
        )

    def _lose(self, ref: PictureRef, why: str, *, passing: bool) -> None:
        self._pictures[ref.url] = PictureCapture(ref=ref, absent=why)
        self._passing = self._passing or passing

    async def _get(self, url: str, purpose: str, validators: Validators | None = None) -> Response:
        """A whole answer if `TRIES` attempts can get one, else the best that came."""
        best: Response | None = None
        for attempt in range(1, TRIES + 1):
            try:
                answer = await self._fetches.get(
                    url, self._errand.target, purpose=purpose, validators=validators
                )
            except FeedTrouble as trouble:
                if attempt == TRIES or not isinstance(trouble, (HostDown, AskedToWait)):
                    if best is not None:
                        return best
                    raise
            else:
                answer = replace(answer, attempt=attempt)
                if not answer.shortfall and answer.status < 500:
                    return answer
                best = _better(best, answer)
            if attempt < TRIES:
                await self._clock.sleep(PAUSE_S * 2 ** (attempt - 1))
        if best is None:  # every attempt raised, and the last one left above
            raise HostDown(url, "no answer")
        return best


def _better(old: Response | None, new: Response) -> Response:
    """The more useful of two imperfect answers: a success before an error, then the longer."""
    if old is None:
        return new
    return max(old, new, key=lambda r: (r.status < 500, len(r.body)))


def is_passing(trouble: FeedTrouble) -> bool:
    """Whether the same request may succeed a little later."""
    return isinstance(trouble, (HostDown, AskedToWait, Blocked))


def tells_by_picture(post: Post) -> bool:
    """Whether the listing says next to nothing of a post."""
    return sum(map(str.isalnum, f"{post.title}{post.text}"[:200])) < FEW_LETTERS


def unique_pictures(refs: tuple[PictureRef, ...], limit: int) -> tuple[PictureRef, ...]:
    """Pictures in page order, each address once, at most `limit`; avatars are not evidence."""
    seen: dict[str, PictureRef] = {}
    for ref in refs:
        if ref.role != "avatar":
            seen.setdefault(ref.url, ref)
    return tuple(seen.values())[: max(limit, 0)]


async def run_within(capture: Capture, deadline_s: float) -> Snapshot:
    """Run a capture for at most `deadline_s` seconds and give what came.

    Cancellation passes through; the caller then seals `capture.snapshot()` as far as it came.
    """
    try:
        async with asyncio.timeout(deadline_s):
            await capture.run()
    except TimeoutError:
        capture.note(f"deadline of {deadline_s:g} s reached", passing=True)
    return capture.snapshot()
