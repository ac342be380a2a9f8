"""Other spellings of a term that no folding undoes, made beforehand and searched for like terms. Pure.

Pinyin, whole, half or by its initials; an emoji in place of a word; written backwards or
upside down; a vowel masked by a sign. Each is a term of its own, weaker the more a chance
could make it: tier 4 and 5 count only beside a second signal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

from storage.text import glyphs, han
from storage.text.normal import bare_term, fold_term
from watchers.lexicon import Kind, Term

_READ_TIER = 4
_READ_CHARACTERS = 4
_LEAST_LETTERS = 5
_TYPED_LETTERS, _TYPED_ALONE = 6, 8
_MASKED_WORDS = 3
_PARTS_OF_ANIMALS = "牙角骨皮胆爪掌鞭"
_SPELLED_LETTERS = re.compile(r"[a-z ]+")

_EMOJI = {
    "象": "🐘", "犀": "🦏", "犀牛": "🦏", "虎": "🐅 🐯", "熊": "🐻", "龟": "🐢", "豹": "🐆", "牙": "🦷",
    "骨": "🦴", "鸟": "🐦", "羊": "🐑", "鲸": "🐋", "山": "⛰ 🏔 🗻",
    "elephant": "🐘", "rhino": "🦏", "rhinoceros": "🦏",
    "tiger": "🐅 🐯", "bear": "🐻", "leopard": "🐆", "tooth": "🦷", "teeth": "🦷", "bone": "🦴",
    "turtle": "🐢", "tortoise": "🐢", "parrot": "🦜", "claw": "🐾", "paw": "🐾", "gajah": "🐘",
    "harimau": "🐅 🐯", "badak": "🦏", "voi": "🐘", "hổ": "🐅 🐯", "gấu": "🐻", "ช้าง": "🐘", "เสือ": "🐅 🐯",
    "หมี": "🐻", "แรด": "🦏", "слона": "🐘", "носорога": "🦏", "медведя": "🐻",
}  # fmt: skip
_FLIPPED = str.maketrans("nupdbqmwj", "undpqbwmr")
"""What folding makes of the letters that upside-down writing puts in another's place."""


def weaker(term: Term, tier: int) -> Term:
    """The term with at least that tier, and no ordinary name any more."""
    return replace(term, tier=max(term.tier, tier), kind=Kind.CODE) if tier > term.tier else term


def pinyin(term: Term, readings: Mapping[str, str]) -> Iterator[tuple[str, Term]]:
    """Spellings of a Chinese term with Latin letters; only meant beside Chinese text."""
    pattern = fold_term(term.text)
    syllables = [readings.get(character, "") for character in pattern]
    if term.tier > _READ_TIER or not all(syllables) or not 1 < len(pattern) <= _READ_CHARACTERS:
        return
    for mask in product((0, 1, 2), repeat=len(pattern)):
        written = [(c, s, s[0])[how] for c, s, how in zip(pattern, syllables, mask, strict=True)]
        if set(mask) == {1}:
            if term.tier < _READ_TIER:
                yield "".join(written), term
                yield " ".join(written), term
        elif set(mask) == {2}:
            if len(pattern) > 2:
                yield "".join(written), weaker(term, 5)
        elif 2 not in mask:
            if 1 in mask:
                yield "".join(written), term
        elif 1 not in mask or len(pattern) > 2:
            yield "".join(written), weaker(term, 3 if mask.count(0) > 1 else 4)


def swapped(term: Term) -> Iterator[tuple[str, Term]]:
    """An emoji for a word, letters backwards, letters upside down."""
    pattern = fold_term(term.text)
    for word, emojis in _EMOJI.items():
        is_word = (
            word in pattern.split() if word[0].isalpha() and not glyphs.HAN.match(word) else word in pattern
        )
        if is_word and pattern != word:
            for emoji in emojis.split():
                yield pattern.replace(word, emoji), weaker(term, 3)
                yield (
                    pattern.replace(word, emoji).replace(f" {emoji}", emoji).replace(f"{emoji} ", emoji),
                    weaker(term, 3),
                )
    if term.tier > _READ_TIER or term.kind is Kind.JARGON:
        return
    if _SPELLED_LETTERS.fullmatch(pattern) and len(pattern.replace(" ", "")) >= _LEAST_LETTERS:
        yield pattern[::-1], weaker(term, 3)
        yield pattern[::-1].translate(_FLIPPED), weaker(term, 3)
    elif glyphs.HAN_RUN.fullmatch(pattern) and len(pattern) > 1 and pattern != pattern[::-1]:
        yield pattern[::-1], weaker(term, 3 if len(pattern) > 2 else 5)


