"""For how long each post could be caught at all: the denominators of the score.

A post can be caught while it is on show in its first wording, stands within the pages
of the listing that the configuration follows, its site answers (not down, no captcha,
no 429 pause, no log-in wall), its target's watch window is open, and the daemon is not
being restarted by the exam itself. `open_spans` gives exactly that time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nightmarket.model import Advert, Site, Span, World
from nightmarket.shelf import shelves

CLOSED = frozenset({"down", "captcha", "busy", "login"})
"""Troubles through which nothing can be had from a site."""


def open_spans(world: World, down: Iterable[Span] = ()) -> dict[str, tuple[Span, ...]]:
    """By key: the stretches in which each post could be caught, in order, inside start..end.

    down: stretches in which the exam had killed the daemon.
    """
    reach: dict[str, tuple[Span, ...]] = {}
    for shelf in shelves(world).values():
        reach |= shelf.reach()
    shut: dict[int, list[Span]] = {}
    for trouble in world.troubles:
        if trouble.kind in CLOSED:
            shut.setdefault(trouble.site, []).append(trouble.span)
    sites = {site.number: site for site in world.sites}
    always = tuple(down)
    found = {}
    for advert in world.adverts:
        site = sites[advert.site]
        spans = overlap(first_wording(advert), reach[advert.key])
        spans = overlap(spans, windows(site, world.start, world.end))
        found[advert.key] = without(spans, (*shut.get(site.number, ()), *always))
    return found


def first_wording(advert: Advert) -> tuple[Span, ...]:
    """When the post showed its first words: an edit that wipes them ends that, as a deletion does."""
    until = min((e.at for e in advert.edits if advert.first.text not in e.wording.text), default=None)
    if until is None:
        return advert.alive
    return tuple(Span(begin=s.begin, end=min(s.end, until)) for s in advert.alive if s.begin < until)


def windows(site: Site, start: datetime, end: datetime) -> tuple[Span, ...]:
    """The watch window of a site's target in start..end: local wall times, over midnight."""
    zone = ZoneInfo(site.zone)
    first, last = (tuple(int(p) for p in text.split(":")) for text in site.window)
    day = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    found = []
    while day < end:
        opens = day.replace(hour=first[0], minute=first[1])
        closes = (day + timedelta(days=last <= first)).replace(hour=last[0], minute=last[1])
        span = Span(begin=max(opens, start), end=min(closes, end))
        if span.seconds:
            found.append(span)
        day += timedelta(days=1)
    return tuple(found)


def overlap(left: Iterable[Span], right: Iterable[Span]) -> tuple[Span, ...]:
    """What lies in both."""
    right = tuple(right)
    both = (Span(begin=max(a.begin, b.begin), end=min(a.end, b.end)) for a in left for b in right)
    return tuple(sorted((s for s in both if s.seconds), key=lambda s: s.begin))


def without(spans: Iterable[Span], holes: Iterable[Span]) -> tuple[Span, ...]:
    """The spans with the holes cut out."""
    left = list(spans)
    for hole in holes:
        parts = []
        for span in left:
            parts.append(Span(begin=span.begin, end=min(span.end, hole.begin)))
            parts.append(Span(begin=max(span.begin, hole.end), end=span.end))
        left = [part for part in parts if part.seconds]
    return tuple(left)


def total_s(spans: Iterable[Span]) -> float:
    """Seconds of all spans."""
    return sum(span.seconds for span in spans)


def longest_s(spans: Iterable[Span]) -> float:
    """Seconds of the longest span."""
    return max((span.seconds for span in spans), default=0.0)


def chance(spans: Iterable[Span], interval_s: float) -> float:
    """Share of all phases of a poll every `interval_s` that meets the post: 1 - max(0, 1 - L/T)."""
    return 1.0 - max(0.0, 1.0 - total_s(spans) / interval_s)
