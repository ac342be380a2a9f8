"""When to look again: pure arithmetic of polling, backing off and watching on.

Nothing here knows a network or a clock; `now` and random numbers are arguments.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from random import Random

FIRST_POLL_WITHIN_S = 5.0
"""After a start a few targets are all polled within this, whatever their phase."""
FIRST_POLLS_PER_S = 20.0
"""Many targets are spread at this rate instead, at most over one interval: no burst at a restart."""
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
LONGEST_BACKOFF_S = 300.0
"""Five minutes: a host that comes back at night must be seen again the same hour, and no
number of failures ever disables a target (facts/monitoring.md, section 10)."""

CONFIRMATIONS = 3
"""Looks that must all say "gone" before a post counts as deleted: single servers answer a
passing 404 (seen in a Mastodon bug report), three in a row over minutes they do not."""
CONFIRM_SPAN_S = 120.0
"""Least time from the first such look to the last: longer than a cache entry or a restart."""
CONFIRM_EVERY_S = 60.0
"""Pause between those looks, so that three of them span two minutes."""
CONTESTED_LOOKS = 16
"""The same, while every listing read since still shows the post: one of the two is wrong. A
quarter of an hour of such looks, since feeds lag by as much (docs/decisions/0010)."""
VIGIL_TICK_S = 1.0
"""How often the vigil asks the store what is due."""
STALE_LOOK_S = 120.0
"""Least time between two looks at posts which a stale listing still shows."""

VIGIL_STEPS_S = (30.0, 30.0, 60.0, 60.0, 120.0, 120.0, 300.0)
"""First looks after a capture: half of the quick sellers delete within eight minutes."""
VIGIL_SHARE = 0.1
"""Afterwards a post is looked at every tenth of its age: the interval reported for its
vanishing is then at most about a tenth of its life."""
VIGIL_LONGEST_S = 900.0
VIGIL_CLOSE_S = 7_200.0
"""So long a post that raised an alert is looked at once per poll of its target: the reported
interval is then no longer than one interval of polls for all but the slowest sellers."""
VIGIL_LOOKS_PER_POLL = 12
"""Own pages of one target looked at per interval of its polls; more posts share these turns."""
VIGIL_UNMATCHED = 4.0
"""Posts of the sample wait this many times longer than those that raised an alert."""


def phase(target_name: str, interval_s: float) -> float:
    """Seconds 0 <= p < interval_s by which a target's polls are shifted; the same after a restart.

    A stable hash spreads any set of targets evenly. The shift is drawn once: redrawing it
    at every poll would cost captures (periodic beats random polling, facts 2.1).
    """
    share = int.from_bytes(hashlib.sha256(target_name.encode("utf-8", "surrogatepass")).digest()[:8])
    return share / 2**64 * interval_s


def first_poll_within(targets: int) -> float:
    """Seconds over which the first polls of so many targets are spread after a start."""
    return max(FIRST_POLL_WITHIN_S, targets / FIRST_POLLS_PER_S)


def even_share(group: str, number: int) -> float:
    """Where in its interval (0 <= share < 1) number `number` (0, 1, ...) of a group is polled.

    Steps of the golden section: any run of numbers, as the targets of one host are, lies
    evenly in the interval, and one more moves none of the others. Drawn by a hash instead,
    ten thousand phases leave seconds with a tenth more polls than the mean.
    """
    return (phase(group, 1.0) + number * GOLDEN) % 1.0


def slot_before(share: float, interval_s: float, now: datetime) -> datetime:
    """The last instant at or before `now` on a target's grid: its share and whole intervals since 1970.

    The grid depends on nothing else, so a watch that starts again falls into step with it.
    """
    offset = share * interval_s
    since = (now.timestamp() - offset) // interval_s * interval_s + offset
    return datetime.fromtimestamp(since, UTC)


def next_poll(planned: datetime, interval_s: float, now: datetime) -> datetime:
    """The first instant after `now` on the grid planned + n * interval_s, n >= 1.

    Slots that were missed are skipped, never made up for in a burst; the phase is kept.
    Raises ValueError when interval_s is not positive.
    """
    if interval_s <= 0:
        raise ValueError("interval_s must be positive")
    behind = max(0.0, (now - planned).total_seconds())
    due = planned + timedelta(seconds=(math.floor(behind / interval_s) + 1) * interval_s)
    # Rounding to microseconds may land on `now` itself: that slot is over.
    return due if due > now else due + timedelta(seconds=interval_s)


def moved(due: datetime, now: datetime, *, before_s: float, interval_s: float) -> datetime:
    """A due time when the interval changes from before_s to interval_s: the share still to wait is kept.

    So targets stay as evenly spread as they were, a change of many intervals at once is no
    burst, and as many polls are made as the intervals add up to.
    """
    share = min(max((due - now).total_seconds() / before_s, 0.0), 1.0)
    return now + timedelta(seconds=share * interval_s)


def rolled_over(known: Collection[str], shown: Collection[str]) -> bool:
    """True for a gap: the listing shows posts and none of those known at the good poll before.

    Posts may then have come and gone unseen. An empty listing, then or now, is no gap: a
    listing empty once in ten is a fault of the site (watchers/standing.py names it).
    """
    return bool(known) and bool(shown) and not any(post in known for post in shown)


def after_gap(interval_s: float, gaps: int, shortest_s: float) -> float:
    """The interval after so many gaps among the last polls: halved for each, not below shortest_s."""
    return max(shortest_s, min(interval_s, interval_s * 0.5 ** min(max(gaps, 0), 30)))


def window_interval(window: int, rate_per_s: float) -> float:
    """Longest interval at which a listing of `window` posts loses none to those that push them off.

    Half of what the mean rate would allow (facts/monitoring.md, 2.1); inf when nothing is posted.
    """
    return window / (2.0 * rate_per_s) if window > 0 and rate_per_s > 0 else math.inf


def backoff(failures: int, interval_s: float, source: str | Random) -> float:
    """Seconds to wait after `failures` (>= 1) failures in a row: at least one interval.

    Doubles from the interval to LONGEST_BACKOFF_S, then shortened by up to a quarter so
    that targets which failed together do not return together. `source` is a random
    generator, or a name from which the same numbers come every time.
    """
    ceiling = max(interval_s, LONGEST_BACKOFF_S)
    grown = min(interval_s * 2.0 ** min(max(failures, 1) - 1, 30), ceiling)
    share = source.random() if isinstance(source, Random) else phase(f"{source}\x1f{failures}", 1.0)
    return max(interval_s, grown * (1.0 - share / 4))


def vigil_step(looks: int, *, matched: bool, age_s: float, close_s: float = math.inf) -> float:
    """Seconds until the next look at a post, after `looks` looks, `age_s` since it was first seen.

    Fast first, then slower with age. close_s: the pace that posts which raised an alert keep
    while they are younger than `VIGIL_CLOSE_S` (see `close_pace`). By day the caller
    stretches it further.
    """
    if looks < len(VIGIL_STEPS_S):
        step = VIGIL_STEPS_S[max(looks, 0)]
    else:
        step = min(max(VIGIL_STEPS_S[-1], age_s * VIGIL_SHARE), VIGIL_LONGEST_S)
    if not matched:
        return step * VIGIL_UNMATCHED
    return min(step, max(close_s, (age_s - VIGIL_CLOSE_S) * VIGIL_SHARE))


def close_pace(interval_s: float, posts: int) -> float:
    """Seconds between two looks at each of a target's `posts` young posts: one poll, or a fair share."""
    return max(VIGIL_STEPS_S[0], interval_s * max(1.0, posts / VIGIL_LOOKS_PER_POLL))
