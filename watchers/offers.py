"""The ways in which a site can be watched: itself, the feeds it links, the APIs it names.

All kinds are asked about the page; what it names is fetched once and read, so that the
offers can be ranked by what they yield and compared for freshness. Keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import urlsplit

from storage.clock import Clock
from storage.errors import BadPage, FeedTrouble
from storage.model import Authority, Post, Response, Target
from watchers.capture import Fetches
from watchers.feed import Feed, Recognition, kinds, load
from watchers.reading.encoding import decode
from watchers.reading.links import absolute
from watchers.reading.markup import parse_html

MOST_LINKED = 3
"""Feeds and APIs named by a page that are fetched to compare them."""
_SHORT = 120

FIELDS: tuple[tuple[str, Callable[[Post], object]], ...] = (
    ("title", lambda p: p.title),
    ("text", lambda p: p.text),
    ("seller", lambda p: p.seller),
    ("price", lambda p: p.price),
    ("location", lambda p: p.location),
    ("posted", lambda p: p.posted_at),
    ("pictures", lambda p: p.pictures),
)
_WEIGHTS = {
    "title": 1.0,
    "text": 1.5,
    "seller": 0.7,
    "price": 0.5,
    "location": 0.2,
    "posted": 1.0,
    "pictures": 1.5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A recognition that was tried: what it lists now."""

    found: Recognition
    posts: tuple[Post, ...]


async def recognise(fetcher: Fetches, url: str, clock: Clock) -> tuple[Recognition, ...]:
    """The ways to watch a site, the one with the most complete posts first; () when there is none.

    Fetches the page, and at most MOST_LINKED feeds or APIs that it names itself. Raises
    FeedTrouble when the page itself cannot be had.
    """
    target = _passing(url)
    page = await fetcher.get(url, target, purpose="trial")
    if page.status != 200:
        raise FeedTrouble(url, f"answered {page.status} {page.reason}".rstrip())
    offers: dict[tuple[str, str], _Offer] = {}
    named = _ask_all(page, clock.now())
    links = [found.url for found in named if found.url != page.url] + linked_feeds(page)
    for found in named:
        if found.url == page.url:
            _keep(offers, found, page, clock.now())
    for link in list(dict.fromkeys(links))[:MOST_LINKED]:
        try:
            other = await fetcher.get(link, target, purpose="trial")
        except FeedTrouble:
            continue
        if other.status == 200:
            expected = [found for found in named if found.url == link]
            for found in expected or _ask_all(other, clock.now()):
                _keep(offers, replace(found, url=link), other, clock.now())
    ranked = sorted(offers.values(), key=worth, reverse=True)
    return tuple(_explained(offer, ranked) for offer in ranked)


def _passing(url: str) -> Target:
    """A target for one look: under the default limits, robots.txt obeyed, never stored."""
    nobody = Authority(legal_basis="", authorised_by="", review_after=date.max)
    return Target(name="add", kind="html", url=url, authority=nobody, rules=None)


def _ask_all(page: Response, now: datetime) -> list[Recognition]:
    found = (load(kind).recognise(page, now) for kind in kinds())
    return [one for one in found if one is not None]


def _keep(offers: dict[tuple[str, str], _Offer], found: Recognition, page: Response, now: datetime) -> None:
    """Read a page as it was recognised; what lists nothing is offered only when nothing else is."""
    feed = load(found.kind)
    try:
        posts = feed.parse(page, settings_of(feed, found.rules), now).posts
    except BadPage:
        return
    if posts:
        offers.setdefault((found.kind, found.url), _Offer(found=found, posts=posts))


def settings_of(feed: Feed, rules: dict[str, object]) -> object:
    """Rules as the kind's own Settings. Raises pydantic's ValidationError when they are wrong."""
    from pydantic import TypeAdapter

    return TypeAdapter(feed.Settings).validate_python(rules)


_FEED_TYPES = (
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/rdf+xml",
    "text/xml",
)


def linked_feeds(page: Response) -> list[str]:
    """Addresses of the feeds a page links for its posts; feeds of comments are left out."""
    if b"alternate" not in page.body:
        return []
    tree = parse_html(decode(page))
    found: list[str] = []
    for node in tree.css("link[rel~=alternate][type][href]")[:50]:
        attributes = node.attributes
        link = absolute(page.url, attributes.get("href") or "")
        title = (attributes.get("title") or "").lower()
        is_feed = (attributes.get("type") or "").split(";")[0].strip().lower() in _FEED_TYPES
        if is_feed and link and "comment" not in title and "/comments" not in urlsplit(link).path:
            found.append(link)
    return list(dict.fromkeys(found))


def worth(offer: _Offer) -> float:
    """How much an offer gives: completeness of its posts, their number, how sure the kind is."""
    few = offer.posts[:20]
    filled = sum(_WEIGHTS[name] * sum(bool(get(post)) for post in few) / len(few) for name, get in FIELDS)
    whole = sum(len(post.text) >= _SHORT for post in few) / len(few)
    return (
        (filled + whole)
        * (0.6 + 0.4 * offer.found.confidence)
        * (0.8 + 0.2 * min(1.0, len(offer.posts) / 10))
    )


def _explained(offer: _Offer, all_: Sequence[_Offer]) -> Recognition:
    """The recognition with what it yields and how fresh it is beside the others."""
    few = offer.posts
    counts = ", ".join(
        f"{name} {sum(bool(get(p)) for p in few)}" for name, get in FIELDS if any(get(p) for p in few)
    )
    said = [offer.found.why, f"{len(few)} posts listed ({counts})"]
    said += [text for other in all_ if other is not offer and (text := _behind(offer, other))]
    return replace(offer.found, why="; ".join(dict.fromkeys(part for part in said if part)))


def _behind(offer: _Offer, other: _Offer) -> str:
    """Where `other` shows newer posts, how far this offer lags."""
    mine, theirs = _newest(offer.posts), _newest(other.posts)
    name = other.found.kind
    if mine is not None and theirs is not None and (theirs - mine).total_seconds() > 60:
        older = spoken((theirs - mine).total_seconds())
        return f"lags: its newest post is {older} older than that of {name} {other.found.url}"
    shown = {_address(post) for post in offer.posts}
    leading = 0
    for post in other.posts:
        if _address(post) in shown:
            break
        leading += 1
    if 0 < leading < len(other.posts):
        return f"{leading} posts at the top of {name} {other.found.url} are not (yet) here"
    return ""


def _newest(posts: Sequence[Post]) -> datetime | None:
    return max((post.posted_at for post in posts if post.posted_at is not None), default=None)


def _address(post: Post) -> str:
    parts = urlsplit(post.url)
    return f"{parts.netloc.removeprefix('www.')}{parts.path.rstrip('/')}?{parts.query}"


def spoken(seconds: float) -> str:
    """A span for people: "16 hours"."""
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
