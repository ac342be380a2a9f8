"""Views of a text in which disguised words show, each mapped back to the raw text.

    raw -> folded   NFKC, invisible and bidi characters gone, enclosed letters, casefold,
                    homoglyphs in mixed-script words, traditional Chinese -> simplified
        -> joined   separators between single characters (i.v.o.r.y, 象 牙) gone
        -> bare     accents gone, digits and signs inside words read as letters (1v0ry)

Pure and linear in the text's length. A view never judges; `terms` looks for words in it.
Sources: domain facts, section 6 (views V0-V5); UAX #15 (NFKC, stream-safe limit of 30).
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import unquote

from storage.text import glyphs, han
from storage.text.sounds import said

HEAD_CHARS = 30_000
TAIL_CHARS = 10_000
"""Of a longer text the head and the tail are judged: sellers pad, and a cap bounds the time."""

_MARKS_MAX = 30


@dataclass(frozen=True, slots=True)
class View:
    """A changed copy of a text. starts: raw index of each run of characters that moved.

    Character i of `text` came from the raw span `span(i, i + 1)`. Runs are kept instead
    of one number per character, so that plain text costs nothing.
    """

    text: str
    runs: tuple[int, ...] = (0,)
    origins: tuple[int, ...] = (0,)
    lengths: tuple[int, ...] = (-1,)
    """Raw length of each run; -1: as many characters as in the view (unchanged run)."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Raw (start, end) of the characters [start, end) of the view; end > start."""
        first, last = self._at(start), self._at(end - 1)
        return first[0], last[1]

    def _at(self, index: int) -> tuple[int, int]:
        run = bisect_right(self.runs, index) - 1
        origin, length = self.origins[run], self.lengths[run]
        if length >= 0:
            return origin, origin + length
        raw = origin + index - self.runs[run]
        return raw, raw + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """All views of one text. joined is None when it would equal folded."""

    raw: str
    folded: View
    joined: View | None
    bare: View
    japanese: bool
    """True when there is kana, which tells Japanese from Chinese."""
    chinese: bool
    """True when there are Chinese characters, beside which pinyin is a disguise."""
    cut: bool
    """True when the text was longer than the cap and its middle was left out."""


def views(text: str) -> Views:
    """Every view of `text`; spans refer to `Views.raw`, which is capped."""
    raw, cut = cap(text)
    folded = fold(raw)
    joined = _joined(folded)
    closest = joined or folded
    if stretched := [run.span() for run in glyphs.STRETCHED.finditer(closest.text)]:
        closest = _without(closest, [(start + 1, end) for start, end in stretched])
    bare = _bare(closest)
    return Views(
        raw=raw,
        folded=folded,
        joined=joined,
        bare=bare,
        japanese=bool(glyphs.KANA.search(raw)),
        chinese=bool(glyphs.HAN.search(folded.text) or glyphs.ZHUYIN.search(raw)),
        cut=cut,
    )


def each_view(text: str) -> tuple[View, View, View]:
    """(folded, joined, bare) of the whole text, however long it is; spans refer to `text`."""
    folded = fold(text)
    joined = _joined(folded) or folded
    return folded, joined, _bare(joined)


