"""What an allotment is expected to catch and to miss, and why: the figures that `status` shows.

Pure. Shares are of the posts that appear; what a failing or blocking host costs is not in them
(`standing` tells that).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchers.allotment import Floats, Plan, Short

REASONS = {
    Short.OWN: "some of its posts live shorter than its interval",
    Short.HOST: "its host may not be asked more often",
    Short.NIGHT: "the watch may not ask more often in all, and other targets promise more",
    Short.FLOOR: "few posts are expected of it; it is kept at its longest interval",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Of one target. met: share 0..1 of its posts that is expected to be caught; why: what costs the rest."""

    interval_s: float
    posts_per_h: float
    met: float
    short: Short
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Of all targets. missed_per_h: posts expected to be missed each hour, by what costs them."""

    posts_per_h: float
    caught_per_h: float
    missed_per_h: tuple[tuple[Short, float], ...]
    spent_per_s: float

    @property
    def met(self) -> float:
        """Share of all posts that is expected to be caught; 1 when none are expected."""
        return self.caught_per_h / self.posts_per_h if self.posts_per_h > 0 else 1.0


def expectation(plan: Plan, rate_per_s: Floats, target: int) -> Expectation:
    """What is expected of the target of this index; "" as its reason when it loses next to nothing."""
    short = Short(int(plan.short[target]))
    met = float(plan.met[target])
    return Expectation(
        interval_s=float(plan.interval_s[target]),
        posts_per_h=float(rate_per_s[target]) * 3_600,
        met=met,
        short=short,
        why=REASONS[short] if met < 0.9995 else "",
    )


def forecast(plan: Plan, rate_per_s: Floats) -> Forecast:
    """The sums over all targets."""
    hourly = np.nan_to_num(rate_per_s, nan=0.0) * 3_600
    missed = hourly * (1.0 - plan.met)
    by_reason = np.bincount(plan.short, missed, len(Short))
    return Forecast(
        posts_per_h=float(hourly.sum()),
        caught_per_h=float((hourly * plan.met).sum()),
        missed_per_h=tuple((short, float(by_reason[short])) for short in Short),
        spent_per_s=plan.spent_per_s,
    )
