"""What the loop tells the planner of the polls, and what that tells the loop. Pure, and light to import.

The planner itself computes with NumPy, which a start need not wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchers.turnover import Turnover

if TYPE_CHECKING:
    from watchers.allotment import Short

Told = tuple[str, float, Turnover | None]
"""A good poll: target, instant, and what it showed; None when nothing had changed."""
End = tuple[str, str, float, float]
"""A vanishing that the vigil proved: target, post, last seen, first missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the loop knows when it asks for a plan; sequences by target or by host, in order.

    configured_s: the interval of the moment, nan for a target that rests now. hour: local. host_per_s:
    limits; others_per_s: what captures, vigil and pictures take of them. overspent: polls that were
    made beyond the last plan, in span_s.
    """

    now_s: float
    configured_s: Sequence[float]
    hour: Sequence[int]
    host_per_s: Sequence[float]
    others_per_s: Sequence[float]
    total_per_s: float
    others_in_all_per_s: float = 0.0
    overspent: float = 0.0
    span_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Of one target. met: share of its posts that is expected to be met; short: what costs the rest.

    posts: expected of a whole night.
    """

    row: int
    interval_s: float
    met: float
    short: Short
    posts: float
