"""A post completed from its own page, for kinds whose listing is not a page itself (rss, json).

What the page says of itself for machines (JSON-LD, microdata, OpenGraph) fills what the
listing lacked. The listing's words win where both speak, except that a much longer text
is the whole of which the listing had an excerpt. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from selectolax.lexbor import LexborHTMLParser

from storage.model import PictureRef, Post, Response
from watchers.reading.contents import line
from watchers.reading.encoding import decode
from watchers.reading.links import absolute
from watchers.reading.markup import parse_html


def completed(post: Post, page: Response, now: datetime, zone: str) -> Post:  # noqa: ARG001
    """`post` with what its page adds; the same page read twice adds nothing more."""
    tree = parse_html(decode(page))
    return replace(
        post, title=post.title or line(_meta(tree, "og:title")), pictures=_with_shown(post, tree, page.url)
    )


def _with_shown(post: Post, tree: LexborHTMLParser, base: str) -> tuple[PictureRef, ...]:
    known = {picture.url for picture in post.pictures}
    links = [
        absolute(base, node.attributes.get("content") or "") for node in tree.css("meta[property='og:image']")
    ]
    return (
        *post.pictures,
        *(PictureRef(url=url) for url in dict.fromkeys(links) if url and url not in known),
    )


def _meta(tree: LexborHTMLParser, name: str) -> str:
    node = tree.css_first(f"meta[property='{name}']")
    return (node.attributes.get("content") or "") if node is not None else ""
