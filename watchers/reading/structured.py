"""What a page says of itself for machines: JSON-LD, microdata and OpenGraph.

Reads only; what the things mean for a post is told in `things`. Neither extruct nor
rdflib is needed, so a daemon starts without them. Pure; linear; never raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from watchers.reading.jsonld import Thing, json_ld
from watchers.reading.markup import parse_html
from watchers.reading.microdata import Item, microdata, open_graph

__all__ = ["Structured", "structured", "structured_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Structured:
    """The three syntaxes, each as a tuple of objects in page order.

    json_ld: as written. microdata: {"type", "id", "properties"} or {"value"}, single
    values not wrapped in lists. open_graph: at most one {"namespace", "properties"}.
    """

    json_ld: tuple[Thing, ...] = ()
    microdata: tuple[Item, ...] = ()
    open_graph: tuple[Item, ...] = ()


def structured(text: str, base_url: str = "") -> Structured:
    """The structured data of a page given as text; `base_url` completes relative links."""
    return structured_of(parse_html(text), base_url)


def structured_of(tree: LexborHTMLParser, base_url: str = "") -> Structured:
    """As `structured`, of a page that is parsed already."""
    return Structured(
        json_ld=tuple(json_ld(tree)),
        microdata=tuple(microdata(tree, base_url)),
        open_graph=tuple(open_graph(tree)),
    )