def cap(text: str) -> tuple[str, bool]:
    """Head and tail of a text that is too long to be judged whole, and whether it was."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text, False
    return f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}", True


def fold(raw: str) -> View:
    """The folded view. Plain ASCII and plain Chinese take the fast road."""
    if raw.isascii() and not _IS_MARKUP.search(raw):
        return View((raw.translate(_SPACES) if _IS_SPACE.search(raw) else raw).lower())
    if _IS_TAGGED.search(raw):
        raw = _IS_TAGGED.sub(_tags, raw)
    if _IS_MARKUP.search(raw):
        view = _fold_pieces(raw, glyphs.MARKED_UP)
        return View(_letters(view.text), view.runs, view.origins, view.lengths)
    eased = raw.translate(_WIDE) if _IS_WIDE.search(raw) else raw
    if glyphs.UNSTABLE.search(eased) is None and len(lowered := eased.casefold()) == len(raw):
        return View(_letters(lowered))
    # Lookalikes first: a Latin letter takes the accent behind it, its Cyrillic twin does not.
    view = _fold_pieces(
        _letters("".join(low if len(low := c.lower()) == 1 else c for c in raw)), glyphs.PIECES
    )
    return View(_letters(view.text), view.runs, view.origins, view.lengths)


def fold_term(text: str) -> str:
    """A term or phrase as it looks in the folded view."""
    return fold(text).text


def bare_term(text: str) -> str:
    """A term as it looks in the bare view."""
    folded = View(fold_term(text))
    return _bare(folded).text


def _letters(text: str) -> str:
    """Homoglyphs and Chinese variants; both tables are one character to one, so spans hold."""
    if _IS_SPACE.search(text):
        text = text.translate(_SPACES)
    if glyphs.FOREIGN_DIGIT.search(text):
        text = text.translate(glyphs.DIGITS)
    if glyphs.NUMBER_AS_LETTER.search(text):
        text = glyphs.NUMBER_AS_LETTER.sub(_letter_for, text)
    if glyphs.LOOKALIKE.search(text):
        text = text.translate(glyphs.SMALL_CAPS)
        text = glyphs.WORD.sub(_unmix, text)
    return glyphs.HAN_RUN.sub(_simple, text) if glyphs.HAN.search(text) else text


def _letter_for(digit: re.Match[str]) -> str:
    thai = digit.string[digit.start() - 1] >= "\u0e00"
    return "อ" if thai else {"0": "о", "3": "з", "4": "ч", "6": "б"}[digit[0]]


def _simple(run: re.Match[str]) -> str:
    return run[0].translate(_simplified())


def _unmix(word: re.Match[str]) -> str:
    """One script in a word that mixes them: Latin, or Cyrillic where letters of it have no Latin twin."""
    letters = word[0]
    if not (glyphs.LATIN.search(letters) and glyphs.FOREIGN.search(letters)):
        return letters
    if glyphs.CYRILLIC_ALONE.search(letters) and len(glyphs.LATIN.findall(letters)) * 2 < len(letters):
        return letters.translate(glyphs.TO_CYRILLIC)
    return letters.translate(glyphs.HOMOGLYPHS)


@cache
def _simplified() -> dict[int, str]:
    """Traditional -> simplified, one character to one, by OpenCC's tables (25 ms, once)."""
    from opencc import OpenCC

    source = [chr(code) for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000))]
    target = OpenCC("t2s").convert("\n".join(source)).split("\n")
    pairs = zip(source, target, strict=True)
    return {ord(old): new for old, new in pairs if old != new and len(new) == 1} | han.LOOKALIKES


_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""Full-width forms and the ideographic space: in nearly every Chinese post, one to one."""
_IS_WIDE = re.compile("[\uff01-\uff5e\u3000]")


_SPACES = dict.fromkeys((9, 10, 11, 12, 13, 133, 8232, 8233), 32)
_IS_SPACE = re.compile("[\t-\r\x85\u2028\u2029]")
"""Whether a table of characters has work to do: looking is five times as fast as translating."""
_IS_MARKUP = re.compile(
    r"&(?:#\d{2,7}|#[xX][0-9a-fA-F]{2,6}|[a-zA-Z]{2,8});|</?[a-zA-Z][^<>]{0,200}>"
    r"|%[0-9a-fA-F]{2}%|%20(?=[^\W\d_])|\\u[0-9a-fA-F]{4}"
)
"""Entities, tags and escapes that a site or a CSV file left in its text."""
_IS_TAGGED = re.compile("[\U000e0020-\U000e007e]{4,}")


class _Builder:
    """Collects the pieces of a view and where each came from."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._runs: list[int] = []
        self._origins: list[int] = []
        self._lengths: list[int] = []
        self._size = 0

    def add(self, text: str, origin: int, length: int = -1) -> None:
        """Append `text`, made from `length` raw characters at `origin` (-1: copied)."""
        if not text:
            return
        self._parts.append(text)
        self._runs.append(self._size)
        self._origins.append(origin)
        self._lengths.append(length)
        self._size += len(text)

    def view(self) -> View:
        """The view built so far."""
        if not self._runs:
            return View("")
        return View("".join(self._parts), tuple(self._runs), tuple(self._origins), tuple(self._lengths))


