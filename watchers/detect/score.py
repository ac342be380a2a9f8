"""Judge a post: a sum of named reasons on a logistic scale, 0..100, and a tier.

    score = 100 / (1 + exp(-(PRIOR + sum of weights)))

Weights are log-odds set by hand from the domain facts and checked on labelled texts
(`bench/detect.py`); 0.7 doubles the odds. Nothing is ever silently dropped: what speaks
for the seller (replica, papers, mammoth) is a reason with a negative weight, shown like
the others. Pure: the same post and lexicon give the same verdict for ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storage.model import Picture, PictureMatch, Post, Reason, Tier, Verdict
from storage.text.contacts import Contact, contacts, contacts_in
from watchers.detect import against, sale
from watchers.detect.hits import Hit
from watchers.detect.permits import permit_numbers
from watchers.detect.picture import is_sure, picture_reasons
from watchers.detect.price_field import as_price
from watchers.detect.prices import Price, prices, prices_in
from watchers.detect.rates import currency_of
from watchers.detect.silence import is_silent, says_little
from watchers.detect.terms import Found, find
from watchers.detect.unnamed import is_told, unnamed_reasons
from watchers.lexicon import Kind, Lexicon, Term

if TYPE_CHECKING:
    from watchers.detect.model import Model  # brings NumPy, which a start without a model does not need

PRIOR = -4.0
"""Log-odds of an advert about which nothing is known: the base rate is 1-3 %."""
URGENT, HIGH, NORMAL = 96, 70, 35
"""Least score of each tier."""

_TIER = {1: 4.4, 2: 3.9, 3: 3.3, 4: 2.0, 5: 1.3}
_WEAK_CODE = 2.3
"""Tier 4 trade words; its names (ivory, marfil) are ordinary words too."""
_JARGON = 0.5
_PIECE = 0.8
_HIDDEN = 0.9
_SECOND_SAME, _SECOND_OTHER, _SECOND_MAX = 0.6, 0.9, 1.8
_EMOJI_ONLY, _EMOJI_PICTURED = 0.8, 1.2
_NO_TERM = {"picture": -1.0, "account": -1.6}
"""What other words say beside a known picture or account: who sold one thing sells others too."""
_WORDLESS = 1.2
_NIGHT = 0.2
NIGHT_HOURS = frozenset({21, 22, 23, 0, 1, 2, 3, 4, 5})
_WEAK_TIER = 4
_CODE_LETTERS = 3
_JUST_BELOW_HIGH = 0.6
"""Log-odds of score 65."""
_QUIETEST, _LIFTED_MOST = -0.6, 3.4
"""Log-odds of score 35, and what one reason without a word may add to get there."""
_FIELD_BREAK = "\n" * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read in a post before anything was weighed."""

    found: Found
    contacts: tuple[Contact, ...]
    prices: tuple[Price, ...]
    price_field: tuple[Price, ...]


