"""How hosts were treated: the words of the politeness report, and how counts of one hour add up.

Counted where requests go out (`watchers.hostbook`), kept by `storage.manner_rows`. Every
number says what was done, seen from the instants of the requests; the limit stands beside
it as it was in force then, so the report needs no configuration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

SUMS = (
    "asked",
    "answered",
    "not_modified",
    "body_bytes",
    "busy_429",
    "busy_503",
    "capped",
    "walls",
    "troubles",
    "tls_failures",
    "robots_allowed",
    "robots_forbidden",
    "robots_overridden",
    "too_soon",
    "too_many",
    "in_pause",
)
MOSTS = ("busiest_second", "busiest_minute", "most_at_once", "concurrency", "spacing_most_us")
LEASTS = ("spacing_least_us", "closest_us")
"""How the numbers of two parts of one hour become one: added, the larger, the smaller of them."""
OTHERS = "(other hosts)"
"""The name under which hosts beyond the bound are counted together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHour:
    """One host in one hour, or a part of it. hour: its begin, aware UTC.

    asked: requests sent, robots.txt and each hop of a redirect included. busy_429, busy_503:
    answers that asked to be left alone; capped: those that were given less than they asked for.
    too_soon, too_many, in_pause: requests that broke the spacing, the concurrency or such a
    wish. busiest_*: most requests in one second and one minute. closest_us: the shortest span
    between two starts, None when there were not two. spacing_*_us: the shortest and longest
    span that the limit demanded (Crawl-delay included); concurrency: the largest it allowed.
    """

    hour: datetime
    host: str
    asked: int = 0
    answered: int = 0
    not_modified: int = 0
    body_bytes: int = 0
    busy_429: int = 0
    busy_503: int = 0
    capped: int = 0
    walls: int = 0
    troubles: int = 0
    tls_failures: int = 0
    robots_allowed: int = 0
    robots_forbidden: int = 0
    robots_overridden: int = 0
    too_soon: int = 0
    too_many: int = 0
    in_pause: int = 0
    busiest_second: int = 0
    busiest_minute: int = 0
    most_at_once: int = 0
    concurrency: int = 0
    spacing_most_us: int = 0
    spacing_least_us: int | None = None
    closest_us: int | None = None

    @property
    def broken(self) -> int:
        """Requests that broke the limit or a wish to be left alone; one can count more than once."""
        return self.too_soon + self.too_many + self.in_pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A host answered 429 or 503. asked_s: what it named, None for no span; kept_s: what it was given.

    next_at: the first request to it afterwards, None while there was none. broken: requests
    that went out before `until`.
    """

    host: str
    asked_at: datetime
    status: int
    asked_s: float | None
    kept_s: float
    next_at: datetime | None = None
    broken: int = 0

    @property
    def until(self) -> datetime:
        """Until when it is to be left alone."""
        return self.asked_at + timedelta(seconds=self.kept_s)

    @property
    def capped(self) -> bool:
        """Whether it asked for more than it was given."""
        return self.asked_s is not None and self.asked_s > self.kept_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """So many requests of one target in one hour did not obey robots.txt, and whose word that was."""

    hour: datetime
    host: str
    target: str
    why: str
    authorised_by: str
    legal_basis: str
    asked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was counted since it was taken last; each number is handed over once."""

    hours: tuple[HostHour, ...] = ()
    pauses: tuple[Pause, ...] = ()
    overrides: tuple[Override, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.hours or self.pauses or self.overrides)


def merged(one: HostHour, other: HostHour) -> HostHour:
    """Two parts of the same hour of the same host as one. Commutative and associative."""
    changes: dict[str, Any] = {name: getattr(one, name) + getattr(other, name) for name in SUMS}
    changes |= {name: max(getattr(one, name), getattr(other, name)) for name in MOSTS}
    changes |= {name: _least(getattr(one, name), getattr(other, name)) for name in LEASTS}
    return replace(one, **changes)


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def by_hour(parts: Iterable[HostHour]) -> dict[tuple[datetime, str], HostHour]:
    """The parts of each hour and host as one."""
    found: dict[tuple[datetime, str], HostHour] = {}
    for part in parts:
        key = (part.hour, part.host)
        known = found.get(key)
        found[key] = part if known is None else merged(known, part)
    return found
