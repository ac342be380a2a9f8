"""What speaks against an illicit offer: news, conservation, replica, papers, fossils, age.

Always shown, never suppressing: each lowers the score by a bounded amount. A post that
names a messenger and a price sells something, whatever else it says, so news wording
counts half there.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.model import Reason
from watchers.detect.hits import Hit
from watchers.detect.terms import Found, Word, window
from watchers.lexicon import Kind

_WHOLE_POST = {
    "news": ("worded like news or a court report", (1.3, 2.3, 3.1, 3.6)),
    "conservation": ("worded like a conservation appeal", (0.8, 1.7, 2.4, 3.0)),
    "science": ("worded like teaching or a museum", (0.7, 1.3, 1.8)),
}
_WHOLE_POST_MAX = 5.0
_SELLS = 2.0
"""Sum of the offer's weights from which a post clearly sells."""
_REPLICA_NEAR, _REPLICA_MORE, _REPLICA_FAR = 1.5, 0.6, 0.5
_SAID = {
    "permit": ("speaks of permits or legality", 0.7, 0.3),
    "mammoth": ("speaks of mammoth or fossil material", 0.9, 0.2),
    "antique": ("speaks of age", 0.2, 0.0),
}
CLAIMS = frozenset({_SAID["permit"][0], _SAID["antique"][0]})
"""What a seller says for himself and nobody here can check."""
_NAMED = 0.5
"""What such a word weighs that stands nowhere but in a term ("mammoth ivory"), which has its tier for it, of
goods without a word of papers."""


def against_reasons(found: Found, offers: Sequence[Reason]) -> list[Reason]:
    """Exculpatory reasons, with negative weights."""
    return [*_post_reasons(found, offers), *_replica_reasons(found), *_said_reasons(found)]


def _post_reasons(found: Found, offers: Sequence[Reason]) -> list[Reason]:
    contact = any(reason.kind == "contact" for reason in offers)
    sells = contact and sum(reason.weight for reason in offers) >= _SELLS
    reasons, left = [], _WHOLE_POST_MAX
    for group, (what, steps) in _WHOLE_POST.items():
        phrases = found.groups(Kind.CONTEXT, group)
        if not phrases:
            continue
        weight = min(left, steps[min(len(phrases), len(steps)) - 1] * (0.5 if sells else 1.0))
        left -= weight
        reasons.append(
            Reason(kind="context", what=what, weight=-round(weight, 2), span=", ".join(phrases[:5]))
        )
    return reasons


def _replica_reasons(found: Found) -> list[Reason]:
    words = _replica_words(found)
    if not words:
        return []
    near = dict.fromkeys(span for hit in found.hits if not hit.compound for span in _near(found, hit))
    phrases = dict.fromkeys(word.span.casefold() for word in words)
    if not near:
        what, weight, spans = "speaks of a replica elsewhere", _REPLICA_FAR, tuple(phrases)
    else:
        weight = _REPLICA_NEAR + (_REPLICA_MORE if len(phrases) > 1 else 0.0)
        what, spans = "said to be a replica or another material", tuple(near)
    return [Reason(kind="context", what=what, weight=-weight, span=", ".join(spans[:5]))]


def is_explained(found: Found, hit: Hit) -> bool:
    """True when the post says of this very term that it is a replica or a legal material.

    A term that shares words with one for a legal material names that one ("mammoth ivory carving").
    """
    covers = (other for other in found.hits if other.term.kind is Kind.COVER)
    if any(cover.start < hit.end and hit.start < cover.end for cover in covers):
        return any(found.groups(Kind.CONTEXT, group) for group in ("permit", "mammoth"))
    return bool(_near(found, hit))


def _replica_words(found: Found) -> list[Word]:
    """Words for replicas, but for those a seller denies ("not plastic", 假一赔十) or a term holds."""
    denials = [w for w in found.words if w.kind is Kind.CUE and w.group == "covert"]
    held = [(d.start, d.end) for d in denials] + [(h.start, h.end) for h in found.hits]
    return [
        word
        for word in found.words
        if word.kind is Kind.CONTEXT
        and word.group == "replica"
        and not any(low <= word.start and word.end <= high for low, high in held)
    ]


def _near(found: Found, hit: Hit) -> list[str]:
    low, high = window(found.views.raw, hit.start, hit.end)
    words = _replica_words(found)
    return [word.span.casefold() for word in words if low <= word.start and word.end <= high]


def _said_reasons(found: Found) -> list[Reason]:
    reasons = []
    for group, (what, first, more) in _SAID.items():
        phrases = found.groups(Kind.CONTEXT, group)
        if phrases:
            weight = first + (more if len(phrases) > 1 else 0.0)
            if _is_the_name(found, group) and not found.groups(Kind.CONTEXT, "permit"):
                weight = _NAMED
            span = ", ".join(phrases[:5])
            reasons.append(Reason(kind="context", what=what, weight=-round(weight, 2), span=span))
    return reasons


def _is_the_name(found: Found, group: str) -> bool:
    """Whether all such words are part of terms themselves."""
    words = [word for word in found.words if word.kind is Kind.CONTEXT and word.group == group]
    return all(any(hit.start <= word.start and word.end <= hit.end for hit in found.hits) for word in words)
