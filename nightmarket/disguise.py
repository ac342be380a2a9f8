"""The 26 ways in which sellers misspell a term so that a word search misses it.

Each way takes the term and returns another spelling, or the term itself where the way
does not fit its script. All are seen in the field or follow from Unicode.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

_CYRILLIC = dict(zip("aceopxyijs", "асеорхуіјѕ", strict=True))
_GREEK = dict(zip("aoviknptx", "αονικηρτχ", strict=True))
_LEET = dict(zip("oaeis", "04315", strict=True))
_TRADITIONAL = dict(zip("犀骨红黄鹤鸟猛鳖龟胆亚额饰贝", "犀骨紅黃鶴鳥猛鱉龜膽亞額飾貝", strict=True))
_SOUNDS = "xiang,ya,xi,jiao,dai,mao,hu,gu,xue,liao,bai,hei,hong,guo,dong,chuan,shan,jia,diao,he,ding,niu,ya"
_PINYIN = dict(zip("象牙犀角玳瑁虎骨血料白黑红果冻穿山甲雕鹤顶牛亚", _SOUNDS.split(","), strict=True))
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MARKS = ("✨", "🔥", "💎", "·")


def _joined(term: str, between: str) -> str:
    return " ".join(between.join(word) for word in term.split(" "))


def _swapped(term: str, table: dict[str, str]) -> str:
    return "".join(table.get(c, c) for c in term)


def _some(term: str, table: dict[str, str], rng: random.Random) -> str:
    """Replace one letter that can be replaced: mixed scripts inside one word."""
    places = [i for i, c in enumerate(term.lower()) if c in table]
    if not places:
        return term
    at = rng.choice(places)
    return term[:at] + table[term[at].lower()] + term[at + 1 :]


def _shifted(term: str, base: int, first: str = "a") -> str:
    """Latin letters moved into another block of Unicode that keeps their order."""
    return "".join(chr(base + ord(c) - ord(first)) if c in _LETTERS else c for c in term.lower())


def _full_width(term: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in term)


def _stripped(term: str) -> str:
    plain = unicodedata.normalize("NFD", term).replace("đ", "d").replace("Đ", "D")
    return "".join(c for c in plain if not unicodedata.combining(c))


def _accented(term: str, rng: random.Random) -> str:
    places = [i for i, c in enumerate(term) if c in "aeiouy"]
    if not places:
        return term
    at = rng.choice(places)
    return unicodedata.normalize("NFC", term[: at + 1] + rng.choice("\u0300\u0301\u0308") + term[at + 1 :])


def _mixed_case(term: str) -> str:
    return "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(term))


def _pinyin(term: str) -> str:
    return "".join(_PINYIN[c] for c in term) if term and all(c in _PINYIN for c in term) else term


def _first_in_pinyin(term: str) -> str:
    return _PINYIN[term[0]] + term[1:] if term and term[0] in _PINYIN else term


def _tagged(term: str) -> str:
    return "".join(c + chr(0xE0061) for c in term)


WAYS: dict[str, Callable[[str, random.Random], str]] = {
    "zero-width-space": lambda t, _: _joined(t, "\u200b"),
    "zero-width-joiner": lambda t, _: _joined(t, "\u200d"),
    "word-joiner": lambda t, _: _joined(t, "\u2060"),
    "soft-hyphen": lambda t, _: _joined(t, "\u00ad"),
    "variation-selector": lambda t, _: _joined(t, "\ufe0f"),
    "direction-mark": lambda t, _: _joined(t, "\u200e"),
    "tag-characters": lambda t, _: _tagged(t),
    "full-width": lambda t, _: _full_width(t),
    "mixed-case": lambda t, _: _mixed_case(t),
    "cyrillic": lambda t, r: _some(t, _CYRILLIC, r),
    "greek": lambda t, r: _some(t, _GREEK, r),
    "mathematical": lambda t, _: _shifted(t, 0x1D41A),
    "circled": lambda t, _: _shifted(t, 0x24D0),
    "squared": lambda t, _: _shifted(t, 0x1F170),
    "traditional": lambda t, _: _swapped(t, _TRADITIONAL),
    "dots": lambda t, _: _joined(t, "."),
    "spaces": lambda t, _: _joined(t, " "),
    "slashes": lambda t, _: _joined(t, "/"),
    "hyphens": lambda t, _: _joined(t, "-"),
    "underscores": lambda t, _: _joined(t, "_"),
    "emoji-between": lambda t, r: _joined(t, r.choice(_MARKS)),
    "leet": lambda t, _: _swapped(t.lower(), _LEET),
    "no-accents": lambda t, _: _stripped(t),
    "strange-accents": _accented,
    "pinyin": lambda t, _: _pinyin(t),
    "half-pinyin": lambda t, _: _first_in_pinyin(t),
}
"""The 26 ways by name."""


def disguise(term: str, rng: random.Random) -> tuple[str, str]:
    """Another spelling of `term` and the name of the way; ("", "") when no way changes it."""
    names = list(WAYS)
    rng.shuffle(names)
    for name in names:
        other = WAYS[name](term, rng)
        if other.casefold() != term.casefold() or (name == "mixed-case" and other != term):
            return other, name
    return "", ""
