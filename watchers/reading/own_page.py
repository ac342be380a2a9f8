"""A post completed from its own page: what every kind that fetches one does with it. Pure.

The page knows more than the listing: full text, seller, price, all pictures. Where the
listing is made by the site for programs (rss, json) its words win, except that a longer
text is the whole of which the listing had an excerpt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from selectolax.lexbor import LexborHTMLParser

from storage.model import PictureRef, Post, Response
from watchers.reading.article import Article, read_articles
from watchers.reading.encoding import decode
from watchers.reading.facts import Page
from watchers.reading.fuller import fuller
from watchers.reading.links import absolute
from watchers.reading.markup import parse_html


def completed(post: Post, page: Response, now: datetime, zone: str) -> Post:
    """`post` of a feed or API with what its page adds; the same page read twice adds nothing more."""
    return completed_each((post,), page, now, zone)[0]


def completed_each(posts: Sequence[Post], page: Response, now: datetime, zone: str) -> tuple[Post, ...]:
    """As `completed` for each post, from one reading of the page."""
    text = decode(page)
    if "<" not in text:
        return tuple(posts)
    tree = parse_html(text)
    about = Page(base=base_of(tree, page.url), now=now, zone=zone)
    articles = read_articles(tree, about, page.url, [post.title for post in posts])
    return tuple(map(_with_page, posts, articles))


def _with_page(post: Post, article: Article) -> Post:
    whole = from_page(post, article)
    return replace(
        whole,
        title=post.title or whole.title,
        text=fuller((post.text, article.text)),
        seller=post.seller or whole.seller,
        price=post.price or whole.price,
        location=post.location or whole.location,
        posted_raw=post.posted_raw or whole.posted_raw,
        posted_at=post.posted_at or whole.posted_at,
        pictures=_joined(post.pictures, article.pictures),
    )


def from_page(post: Post, article: Article) -> Post:
    """`post` as its page has it; what the page does not give stays as the listing had it."""
    facts = article.facts
    return replace(
        post,
        title=article.title or post.title,
        text=article.text or post.text,
        seller=facts.seller or post.seller,
        seller_url=facts.seller_url or post.seller_url,
        price=facts.price or post.price,
        location=facts.location or post.location,
        posted_raw=facts.posted_raw or post.posted_raw,
        posted_at=facts.posted_at or post.posted_at,
        pictures=article.pictures or post.pictures,
    )


def base_of(tree: LexborHTMLParser, url: str) -> str:
    """What links of a page are relative to."""
    node = tree.css_first("base[href]")
    href = (node.attributes.get("href") or "") if node is not None else ""
    return absolute(url, href) or url


def _joined(listed: tuple[PictureRef, ...], shown: tuple[PictureRef, ...]) -> tuple[PictureRef, ...]:
    """The listing's pictures, then those that only the page shows."""
    known = {picture.url for picture in listed}
    return (*listed, *(picture for picture in shown if picture.url not in known))
