"""Adverts of a carved or turned piece that do not say what it is made of: next month's code words. Pure.

A code word that no lexicon holds says nothing, but what stands around it does: who sells beads of ivory
writes "beads", a price and a way to reach him like everybody else. Many honest people write so as well, and
that alone is no more than a reason to look at the pictures (`second_look`). Told are those that something
speaks against besides: a known account or picture, a wish for silence, a price by the gram (what is dear
enough for that is named by whoever may sell it), two characters parted by a sign, or a word parted by
characters that nobody sees, which no honest person types. Never loudly, since no word was known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from storage.model import Reason
from watchers.detect.terms import Found
from watchers.lexicon import Kind

KIND = "form"
_BESIDE_KNOWN = 0.8
"""Log-odds beside a known account or picture; as much as a piece is worth beside a term."""
_BESIDE_SILENCE = 1.7
_PARTED = 1.4
"""As much as wording for insiders is worth."""
_PARTED_BY_A_SIGN = 0.9
_SAID = ("stone", "material", "replica", "food", "news", "conservation", "science")
"""Classes of wording that say what it is made of, or that nothing is for sale."""
_HAN = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]"
_BY_A_SIGN = re.compile(rf"(?<![\w\-]){_HAN}[-_*·•.~|^]{_HAN}(?![\w\-])")
"""Two characters that stand alone, with a sign between them."""
_BY_THE_GRAM = "priced by weight (g)"
_UNSEEN_IN_HAN = re.compile(
    rf"{_HAN}[\u00ad\u200b-\u200f\u2060-\u2064\ufe0e\ufe0f\ufeff\U000e0020-\U000e007f]+{_HAN}"
)
_UNSEEN_IN_LATIN = re.compile(
    r"[A-Za-z][\u200d-\u200f\u2060-\u2064\ufe0e\ufe0f\U000e0020-\U000e007f]+[A-Za-z]"
)
"""Zero-width spaces and soft hyphens part Latin words where pages are laid out; Thai is written with them."""


def unnamed_reasons(found: Found, offers: Sequence[Reason], *, known: bool) -> list[Reason]:
    """A reason for a piece of unnamed material that is offered, and one for a parted word, or none.

    known: whether its account, or what its pictures are like, is known. Weighs 0 with nothing beside it.
    """
    pieces = found.groups(Kind.FORM, "worked")
    offered = any(reason.kind in ("contact", "price") or reason.what in _OPEN for reason in offers)
    unseen, secret = _parted(found.views.raw), bool(found.groups(Kind.CUE, "secret"))
    # A material whose name is parted so is none: who sells diamonds does not hide them from a search. Nor
    # are beads of sugar sold in secret: it is a name for something else.
    said = () if unseen else tuple(group for group in _SAID if not (secret and group == "food"))
    if not pieces or not offered or _is_named(found, said):
        return []
    parted = unseen or _parted_by_a_sign(found.views.raw)
    silence = secret or bool(parted) or any(reason.what == _BY_THE_GRAM for reason in offers)
    weight = _BESIDE_SILENCE if silence else _BESIDE_KNOWN if known else 0.0
    what, span = "names a piece and not what it is made of", ", ".join(pieces[:5])
    detail = "" if weight else "no other sign beside it"
    return [*parted, Reason(kind=KIND, what=what, weight=weight, span=span, detail=detail)]


def is_told(reasons: Sequence[Reason]) -> bool:
    """Whether such a piece weighs."""
    return any(reason.kind == KIND and reason.weight > 0 for reason in reasons)


_OPEN = ("wording of a sale", "the price is not told in public")


def _is_named(found: Found, said: tuple[str, ...]) -> bool:
    """Whether a term, a decoy or wording of one of these classes is there."""
    if any(not hit.compound and hit.term.kind is not Kind.JARGON for hit in found.hits):
        return True
    return any(word.kind is Kind.CONTEXT and word.group in said for word in found.words)


def _parted(raw: str) -> list[Reason]:
    hidden = _UNSEEN_IN_HAN.search(raw) or _UNSEEN_IN_LATIN.search(raw)
    if hidden is None:
        return []
    what = "a word parted by characters that nobody sees"
    return [Reason(kind="cue", what=what, weight=_PARTED, span=hidden[0])]


def _parted_by_a_sign(raw: str) -> list[Reason]:
    sign = _BY_A_SIGN.search(raw)
    if sign is None:
        return []
    what = "two characters parted by a sign"
    return [Reason(kind="cue", what=what, weight=_PARTED_BY_A_SIGN, span=sign[0])]
