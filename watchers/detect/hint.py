"""What a classifier of the admin's own says of a post's pictures: a hint, never a verdict. Pure.

Nobody here knows what it was taught, so it moves no tier, neither up nor down, and no contact or product.
It is told, it orders what is equally loud, and its pictures are compared with known ones
(`second_look.suspicious`): what comes of that is the likeness's own reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from storage.model import Picture, Reason, Verdict
from watchers.detect.score import odds_of, score_at, tier_of

KIND = "hint"
_WEIGHT = 0.3
"""Log-odds of the surest one; the others say the same again."""
_MOST = 3
"""Labels that are told of one post."""


def with_hints(verdict: Verdict, pictures: Iterable[Picture]) -> Verdict:
    """The verdict with what a classifier takes its pictures for; its tier, products and contacts stay.

    The hint weighs nothing where it would make the post louder.
    """
    surest: dict[str, float] = {}
    for hint in (hint for picture in pictures for hint in picture.hints):
        surest[hint.label] = max(hint.probability, surest.get(hint.label, 0.0))
    if not surest:
        return verdict
    score = max(verdict.score, score_at(odds_of(verdict) + _WEIGHT))
    moves = tier_of(score) is not verdict.tier
    told = sorted(surest.items(), key=lambda hint: (-hint[1], hint[0]))[:_MOST]
    said = [_said(*hint, 0.0 if at or moves else _WEIGHT) for at, hint in enumerate(told)]
    return replace(
        verdict,
        score=verdict.score if moves else score,
        reasons=(*verdict.reasons, *said),
    )


def said(verdict: Verdict) -> frozenset[str]:
    """What a classifier says in a verdict."""
    return frozenset(reason.what for reason in verdict.reasons if reason.kind == KIND)


def _said(label: str, probability: float, weight: float) -> Reason:
    return Reason(
        kind=KIND,
        what=f"a classifier of yours says: {label} {probability:.2f} (hint)",
        weight=weight,
        detail="" if weight else "weighs nothing",
    )
