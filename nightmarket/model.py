"""The words of the simulated night. All times aware UTC, all spans seconds.

Everything a site shows at an instant is a pure function of these values and that
instant: nothing here changes while the night is played.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Gone(StrEnum):
    """What a site answers for a post that is no more."""

    NOT_FOUND = "404"
    GONE = "410"
    SOFT = "soft404"
    """200 with a page that says so in words."""
    STUB = "stub"
    """200, the thread stands, a stub in place of the post."""
    EXPLAINED = "404-why"
    """404 with who removed it and why in the body."""
    HOME = "home"
    """302 to the front page."""
    CARD = "card"
    """A channel page without the message (Telegram's previews)."""


class Style(StrEnum):
    """The program a site runs: decides its listing and its post page."""

    RSS = "rss"
    RSS_SHORT = "rss-short"
    RDF = "rdf"
    ATOM = "atom"
    JSONFEED = "jsonfeed"
    DISCOURSE = "discourse"
    MASTODON = "mastodon"
    WORDPRESS = "wordpress"
    LEMMY = "lemmy"
    SHOP_API = "shop-api"
    TELEGRAM = "telegram"
    CLASSIFIED_LD = "classified-ld"
    CLASSIFIED = "classified"
    FORUM = "forum"
    BOARD = "board"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One marketplace.

    number: 1..31, gives the address 127.0.1.number. page_size/pages: posts on one listing
    page, and how many pages the configuration tells the daemon to follow. lag_s: age to
    which the listing is cached. keeps_pictures: pictures outlive their post. traits:
    names of the faults it suffers (see `faults.py`) and habits of its pages.
    """

    number: int
    name: str
    style: Style
    language: str
    zone: str
    window: tuple[str, str] = ("21:00", "06:00")
    encoding: str = "utf-8"
    gone: Gone = Gone.NOT_FOUND
    page_size: int = 20
    pages: int = 1
    lag_s: float = 0.0
    keeps_pictures: bool = True
    volume: float = 1.0
    traits: frozenset[str] = frozenset()

    @property
    def address(self) -> str:
        """Its loopback address."""
        return f"127.0.1.{self.number}"

    @property
    def reach(self) -> int:
        """How many newest posts a reader of the configured pages sees."""
        return self.page_size * self.pages


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSpec:
    """How to paint one picture: what lies where (layout), what it is (thing), then alterations."""

    layout: int
    thing: int
    changes: tuple[str, ...] = ()
    twist: int = 0

    @property
    def key(self) -> str:
        """Stable name, usable in an address."""
        parts = f"{self.layout:x}-{self.thing:x}"
        return parts + (f"-{'.'.join(self.changes)}-{self.twist:x}" if self.changes else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What a post says in one of its versions. title may be "" where the site has none."""

    title: str
    text: str
    price: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """From `at` on the post says `wording`."""

    at: datetime
    wording: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time [begin, end)."""

    begin: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether `moment` lies in it."""
        return self.begin <= moment < self.end

    @property
    def seconds(self) -> float:
        """Its length."""
        return max(0.0, (self.end - self.begin).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Advert:
    """One post of the night and its whole fate.

    key: "site/id", unique. alive: stretches on show (two when it was restored; the last
    may end after the night). illicit: ground truth. thing: the truth item (same thing,
    same number, over re-posts and accounts), 0 for benign posts. kind: plain, code,
    vague, silent (illicit) or ordinary, colour, lookalike, news, replica, layout (benign).
    ring: number of the seller ring, 0 none. hints: what could give it away (judge only).
    """

    key: str
    site: int
    post_id: str
    seller: str
    first: Wording
    edits: tuple[Edit, ...]
    pictures: tuple[PictureSpec, ...]
    alive: tuple[Span, ...]
    cause: str
    illicit: bool
    kind: str
    product: str = ""
    thing: int = 0
    ring: int = 0
    place: str = ""
    hints: tuple[str, ...] = ()

    @property
    def published(self) -> datetime:
        """When it first appeared."""
        return self.alive[0].begin

    def is_alive(self, moment: datetime) -> bool:
        """Whether it is on show at `moment`."""
        return any(span.holds(moment) for span in self.alive)

    def wording(self, moment: datetime) -> Wording:
        """What it says at `moment`."""
        said = self.first
        for edit in self.edits:
            if edit.at <= moment:
                said = edit.wording
        return said

    def version(self, moment: datetime) -> int:
        """How many edits have happened by `moment`."""
        return sum(edit.at <= moment for edit in self.edits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A fault that a site (0: the chat) shows through a stretch of time.

    kind: down, captcha, busy (429), login, blip (pages answer 404), layout, chat-down.
    """

    site: int
    kind: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One seeded night: sites, adverts in order of appearance, and their troubles.

    start..end is the part that is played and judged. interval_s: the poll interval that
    the daemon is configured with. gallery: pictures known from earlier cases.
    """

    seed: int
    size: str
    start: datetime
    end: datetime
    interval_s: float
    sites: tuple[Site, ...]
    adverts: tuple[Advert, ...]
    troubles: tuple[Trouble, ...]
    gallery: tuple[PictureSpec, ...]
    unknown_words: tuple[str, ...]
