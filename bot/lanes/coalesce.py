"""Which waiting alerts are told in one message. Pure.

In calm each has its own. More than three of one seller within a minute make an incident, and when more
than fifteen messages wait, alerts are gathered by seller, then by target, then altogether, until few
enough are left. Urgent ones get a new message with a sound in any case: when more than three wait, one
for all of them. Notices and alerts that may be repeats stay alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.lane_words import Waiting
from storage.model import AlertKind

CLUSTER_MOST = 3
WITHIN_S = 60.0
BACKLOG_MOST = 15
FEW = 8
"""Messages that are left then: less than a minute's worth beside its edits."""
URGENT_MOST = 3
URGENT = "urgent alerts"
EVERYTHING = "the whole watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Deliveries for one message. incident: the one they join, or "" for a new one."""

    key: str
    members: tuple[int, ...]
    rank: int
    incident: str = ""
    loud: bool = False


def gather(
    waiting: Sequence[Waiting],
    incidents: Mapping[str, str],
    lately: Mapping[str, int],
    *,
    urgent_most: int = URGENT_MOST,
) -> tuple[Gathering, ...]:
    """What goes together. incidents: id by key of those that take more; lately: sends by cluster.

    urgent_most: of urgent ones that wait, so many come alone.
    """
    found = []
    urgent = [one for one in waiting if one.rank == 0 and _may(one)]
    if len(urgent) > urgent_most:
        found.append(_gathering(URGENT, urgent, "", loud=True))
    quiet = [one for one in waiting if one.rank > 0 and _may(one)]
    alone = len([one for one in waiting if one.rank > 0]) - len(quiet)
    groups = _groups(quiet, lambda one: one.cluster)
    joined = [key for key in groups if key and key in incidents]
    many = [key for key, group in groups.items() if key and len(group) + lately.get(key, 0) > CLUSTER_MOST]
    if len(quiet) > BACKLOG_MOST:
        return (*found, *_fewer(quiet, incidents, alone))
    return (*found, *(_of(key, groups[key], incidents) for key in dict.fromkeys((*joined, *many))))


def _fewer(quiet: list[Waiting], incidents: Mapping[str, str], alone: int) -> Iterable[Gathering]:
    """The finest way to gather them that leaves few enough messages."""
    groups: dict[str, list[Waiting]] = {}
    for key_of in (lambda one: one.cluster or one.alert_id, _by_target, lambda _one: EVERYTHING):
        small = [one for group in groups.values() for one in group if len(group) < CLUSTER_MOST] or quiet
        kept = {key: group for key, group in groups.items() if len(group) >= CLUSTER_MOST}
        groups = {**kept, **_groups(small, key_of)}
        fresh = sum(key not in incidents for key in groups)
        if fresh + alone <= FEW:
            break
    else:
        groups = _groups(quiet, lambda _one: EVERYTHING)
    return [_of(key, group, incidents) for key, group in groups.items() if len(group) > 1 or key in incidents]


def _by_target(one: Waiting) -> str:
    return f"[{one.target}]"


def _may(one: Waiting) -> bool:
    return one.kind in (AlertKind.NEW, AlertKind.READ) and not one.uncertain


def _groups(waiting: Iterable[Waiting], key: Callable[[Waiting], str]) -> dict[str, list[Waiting]]:
    groups: dict[str, list[Waiting]] = defaultdict(list)
    for one in waiting:
        groups[key(one)].append(one)
    return dict(groups)


def _of(key: str, group: Sequence[Waiting], incidents: Mapping[str, str]) -> Gathering:
    return _gathering(key, group, incidents.get(key, ""), loud=False)


def _gathering(key: str, group: Sequence[Waiting], incident: str, *, loud: bool) -> Gathering:
    members = tuple(one.delivery_id for one in group)
    return Gathering(
        key=key, members=members, rank=min(one.rank for one in group), incident=incident, loud=loud
    )
