"""What `nightjar status` says of cadence: intervals as allotted, what they are expected to catch, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

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
}
GAPS_SHOWN = timedelta(hours=24)
_AS_CONFIGURED = 1.01
_ALL = 0.9995


def facts(progress: Progress, now: datetime) -> dict[str, object]:
    """Of one target, for JSON: expected_share 0..1 and why it is not 1; None and "" when not known."""
    pace, short_of = progress.pace, ""
    if pace is not None and (pace.met < _ALL or stretched(pace)):
        short_of = CAUSES.get(pace.short, pace.short)
    return {
        "allotted_interval_s": pace.interval_s if pace is not None else None,
        "expected_share": pace.met if pace is not None else None,
        "short_of": short_of,
        "gap_lately": lately(progress, now),
    }


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


def total(paces: Iterable[Pace | None]) -> dict[str, object]:
    """Sums over all targets, of a whole night: posts expected, caught, missed by cause."""
    known = [pace for pace in paces if pace is not None]
    missed = dict.fromkeys(CAUSES, 0.0)
    for pace in known:
        if pace.short in missed:
            missed[pace.short] += pace.posts * (1.0 - pace.met)
    posts = sum(pace.posts for pace in known)
    return {
        "targets": len(known),
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
    return f"tonight: {posts:.0f} posts expected, {caught:.0f} of them caught{part}{missed}"


def all_paces(rows: Sequence[Progress]) -> dict[str, object]:
    """The total of these targets."""
    return total(row.pace for row in rows)
