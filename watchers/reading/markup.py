"""HTML from strangers, parsed without letting its nesting explode.

The HTML algorithm re-opens every unclosed <font> in each later paragraph, walks all open
elements for each <p>, and compares each attribute with all before it: 40 KB can become
a gigabyte of nodes, 8 MB of <div> an hour (measured with lexbor 2.6). Such pages are
told apart by counting, and tamed before they are parsed. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

MOST_TAGS = 200_000
"""Opening and closing tags read of one page; a node costs about 200 bytes."""
DEEPEST = 256
"""Open elements above which further ones are left out (their text stays). Browsers stop at 512."""
UNTAMED_TAGS = 4_000
"""Up to so many tags, the worst nesting costs less than a tenth of a second."""
MOST_REOPENED = 200_000
"""Nodes that re-opened formatting elements may add."""
MOST_ATTRIBUTES = 500
"""Attributes of one tag."""
MOST_RAW_TAGS = 2_000
"""`<` left standing within scripts and styles of a page that had to be tamed."""


def names(row: str) -> frozenset[str]:
    """The words of a row, for tables of element names."""
    return frozenset(row.split())


_ATTRIBUTE = r"""[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+|))?+"""
_TAG = re.compile(rf"</?[a-zA-Z][^\s/>]*+(?:[\s/]++|{_ATTRIBUTE})*+>?")
_TOKEN = re.compile(
    rf"<!--.*?(?:-->|\Z)|<[!?][^>]*>?|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)(?:[\s/]++|{_ATTRIBUTE})*+>?",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_FORMATTING = names("b big code em font i nobr s small strike strong tt u")
_FORMATTED = re.compile(rf"<(?:{'|'.join(sorted(_FORMATTING))})(?=[\s/>])[^>]*", re.IGNORECASE)
_VOID = names(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"
)
_CELLS, _BODIES = names("td th"), names("tbody thead tfoot")
_STOPS = names(
    "ul ol menu dl table caption td th tr body html select template button object marquee section article "
    "aside nav main header footer form fieldset blockquote figure center details pre h1 h2 h3 h4 h5 h6"
)
_BLOCKS = _STOPS - names("td th tr caption button object marquee select template body html") | names(
    "p div address hr li dt dd figcaption hgroup summary dialog search plaintext xmp"
)
# What an opening tag closes without being told to, and what stops it from looking further
# out (https://html.spec.whatwg.org/multipage/syntax.html#optional-tags). Old forums leave
# out nearly every </td>, </tr>, </li> and </p>; without this they would seem to nest.
_IMPLIED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (names("li"), _STOPS),
    **dict.fromkeys(("dt", "dd"), (names("dt dd"), _STOPS)),
    **dict.fromkeys(_CELLS, (_CELLS, names("table tr"))),
    "tr": (names("tr") | _CELLS, names("table")),
    **dict.fromkeys(_BODIES, (_BODIES | names("tr") | _CELLS, names("table"))),
    **dict.fromkeys(("option", "optgroup"), (names("option"), names("select datalist optgroup"))),
}
_PARAGRAPH = names("p")
_DEEP_LOOK = 24
"""Open elements searched for one that is closed by implication."""
_RAW = names("script style textarea title xmp iframe noembed noframes plaintext")
_END_OF_RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}


def parse_html(text: str) -> LexborHTMLParser:
    """The tree of a page or fragment; time and memory are linear in `text`. Never raises."""
    return LexborHTMLParser(tamed(text))


def tamed(text: str) -> str:
    """`text`, or where its markup would explode, the same words with fewer tags."""
    tags = text.count("<")
    if tags > MOST_TAGS:
        text = text[: _nth(text, "<", MOST_TAGS)]
        tags = MOST_TAGS
    if len(text) < 16_000 and tags < 300:
        return text
    formats = _FORMATTED.findall(text)
    # Of tags that are alike at most three are re-opened ("Noah's Ark clause" of HTML).
    formatting = min(len(formats), 3 * len(set(formats)))
    long_tag = any(len(tag) > 4 * MOST_ATTRIBUTES for tag in _TAG.findall(text))
    if tags <= UNTAMED_TAGS and formatting * tags <= MOST_REOPENED and not long_tag:
        return text
    tamer = _Tamer(text)
    pieces = list(tamer.pieces())
    if tamer.reopened > MOST_REOPENED:
        pieces = list(_Tamer(text, bare=True).pieces())
    return "".join(pieces)


def _nth(text: str, what: str, count: int) -> int:
    """Where the `count`-th `what` stands. Counts in halves, so that str.count does the work."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if text.count(what, 0, middle) < count:
            low = middle + 1
        else:
            high = middle
    return low - 1


