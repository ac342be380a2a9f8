"""Looking at a site before it is watched: `nightjar try` and `nightjar add`.

`trial` reads one listing through its kind and the first few posts' own pages, and tells
what is had and what is not. `recognise` stands in `offers`. Both ask little, keep nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from storage.clock import Clock
from storage.errors import Blocked, FeedTrouble, RobotsForbid
from storage.model import NO_PAGE, Listing, Post, Response, Target
from watchers.capture import Fetches
from watchers.feed import load
from watchers.offers import FIELDS, recognise, settings_of, spoken
from watchers.reading.encoding import damage, encoding_of

__all__ = ["Fill", "Trial", "recognise", "settings_of", "suggested_interval", "trial"]

DETAILS = 3
"""Own pages that are fetched by default."""
USUAL_S, LEAST_S = 30.0, 5.0
"""Suggested interval when nothing speaks against it, and the shortest ever suggested (seconds)."""


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
        return USUAL_S, f"the usual; the listing rolls over in about {spoken(rolls_s)}"
    short = max(LEAST_S, float(int(rolls_s / 2)))
    return short, f"the listing rolls over in about {spoken(rolls_s)}: posts would slip through at 30 s"
