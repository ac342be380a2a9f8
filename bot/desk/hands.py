"""What the desk asks of the rest of the daemon; handed in, since the desk looks at no watcher."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime

from bot.words import plain
from storage.errors import (
    AskedToWait,
    Blocked,
    FeedTrouble,
    HostDown,
    Refused,
    RobotsForbid,
    TooBig,
    Worded,
)
from storage.model import Evidence, Picture, PictureMatch, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTarget:
    """A target somebody wants watched, with by whose right."""

    url: str
    legal_basis: str
    authorised_by: str
    review_after: date


class HandsRefused(Worded):
    """What was asked for cannot be done; the words say why, for the officer."""


def site_refused(trouble: FeedTrouble) -> HandsRefused:  # noqa: PLR0911 -- one a kind
    """Why a site did not give a page: the kind in words that are translated, its details as they are."""
    why = plain(trouble.why, 300)
    match trouble:
        case HostDown():
            return HandsRefused("the site does not answer ({why})", why=why)
        case AskedToWait():
            return HandsRefused("the site asked us to wait ({why})", why=why)
        case Blocked():
            return HandsRefused("the site asks for a log-in or a captcha ({why})", why=why)
        case Refused():
            return HandsRefused("this address is not fetched by us ({why})", why=why)
        case RobotsForbid():
            return HandsRefused("the site's robots.txt forbids it ({why})", why=why)
        case TooBig():
            return HandsRefused("the page is too large ({why})", why=why)
        case _:
            return HandsRefused("the page could not be had ({why})", why=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What the rest of the daemon does for the desk; tip, describe and add raise HandsRefused.

    tip: captures an address now (url, who, asked at) and gives its evidence, or what was captured of it
    since it was asked for. describe: hashes of a picture's bytes. near: kept pictures that resemble a hash
    within so many bits. progress: of every target. troubles: why the watch is not fit for the night. add:
    writes a target, gives its name.
    """

    tip: Callable[[str, str, datetime], Awaitable[Evidence]]
    describe: Callable[[bytes], Awaitable[Picture]]
    near: Callable[[str, int], tuple[PictureMatch, ...]]
    progress: Callable[[], tuple[Progress, ...]]
    troubles: Callable[[], tuple[str, ...]]
    add: Callable[[NewTarget], Awaitable[str]]
