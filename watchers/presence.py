"""What one look at a post says: there, gone, or nothing at all. Pure.

Only the site's own word about this very post can mean "gone": 404, 410, a page that says
so, or a numbered listing that shows its neighbours without it. A wall, a broken line or a
silent host says nothing about the post, whatever the status was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from storage.errors import AskedToWait, Blocked, FeedTrouble, HostDown
from storage.model import Presence, Response, Watched
from watchers import cadence
from watchers.walls import soft_404


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found. `page` is the answer that says so, where there was one."""

    presence: Presence
    why: str = ""
    page: Response | None = None
    started_at: datetime
    ended_at: datetime


_BY_STATUS = {
    404: Presence.GONE_404,
    410: Presence.GONE_410,
    401: Presence.BLOCKED,
    403: Presence.BLOCKED,
    407: Presence.BLOCKED,
    451: Presence.BLOCKED,
}


def classify(page: Response, title: str, target_url: str) -> tuple[Presence, str]:
    """What an answer of the post's own page says about the post, and why; pure."""
    if page.status != 200:
        other = Presence.HOST_DOWN if page.status >= 500 else Presence.UNKNOWN
        return _BY_STATUS.get(page.status, other), f"answered {page.status} {page.reason}".rstrip()
    if page.shortfall:
        return Presence.UNKNOWN, page.shortfall
    if why := _sent_away(page, target_url):
        return Presence.SOFT_404, why
    if soft_404(page, title):
        return Presence.SOFT_404, "the page says that the post is gone"
    return Presence.ALIVE, ""


def _sent_away(page: Response, target_url: str) -> str:
    """Why a redirect means that the post is gone: it led to the listing or the front page."""
    if not page.hops:
        return ""
    if _same_page(page.url, target_url) and not _same_page(page.requested_url, target_url):
        return "redirected to the listing"
    if urlsplit(page.url).path in ("", "/") and urlsplit(page.requested_url).path not in ("", "/"):
        return "redirected to the front page"
    return ""


def sure_at(page: Response) -> datetime:
    """The latest instant at which what `page` shows was surely so: the start of its request.

    A cache on the way says in `Age` how old its copy is (RFC 9111, section 5.1); what is
    shown was made that much earlier.
    """
    age = page.header("Age").strip()
    stale_s = int(age) if age.isascii() and age.isdigit() and len(age) < 9 else 0
    return page.started_at - timedelta(seconds=stale_s)


def classify_trouble(trouble: FeedTrouble) -> tuple[Presence, str]:
    """What a failed request says: never that the post is gone."""
    match trouble:
        case Blocked(wall="login"):
            return Presence.LOGIN_WALL, trouble.why
        case Blocked():
            return Presence.BLOCKED, trouble.why
        case HostDown():
            return Presence.HOST_DOWN, trouble.why
        case AskedToWait():
            return Presence.UNKNOWN, f"asked to wait: {trouble.why}"
        case _:
            return Presence.UNKNOWN, trouble.why


def conclude(row: Watched, look: Look, *, contested: bool = False) -> tuple[Watched, bool]:
    """The row after a look that says "gone" with its control, and whether that settles it.

    Settled after `cadence.CONFIRMATIONS` such looks over at least `cadence.CONFIRM_SPAN_S`.
    contested: the listing of that moment still shows the post. Such a look may be a passing
    404, with the true end yet to come: it never ends the reported interval, and as long as
    all are contested, `cadence.CONTESTED_LOOKS` are needed.
    """
    looks = row.missing_looks + 1
    settled = contested and looks >= cadence.CONTESTED_LOOKS
    first = row.first_missing_at or look.ended_at
    if contested:
        first = look.ended_at
    else:
        span = (look.ended_at - first).total_seconds()
        settled = looks >= cadence.CONFIRMATIONS and span >= cadence.CONFIRM_SPAN_S
    row = replace(
        row,
        first_missing_at=first if settled or not contested else None,
        missing_looks=looks,
        missing_class=row.missing_class or look.presence.value,
    )
    return row, settled


def _same_page(a: str, b: str) -> bool:
    left, right = urlsplit(a), urlsplit(b)
    return (left.netloc, left.path.rstrip("/")) == (right.netloc, right.path.rstrip("/"))