def _fold_pieces(raw: str, pieces: re.Pattern[str]) -> View:
    """Fold character cluster by cluster, keeping track of where each came from."""
    built = _Builder()
    for piece in pieces.finditer(raw):
        if piece.lastgroup == "plain":
            built.add(piece[0].casefold(), piece.start())
        elif piece.lastgroup == "entity":
            built.add(_fold_cluster(html.unescape(html.unescape(piece[0]))), piece.start(), len(piece[0]))
        elif piece.lastgroup == "tag":
            built.add(" " if glyphs.BREAKS.match(piece[0]) else "", piece.start(), len(piece[0]))
        elif piece.lastgroup == "escaped":
            built.add(_fold_cluster(_unescaped(piece[0])), piece.start(), len(piece[0]))
        elif piece.lastgroup == "zhuyin":
            built.add(han.pinyin_of(piece[0]), piece.start(), len(piece[0]))
        elif piece.lastgroup == "flags":
            built.add(_flags(piece[0]), piece.start(), len(piece[0]))
        else:
            built.add(_fold_cluster(piece[0][: _MARKS_MAX + 1]), piece.start(), len(piece[0]))
    return built.view()


def _unescaped(run: str) -> str:
    """Characters written as bytes of an address (%E8%B1%A1) or as JSON does (backslash u8C61)."""
    if run.startswith("%"):
        return unquote(run)
    return str(json.loads(f'"{run}"')).encode("utf-16", "replace").decode("utf-16")


def _tags(run: re.Match[str]) -> str:
    """A word written in tag characters alone, which copies show and screens do not; else as it is."""
    return "".join(chr(ord(character) - 0xE0000) for character in run[0])


def _flags(run: str) -> str:
    """Regional indicators spell words when three or more stand together; two are a flag."""
    if any(len(word) > 2 for word in run.split(" ")):
        return run.translate(glyphs.REGIONAL)
    return " " * (run.count(" ") + 1)


@lru_cache(maxsize=16_384)
def _fold_cluster(cluster: str) -> str:
    """One base character with its marks, folded; "" when nothing visible remains."""
    seen = glyphs.INVISIBLE.sub("", cluster)
    seen = unicodedata.normalize("NFKC", seen).translate(glyphs.BOXED)
    seen = glyphs.INVISIBLE.sub("", unicodedata.normalize("NFKC", seen.casefold()))
    return glyphs.LEFT_OVER.sub("", seen) if not seen.isascii() else seen


def _joined(view: View) -> View | None:
    """Separators between single characters and spaces beyond the first removed, or None."""
    text = view.text
    gaps: list[tuple[int, int]] = []
    if glyphs.HAN.search(text):
        gaps += [gap.span() for gap in glyphs.HAN_GAP.finditer(text) if _han_joins(text, *gap.span())]
    if glyphs.TWO_ALONE.search(text):
        for run in glyphs.SPELLED.finditer(text):
            gaps += _spelled_gaps(run[0], run.start())
    gaps.extend(gap.span(gap.lastindex or 0) for gap in glyphs.IN_WORD.finditer(text))
    gaps.extend((gap.start() + 1, gap.end()) for gap in glyphs.SPACES.finditer(text))
    if "*" in text:
        gaps.extend(mask.span() for mask in glyphs.MASKS.finditer(text))
    for run in glyphs.TONED.finditer(text):
        # xiang4ya2, and not "griffe d3 tigr3", whose digits are letters
        if all(syllable in said() for syllable in glyphs.SYLLABLE.findall(run[0])):
            gaps += [
                (run.start() + at.start(), run.start() + at.end()) for at in glyphs.TONE.finditer(run[0])
            ]
    return _without(view, sorted(set(gaps))) if gaps else None


