"""The XML of a feed made fit to be parsed: bounded, without bombs and without characters XML forbids.

feedparser is linear but costs about 30 microseconds a tag, so 8 MB of tags would hold up
every other target for minutes. Items are counted outside CDATA, because what a seller
writes inside it must not decide where the feed ends. Pure; never raises; linear.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

MOST_TAGS = 25_000
"""Tags outside CDATA: less than a second of parsing; 500 items of a rich feed have 15,000."""
MOST_ATTRIBUTES = 200
"""Attributes of one tag; namespaced ones are compared with each other."""
LONGEST_TAG = 20_000
MOST_NAMESPACES = 500
MOST_LABELS = 4_000
"""Categories, keywords and subjects of a whole feed."""
MOST_BREAKS = 400_000
"""References, line ends and `]]`: at each the parser hands over another piece of text."""
MOST_EXPANDED = 200_000
"""Characters that the feed's own entities may add."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|(\d{1,9}))(;?)|&#(?=[^0-9xX]|[xX][^0-9a-fA-F]|$)")
_ITEM = re.compile(r"<!\[CDATA\[|<!--|<(?P<end>/?)(?:[\w.-]{1,50}:)?(?:item|entry)(?=[\s>/])", re.IGNORECASE)
_TAG = re.compile(r"<!\[CDATA\[|<!--|<", re.IGNORECASE)
_WHOLE_TAG = re.compile(r"""<(/?[a-zA-Z_][^\s/><]*+)(?:[\s/=]++|[^\s=<>/"']++|"[^"]*+"|'[^']*+'|["'])*+>?""")
_NAMESPACE = re.compile(r"""\sxmlns(?::[\w.-]{1,100})?\s?=\s?(?:"[^"<>]*+"|'[^'<>]*+')""")
_LABEL = re.compile(r"<(?:[\w.-]{1,50}:)?(?:category|subject|keywords|tags)(?=[\s>/])[^<>]*+>", re.IGNORECASE)
# One element may list many labels; its text is kept to 500 characters.
_LABELS = re.compile(
    r"(<(?:[\w.-]{1,50}:)?(?:keywords|tags)(?=[\s>])[^<>]*+>\s*+(?:<!\[CDATA\[)?)([^<\]]{500})[^<\]]++",
    re.IGNORECASE,
)
_BREAK = re.compile(r"[&\n]|\]\]")
_DECLARATION = re.compile(r"<\?xml\s[^<>]{0,500}>")
_BLANKS = re.compile(r"\s+")
_ENTITY = re.compile(r"<!ENTITY\s+([\w.-]{1,100})\s+(?:\"([^\"]*)\"|'([^']*)')\s*>")
_REFERRED = re.compile(r"&([\w.-]{1,100});")
_ROOT_END = re.compile(
    r"</(?:[\w.-]{1,50}:)?(?:rss|rdf|feed|channel)\s*>\s*(?:<!--.*?-->\s*)*$", re.IGNORECASE | re.DOTALL
)
_START = re.compile(r"<\w")
PLAIN_COMMENT = r"(?:[A-Za-z0-9 .,:;+/()_~@=?#%*!|\r\n\t]|-(?!-)){0,400}+(?<!-)"
"""What stands in a comment that is one however the text around it is read."""
_END_TAGS = re.compile(rf"\s*(?:</[\w.:-]{{1,50}}\s*>\s*|<!--{PLAIN_COMMENT}-->\s*){{1,8}}")
_ITEM_TAG = re.compile(r"</?(?:[\w.-]{1,50}:)?(?:item|entry)(?=[\s>/])", re.IGNORECASE)
_XML_BLANKS = " \t\r\n"
_LONG_TAG = 1000
_LONGEST_PIECE = 60_000


