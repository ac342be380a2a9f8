"""The lexicon as searching machines: which patterns stand for what, and where words end.

One Aho-Corasick automaton for the folded and the joined view, one for the bare view, one
for the sounds of Chinese, one for words whose letters were moved apart. They find and check
borders; what a match means in its place is the business of `terms`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from storage.text import glyphs
from storage.text.normal import bare_term, fold_term
from storage.text.sounds import sound, syllables
from watchers.detect import spellings
from watchers.lexicon import Kind, Lexicon, Term, Wording

_CODE_LETTERS = 3
_BARE_LETTERS = 5
_GLUED_LETTERS, _GLUED_OTHERS = 6, 4
_SOUND_TIER = 4
_SOUND_CHARACTERS = 6
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_MODEL_NUMBER = re.compile(r"-\d")
"""XY-100 is a machine."""
_ARABIC_PREFIX = re.compile(r"(?:^|\W)(?:و|ف)?(?:ال|بال|كال|لل|ب|ل|و)$")


@dataclass(slots=True)
class Entry:
    """What one pattern stands for, and which borders it needs.

    There are ten thousand, most with one meaning: an empty tuple costs nothing, five empty lists 360 bytes.
    """

    pattern: str
    terms: tuple[Term, ...] = ()
    wordings: tuple[tuple[Kind, str], ...] = ()
    harmless: bool = False
    left: bool = False
    right: bool = False
    code: bool = False
    disguised: tuple[Term, ...] = ()
    """Terms that the pattern spells in pinyin; a disguise only beside Chinese."""
    swapped: tuple[Term, ...] = ()
    """Terms that the pattern spells by an emoji, backwards or upside down."""
    masked: tuple[Term, ...] = ()
    """Terms that the pattern spells without a vowel, for which a sign must stand."""


class Automaton:
    """Patterns to search for at once, with their meaning."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._patterns: list[Entry] = []
        self._machine: AhoCorasick | None = None
        self.glued: dict[str, Entry] = {}
        """Terms and wordings in Latin letters, without their spaces: what hashtags are made of."""

    def entry(self, pattern: str) -> Entry:
        """The entry of a pattern, made on first use."""
        if pattern not in self.entries:
            self.entries[pattern] = _new_entry(pattern)
        return self.entries[pattern]

    def build(self) -> None:
        """Make the searching machine; entries are final after that."""
        self._patterns = [entry for entry in self.entries.values() if entry.pattern.strip()]
        meant = (e for e in self._patterns if (e.terms or e.wordings) and e.pattern.isascii() and not e.code)
        self.glued = {entry.pattern.replace(" ", ""): entry for entry in meant}
        self._machine = AhoCorasick(
            [entry.pattern for entry in self._patterns],
            matchkind=MatchKind.Standard,
            implementation=Implementation.ContiguousNFA,
        )

    def matches(self, text: str) -> Iterator[tuple[Entry, int, int]]:
        """Entry, start and end of every match with its borders right, overlapping ones too."""
        for entry, start, end in self.everywhere(text):
            if _stands_alone(text, start, end, entry):
                yield entry, start, end

    def everywhere(self, text: str) -> Iterator[tuple[Entry, int, int]]:
        """As `matches`, inside other words too."""
        assert self._machine
        for index, start, end in self._machine.find_matches_as_indexes(text, overlapping=True):
            yield self._patterns[index], start, end


@dataclass(frozen=True, slots=True)
class Machine:
    """The automata of one lexicon, one per way of folding."""

    folded: Automaton
    bare: Automaton
    sounds: Automaton
    squeezed: Automaton


