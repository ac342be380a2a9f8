"""What each site has on show at an instant: the newest first, paged, as its listing sees it.

Built once from the world; every answer is a lookup, so the same instant always gives the
same shelf. A site with a lag shows the shelf of its last cache tick.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from nightmarket.model import Advert, Site, Span, World

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Shelf:
    """The adverts of one site."""

    def __init__(self, site: Site, adverts: tuple[Advert, ...]) -> None:
        self.site = site
        self.adverts = adverts
        self.by_id = {advert.post_id: advert for advert in adverts}
        self._instants, self._shown = _history(adverts)

    def listing_time(self, now: datetime) -> datetime:
        """The instant whose state the listing shows at `now`."""
        lag = self.site.lag_s
        if not lag:
            return now
        return _EPOCH + timedelta(seconds=(now - _EPOCH).total_seconds() // lag * lag)

    def on_show(self, now: datetime) -> tuple[Advert, ...]:
        """All posts in the listing at `now`, newest first, beyond what one page holds."""
        at = bisect_right(self._instants, self.listing_time(now)) - 1
        return self._shown[at] if at >= 0 else ()

    def page(self, now: datetime, number: int) -> tuple[Advert, ...]:
        """Page `number` (from 1) of the listing."""
        size = self.site.page_size
        return self.on_show(now)[(number - 1) * size : number * size]

    def has_page(self, now: datetime, number: int) -> bool:
        """Whether there is anything on page `number`."""
        return len(self.on_show(now)) > (number - 1) * self.site.page_size

    def reach(self) -> dict[str, tuple[Span, ...]]:
        """By key: when a reader of the configured pages could see each post in the listing.

        Not clipped to the post's own life: a lagging listing shows what is gone.
        """
        spans: dict[str, list[Span]] = {advert.key: [] for advert in self.adverts}
        since: dict[str, datetime] = {}
        for instant, shown in zip(self._instants, self._shown, strict=True):
            within = {advert.key for advert in shown[: self.site.reach]}
            for key in since.keys() - within:
                spans[key].append(Span(begin=since.pop(key), end=instant))
            for key in within - since.keys():
                since[key] = instant
        for key, begin in since.items():
            spans[key].append(Span(begin=begin, end=begin + timedelta(days=1)))
        return {key: tuple(self._lagged(span) for span in found) for key, found in spans.items()}

    def _lagged(self, span: Span) -> Span:
        lag = self.site.lag_s
        if not lag:
            return span
        return Span(begin=_next_tick(span.begin, lag), end=_next_tick(span.end, lag))


def _next_tick(moment: datetime, lag: float) -> datetime:
    return _EPOCH + timedelta(seconds=-(-(moment - _EPOCH).total_seconds() // lag) * lag)


def _history(adverts: tuple[Advert, ...]) -> tuple[list[datetime], list[tuple[Advert, ...]]]:
    """Instants at which the listing changes, and what it shows from each of them on."""
    changes: list[tuple[datetime, int, Advert]] = []
    for advert in adverts:
        for span in advert.alive:
            changes.append((span.begin, 1, advert))
            changes.append((span.end, 0, advert))
    changes.sort(key=lambda c: (c[0], c[1], c[2].key))
    instants: list[datetime] = []
    shown: list[tuple[Advert, ...]] = []
    current: list[Advert] = []
    for instant, appears, advert in changes:
        if appears:
            current.append(advert)
            current.sort(key=lambda a: (a.published, a.key), reverse=True)
        elif advert in current:
            current.remove(advert)
        if instants and instants[-1] == instant:
            shown[-1] = tuple(current)
        else:
            instants.append(instant)
            shown.append(tuple(current))
    return instants, shown


def shelves(world: World) -> dict[int, Shelf]:
    """The shelf of every site by its number."""
    own: dict[int, list[Advert]] = {site.number: [] for site in world.sites}
    for advert in world.adverts:
        own[advert.site].append(advert)
    return {site.number: Shelf(site, tuple(own[site.number])) for site in world.sites}
