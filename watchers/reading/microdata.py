"""Microdata and OpenGraph of a page, in the JSON form of the W3C note.

Microdata: https://www.w3.org/TR/microdata/#json, with the usual leniency (a `content`
attribute counts on any element, an image may be lazy). OpenGraph: https://ogp.me/.
Pure; linear in the page; never raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from watchers.reading.laid_out import laid_out

MOST_ITEMS = 5_000
"""Elements with itemprop or itemscope that are read of one page."""
_LONGEST_TEXT = 50_000
_DEEPEST_ITEM = 40

Item = dict[str, Any]

_SOURCES = {
    **dict.fromkeys(
        ("audio", "embed", "iframe", "img", "source", "track", "video"), ("src", "data-src", "content")
    ),
    **dict.fromkeys(("a", "area", "link"), ("href", "content")),
    "object": ("data",),
}


@dataclass(slots=True)
class _Page:
    """What is known of the elements while items are put together. strict: lists and types always as lists."""

    base: str
    strict: bool
    owners: dict[int, list[LexborNode]] = field(default_factory=dict)
    by_id: dict[str, LexborNode] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    chars: int = 0


def microdata(tree: LexborHTMLParser, base: str = "", *, strict: bool = False) -> list[Item]:
    """The items of the page in order, nested ones inside their owners.

    strict: as the W3C writes it, every property a list; else a single value stands alone.
    """
    scopes = tree.css("[itemscope]")[:MOST_ITEMS]
    if not scopes:
        return []
    page = _Page(base=base, strict=strict)
    for node in tree.css("[itemprop]")[:MOST_ITEMS]:
        page.owners.setdefault(_scope_of(node), []).append(node)
    if any("itemref" in node.attributes for node in scopes):
        page.by_id = {n.attributes.get("id") or "": n for n in reversed(tree.css("[id]")[: 4 * MOST_ITEMS])}
    return [_item(node, page, 0) for node in scopes if node.mem_id not in page.seen]


def _scope_of(node: LexborNode) -> int:
    """Which item a property belongs to: the nearest itemscope above it; 0 without."""
    above = node.parent
    while above is not None:
        if "itemscope" in above.attributes:
            return above.mem_id
        above = above.parent
    return 0


def _item(node: LexborNode, page: _Page, depth: int) -> Item:
    page.seen.add(node.mem_id)
    item: Item = {}
    types = (node.attributes.get("itemtype") or "").split()
    if types:
        item["type"] = types[0] if len(types) == 1 and not page.strict else types
        if node.attributes.get("itemid"):
            item["id"] = (node.attributes.get("itemid") or "").strip()
    properties: dict[str, list[object]] = {}
    for prop in [*page.owners.get(node.mem_id, ()), *_referred(node, page)]:
        value = _value(prop, page, depth)
        for name in (prop.attributes.get("itemprop") or "").split():
            properties.setdefault(name, []).append(value)
    if properties:
        item["properties"] = {
            k: v[0] if len(v) == 1 and not page.strict else v for k, v in properties.items()
        }
    else:
        item["value"] = _plain_value(node, page)
    return item


def _referred(node: LexborNode, page: _Page) -> list[LexborNode]:
    """Properties that stand elsewhere and are named by itemref."""
    found: list[LexborNode] = []
    for ref in (node.attributes.get("itemref") or "").split()[:100]:
        there = page.by_id.get(ref)
        if there is None:
            continue
        if "itemprop" in there.attributes and "itemscope" in there.attributes:
            found.append(there)
            continue
        scope = there.mem_id if "itemscope" in there.attributes else _scope_of(there)
        inside = {n.mem_id for n in there.css("[itemprop]")}
        found += [n for n in page.owners.get(scope, ()) if n.mem_id in inside]
    return found[:MOST_ITEMS]


def _value(node: LexborNode, page: _Page, depth: int) -> object:
    if "itemscope" in node.attributes:
        # An item that refers to itself, or to one above it, would never end.
        if node.mem_id in page.seen or depth >= _DEEPEST_ITEM:
            return None
        return _item(node, page, depth + 1)
    return _plain_value(node, page)


def _plain_value(node: LexborNode, page: _Page) -> object:
    tag, attributes = node.tag or "", node.attributes
    if tag == "meta":
        return attributes.get("content") or ""
    if tag in _SOURCES:
        link = next((v for name in _SOURCES[tag] if (v := (attributes.get(name) or "").strip())), "")
        return _joined(page.base, link)
    if tag in ("data", "meter"):
        return attributes.get("value") or ""
    if tag == "time" and attributes.get("datetime"):
        return attributes.get("datetime")
    if attributes.get("content"):
        return attributes.get("content")
    return _action(node) or ("" if tag == "time" and "datetime" in attributes else _text(node, page))


def _joined(base: str, link: str) -> str:
    """`link` against `base`, whatever its scheme: here the page's own words count."""
    try:
        return urljoin(base, link)
    except ValueError:
        return link


def _action(node: LexborNode) -> Item | None:
    """https://schema.org/docs/actions.html#part-4: what an action asks for."""
    name = node.attributes.get("itemprop") or ""
    if not name.endswith(("-input", "-output")):
        return None
    result: Item = {}
    if "required" in node.attributes:
        result["valueRequired"] = True
    if node.attributes.get("name"):
        result["valueName"] = node.attributes.get("name")
    return result


def _text(node: LexborNode, page: _Page) -> str:
    # Properties nest, so that the text of one page could be read many times over.
    if page.chars > 20 * _LONGEST_TEXT:
        return ""
    text = laid_out(node, _LONGEST_TEXT)
    page.chars += len(text)
    return text


# --- OpenGraph ---------------------------------------------------------------------

_NAMESPACES = {
    "og": "http://ogp.me/ns#",
    **{
        name: f"http://ogp.me/ns/{name}#"
        for name in ("music", "video", "article", "book", "profile", "product")
    },
}
_PREFIX = re.compile(r"(\w+):\s*+([^\s]+)")
_LONGEST_PREFIX = 4_000
_MOST_METAS = 1_000


def open_graph(tree: LexborHTMLParser) -> list[Item]:
    """The OpenGraph object of the page: its namespaces and its properties in order; [] without."""
    namespaces = dict(_declared(tree))
    found: list[tuple[str, str]] = []
    for meta in tree.css("meta[property][content]")[:_MOST_METAS]:
        name, content = meta.attributes.get("property") or "", meta.attributes.get("content") or ""
        prefix = name.partition(":")[0]
        if prefix in _NAMESPACES:
            namespaces[prefix] = _NAMESPACES[prefix]
        if prefix in namespaces:
            found.append((name, content))
    return [{"namespace": namespaces, "properties": found}] if found else []


def _declared(tree: LexborHTMLParser) -> list[tuple[str, str]]:
    """The RDFa prefixes of <html> and <head>. `xmlns:name` of older pages is not one (RDFa 1.1, 2.1)."""
    nodes = [node for node in (tree.css_first("html"), tree.head) if node is not None]
    declared = [(node.attributes.get("prefix") or "")[:_LONGEST_PREFIX] for node in nodes]
    return [pair for text in declared for pair in _PREFIX.findall(text)]
