"""What the material of a worked piece is called, where no lexicon knows the word. Pure.

"霜糖 手镯", "cobalt bangle": the word before the piece stands where jade or silver would. Of an honest advert
it is a colour or a style; of one whose picture gave it away it is the seller's word for ivory, and whoever
else uses it that night sells the same.
"""

from __future__ import annotations

import re

from storage.model import Reason, Tier, Verdict
from watchers.detect.score import told_quietly
from watchers.detect.terms import Found
from watchers.lexicon import Kind

WHAT = "what it is made of is called as in a post told tonight"
NAMES_MOST = 3
_REACH = 24
"""Characters before a piece in which its name stands."""
_PARTING = re.compile("[-_*·•.~|^/\u00ad\u200b-\u200f\u2060-\u2064\ufe0e\ufe0f\ufeff\U000e0020-\U000e007f]")
_NAME = re.compile(r"(?P<name>[\u3400-\u9fff]{2}|(?<![a-z])[a-z]{4,20})\s{0,2}\d{0,3}\s?$")
_SAID = ("stone", "material", "replica", "news", "conservation", "science", "worked")
"""Classes of wording that are no word for something else; "food" is none of them, as code words often are."""
_OFFERS = ("contact", "price")
_SALE = ("wording of a sale", "the price is not told in public")


def names_in(found: Found) -> tuple[str, ...]:
    """Words of no meaning here that stand before worked pieces, folded, each once, three at most."""
    raw = found.views.raw
    known = [(hit.start, hit.end) for hit in found.hits if not hit.compound]
    known += [(word.start, word.end) for word in found.words if _is_said(word.kind, word.group)]
    names = []
    for piece in found.words:
        if (piece.kind, piece.group) != (Kind.FORM, "worked"):
            continue
        begin = max(0, piece.start - _REACH)
        before = _PARTING.sub("", raw[begin : piece.start]).casefold()
        match = _NAME.search(before)
        if match and not any(piece.start - _REACH // 2 < end <= piece.start for _, end in known):
            names.append(match["name"])
    return tuple(dict.fromkeys(names))[:NAMES_MOST]


def _is_said(kind: Kind, group: str) -> bool:
    return group in _SAID and kind in (Kind.CONTEXT, Kind.FORM)


def is_offered(verdict: Verdict) -> bool:
    """Whether a post says how to have what it shows."""
    return any(reason.kind in _OFFERS or reason.what in _SALE for reason in verdict.reasons)


def with_name(verdict: Verdict, name: str) -> Verdict:
    """The verdict on a post of a piece under such a name; the same where it is told anyhow."""
    if verdict.tier is not Tier.NONE:
        return verdict
    return told_quietly(verdict, Reason(kind="form", what=WHAT, weight=0.0, span=name))


def name_told(verdict: Verdict) -> str:
    """The name that a verdict was told for, "" for none: what others were told under is known at its time."""
    return next((reason.span for reason in verdict.reasons if reason.what == WHAT), "")


def tier_without_name(verdict: Verdict) -> Tier:
    """The tier that it would have without such a name."""
    return Tier.NONE if name_told(verdict) else verdict.tier
