"""Spellings of a known term that a word search misses, by kind; made at random from a seed.

Written from what sellers do, not from what the detector undoes. `HELD_OUT` are kinds that
nothing was built for: they are told beside the others and promise nothing.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

from storage.text.sounds import syllables

Way = Callable[[str, random.Random], str]

_CYRILLIC = dict(zip("aceopxyijskhmt", "асеорхуіјѕкһмт", strict=True))
_GREEK = dict(zip("aoviknptx", "αονικηρτχ", strict=True))
_LEET = {"o": "0", "i": "1!", "e": "3", "a": "4@", "s": "5$", "t": "7", "b": "8"}
_SIGNS = ".-_*·•~|/+=^"
_MARKS = "\u0316\u0323\u0332\u0338\u0353\u035a"
_EMOJI = "🔥💎✨❤👍🏔🌟💰"
_UPSIDE = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ɐqɔpǝɟƃɥıɾʞlɯuodbɹsʇnʌʍxʎz")
_BOPOMOFO = {"xiang": "ㄒㄧㄤ", "ya": "ㄧㄚ", "hu": "ㄏㄨ", "gu": "ㄍㄨ", "xi": "ㄒㄧ", "jiao": "ㄐㄧㄠ"}
_WORDS = {
    "象": "🐘",
    "犀": "🦏",
    "虎": "🐯",
    "熊": "🐻",
    "elephant": "🐘",
    "rhino": "🦏",
    "tiger": "🐅",
    "bear": "🐻",
}


def _han(term: str) -> bool:
    return all("\u4e00" <= c <= "\u9fff" for c in term)


def _latin(term: str) -> bool:
    return term.replace(" ", "").replace("-", "").isascii()


def _between(term: str, sign: Callable[[], str]) -> str:
    """A sign between the characters of every word."""
    return " ".join(
        "".join(c + (sign() if at < len(w) - 1 else "") for at, c in enumerate(w)) for w in term.split(" ")
    )


def _once(term: str, sign: str, rng: random.Random) -> str:
    places = [at for at in range(1, len(term)) if term[at - 1] != " " != term[at]]
    at = rng.choice(places)
    return term[:at] + sign + term[at:]


def _shift(base: int) -> Way:
    def way(term: str, _: random.Random) -> str:
        return (
            "".join(chr(base + ord(c) - 97) if "a" <= c <= "z" else c for c in term.lower())
            if _latin(term)
            else ""
        )

    return way


def _some(table: dict[str, str]) -> Way:
    def way(term: str, rng: random.Random) -> str:
        places = [at for at, c in enumerate(term.lower()) if c in table]
        if not _latin(term) or not places or len(places) == len(term.replace(" ", "")):
            return ""
        chosen = rng.sample(places, rng.randint(1, max(1, len(places) // 2)))
        return "".join(table[c.lower()] if at in chosen else c for at, c in enumerate(term))

    return way


def _leet(term: str, rng: random.Random) -> str:
    if not _latin(term) or not any(c in _LEET for c in term.lower()):
        return ""
    return "".join(rng.choice(_LEET[c]) if c in _LEET and rng.random() < 0.7 else c for c in term.lower())


def _homophone(count: int) -> Way:
    def way(term: str, rng: random.Random) -> str:
        if not _han(term) or len(term) < count + 1 or not all(c in syllables() for c in term):
            return ""
        chosen = rng.sample(range(len(term)), count)
        return "".join(_same_sound(c, rng) if at in chosen else c for at, c in enumerate(term))

    return way


def _same_sound(character: str, rng: random.Random) -> str:
    sound = syllables()[character]
    # The table stands in the order of GB 2312: its first 3,755 characters are the usual ones.
    others = [
        c for c, s in syllables().items() if s == sound and c != character and c.encode("gb2312")[0] < 0xD8
    ]
    return rng.choice(others or [character])


def _pinyin(how: str) -> Way:
    def way(term: str, rng: random.Random) -> str:
        if not _han(term) or not all(c in syllables() for c in term) or not 2 <= len(term) <= 4:
            return ""
        spelled = [syllables()[c] for c in term]
        if how == "whole":
            return rng.choice(("", " ")).join(spelled)
        if how == "tones":
            return "".join(s + str(rng.randint(1, 4)) for s in spelled)
        if how == "initials":
            return "".join(s[0] for s in spelled) if len(term) > 2 else ""
        at = rng.randrange(len(term))
        part = spelled[at] if how == "half" else spelled[at][0]
        return term[:at] + part + term[at + 1 :]

    return way


def _emoji_word(term: str, _: random.Random) -> str:
    for word, sign in _WORDS.items():
        if (word in term.split(" ") or (_han(word) and word in term)) and term != word:
            return term.replace(word, sign)
    return ""


def _traditional(term: str, _: random.Random) -> str:
    from opencc import OpenCC

    return str(OpenCC("s2t").convert(term)) if _han(term) else ""


def _accents(term: str, rng: random.Random) -> str:
    if not _latin(term):
        return ""
    marked = (c + rng.choice("\u0300\u0301\u0302\u0303\u0308") if c in "aeiou" else c for c in term.lower())
    return unicodedata.normalize("NFC", "".join(marked))


def _stripped(term: str, _: random.Random) -> str:
    plain = unicodedata.normalize("NFD", term.replace("đ", "d"))
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return bare if bare.isascii() and bare != term else ""


def _moved(term: str, rng: random.Random) -> str:
    if not _latin(term):
        return ""
    return " ".join(
        w if len(w) < 4 else w[: (at := rng.randint(2, 3))] + " " + w[at:] for w in term.split(" ")
    )


def _lines(term: str, _: random.Random) -> str:
    if _han(term):
        return "\n".join(term)
    return term.replace(" ", "\n") if " " in term else ""


def _at_vowel(term: str, rng: random.Random, change: Callable[[str], str]) -> str:
    if not _latin(term):
        return ""
    at = rng.choice([at for at, c in enumerate(term.lower()) if c in "aeiou"])
    return term[:at] + change(term[at]) + term[at + 1 :]


def _typo(term: str, rng: random.Random, change: Callable[[str, str], str]) -> str:
    if not _latin(term):
        return ""
    at = rng.randrange(1, len(term) - 1)
    return term[:at] + change(term[at], term[at + 1]) + term[at + 2 :]


def _bopomofo(term: str, _: random.Random) -> str:
    return "".join(_BOPOMOFO.get(syllables().get(c, ""), c) for c in term) if _han(term) else ""


def _cyrillic_alone(term: str, _: random.Random) -> str:
    return "".join(_CYRILLIC.get(c, c) for c in term) if set(term) <= {*_CYRILLIC, " "} else ""


def _homophones(term: str, rng: random.Random) -> str:
    return "".join(_same_sound(c, rng) for c in term) if all(c in syllables() for c in term) else ""


WAYS: dict[str, Way] = {
    "case": lambda t, r: "".join(r.choice((c.upper(), c.lower())) for c in t) if _latin(t) else "",
    "full width": lambda t, _: t.translate({c: c + 0xFEE0 for c in range(33, 127)}),
    "zero width": lambda t, r: _between(t, lambda: r.choice("\u200b\u200c\u200d\u2060\ufeff")),
    "soft hyphen and filler": lambda t, r: _once(t, r.choice("\u00ad\u034f\u3164\u115f\u2800"), r),
    "bidi": lambda t, r: _once(t, r.choice("\u202a\u202c\u202d\u200e\u200f\u2066\u2069"), r),
    "variation selectors": lambda t, r: _once(t, r.choice("\ufe00\ufe0e\ufe0f"), r),
    "tag characters": lambda t, r: _once(t, chr(0xE0000 + r.randint(0x41, 0x7A)), r),
    "cyrillic": _some(_CYRILLIC),
    "greek": _some(_GREEK),
    "mathematical": _shift(0x1D41A),
    "fraktur and script": lambda t, r: _shift(r.choice((0x1D586, 0x1D4EA, 0x1D68A)))(t, r),
    "circled": _shift(0x24D0),
    "squared": lambda t, r: _shift(r.choice((0x1F130, 0x1F150, 0x1F170)))(t, r),
    "regional indicators": _shift(0x1F1E6),
    "traditional": _traditional,
    "one separator": lambda t, r: _between(t, r.choice(_SIGNS).__str__),
    "separators mixed": lambda t, r: _between(t, lambda: r.choice(_SIGNS)),
    "spaces": lambda t, _: "   ".join(" ".join(word) for word in t.split(" ")),
    "no-break spaces": lambda t, _: _between(t, lambda: "\u00a0").replace(" ", "  "),
    "emoji between": lambda t, r: _between(t, lambda: r.choice(_EMOJI)),
    "accents": _accents,
    "accents dropped": _stripped,
    "heaped marks": lambda t, r: _between(t, lambda: "".join(r.choices(_MARKS, k=2))) if _latin(t) else "",
    "struck through": lambda t, _: "".join(c + "\u0336" for c in t),
    "leet": _leet,
    "stretched": lambda t, r: _at_vowel(t, r, lambda c: c * 5),
    "masked vowel": lambda t, r: _at_vowel(t, r, lambda _: "*"),
    "pinyin": _pinyin("whole"),
    "half pinyin": _pinyin("half"),
    "pinyin with tones": _pinyin("tones"),
    "pinyin initials": _pinyin("initials"),
    "one initial": _pinyin("initial"),
    "homophone": _homophone(1),
    "two homophones": _homophone(2),
    "emoji for a word": _emoji_word,
    "over lines": _lines,
    "moved apart": _moved,
    "glued": lambda t, _: t.replace(" ", "") if " " in t and _latin(t) else "",
    "upside down": lambda t, _: t.lower().translate(_UPSIDE)[::-1] if _latin(t) else "",
    "backwards": lambda t, _: t[::-1] if len(t) > 2 and (_latin(t) or _han(t)) else "",
    "entities": lambda t, r: "".join(f"&#{ord(c)};" if r.random() < 0.5 else c for c in t),
    "markup between": lambda t, r: _once(t, r.choice(("<b></b>", "<wbr>", "<i>")), r),
    "percent signs of addresses": lambda t, _: quote(t) if not _latin(t) else "",
    "bopomofo": _bopomofo,
}  # fmt: skip

HELD_OUT: dict[str, Way] = {
    "letters swapped": lambda t, r: _typo(t, r, lambda a, b: b + a),
    "a letter left out": lambda t, r: _typo(t, r, lambda a, _: a),
    "a letter doubled": lambda t, r: _typo(t, r, lambda a, b: a + b + b),
    "a digit between Chinese": lambda t, r: _once(t, str(r.randrange(10)), r) if _han(t) else "",
    "written in Cyrillic alone": _cyrillic_alone,
    "every character a homophone": lambda t, r: _homophones(t, r) if _han(t) else "",
    "entities by name": lambda t, r: _once(t, r.choice(("&zwnj;", "&shy;", "&ZeroWidthSpace;")), r),
}  # fmt: skip
"""Kinds that nothing was built for before they were first measured."""


def spelled(ways: dict[str, Way], terms: list[str], count: int, seed: int) -> list[tuple[str, str, str]]:
    """(kind, term, spelling): `count` in all, the kinds in turn, each spelling another than the term."""
    rng, made = random.Random(seed), list[tuple[str, str, str]]()
    names = list(ways)
    for turn in range(count):
        kind = names[turn % len(names)]
        for _ in range(300):
            term = rng.choice(terms)
            other = ways[kind](term, rng)
            if other and other != term:
                made.append((kind, term, other))
                break
    return made
