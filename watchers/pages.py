"""Reading a page whole: what it lists or says, and the fingerprints that tell edits. Pure.

The same functions run in the daemon for light pages and in a page worker for heavy ones
(`readers` decides). Not here: fetching, comparing with what is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storage.model import Listing, Post, Response
from watchers.feed import load
from watchers.reading.anew import Again, Memo
from watchers.reading.fingerprint import fingerprint

ANSWER_MAX_BYTES = 2_000_000
"""Of what a page worker may answer: more is cut there, and refused here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadListing:
    """A listing, and the fingerprint of each of its posts in the same order."""

    listing: Listing
    prints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPost:
    """A post completed from its page.

    alone: fingerprint of what the page says by itself, with nothing of the listing.
    """

    post: Post
    alone: str


Found = ReadListing | ReadPost | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be read. do: "listing", "post" or "alone"; the last two read for `post`."""

    do: str
    kind: str
    page: Response
    rules: object
    now: datetime
    post: Post | None = None


def read(job: Job) -> Found:
    """Do a job. Raises BadPage."""
    if job.do == "listing":
        return read_listing(job.kind, job.page, job.rules, job.now)
    assert job.post is not None
    read_one = read_post if job.do == "post" else read_alone
    return read_one(job.kind, job.page, job.post, job.rules, job.now)


def read_listing(kind: str, page: Response, rules: object, now: datetime) -> ReadListing:
    """The posts of a listing page. Raises BadPage."""
    listing = load(kind).parse(page, rules, now)
    return ReadListing(listing=listing, prints=tuple(fingerprint(post) for post in listing.posts))


def can_reread(kind: str) -> bool:
    """Whether a kind can read what is new in a listing alone."""
    return hasattr(load(kind), "reread")


def reread_listing(
    kind: str, page: Response, rules: object, now: datetime, *, again: Again, memo: Memo | None
) -> tuple[ReadListing, Memo] | None:
    """As `read_listing` where the kind can read what is new alone; None when it cannot.

    A post that is known with the same fingerprint still is given with its id and address alone.
    memo: what was kept of the last reading.
    """
    found = load(kind).reread(page, rules, now, again, memo)  # type: ignore[attr-defined]  # by `can_reread`
    return (ReadListing(listing=found[0], prints=found[1]), found[2]) if found is not None else None


def read_post(kind: str, page: Response, post: Post, rules: object, now: datetime) -> ReadPost:
    """`post` completed from its own page. Raises BadPage."""
    feed, bare = load(kind), _bare(post)
    if hasattr(feed, "details"):  # the page is parsed once, and what costs most is read once
        whole, alone = feed.details(page, (post, bare), rules, now)
    else:
        whole, alone = (feed.detail(page, one, rules, now) for one in (post, bare))
    return ReadPost(post=whole, alone=fingerprint(alone))


def read_alone(kind: str, page: Response, post: Post, rules: object, now: datetime) -> str:
    """Fingerprint of what a post's own page says by itself: tells edits. Raises BadPage."""
    return fingerprint(load(kind).detail(page, _bare(post), rules, now))


def _bare(post: Post) -> Post:
    """A post of which nothing is known but where it stands."""
    return Post(post_id=post.post_id, url=post.url)