def judge(
    post: Post,
    pictures: tuple[Picture, ...],
    matches: tuple[PictureMatch, ...],
    lexicon: Lexicon,
    local_hour: int | None,
    *,
    history: Sequence[Reason] = (),
    model: Model | None = None,
    country: str = "",
) -> Verdict:
    """The verdict on one post.

    pictures: all of the post, decodable or not; matches: what they resemble; local_hour:
    of the posting or first sight, 0..23 in the target's zone, or None when unknown; history:
    what its account offered before (`history.history_reasons`); model: learnt from labels,
    weighed only if it proved better than the lexicon alone; country: of the site, ISO 3166, for
    numbers and prices that do not say theirs.
    """
    reading = read(post, lexicon, country)
    likeness = picture_reasons(matches)
    offers = sale.sale_reasons(reading.found, reading.contacts, reading.prices, reading.price_field)
    pictured = bool(pictures) and is_silent(post, offers)
    terms = term_reasons(reading.found, offers, met_before=bool(likeness or history) or pictured)
    about = bool(likeness) or any(reason.weight > 0 for reason in terms)
    about |= bool(history) and is_silent(post, offers)
    unnamed = unnamed_reasons(reading.found, offers, known=bool(likeness or history))
    about |= is_told(unnamed)
    reasons = [*terms, *likeness, *history, *unnamed]
    if about:
        reasons += offers
        reasons += against.against_reasons(reading.found, offers)
        reasons += _papers(reading)
        reasons += _circumstances(post, reading, local_hour, pictured=pictured)
        reasons += _held_back(reading.found, reasons, pictured=bool(likeness))
        reasons += _never_silenced(reasons, offers)
    else:
        reasons += [_unweighed(reason) for reason in offers]
    wordless = not is_told(unnamed) and not any(map(_says_something, reading.found.hits))
    if (likeness or history) and wordless:
        reasons.append(_about_the_words(post, reading, offers, "picture" if likeness else "account"))
    if likeness and not is_sure(matches):
        doubtful = [*likeness, *history, *unnamed]
        reasons += _unsure(reasons, doubtful, "the likeness is to be looked at: below high")
    elif (history or is_told(unnamed)) and not any(reason.weight > 0 for reason in terms):
        doubtful = [*history, *unnamed] if likeness else reasons
        what = "told for its account alone" if history else "no word for goods is known in it"
        reasons += _unsure(reasons, doubtful, f"{what}: below high")
    reasons += _limits(reading, pictures)
    score = _score(reasons)
    verdict = Verdict(
        score=score,
        tier=tier_of(score),
        reasons=tuple(reasons),
        products=products_of(reading.found) if about else (),
        lexicon_version=lexicon.version,
        contacts=tuple(contact.key for contact in reading.contacts if not contact.hotline),
    )
    if model is None:
        return verdict
    from watchers.detect.opinion import opined, with_opinion

    opinion = with_opinion(verdict, reading.found.views.raw, model, odds_of(verdict))
    score = _score([*reasons, *opinion])
    return opined(verdict, opinion, score, tier_of(score))


def odds_of(verdict: Verdict) -> float:
    """Log-odds of a verdict: its score before rounding."""
    return PRIOR + math.fsum(reason.weight for reason in verdict.reasons)


def told_quietly(verdict: Verdict, reason: Reason) -> Verdict:
    """A verdict of no alert with one reason more, lifted to the quietest alert if that is near enough."""
    odds = odds_of(verdict)
    weight = round(min(_LIFTED_MOST, max(0.0, _QUIETEST - odds)), 2)
    score = score_at(odds + weight)
    reasons = (*verdict.reasons, replace(reason, weight=weight))
    return replace(verdict, score=score, tier=tier_of(score), reasons=reasons)


def score_at(odds: float) -> int:
    """The score of log-odds."""
    return round(100 / (1 + math.exp(-odds)))


def tier_of(score: int) -> Tier:
    """The tier of a score."""
    if score >= URGENT:
        return Tier.URGENT
    if score >= HIGH:
        return Tier.HIGH
    return Tier.NORMAL if score >= NORMAL else Tier.NONE


def read(post: Post, lexicon: Lexicon, country: str = "") -> Reading:
    """Terms, wordings, contacts and sums of a post. The seller's name gives contacts only."""
    found = find(lexicon, text_of(post))
    reach = {contact.key: contact for contact in contacts_in(found.views.folded, found.views.raw, country)}
    found = replace(found, hits=tuple(_beside_contacts(found.hits, tuple(reach.values()))))
    for contact in contacts(post.seller, country):
        reach.setdefault(contact.key, contact)
    sums = prices(post.price, field=True)
    return Reading(
        found=found,
        contacts=tuple(reach.values()),
        prices=_in_country(prices_in(found.views.folded, found.views.raw), country),
        price_field=_in_country(sums if any(p.unit for p in sums) else as_price(post.price) or sums, country),
    )


