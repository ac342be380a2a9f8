"""What pacing has to go by: windows and hours of the moment, limits of hosts, and what others ask of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from storage.model import HostLimit, NightWindow, Target
from watchers import hours

SOON_S = 60.0
"""A window that opens within this counts as open: until the next plan."""
OTHERS_WEIGHT = 0.2
"""Of the last minute in what captures, vigil and pictures are thought to need of a host."""


class Places:
    """Where targets are polled. hosts: a number for each; host: of each target by name."""

    def __init__(self, targets: Iterable[Target], fixed: Mapping[str, HostLimit]) -> None:
        """fixed: the admin's own limits, which outrank those of the targets."""
        self.targets = tuple(targets)
        self.hosts = numbered(self.targets)
        self.host = {target.name: host_of(target) for target in self.targets}
        self._limit = _strictest(self.targets, self.hosts)
        for host, row in self.hosts.items():
            if (word := fixed.get(host)) is not None:
                self._limit[row] = word.requests_per_s

    def limits(self, asked: Asked) -> list[float]:
        """Requests/s of each host: as configured, and never beyond its gate (a Crawl-delay)."""
        return [
            min(limit, 1.0 / spacing_s) if (spacing_s := asked.spacing_s(host)) > 0 else limit
            for host, limit in zip(self.hosts, self._limit, strict=True)
        ]


class Asked(Protocol):
    """What the fetching room counts (`fetch.Fetcher`)."""

    @property
    def overall_per_s(self) -> float: ...
    def asked(self, host: str) -> int:
        """Requests sent to a host so far."""
        ...

    def asked_in_all(self) -> int:
        """Requests sent so far."""
        ...

    def spacing_s(self, host: str) -> float:
        """Seconds between two starts at a host; 0 when not known."""
        ...


class Others:
    """What is asked of hosts beside polls, per second: a running mean."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._before: dict[str, int] = {}
        self._in_all = 0
        self._at_s: float | None = None
        self._mean: dict[str, float] = {}
        self._mean_in_all = 0.0

    def measure(
        self, places: Places, polled: Iterable[str], now_s: float
    ) -> tuple[float, list[float], float, int]:
        """(seconds since the last time, requests/s by host, of all hosts, polls since then).

        polled: the target of each good poll since the last time.
        """
        where = places.host
        polls = Counter(where[name] for name in polled if name in where)
        count = {host: self._asked.asked(host) for host in places.hosts}
        in_all, made = self._asked.asked_in_all(), polls.total()
        span_s = max(now_s - self._at_s, 1.0) if self._at_s is not None else SOON_S
        if self._at_s is not None:
            self._mean = {
                host: _running(
                    self._mean.get(host, 0.0), number - self._before.get(host, 0) - polls[host], span_s
                )
                for host, number in count.items()
            }
            self._mean_in_all = _running(self._mean_in_all, in_all - self._in_all - made, span_s)
        self._before, self._in_all, self._at_s = count, in_all, now_s
        means = [self._mean.get(host, 0.0) for host in places.hosts]
        return span_s, means, self._mean_in_all, made

    def tight(self, polls_per_s: float) -> bool:
        """Whether so many polls are about all that the overall budget allows."""
        return polls_per_s >= 0.9 * (self._asked.overall_per_s - self._mean_in_all)


class Nights:
    """Windows and local hours at one instant, each worked out once."""

    def __init__(self, now: datetime) -> None:
        self._now, self._soon = now, now + timedelta(seconds=SOON_S)
        self._night: dict[NightWindow, bool] = {}
        self._hour: dict[str, int] = {}

    def is_night(self, window: NightWindow) -> bool:
        """Whether it is night, or will be within a minute."""
        known = self._night.get(window)
        if known is None:
            known = hours.is_night(window, self._now) or hours.is_night(window, self._soon)
            self._night[window] = known
        return known

    def interval_s(self, target: Target) -> float | None:
        """What is configured for now; None for a target that rests."""
        return target.interval_s if self.is_night(target.window) else target.day_interval_s

    def hour(self, window: NightWindow) -> int:
        """The local hour."""
        known = self._hour.get(window.zone)
        if known is None:
            known = self._hour[window.zone] = self._now.astimezone(ZoneInfo(window.zone)).hour
        return known


def host_of(target: Target) -> str:
    """The host whose limit a target's polls count against, "" when its address has none."""
    try:
        return (urlsplit(target.url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def numbered(targets: Iterable[Target]) -> dict[str, int]:
    """A number for each host, in the order of the targets."""
    found: dict[str, int] = {}
    for target in targets:
        found.setdefault(host_of(target), len(found))
    return found


def _running(mean: float, number: int, span_s: float) -> float:
    return mean + OTHERS_WEIGHT * (max(0, number) / span_s - mean)


def _strictest(targets: Iterable[Target], hosts: Mapping[str, int]) -> list[float]:
    found = [math.inf] * len(hosts)
    for target in targets:
        row = hosts[host_of(target)]
        found[row] = min(found[row], target.host_limit.requests_per_s)
    return found
