"""Terms in homophones, and terms whose letters were moved apart by spaces. Pure.

Both views make words that nobody wrote, so both ask what the letters around would be: a
homophone that is part of an everyday word is none, and letters that stand together are no
word moved apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from storage.text.normal import Views, fold_term
from storage.text.sounds import is_common, sound
from watchers.detect.automaton import Automaton
from watchers.detect.hits import Hit
from watchers.detect.spellings import weaker
from watchers.lexicon import Kind, Term

_MATCHES_MAX = 2_000
_LETTERS_APART = 3
"""Pieces up to it are no words: somebody moved letters."""
_MEANT_TIER = 3
"""Up to it a homophone shares so many characters that nobody wrote it by chance."""
_MOVED = re.compile(r"(?:^|\s)[a-z]{1,3}(?:\s|$)|[\u0e00-\u0e7f] [\u0e00-\u0e7f]")
"""A piece of one to three letters by itself: nothing was moved apart without one."""


def sounded(automaton: Automaton, seen: Views) -> Iterator[Hit]:
    """Terms that the characters sound like, in the joined view or the one it would equal."""
    view = seen.joined or seen.folded
    for count, (entry, start, end) in enumerate(automaton.matches(sound(view.text))):
        if count > _MATCHES_MAX:
            break
        term = _heard(entry.terms, view.text[start:end])
        if term is not None and not _is_cut_out(view.text, start, end, term):
            low, high = view.span(start, end)
            span, meant = seen.raw[low:high], term.tier <= _MEANT_TIER
            yield Hit(term=term, view="V5", start=low, end=high, span=span, hidden=meant)


@lru_cache(maxsize=4_096)
def _of(term: Term, tier: int) -> Term:
    return weaker(term, tier)


def _heard(terms: tuple[Term, ...], written: str) -> Term | None:
    """The term of the same sound that shares most characters; None for one written right."""
    shared = [(sum(a == b for a, b in zip(term.text, written, strict=True)), term) for term in terms]
    same, term = max(shared, key=lambda found: (found[0], found[1].kind is Kind.NAME, -found[1].tier))
    if same == len(written):
        return None
    if same == 0:
        return _of(term, 5)
    return _of(term, 3 if same >= 2 else 4)


def _is_cut_out(text: str, start: int, end: int, term: Term) -> bool:
    """Whether an everyday word stands there, or reaches over the edge of the find."""
    found = text[start:end]
    other = [a != b for a, b in zip(found, term.text, strict=True)]
    if any(is_common(found[at : at + 2]) and (other[at] or other[at + 1]) for at in range(len(found) - 1)):
        return len(found) < 4
    before, after = text[start - 1 : start] + found[0], found[-1] + text[end : end + 1]
    return is_common(before) or is_common(after)


def squeezed(automaton: Automaton, seen: Views) -> Iterator[Hit]:
    """Terms that show when the spaces between letters go: "iv ory", "rhi no ho rn"."""
    text = seen.folded.text
    if not _MOVED.search(text):
        return
    places: list[int] = []
    for count, (entry, start, end) in enumerate(automaton.everywhere(text.replace(" ", ""))):
        if count > _MATCHES_MAX:
            break
        places = places or [at for at, character in enumerate(text) if character != " "]
        first, last = places[start], places[end - 1] + 1
        if _is_moved(text, first, last, entry.terms[0]):
            low, high = seen.folded.span(first, last)
            span = seen.raw[low:high]
            meant = min(map(len, text[first:last].split(" "))) <= _LETTERS_APART
            yield Hit(term=entry.terms[0], view="V3", start=low, end=high, span=span, hidden=meant)


def _is_moved(text: str, start: int, end: int, term: Term) -> bool:
    """Whether the find has borders of its own, and a short piece that is no word of the term."""
    pieces = text[start:end].split(" ")
    if "\u0e00" <= text[start] < "\u0e80":  # Thai writes no spaces between words, so one between them parts
        return len(pieces) > term.text.count(" ") + 1
    if (start and text[start - 1].isalpha()) or (end < len(text) and text[end].isalpha()):
        return False
    words = fold_term(term.text).split(" ")
    return pieces != words and any(len(piece) <= 3 and piece not in words for piece in pieces)
