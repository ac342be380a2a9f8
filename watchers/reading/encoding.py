"""Bytes of a page to text: byte order mark, header, declaration in the body, then a guess.

Labels mean what browsers take them for: gb2312 and gbk are gb18030, iso-8859-1 is
windows-1252, big5 is Big5-HKSCS, euc-kr is cp949, shift_jis is cp932
(https://encoding.spec.whatwg.org/#names-and-labels, through w3lib). Pure; never raises.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from itertools import islice

from w3lib.encoding import (
    html_body_declared_encoding,
    http_content_type_encoding,
    read_bom,
    to_unicode,
)

from storage.model import Response

_ALLOWED = frozenset(
    {
        *("utf-8", "gb18030", "big5hkscs", "cp949", "cp932", "euc_jp", "iso2022_jp"),
        *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
        *("cp874", "cp866", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "cp437", "cp850", "cp852"),
        *(f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
        *("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "euc_jis_2004", "shift_jis_2004"),
    }
)
# Python also decodes "punycode", "unicode_escape", "idna", "utf-7" and others that no page is
# written in and that a hostile label could ask for; what is not listed is not a declaration.

_UNMARKED = (
    (re.compile(rb"[<{\[\s]\0\0\0[^\0]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[<{\[\s]\0\0\0[^\0]"), "utf-32-be"),
    (re.compile(rb"[<{\[\s]\0[^\0]\0"), "utf-16-le"),
    (re.compile(rb"\0[<{\[\s]\0[^\0]"), "utf-16-be"),
)
"""A body that opens with `<?`, `<h` or `{"` in two or four bytes each (XML 1.0, appendix F)."""

TOLERATED = 0.05
"""Share of damaged characters up to which a declared encoding is believed."""
BEYOND_CHANCE = 8
"""Multi-byte sequences after which text that is valid UTF-8 cannot be anything else."""

REMEMBERED_BYTES = 500_000
"""Bodies up to this size are decoded once, though walls, parser and vigil each ask for the text."""
WEIGHED_BYTES = 65_536
"""How much of a damaged body is weighed, from its first byte beyond ASCII on."""

_SEQUENCE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def decode(response: Response) -> str:
    """The body of `response` as text: no NUL, no BOM, bytes that mean nothing as U+FFFD."""
    body, content_type = response.body, response.header("Content-Type")
    return (_remembered if len(body) <= REMEMBERED_BYTES else _decoded)(body, content_type)


def utf8_around(response: Response, start: bytes, end: bytes) -> tuple[str, bytes, str] | None:
    """The body before the first `start`, the bytes from there past the last `end`, and the body behind.

    Only where the outer parts read apart are what `decode` makes of them, given that the inner
    part is UTF-8: the header says UTF-8 and nothing can gainsay it. Else None.
    """
    body = response.body
    if body[:1] != b"<" or b"\0" in body or b"2022" in body[:4096]:  # iso-2022-jp is ASCII to the eye
        return None
    first, last = body.find(start), body.rfind(end) + len(end)
    if not 0 <= first < last or _from_header(response.header("Content-Type")) != "utf-8":
        return None
    try:
        return body[:first].decode("utf-8"), body[first:last], body[last:].decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decoded(body: bytes, content_type: str) -> str:
    name = encoding_of(body, content_type)
    bom, mark = read_bom(body)
    if bom == name and mark:
        body = body[len(mark) :]
    return to_unicode(body, name).replace("\0", "").removeprefix("\ufeff")


_remembered = lru_cache(maxsize=8)(_decoded)


def encoding_of(body: bytes, content_type: str = "") -> str:
    """The Python name of the encoding `body` is best read in.

    In this order: BOM; the Content-Type header; the body's own declaration; UTF-8 when the
    bytes allow it; a guess from the letters; windows-1252. A declaration the bytes
    contradict is passed over: damaged beyond `TOLERATED`, or legacy while the body is
    valid UTF-8 beyond chance.
    """
    marked = read_bom(body)[0] or _unmarked(body) or _plainly_utf8(body, content_type)
    if marked:
        return marked
    declared = [name for name in (_from_header(content_type), _from_body(body)) if name]
    if body.isascii():  # any of them reads it alike
        return next((n for n in declared if n == "iso2022_jp"), "utf-8")
    for name in declared:
        if name == "utf-8" or not _surely_utf8(body):
            if damage(body, name) <= TOLERATED:
                return name
        else:
            return "utf-8"
    if damage(body, "utf-8") <= TOLERATED:
        return "utf-8"
    return _guess(body) or next(iter(declared), "cp1252")


def damage(body: bytes, name: str) -> float:
    """Share 0..1 of the non-ASCII characters of `body` that are no characters in `name`.

    Of a damaged body `WEIGHED_BYTES` are counted: each bad byte costs as much as a hundred good ones.
    """
    if _reads_as(body, name):
        return 0.0
    body = foreign_part(body, WEIGHED_BYTES)
    text = codecs.getincrementaldecoder(name)(errors="replace").decode(body)
    return text.count("\ufffd") / max(1, len(text) - len(text.encode("ascii", "ignore")))


def foreign_part(body: bytes, most: int) -> bytes:
    """`most` bytes of `body` from its first one beyond ASCII on, or from the start when it is ASCII.

    Long heads are scripts and styles, which say nothing about the letters. In every
    encoding that is asked about here that byte begins a character.
    """
    first = _BEYOND_ASCII.search(body)
    start = first.start() if first is not None else 0
    return body[start : start + most]


@lru_cache(maxsize=256)
def _from_header(content_type: str) -> str:
    return _usable(http_content_type_encoding(content_type[:1000]))


def _from_body(body: bytes) -> str:
    name = _usable(html_body_declared_encoding(body[:4096]))
    # The declaration was read as ASCII, so the body cannot be in two-byte units.
    return "utf-8" if name.startswith(("utf-16", "utf-32")) else name


def _usable(label: str | None) -> str:
    name = label or ""
    if name in {"utf-16", "utf-32"}:  # without a BOM: little-endian, as browsers do
        name += "-le"
    return name if name in _ALLOWED else ""


def _plainly_utf8(body: bytes, content_type: str) -> str:
    """Say utf-8 when the header says so and it is true, as nearly always; then the body is not asked."""
    plainly = not body.isascii() and _from_header(content_type) == "utf-8" and _reads_as(body, "utf-8")
    return "utf-8" if plainly else ""


def _unmarked(body: bytes) -> str:
    return next((name for shape, name in _UNMARKED if shape.match(body)), "")


def _reads_as(body: bytes, name: str) -> bool:
    """Whether `body` decodes without damage; a character cut at the end does not count."""
    try:
        codecs.getincrementaldecoder(name)().decode(body)
    except UnicodeDecodeError:
        return False
    return True


def _surely_utf8(body: bytes) -> bool:
    if not _reads_as(body, "utf-8"):
        return False
    return len(tuple(islice(_SEQUENCE.finditer(body), BEYOND_CHANCE))) == BEYOND_CHANCE


def _guess(body: bytes) -> str:
    from watchers.reading.charsets import SAMPLE_BYTES, guess

    return guess(foreign_part(body, SAMPLE_BYTES))
