"""Which parts of a page are not about its posts: navigation, side columns, related things.

Told by elements and by the words that themes put into class and id. A word counts only
as a whole part of a name ("site-nav", not "navy"), and never on an element that holds
the main part of the page. Pure; linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from selectolax.lexbor import LexborHTMLParser, LexborNode

from watchers.reading.markup import names

MOST_NAMED = 30_000
"""Elements with a class, id or role that are looked at."""

_TAGS = names("nav aside footer dialog menu")
_ROLES = names("navigation complementary contentinfo banner search dialog menu menubar toolbar tablist")
_WORDS = names(
    "nav navbar navigation menu submenu menubar sidebar sidebars aside footer breadcrumb breadcrumbs "
    "crumb crumbs pagination pager paging pagenav pages pageline pagelinks pgs pgt paginator related "
    "upsell upsells crosssell cross-sell cross-sells recommended recommendations recommend similar also- "
    "viewed suggested suggestions tagcloud tag-cloud tags taglist tag-list cloud widget widgets social "
    "share sharing sharedaddy cookie consent gdpr login signin signup register newsletter subscribe "
    "subscription toolbar dropdown popup modal tooltip offcanvas skip-link skiplink screen-reader "
    "advertisement adsbygoogle sponsored-links banner facets filters filter categories category-list "
    "archives calendar blogroll statistics stats whos-online online-users boardstats recently-viewed "
    "recent-comments recent-posts latest-comments trending most-viewed popular hot-topics forumjump "
    "jumpbox jump-box language-switcher lang-switch copyright legal topbar top-bar userbar userpanel "
    "signature sig sigs postsignature mini-cart minicart cart-mini basket-mini user-panel user-menu "
    "cart-panel cart-summary cart-widget shopping-cart quicklogin quick-search searchform search-form"
)
# Names of the whole, or of what is said about it: "with-sidebar" is the main part.
_LAYOUT = re.compile(
    r"(?:^|[\s_-])(?:has|with|no|without|layout|wrap|wrapper|template|hide|show|is|not)[_-]", re.IGNORECASE
)
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MAIN = "main, [role=main], h1, article"


def noise(tree: LexborHTMLParser) -> frozenset[int]:
    """`mem_id`s of elements whose content is not the page's own; what is below them belongs to them."""
    return frozenset(node.mem_id for node in _noisy(tree))


def _noisy(tree: LexborHTMLParser) -> Iterator[LexborNode]:
    for node in tree.css("nav, aside, footer, dialog, menu, header, [class], [id], [role]")[:MOST_NAMED]:
        tag = node.tag or ""
        if tag in ("html", "body", "main", "article", "a", "h1", "time"):
            continue
        if _is_noisy(node, tag) and node.css_first(_MAIN) is None:
            yield node


def _is_noisy(node: LexborNode, tag: str) -> bool:
    if tag in _TAGS or (tag == "header" and not _inside(node, ("article", "main", "li", "section"))):
        return True
    attributes = node.attributes
    if (attributes.get("role") or "") in _ROLES:
        return True
    return any(_is_noise_word(word) for word in _words(attributes))


def _words(attributes: dict[str, str | None]) -> list[str]:
    return f"{attributes.get('class') or ''} {attributes.get('id') or ''}"[:400].split()


@lru_cache(maxsize=8_192)
def _is_noise_word(word: str) -> bool:
    lower = word.lower()
    if lower in _WORDS:
        return True
    if _LAYOUT.search(word):
        return False
    parts = [part.lower() for part in _PARTS.findall(word)]
    if not parts:
        return False
    pairs = [f"{one}-{two}" for one, two in pairwise(parts)]
    # The last part says what a thing is ("topic-tags" are tags), the first whose it is ("sidebar-box").
    return parts[-1] in _WORDS or parts[0] in _WORDS or any(pair in _WORDS for pair in pairs)


def _inside(node: LexborNode, tags: tuple[str, ...]) -> bool:
    above = node.parent
    while above is not None:
        if above.tag in tags:
            return True
        above = above.parent
    return False


def within(node: LexborNode, ids: frozenset[int], known: dict[int, bool]) -> bool:
    """Whether a node is in or below one of `ids`; `known` remembers the answers of one page."""
    trail: list[int] = []
    at: LexborNode | None = node
    answer = False
    while at is not None:
        mem_id = at.mem_id
        if mem_id in known:
            answer = known[mem_id]
            break
        trail.append(mem_id)
        if mem_id in ids:
            answer = True
            break
        at = at.parent
    known.update(dict.fromkeys(trail, answer))
    return answer
