"""The text of a page whose theme names nothing: where it stands most densely, without what is set beside it.

After Readability (arc90): words outside links count for the element they stand in, less for
those around it. What a form asks, who wrote and when, marks given and counts are not the
post's words: they change although nobody edits it. Pure; linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from watchers.reading.markup import names
from watchers.reading.text import text_of
from watchers.reading.zones import within

_PARAGRAPHS = "p, td, pre, li, blockquote, div, section, dd, center, font"
_MOST_BLOCKS = 20_000
_LONG_ENOUGH = 20
_BESIDE = names("meta postmeta byline rating ratings vote votes share sharing dateline timestamp")
_RUNNING = names("p blockquote pre")
_BETWEEN = names("br img figure")
_MOST_RUN = 500
_MOST_WRAPS = 20
"""Forms and marks in one another around more than half of the words."""
_NONE: frozenset[int] = frozenset()
_PART = re.compile(r"[a-z]+", re.IGNORECASE)
_COUNT = re.compile(
    r"\W{0,5}\d{1,9}\s{0,3}(?:comments?|repl(?:y|ies)|answers?|views?|条?评论|條?評論|回复|回覆)\W{0,5}",
    re.IGNORECASE,
)


def densest(tree: LexborHTMLParser, noisy: frozenset[int]) -> LexborNode | None:
    """The element with the most text outside links and noise, else the body."""
    scores: dict[int, float] = {}
    nodes: dict[int, LexborNode] = {}
    known: dict[int, bool] = {}
    for node in tree.css(_PARAGRAPHS)[:_MOST_BLOCKS]:
        length = _own_length(node)
        if length < _LONG_ENOUGH or within(node, noisy, known):
            continue
        for above, share in (
            (node, 1.0),
            (node.parent, 0.9),
            (node.parent.parent if node.parent else None, 0.4),
        ):
            if above is not None and above.tag not in ("html", "-document", None):
                scores[above.mem_id] = scores.get(above.mem_id, 0.0) + share * length
                nodes[above.mem_id] = above
    return nodes[max(scores, key=lambda k: scores[k])] if scores else tree.body


def dense_text(tree: LexborHTMLParser, noisy: frozenset[int]) -> str:
    """The words of the densest element without noise, forms, bylines, marks and counts.

    Of paragraphs one after another all are taken: a short one may be the seller's address.
    """
    node = densest(tree, noisy)
    run = [] if node is None else [node] if node.tag not in _RUNNING else _run(node)
    said = [text_of(one, without=noisy | frozenset(_beside(one))) for one in run if one.mem_id not in noisy]
    lines = [line for text in said for line in text.splitlines() if not _COUNT.fullmatch(line[:60])]
    return "\n".join(lines).strip()


def _run(node: LexborNode) -> list[LexborNode]:
    """The paragraphs that stand before and behind a paragraph with nothing else between, itself included."""
    before = list(_going(node, lambda at: at.prev))
    return [*before[::-1], node, *_going(node, lambda at: at.next)]


def _going(node: LexborNode, step: Callable[[LexborNode], LexborNode | None]) -> Iterator[LexborNode]:
    """The paragraphs on one side of a node, the nearest first, up to anything else."""
    at = step(node)
    for _ in range(_MOST_RUN):
        if at is None or not _runs_on(at):
            return
        if at.tag in _RUNNING and not _is_beside(at):
            yield at
        at = step(at)


def _runs_on(node: LexborNode) -> bool:
    """Whether a run of paragraphs goes on over a node: a paragraph, a break, a picture, white space."""
    if node.tag == "-text":
        return not (node.text_content or "").strip()
    return (node.tag or "") in _RUNNING | _BETWEEN or (node.tag or "").startswith("-")


def _beside(node: LexborNode) -> Iterator[int]:
    """`mem_id`s of what stands within an element but is not its words.

    What stands in one of them is not looked at, and few that are too large are weighed: elements of a
    hostile page stand thousands deep in one another, and each weighing reads all that is in one.
    """
    long, wraps = len(text_of(node)), 0
    known: dict[int, bool] = {}
    for one in node.css("form, label, button, [class]")[:_MOST_BLOCKS]:
        asked = one.tag in ("form", "label", "button") or _is_beside(one)
        if one.mem_id == node.mem_id or not asked or within(one, _NONE, known):
            continue
        # Some programs wrap whole pages in one form, and themes whole posts in one mark.
        if 2 * len(text_of(one)) < long:
            known[one.mem_id] = True
            yield one.mem_id
        elif (wraps := wraps + 1) == _MOST_WRAPS:
            return


def _is_beside(node: LexborNode) -> bool:
    for word in (node.attributes.get("class") or "")[:300].lower().split():
        parts = _PART.findall(word)
        if parts and (parts[-1] in _BESIDE or parts[0] in _BESIDE):
            return True
    return False


def _own_length(node: LexborNode) -> int:
    """Characters of text directly in a node, outside links."""
    return sum(
        len((child.text_content or "").strip())
        for child in node.iter(include_text=True)
        if child.tag == "-text"
    )
