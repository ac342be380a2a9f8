"""Feed kind `html`: any page that lists posts, with CSS selectors or without.

With `item` every field not named by a selector is still looked for inside the item.
Without, the page is read by what it says for machines (JSON-LD, microdata: schema.org)
and by its repeated structure. The post's own page gives the full text and all pictures.
Selectors: https://www.w3.org/TR/selectors-4/ as far as lexbor knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser

from storage.errors import BadPage
from storage.model import NO_PAGE, Listing, PictureRef, Post, Response
from watchers.feed import Recognition
from watchers.reading.article import read_article, read_articles
from watchers.reading.encoding import decode
from watchers.reading.facts import Page
from watchers.reading.links import absolute
from watchers.reading.listing import Found, find_posts
from watchers.reading.markup import parse_html
from watchers.reading.own_page import base_of, from_page
from watchers.reading.paging import next_page
from watchers.reading.picked import picked_pictures, picked_posts
from watchers.reading.selectors import Pick, Picked, first, too_large_for
from watchers.reading.text import clean, text_of
from watchers.reading.times import read_time

OWN_PAGE = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """`[target.rules.detail]`: where things stand on a post's own page.

    Each a selector as in the rules; what is not named is found by itself.
    """

    title: Picked | None = None
    text: Picked | None = None
    seller: Picked | None = None
    price: Picked | None = None
    location: Picked | None = None
    posted: Picked | None = None
    picture: Picked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of `[target.rules]` for a page; all may be left out.

    A selector is "css", "css@attribute", or { css = "...", attr = "...", regex = "..." }
    whose first group (else whole match) is the value. item: the element of one post.
    id, link, title, text, seller, price, location, posted, picture: within the item.
    next: link to the next page; max_pages: how many pages are read while all is new.
    page: fetch each post's own page (for text and pictures). single: the address is one
    post, not a list. detail: selectors for the own page. zone: IANA zone of times that
    name none. max_items: posts taken of one page.
    """

    item: Picked | None = None
    id: Picked | None = None
    link: Picked | None = None
    title: Picked | None = None
    text: Picked | None = None
    seller: Picked | None = None
    price: Picked | None = None
    location: Picked | None = None
    posted: Picked | None = None
    picture: Picked | None = None
    next: Picked | None = None
    max_pages: int = 1
    max_items: int = 300
    page: bool = True
    single: bool = False
    detail: Detail = Detail()
    zone: str = "UTC"

    def __post_init__(self) -> None:
        named = [name for name in _WITHIN if getattr(self, name) is not None]
        if named and self.item is None and not self.single:
            raise ValueError(f"item: is needed by {', '.join(named)}, which are looked for within it")
        if not 1 <= self.max_pages <= 20:
            raise ValueError("max_pages: must be 1 to 20")
        if not 1 <= self.max_items <= 1000:
            raise ValueError("max_items: must be 1 to 1000")
        try:
            ZoneInfo(self.zone)
        except (ValueError, OSError, LookupError):
            raise ValueError(f"zone: {self.zone!r} is no IANA time zone such as Asia/Shanghai") from None


_WITHIN = ("id", "link", "title", "text", "seller", "price", "location", "posted", "picture")


def parse(page: Response, rules: object, now: datetime) -> Listing:
    """The posts of a page in its order. Raises BadPage when it is no HTML or too large for a selector."""
    settings = rules if isinstance(rules, Settings) else Settings()
    tree, about = _opened(page, settings, now)
    notes: list[str] = []
    if settings.single:
        posts: tuple[Post, ...] = (_only_post(tree, about, page, settings),)
    elif settings.item is not None:
        posts = picked_posts(tree, settings, about, page)
        notes += _unfilled(settings, posts)
    else:
        found = find_posts(tree, about, page.url)
        posts = _at_home(found, page.requested_url)
        notes.append(
            f"found by {found.by}" if found.by else "no posts were recognised: name their element with `item`"
        )
    title = tree.css_first("title")
    return Listing(
        posts=posts[: settings.max_items],
        title=" ".join(text_of(title).split())[:300] if title is not None else "",
        next_url=_next(tree, about, settings, page.url),
        notes=tuple(notes),
    )


def detail(page: Response, post: Post, rules: object, now: datetime) -> Post:
    """`post` completed from its own page. Raises BadPage when that is no HTML."""
    return details(page, (post,), rules, now)[0]


