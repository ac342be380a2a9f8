"""How Chinese characters sound: one private character a syllable, so that homophones look alike.

Sellers write 像牙 or 川山甲 for 象牙 and 穿山甲: another character, the same syllable. The sound
view replaces every character by a sign for its syllable without tone, one to one, so spans
hold. Ordinary Chinese is full of chance homophones, so `is_common` knows the words that such
a find would have to be cut out of. Pure; the two tables are read once.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_FIRST = 0xE000
"""Beginning of Unicode's private use area, which no text of a person uses for letters."""


@cache
def syllables() -> dict[str, str]:
    """The usual syllable of each of 6,763 characters."""
    lines = (_FOLDER / "pinyin.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {character: syllable for syllable, characters in rows for character in characters}


@cache
def said() -> frozenset[str]:
    """All syllables of pinyin, without tones."""
    return frozenset(syllables().values())


@cache
def _signs() -> dict[str, str]:
    return {syllable: chr(_FIRST + at) for at, syllable in enumerate(sorted(set(syllables().values())))}


@cache
def _table() -> dict[int, str]:
    return {ord(character): _signs()[syllable] for character, syllable in syllables().items()}


def sound(text: str) -> str:
    """`text` with a sign for the syllable of each character that has one."""
    return text.translate(_table())


@cache
def _pairs() -> frozenset[str]:
    lines = (_FOLDER / "pairs.txt").read_text(encoding="utf-8").splitlines()
    run = "".join(line for line in lines if not line.startswith("#"))
    return frozenset(run[at : at + 2] for at in range(0, len(run), 2))


def is_common(pair: str) -> bool:
    """Whether two characters are a word of everyday Chinese."""
    return pair in _pairs()
