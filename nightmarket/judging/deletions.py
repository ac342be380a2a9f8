"""Whether deletions were reported truly, and between the right two instants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from nightmarket.exports import Held, Names
from nightmarket.model import Advert, World

SETTLED = timedelta(minutes=20)
"""A deletion this long before the end should have been confirmed and reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionScore:
    """false: keys reported gone while on show. outside: keys whose interval misses the truth.

    widths_s: lengths of the true intervals. watched_gone/watched_reported: posts that had
    an item, were deleted well before the end, and how many of these were reported.
    """

    reported: int
    false: tuple[str, ...]
    outside: tuple[str, ...]
    unknown: tuple[str, ...]
    widths_s: tuple[float, ...]
    watched_gone: int
    watched_reported: int

    @property
    def inside_share(self) -> float | None:
        """Of the true reports, the share whose interval holds the true instant; None without any."""
        true = self.reported - len(self.false) - len(self.unknown)
        return (true - len(self.outside)) / true if true else None


def score_deletions(world: World, names: Names, held: Sequence[Held]) -> DeletionScore:
    """Judge every report of a missing post."""
    adverts = {advert.key: advert for advert in world.adverts}
    reports = [h for h in held if h.observation == "missing"]
    false, outside, unknown, widths, gone = [], [], [], [], set()
    for report in reports:
        advert = adverts.get(names.of_held(report))
        if advert is None:
            unknown.append(f"{report.target}/{report.post_id}")
        elif advert.is_alive(report.captured_at):
            false.append(advert.key)
        else:
            gone.add(advert.key)
            if not _holds(advert, report):
                outside.append(advert.key)
            elif report.last_seen_at and report.first_missing_at:
                widths.append((report.first_missing_at - report.last_seen_at).total_seconds())
    watched = {names.of_held(h) for h in held if h.item_id}
    due = {k for k in watched if k in adverts and _ended_early(adverts[k], world)}
    return DeletionScore(
        reported=len(reports),
        false=tuple(false),
        outside=tuple(outside),
        unknown=tuple(unknown),
        widths_s=tuple(widths),
        watched_gone=len(due),
        watched_reported=len(due & gone),
    )


def _holds(advert: Advert, report: Held) -> bool:
    first, last = report.last_seen_at, report.first_missing_at
    if first is None or last is None:
        return False
    return any(first <= span.end <= last for span in advert.alive)


def _ended_early(advert: Advert, world: World) -> bool:
    return advert.alive[-1].end <= world.end - SETTLED
