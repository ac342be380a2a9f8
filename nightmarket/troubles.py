"""When each site is unwell: the faults of the specification, laid over a night.

Stretches are given as shares of the played time, so that a slice meets all of them too;
lengths are the specification's own (20 minutes down, 15 minutes captcha, ...).
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from nightmarket.model import Site, Span, Trouble

CHAT = 0
"""The site number of faults that are not a site's: the chat's, and the daemon's own."""


def troubles(
    seed: int, size: str, start: datetime, end: datetime, sites: tuple[Site, ...]
) -> tuple[Trouble, ...]:
    """All faults of a night, in order of time."""
    rng = random.Random(f"{seed} troubles")
    length = end - start
    found = []
    for site in sites:
        for trait in sorted(site.traits):
            found += [Trouble(site=site.number, kind=k, span=s) for k, s in _of(trait, start, length, rng)]
    found += [Trouble(site=CHAT, kind=k, span=s) for k, s in _common(size, start, length, rng)]
    return tuple(sorted(found, key=lambda t: (t.span.begin, t.site, t.kind)))


def _of(trait: str, start: datetime, length: timedelta, rng: random.Random) -> list[tuple[str, Span]]:
    """The troubles that a trait means, as (kind, stretch)."""
    draw = rng.uniform
    plans: dict[str, tuple[str, list[tuple[float, float]]]] = {
        "down": ("down", [(draw(0.30, 0.45), 20)]),
        "captcha": ("captcha", [(draw(0.50, 0.62), 15)]),
        "layout": ("layout", [(draw(0.56, 0.60), 24 * 60)]),
        "busy": ("busy", [(0.2 + 0.16 * n + draw(0, 0.05), draw(1.5, 3)) for n in range(5)]),
        "login": ("login", [(share + draw(0, 0.1), draw(4, 6)) for share in (0.3, 0.7)]),
        # Shorter than any honest confirmation of a deletion: a database that hiccups.
        "blips": (
            "blip",
            [(share + draw(0, 0.08), draw(0.75, 1.6)) for share in (0.15, 0.3, 0.45, 0.6, 0.75)],
        ),
    }
    kind, stretches = plans.get(trait, ("", []))
    return [(kind, _span(start + length * share, minutes)) for share, minutes in stretches]


def _span(begin: datetime, minutes: float) -> Span:
    return Span(begin=begin, end=begin + timedelta(minutes=minutes))


def _common(size: str, start: datetime, length: timedelta, rng: random.Random) -> list[tuple[str, Span]]:
    """The chat's outage, the daemon's one kill, and (full size) the minute of a full disk."""
    found = []
    outage = start + length * rng.uniform(0.52, 0.58)
    found.append(("chat-down", Span(begin=outage, end=outage + timedelta(minutes=10))))
    kill = start + length * rng.uniform(0.40, 0.48)
    found.append(("kill", Span(begin=kill, end=kill)))
    if size == "full":
        disk = start + length * rng.uniform(0.62, 0.66)
        found.append(("disk-full", Span(begin=disk, end=disk + timedelta(minutes=1))))
    return found