@lru_cache(maxsize=4)
def machine_of(lexicon: Lexicon) -> Machine:
    """The automata of a lexicon; built once per load (about 100 ms)."""
    machine = Machine(Automaton(), Automaton(), Automaton(), Automaton())
    readings = syllables() | {
        fold_term(character): wording.group
        for wording in lexicon.wordings
        if wording.kind is Kind.READING
        for character in wording.phrases
    }
    for term in lexicon.terms:
        _add_term(term, machine.folded, machine.bare)
        _add_spellings(term, readings, machine)
    for wording in lexicon.wordings:
        if wording.kind is not Kind.READING:
            _add_wording(wording, machine.folded)
    for automaton in (machine.folded, machine.bare, machine.sounds, machine.squeezed):
        automaton.build()
    return machine


def _add_term(term: Term, folded: Automaton, bare: Automaton) -> None:
    pattern = fold_term(term.text)
    folded.entry(pattern).terms += (term,)
    glued = pattern.replace(" ", "").replace("-", "")
    if glued != pattern and len(glued) >= (_GLUED_LETTERS if glued.isascii() else _GLUED_OTHERS):
        folded.entry(glued).terms += (term,)  # hashtags: #rhinohorn
    for phrase in term.negative:
        folded.entry(fold_term(phrase)).harmless = True
    for many in spellings.inflected(term):
        folded.entry(many).terms += (term,)
    for stripped in _bare_patterns(term):
        bare.entry(stripped).terms += (term,)


def _bare_patterns(term: Term) -> Iterator[str]:
    """What a term looks like in the bare view: as it is, many of it, with doubled letters single."""
    stripped = bare_term(term.text)
    if term.kind is Kind.JARGON or len(stripped.replace(" ", "")) < _BARE_LETTERS or not stripped.isascii():
        return
    written = (stripped, spellings.collapsed(term), *map(bare_term, spellings.inflected(term)))
    # The joined view has no apostrophes: d'elephant
    yield from dict.fromkeys(form for text in written for form in (text, text.replace("'", "")))


def _add_spellings(term: Term, readings: Mapping[str, str], machine: Machine) -> None:
    for usual in (readings, syllables()):  # 藏 is zang in 藏羚羊, and cang to most programs
        for pattern, meant in spellings.pinyin(term, usual):
            entry = machine.folded.entry(pattern)
            entry.disguised = _with(entry.disguised, meant)
    for pattern, meant in spellings.swapped(term):
        entry = machine.folded.entry(pattern)
        entry.swapped = _with(entry.swapped, meant)
    for pattern, meant in (*spellings.particles(term), *spellings.taken_apart(term)):
        entry = machine.folded.entry(pattern)
        entry.swapped = _with(entry.swapped, meant)
    for pattern, meant in spellings.mistyped(term):
        entry = machine.bare.entry(pattern)
        entry.swapped = _with(entry.swapped, meant)
    for pattern in spellings.masked(term):
        entry = machine.bare.entry(pattern)
        entry.masked = _with(entry.masked, spellings.weaker(term, 3))
    if glued := spellings.squeezable(term):
        machine.squeezed.entry(glued).terms += (term,)
    pattern = fold_term(term.text)
    signs = sound(pattern)
    is_heard = all(sign != character for sign, character in zip(signs, pattern, strict=True))
    if term.tier <= _SOUND_TIER and is_heard and 1 < len(pattern) <= _SOUND_CHARACTERS:
        machine.sounds.entry(signs).terms += (term,)


def _with(terms: tuple[Term, ...], term: Term) -> tuple[Term, ...]:
    return terms if term in terms else (*terms, term)


def _add_wording(wording: Wording, folded: Automaton) -> None:
    for phrase in wording.phrases:
        meaning = (wording.kind, wording.group)
        entry = folded.entry(fold_term(phrase))
        if meaning not in entry.wordings:
            entry.wordings += (meaning,)
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
        return not (entry.code and _MODEL_NUMBER.match(text, end))
    plural = not entry.code and entry.pattern[-1:].isascii() and text[end] == "s"
    return plural and (end + 1 == len(text) or not _continues(text[end + 1], code=False))


def _continues(character: str, code: bool) -> bool:
    """True when `character` goes on with a word of a spaced script; a digit only for codes."""
    if character.isdigit():
        return code
    return character.isalnum() and not _UNSPACED.match(character)
