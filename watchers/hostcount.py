"""The counters of one host, and the words they are kept as.

Plain additions by `watchers.hostbook`; nothing here decides, waits or reads a clock. Times
that matter for limits are in loop time, whose origin nobody may set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter, sub

from storage.manners import SUMS, HostHour, Override, Pause
from storage.model import Target

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUMS = attrgetter(*SUMS)


@dataclass(slots=True)
class Told:
    """A host's wish to be left alone until loop time `until`. news: not handed over as it stands."""

    at: datetime
    status: int
    asked_s: float | None
    kept_s: float
    until: float
    next_at: datetime | None = None
    broken: int = 0
    over: bool = False
    news: bool = True

    def word(self, host: str) -> Pause:
        """As it is kept."""
        return Pause(
            host=host,
            asked_at=self.at,
            status=self.status,
            asked_s=self.asked_s,
            kept_s=self.kept_s,
            next_at=self.next_at,
            broken=self.broken,
        )


@dataclass(slots=True)
class Overriding:
    """Requests of a target that did not obey robots.txt, not handed over yet."""

    target: Target
    asked: int

    def is_of(self, target: Target) -> bool:
        """Whether `target` has the same reason and authority, though a reload made it anew."""
        mine = self.target
        return mine is target or (
            mine.robots_override == target.robots_override and mine.authority == target.authority
        )

    def word(self, count: Count) -> Override:
        """As it is kept."""
        return Override(
            hour=_begin(count.hour),
            host=count.host,
            target=self.target.name,
            why=self.target.robots_override,
            authorised_by=self.target.authority.authorised_by,
            legal_basis=self.target.authority.legal_basis,
            asked=self.asked,
        )


@dataclass(slots=True)
class Count:
    """The running counters of one host.

    First the totals since the start, then what belongs to `hour` (hours since 1970), then what
    the next request is measured by: the last start and the limit that was in force then.
    """

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

    hour: int = 0
    busiest_second: int = 0
    busiest_minute: int = 0
    most_at_once: int = 0
    most_allowed: int = 0
    closest_s: float = math.inf
    spacing_least_s: float = math.inf
    spacing_most_s: float = 0.0
    written_down: int = 0
    overrides: dict[str, Overriding] = field(default_factory=dict)

    second: int = -1
    in_second: int = 0
    minute: int = -1
    in_minute: int = 0
    at_once: int = 0
    last_start: float = -math.inf
    spacing_s: float = math.inf
    concurrency: int = 0
    left_alone_until: float = -math.inf
    told: list[Told] = field(default_factory=list)

    taken: tuple[int, ...] = (0,) * len(SUMS)
    fresh: bool = False

    def turn(self, hour: int) -> None:
        """Another hour begins; what is out now is out in it."""
        self.hour = hour
        self.busiest_second = self.busiest_minute = self.in_second = self.in_minute = 0
        self.most_at_once, self.most_allowed = self.at_once, self.concurrency
        self.closest_s = self.spacing_least_s = math.inf
        self.spacing_most_s = 0.0
        self.written_down = 0

    def news(self) -> list[HostHour | Pause | Override]:
        """What is new since it was asked last, as it is kept."""
        parts: list[HostHour | Pause | Override] = []
        totals = _SUMS(self)
        new = tuple(map(sub, totals, self.taken))
        if any(new):
            self.taken = totals
            parts.append(self._part(new))
        if self.overrides:
            parts += [known.word(self) for known in self.overrides.values()]
            self.overrides.clear()
        if self.told:
            parts += [told.word(self.host) for told in self.told if told.news]
            self.told = [told for told in self.told if not told.over]
            for told in self.told:
                told.news = False
        return parts

    def _part(self, new: tuple[int, ...]) -> HostHour:
        return HostHour(
            hour=_begin(self.hour),
            host=self.host,
            **dict(zip(SUMS, new, strict=True)),
            busiest_second=self.busiest_second,
            busiest_minute=self.busiest_minute,
            most_at_once=self.most_at_once,
            concurrency=self.most_allowed,
            spacing_most_us=round(self.spacing_most_s * 1e6),
            spacing_least_us=_us(self.spacing_least_s),
            closest_us=_us(self.closest_s),
        )


def _begin(hour: int) -> datetime:
    return _EPOCH + timedelta(hours=hour)


def _us(seconds: float) -> int | None:
    return None if math.isinf(seconds) else round(seconds * 1e6)
