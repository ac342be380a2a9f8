"""Alerts that no database holds: a bounded queue in memory for each channel, while the disk refuses.

Late beats never and memory beats nothing: what waits here is lost if the process ends.
When a queue is full, the oldest quietest alert makes room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from storage.model import Alert, Delivery

log = structlog.get_logger(__name__)

MOST_WAITING = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One alert on its way to one channel. uncertain: an earlier try may have arrived."""

    alert: Alert
    sheet: bytes = b""
    attempts: int = 0
    uncertain: bool = False

    def delivery(self, channel: str) -> Delivery:
        """As a channel is given it; its number is that of no row."""
        return Delivery(
            delivery_id=0,
            channel=channel,
            alert=self.alert,
            attempts=self.attempts,
            uncertain=self.uncertain,
        )

    def again(self, *, uncertain: bool) -> Waiting:
        """After a try that failed."""
        return replace(self, attempts=self.attempts + 1, uncertain=self.uncertain or uncertain)


class UnwrittenAlerts:
    """What waits for each channel, loudest first, then oldest. It outlives the lanes."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Waiting]] = {}
        self.forgotten = 0

    def add(self, alert: Alert, channels: Sequence[str], sheet: bytes = b"") -> None:
        """Put an alert on its way; without channels it is only in the log."""
        for channel in channels:
            self.put(channel, Waiting(alert=alert, sheet=sheet))

    def put(self, channel: str, waiting: Waiting) -> None:
        """Queue it behind what is as loud; beyond `MOST_WAITING` the quietest oldest one is dropped."""
        queue = self._waiting.setdefault(channel, deque())
        rank = waiting.alert.tier.rank
        place = next((n for n, other in enumerate(queue) if other.alert.tier.rank > rank), len(queue))
        queue.insert(place, waiting)
        if len(queue) > MOST_WAITING:
            least = max(other.alert.tier.rank for other in queue)
            oldest = next(n for n, other in enumerate(queue) if other.alert.tier.rank == least)
            del queue[oldest]
            self.forgotten += 1
            log.error("an alert that could not be written down was dropped", channel=channel)

    def put_back(self, channel: str, waiting: Waiting) -> None:
        """In front again, after a try that failed."""
        self._waiting.setdefault(channel, deque()).appendleft(waiting)

    def take(self, channel: str) -> Waiting | None:
        """The next one for a channel, or None."""
        queue = self._waiting.get(channel)
        return queue.popleft() if queue else None

    def depth(self) -> int:
        """Waiting over all channels."""
        return sum(map(len, self._waiting.values()))