def _spelled_gaps(run: str, start: int) -> list[tuple[int, int]]:
    """Gaps of a spelled-out run. Among other signs ("r/e/d i/v/o/r/y") a space parts words."""
    gaps = list(glyphs.GAP.finditer(run))
    signs = [gap for gap in gaps if not gap[0].isspace()]
    if len(signs) * 2 > len(gaps):
        return [(gap.start() + start, gap.end() + start) for gap in signs]
    usual = min(len(gap[0]) for gap in gaps)
    # Among single spaces a longer gap parts words: one space of it stays.
    return [(gap.start() + start + (len(gap[0]) > usual), gap.end() + start) for gap in gaps]


def _han_joins(text: str, start: int, end: int) -> bool:
    """Always for signs that nobody writes between words; else only beside a lone character.

    "大象, 牙齿" must not become 象牙, while "象 牙", "象.牙手镯" and "X-牙" must.
    """
    gap = text[start:end]
    alone_left = start < 2 or not text[start - 2].isalnum()
    alone_right = end + 1 >= len(text) or not text[end + 1].isalnum()
    if text[start - 1].isascii() or text[end].isascii():
        return alone_left and alone_right
    if glyphs.STRONG.fullmatch(gap):
        return True
    return (alone_left and alone_right) if glyphs.ENDS.search(gap) else (alone_left or alone_right)


def _without(view: View, gaps: list[tuple[int, int]]) -> View:
    """`view` without the spans `gaps` (sorted; may touch, may overlap)."""
    built = _Builder()
    done = 0
    for start, end in (*gaps, (len(view.text), len(view.text))):
        _copy(view, done, start, built)
        done = max(done, end)
    return built.view()


def _copy(view: View, start: int, end: int, built: _Builder) -> None:
    """Append view[start:end] to `built`, run by run."""
    while start < end:
        run = bisect_right(view.runs, start) - 1
        stop = min(end, view.runs[run + 1] if run + 1 < len(view.runs) else end)
        length = view.lengths[run]
        origin = view.origins[run] if length >= 0 else view.origins[run] + start - view.runs[run]
        built.add(view.text[start:stop], origin, length)
        start = stop


def _bare(view: View) -> View:
    """Accents and letter-like digits gone, l read as i.

    Every change is one character to one (accented letters are composed in the folded
    view), so the spans of `view` hold.
    """
    text = view.text
    if not text.isascii() and _IS_ACCENTED.search(text):
        text = text.translate(UNACCENTED)
    text = _unleet(text).replace("l", "i")
    return View(text, view.runs, view.origins, view.lengths)


def _unleet(text: str) -> str:
    """`text` with the signs in its words read as letters; words without one are passed over."""
    parts: list[str] = []
    at = 0
    while (sign := glyphs.LEET_SIGN.search(text, at)) is not None:
        start, end = _word_at(text, sign.start(), at)
        word = text[start:end]
        parts += (text[at:start], word.translate(glyphs.LEET) if glyphs.LEET_WORD.fullmatch(word) else word)
        at = end
    return "".join([*parts, text[at:]]) if parts else text


def _word_at(text: str, place: int, least: int) -> tuple[int, int]:
    """The unbroken run of letters and letter-like signs around `place`, from `least` on."""
    start = place
    while start > least and text[start - 1] in glyphs.LEET_LETTERS:
        start -= 1
    run = glyphs.LEET_RUN.match(text, place)
    return start, run.end() if run else place + 1


def _accents() -> dict[int, str]:
    """Latin letters with accents -> without."""
    table = {ord(pair[0]): pair[1] for pair in ("đd", "łl", "øo", "ħh", "ŧt")}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        parts = unicodedata.normalize("NFD", chr(code))
        if len(parts) > 1 and parts[0].isascii():
            table[code] = parts[0]
    return table


UNACCENTED = _accents()
_IS_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
