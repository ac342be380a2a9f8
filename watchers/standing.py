"""How a target stands after each poll: health, reason, yield, interval kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from storage.errors import AskedToWait, BadPage, Blocked, FeedTrouble, RobotsForbid
from storage.model import Progress, Response, Target
from watchers import cadence

USUAL_AT_LEAST = 3.0
"""A listing that usually yields so many posts and now yields none has changed its layout."""
_NOT_MODIFIED = 304
WEIGHT = 0.1
"""Of the newest value in the running means."""
LATE_SHARE = 0.1
"""A poll that starts later than this share of its interval counts as late."""
FULL_AT_LEAST = 3
"""Fewer posts than this push nobody off a listing: where one or two stand, all known ones were deleted."""
GAP = "gap: the listing showed no known post since the last poll"


def health_of(trouble: FeedTrouble) -> tuple[str, str]:
    """(health, outcome of the poll) that a trouble means."""
    match trouble:
        case Blocked():
            return "blocked", "blocked"
        case RobotsForbid():
            return "forbidden", "blocked"
        case AskedToWait():
            return "waiting", "waiting"
        case BadPage():
            return "failing", "unreadable"
        case _:
            return "failing", "trouble"


def after_trouble(row: Progress, trouble: FeedTrouble, target: Target, now: datetime) -> Progress:
    """The row after a poll that failed, with when to come back: never sooner than without it."""
    failures = row.failures + 1
    wait = trouble.retry_after_s
    if wait is None:
        wait = cadence.backoff(failures, target.interval_s, target.name)
    return replace(
        row,
        health=health_of(trouble)[0],
        reason=trouble.why[:500],
        failures=failures,
        retry_at=now + timedelta(seconds=wait),
    )


def after_good(row: Progress, now: datetime, *, read_bytes: int = 0, not_modified: bool = False) -> Progress:
    """The row after a poll that was answered."""
    return replace(row, **_good(row, now, read_bytes, not_modified))


def after_quiet(row: Progress, target: Target, now: datetime, late_s: float, *, read: Response) -> Progress:
    """The row after a poll with nothing new, as nearly all are: `after_good` and `after_poll` in one."""
    good = _good(row, now, len(read.body), read.status == _NOT_MODIFIED)
    return replace(row, **good, **_polled(row, target, now, late_s))


def count_quiet(
    row: Progress, target: Target, now: datetime, late_s: float, *, read: Response, doubt: str = ""
) -> bool:
    """As `after_quiet`, in place, for a target that stands as it did; False: it does not, nothing was done.

    doubt: all that its row may say against it.
    """
    if row.health != "ok" or row.reason != doubt or row.failures or row.retry_at is not None:
        return False
    kept, last = row.achieved_interval_s, row.last_poll_at
    span = (now - last).total_seconds() if last is not None else 0.0
    row.achieved_interval_s = kept * (1 - WEIGHT) + span * WEIGHT if kept else span
    row.last_poll_at = row.last_good_at = now
    row.polls += 1
    row.late_polls += late_s > LATE_SHARE * target.interval_s
    row.bytes_read += len(read.body)
    row.not_modified += read.status == _NOT_MODIFIED
    return True


def _good(row: Progress, now: datetime, read_bytes: int, not_modified: bool) -> dict[str, Any]:
    return {
        "health": "ok",
        "reason": "",
        "failures": 0,
        "retry_at": None,
        "last_good_at": now,
        "bytes_read": row.bytes_read + read_bytes,
        "not_modified": row.not_modified + not_modified,
    }


def after_listing(row: Progress, ids: Iterable[str], before: frozenset[str], now: datetime) -> Progress:
    """The row after a listing was read: its yield, a gap, or a layout that yields nothing any more.

    before: what the listing showed last time; no overlap means that posts may have come
    and gone unseen in between.
    """
    shown = frozenset(ids)
    count, usual = len(shown), row.usual_yield
    if not count and usual >= USUAL_AT_LEAST:
        reason = f"the listing yields no posts (usually {usual:.0f}): has its layout changed?"
        return replace(row, health="failing", reason=reason, last_yield=0)
    gap = count >= FULL_AT_LEAST and cadence.rolled_over(before, shown)
    return replace(
        row,
        reason=GAP if gap else row.reason,
        gaps=row.gaps + gap,
        gap_at=now if gap else row.gap_at,
        usual_yield=usual * (1 - WEIGHT) + count * WEIGHT if usual else float(count),
        last_yield=count,
        posts_seen=row.posts_seen + len(shown - before),
    )


def after_poll(row: Progress, target: Target, now: datetime, late_s: float) -> Progress:
    """The row after any poll: counted, and the interval that is really kept."""
    return replace(row, **_polled(row, target, now, late_s))


def _polled(row: Progress, target: Target, now: datetime, late_s: float) -> dict[str, Any]:
    span = (now - row.last_poll_at).total_seconds() if row.last_poll_at else 0.0
    kept = row.achieved_interval_s
    return {
        "last_poll_at": now,
        "polls": row.polls + 1,
        "late_polls": row.late_polls + (late_s > LATE_SHARE * target.interval_s),
        "achieved_interval_s": kept * (1 - WEIGHT) + span * WEIGHT if kept else span,
    }


def paused(row: Progress) -> Progress:
    """The row while it is day and the target is not hunted by day."""
    reason = "outside watch hours; new posts are not hunted by day"
    return replace(row, health="paused", reason=reason, retry_at=None)


def behind(row: Progress, waiting: int) -> Progress:
    """The row when a poll is skipped since the captures of earlier ones wait."""
    return replace(row, health="waiting", reason=f"{waiting} captures wait, the next poll waits for them")


def held_back(row: Progress, waiting: int, *, for_host: bool) -> Progress:
    """The row while captures of the very first listing wait; a trouble is not hidden.

    for_host: for their turns at the host, else for what cannot wait.
    """
    if row.reason:
        return row
    why = "the host's own limit lets through no more" if for_host else "polls and newer posts go first"
    return replace(row, reason=f"{waiting} posts of its first listing wait: {why}")
