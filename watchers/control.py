"""Asking a site about one post, and the control beside an answer that says "gone".

The control is another page of the site, alive right after the look. Without it nothing is
concluded: a site that has lost all its post pages has deleted none. A
page that was alive before the look shows nothing: the site may have lost them in between.
"""

from __future__ import annotations

from datetime import datetime

from storage.errors import FeedTrouble
from storage.model import Presence, Response, Watched
from watchers.feed import Feed
from watchers.kit import Kit
from watchers.presence import Look, classify, classify_trouble, sure_at
from watchers.seen import Seen
from watchers.watch import Watch

FRESH_S = 60.0
"""How much older than one interval a listing may be to say something about a post."""
_OK = 200
OTHERS = 3
"""Other posts that are asked for at most, until one is alive."""


class Controls:
    """The last sign of life of each target's site, and the asking for one."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._signs: dict[str, tuple[datetime, str]] = {}

    async def ask(self, row: Watched, watch: Watch, feed: Feed) -> Look:
        """One look at a post: its own page, or the last listing when it has none."""
        if not feed.OWN_PAGE or row.url == watch.target.url:
            return read_listing(row, watch, self._kit.clock.now())
        started = self._kit.clock.now()
        try:
            page = await self._kit.fetches.get(row.url, watch.target, purpose="page")
        except FeedTrouble as trouble:
            presence, why = classify_trouble(trouble)
            return Look(presence=presence, why=why, started_at=started, ended_at=self._kit.clock.now())
        title = (await self._kit.store.evidence(row.evidence_id)).post.title
        presence, why = classify(page, title, watch.target.url)
        since = page.started_at
        if presence is Presence.ALIVE:
            since = sure_at(page)
            self.alive(watch, since, row.url)
            if row.post_id not in watch.shown:
                why = Presence.OFF_FEED.value
        return Look(presence=presence, why=why, page=page, started_at=since, ended_at=page.ended_at)

    def alive(self, watch: Watch, at: datetime, url: str) -> None:
        """A page of the target's site was alive at `at`."""
        self._signs[watch.target.name] = (at, url)

    async def control(self, row: Watched, watch: Watch, look: Look) -> str:
        """The address of another page of the site, asked for after the look and alive, or ""."""
        if look.presence is Presence.SKIPPED:
            return "the neighbours in the same listing"
        sign = self._signs.get(watch.target.name)
        if sign is not None and sign[0] >= look.ended_at and sign[1] != row.url:
            return sign[1]
        others = await self._others(row, watch)
        # With no other post to ask for, the listing itself must answer; with others, it
        # does not count: a site may have lost all its post pages and still list them.
        for url in others or (watch.target.url,):
            if await self._answers(url, watch):
                return url
        return ""

    async def last_listing(self, row: Watched, watch: Watch) -> Response | None:
        """The listing, asked for once more, when it shows the neighbours of a post and not the post.

        It is kept with the look that ends the post's life: without it there would be no bytes to
        show. None when it could not be had or says something else.
        """
        target = watch.target
        try:
            page = await self._kit.fetches.get(target.url, target, purpose="control")
            if page.status != _OK or page.shortfall:
                return None
            read = await self._kit.readers.parse(target.kind, page, target.rules, page.first_byte_at)
        except FeedTrouble:
            return None
        posts = tuple((post.post_id, post.url) for post in read.listing.posts)
        seen = Seen(posts=posts, started_at=sure_at(page), ended_at=page.ended_at)
        listed = any(post_id == row.post_id for post_id, _ in posts)
        return page if not listed and seen.brackets(row.post_id) else None

    async def _others(self, row: Watched, watch: Watch) -> tuple[str, ...]:
        """Addresses of a few other posts that were listed last and are not known to be gone.

        Right after a start, and by day, no listing was read yet: then those whose vigil goes on.
        """
        if watch.seen is None:
            going_on = await self._kit.store.vigils_open(row.target)
            return tuple(r.url for r in reversed(going_on) if r.url not in ("", row.url))[:OTHERS]
        listed = {i: u for i, u in watch.listed_urls()[:20] if i != row.post_id and u not in ("", row.url)}
        known = await self._kit.store.known(row.target, list(listed))
        return tuple(u for i, u in listed.items() if i in known and not known[i].closed)[:OTHERS]

    async def _answers(self, url: str, watch: Watch) -> bool:
        try:
            page = await self._kit.fetches.get(url, watch.target, purpose="control")
        except FeedTrouble:
            return False
        alive = classify(page, "", watch.target.url)[0] is Presence.ALIVE
        if alive:
            self.alive(watch, sure_at(page), url)
        return alive


def read_listing(row: Watched, watch: Watch, now: datetime) -> Look:
    """Presence by the last listing, for posts without a page that could tell."""
    seen = watch.seen
    if seen is None or (now - seen.started_at).total_seconds() > FRESH_S + watch.spacing_s:
        return Look(presence=Presence.UNKNOWN, why="no fresh listing", started_at=now, ended_at=now)
    if row.post_id in watch.shown:
        presence, why = Presence.ALIVE, "listed"
    elif seen.brackets(row.post_id):
        presence, why = Presence.SKIPPED, "listed neighbours, but not the post"
    else:
        presence, why = Presence.OFF_FEED, "rolled off the listing"
    return Look(presence=presence, why=why, started_at=seen.started_at, ended_at=seen.ended_at)
