"""The text of a verdict that the log answers for: canonical JSON, salted. Pure but for the salt.

The log entry of kind `verdict` names the SHA-256 of this text and nothing of its content, so
that a lawful erasure can take the text away and leave an entry that reveals nothing. A
verdict is inference; that it was made, then, in these words, is what the log proves.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from storage.codec import Plain, canonical, stamp
from storage.model import Judgement, PictureMatch, Reason, Verdict

KIND = "verdict"
VERSION = 1


def record(judgement: Judgement) -> bytes:
    """The text of a verdict that is being made, with a fresh salt of 128 bits."""
    salt, evidence_id = os.urandom(16).hex(), judgement.evidence.evidence_id
    return text_of(evidence_id, salt, judgement.verdict, judgement.matches, judgement.judged_at)


def text_of(
    evidence_id: str, salt: str, verdict: Verdict, matches: Sequence[PictureMatch], at: datetime
) -> bytes:
    """The one text of these words. Weights are decimal strings: canonical JSON has no fractions."""
    reasons: list[Plain] = [_reason(reason) for reason in verdict.reasons]
    near: list[Plain] = [_match(match) for match in matches]
    return canonical(
        {
            "v": VERSION,
            "evidence_id": evidence_id,
            "salt": salt,
            "at": stamp(at),
            "score": verdict.score,
            "tier": verdict.tier.value,
            "products": list(verdict.products),
            "reasons": reasons,
            "contacts": list(verdict.contacts),
            "matches": near,
            "lexicon": verdict.lexicon_version,
        }
    )


def _reason(reason: Reason) -> dict[str, Plain]:
    return {
        "kind": reason.kind,
        "what": reason.what,
        "weight": repr(float(reason.weight)),
        "span": reason.span,
        "detail": reason.detail,
    }


def _match(match: PictureMatch) -> dict[str, Plain]:
    """What found it is told where it was not the phash, as it always was before 2026-11-28."""
    found: dict[str, Plain] = {}
    if match.by != "phash":
        found = {"by": match.by, "points": match.points, "turned": match.turned}
    if match.by == "orb":
        found["differing_percent"] = match.differing_percent
    return found | {
        "sha256": match.sha256,
        "known": match.known,
        "known_sha256": match.known_sha256,
        "known_tier": match.known_tier.value,
        "distance_bits": match.distance_bits,
        "label": match.label,
    }
