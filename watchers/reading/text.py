"""What a person reads of HTML and of plain text: lines, white space folded, nothing unprintable. Pure."""

from __future__ import annotations

import html

from selectolax.lexbor import LexborNode

from watchers.reading.markup import names, parse_html

LONGEST_TEXT = 200_000
"""Characters kept of one text."""

_BLOCKS = names(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hr legend li main nav ol option p pre section summary "
    "table tbody tfoot thead tr ul"
)
_SILENT = names("script style template noscript head iframe")
_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])


def plain(markup: str) -> str:
    """What a reader sees of HTML: lines of text, white space folded, no scripts. Never raises."""
    if "<" not in markup:
        return " ".join(clean(html.unescape(markup)).split())[:LONGEST_TEXT]
    return text_of(parse_html(markup).body)


def tidy(text: str) -> str:
    """Plain text with its lines kept, white space within them folded, blank lines single."""
    return _joined([" ".join(line.split()) for line in clean(text[: 2 * LONGEST_TEXT]).splitlines()])


def clean(text: str) -> str:
    """`text` without control characters and lone surrogates, so that it can be stored."""
    if text.isprintable():
        return text
    text = text.translate(_CONTROL)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def text_of(node: LexborNode | None, *, without: frozenset[int] = frozenset()) -> str:
    """The text of a node as a reader sees it. `without`: `mem_id`s of nodes to leave out."""
    page = _Lines()
    if node is not None:
        page.read(node, without)
    return page.text()


class _Lines:
    """Collects the words of a tree line by line, without recursion."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._inked = False
        self._kept = 0
        self._pre = 0

    def read(self, top: LexborNode, without: frozenset[int]) -> None:
        node: LexborNode | None = top
        while node is not None and self._kept < LONGEST_TEXT:
            deeper = None
            if node.mem_id not in without:
                deeper = self._enter(node)
            if deeper is not None:
                node = deeper
                continue
            while node is not None and node.mem_id != top.mem_id and node.next is None:
                node = node.parent
                self._leave(node)
            node = None if node is None or node.mem_id == top.mem_id else node.next

    def text(self) -> str:
        """The lines so far, outer blank ones cut."""
        self._break()
        return _joined(self._lines)

    def _enter(self, node: LexborNode) -> LexborNode | None:
        tag = node.tag or ""
        if tag == "-text":
            self._add(node.text_content or "")
            return None
        if tag == "br":
            self._break()
        elif tag == "img":
            self._add(_emoji(node))
        if tag in _BLOCKS:
            self._end_line()
            self._pre += tag == "pre"
        if tag in _SILENT or tag.startswith(("-", "!")):
            return None
        child = node.first_child
        if child is None:
            self._leave(node)
        return child

    def _leave(self, node: LexborNode | None) -> None:
        tag = (node.tag if node is not None else "") or ""
        if tag in _BLOCKS:
            self._end_line()
            self._pre -= tag == "pre"
        elif tag in {"td", "th"}:
            self._add(" ")

    def _add(self, words: str) -> None:
        self._kept += len(words)
        first, *more = words.split("\n") if self._pre else (words,)
        self._append(first)
        for line in more:
            self._break()
            self._append(line)

    def _append(self, words: str) -> None:
        self._line.append(words)
        self._inked = self._inked or bool(words.strip())

    def _end_line(self) -> None:
        if self._inked:
            self._break()
        self._line = []

    def _break(self) -> None:
        self._lines.append(" ".join("".join(self._line).split()))
        self._line, self._inked = [], False


def _emoji(image: LexborNode) -> str:
    """The character behind an emoji drawn as a picture (WordPress, Discourse, phpBB)."""
    attributes = image.attributes
    kind = f"{attributes.get('class') or ''}"
    alt = attributes.get("alt") or ""
    return alt if "emoji" in kind or "smil" in kind else ""


def _joined(lines: list[str]) -> str:
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return clean("\n".join(kept)).strip()[:LONGEST_TEXT]
