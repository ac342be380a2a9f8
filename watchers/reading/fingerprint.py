"""Whether two readings of a post differ in what the seller controls.

Pages count views, tell the time as "3 minutes ago" and shuffle query strings; none of
that is an edit. What is left after taking it out is hashed. Pure.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import urlsplit

from storage.model import PictureRef, Post

LONGEST = 200_000
"""Characters of text that are compared; hostile pages are longer than any advert."""

_COUNTED = (
    r"views?|reads?|repl(?:y|ies)|answers?|comments?|likes?|shares?|favou?rites?|posts?|votes?|points?|"
    r"watch(?:ing|ers?)|members?|guests?|users?|reactions?|online|次浏览|次阅读|浏览|瀏覽|阅读|閱讀|查看|回复|回覆|评论|"
    r"評論|点赞|點讚|收藏|人气|人氣|围观|lượt xem|bình luận|dilihat|balasan|komentar"
)
_UNITS = (
    r"seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|[smhdwy]|"
    r"秒|分钟|分鐘|分|小时|小時|天|日|周|个月|個月|月|年|phút|giờ|ngày|menit|jam|hari"
)
# Numbers have an end: a pattern that may run to the end of 200,000 digits from each of them
# takes hours. White space is folded before, so one blank stands for any.
_NUMBER = r"(?<!\d)(?<!\d[,.])\d[\d,.]{0,20}[kKmM]?"
_VOLATILE = re.compile(
    rf"{_NUMBER}\+? ?(?:{_COUNTED})\b"
    rf"|(?:{_COUNTED}) ?[:：]? ?{_NUMBER}"
    rf"|(?:an?|(?<!\d)\d{{1,20}}) ?(?:{_UNITS}) ?(?:ago|前|trước|lalu)"
    r"|just now|刚刚|剛剛|yesterday|today|昨天|今天|前天",
    re.IGNORECASE,
)
# The pattern costs half a microsecond a character, these two a tenth of that.
_DIGITS = re.compile(r"\d+")
_TIMES = re.compile("ago|前|trước|lalu|just now|刚刚|剛剛|yesterday|today|昨天|今天")
_REACH = 64
"""Characters that a volatile piece may stand away from its digits or its word of time."""
_LONGEST_WORD = 500
"""Characters normalised at once: putting a run of combining marks in order is quadratic in it."""


def fingerprint(post: Post) -> str:
    """SHA-256 (hex) over title, text, seller, price, place and picture addresses, steadied.

    Two looks at an unchanged post give the same value although counters and relative
    times moved; a changed word, price or picture gives another.
    """
    fields = [
        steady(post.title[:LONGEST]),
        steady(post.text[:LONGEST]),
        steady(post.seller[:LONGEST]),
        "".join(post.price.split()),
        steady(post.location[:LONGEST]),
        *sorted({p.key or _address(p) for p in post.pictures if p.role != "avatar"}),
    ]
    return hashlib.sha256("\x1f".join(fields).encode("utf-8", "surrogatepass")).hexdigest()


def steady(text: str) -> str:
    """`text` without counters, relative times and runs of white space."""
    return " ".join(_calm(" ".join(_normal(text).split())[:LONGEST]).split())


def _calm(text: str) -> str:
    """`text` without what is volatile; looked for only where a digit or a word of time stands."""
    lower = text.replace("\u0130", "i").lower()  # İ alone would become two characters
    parts: list[str] = []
    at = 0
    for start, end in _suspect(lower):
        parts += (text[at:start], _VOLATILE.sub(" ", text[start:end]))
        at = end
    return "".join([*parts, text[at:]])


def _suspect(lower: str) -> Iterator[tuple[int, int]]:
    """Stretches of a text outside of which nothing volatile can stand, apart from one another."""
    marks = sorted(m.span() for pattern in (_DIGITS, _TIMES) for m in pattern.finditer(lower))
    start = end = 0
    for first, last in marks:
        if first - _REACH > end:
            yield start, end
            start = first - _REACH
        end = last + _REACH
    yield start, end


def _normal(text: str) -> str:
    """NFKC, piece by piece where it is long: linear in any text."""
    if text.isascii():
        return text
    if len(text) <= _LONGEST_WORD:
        return unicodedata.normalize("NFKC", text)
    return " ".join(map(_normal_word, text.split()))


def _normal_word(word: str) -> str:
    pieces = (word[at : at + _LONGEST_WORD] for at in range(0, len(word), _LONGEST_WORD))
    return "".join(unicodedata.normalize("NFKC", piece) for piece in pieces)


def _address(picture: PictureRef) -> str:
    """Host and path of a picture: query strings carry cache busters and signatures."""
    try:
        parts = urlsplit(picture.url)
    except ValueError:
        return picture.url
    return f"{parts.netloc}{parts.path}"
