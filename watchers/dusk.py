"""First polls that are laid out together, of a start and of a night that begins.

At nine in the evening ten thousand targets begin that rested by day, and every host is met anew:
its robots.txt is hours old and its connections are closed. That is a start as any other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from storage.model import HostLimit
from watchers.firsts import evened
from watchers.timetable import Nights, Plan
from watchers.watch import Watch

KEY = "\0dusk"
"""In the heap of due times; no target is called so."""
AHEAD_S = 20.0
"""So long before the first poll of a night its first polls are laid out."""

Planned = tuple[Watch, Plan]


def laid_out(
    plans: Sequence[Planned], begin: datetime, within_s: float, fixed: Mapping[str, HostLimit]
) -> list[Planned]:
    """First polls, some a little later, so that no second has more requests than another (`firsts`).

    fixed: the admin's own limits by host.
    """
    firsts = [w.first(plan, begin, within_s, fixed=fixed.get(w.host)) for w, plan in plans]
    due_s = evened(first for first in firsts if first is not None)
    return [
        (watch, plan if first is None else watch.poll_at(begin + timedelta(seconds=due_s[first.name])))
        for (watch, plan), first in zip(plans, firsts, strict=True)
    ]


def tonight(
    watches: Collection[Watch], now: datetime, nights: Nights, fixed: Mapping[str, HostLimit]
) -> tuple[list[Planned], float]:
    """First polls of the nights that begin next, laid out, and seconds until the nights after those.

    watches: those that rest and whose first poll is planned. The seconds are infinite when there are no more.
    """
    found: defaultdict[datetime, list[Planned]] = defaultdict(list)
    for watch in watches:
        if watch.planned is not None:
            found[nights.until(watch.target.window, now)].append((watch, Plan(at=watch.planned, polls=True)))
    plans, later_s = list[Planned](), math.inf
    for begin, some in found.items():
        ahead_s = min((plan.at - now).total_seconds() for _, plan in some) - AHEAD_S
        if ahead_s <= AHEAD_S:
            plans += laid_out(some, begin, math.inf, fixed)
        else:
            later_s = min(later_s, ahead_s)
    return plans, later_s
