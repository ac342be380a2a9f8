"""What people saw, held against what they should have seen: lost, doubled, out of order, over the limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightmarket.messenger.journal import Shown

if TYPE_CHECKING:
    from nightmarket.messenger.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An alert that a chat was to see. rank: 0 is the loudest. offered_at: the service's seconds.

    inside: the key of a message that may show it instead of one of its own, or "".
    """

    chat_id: int
    rank: int = 0
    offered_at: float = 0.0
    inside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """lost, doubled: keys. out_of_order: pairs (louder, quieter that went first though the louder waited).

    silent: urgent ones (rank 0) that came without a sound. unknown: keys that nobody expected.
    """

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    out_of_order: tuple[tuple[str, str], ...]
    silent: tuple[str, ...]
    unknown: tuple[str, ...]
    delays_s: Mapping[str, float]
    violations: int
    early: int
    calls: int
    refused: int


def report(service: Service, expected: Mapping[str, Expected]) -> Report:
    """The state of affairs now. Messages that were deleted count as seen: they were."""
    first: dict[str, Shown] = {}
    copies: dict[str, int] = defaultdict(int)
    for one in service.shown:
        if one.key and (one.key not in expected or expected[one.key].chat_id == one.chat_id):
            first.setdefault(one.key, one)
            copies[one.key] += 1
    seen = {key: first.get(key) or first.get(want.inside) for key, want in expected.items()}
    return Report(
        lost=tuple(key for key, one in seen.items() if one is None),
        doubled=tuple(key for key, count in copies.items() if count > 1),
        out_of_order=_swapped(first, expected),
        silent=tuple(
            key for key, w in expected.items() if w.rank == 0 and key in first and first[key].silent
        ),
        unknown=tuple(key for key in first if key not in expected),
        delays_s={key: max(0.0, one.at - expected[key].offered_at) for key, one in seen.items() if one},
        violations=service.limits.violations,
        early=service.limits.early,
        calls=len(service.calls),
        refused=sum(call.outcome != "ok" for call in service.calls),
    )


def _swapped(first: Mapping[str, Shown], expected: Mapping[str, Expected]) -> tuple[tuple[str, str], ...]:
    """Pairs in one chat where a quieter one was made while a louder one had long been waiting."""
    found = []
    told = sorted((one for key, one in first.items() if key in expected), key=lambda one: one.at)
    for place, quieter in enumerate(told):
        want = expected[quieter.key]
        for louder in told[place + 1 :]:
            other = expected[louder.key]
            same = louder.chat_id == quieter.chat_id
            if same and other.rank < want.rank and other.offered_at < quieter.at - 1.0:
                found.append((louder.key, quieter.key))
    return tuple(found)
