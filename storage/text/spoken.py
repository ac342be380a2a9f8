"""Telephone numbers said in words, digit by digit: "zero seven seven", "nol delapan". Pure.

Numbers so written hide from every search for digits. Eight words or more, all of one language, are a
number: nobody counts so far in an advert.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.text.scan import finds

_LEAST, _MOST = 8, 14
_LEAST_WORDS = 5
"""So many digits of a number that is told so are words; the rest may be digits."""
_WORDS = (
    "- zero|oh one two three four five six seven eight nine",
    "VN không|khong một|mốt|mot hai ba bốn|bon|tư năm|nam|lăm sáu|sau bảy|bay|bẩy tám|tam chín|chin",
    "ID nol|kosong|enol satu dua tiga empat lima enam tujuh delapan|lapan sembilan",
    "ES cero uno dos tres cuatro cinco seis siete ocho nueve",
    "BR zero um|uma dois|duas três|tres quatro cinco seis|meia sete oito nove",
    "RU ноль|нуль один два три четыре пять шесть семь восемь девять",
    "TH ศูนย์ หนึ่ง สอง สาม สี่ ห้า หก เจ็ด แปด เก้า",
    "SA صفر واحد اثنان|اثنين ثلاثة اربعة|أربعة خمسة ستة سبعة ثمانية تسعة",
)
_SAID = tuple(
    {word: str(digit) for digit, words in enumerate(tongue.split()[1:]) for word in words.split("|")}
    for tongue in _WORDS
)


def _row(said: dict[str, str]) -> re.Pattern[str]:
    word = "|".join(sorted(map(re.escape, said), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:(?:{word}|\d)[\s,.\-]{{0,2}}){{{_LEAST},{_MOST}}}(?!\w)")


_LANDS = tuple(tongue.split()[0].strip("-") for tongue in _WORDS)
_ROWS = tuple(
    (said, land, _row(said), re.compile("|".join(map(re.escape, said))))
    for said, land in zip(_SAID, _LANDS, strict=True)
)
_SPACED_WORDS = frozenset(word for said in _SAID for word in said)
_THAI_WORDS = tuple(_SAID[_LANDS.index("TH")])
_ZEROS = tuple(word for said in _SAID for word, digit in said.items() if digit == "0" and word != "oh")
_PARTED = str.maketrans(",.-", "   ")


def spoken(text: str) -> Iterator[tuple[str, str, int, int]]:
    """(digits, country of the language or "", start, end) of every number said in words in a folded text."""
    if not _says_several(text):
        return
    for said, land, row, word in _ROWS:
        for run in finds(row, word, 3, text):
            pieces = re.compile(rf"{word.pattern}|\d").findall(run[0])
            yield "".join(said.get(piece, piece) for piece in pieces), land, run.start(), run.end()


def _says_several(text: str) -> bool:
    """A quick look: as many words of digits as a number needs, those of Thai without spaces between."""
    if not any(
        map(text.__contains__, _ZEROS)
    ):  # there is one in nearly every number, and looking costs nothing
        return False
    if not text.isascii() and _THAI_WORDS[0] in text:
        return sum(map(text.count, _THAI_WORDS)) >= _LEAST_WORDS
    words = text.translate(_PARTED).split()
    return len(words) >= _LEAST_WORDS and sum(map(_SPACED_WORDS.__contains__, words)) >= _LEAST_WORDS
