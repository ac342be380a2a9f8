"""What a reader of pictures takes for something else: O for 0, 已 for 己, one letter too few. Pure.

A line is mended only where it then names a term of the lexicon, and only where it named none as read.
Letters that look alike may be exchanged from four letters on (`_ALIKE`); any one letter only in long
words and phrases, where no ordinary word lies so near (facts: imaging, section 6; domain, finding 6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from storage.text.normal import fold_term
from watchers.detect.terms import find
from watchers.lexicon import Kind, Lexicon, Term

_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_ALIKE = str.maketrans("01i|!5829qu", "ollllsbzggv")
_GLYPHS = (
    "象像橡豫", "牙芽", "犀屖墀", "角甬用", "虎虏", "熊能", "胆但", "麝磨", "香杳查", "甲申由田", "鳞麟",
    "玳代", "瑁冒", "龟电", "羚铃", "砗砖", "鹤鹊", "顶项", "红江", "盔盗", "鳘鳌", "鳔镖", "豹豺", "鲨沙",
    "狍袍", "猁利",
)  # fmt: skip
_GLYPH = str.maketrans({sign: group[0] for group in _GLYPHS for sign in group})
_ALIKE_LEAST, _EDIT_LEAST, _EDIT_LEAST_HAN = 4, 8, 4
_HAN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"[^\W_\u3400-\u9fff]+(?:['’-][^\W_\u3400-\u9fff]+)*|[|!]\w+")
_WORDS_MOST = 4
_MISREAD = (Kind.NAME, Kind.CODE)
_MENDED_MOST = 3
_LIKE_A_NUMBER = re.compile(r"(?<![A-Za-z0-9])[0-9OoQDIl|SBZ][0-9OoQDIl|SBZ\-]{6,14}(?![A-Za-z0-9])")
_DIGITS = str.maketrans("OoQDIl|SBZ", "0000111582")
_DIGITS_LEAST = 0.4
_TIMES = re.compile(r"(?<=[A-Za-z])[×✕]|[×✕](?=[A-Za-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A line as it is judged. taken: (as read, the term that it was taken for)."""

    text: str
    taken: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """Terms by what a misreading leaves of them. alike: by key; near: by key without one character."""

    alike: dict[str, str]
    near: dict[str, str]
    han: dict[str, str]


def mended(line: str, lexicon: Lexicon) -> Mended:
    """A line that was read in a picture, with what it can only have meant."""
    text = _LIKE_A_NUMBER.sub(_as_digits, _TIMES.sub("x", line))
    if any(hit.term.tier <= 3 and not hit.compound for hit in find(lexicon, text).hits):
        return Mended(text=text)
    taken: list[tuple[str, str]] = []
    for start, end, term in _meant(text, _index(lexicon)):
        as_read = text[start:end]
        if len(taken) < _MENDED_MOST and fold_term(as_read) != fold_term(term):
            taken.append((as_read, term))
    for as_read, term in taken:
        text = text.replace(as_read, term)
    return Mended(text=text, taken=tuple(taken))


def _as_digits(run: re.Match[str]) -> str:
    """A number in which letters stand for digits; words stay."""
    digits = sum(sign.isdigit() for sign in run[0])
    return run[0].translate(_DIGITS) if digits >= _DIGITS_LEAST * len(run[0].replace("-", "")) else run[0]


def _key(word: str) -> str:
    """What words have in common that look alike."""
    folded = fold_term(word).replace(" ", "").replace("-", "")
    for two, one in _PAIRS:
        folded = folded.replace(two, one)
    return folded.translate(_ALIKE)


@lru_cache(maxsize=4)
def _index(lexicon: Lexicon) -> _Index:
    alike: dict[str, str] = {}
    near: dict[str, str] = {}
    han: dict[str, str] = {}
    for term in filter(_may_be_misread, lexicon.terms):
        if _HAN.fullmatch(term.text):
            han.setdefault(term.text.translate(_GLYPH), term.text)
            if len(term.text) >= _EDIT_LEAST_HAN:
                near.update(dict.fromkeys(_blanked(term.text), term.text))
            continue
        key = _key(term.text)
        if len(key) >= _ALIKE_LEAST:
            alike.setdefault(key, term.text)
        if len(key) >= _EDIT_LEAST:
            for short in (key, *_shortened(key)):
                near.setdefault(short, term.text)
    return _Index(alike=alike, near=near, han=han)


def _may_be_misread(term: Term) -> bool:
    """Short codes and ordinary words of the trade are not: too much looks like them."""
    return (
        term.tier <= (4 if term.kind is Kind.NAME else 3) and term.kind in _MISREAD and term.lang != "emoji"
    )


def _blanked(text: str) -> Iterator[str]:
    """The text with any one of its characters unknown."""
    return (f"{text[:at]}?{text[at + 1 :]}" for at in range(len(text)))


def _shortened(text: str) -> Iterator[str]:
    return (text[:at] + text[at + 1 :] for at in range(len(text)))


def _meant(text: str, index: _Index) -> Iterator[tuple[int, int, str]]:
    """(start, end, term) of what looks like a term and is none."""
    for run in _HAN.finditer(text):
        yield from _meant_han(run, index)
    words = [match.span() for match in _WORD.finditer(text)]
    at = 0
    while at < len(words):
        for count in range(min(_WORDS_MOST, len(words) - at), 0, -1):
            start, end = words[at][0], words[at + count - 1][1]
            term = _latin(text[start:end], index)
            if term:
                yield start, end, term
                at += count - 1
                break
        at += 1


def _latin(words: str, index: _Index) -> str:
    key = _key(words)
    if len(key) >= _ALIKE_LEAST and key in index.alike:
        return index.alike[key]
    if len(key) < _EDIT_LEAST - 1:
        return ""
    if key in index.near:
        return index.near[key]
    # Two keys that agree after one letter each was taken away differ by one letter at most in place.
    for short in _shortened(key):
        term = index.near.get(short, "")
        if term and _is_one_edit(key, _key(term)):
            return term
    return ""


def _is_one_edit(one: str, other: str) -> bool:
    """Whether one letter put in, left out or exchanged leads from one word to the other."""
    if len(one) > len(other):
        one, other = other, one
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    rest = at + 1 if len(one) == len(other) else at
    return len(other) - len(one) <= 1 and one[rest:] == other[at + 1 :]


def _meant_han(run: re.Match[str], index: _Index) -> Iterator[tuple[int, int, str]]:
    text, at = run[0], 0
    while at < len(text):
        for size in range(min(8, len(text) - at), 1, -1):
            part = text[at : at + size]
            term = index.han.get(part.translate(_GLYPH), "")
            if not term and size >= _EDIT_LEAST_HAN:
                term = next((index.near[b] for b in _blanked(part) if b in index.near), "")
            if term:
                yield run.start() + at, run.start() + at + size, term
                at += size - 1
                break
        at += 1