def _beside_contacts(hits: Sequence[Hit], reach: Sequence[Contact]) -> Iterator[Hit]:
    """The hits; a short code that is the name of a messenger there (TG: @shop) is part of the contact."""
    for hit in hits:
        of = next((c for c in reach if c.start <= hit.start and hit.end <= c.end), None)
        is_code = len(hit.term.text) <= _CODE_LETTERS and hit.term.kind is Kind.CODE
        yield replace(hit, compound=of.span) if of and is_code else hit


def _in_country(sums: tuple[Price, ...], country: str) -> tuple[Price, ...]:
    """Sums that name no currency in that of the site's country."""
    currency = currency_of(country) if any(not price.currency for price in sums) else ""
    if not currency:
        return sums
    return tuple(p if p.currency else replace(p, currency=currency, by_country=True) for p in sums)


def text_of(post: Post) -> str:
    """All words of a post: title (unless the text opens with it), text, captions, other fields."""
    opening = post.title.rstrip("….").strip()
    title = "" if opening and post.text.lstrip().startswith(opening) else post.title
    captions = (picture.alt for picture in post.pictures if picture.alt)
    fields = (f"{name}: {value}" for name, value in post.extra)
    parts = (title, post.text, *dict.fromkeys(captions), *fields)
    return _FIELD_BREAK.join(part for part in parts if part.strip())


def products_of(found: Found) -> tuple[str, ...]:
    """What the terms stand for, the surest first, each once."""
    clean = [hit for hit in found.hits if not hit.compound and hit.term.kind is not Kind.DECOY]
    clean.sort(key=lambda hit: (bool(hit.near), hit.term.tier))
    return tuple(dict.fromkeys(product for hit in clean for product in hit.term.products))


def term_reasons(found: Found, offers: Sequence[Reason], *, met_before: bool) -> list[Reason]:
    """One reason per term, and what lessens or strengthens it. met_before: its pictures, or its account.

    Terms of tier 4-5 count only beside a second signal: an offer, a known picture or account, or
    another term; ordinary words of traders' jargon (white) need more than an open sale.
    """
    best = _best_hits(found.hits)
    named = {h.term.text.casefold() for h in best if _says_something(h) and h.term.kind is not Kind.JARGON}
    covert = bool(found.groups(Kind.CUE, "covert"))
    reasons: list[Reason] = []
    counted: list[Hit] = []
    for hit in best:
        beside_another = bool(named - {hit.term.text.casefold()})
        offered = covert if hit.term.kind is Kind.JARGON else bool(offers)
        if not _says_something(hit):
            reasons.append(_harmless(hit))
        elif hit.term.tier >= _WEAK_TIER and not (offered or met_before or beside_another):
            reasons.append(_reason(hit, 0.0, "alone: counts only beside a second signal"))
        else:
            reasons += _weighed(hit, counted)
            counted.append(hit)
    return reasons + _manner(counted)


def _best_hits(hits: Sequence[Hit]) -> list[Hit]:
    """The most telling occurrence of each term, the strongest term first."""
    best: dict[str, Hit] = {}
    for hit in sorted(hits, key=lambda h: (bool(h.compound), len(h.near), not h.hidden)):
        best.setdefault(f"{hit.term.lang}:{hit.term.text}", hit)
    return sorted(best.values(), key=lambda hit: -_worth(hit))


def _says_something(hit: Hit) -> bool:
    return not hit.compound and hit.term.kind is not Kind.DECOY


def _worth(hit: Hit) -> float:
    """Log-odds of a hit with what stands near it."""
    return _base(hit.term) * _kept(hit) if _says_something(hit) else 0.0


def _base(term: Term) -> float:
    if term.kind is Kind.JARGON:
        return _JARGON
    return _WEAK_CODE if (term.tier, term.kind) == (_WEAK_TIER, Kind.CODE) else _TIER[term.tier]


