"""Find the lexicon's words in a text, disguised or not, and what stands near them.

One pass of an Aho-Corasick automaton per view of `normal`. Words of alphabets that put
spaces between words match whole words only; short codes (<= 3 letters) match neither in
the joined nor in the bare view, where chance makes them. What makes a term harmless
counts only near it (12 Chinese characters or 5 words): a seller who hides "ivory coast"
at the end of a post gains nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from storage.text import glyphs
from storage.text.normal import UNACCENTED, View, Views, fold_term, views
from watchers.detect.apart import sounded, squeezed
from watchers.detect.automaton import Automaton, Entry, machine_of
from watchers.detect.denied import is_denied
from watchers.detect.hits import Hit
from watchers.lexicon import Kind, Lexicon, Term

WINDOW = 12.0
"""Reach of a context: a Chinese, Thai or Korean character counts 1, another word 2.4."""
_WORD_COST = 2.4
_HITS_MAX = 500
_MATCHES_MAX = 20_000
_WORDS_MAX = 4_000

_DENSE = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
_TOKEN = re.compile(rf"[{_DENSE}]|[^\W{_DENSE}]+")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_DENSE_LETTER = re.compile(rf"[{_DENSE}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A phrase of a wording in the text: its kind and group, raw position and raw span."""

    kind: Kind
    group: str
    start: int
    end: int
    span: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All terms and wordings of a text, in order of position."""

    hits: tuple[Hit, ...]
    words: tuple[Word, ...]
    views: Views

    def groups(self, kind: Kind, group: str) -> tuple[str, ...]:
        """Distinct raw phrases (case-folded) of one wording, in order of appearance."""
        spans = (w.span.casefold() for w in self.words if w.kind is kind and w.group == group)
        return tuple(dict.fromkeys(spans))


def find(lexicon: Lexicon, text: str) -> Found:
    """Everything the lexicon knows in `text`. Pure; linear in the text."""
    machine = machine_of(lexicon)
    seen = views(text)
    marks = _Marks()
    hits = list(_in_view(machine.folded, seen.folded, seen, "", marks))
    if seen.joined:
        hits += _in_view(machine.folded, seen.joined, seen, "V3", None)
    hits += _in_view(machine.bare, seen.bare, seen, "V4", None)
    if seen.chinese and glyphs.TONE_MARK.search(seen.folded.text):
        spoken = seen.joined or seen.folded
        hits += _in_view(
            machine.folded, replace(spoken, text=spoken.text.translate(UNACCENTED)), seen, "V5", None
        )
    if "#" in text:
        hits += _in_tags(machine.folded, seen)
    if seen.chinese and not seen.japanese:
        plain = [(hit.start, hit.end) for hit in hits]
        hits += [hit for hit in sounded(machine.sounds, seen) if not _overlaps(hit, plain)]
    hits += squeezed(machine.squeezed, seen)
    marks.sort(seen.raw)
    kept = tuple(_told_apart(_outermost(hits), seen.raw, marks))
    return Found(hits=kept, words=tuple(marks.words), views=seen)


# --- from matches to hits --------------------------------------------------


class _Marks:
    """Wordings and harmless phrases of a text by raw position."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.harmless: list[tuple[int, int, str]] = []

    def add(self, entry: Entry, start: int, end: int, raw: str) -> None:
        """Note what `entry` means besides a term."""
        for kind, group in entry.wordings:
            self.words.append(Word(kind=kind, group=group, start=start, end=end, span=raw[start:end]))
        if entry.harmless:
            self.harmless.append((start, end, entry.pattern))

    def sort(self, raw: str) -> None:
        """Order by position; drop phrases inside a longer one of the same group, denied papers, and cap."""
        self.words = list(_without_denied(_longest(self.words)[:_WORDS_MAX], raw))
        self.harmless.sort()

    def words_in(self, start: int, end: int) -> Iterator[Word]:
        """Wordings that lie within [start, end)."""
        at = bisect_left(self.words, start, key=lambda word: word.start)
        for word in self.words[at:]:
            if word.start >= end:
                return
            if word.end <= end:
                yield word

    def harmless_in(self, start: int, end: int) -> Iterator[tuple[int, int, str]]:
        """Harmless phrases that touch [start, end), as (start, end, phrase)."""
        # No phrase is longer than 60 characters, so this reaches every one that touches.
        at = bisect_left(self.harmless, (start - 60, 0, ""))
        for phrase in self.harmless[at:]:
            if phrase[0] >= end:
                return
            if phrase[1] > start:
                yield phrase


