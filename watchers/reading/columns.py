"""Which links of a page lead to its posts: columns of alike links, scored.

Links that stand at the same place of a repeated structure form a column: titles, authors,
last answers, categories. The column of the posts is told by what its links say, by where
they lead, and by what stands around them. Pure; linear in the links.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from watchers.reading.links import absolute, post_id
from watchers.reading.markup import names
from watchers.reading.text import text_of
from watchers.reading.zones import within

MOST_LINKS = 5_000
"""Links of one page that are considered."""

_INLINE = names("b strong span em i u font small mark center big label")
_HEADINGS = names("h1 h2 h3 h4 h5 h6")
_TITLE_WORDS = re.compile(
    r"(?:^|[\s_-]|(?<=[a-z])(?=[A-Z]))(?:title|subject|topic|headline|heading|name|thread|product|entry|permalink|xst|result)s?"
    r"(?=$|[\s_-]|[A-Z]|link)",
    re.IGNORECASE,
)
_POSTLIKE = re.compile(
    r"(?:^|[/?&._-])(?:topics?|threads?|viewtopic|showthread|viewthread|tid|posts?|items?|ads?|adverts?|listings?|offers?|"
    r"products?|catalogue|goods|lots?|articles?|discussions?|annonces?|anzeigen?|anuncios?|d|t|p|dp|itm|detail|view|"
    r"story|entry|info|xinxi|tiezi|thing|classified)(?=[/?&=._-]|\d|$)",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?:^|[/?&;._=-])(?:users?|members?|profile|author|people|u|uid|space|accounts?|sellers?|shops?|stores?|"
    r"categor(?:y|ies)|tags?|tagged|labels?|forums?|forumdisplay|viewforum|boards?|fid|topics?/tag|search|archives?|"
    r"login|signin|register|signup|logout|cart|basket|checkout|wishlist|compare|feed|rss|faq|help|about|contact|terms|privacy|"
    r"add-to-cart|report|reply|share|print|hide|vote|like|from|domain)(?=[/?&;=._-]|$)",
    re.IGNORECASE,
)
_SLUG = re.compile(r"(?<=/)[^/.&=_-]+(?:[-_]+[^/.&=_-]+){2,}(?=[/.]|$)")
"""A part of a path with three words and more: most often a title, in which any word may stand."""
_LEAST_WORDS = 3
_BEGINS_OTHER = re.compile(
    r"(?:users?|members?|profile|u|uid|space|categor(?:y|ies)|tags?|tagged|labels?|forums?|forumdisplay|viewforum|"
    r"boards?|fid|archives?|search|add-to-(?:cart|basket|wishlist))(?:[-_]|$)|[a-z]{1,30}[-_](?:[a-z]{1,30}[-_])?uid[-_]\d",
    re.IGNORECASE,
)
_GROUPS = re.compile(r"/[a-z]{1,30}[-_](?:categor(?:y|ies)|tags?|labels?)/[^/]", re.IGNORECASE)
"""Where shops put what is of one sort: "/product-category/horn/" is no product, though it says so."""
_EDGES = re.compile(r"^[\W\d_]++|[\W_]++$")
_GENERIC = re.compile(
    r"(?:(?:read|learn|show|see|view|find out|load)\s(?:more|all|details?|post|item|product|ad|full).{0,12}|"
    r"more|"
    r"(?:continue|keep)\sreading.*|details?|reply|replies|(?:leave a )?comments?|quote|report|share|save|"
    r"add to (?:cart|basket|wishlist|favou?rites).*|buy(?: now)?|select options|"
    r"(?:go to )?(?:last|latest|first|new(?:est)?|unread)(?: (?:post|reply|page))?|permalink|link|edit|hide|"
    r"next|"
    r"previous|prev|discuss|views?|points?|min(?:ute)?s? read|(?:hours?|minutes?|days?)\b.{0,12}|"
    r"阅读全文|查看(?:详情|更多|全部)?|更多|详情|回复|评论|收藏|下一页|上一页)?",
    re.IGNORECASE,
)
_DATELIKE = re.compile(
    r"\W*+(?:\d{1,4}[-./年]\d{1,2}[-./月]\d{1,4}.*|"
    r"\d+\s*(?:s|m|h|d|sec|min|hour|day|week|month|year|秒|分|小时|天|個|个).{0,20}|"
    r"(?:yesterday|today|just now|昨天|今天|前天|刚刚).{0,20}|"
    r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s.{0,30}|"
    r"(?:\d{1,2}(?:st|nd|rd|th)?\s)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s\d.{0,20}|"
    r"\d{1,2}:\d\d.{0,10})",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_DATED = re.compile(r"/(?:19|20)\d\d/\d\d/.|\d{5,}")
_STATE = re.compile(r"\d|visited|active|read|new|hot|odd|even|first|last")
_EXTENSION = re.compile(r"\.[a-z]{3,4}$")
_WIDE = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(slots=True)
class Link:
    """One link: where it leads, the post that is, and what it says."""

    node: LexborNode
    url: str
    key: str
    text: str


@dataclass(slots=True)
class Column:
    """Links at the same place of the page's structure. score: see `weigh`."""

    links: list[Link]
    place: str
    score: float = 0.0
    keys: list[str] = field(default_factory=list)