def _kept(hit: Hit) -> float:
    """Share of a term's weight that harmless wording near it leaves."""
    if not hit.near:
        return 1.0
    strong = hit.term.tier < 3
    if len(hit.near) == 1:
        return 0.6 if strong else 0.4
    return 0.35 if strong else 0.12


def _weighed(hit: Hit, before: Sequence[Hit]) -> list[Reason]:
    """The term's reason, and one for the harmless wording near it."""
    full = _base(hit.term)
    if before:
        same = set(hit.term.products) & {product for other in before for product in other.term.products}
        spent = _SECOND_SAME if same else _SECOND_OTHER
        full = min(full, spent) if len(before) * _SECOND_SAME < _SECOND_MAX else 0.0
    reasons = [_reason(hit, full)]
    if hit.near:
        reasons.append(
            Reason(
                kind="context",
                what=f"harmless wording near {hit.term.text}",
                weight=round(full * (_kept(hit) - 1), 2),
                span=", ".join(hit.near[:5]),
            )
        )
    return reasons


def _reason(hit: Hit, weight: float, remark: str = "") -> Reason:
    term = hit.term
    facts = [f"tier {term.tier}", term.kind.value, term.lang, f"view {hit.view}", f"CITES {term.cites}"]
    return Reason(
        kind="term",
        what=f"{term.text}: {', '.join(term.products)}",
        weight=round(weight, 2),
        span=hit.span,
        detail=", ".join([*facts, remark] if remark else facts),
    )


def _harmless(hit: Hit) -> Reason:
    if hit.compound:
        what = f"{hit.term.text} only as part of a harmless word"
        return Reason(kind="context", what=what, weight=0.0, span=hit.compound)
    return Reason(kind="context", what=f"speaks of {hit.term.products[0]}", weight=0.0, span=hit.span)


def _manner(counted: Sequence[Hit]) -> list[Reason]:
    """How the terms are written: beside words for pieces, or disguised."""
    reasons = []
    piece = next((hit for hit in counted if hit.piece and not hit.near), None)
    if piece:
        what = "named as a worked or raw piece"
        reasons.append(Reason(kind="context", what=what, weight=_PIECE, span=piece.span))
    hidden = next((hit for hit in counted if hit.hidden), None)
    if hidden:
        what = "spelled so that a search misses it"
        reasons.append(
            Reason(kind="cue", what=what, weight=_HIDDEN, span=hidden.span, detail=f"view {hidden.view}")
        )
    return reasons


def _circumstances(post: Post, reading: Reading, local_hour: int | None, *, pictured: bool) -> list[Reason]:
    """What is neither term, picture nor offer: bare emoji, the hour. pictured: pictures and not a word."""
    reasons = []
    text = reading.found.views.raw.strip()
    if pictured and reading.found.hits:
        what = "a picture with emoji in place of words"
        reasons.append(Reason(kind="context", what=what, weight=_EMOJI_PICTURED, span=text[:40]))
    elif text and not any(character.isalnum() for character in text):
        reasons.append(
            Reason(kind="context", what="emoji in place of words", weight=_EMOJI_ONLY, span=text[:40])
        )
    if local_hour in NIGHT_HOURS:
        when = "posted" if post.posted_at else "seen"
        reasons.append(
            Reason(kind="hour", what=f"{when} at night", weight=_NIGHT, detail=f"{local_hour:02d} h")
        )
    return reasons


def _papers(reading: Reading) -> list[Reason]:
    """Numbers of permits that the post names, to be asked about; they weigh nothing."""
    if not reading.found.groups(Kind.CONTEXT, "permit"):
        return []
    taken = [(way.start, way.end) for way in reading.contacts]
    taken += [(price.start, price.end) for price in reading.prices]
    numbers = permit_numbers(reading.found.views, taken)
    return [
        Reason(kind="context", what="names a permit number", weight=0.0, span=number) for number in numbers
    ]


