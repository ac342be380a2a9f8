"""What `nightjar status` says of cadence: intervals as allotted, what they are expected to catch, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.commands.out import some
from storage.model import Pace, Progress

CAUSES = {
    "own": "some posts live shorter than its interval",
    "host": "its host may not be asked more often",
    "night": "the watch may not ask more often in all",
    "floor": "few posts are expected of it",
}
_BY_CAUSE = {
    "own": "by posts shorter than the interval",
    "host": "by limits of hosts",
    "night": "by the limit of the whole watch",
    "floor": "where least is expected",
    "unread": "of targets that cannot be read",
}
_NOT_READ = frozenset({"forbidden", "expired", "unfilled"})
_FAILURES = 3
"""Polls in a row that fail, waits between them growing, before nothing more is expected of a target."""
GAPS_SHOWN = timedelta(hours=24)
_AS_CONFIGURED = 1.01
_ALL = 0.9995


def facts(progress: Progress, now: datetime) -> dict[str, object]:
    """Of one target, for JSON: expected_share 0..1 and why it is not 1; None and "" when not known."""
    pace, short_of = progress.pace, ""
    if pace is not None and (pace.met < _ALL or stretched(pace)):
        short_of = CAUSES.get(pace.short, pace.short)
    share = pace.met if pace is not None else None
    if unread(progress):
        share, short_of = 0.0, "it cannot be read"
    return {
        "allotted_interval_s": pace.interval_s if pace is not None else None,
        "expected_share": share,
        "short_of": short_of,
        "gap_lately": lately(progress, now),
    }


def unread(progress: Progress) -> bool:
    """Whether nothing can be caught of a target as it stands: forbidden, walled, silent, or without posts.

    A poll that failed once or twice says nothing yet. By day the failures of the night still stand.
    """
    if progress.health in _NOT_READ or progress.failures >= _FAILURES:
        return True
    return progress.health == "failing" and not progress.failures  # it answers, with nothing in it


def lately(progress: Progress, now: datetime) -> bool:
    """Whether the listing rolled over between two polls within a day."""
    return progress.gap_at is not None and now - progress.gap_at < GAPS_SHOWN


def stretched(pace: Pace) -> bool:
    """Whether the target does not have its configured interval."""
    return pace.interval_s > pace.configured_s * _AS_CONFIGURED


def share(row: Mapping[str, Any]) -> str:
    """The expected catch as a table shows it."""
    met = row.get("expected_share")
    if not isinstance(met, float | int):
        return "-"
    return f"{met * 100:.0f}%" if met >= _ALL or met < 0.995 else f"{met * 100:.1f}%"


def remark(row: Mapping[str, Any]) -> str:
    """Why a target gets less than it asks for, and that its listing rolled over, in words."""
    said = []
    pace = row.get("pace")
    if pace and pace["interval_s"] > pace["configured_s"] * _AS_CONFIGURED:
        said.append(f"stretched to {pace['interval_s']:.0f} s: {row['short_of']}")
    if row.get("gap_lately"):
        at = datetime.fromisoformat(str(row["gap_at"])).strftime("%H:%MZ")
        said.append(f"gap at {at}, {row['gaps']} in all: no known post was listed, some may be missed")
    return "; ".join(said)


def total(paces: Iterable[Pace | None], unread: Iterable[Pace | None] = ()) -> dict[str, object]:
    """Sums over all targets, of a whole night: posts expected, caught, missed by cause.

    unread: of targets that cannot be read, whose posts all count as missed.
    """
    known, lost = [pace for pace in paces if pace is not None], list(unread)
    missed = dict.fromkeys((*CAUSES, "unread"), 0.0)
    for pace in known:
        if pace.short in missed:
            missed[pace.short] += pace.posts * (1.0 - pace.met)
    missed["unread"] = sum(pace.posts for pace in lost if pace is not None)
    posts = sum(pace.posts for pace in known) + missed["unread"]
    return {
        "targets": len(known) + len(lost),
        "unread_targets": len(lost),
        "posts": round(posts, 1),
        "caught": round(posts - sum(missed.values()), 1),
        "missed": {cause: round(number, 1) for cause, number in missed.items()},
    }


def sentence(sums: Mapping[str, Any]) -> str:
    """The total in a line; "" when nothing is known yet."""
    if not sums["targets"]:
        return ""
    posts, caught = sums["posts"], sums["caught"]
    part = f" ({caught / posts * 100:.1f}%)" if posts else ""
    lost = [f"{number:.0f} {_BY_CAUSE[cause]}" for cause, number in sums["missed"].items() if number >= 0.5]
    missed = f", {posts - caught:.0f} missed: {', '.join(lost)}" if lost else ""
    gone = sums["unread_targets"]
    shut = f"; {some(gone, 'target')} cannot be read" if gone else ""
    return f"tonight: {posts:.0f} posts expected, {caught:.0f} of them caught{part}{missed}{shut}"


def all_paces(rows: Sequence[Progress]) -> dict[str, object]:
    """The total of these targets."""
    return total(
        (row.pace for row in rows if not unread(row)),
        (row.pace for row in rows if unread(row)),
    )
