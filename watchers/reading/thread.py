"""Pages that show several posts in full: the answers of a topic, a board without own pages.

Each post stands in an element that carries its number (id="post-12", data-post-id). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from watchers.reading.text import text_of
from watchers.reading.zones import within

MOST_ENTRIES = 300
_NUMBERED = re.compile(
    r"(?:(?:js-)?(?:post|p|pid|msg|message|comment|c|reply|entry|floor|elPost|article|item|ad|topic|thing|t3)[-_]?)+(\d{1,12})",
    re.IGNORECASE,
)
NUMBERED_BY = (
    "data-post-id",
    "data-pid",
    "data-id",
    "data-comment-id",
    "data-message-id",
    "data-item-id",
    "data-ad-id",
    "data-topic-id",
)
"""Attributes that carry a post's number, beside `id`."""
_LEAST_TEXT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A numbered element: its number, the element, what its text is."""

    number: str
    mark: str
    node: LexborNode


def entries(tree: LexborHTMLParser, noisy: frozenset[int]) -> tuple[Entry, ...]:
    """The numbered posts of a page in order, the outermost element of each, each number once."""
    known: dict[int, bool] = {}
    found: dict[str, Entry] = {}
    inside: set[int] = set()
    for node in tree.css(", ".join(("[id]", *(f"[{name}]" for name in NUMBERED_BY))))[:20_000]:
        mark = _mark(node)
        number = _number(mark)
        if (
            not number
            or number in found
            or node.tag in ("a", "span", "input", "form", "img", "button", "option")
        ):
            continue
        if _below(node, inside) or within(node, noisy, known):
            continue
        if len(text_of(node)) >= _LEAST_TEXT:
            found[number] = Entry(number=number, mark=mark, node=node)
            inside.add(node.mem_id)
        if len(found) >= MOST_ENTRIES:
            break
    return tuple(_of_one_kind(list(found.values())))


def _mark(node: LexborNode) -> str:
    attributes = node.attributes
    for name in ("id", *NUMBERED_BY, "data-content"):
        value = (attributes.get(name) or "").strip()
        if value and (
            _NUMBERED.fullmatch(value)
            or (name in NUMBERED_BY and re.fullmatch(r"\d{1,18}|[0-9a-f-]{8,40}", value))
        ):
            return value
    return ""


def _number(mark: str) -> str:
    found = _NUMBERED.fullmatch(mark)
    return found[1] if found else mark


def _below(node: LexborNode, ids: set[int]) -> bool:
    above = node.parent
    while above is not None:
        if above.mem_id in ids:
            return True
        above = above.parent
    return False


def _of_one_kind(found: Sequence[Entry]) -> list[Entry]:
    """Only elements with the commonest tag and way of numbering: one page numbers many things."""
    kinds = [(entry.node.tag, re.sub(r"\d+", "", entry.mark)) for entry in found]
    if not kinds:
        return []
    usual = max(dict.fromkeys(kinds), key=kinds.count)
    return [entry for entry, kind in zip(found, kinds, strict=True) if kind == usual]
