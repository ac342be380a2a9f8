"""Where the next page of a listing is: as marked, else by the numbers that its links carry. Pure.

Many programs mark nothing but write ?page=2, ?start=20 or /page/2/. Of the links that
differ from the page itself in that number alone, the next higher one is the next page.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from watchers.reading.links import absolute

_MARKED = (
    "link[rel~=next][href], a[rel~=next][href]",
    "a.next[href], .next > a[href], a.nxt[href], .pagination-next > a[href], .nav-older > a[href]",
)
_MOST_LINKS = 5_000
_OF_PAGES = re.compile(r"page(?:_?n(?:o|um|umber))?|paged|pg|pn|seite|hal|trang", re.IGNORECASE)
_OF_POSTS = re.compile(r"start|offset|skip|from|st", re.IGNORECASE)
_IN_PATH = re.compile(r"/page[/-]?(\d{1,6})/?$|/index_?(\d{1,6})\.html?$", re.IGNORECASE)
_FRONT = re.compile(r"/index\.(?:html?|php|aspx?)$", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}")

Place = tuple[str, str, tuple[tuple[str, str], ...]]


def next_page(tree: LexborHTMLParser, base: str, here: str) -> str:
    """The address of the page after `here`, or "". base: what links are relative to."""
    for css in _MARKED:
        node: LexborNode | None = tree.css_first(css)
        if node is not None:
            return absolute(base, node.attributes.get("href") or "")
    return _by_number(tree, base, here)


def _by_number(tree: LexborHTMLParser, base: str, here: str) -> str:
    place, own = _numbered(here)
    found: dict[int, str] = {}
    for node in tree.css("a[href]")[:_MOST_LINKS]:
        url = absolute(base, (node.attributes.get("href") or "").strip())
        if not url:
            continue
        there, number = _numbered(url)
        if there == place and number is not None:
            found.setdefault(number, url)
    # Without a number this is the first page, which is 1 unless the site counts from 0.
    at = own if own is not None else min(1, *found) if found else 1
    later = [number for number in found if number > at]
    return found[min(later)] if later else ""


def _numbered(url: str) -> tuple[Place, int | None]:
    """What an address has beside its page number, and that number."""
    parts = urlsplit(url)
    number: int | None = None
    rest = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True) if parts.query.count("&") < 100 else ():
        if (
            number is None
            and _NUMBER.fullmatch(value)
            and (_OF_PAGES.fullmatch(name) or _OF_POSTS.fullmatch(name))
        ):
            number = int(value)
        else:
            rest.append((name, value))
    path = parts.path
    if number is None and (found := _IN_PATH.search(path)):
        number, path = int(found[1] or found[2]), path[: found.start()]
    path = _FRONT.sub("", path).rstrip("/")
    return (parts.netloc.lower(), path, tuple(sorted(rest))), number
