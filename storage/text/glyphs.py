"""Tables of characters that are written in place of others, and where words break.

Sources: Unicode 15 (categories, Default_Ignorable_Code_Point, enclosed alphanumerics),
UTS #39 confusables (the Latin look-alikes that keyboards and styling sites offer).
"""

from __future__ import annotations

import re
import unicodedata

from storage.text import han

_INVISIBLE_RANGES = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x0640, 0x0640), (0x064B, 0x065F)),
    *((0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E)),
    *(
        (0x2060, 0x206F),
        (0x2800, 0x2800),
        (0x20D0, 0x20FF),
        (0x0334, 0x0338),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
    ),
    *((0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0x1BCA0, 0x1BCA3)),
    *((0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Drawn as nothing, or as a stroke over a letter; Arabic tatweel and vowel signs too."""
INVISIBLE = re.compile("[" + "".join(f"{chr(low)}-{chr(high)}" for low, high in _INVISIBLE_RANGES) + "]")


def _run(start: int, first: str = "a", count: int = 26) -> dict[int, str]:
    return {start + step: chr(ord(first) + step) for step in range(count)}


def _pairs(text: str) -> dict[int, str]:
    """Table from pairs of characters: old, new."""
    return {ord(pair[0]): pair[1] for pair in text.split()}


ENCLOSED = (
    *(_run(0x1F130), _run(0x1F150), _run(0x1F170)),  # squared; on discs; on black squares
    *(_run(0x2776, "1", 9), _run(0x2780, "1", 9), _run(0x278A, "1", 9), _run(0x24F5, "1", 9)),
    _pairs("⓿0 🄋0 🄌0 ×x ✕x ✖x ❌x"),
)
"""Letters and digits in boxes and discs that NFKC leaves alone, and signs drawn like x."""
BOXED = {code: letter for table in ENCLOSED for code, letter in table.items()} | han.RADICALS

REGIONAL = _run(0x1F1E6)

SMALL_CAPS = _pairs(
    "ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz ıi ɑa ɡg ɩi ʋv ɾr ʐz ɨi "
    "ʝj ɓb ɗd ɛe ɦh ɯw ʉu ʍm ɹr ɥh ǝe ɐa ɔc ʌv ʎy ʞk ʇt ɟf ƃg ɱm ŋn ᴉi "
    # Lisu, which nobody here writes in
    "ꓐb ꓑp ꓓd ꓔt ꓖg ꓗk ꓙj ꓚc ꓜz ꓝf ꓟm ꓠn ꓡl ꓢs ꓣr ꓦv ꓧh ꓪw ꓫx ꓬy ꓮa ꓰe ꓲi ꓳo ꓴu "
    "ๅา"
)
"""Latin letters that are other letters' small capitals or twins, wherever they stand."""

HOMOGLYPHS = _pairs(
    # Cyrillic
    "аa вb сc ԁd еe ёe ҽe ғf ԍg һh нh іi їi ј"
    "j кk ӏl мm пn иn оo рp ԛq гr яr ѕs тt цu ѵv ԝw шw хx уy үy ьb зz дd "
    # Greek
    "αa βb εe ιi κk νv οo ρp τt υy χx ωw ηn ζz μu σo γy δd πn "
    # Armenian, Cherokee
    "օo սu հh ոn ցg յj զq Ꭰd Ꭱr Ꭲt Ꭵi Ꭻj Ꭼe Ꮃw Ꮇm Ꮋh Ꮐg Ꮓz Ꮢr Ꮪs Ꮯc Ꮲp Ꮶk Ꮩv Ꮟb Ꮮl"
)
"""Letters of other scripts that pass for Latin ones; used only inside words that mix scripts."""

CYRILLIC_ALONE = re.compile("[бжзийлцчшщъыьэюядф]")
"""Letters that nobody takes for Latin ones: a word that holds one is Cyrillic, with Latin letters in it."""
TO_CYRILLIC = _pairs("aа eе oо pр cс xх yу kк mм hн tт bв iі")

_ZEROS = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0x0ED0, 0x1040, 0x17E0)
DIGITS = {zero + step: chr(48 + step) for zero in _ZEROS for step in range(10)}
"""Arabic, Persian, Hindi, Bengali, Thai, Lao, Burmese and Khmer digits."""
FOREIGN_DIGIT = re.compile(f"[{''.join(map(chr, DIGITS))}]")

NUMBER_AS_LETTER = re.compile(
    "[0346](?<=[\u0400-\u04ff].)(?=[\u0400-\u04ff])|0(?<=[\u0e01-\u0e4e]0)(?=[\u0e01-\u0e4e])"
)
"""A digit within a word of Cyrillic or Thai letters."""

LATIN = re.compile(r"[a-z]")
FOREIGN = re.compile(r"[\u0370-\u03ff\u0400-\u052f\u0561-\u0587\u13a0-\u13f5]")
LOOKALIKE = re.compile(
    r"[\u0131\u0250-\u02af\u0370-\u052f\u0561-\u0587\u13a0-\u13f5\u1d00-\u1d7f\ua4d0-\ua4f7\ua730-\ua7ff\u0e45]"
)
WORD = re.compile(r"[^\W\d_]+")
KANA = re.compile(r"[\u3040-\u30ff]")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
ZHUYIN = re.compile("[\u3105-\u3129]")
TONE_MARK = re.compile("[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ]")
"""Vowels as pinyin writes them with its tones, among others."""
HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")

_ENDS = r"。！？；：【】「」『』《》〈〉“”‘’…!?;:"
"""Ends of sentences and quotations: they part words more often than letters."""
ENDS = re.compile(rf"[,、{_ENDS}]")
_SIGNS = r"\u2190-\u21ff\u2500-\u27bf\u2b00-\u2bff\U0001f300-\U0001faff"
_STRONG = r"*·•・_^|~‧∙⋅˙"
_BETWEEN = rf"{_STRONG}\s.,、/\\\-–—+=#&`'\"’´()\[\]{_ENDS}{_SIGNS}"
_HAN = r"\u3400-\u4dbf\u4e00-\u4e27\u4e29-\u9fff"
_LETTER = r"a-z\u00df-\u024f\u1e00-\u1eff"

STRONG = re.compile(rf"[{_STRONG}丨]+")
"""Signs nobody writes between two Chinese characters but to part them."""
_EASY = rf"{_STRONG}丨\s./\\\-–—+=#&`'\"’´()\[\]{_SIGNS}"
_HARD = rf",、{_ENDS}"
HAN_GAP = re.compile(
    rf"(?<=[{_HAN}a-z])([{_EASY}]{{1,7}})(?=[{_HAN}])|(?<=[{_HAN}])([{_EASY}]{{1,7}})(?=[a-z])"
    rf"|(?<=[{_HAN}])([{_HARD}\s]{{1,7}})(?=[{_HAN}](?!\w))"
)
"""Where two characters may have been parted; behind the end of a sentence only before a lone one."""
_SINGLE = (
    rf"{_LETTER}0-9\u0400-\u04ff\u05d0-\u05ea\u0620-\u064a\u0900-\u097f\u0e01-\u0e4e\u3041-\u30ff"
    r"\uac00-\ud7a3"
)
SPELLED = re.compile(rf"(?<![{_SINGLE}])[{_SINGLE}](?:[{_BETWEEN}]{{1,5}}[{_SINGLE}]){{3,}}(?![{_SINGLE}])")
"""Four or more single letters with something between each two."""
TWO_ALONE = re.compile(rf"[{_BETWEEN}][{_SINGLE}][{_BETWEEN}]{{1,5}}[{_SINGLE}][{_BETWEEN}]")
"""Stands in all that is spelled out, and hardly elsewhere."""
GAP = re.compile(rf"[{_BETWEEN}]{{1,5}}")
_IN_WORD = rf"[{_STRONG}.,:;/\\\[\](){{}}<>\"'’`´+=\-{_SIGNS}]"
_SPACED = r"\u0400-\u04ff\u05d0-\u05ea\u0620-\u064a\u0900-\u097f\u0e01-\u0e4e\uac00-\ud7a3"
IN_WORD = re.compile(
    rf"({_IN_WORD}(?<=[{_LETTER}{_SPACED}]{_IN_WORD}){_IN_WORD}?)(?=[{_LETTER}{_SPACED}])"
    rf"|(-(?<=[{_LETTER}]-) {{1,2}})(?=[{_LETTER}])"
)
"""One or two signs between letters; looking back comes second, so that a search leaps to the signs."""

SPACES = re.compile(r"(?<! ) {2,7}(?! )")
MASKS = re.compile(rf"(?<=[{_LETTER}])\*{{1,2}}(?= |$)|(?<![^ ])\*{{1,2}}(?=[{_LETTER}])")
STRETCHED = re.compile(r"([a-z])\1{2,}")
TONED = re.compile(r"(?<![a-z0-9])(?:[a-z]{1,6}[1-5] ?){2,6}(?![a-z0-9])")
TONE = re.compile(r"[1-5]")
SYLLABLE = re.compile(r"[a-z]+")
LEFT_OVER = re.compile(
    r"(?:^|(?<=[ a-z0-9\u00df-\u024f\u0400-\u04ff\u0e01-\u0e2e\u1e00-\u1eff\u3400-\u9fff\uac00-\ud7a3]))"
    r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\ufe20-\ufe2f]+",
    re.IGNORECASE,
)
"""Marks that no letter of an alphabet takes: heaped up to hide it."""