def links_of(
    tree: LexborHTMLParser, base: str, home: str, noisy: frozenset[int], known: dict[int, bool]
) -> list[Link]:
    """The links that may lead to posts: not in `noisy` parts, and not to this very page."""
    found: list[Link] = []
    here = post_id(home, home)
    seen: dict[str, tuple[str, str]] = {}
    for node in tree.css("a[href]")[:MOST_LINKS]:
        href = (node.attributes.get("href") or "").strip()
        if href not in seen:
            url = absolute(base, href)
            seen[href] = (url, post_id(url, home) if url else "")
        url, key = seen[href]
        if url and key != here and key not in ("/", "") and not within(node, noisy, known):
            found.append(Link(node, url, key, ""))
    for link in found:
        link.text = said(link.node)
    return found


def said(node: LexborNode) -> str:
    """What a link says: its text, whole where the page shortened it, or its picture's description."""
    only = node.first_child
    plain = only is not None and only.tag == "-text" and only.next is None
    text = " ".join(((only.text_content or "") if plain and only else text_of(node)).split())[:300]
    title = " ".join((node.attributes.get("title") or "").split())[:300]
    cut = text.rstrip(".…")
    if title and text.endswith(("…", "...")) and title.startswith(cut[: max(1, len(cut) - 1)]):
        return title
    if text:
        return text
    image = node.css_first("img[alt]")
    alt = " ".join((image.attributes.get("alt") or "").split())[:300] if image is not None else ""
    return title or alt or (node.attributes.get("aria-label") or "").strip()[:300]


def columns(links: Sequence[Link]) -> list[Column]:
    """The links by place, those with the most posts first."""
    paths: dict[int, str] = {}
    groups: dict[str, list[Link]] = {}
    for link in links:
        groups.setdefault(f"{_place(link.node, paths)} {_sort(link)}", []).append(link)
    made = [
        Column(group, place, keys=list(dict.fromkeys(x.key for x in group)))
        for place, group in groups.items()
    ]
    return sorted(made, key=lambda c: -len(c.keys))


def _place(node: LexborNode, paths: dict[int, str]) -> str:
    """The tags from the root down to a link without inline ones, and the link's own class."""
    words = sorted(
        w for w in (node.attributes.get("class") or "").lower().split()[:8] if w.isalpha() or "-" in w
    )
    own = ".".join(w for w in words if not _STATE.search(w))
    return f"{_path(node.parent, paths)}>a.{own}"


def _sort(link: Link) -> str:
    """Keeps apart what stands at like places but leads elsewhere: people, categories, other scripts."""
    path, _, query = link.key.partition("?")
    script = path.rpartition("/")[2] if query or _EXTENSION.search(path) else ""
    numbered = _DIGIT.search(script) is not None
    return f"{'other' if is_other(link.url) else ''} {'' if numbered else script}"


def _path(node: LexborNode | None, paths: dict[int, str]) -> str:
    trail: list[LexborNode] = []
    while node is not None and node.mem_id not in paths:
        trail.append(node)
        node = node.parent
    path = paths[node.mem_id] if node is not None else ""
    for one in reversed(trail):
        tag = one.tag or ""
        if tag not in _INLINE:
            path = f"{path}>{'h' if tag in _HEADINGS else tag}"
        paths[one.mem_id] = path
    return path


# --- scoring --------------------------------------------------------------------------


def weigh(column: Column, around: Surroundings) -> float:
    """How much a column looks like that of the posts; about 2 and more is convincing."""
    links = _first_of_each(column.links)
    count = len(links)
    texts = [link.text for link in links]
    worth = _length_worth(texts) + 0.8 * len(set(texts)) / count
    worth += 0.9 * _share(links, is_titled) + 0.4 * _share(links, lambda x: bool(_DIGIT.search(x.key)))
    worth += 0.8 * _share(links, lambda x: is_postlike(x.url)) - 1.8 * _share(
        links, lambda x: is_other(x.url)
    )
    # "Read more" is no title, unless a heading beside it is.
    worth -= 2.2 * _share(links, lambda x: is_generic(x.text) and not around.has(x.key, "heading"))
    worth += around.worth(links) - (0.5 if count == 1 else 0.0)
    return worth * (0.7 + math.log2(1 + min(count, 60)) / 4)


