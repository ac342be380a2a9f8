"""What the daemon counts, and what it says of its own health. Adapts the rooms to `vitals`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from bot.vitals import Vitals
from storage.model import Progress, Target

OVERDUE_INTERVALS = 3.0
"""A target that was not polled for so many intervals, although it is due, is overdue."""
GRACE_S = 30.0


class Counts:
    """Metrics of dispatching, beside the watch's own which `Vitals` takes itself."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def delivered(self, channel: str, outcome: str, tier: str, took_s: float) -> None:
        """One try at a delivery ended."""
        del tier
        self._vitals.deliveries_total.labels(channel, outcome).inc()
        if outcome == "delivered":
            self._vitals.capture_to_alert_seconds.observe(took_s)

    def show_targets(self, rows: Iterable[Progress], now: datetime) -> None:
        """Set the gauges of the targets' health and of the oldest good poll."""
        health: Counter[str] = Counter()
        oldest = 0.0
        for row in rows:
            health[row.health] += 1
            if row.last_good_at is not None and row.health not in ("paused", "expired"):
                oldest = max(oldest, (now - row.last_good_at).total_seconds())
        self._vitals.targets.clear()
        for name, count in health.items():
            self._vitals.targets.labels(name).set(count)
        self._vitals.oldest_good_poll_age_seconds.set(oldest)


def overdue(
    targets: Iterable[Target],
    progress: Callable[[str], Progress | None],
    is_due: Callable[[Target], bool],
    started_at: datetime,
    now: datetime,
) -> tuple[str, ...]:
    """Names of the targets that should have been polled by now and were not; pure.

    Reads only what polls left behind, nothing of the scheduler, so it notices a scheduler
    that has silently stopped.
    """
    late = []
    for target in targets:
        if not is_due(target):
            continue
        row = progress(target.name)
        held = row.retry_at if row is not None else None
        if held is not None and held > now:
            continue
        last = max(filter(None, (row.last_poll_at if row else None, held, started_at)))
        if (now - last).total_seconds() > OVERDUE_INTERVALS * target.interval_s + GRACE_S:
            late.append(target.name)
    return tuple(late)