LEET = _pairs("0o 1i 3e 4a 5s 7t 8b @a $s !i |i €e")
_LEET = r"a-z0-9@$!|€"
LEET_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789@$!|€")
LEET_SIGN = re.compile(f"[{''.join(map(re.escape, map(chr, LEET)))}]")
LEET_RUN = re.compile(rf"[{_LEET}]+")
LEET_WORD = re.compile(rf"(?=[{_LEET}]*[a-z])[{_LEET}]{{2,40}}")
"""A word with at least one letter; digits alone are numbers."""


def _is_plain(code: int) -> bool:
    """True when folding this character is changing its case, one to one, whatever follows."""
    character = chr(code)
    folded = character.casefold()
    return (
        len(folded) == 1
        and INVISIBLE.match(character) is None
        and code not in BOXED
        and not 0x1100 <= code < 0x1200  # conjoining: syllables are made of them
        and unicodedata.normalize("NFKC", character) == character
        and unicodedata.normalize("NFKC", folded) == folded
        and (unicodedata.combining(character) == 0 or 0x0E00 <= code < 0x0E80)
    )


def _class_of(codes: list[int]) -> str:
    """A regular expression's character class, as ranges, for sorted `codes`."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


_PLAIN = _class_of([code for code in range(0x3100) if _is_plain(code)]) + (
    r"\u31a0-\u31bf\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U0001f300-\U0001faff"
)
_MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u05b0-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u093c\u09bc\u1160-\u11ff"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef"
)
UNSTABLE = re.compile(rf"[^{_PLAIN}]")
"""Anything that needs the slow road: compatibility forms, marks, invisible characters."""
_ENTITY = r"(?P<entity>&(?:amp;){0,2}(?:#\d{2,7}|#[xX][0-9a-fA-F]{2,6}|[a-zA-Z]{2,8});)"
_TAG = r"(?P<tag></?[a-zA-Z][^<>]{0,200}>)"
BREAKS = re.compile(r"</?(?:br|p|div|li|tr|td|h\d)\b", re.IGNORECASE)
_ESCAPED = r"(?P<escaped>(?:%[0-9a-fA-F]{2}){2,60}|%20(?=[^\W\d_])|(?:\\u[0-9a-fA-F]{4}){1,30})"
_CUT = re.sub(r"\?P<\w+>", "?:", f"(?!{_ENTITY}|{_TAG}|{_ESCAPED})")
_ZHUYIN = f"(?P<zhuyin>{han.BOPOMOFO})"
_FLAGS = r"(?P<flags>[\U0001f1e6-\U0001f1ff]+(?: {1,3}[\U0001f1e6-\U0001f1ff]+)*)"
MARKED_UP = re.compile(
    rf"{_ENTITY}|{_TAG}|{_ESCAPED}|(?P<plain>(?:{_CUT}[{_PLAIN}](?![{_MARKS}]))+)|{_FLAGS}|{_ZHUYIN}|[\s\S][{_MARKS}]*"
)
"""As PIECES, for a text with entities and tags."""
PIECES = re.compile(rf"(?P<plain>(?:[{_PLAIN}](?![{_MARKS}]))+)|{_FLAGS}|{_ZHUYIN}|[\s\S][{_MARKS}]*")
