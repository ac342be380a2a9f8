"""What the pictures of a post say: likeness to known pictures, or that there is no text.

Never a verdict: "same picture", "very likely", "review: same scene perhaps", with what was measured,
so that an officer compares the two. The limits stand in `storage.model` with their source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from storage.model import Likeness, Picture, PictureMatch, Reason, Tier, Verdict
from storage.text.contacts import contacts
from storage.turns import BITS

LIKE_BITS = 8
"""Of phash-64: beyond it likeness says nothing."""

_SAME = {Tier.URGENT: 4.8, Tier.HIGH: 4.6, Tier.NORMAL: 3.0}
_NEAR_COPY = 0.4
_VERY_LIKELY = {Tier.URGENT: 4.2, Tier.HIGH: 4.0, Tier.NORMAL: 2.6}
_LIKE = {Tier.URGENT: 2.2, Tier.HIGH: 2.2, Tier.NORMAL: 1.4}
_WEIGHTS = {Likeness.SAME: _SAME, Likeness.VERY_LIKELY: _VERY_LIKELY, Likeness.REVIEW: _LIKE}
_MESSENGERS = (
    *("u.wechat.com", "weixin.qq.com", "qm.qq.com", "line.me", "lin.ee", "t.me", "telegram.me", "wa.me"),
    *("api.whatsapp.com", "chat.whatsapp.com", "zalo.me", "m.me", "signal.me", "open.kakao.com"),
)
"""Hosts whose links lead to a person or a group."""
_FURTHER, _FURTHER_MAX = 0.5, 2
_NEAR_COPY_BITS = {"phash": 2, "pdq": 12}
_SAID = {
    Likeness.SAME: "same picture as",
    Likeness.VERY_LIKELY: "very likely the same picture as",
    Likeness.REVIEW: "resembles",
}


def is_known(match: PictureMatch) -> bool:
    """True when the resembled picture is contraband: in the gallery, or of an alerted post."""
    return match.known.startswith("gallery:") or match.known_tier is not Tier.NONE


def picture_reasons(matches: Iterable[PictureMatch]) -> tuple[Reason, ...]:
    """One reason per picture of the post that resembles a known one, the surest first.

    Likeness to a picture of a post that was never alerted says nothing, and is left out.
    """
    best: dict[str, PictureMatch] = {}
    for match in sorted(filter(is_known, matches), key=lambda m: (*m.surest_first, m.known_tier.rank)):
        best.setdefault(match.sha256, match)
    reasons = [
        _reason(match) for match in best.values() if match.by != "phash" or match.distance_bits <= LIKE_BITS
    ]
    reasons.sort(key=lambda reason: -reason.weight)
    return tuple(_further(reason, at) if at else reason for at, reason in enumerate(reasons))


def is_sure(matches: Iterable[PictureMatch]) -> bool:
    """Whether one of them is more than a likeness to be looked at."""
    return any(is_known(match) and match.is_sure for match in matches)


def with_codes(verdict: Verdict, pictures: Iterable[Picture]) -> Verdict:
    """The verdict with the contacts that QR codes in the pictures give; the score is left as it is.

    A code that leads to a messenger counts as a contact by its own address.
    """
    codes = tuple(dict.fromkeys(code for picture in pictures for code in picture.codes))
    if not codes:
        return verdict
    reach = [contact.key for code in codes for contact in contacts(code) if not contact.hotline]
    reach += [f"code:{address}" for code in codes if (address := _address(code))]
    said = tuple(
        Reason(kind="contact", what="QR code in a picture", weight=0.0, span=code, detail="read by zxing-cpp")
        for code in codes
    )
    return replace(
        verdict,
        reasons=(*verdict.reasons, *said),
        contacts=tuple(dict.fromkeys((*verdict.contacts, *reach))),
    )


def _address(code: str) -> str:
    """Host and path of a messenger's link, without what only counts visits; "" for other texts."""
    try:
        found = urlsplit(code.strip())
        host = (found.hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    return f"{host}{found.path}".rstrip("/") if host in _MESSENGERS and len(found.path) > 1 else ""


def _reason(match: PictureMatch) -> Reason:
    gallery = match.known.startswith("gallery:")
    weight = _WEIGHTS[match.likeness][Tier.HIGH if gallery else match.known_tier]
    if match.distance_bits <= _NEAR_COPY_BITS.get(match.by, -1):
        weight += _NEAR_COPY
    whose = f"gallery picture {match.label or match.known[8:]}" if gallery else f"evidence {match.known}"
    return Reason(
        kind="picture",
        what=f"{_SAID[match.likeness]} {whose}",
        weight=round(weight, 2),
        detail="; ".join(filter(None, (_measured(match), match.turned, _asked(match)))),
    )


def _measured(match: PictureMatch) -> str:
    if match.by == "orb":
        return f"{match.points} points lie alike, {match.differing_percent} % of the picture differs"
    return f"{match.distance_bits} of {BITS if match.by == 'pdq' else 64} bits differ"


def _asked(match: PictureMatch) -> str:
    return "review: same scene perhaps" if match.likeness is Likeness.REVIEW else ""


def _further(reason: Reason, at: int) -> Reason:
    """A second and third matching picture support the first; they are no further proof."""
    return Reason(
        kind=reason.kind,
        what=reason.what,
        weight=min(_FURTHER, reason.weight) if at <= _FURTHER_MAX else 0.0,
        detail=reason.detail,
    )