class _Tamer:
    """Goes over the tokens and leaves out the tags that nest too deep or cost too much.

    What the HTML algorithm will really hold open is only estimated, always upwards.
    """

    def __init__(self, text: str, *, bare: bool = False) -> None:
        self._text, self._bare = text, bare
        self._open: list[str] = []
        self._formatting: Counter[str] = Counter()
        self._raw = 0
        self.reopened = 0

    def pieces(self) -> Iterator[str]:
        """The text with its permitted tags; a `<` that opens no tag comes out escaped."""
        at = 0
        while (found := _TOKEN.search(self._text, at)) is not None:
            yield self._text[at : found.start()].replace("<", "&lt;")
            at = found.end()
            name = (found["name"] or "").lower()
            if not name:
                continue
            yield self._closing(name) if found["end"] else self._opening(name, found[0])
            if name in _RAW and not found["end"]:
                end = self._end_of_raw(name, at)
                yield self._raw_text(self._text[at:end])
                at = end
        yield self._text[at:].replace("<", "&lt;")

    def _opening(self, name: str, tag: str) -> str:
        self.reopened += self._formatting.total()
        if name in _VOID or name in _RAW:
            return _fewer_attributes(name, tag)
        self._close_implied(name)
        if len(self._open) >= DEEPEST or (self._bare and name in _FORMATTING):
            return " "
        self._open.append(name)
        if name in _FORMATTING:
            self._formatting[name] += 1
        return _fewer_attributes(name, tag)

    def _close_implied(self, name: str) -> None:
        """Forget the open elements that this opening tag closes."""
        if name in _BLOCKS:
            self._close_outermost(_PARAGRAPH, _STOPS)
        if name in _IMPLIED:
            self._close_outermost(*_IMPLIED[name])

    def _close_outermost(self, closed: frozenset[str], stops: frozenset[str]) -> None:
        outermost = len(self._open)
        for at in range(len(self._open) - 1, max(-1, len(self._open) - 1 - _DEEP_LOOK), -1):
            if self._open[at] in closed:
                outermost = at
            elif self._open[at] in stops:
                break
        del self._open[outermost:]

    def _closing(self, name: str) -> str:
        if self._formatting[name]:
            self._formatting[name] -= 1
        if name in _RAW:
            return f"</{name}>"
        if name not in self._open:  # at most DEEPEST steps
            return "</p>" if name == "p" else " "
        while self._open.pop() != name:
            pass
        return f"</{name}>"

    def _end_of_raw(self, name: str, at: int) -> int:
        if name == "plaintext":
            return len(self._text)
        found = _END_OF_RAW[name].search(self._text, at)
        return found.start() if found else len(self._text)

    def _raw_text(self, text: str) -> str:
        """Scripts and the like. Within <svg> their content is markup after all, so it is rationed."""
        self._raw += text.count("<")
        if self._raw > MOST_RAW_TAGS or _FORMATTED.search(text):
            return text.replace("<", "&lt;")
        return text


def _fewer_attributes(name: str, tag: str) -> str:
    if len(tag) <= 4 * MOST_ATTRIBUTES:
        return tag
    kept = []
    for found in _ATTRIBUTES.finditer(tag, len(name) + 1):
        kept.append(found[0])
        if len(kept) == MOST_ATTRIBUTES:
            break
    return f"<{name} {' '.join(kept)}>"
