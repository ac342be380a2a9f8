"""What was asked of each host, counted for status, metrics and the politeness report.

Only numbers; decides nothing. Totals run since the start; what is new goes to the report's
rows by `take`, split by the hours of the wall clock. Counted is what happened: the spans
between the instants at which requests went out, how many were out at once, and whether one
went out while the host was to be left alone. Counters of at most `HOSTS` hosts are held,
the longest unused are forgotten first; what was counted of them is still handed over.
"""

# ruff: noqa: PLR1730 -- max() is a call, and these lines run for every request

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from storage.manners import OTHERS, HostHour, Override, Pause, Taken
from storage.model import Target
from watchers.hostcount import Count, Overriding, Told

HOSTS = 20_000
"""Hosts counted, and hosts with a row of their own in one hour; the rest is one row, `OTHERS`."""
MOST_PAUSES = 60
"""Pauses of one host in one hour that are written down one by one; all are counted."""
_HOUR_S = 3_600
_SLACK_S = 1e-6
"""What rounding may make of two instants of the loop's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """One host so far. asked: requests sent. paused_s: left of a pause. spacing_s: between starts."""

    host: str
    asked: int = 0
    answered: int = 0
    not_modified: int = 0
    asked_to_wait: int = 0
    walls: int = 0
    troubles: int = 0
    body_bytes: int = 0
    in_flight: int = 0
    waiting: int = 0
    paused_s: float = 0.0
    spacing_s: float = 0.0
    robots_allowed: int = 0
    robots_forbidden: int = 0
    robots_overridden: int = 0
    tls_failures: int = 0
    broken: int = 0


class HostBook:
    """Counters by host name. `align` it with the wall clock before anything is counted by hours."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, Count] = OrderedDict()
        self._fresh: list[Count] = []
        self._parts: list[HostHour | Pause | Override] = []
        self._offset_s = 0.0
        self._hour = 0
        self._named: set[str] = set()
        self.pressing = asyncio.Event()
        """Set when something should be kept at once: a host asked to be left alone."""

    def align(self, now: datetime, at: float) -> None:
        """It is `now` at loop time `at`; said again from time to time, since wall clocks are set."""
        wall_s = now.timestamp()
        self._offset_s = wall_s - at
        hour = int(wall_s) // _HOUR_S
        if hour != self._hour:
            self._hour = hour
            self._named.clear()

    def of(self, host: str) -> Count:
        """The counters of `host`, to be added to before anything else is awaited."""
        count = self._counts.get(host)
        if count is None:
            count = self._counts[host] = Count(host, hour=self._hour)
            if len(self._counts) > HOSTS:
                self._counts.popitem(last=False)  # what is new of it is still in `_fresh`
        if not count.fresh:
            self._freshen(count)
        return count

    def asked(self, host: str) -> int:
        """Requests sent to `host` so far; 0 for one that was never met."""
        count = self._counts.get(host)
        return count.asked if count is not None else 0

    def asked_in_all(self) -> int:
        """Requests sent so far to all hosts that are counted."""
        return sum(count.asked for count in self._counts.values())

    def _freshen(self, count: Count) -> None:
        count.fresh = True
        self._fresh.append(count)
        if count.host in self._counts:
            self._counts.move_to_end(count.host)
        if count.hour != self._hour:
            count.turn(self._hour)

    # --- what happens to a request: on the path of each, so additions and little else -----------

    def started(self, count: Count, at: float, spacing_s: float, concurrency: int) -> None:
        """A request went out at loop time `at`, under a limit of so many seconds and so many at once.

        Where the limit was changed since the last one, the looser of both is what it is held to.
        """
        hour = int(at + self._offset_s) // _HOUR_S
        if hour != count.hour:
            self._parts += count.news()
            count.turn(hour)
        count.asked += 1
        self._measure(count, at - count.last_start, spacing_s, concurrency)
        count.last_start, count.spacing_s, count.concurrency = at, spacing_s, concurrency
        second = int(at)
        if second != count.second:
            count.second, count.in_second = second, 0
            if second // 60 != count.minute:
                count.minute, count.in_minute = second // 60, 0
        count.in_second += 1
        count.in_minute += 1
        if count.in_second > count.busiest_second:
            count.busiest_second = count.in_second
        if count.in_minute > count.busiest_minute:
            count.busiest_minute = count.in_minute
        if at < count.left_alone_until - _SLACK_S:
            count.in_pause += 1
        if count.told:
            self._went_on(count, at)

    def _measure(self, count: Count, gap_s: float, spacing_s: float, concurrency: int) -> None:
        """Hold one start against the limit."""
        if gap_s < count.closest_s:
            count.closest_s = gap_s
        if gap_s < spacing_s - _SLACK_S and gap_s < count.spacing_s - _SLACK_S:
            count.too_soon += 1
        if spacing_s < count.spacing_least_s:
            count.spacing_least_s = spacing_s
        if spacing_s > count.spacing_most_s:
            count.spacing_most_s = spacing_s
        count.at_once += 1
        if count.at_once > count.most_at_once:
            count.most_at_once = count.at_once
        if concurrency > count.most_allowed:
            count.most_allowed = concurrency
        if count.at_once > concurrency and count.at_once > count.concurrency:
            count.too_many += 1

    def ended(self, count: Count) -> None:
        """A request that `started` is over, however it ended; its outcome may be added now."""
        count.at_once -= 1
        if not count.fresh:
            self._freshen(count)

    # --- what is rarer ------------------------------------------------------------------------

    def told(
        self, host: str, status: int, *, asked_s: float | None, kept_s: float, now: datetime, at: float
    ) -> None:
        """The host answered 429 or 503 at loop time `at`, named so many seconds, and is given `kept_s`."""
        count = self.of(host)
        if status == 429:
            count.busy_429 += 1
        else:
            count.busy_503 += 1
        count.capped += asked_s is not None and asked_s > kept_s
        count.left_alone_until = max(count.left_alone_until, at + kept_s)
        if count.written_down < MOST_PAUSES:
            count.written_down += 1
            count.told.append(Told(now, status, asked_s, kept_s, at + kept_s))
            self.pressing.set()

    def remember(self, pause: Pause, now: datetime, at: float) -> float:
        """Go on with a pause that an earlier process wrote down; how many seconds of it are left."""
        count = self.of(pause.host)
        left_s = (pause.until - now).total_seconds()
        count.left_alone_until = max(count.left_alone_until, at + left_s)
        told = Told(pause.asked_at, pause.status, pause.asked_s, pause.kept_s, at + left_s)
        told.broken, told.news = pause.broken, False
        count.told.append(told)
        return max(0.0, left_s)

    def _went_on(self, count: Count, at: float) -> None:
        """A host that had asked to be left alone is asked again at loop time `at`."""
        for told in count.told:
            if told.over:
                continue
            if told.next_at is None:
                told.next_at = datetime.fromtimestamp(at + self._offset_s, UTC)
                told.news = True
            if at < told.until - _SLACK_S:
                told.broken += 1
                told.news = True
            else:
                told.over = True

    def overridden(self, count: Count, target: Target) -> None:
        """A request of `target` does not obey robots.txt, for the reason that stands in its stanza."""
        count.robots_overridden += 1
        known = count.overrides.get(target.name)
        if known is None:
            count.overrides[target.name] = Overriding(target, 1)
        elif known.is_of(target):
            known.asked += 1
        else:
            self._parts.append(known.word(count))
            count.overrides[target.name] = Overriding(target, 1)

    # --- handing over -------------------------------------------------------------------------

    def take(self, now: datetime, at: float, most: int) -> Taken:
        """About `most` parts of what is new since it was taken last; empty when nothing is.

        A part that was taken is the caller's to keep: it is not handed over again.
        """
        self.align(now, at)
        self.pressing.clear()
        while self._fresh and len(self._parts) < most:
            count = self._fresh.pop()
            count.fresh = False
            self._parts += count.news()
        parts, self._parts = self._parts[:most], self._parts[most:]
        named = [self._named_within(part) for part in parts]
        return Taken(
            hours=tuple(part for part in named if isinstance(part, HostHour)),
            pauses=tuple(part for part in named if isinstance(part, Pause)),
            overrides=tuple(part for part in named if isinstance(part, Override)),
        )

    def _named_within(self, part: HostHour | Pause | Override) -> HostHour | Pause | Override:
        """The part under its host's name, or under `OTHERS` when this hour has named too many."""
        if part.host in self._named:
            return part
        if len(self._named) < HOSTS:
            self._named.add(part.host)
            return part
        return replace(part, host=OTHERS)

    def facts(self, host: str) -> HostFacts:
        """The counters of `host` as they stand."""
        count = self._counts.get(host) or Count(host)
        return HostFacts(
            host=host,
            asked=count.asked,
            answered=count.answered,
            not_modified=count.not_modified,
            asked_to_wait=count.busy_429 + count.busy_503,
            walls=count.walls,
            troubles=count.troubles,
            body_bytes=count.body_bytes,
            robots_allowed=count.robots_allowed,
            robots_forbidden=count.robots_forbidden,
            robots_overridden=count.robots_overridden,
            tls_failures=count.tls_failures,
            broken=count.too_soon + count.too_many + count.in_pause,
        )

    def hosts(self) -> tuple[str, ...]:
        """All hosts counted, the longest unused first."""
        return tuple(self._counts)