def _longest(words: list[Word]) -> list[Word]:
    """In order, without those inside another of the same kind and group."""
    kept: list[Word] = []
    reach: dict[tuple[Kind, str], int] = {}
    for word in sorted(words, key=lambda w: (w.start, -w.end)):
        if word.end > reach.get((word.kind, word.group), -1):
            reach[word.kind, word.group] = word.end
            kept.append(word)
    return kept


def _without_denied(words: Iterable[Word], raw: str) -> Iterator[Word]:
    """Words in order, but for papers that the post says it lacks."""
    denied_to = -1
    for word in words:
        if word.kind is not Kind.CONTEXT or word.group != "permit":
            yield word
        elif is_denied(raw, word.start, word.end, denied_to=denied_to):
            denied_to = word.end
        else:
            yield word


def _in_view(automaton: Automaton, view: View, seen: Views, name: str, marks: _Marks | None) -> Iterator[Hit]:
    """Hits of terms in one view; wordings go to `marks`. name "": the folded view, V0-V2."""
    count = 0
    for entry, start, end in automaton.matches(view.text):
        if marks is None and (
            entry.code or not (entry.terms or entry.swapped or entry.disguised or entry.masked)
        ):
            continue
        raw_start, raw_end = view.span(start, end)
        if marks is not None:
            marks.add(entry, raw_start, raw_end, seen.raw)
        if count < _MATCHES_MAX and (meant := _meant(entry, raw_start, raw_end, seen)):
            count += 1
            yield _hit(entry, meant, (raw_start, raw_end), seen, name)


_TAGS_MAX = 100
_TAG = re.compile(r"#([a-z]{8,40})(?![a-z0-9])")


def _in_tags(automaton: Automaton, seen: Views) -> Iterator[Hit]:
    """Hits in hashtags that are nothing but known words: #ivoryforsale, #realivorycarving."""
    for tag in islice(_TAG.finditer(seen.folded.text), _TAGS_MAX):
        for entry, start, end in _tiles(automaton, tag[1]):
            if entry.terms:
                raw = seen.folded.span(tag.start(1) + start, tag.start(1) + end)
                yield _hit(entry, entry.terms, raw, seen, "V3")


def _tiles(automaton: Automaton, word: str) -> list[tuple[Entry, int, int]]:
    """The known words that make up `word` without a rest, as few as can be; none where they do not."""
    best: list[list[tuple[Entry, int, int]] | None] = [[], *[None] * len(word)]
    for end in range(2, len(word) + 1):
        for start in range(end - 1):
            before, entry = best[start], automaton.glued.get(word[start:end])
            if before is not None and entry and (best[end] is None or len(before) + 1 < len(best[end] or ())):
                best[end] = [*before, (entry, start, end)]
    return best[-1] or []


def _meant(entry: Entry, start: int, end: int, seen: Views) -> tuple[Term, ...]:
    """The terms that an entry stands for in this place."""
    if entry.terms:
        return entry.terms
    if entry.swapped:
        return entry.swapped
    if entry.disguised and seen.chinese:
        return entry.disguised
    return entry.masked if entry.masked and _MASK.search(seen.raw[max(0, start - 1) : end + 1]) else ()


def _hit(entry: Entry, meant: tuple[Term, ...], raw: tuple[int, int], seen: Views, name: str) -> Hit:
    start, end = raw
    span = seen.raw[start:end]
    if not entry.terms:
        plain = min(meant, key=lambda term: (term.kind is not Kind.NAME, term.tier))
        return Hit(term=plain, view="V5", start=start, end=end, span=span, hidden=True)
    term = _fitting(entry.terms, seen.japanese)
    view = name or _view_of(span, entry.pattern)
    hidden = view != "V0" and _is_hidden(span, term, view)
    return Hit(term=term, view=view, start=start, end=end, span=span, hidden=hidden)


def _fitting(terms: tuple[Term, ...], japanese: bool) -> Term:
    """Of several terms spelled alike, the Japanese one in a text with kana, else the first."""
    return next((term for term in terms if (term.lang == "ja") == japanese), terms[0])


def _view_of(span: str, pattern: str) -> str:
    """The simplest view of V0, V1, V2 that shows `pattern` in the raw span."""
    if span.casefold() == pattern:
        return "V0"
    return "V2" if glyphs.LOOKALIKE.search(span.casefold()) or glyphs.HAN.search(span) else "V1"