def _limits(reading: Reading, pictures: Sequence[Picture]) -> list[Reason]:
    """What could not be judged, told so that silence is not taken for innocence."""
    reasons = []
    lost = [picture for picture in pictures if not picture.phash]
    if lost:
        what = f"{len(lost)} of {len(pictures)} pictures could not be compared"
        why = lost[0].undecodable or lost[0].note
        reasons.append(Reason(kind="picture", what=what, weight=0.0, detail=why))
    if reading.found.views.cut:
        reasons.append(Reason(kind="context", what="a long text: only head and tail were read", weight=0.0))
    return reasons


def _about_the_words(post: Post, reading: Reading, offers: Sequence[Reason], known: str) -> Reason:
    """What the words beside a known picture, or of a known account, say when they name no product.

    Silence is how such posts are made (domain facts, finding 3); talk of other things is not.
    """
    text = reading.found.views.raw.strip()
    if not text and known == "picture":
        return Reason(kind="context", what="no text: judged by its pictures alone", weight=_WORDLESS)
    if says_little(post, offers) if known == "picture" else is_silent(post, offers):
        return Reason(
            kind="context", what=f"hardly a word beside a known {known}", weight=_WORDLESS, span=text[:80]
        )
    return Reason(kind="context", what="the text names no product", weight=_NO_TERM[known])


def _held_back(found: Found, reasons: Sequence[Reason], *, pictured: bool) -> list[Reason]:
    """Keeps a post below HIGH when every product it names is explained and nothing belies it.

    Explained: harmless wording near, said to be a replica, or a legal cover material with
    fossil or permit wording. Belied by: a known picture, wording for insiders, a disguise.
    """
    hits = [hit for hit in found.hits if _says_something(hit) and hit.term.kind is not Kind.JARGON]
    belied = pictured or bool(found.groups(Kind.CUE, "covert")) or any(hit.hidden for hit in hits)
    if belied or not hits or not all(hit.near or against.is_explained(found, hit) for hit in hits):
        return []
    excess = PRIOR + sum(reason.weight for reason in reasons) - _JUST_BELOW_HIGH
    if excess <= 0:
        return []
    what = "everything it names is explained, nothing belies it: below high"
    return [Reason(kind="context", what=what, weight=-round(excess, 2))]


def _never_silenced(reasons: Sequence[Reason], offers: Sequence[Reason]) -> list[Reason]:
    """Keeps a post that offers something told although it speaks of papers or age: anybody can write that.

    Where nothing else speaks against it: mammoth with papers is explained.
    """
    if any(reason.weight < 0 and reason.what not in against.CLAIMS for reason in reasons):
        return []
    said = math.fsum(reason.weight for reason in reasons if reason.what in against.CLAIMS)
    total = PRIOR + math.fsum(reason.weight for reason in reasons)
    if not said or score_at(total) >= NORMAL or score_at(total - said) < NORMAL or not offers:
        return []
    what = "papers and age are to be looked at: not below normal"
    return [Reason(kind="context", what=what, weight=round(_QUIETEST - total, 2))]


def _unsure(reasons: Sequence[Reason], doubtful: Sequence[Reason], what: str) -> list[Reason]:
    """Keeps a post below HIGH that is there by a likeness which people are asked to look at, or its account.

    One table under other goods has it, and so has any picture as plain as another.
    """
    total = PRIOR + math.fsum(reason.weight for reason in reasons)
    alone = total - math.fsum(reason.weight for reason in doubtful)
    if round(100 / (1 + math.exp(-alone))) >= HIGH or total <= _JUST_BELOW_HIGH:
        return []
    return [Reason(kind="context", what=what, weight=round(_JUST_BELOW_HIGH - total, 2))]


def _unweighed(reason: Reason) -> Reason:
    """An offer in a post that names no product: told, but it counts for nothing."""
    return Reason(
        kind=reason.kind, what=reason.what, weight=0.0, span=reason.span, detail="no product beside it"
    )


def _score(reasons: Sequence[Reason]) -> int:
    return score_at(PRIOR + sum(reason.weight for reason in reasons))
