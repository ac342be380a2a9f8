"""Looking at a site before it is watched: `nightjar try` and `nightjar add`.

`trial` reads one listing through its kind and the first few posts' own pages, and tells
what is had and what is not. `recognise` asks all kinds about a page and the feeds and
APIs it names, and ranks them by what they yield. Both ask little and keep nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import urlsplit

from storage.clock import Clock
from storage.errors import BadPage, Blocked, FeedTrouble, RobotsForbid
from storage.model import Authority, Listing, Post, Response, Target
from watchers.capture import Fetches
from watchers.feed import Feed, Recognition, kinds, load
from watchers.reading.encoding import damage, encoding_of
from watchers.reading.links import absolute
from watchers.reading.listing import NO_PAGE
from watchers.reading.markup import parse_html

DETAILS = 3
"""Own pages that are fetched by default."""
MOST_LINKED = 3
"""Feeds and APIs named by a page that are fetched to compare them."""
USUAL_S, LEAST_S = 30.0, 5.0
"""Suggested interval when nothing speaks against it, and the shortest ever suggested (seconds)."""
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
class Fill:
    """In how many posts a field was found: of all on the listing, and of those whose own page was read."""

    field: str
    on_listing: int
    with_page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one look at a target yields. trouble: why there is nothing, or "".

    posts: as listed, the first `looked_into` of them completed from their own pages.
    pages_failed: own pages that could not be had, with the reason. wall: what stood in
    front, or "". encoding: as used, with its damage. conditional: what the site offers
    for conditional requests. interval_s: suggested period in seconds, and why.
    """

    url: str
    kind: str
    trouble: str = ""
    wall: str = ""
    robots: str = ""
    status: int = 0
    size_bytes: int = 0
    elapsed_s: float = 0.0
    title: str = ""
    encoding: str = ""
    conditional: str = ""
    posts: tuple[Post, ...] = ()
    looked_into: int = 0
    fills: tuple[Fill, ...] = ()
    pictures: int = 0
    pages_failed: tuple[str, ...] = ()
    next_url: str = ""
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    interval_s: float = USUAL_S
    interval_why: str = ""

    @property
    def works(self) -> bool:
        """Whether the target yields posts that can be told apart and fetched."""
        return not self.trouble and bool(self.posts)


async def trial(fetcher: Fetches, target: Target, clock: Clock, *, details: int = DETAILS) -> Trial:
    """Read the target once. Never raises FeedTrouble: troubles are findings. May be cancelled."""
    feed = load(target.kind)
    bare = Trial(url=target.url, kind=target.kind, robots=_robots(target))
    try:
        page = await fetcher.get(target.url, target, purpose="trial")
        bare = _about(bare, page)
        if page.status != 200:
            return replace(bare, trouble=f"answered {page.status} {page.reason}".rstrip())
        listing = feed.parse(page, target.rules, clock.now())
    except FeedTrouble as trouble:
        return _in_trouble(bare, trouble)
    read = [await _completed(fetcher, target, post, clock) for post in listing.posts[:details]]
    return _told(bare, page, listing, [post for post, _ in read], [why for _, why in read if why])


async def _completed(fetcher: Fetches, target: Target, post: Post, clock: Clock) -> tuple[Post, str]:
    """A post with what its own page adds, and why that could not be had."""
    feed = load(target.kind)
    if not feed.wants_detail(post, target.rules):
        return post, ""
    try:
        page = await fetcher.get(post.url, target, purpose="trial")
        if page.status != 200:
            return post, f"{post.url}: answered {page.status} {page.reason}".rstrip()[:300]
        return feed.detail(page, post, target.rules, clock.now()), ""
    except FeedTrouble as trouble:
        return post, str(trouble)[:300]


# --- findings -----------------------------------------------------------------------------


def _robots(target: Target) -> str:
    return f"not asked: {target.robots_override}" if target.robots_override else ""