def masked(term: Term) -> Iterator[str]:
    """Latin spellings with a vowel of each word, or of one, left out; meant only beside a sign for it."""
    pattern = bare_term(term.text)
    if term.tier > _READ_TIER or term.kind is Kind.JARGON or not _SPELLED_LETTERS.fullmatch(pattern):
        return
    if len(pattern) >= _LEAST_LETTERS and pattern.count(" ") < _MASKED_WORDS:
        for words in product(*(_with_gaps(word) for word in pattern.split(" "))):
            if (spelled := " ".join(words)) != pattern:
                yield spelled
                yield spelled.replace(" ", "")


def _with_gaps(word: str) -> list[str]:
    """The word, and it without one of its vowels."""
    return [word, *(word[:at] + word[at + 1 :] for at, letter in enumerate(word) if letter in "aeiou")]


def inflected(term: Term) -> Iterator[str]:
    """Patterns of a name whose first word is many, or has the rest: "cuernos de ...", "tiger's tooth"."""
    head, space, rest = fold_term(term.text).partition(" ")
    if term.kind is Kind.JARGON or not space or not head.isalpha() or head[-1] in "sxz":
        return
    if term.lang == "fr" and head.endswith("eau"):
        yield f"{head}x {rest}"
    elif term.lang == "en" or (term.lang in ("es", "pt", "fr") and head[-1] in "aeiouéo"):
        yield f"{head}s {rest}"
    elif term.lang in ("es", "pt"):
        yield f"{head}es {rest}"
    elif term.lang == "fr":
        yield f"{head}s {rest}"


def mistyped(term: Term) -> Iterator[tuple[str, Term]]:
    """Latin names with two letters of a long word swapped, one left out or doubled."""
    pattern = bare_term(term.text)
    if term.tier >= _READ_TIER or term.kind is not Kind.NAME or not _SPELLED_LETTERS.fullmatch(pattern):
        return
    words = pattern.split(" ")
    least = _TYPED_LETTERS if len(words) > 1 else _TYPED_ALONE
    for at, word in enumerate(words):
        for wrong in _slips(word) if len(word) >= least else ():
            yield " ".join([*words[:at], wrong, *words[at + 1 :]]), weaker(term, 3)


def _slips(word: str) -> set[str]:
    """What a hurried hand makes of a word; its first letter stands."""
    places = range(1, len(word) - 1)
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places}
    missing = {word[:at] + word[at + 1 :] for at in places}
    return (swapped | missing | {word[:at] + word[at] + word[at:] for at in places}) - {word}


def particles(term: Term) -> Iterator[tuple[str, Term]]:
    """Chinese names of a part with an "of" between: 象的牙, 犀牛之角, 虎の骨."""
    pattern = fold_term(term.text)
    if term.tier <= _READ_TIER and 1 < len(pattern) < 4 and pattern[-1] in _PARTS_OF_ANIMALS:
        for of in "的之の":
            yield f"{pattern[:-1]}{of}{pattern[-1]}", weaker(term, 3)


def taken_apart(term: Term) -> Iterator[tuple[str, Term]]:
    """Chinese terms with characters written as their two halves: 王代王冒, 月旦."""
    pattern = fold_term(term.text)
    if term.tier > _READ_TIER or not 1 < len(pattern) <= _READ_CHARACTERS:
        return
    for written in product(*((c, han.PARTS[c]) if c in han.PARTS else (c,) for c in pattern)):
        if (spelled := "".join(written)) != pattern:
            yield spelled, weaker(term, 3)


def collapsed(term: Term) -> str:
    """A term in the bare view with doubled letters single, as a stretched word becomes."""
    return re.sub(r"([a-z])\1", r"\1", bare_term(term.text))


def squeezable(term: Term) -> str:
    """The letters of a term without its spaces, or "" when chance could make them."""
    pattern = fold_term(term.text)
    glued = pattern.replace(" ", "").replace("-", "")
    latin = glued.isascii() and glued.isalpha() and len(glued) >= _LEAST_LETTERS
    thai = all("\u0e00" <= character < "\u0e80" for character in glued) and len(glued) >= 6
    return glued if term.tier <= _READ_TIER and term.kind is not Kind.JARGON and (latin or thai) else ""