def fit(text: str, most_items: int, *, cut: bool = False) -> str:
    """`text` with at most `most_items` items and MOST_TAGS tags, ready for an XML parser.

    cut: the answer is known to be incomplete, so an item left open at its end is half an item.

    Its XML declaration is gone, since it speaks of bytes, and feedparser looks for one with
    a regular expression that a hostile first line can hold up.
    """
    text = _DECLARATION.sub("", _few_breaks(text).lstrip(), count=1).lstrip()
    text = _cut(_clean(text), most_items, cut=cut)
    return _spared(_WHOLE_TAG.sub(_bearable, _defused(text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieced:
    """A feed cut at its items. tail: nothing but end tags and plain comments; between items, blanks only."""

    head: str
    pieces: tuple[str, ...]
    tail: str


def pieced(text: str, most_items: int) -> Pieced | None:
    """`text` cut at its items, or None when it is not plainly head, items and end tags.

    What tells XML from its look is kept out: processing instructions, declarations, items
    within items or in other words than `<item>` and `<entry>`, and whatever `fit` might cut.
    """
    text = without_declaration(text)
    if len(text) > MOST_BREAKS or "<?" in text or text.count("<") > MOST_LABELS:
        return None
    if text.count("xmlns") > MOST_NAMESPACES:
        return None
    name = "item" if "</item>" in text else "entry"
    *parts, tail = text.split(f"</{name}>")
    if not parts or len(parts) > most_items or not _END_TAGS.fullmatch(tail):
        return None
    start = parts[0].find(f"<{name}")
    head, parts[0] = parts[0][: max(0, start)], parts[0][start:]
    if start < 0 or head.count("<!") != head.count("<!--") + head.count("<![CDATA["):
        return None
    cut = []
    for part in parts:
        piece = part.lstrip(_XML_BLANKS)
        if not piece.startswith((f"<{name}>", f"<{name} ")):
            return None
        cut.append(f"{piece}</{name}>")
    return Pieced(head=head, pieces=tuple(cut), tail=tail)


def without_declaration(text: str) -> str:
    """`text` without the XML declaration at its start, if it has one there."""
    text = text.lstrip()
    declaration = _DECLARATION.match(text)
    return text[declaration.end() :].lstrip() if declaration else text


def is_local(part: str, items: int) -> bool:
    """Whether `fit` leaves a part of a feed as it is, whatever stands before and behind it.

    items: how many start and end tags of items must stand in it, be it in CDATA.
    """
    if len(part) > _LONGEST_PIECE or sum(1 for _ in _ITEM_TAG.finditer(part)) != items:
        return False
    spans = [tag.span() for tag in _WHOLE_TAG.finditer(part)]
    # A quote left open might be closed by what follows: then it would be by what is added here.
    if spans != [tag.span() for tag in _WHOLE_TAG.finditer(part + "\"'")]:
        return False
    too_long = any(end - start >= _LONG_TAG for start, end in spans)
    return not too_long and _clean(part) == part and _LABELS.search(part) is None


def _few_breaks(text: str) -> str:
    marks = ("&", "\n", "]]")
    if sum(text.count(mark) for mark in marks) <= MOST_BREAKS:
        return text
    beyond = next(islice(_BREAK.finditer(text), MOST_BREAKS, None), None)
    return text if beyond is None else text[: beyond.start()]


def pieces(text: str, most_items: int) -> Iterator[str]:
    """Each item of `text` as a feed of its own: for a feed that as a whole cannot be read."""
    marks = list(_items(text))
    if not marks:
        return
    head, tail = text[: marks[0][0]], text[marks[-1][1] :] if marks[-1][1] else ""
    for start, end in marks[:most_items]:
        yield head + text[start : end or len(text)] + tail


def _clean(text: str) -> str:
    if not text.isprintable():
        text = _FORBIDDEN.sub("", text)
    return _REFERENCE.sub(_sound, text) if "&#" in text else text


def _sound(found: re.Match[str]) -> str:
    """A numeric reference as it is, or U+FFFD for what is no character of XML 1.0 (2.2)."""
    if found[1] is None and found[2] is None:
        return "&amp;#"
    code = int(found[1], 16) if found[1] else int(found[2])
    known = (
        code in {9, 10, 13} or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code <= 0x10FFFF
    )
    return found[0] if known else "\ufffd"


def _bearable(tag: re.Match[str]) -> str:
    """A tag as it is; a long one without its runs of blanks, a monstrous one without attributes."""
    if len(tag[0]) < _LONG_TAG:
        return tag[0]
    monstrous = len(tag[0]) > LONGEST_TAG or tag[0].count("=") > MOST_ATTRIBUTES
    return f"<{tag[1][:100]}>" if monstrous else _BLANKS.sub(" ", tag[0])


def _spared(text: str) -> str:
    """`text` without what feedparser compares each with each: tags of posts, and namespaces."""
    for form, most in ((_NAMESPACE, MOST_NAMESPACES), (_LABEL, MOST_LABELS)):
        beyond = next(islice(form.finditer(text), most, None), None)
        if beyond is not None:
            text = text[: beyond.start()] + form.sub("", text[beyond.start() :])
    return _LABELS.sub(r"\1\2", text)


def _cut(text: str, most_items: int, *, cut: bool) -> str:
    """`text` without the items beyond the bound, and without a last one that was cut in the middle."""
    first = list(islice(_items(text), most_items + 1))
    latest = deque(first, maxlen=2)
    if len(first) > most_items:
        latest.extend(islice(_items(text), most_items + 1, None))
    if not first:
        return text[: _after_tags(text)]
    start, end = latest[-1]
    before = latest[0][1] if len(latest) > 1 else 0
    if end == 0 and (cut or (before and not _ROOT_END.search(text[-2000:]))):
        text, end = text[:start], before  # a half item would have half an id
        first = first[:-1] if first[-1][0] == start else first
    if len(first) > most_items:
        text = text[: first[most_items][0]] + (text[end:] if end else "")
    return text[: _after_tags(text)]


def _items(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each item; end 0 when it is not closed before the next or the text's end."""
    start = -1
    for found in _outside_cdata(_ITEM, text):
        if not found["end"]:
            if start >= 0:
                yield start, 0
            start = found.start()
        elif start >= 0:
            close = text.find(">", found.end())
            yield start, (close + 1 if close >= 0 else len(text))
            start = -1
    if start >= 0:
        yield start, 0


def _after_tags(text: str) -> int:
    """Where the text must end to have at most MOST_TAGS tags."""
    if text.count("<") <= MOST_TAGS:
        return len(text)
    beyond = next(islice(_outside_cdata(_TAG, text), MOST_TAGS, None), None)
    return len(text) if beyond is None else beyond.start()


def _outside_cdata(form: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Where `form` matches; CDATA sections and comments are passed over, unclosed ones are text."""
    at, ends = 0, {"<![CDATA[": "]]>", "<!--": "-->"}
    while (found := form.search(text, at)) is not None:
        at = found.end()
        if (close := ends.get(found[0].upper())) is None:
            yield found
        elif (end := text.find(close, at)) >= 0:
            at = end + 3
        else:
            ends.pop(found[0].upper(), None)  # none follows: do not search for it again


def _defused(text: str) -> str:
    """`text` with a short head, and without entity declarations when using them would blow it up."""
    start = _START.search(text)
    if start is None:
        return text
    # feedparser looks for declarations at the start of lines only, over all white space before them.
    head = _BLANKS.sub("\n", text[: start.start()]).replace("<!ENTITY", "\n<!ENTITY")
    text = text[start.start() :]
    if "<!ENTITY" in head:
        sizes = {name: len(double or single) for name, double, single in _ENTITY.findall(head)}
        if sum(sizes.get(name, 0) for name in _REFERRED.findall(text)) > MOST_EXPANDED:
            head = _ENTITY.sub("", head)
    return head + text
