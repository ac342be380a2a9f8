"""What the pictures of a post say: likeness to known pictures, or that there is no text.

Distances are bits of phash-64. Source of the limits: imaging facts, section 2 (below one
false pair in a million at 5 bits; at 8 bits a hint, no more).
"""

from __future__ import annotations

from collections.abc import Iterable

from storage.model import PictureMatch, Reason, Tier

SAME_BITS = 5
LIKE_BITS = 8
_NEAR_COPY_BITS = 2

_SAME = {Tier.URGENT: 4.8, Tier.HIGH: 4.6, Tier.NORMAL: 3.0}
_NEAR_COPY = 0.4
_LIKE = {Tier.URGENT: 2.2, Tier.HIGH: 2.2, Tier.NORMAL: 1.4}
_FURTHER, _FURTHER_MAX = 0.5, 2


def is_known(match: PictureMatch) -> bool:
    """True when the resembled picture is contraband: in the gallery, or of an alerted post."""
    return match.known.startswith("gallery:") or match.known_tier is not Tier.NONE


def picture_reasons(matches: Iterable[PictureMatch]) -> tuple[Reason, ...]:
    """One reason per picture of the post that resembles a known one, the surest first.

    Likeness to a picture of a post that was never alerted says nothing, and is left out.
    """
    best: dict[str, PictureMatch] = {}
    for match in sorted(filter(is_known, matches), key=lambda m: (m.distance_bits, m.known_tier.rank)):
        best.setdefault(match.sha256, match)
    reasons = [_reason(match) for match in best.values() if match.distance_bits <= LIKE_BITS]
    reasons.sort(key=lambda reason: -reason.weight)
    return tuple(_further(reason, at) if at else reason for at, reason in enumerate(reasons))


def _reason(match: PictureMatch) -> Reason:
    gallery = match.known.startswith("gallery:")
    same = match.distance_bits <= SAME_BITS
    weight = (_SAME if same else _LIKE)[Tier.HIGH if gallery else match.known_tier]
    if match.distance_bits <= _NEAR_COPY_BITS:
        weight += _NEAR_COPY
    whose = f"gallery picture {match.label or match.known[8:]}" if gallery else f"evidence {match.known}"
    how = "same picture as" if same else "resembles"
    return Reason(
        kind="picture",
        what=f"{how} {whose}",
        weight=round(weight, 2),
        detail=f"{match.distance_bits} of 64 bits differ",
    )


def _further(reason: Reason, at: int) -> Reason:
    """A second and third matching picture support the first; they are no further proof."""
    return Reason(
        kind=reason.kind,
        what=reason.what,
        weight=min(_FURTHER, reason.weight) if at <= _FURTHER_MAX else 0.0,
        detail=reason.detail,
    )
