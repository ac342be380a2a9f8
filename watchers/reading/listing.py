"""The posts of a listing without selectors: described, as cards, or as numbered entries.

Structured data names posts surely but often few and bare; the cards of the page have the
rest. Both are read, and where they speak of the same posts they are joined. Pure.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser

from storage.model import NO_PAGE, Post
from watchers.reading.cards import CONVINCING, Cards, cards
from watchers.reading.columns import alike, shape
from watchers.reading.facts import Page, facts_of
from watchers.reading.links import post_id
from watchers.reading.pictures import pictures_in
from watchers.reading.structured import structured_of
from watchers.reading.text import text_of
from watchers.reading.things import described_posts
from watchers.reading.thread import Entry, entries
from watchers.reading.zones import noise

"""Stands in `Post.extra` of a post that can be seen in the listing only."""
_LEAST_ENTRY_TEXT = 12
_SURE_CARDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Posts, by what they were found (structured data, cards, entries; ""), how surely (0..1)."""

    posts: tuple[Post, ...] = ()
    by: str = ""
    sure: float = 0.0


def find_posts(tree: LexborHTMLParser, page: Page, home: str) -> Found:
    """The posts of a listing page in page order. home: its address."""
    told = described_posts(structured_of(tree, page.base), page, home)
    silent = noise(tree)
    shown = cards(tree, page, home, noisy=silent)
    thread = _as_posts(entries(tree, silent), page, home)
    if _is_thread(thread, shown, told):
        return Found(posts=thread, by="entries", sure=0.6)
    if not told:
        if not shown.posts:
            shown = _among_the_rest(tree, page, home)
        return Found(posts=shown.posts, by="cards" if shown.posts else "", sure=_surely(shown))
    return _joined(told, shown)


def _surely(shown: Cards) -> float:
    return min(0.9, 0.25 + shown.score / 14) if shown.posts else 0.0


def _among_the_rest(tree: LexborHTMLParser, page: Page, home: str) -> Cards:
    """A second look at what was put aside as navigation, for themes that name things oddly."""
    shown = cards(tree, page, home, noisy=frozenset())
    convincing = len(shown.posts) >= 3 and shown.score >= 1.5 * CONVINCING
    return shown if convincing else Cards()


def _joined(told: tuple[Post, ...], shown: Cards) -> Found:
    """Described posts and cards as one list: the longer gives the order, each fills the other's gaps."""
    by_id = {post.post_id: post for post in shown.posts}
    common = [post for post in told if post.post_id in by_id]
    if common:
        other = {post.post_id: post for post in told}
        seen = [p for p in shown.posts if p.post_id in other or _alike(p, common)]
        posts = [filled(other[p.post_id], p) if p.post_id in other else p for p in seen]
        posts += [p for p in told if p.post_id not in by_id and _alike(p, common)]
        return Found(posts=tuple(posts), by="json-ld or microdata, and cards", sure=0.95)
    bare = all(not (p.price or p.posted_raw or p.text or p.pictures) for p in told)
    if shown.posts and (len(told) < 2 or (bare and shown.score >= _SURE_CARDS)):
        return Found(posts=shown.posts, by="cards", sure=_surely(shown))
    if len(told) == 1 and not told[0].title:
        return Found()
    return Found(posts=told, by="json-ld or microdata", sure=0.9 if len(told) > 1 else 0.4)


def _alike(post: Post, others: list[Post]) -> bool:
    return shape(post.post_id) == alike(other.post_id for other in others)


def filled(post: Post, other: Post) -> Post:
    """`post` with what only `other` has; the longer text, the fuller set of pictures."""
    return replace(
        post,
        title=post.title or other.title,
        text=max(post.text, other.text, key=len),
        seller=post.seller or other.seller,
        seller_url=post.seller_url or other.seller_url,
        price=post.price or other.price,
        location=post.location or other.location,
        posted_raw=post.posted_raw or other.posted_raw,
        posted_at=post.posted_at or other.posted_at,
        pictures=max(post.pictures, other.pictures, key=len),
        extra=post.extra or other.extra,
    )


# --- pages of entries ---------------------------------------------------------------------


def _is_thread(thread: tuple[Post, ...], shown: Cards, told: tuple[Post, ...]) -> bool:
    """Whether the page shows its posts itself instead of listing them."""
    if not thread or len(told) > 1:
        return False
    if shown.posts and len(shown.posts) * 2 >= len(thread) and shown.score >= _SURE_CARDS:
        return False
    words = sum(len(post.text) for post in thread)
    return words >= _LEAST_ENTRY_TEXT * len(thread) and (len(thread) > 1 or not shown.posts)


def _as_posts(found: tuple[Entry, ...], page: Page, home: str) -> tuple[Post, ...]:
    return tuple(_entry_post(entry, page, home) for entry in found)


def _entry_post(entry: Entry, page: Page, home: str) -> Post:
    facts = facts_of([entry.node], None, page)
    text = text_of(entry.node)
    body = next((n for n in entry.node.css(_BODY)[:1]), None)
    said = text_of(body) if body is not None else facts.text or text
    return Post(
        post_id=f"{post_id(home, home)}#{entry.mark}",
        url=home,
        title=next((t for t in facts.titles if t), said.splitlines()[0][:120] if said else ""),
        text=said,
        seller=facts.seller,
        seller_url=facts.seller_url,
        price=facts.price,
        location=facts.location,
        posted_raw=facts.posted_raw,
        posted_at=facts.posted_at,
        pictures=pictures_in(entry.node, page.base),
        extra=(NO_PAGE,),
    )


_BODY = (
    ".bbWrapper, .post_body, .content, .cooked, .Post-body, .t_f, .message, .post-message, "
    ".comment__text, .comment-text, .post-content, .entry-content, [itemprop=text], "
    "[itemprop=articleBody], .body, .text"
)


def nameless_id(post: Post) -> str:
    """An id of the title or first words, for want of address and number: editing them makes a new post."""
    words = " ".join((post.title or post.text[:120]).split()).casefold()
    return "text-" + hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:24]