def _in_trouble(bare: Trial, trouble: FeedTrouble) -> Trial:
    robots = "forbids this address to our agent" if isinstance(trouble, RobotsForbid) else bare.robots
    wall = trouble.wall if isinstance(trouble, Blocked) else ""
    return replace(bare, trouble=trouble.why, wall=wall, robots=robots)


def _about(bare: Trial, page: Response) -> Trial:
    name = encoding_of(page.body, page.header("Content-Type"))
    hurt = damage(page.body, name)
    told = f"{name}, {hurt:.1%} of its letters unreadable" if hurt else name
    return replace(
        bare,
        status=page.status,
        size_bytes=len(page.body),
        elapsed_s=page.elapsed_s,
        encoding=told,
        conditional=_conditional(page),
        robots=bare.robots or "allows this address, or there is none",
        notes=(f"the answer was incomplete: {page.shortfall}",) if page.shortfall else (),
    )


def _conditional(page: Response) -> str:
    offered = [name for name in ("ETag", "Last-Modified") if page.header(name)]
    return " and ".join(offered) if offered else "not offered: every poll fetches the whole page"


def _told(
    bare: Trial, page: Response, listing: Listing, posts: Sequence[Post], failed: Sequence[str]
) -> Trial:
    rest = listing.posts[len(posts) :]
    fills = tuple(
        Fill(
            field=name,
            on_listing=sum(bool(get(post)) for post in listing.posts),
            with_page=sum(bool(get(post)) for post in posts),
        )
        for name, get in FIELDS
    )
    interval_s, why = suggested_interval(listing.posts, page)
    return replace(
        bare,
        title=listing.title,
        posts=(*posts, *rest),
        looked_into=len(posts),
        fills=fills,
        pictures=sum(len(p.pictures) for p in posts),
        pages_failed=tuple(failed),
        next_url=listing.next_url,
        notes=(*bare.notes, *listing.notes, *_warnings(listing, posts)),
        missing=tuple(f.field for f in fills if not (f.with_page or f.on_listing)) if listing.posts else (),
        interval_s=interval_s,
        interval_why=why,
    )


def _warnings(listing: Listing, posts: Sequence[Post]) -> list[str]:
    """What an admin should know that no column shows."""
    found = []
    urls = [post.url for post in listing.posts]
    if any(NO_PAGE in post.extra for post in listing.posts):
        found.append("posts have no page of their own: deletion is seen in the listing only")
    elif len(set(urls)) < len(urls):
        found.append(f"{len(urls) - len(set(urls))} posts share their address with another")
    for name in ("title", "text"):
        values = [value for post in posts if (value := getattr(post, name))]
        if len(values) > 1 and len(set(values)) == 1:
            found.append(f"the posts looked into all have the same {name}: set detail.{name}")
    return found


def suggested_interval(posts: Sequence[Post], page: Response) -> tuple[float, str]:
    """A poll period in seconds and the reason: half the time in which the listing rolls over, at most 30 s.

    A listing of N posts loses some when more than N arrive within a period (T <= N/2 per rate).
    """
    times = sorted(post.posted_at for post in posts if post.posted_at is not None)
    if len(times) < 3:
        return USUAL_S, "the usual; the posts tell no times to judge by"
    newest, oldest = times[-1], times[0]
    # Pinned posts are old on purpose: the middle half tells the rate.
    span_s = (times[3 * len(times) // 4] - times[len(times) // 4]).total_seconds() * 2
    if span_s <= 0:
        span_s = max((newest - oldest).total_seconds(), (page.ended_at - oldest).total_seconds())
    rolls_s = max(span_s, 1.0)
    if rolls_s / 2 >= USUAL_S:
        return USUAL_S, f"the usual; the listing rolls over in about {_spoken(rolls_s)}"
    short = max(LEAST_S, float(int(rolls_s / 2)))
    return short, f"the listing rolls over in about {_spoken(rolls_s)}: posts would slip through at 30 s"


def _spoken(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"


# --- recognising ----------------------------------------------------------------------------


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
    from watchers.reading.encoding import decode

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
        older = _spoken((theirs - mine).total_seconds())
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
