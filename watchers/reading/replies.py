"""Whether the numbered elements of a page are posts of a topic or what readers wrote below an article.

Answers are no part of an article: not its text, no picture of it, no edit. A topic's first
post is numbered like its answers; an article stands above them, in whatever a theme calls
its content, or in nothing with a name at all. Pure.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from selectolax.lexbor import LexborHTMLParser, LexborNode

from watchers.reading.links import PERSON_PATH
from watchers.reading.ornaments import is_ornament
from watchers.reading.text import text_of
from watchers.reading.thread import NUMBERED_BY, Entry
from watchers.reading.zones import within

# Where blogs and magazines put an article; below it readers comment.
LEADS = (
    "[itemprop=articleBody]", ".entry-content", ".post-content", ".gh-content", ".article-content",
    ".article__body", ".article-body", ".post__content", ".e-content",
)  # fmt: skip
_SECTIONS = (
    "#comments, #comment-list, #commentlist, #comments-section, #respond, #responses, #disqus_thread, "
    "#isso-thread, .comments, .comments-area, .comments-section, .comment-section, .commentlist, "
    ".comment-list, .comment-respond, .reviews"
)
_SIGNED = re.compile(
    r"(?:^|[\s_-])(?:author|byline|posted-?by|(?:post|entry|article)-?_?meta)(?=$|[\s_-])", re.IGNORECASE
)
_COMMENT = re.compile(r"comment", re.IGNORECASE)
_SAYING = "p, pre, li, blockquote, div, section, article, dd, td"
_NOT_SAID = ("form", "nav", "h1", "h2", "h3", "h4", "h5", "h6", "header", "a", "button", "ul")
_LEAST_SAID = 20
"""Characters outside links that an article above comments has at least, unless it has a picture."""
_MOST_NODES = 20_000
_MOST_BEFORE = 500


def answered(
    tree: LexborHTMLParser, entries: Sequence[Entry], noisy: frozenset[int]
) -> tuple[frozenset[int], bool]:
    """`mem_id`s of the parts in which readers answer an article, and whether `entries` are such answers."""
    sections = _sections(tree, noisy)
    first = entries[0].node if entries else None
    if first is not None and _stands_above(tree, first, noisy):
        return _ids(sections) | _ids(entry.node for entry in entries), True
    comments = first is None or bool(_COMMENT.search(entries[0].mark))
    top = sections[0] if sections else first
    above = _above(tree, top, noisy) if comments and top is not None else []
    if _anything_said(tree, above) and _is_signed(above) and not _is_first_post(tree, first, above):
        return _ids(sections) | _ids(entry.node for entry in entries), True
    return frozenset(), False


def _ids(nodes: Iterable[LexborNode]) -> frozenset[int]:
    return frozenset(node.mem_id for node in nodes)


def _sections(tree: LexborHTMLParser, noisy: frozenset[int]) -> list[LexborNode]:
    """The parts of a page that are for readers' words, none of which holds the article itself."""
    found = tree.css(_SECTIONS)[:50]
    return [
        node
        for node in found
        if node.css_first(f"h1, main, {', '.join(LEADS)}") is None and not within(node, noisy, {})
    ]


def _stands_above(tree: LexborHTMLParser, first: LexborNode, noisy: frozenset[int]) -> bool:
    """Whether a named article with words stands before the first numbered element."""
    leads = {node.mem_id for node in tree.css(", ".join(LEADS))[:100]}
    numbered = (*LEADS, "[id]", *(f"[{name}]" for name in NUMBERED_BY))
    for node in tree.css(", ".join(numbered))[:_MOST_NODES] if leads else ():
        if node.mem_id == first.mem_id:
            break
        if node.mem_id in leads and not within(node, noisy, {}) and not _holds(node, first):
            return bool(text_of(node))
    return False


def _above(tree: LexborHTMLParser, top: LexborNode, noisy: frozenset[int]) -> list[LexborNode]:
    """What stands between the page's heading and the readers' part."""
    known: dict[int, bool] = {}
    before: deque[LexborNode] = deque(maxlen=_MOST_BEFORE)
    for node in tree.css(f"h1, img, a[href], {_SAYING}, [id], [class]")[:_MOST_NODES]:
        if node.mem_id == top.mem_id:
            break
        if node.tag == "h1":
            before.clear()
        before.append(node)
    around = _ids(_around(top))
    return [node for node in before if node.mem_id not in around and not within(node, noisy, known)]


def _is_signed(above: Sequence[LexborNode]) -> bool:
    """Whether somebody is named above the readers' part: a hint of the site's own has no author."""
    return bool(_people(above)) or any(
        _SIGNED.search((node.attributes.get("class") or "")[:300]) for node in above
    )


def _is_first_post(tree: LexborHTMLParser, first: LexborNode | None, above: Sequence[LexborNode]) -> bool:
    """Whether the first numbered element is a topic's own, by who began it or by the page's description."""
    if first is None:
        return False
    told = tree.css_first("meta[name=description], meta[property='og:description']")
    begin = " ".join(((told.attributes.get("content") or "") if told is not None else "").split())[:40]
    if len(begin) >= _LEAST_SAID and begin in " ".join(text_of(first).split()):
        return True
    return bool(_people(above) & _people(first.css("a[href]")[:50]))


def _people(nodes: Iterable[LexborNode]) -> set[str]:
    """Addresses of people's pages among links."""
    found = {(node.attributes.get("href") or "")[:500] for node in nodes if node.tag == "a"}
    return {href for href in found if PERSON_PATH.search(href)}


def _says(node: LexborNode) -> bool:
    """Whether an element itself says something, or shows a picture that is no ornament."""
    if node.tag == "img":
        address = node.attributes.get("src") or node.attributes.get("data-src") or ""
        return bool(address) and not is_ornament(node, address)
    if node.tag in _NOT_SAID:
        return False
    own = (child.text_content or "" for child in node.iter(include_text=True) if child.tag == "-text")
    return sum(len(text.strip()) for text in own) >= _LEAST_SAID


def _anything_said(tree: LexborHTMLParser, above: Sequence[LexborNode]) -> bool:
    """Whether anything is said or shown there but what a form asks."""
    forms = _ids(tree.css("form"))
    known: dict[int, bool] = {}
    return any(_says(node) and (node.tag == "img" or not within(node, forms, known)) for node in above)


def _around(node: LexborNode) -> Iterator[LexborNode]:
    """A node and all in which it stands."""
    at: LexborNode | None = node
    while at is not None:
        yield at
        at = at.parent


def _holds(node: LexborNode, inner: LexborNode) -> bool:
    return any(at.mem_id == node.mem_id for at in _around(inner))
