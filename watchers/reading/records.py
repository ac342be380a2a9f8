"""The part of a page that belongs to each post of a listing: its record.

A record is the highest element around a post's links that holds no other post's link,
with the rows below it where a post takes several (title row, details row). Pure; linear.
"""

from __future__ import annotations

from collections.abc import Sequence

from selectolax.lexbor import LexborNode

from watchers.reading.columns import Link
from watchers.reading.markup import names

_ROWS = names("tr tbody dt dd li p div ul ol section blockquote table font h2 h3 h4 h5 h6 span time")
_LONE = names("article li tr tbody dl section")
_MOST_ROWS = 4
_SHARED = ""
"""Owner of an element that holds links of several posts."""


def records(links: Sequence[Link], noisy: frozenset[int]) -> dict[str, list[LexborNode]]:
    """For every post id the elements that are about it, in page order."""
    owners = _owners(links)
    alone = len({link.key for link in links}) == 1
    found: dict[str, dict[int, LexborNode]] = {}
    for link in links:
        node = _highest(link, owners, alone=alone)
        found.setdefault(link.key, {})[node.mem_id] = node
    taken = {mem_id for nodes in found.values() for mem_id in nodes}
    return _evened(
        {key: _with_rows(list(nodes.values()), owners, noisy, taken) for key, nodes in found.items()}
    )


def _with_rows(
    nodes: list[LexborNode], owners: dict[int, str], noisy: frozenset[int], taken: set[int]
) -> list[LexborNode]:
    return [row for node in nodes for row in (node, *_rows_below(node, owners, noisy, taken))]


def _owners(links: Sequence[Link]) -> dict[int, str]:
    """For every element above a link the post it is of, or _SHARED."""
    owners: dict[int, str] = {}
    for link in links:
        node: LexborNode | None = link.node
        while node is not None:
            held = owners.get(node.mem_id)
            if held == _SHARED:
                break  # all above are shared too
            owners[node.mem_id] = link.key if held in (None, link.key) else _SHARED
            node = node.parent
    return owners


def _highest(link: Link, owners: dict[int, str], *, alone: bool) -> LexborNode:
    node = link.node
    while (above := node.parent) is not None and owners.get(above.mem_id) == link.key:
        if above.tag in ("body", "html", "main", "-undef", None) or (alone and node.tag in _LONE):
            break
        node = above
    return node


def _rows_below(
    node: LexborNode, owners: dict[int, str], noisy: frozenset[int], taken: set[int]
) -> list[LexborNode]:
    """Siblings after a record that belong to no other one."""
    above = node.parent
    if above is None or owners.get(above.mem_id) != _SHARED:
        return []
    rows: list[LexborNode] = []
    at = node.next
    while at is not None and len(rows) < _MOST_ROWS:
        tag = at.tag or ""
        if at.mem_id in taken or owners.get(at.mem_id) is not None or at.mem_id in noisy:
            break
        if tag in _ROWS:
            rows.append(at)
        elif not tag.startswith("-") and tag not in ("br", "hr", "img", "a"):
            break
        at = at.next
    return rows


def _evened(rows: dict[str, list[LexborNode]]) -> dict[str, list[LexborNode]]:
    """No record longer than the commonest length: below the last one stands what ends the list."""
    lengths = sorted(len(one) for one in rows.values())
    usual = max(set(lengths), key=lambda n: (lengths.count(n), -n)) if lengths else 1
    return {key: one[:usual] for key, one in rows.items()}
