"""The control beside a look that says "gone": another page of the site, alive right after it.

Without it nothing is concluded: a site that has lost all its post pages has deleted none. A
page that was alive before the look shows nothing: the site may have lost them in between.
"""

from __future__ import annotations

from datetime import datetime

from storage.errors import FeedTrouble
from storage.model import Presence, Watched
from watchers.kit import Kit
from watchers.presence import Look, classify, sure_at
from watchers.watch import Watch

OTHERS = 3
"""Other posts that are asked for at most, until one is alive."""


class Controls:
    """The last sign of life of each target's site, and the asking for one."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._signs: dict[str, tuple[datetime, str]] = {}

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
