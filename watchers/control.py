"""Asking a site about one post, and the control beside an answer that says "gone".

The control is another page of the site, alive right after the look. Without it nothing is
concluded: a site that has lost all its post pages has deleted none. A
page that was alive before the look shows nothing: the site may have lost them in between.
Pages that were found missing themselves a moment ago are not asked for, and those that were
alive most recently come first: where many posts went at once, the living are found soon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

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
SPENT = timedelta(seconds=60)
"""How long a page that was found missing is not asked for as a control."""
KEPT = 4_096
"""Pages of which the last word is kept, over all targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What was alive right after a look, or "", and then why nothing was."""

    alive: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a page said of itself last, and when."""

    alive: bool
    at: datetime


class Controls:
    """The last sign of life of each target's site, and the asking for one."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._signs: dict[str, tuple[datetime, str]] = {}
        self._words: dict[tuple[str, str], Word] = {}

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
        elif presence.says_gone:
            self._note(row.target, row.url, Word(alive=False, at=page.ended_at))
        return Look(presence=presence, why=why, page=page, started_at=since, ended_at=page.ended_at)

    def alive(self, watch: Watch, at: datetime, url: str) -> None:
        """A page of the target's site was alive at `at`."""
        self._signs[watch.target.name] = (at, url)
        self._note(watch.target.name, url, Word(alive=True, at=at))

    def _note(self, target: str, url: str, word: Word) -> None:
        self._words.pop((target, url), None)
        self._words[target, url] = word
        if len(self._words) > KEPT:
            del self._words[next(iter(self._words))]

    async def control(self, row: Watched, watch: Watch, look: Look) -> Control:
        """Another page of the site, asked for after the look and alive, or why there is none."""
        if look.presence is Presence.SKIPPED:
            return Control(alive="the neighbours in the same listing")
        sign = self._signs.get(watch.target.name)
        if sign is not None and sign[0] >= look.ended_at and sign[1] != row.url:
            return Control(alive=sign[1])
        others = await self._others(row, watch)
        if not others:
            # With no other post to ask for, the listing itself must answer; with others, it
            # does not count: a site may have lost all its post pages and still list them.
            url = watch.target.url
            return Control(alive=url) if await self._answers(url, watch) else Control(why=_NO_LISTING)
        asked = hopeful(others, self._words, self._kit.clock.now())
        for url in asked:
            if await self._answers(url, watch):
                return Control(alive=url)
        return Control(why=none_alive(len(asked)))

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

    async def _others(self, row: Watched, watch: Watch) -> tuple[Watched, ...]:
        """The other posts that were listed last and are not known to be gone, in page order.

        Right after a start, and by day, no listing was read yet: then those whose vigil goes on.
        """
        if watch.seen is None:
            going_on = await self._kit.store.vigils_open(row.target)
            return tuple(r for r in reversed(going_on) if r.url not in ("", row.url))
        listed = {i: u for i, u in watch.listed_urls()[:20] if i != row.post_id and u not in ("", row.url)}
        known = await self._kit.store.known(row.target, list(listed))
        rows = ((known[i], u) for i, u in listed.items() if i in known and not known[i].closed)
        return tuple(other if other.url == u else replace(other, url=u) for other, u in rows)

    async def _answers(self, url: str, watch: Watch) -> bool:
        try:
            page = await self._kit.fetches.get(url, watch.target, purpose="control")
        except FeedTrouble:
            return False
        presence, _ = classify(page, "", watch.target.url)
        if presence is Presence.ALIVE:
            self.alive(watch, sure_at(page), url)
        elif presence.says_gone:
            self._note(watch.target.name, url, Word(alive=False, at=page.ended_at))
        return presence is Presence.ALIVE


_NO_LISTING = "there is no other post, and the listing did not answer"


def none_alive(asked: int) -> str:
    """What is said of a look beside which none of so many other pages was alive."""
    if not asked:
        return "no other page was asked for: each was found missing within the last minute"
    if asked == 1:
        return "the one other page that was tried was not alive"
    return f"none of the {asked} other pages tried was alive"


def hopeful(others: Sequence[Watched], words: Mapping[tuple[str, str], Word], now: datetime) -> list[str]:
    """Addresses of a few posts, those alive most recently first, those suspected to be gone last.

    words: what each page said last, by target and address. One that said "gone" a moment ago is
    left out. A post is suspected when that word is older, or its own vigil misses it.
    """
    ranked: list[tuple[bool, datetime, str]] = []
    for row in others:
        word = words.get((row.target, row.url))
        if word is not None and not word.alive and now - word.at < SPENT:
            continue
        suspected = row.missing_looks > 0 if word is None else not word.alive
        alive_at = max(row.last_seen_at, word.at) if word is not None and word.alive else row.last_seen_at
        ranked.append((suspected, alive_at, row.url))
    ranked.sort(key=lambda one: one[1], reverse=True)
    ranked.sort(key=lambda one: one[0])
    return [url for _, _, url in ranked][:OTHERS]


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