def details(page: Response, posts: Sequence[Post], rules: object, now: datetime) -> tuple[Post, ...]:
    """As `detail` for each, from one reading of the page. Raises BadPage."""
    settings = rules if isinstance(rules, Settings) else Settings()
    tree, about = _opened(page, settings, now)
    articles = read_articles(tree, about, page.url, [post.title for post in posts])
    whole = map(from_page, posts, articles)
    return tuple(_picked_detail(post, tree, about, settings.detail) for post in whole)


def wants_detail(post: Post, rules: object) -> bool:
    """As `page` says, for posts that have a page of their own."""
    settings = rules if isinstance(rules, Settings) else Settings()
    return settings.page and not settings.single and bool(post.url) and NO_PAGE not in post.extra


def recognise(page: Response, now: datetime) -> Recognition | None:
    """How surely posts can be told on this page without selectors."""
    try:
        tree, about = _opened(page, Settings(), now)
    except BadPage:
        return None
    found = find_posts(tree, about, page.url)
    if not found.posts:
        return None
    why = f"{len(found.posts)} posts by {found.by}"
    return Recognition(kind="html", confidence=round(found.sure, 2), url=page.url, rules={}, why=why)


# --- parts --------------------------------------------------------------------------------


def _opened(page: Response, settings: Settings, now: datetime) -> tuple[LexborHTMLParser, Page]:
    """The tree of a page and what holds for all of it."""
    text = decode(page)
    if "<" not in text:
        raise BadPage(page.url, "has no markup at all", field="page")
    tree = parse_html(text)
    if (heavy := next((p.css for p in _picks(settings) if too_large_for(p.css, tree)), "")) != "":
        raise BadPage(
            page.url, f"too many elements for {heavy!r}; name them without :nth- and ~", field="page"
        )
    return tree, Page(base=base_of(tree, page.url), now=now, zone=settings.zone)


def _picks(settings: Settings) -> list[Pick]:
    held = [getattr(part, f.name) for part in (settings, settings.detail) for f in fields(part)]
    return [value for value in held if isinstance(value, Pick)]


def _at_home(found: Found, requested: str) -> tuple[Post, ...]:
    """Posts without own page stand at the address that is watched, as their presence is seen there."""
    return tuple(replace(p, url=requested) if NO_PAGE in p.extra else p for p in found.posts)


def _only_post(tree: LexborHTMLParser, about: Page, page: Response, settings: Settings) -> Post:
    """The page itself as its only post."""
    post = Post(post_id=page.requested_url, url=page.requested_url)
    return _picked_detail(from_page(post, read_article(tree, about, page.url)), tree, about, settings.detail)


def _picked_detail(post: Post, tree: LexborHTMLParser, about: Page, wanted: Detail) -> Post:
    """The fields that have selectors, over what was found without."""
    found = {
        name: clean(first(tree, pick))
        for name in ("title", "text", "seller", "price", "location", "posted")
        if (pick := getattr(wanted, name)) is not None
    }
    told = {name: value for name, value in found.items() if value}
    posted = told.pop("posted", "")
    post = replace(post, **told)  # type: ignore[arg-type]  # only text fields are named above
    if posted:
        post = replace(post, posted_raw=posted, posted_at=read_time(posted, about.now, about.zone))
    if wanted.picture is not None:
        pictures = picked_pictures(tree, wanted.picture, about)
        post = replace(post, pictures=pictures or post.pictures)
    return post


def _next(tree: LexborHTMLParser, about: Page, settings: Settings, here: str) -> str:
    """The next page: as picked, else as the page marks or numbers it."""
    pick = settings.next
    if pick is None:
        return next_page(tree, about.base, here)
    return absolute(about.base, first(tree, pick if pick.attr or pick.regex else replace(pick, attr="href")))


def _unfilled(settings: Settings, posts: tuple[Post, ...]) -> list[str]:
    """What the selectors did not find, for `try`."""
    assert settings.item is not None
    if not posts:
        return [f"item: nothing matches {settings.item.css!r}"]
    held = {
        "text": "text",
        "seller": "seller",
        "price": "price",
        "location": "location",
        "posted": "posted_raw",
    }
    named = {"title": "title", "picture": "pictures", **held}
    return [
        f"{key}: {pick.css!r} found nothing in any of {len(posts)} items"
        for key, field in named.items()
        if (pick := getattr(settings, key)) is not None and not any(getattr(p, field) for p in posts)
    ]


__all__ = ["OWN_PAGE", "Detail", "PictureRef", "Settings", "detail", "parse", "recognise", "wants_detail"]
