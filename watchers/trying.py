"""A text tried against the lexicon: every term with view, span and surroundings, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from storage.model import Post, Verdict
from watchers.detect.score import judge, read
from watchers.lexicon import Lexicon


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedHit:
    """A term in a text. harmless: the word it is part of, or wording near it that speaks against it."""

    term: str
    lang: str
    tier: int
    products: tuple[str, ...]
    cites: str
    view: str
    start: int
    end: int
    span: str
    harmless: tuple[str, ...]
    source: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedText:
    """What the lexicon finds in a text. contacts, prices: normalised."""

    hits: tuple[TriedHit, ...]
    contacts: tuple[str, ...]
    prices: tuple[str, ...]
    verdict: Verdict


def tried(text: str, lexicon: Lexicon) -> TriedText:
    """Judge a text as if it were a post without pictures, hour unknown."""
    post = Post(post_id="try", url="https://example.org/try", text=text)
    reading = read(post, lexicon)
    hits = tuple(
        TriedHit(
            term=hit.term.text,
            lang=hit.term.lang,
            tier=hit.term.tier,
            products=hit.term.products,
            cites=hit.term.cites,
            view=hit.view,
            start=hit.start,
            end=hit.end,
            span=hit.span,
            harmless=(hit.compound,) if hit.compound else hit.near,
            source=hit.term.source,
            date=hit.term.date,
        )
        for hit in reading.found.hits
    )
    return TriedText(
        hits=hits,
        contacts=tuple(contact.key for contact in reading.contacts),
        prices=tuple(f"{price.amount.normalize():f} {price.currency}".strip() for price in reading.prices),
        verdict=judge(post, (), (), lexicon, None),
    )