@dataclass(slots=True)
class Surroundings:
    """What is known of the elements around links: counts of prices, times and pictures per record."""

    features: dict[str, frozenset[str]]

    def has(self, key: str, name: str) -> bool:
        """Whether the record of a post holds such a thing."""
        return name in self.features.get(key, frozenset())

    def worth(self, links: Sequence[Link]) -> float:
        """Value of what the records of these links hold beside the link."""
        weights = {"heading": 0.4, "price": 1.0, "time": 0.7, "picture": 0.4, "words": 0.6, "person": 0.3}
        counts: Counter[str] = Counter()
        for link in links:
            counts.update(self.features.get(link.key, frozenset()))
        return sum(weight * counts[name] / len(links) for name, weight in weights.items())


def _first_of_each(links: Sequence[Link]) -> list[Link]:
    return list({link.key: link for link in reversed(links)}.values())[::-1]


def _share(links: Sequence[Link], test: object) -> float:
    assert callable(test)
    return sum(bool(test(link)) for link in links) / len(links)


def _length_worth(texts: Sequence[str]) -> float:
    """0 for nothing said, about 1 for the length of a title, less for whole paragraphs."""
    lengths = sorted(len(text) + len(_WIDE.findall(text)) for text in texts)
    middle = lengths[len(lengths) // 2]
    return min(1.0, middle / 22) - (0.4 if middle > 220 else 0.0) - (0.5 if middle < 3 else 0.0)


def is_titled(link: Link) -> bool:
    """Whether a link is a heading, in one, or called a title."""
    node: LexborNode | None = link.node
    for _ in range(3):
        if node is None:
            break
        if node.tag in _HEADINGS or _TITLE_WORDS.search(_marks(node)):
            return True
        node = node.parent
    inner = link.node.css_first("h1, h2, h3, h4, h5, h6, [class*=title], [itemprop=name]")
    return inner is not None


def _marks(node: LexborNode) -> str:
    attributes = node.attributes
    return (
        f"{attributes.get('class') or ''} {attributes.get('itemprop') or ''} {attributes.get('rel') or ''}"[
            :300
        ]
    )


@lru_cache(maxsize=4_096)
def is_postlike(url: str) -> bool:
    """Whether an address has a word that programs use for posts, or a date and a title."""
    parts = urlsplit(url)
    where = f"{parts.path}?{parts.query}"[:500]
    return bool(_POSTLIKE.search(where) or _DATED.search(where))


@lru_cache(maxsize=4_096)
def is_other(url: str) -> bool:
    """Whether an address has a word for people, categories or actions, and none for posts."""
    parts = urlsplit(url)
    path = parts.path[:500]
    where = f"{_SLUG.sub(_start, path)}?{parts.query}"[:500]
    if _GROUPS.search(path):
        return True
    return bool(_OTHER.search(where)) and not _POSTLIKE.search(f"{path}?{parts.query}"[:500])


def _start(slug: re.Match[str]) -> str:
    """What a long name in a path tells of where it leads: "category-of-horn" something, a title nothing."""
    if sum(not word.isdigit() for word in re.split("[-_]+", slug[0])) < _LEAST_WORDS:
        return slug[0]
    found = _BEGINS_OTHER.match(slug[0])
    return found[0] if found else "-"


@lru_cache(maxsize=4_096)
def is_generic(text: str) -> bool:
    """Whether a text says nothing of a post: "read more", a number, a time."""
    if len(text) > 80:
        return False
    core = _EDGES.sub("", text)
    return bool(_GENERIC.fullmatch(core) or _DATELIKE.fullmatch(text))


@lru_cache(maxsize=4_096)
def shape(key: str) -> str:
    """An id with its variable parts as placeholders: posts of one program have the same."""
    path, _, query = key.partition("?")
    parts = path.strip("/").split("/")
    literal = (len(parts) > 1 or query or "." in parts[0]) and not _DIGIT.search(parts[0])
    shown = [parts[0] if literal else _placeholder(parts[0])]
    shown += [_placeholder(part) for part in parts[1:]]
    names_ = sorted(pair.partition("=")[0] for pair in query.split("&")) if query else []
    return "/".join(shown) + ("?" + "&".join(names_) if names_ else "")


def _placeholder(part: str) -> str:
    return "N" if part.isdigit() else "S"


def alike(keys: Iterable[str]) -> str:
    """The commonest shape of ids."""
    counted = Counter(shape(key) for key in keys)
    return counted.most_common(1)[0][0] if counted else ""
