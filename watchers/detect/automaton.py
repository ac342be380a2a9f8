"""The lexicon as searching machines: which patterns stand for what, and where words end.

One Aho-Corasick automaton for the folded and the joined view, one for the bare view. It
finds and checks borders; what a match means in its place is the business of `terms`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from storage.text import glyphs
from storage.text.normal import bare_term, fold_term
from watchers.lexicon import Kind, Lexicon, Term, Wording

_CODE_LETTERS = 3
_BARE_LETTERS = 5
_GLUED_LETTERS = 6
_READ_TIER = 4
_READ_CHARACTERS = 4
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_ARABIC_PREFIX = re.compile(r"(?:^|\W)(?:و|ف)?(?:ال|بال|كال|لل|ب|ل|و)$")


@dataclass(slots=True)
class Entry:
    """What one pattern stands for, and which borders it needs."""

    pattern: str
    terms: list[Term] = field(default_factory=list)
    wordings: list[tuple[Kind, str]] = field(default_factory=list)
    harmless: bool = False
    left: bool = False
    right: bool = False
    code: bool = False
    disguised: list[Term] = field(default_factory=list)
    """Terms that the pattern spells in pinyin."""


class Automaton:
    """Patterns to search for at once, with their meaning."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._patterns: list[Entry] = []
        self._machine: AhoCorasick | None = None

    def entry(self, pattern: str) -> Entry:
        """The entry of a pattern, made on first use."""
        if pattern not in self.entries:
            self.entries[pattern] = _new_entry(pattern)
        return self.entries[pattern]

    def build(self) -> None:
        """Make the searching machine; entries are final after that."""
        self._patterns = [entry for entry in self.entries.values() if entry.pattern.strip()]
        self._machine = AhoCorasick(
            [entry.pattern for entry in self._patterns],
            matchkind=MatchKind.Standard,
            implementation=Implementation.ContiguousNFA,
        )

    def matches(self, text: str) -> Iterator[tuple[Entry, int, int]]:
        """Entry, start and end of every match with its borders right, overlapping ones too."""
        assert self._machine
        for index, start, end in self._machine.find_matches_as_indexes(text, overlapping=True):
            entry = self._patterns[index]
            if _stands_alone(text, start, end, entry):
                yield entry, start, end


@dataclass(frozen=True, slots=True)
class Machine:
    """The automata of one lexicon, one per way of folding."""

    folded: Automaton
    bare: Automaton


@lru_cache(maxsize=4)
def machine_of(lexicon: Lexicon) -> Machine:
    """The automata of a lexicon; built once per load (about 30 ms)."""
    folded, bare = Automaton(), Automaton()
    readings = {
        fold_term(character): wording.group
        for wording in lexicon.wordings
        if wording.kind is Kind.READING
        for character in wording.phrases
    }
    for term in lexicon.terms:
        _add_term(term, folded, bare)
        _add_readings(term, readings, folded)
    for wording in lexicon.wordings:
        if wording.kind is not Kind.READING:
            _add_wording(wording, folded)
    folded.build()
    bare.build()
    return Machine(folded, bare)


def _add_term(term: Term, folded: Automaton, bare: Automaton) -> None:
    pattern = fold_term(term.text)
    folded.entry(pattern).terms.append(term)
    glued = pattern.replace(" ", "").replace("-", "")
    if glued != pattern and len(glued) >= _GLUED_LETTERS:
        folded.entry(glued).terms.append(term)  # hashtags: #rhinohorn
    for phrase in term.negative:
        folded.entry(fold_term(phrase)).harmless = True
    stripped = bare_term(term.text)
    if (
        term.kind is not Kind.JARGON
        and len(stripped.replace(" ", "")) >= _BARE_LETTERS
        and stripped.isascii()
    ):
        bare.entry(stripped).terms.append(term)


def _add_readings(term: Term, readings: dict[str, str], folded: Automaton) -> None:
    """Half pinyin (xiang牙) of Chinese terms, and whole pinyin of the surer ones."""
    pattern = fold_term(term.text)
    syllables = [readings.get(character, "") for character in pattern]
    if term.tier > _READ_TIER or not all(syllables) or not 1 < len(pattern) <= _READ_CHARACTERS:
        return
    for mask in range(1, (1 << len(pattern)) - 1):
        mixed = (s if mask >> at & 1 else c for at, (c, s) in enumerate(zip(pattern, syllables, strict=True)))
        folded.entry("".join(mixed)).disguised.append(term)
    if term.tier < _READ_TIER:
        folded.entry("".join(syllables)).disguised.append(term)
        folded.entry(" ".join(syllables)).disguised.append(term)


def _add_wording(wording: Wording, folded: Automaton) -> None:
    for phrase in wording.phrases:
        meaning = (wording.kind, wording.group)
        entry = folded.entry(fold_term(phrase))
        if meaning not in entry.wordings:
            entry.wordings.append(meaning)
        # One character alone is a cue ("出") only where a phrase begins; 演出 is none.
        entry.left = entry.left or (wording.kind is Kind.CUE and len(entry.pattern) == 1)


def _new_entry(pattern: str) -> Entry:
    """An entry with the borders it needs: none where words are written together."""
    first, last = pattern[:1], pattern[-1:]
    return Entry(
        pattern=pattern,
        left=first.isalnum() and not _UNSPACED.match(first),
        right=last.isalnum() and not _UNSPACED.match(last) and not _HANGUL.match(last),
        code=pattern.isascii() and pattern.isalnum() and len(pattern) <= _CODE_LETTERS,
    )


def _stands_alone(text: str, start: int, end: int, entry: Entry) -> bool:
    return not (
        (entry.left and start > 0 and not _breaks_before(text, start, entry))
        or (entry.right and end < len(text) and not _breaks_after(text, end, entry))
    )


def _breaks_before(text: str, start: int, entry: Entry) -> bool:
    before = text[start - 1]
    if len(entry.pattern) == 1 and glyphs.HAN.match(entry.pattern):
        return not before.isalnum()
    if not _continues(before, entry.code):
        return True
    return "\u0600" <= before <= "\u06ff" and bool(_ARABIC_PREFIX.search(text[max(0, start - 6) : start]))


def _breaks_after(text: str, end: int, entry: Entry) -> bool:
    """A border, or a plural s and then a border (never for short codes)."""
    if not _continues(text[end], entry.code):
        return True
    plural = not entry.code and entry.pattern[-1:].isascii() and text[end] == "s"
    return plural and (end + 1 == len(text) or not _continues(text[end + 1], code=False))


def _continues(character: str, code: bool) -> bool:
    """True when `character` goes on with a word of a spaced script; a digit only for codes."""
    if character.isdigit():
        return code
    return character.isalnum() and not _UNSPACED.match(character)