_MASK = re.compile(r"[*#_.\-~•·@$%&!?]")
_STYLED = re.compile(r"[\u2460-\u24ff\u2776-\u2793\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff\u0334-\u0338]")
_SEEMING_SPACE = re.compile(r"[\s_\-]+")
_EMOJI_STYLE = "\ufe0f\ufe0e"


_MANY = re.compile(r"(?:'?s|es)(?![a-z])")
"""What makes a word many is no disguise."""


def _is_hidden(span: str, term: Term, view: str) -> bool:
    """True for a spelling that has no honest reason: full-width, spaces and dropped accents have one."""
    folded = span.casefold()
    if any(glyphs.INVISIBLE.match(character) and character not in _EMOJI_STYLE for character in span):
        return True
    if view in ("V1", "V2"):
        return bool(_STYLED.search(span) or glyphs.LOOKALIKE.search(folded))
    if view == "V3":
        return _SEEMING_SPACE.sub(" ", fold_term(span)) != _SEEMING_SPACE.sub(" ", fold_term(term.text))
    said, meant = fold_term(span), fold_term(term.text)
    accented = said != said.translate(UNACCENTED) and meant == meant.translate(UNACCENTED)
    return accented or _MANY.sub("", said.translate(UNACCENTED)) != _MANY.sub("", meant.translate(UNACCENTED))


def _overlaps(hit: Hit, places: Iterable[tuple[int, int]]) -> bool:
    """True for a find by sound that takes characters which stand for themselves."""
    return any(start < hit.end and hit.start < end for start, end in places)


def _outermost(hits: Iterable[Hit]) -> Iterator[Hit]:
    """Without hits inside a longer one, and one per place: the plainest view wins."""
    reach = -1
    for hit in sorted(hits, key=lambda h: (h.start, -h.end, h.view)):
        if hit.end > reach:
            reach = hit.end
            yield hit


def _told_apart(hits: Iterable[Hit], raw: str, marks: _Marks) -> Iterator[Hit]:
    """Hits with what stands near them; at most `_HITS_MAX` that are no part of another word."""
    clean = 0
    for hit in hits:
        if whole := _compound(hit, raw, marks):
            yield replace(hit, compound=whole)
        elif clean < _HITS_MAX:
            clean += 1
            yield _with_context(hit, raw, marks)


@lru_cache(maxsize=4_096)
def _harmless(term: Term) -> frozenset[str]:
    return frozenset(fold_term(phrase) for phrase in term.negative)


def _compound(hit: Hit, raw: str, marks: _Marks) -> str:
    """The harmless word that the hit is a part of, or ""."""
    for low, high, phrase in marks.harmless_in(hit.start, hit.end):
        if low <= hit.start and high >= hit.end and phrase in _harmless(hit.term):
            return raw[low:high]
    return ""


def _with_context(hit: Hit, raw: str, marks: _Marks) -> Hit:
    """The hit with the harmless wording and the wording of pieces in its window."""
    start, end = window(raw, hit.start, hit.end)
    near = [
        raw[low:high]
        for low, high, phrase in marks.harmless_in(start, end)
        if low >= start and high <= end and phrase in _harmless(hit.term)
    ]
    piece = False
    for word in marks.words_in(start, end):
        if word.start < hit.end and word.end > hit.start:
            continue
        piece = piece or word.kind is Kind.FORM
        if word.kind is Kind.CONTEXT and word.group in hit.term.classes:
            near.append(word.span)
    return replace(hit, near=tuple(dict.fromkeys(near)), piece=piece)


def window(raw: str, start: int, end: int) -> tuple[int, int]:
    """Raw bounds of what is near [start, end)."""
    # 160 characters hold any five words a person writes; it keeps hostile text linear.
    before = [m.span() for m in _TOKEN.finditer(raw, max(0, start - 160), start)]
    after = [m.span() for m in _TOKEN.finditer(raw, end, min(len(raw), end + 160))]
    low = _reach(raw, reversed(before))
    high = _reach(raw, iter(after))
    return (low[0] if low else start), (high[1] if high else end)


def _reach(raw: str, tokens: Iterator[tuple[int, int]]) -> tuple[int, int] | None:
    """The last of `tokens` that is still within `WINDOW`."""
    cost, last = 0.0, None
    for start, end in tokens:
        dense = end - start == 1 and _DENSE_LETTER.match(raw[start])
        cost += 1.0 if dense else _WORD_COST
        if cost > WINDOW:
            break
        last = (start, end)
    return last
