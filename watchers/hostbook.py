"""What was asked of each host, counted for status, metrics and the politeness report.

Only numbers; decides nothing. Counters of at most `HOSTS` hosts are held, the longest
unused are forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass

HOSTS = 20_000


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


@dataclass(slots=True)
class Count:
    """The running counters of one host."""

    asked: int = 0
    answered: int = 0
    not_modified: int = 0
    asked_to_wait: int = 0
    walls: int = 0
    troubles: int = 0
    body_bytes: int = 0
    robots_allowed: int = 0
    robots_forbidden: int = 0
    robots_overridden: int = 0


class HostBook:
    """Counters by host name."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, Count] = OrderedDict()

    def of(self, host: str) -> Count:
        """The counters of `host`, to be added to."""
        count = self._counts.get(host)
        if count is None:
            count = self._counts[host] = Count()
            if len(self._counts) > HOSTS:
                self._counts.popitem(last=False)
        return count

    def asked(self, host: str) -> int:
        """Requests sent to `host` so far; 0 for one that was never met."""
        count = self._counts.get(host)
        return count.asked if count is not None else 0

    def asked_in_all(self) -> int:
        """Requests sent so far to all hosts that are counted."""
        return sum(count.asked for count in self._counts.values())

    def facts(self, host: str) -> HostFacts:
        """The counters of `host` as they stand."""
        return HostFacts(host=host, **asdict(self.of(host)))

    def hosts(self) -> tuple[str, ...]:
        """All hosts counted, in the order they were met."""
        return tuple(self._counts)
