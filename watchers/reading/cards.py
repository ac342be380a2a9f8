"""The posts of a listing page that says nothing about its structure: repeated cards.

Among all columns of alike links the one that looks like the posts' is chosen; every
element around its links becomes a record, and the record gives the fields. Works on
lists, tables and grids alike, since only repetition and words are used. Pure; linear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from storage.model import Post
from watchers.reading.columns import (
    Column,
    Link,
    Surroundings,
    alike,
    columns,
    is_generic,
    is_titled,
    links_of,
    shape,
    weigh,
)
from watchers.reading.facts import Facts, Page, facts_of
from watchers.reading.links import tidy_url
from watchers.reading.pictures import pictures_in, together
from watchers.reading.prices import price_in
from watchers.reading.records import records
from watchers.reading.text import text_of
from watchers.reading.zones import noise

MOST_POSTS = 300
CONVINCING = 1.9
"""Score of a column below which it is not taken for posts."""
_CANDIDATES = 10
_SAMPLED = 12
_KIN = 0.55
_TIME = re.compile(
    r"\d\s*(?:min|hour|day|week|month|sec|h\b|d\b|秒|分|小时|小時|天|日)|\d{1,4}[-/.年]\d{1,2}[-/.月]\d|昨天|今天|yesterday|today|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d",
    re.IGNORECASE,
)
_TITLE_INSIDE = "h1, h2, h3, h4, h5, h6, [class*=title], [class*=Title], [itemprop=name], [class*=subject]"
_BLOCKS_INSIDE = f"{_TITLE_INSIDE}, div, p, img, picture, ul, dl, table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """Posts in page order and how convincing the choice was (0: none found)."""

    posts: tuple[Post, ...] = ()
    score: float = 0.0


def cards(tree: LexborHTMLParser, page: Page, home: str, *, noisy: frozenset[int] | None = None) -> Cards:
    """The posts of a page by its repeated structure. home: the page's own address."""
    silent = noise(tree) if noisy is None else noisy
    links = links_of(tree, page.base, home, silent, {})
    best, kin = _chosen(links, silent)
    if best is None or best.score < CONVINCING:
        return Cards(score=best.score if best is not None else 0.0)
    keys = {key for column in (best, *kin) for key in column.keys[:MOST_POSTS]}
    mine = [link for link in links if link.key in keys]
    titled = {link.node.mem_id for column in (best, *kin) for link in column.links}
    around = records(mine, silent)
    by_key: dict[str, list[Link]] = {}
    for link in mine:
        by_key.setdefault(link.key, []).append(link)
    posts = [
        _post(key, by_key[key], around[key], page, (titled, silent)) for key in list(by_key)[:MOST_POSTS]
    ]
    return Cards(posts=tuple(post for post in posts if post.title or post.pictures), score=best.score)


# --- choosing ---------------------------------------------------------------------------


def _chosen(links: Sequence[Link], noisy: frozenset[int]) -> tuple[Column | None, list[Column]]:
    """The column of the posts, and those that list more of the same elsewhere on the page."""
    candidates = columns(links)[:_CANDIDATES]
    for column in candidates:
        column.score = weigh(column, _surroundings(column, noisy))
    if not candidates:
        return None, []
    best = max(candidates, key=lambda c: (round(c.score, 3), len(c.keys)))
    held, form = set(best.keys), alike(best.keys)
    kin = [
        other
        for other in columns(links)[: 4 * _CANDIDATES]
        if other is not best and held.isdisjoint(other.keys) and _is_kin(other, best, form)
    ]
    return best, kin


def _is_kin(other: Column, best: Column, form: str) -> bool:
    """Whether another column lists posts of the same sort (pinned ones, a second grid)."""
    if alike(other.keys) != form or sum(shape(key) == form for key in other.keys) < len(other.keys):
        return False
    said = [link for link in other.links if not is_generic(link.text)]
    if len(said) < len(other.links) or not said:
        return False
    titled = is_titled(other.links[0]) == is_titled(best.links[0])
    return titled or other.score >= _KIN * best.score


def _surroundings(column: Column, noisy: frozenset[int]) -> Surroundings:
    """What stands beside the links of a column, by the first records of it."""
    around = records(column.links, noisy)
    features: dict[str, frozenset[str]] = {}
    sampled = dict(list(around.items())[:_SAMPLED])
    texts = {link.key: link.text for link in column.links}
    for key, nodes in sampled.items():
        features[key] = frozenset(_features(nodes, texts[key]))
    # The rest of the column is taken to be like its beginning.
    common = [
        name for name in ("price", "time", "picture", "words", "person", "heading") if _most(features, name)
    ]
    features.update({key: frozenset(common) for key in around if key not in features})
    return Surroundings(features)


def _most(features: dict[str, frozenset[str]], name: str) -> bool:
    return sum(name in one for one in features.values()) * 2 > len(features)


def _features(nodes: Sequence[LexborNode], title: str) -> list[str]:
    text = " ".join(" ".join(node.text(separator=" ").split()) for node in nodes)[:3_000]
    rest = text.replace(title, " ", 1)
    found = []
    if price_in(rest):
        found.append("price")
    if _TIME.search(rest) or any(node.css_first("time, [datetime], abbr[title]") for node in nodes):
        found.append("time")
    if any(node.css_first("img, picture, [style*=background]") for node in nodes):
        found.append("picture")
    if any(node.css_first("h1, h2, h3, h4, h5") for node in nodes):
        found.append("heading")
    if len(rest.strip()) >= 25:
        found.append("words")
    if any(node.css_first("[class*=author], [class*=user], [rel=author], [class*=seller]") for node in nodes):
        found.append("person")
    return found


# --- one post ---------------------------------------------------------------------------


def _post(
    key: str,
    links: Sequence[Link],
    nodes: Sequence[LexborNode],
    page: Page,
    marks: tuple[set[int], frozenset[int]],
) -> Post:
    """A post from its links and its record. marks: title links, and parts that do not count."""
    titled, noisy = marks
    lead = max(
        links, key=lambda x: (not is_generic(x.text), x.node.mem_id in titled, is_titled(x), len(x.text) > 2)
    )
    title, title_node = _title(lead)
    facts = facts_of(nodes, title_node, page)
    pictures = together(*(pictures_in(node, page.base, without=noisy - {node.mem_id}) for node in nodes))
    return Post(
        post_id=key,
        url=tidy_url(lead.url),
        title=title if title and not is_generic(title) else _other_title(title, facts),
        text=facts.text if facts.text != title else "",
        seller=facts.seller,
        seller_url=tidy_url(facts.seller_url) if facts.seller_url else "",
        price=facts.price,
        location=facts.location,
        posted_raw=facts.posted_raw,
        posted_at=facts.posted_at,
        pictures=pictures,
    )


def _title(link: Link) -> tuple[str, LexborNode | None]:
    """The title and the element that holds it; a link around a whole card is not that element."""
    if link.node.css_first(_BLOCKS_INSIDE) is None:
        return link.text, link.node
    inside = link.node.css_first(_TITLE_INSIDE)
    if inside is not None and (text := " ".join(text_of(inside).split())):
        return text[:300], inside
    first = next((line for line in text_of(link.node).splitlines() if line.strip()), "")
    return (first or link.text)[:300], None


def _other_title(title: str, facts: Facts) -> str:
    """A title when the link says only "more": the record's heading."""
    return next((text for text in facts.titles if text and not is_generic(text)), title)
