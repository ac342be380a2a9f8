"""What a listing says that cannot be so: the troubles of a host that lies, in words. Pure.

On the path: the watch tells what each poll showed; what stays in doubt goes to the target's
health, and two doubts change how it is asked: a host that answers 304 although its posts have
changed is asked without validators, and further pages that never end are not followed while
the first shows known posts. One sign is chance, three in a row are a habit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime

from storage.model import Response, Validators

NOTHING = Validators()
HABIT = 3
"""So many signs in a row count."""
EMPTY_TWICE = 2
HELD_S = 6 * 3600.0
"""A doubt is forgotten when it was not renewed for so long."""
FIRST_FULL_S, FULL_S = 120.0, 900.0
"""A listing is asked for without validators after this, then after twice as long each time, up to
`FULL_S`: a server may answer 304 for ever (monitoring facts, 11), and a new one is not known yet."""
RECHECK_S = 300.0
"""Where listed words change at every poll, one post's page is asked for no more often than this."""
MOST_RECHECKED = 5_000
CLOCK_OFF = timedelta(hours=24)
FEW = 3
VALIDATORS = "its validators change although its content does not"
UNMODIFIED = "it answered 304 although its posts had changed: it is asked without validators"
ENDLESS = "its further pages bring ever new posts below known ones: they are not followed"
REORDERED = "its posts stand in another order at each poll"
REUSED = "ids come again with other words, poll after poll: they may be other posts"
EMPTY = "it is empty now and then"
CLOCK = "its clock is off by more than a day"
FULL = "it shows as many posts as are read of one page: what stands below is not seen"


class Honesty:
    """The doubts about one target's listing. All times are monotonic seconds."""

    __slots__ = (
        "_bound", "_changing", "_deep", "_doubts", "_empty", "_full_at", "_full_s", "_last", "_moved",
        "_rechecked", "_reordered", "_reused", "_unmodified",
    )  # fmt: skip

    def __init__(self, bound: int = 0) -> None:
        self._bound = bound
        self._doubts: dict[str, float] | None = None
        """Since when; with `_rechecked` None while there is none, as of nearly every target."""
        self._full_at: float | None = None
        self._full_s = FIRST_FULL_S
        self._last: Sequence[str] = ()
        self._rechecked: dict[str, float] | None = None
        self._changing = self._deep = self._empty = self._moved = self._reordered = self._reused = 0
        self._unmodified = False

    # --- how it is asked ----------------------------------------------------------------

    def validators(self, held: Validators, now_s: float) -> Validators | None:
        """What the next poll is asked with; None: the whole listing is wanted."""
        if self._full_at is None or now_s - self._full_at >= self._full_s or self._doubts_that(UNMODIFIED):
            return None
        return held

    def answered_whole(self, now_s: float) -> None:
        """A poll brought a listing and not a 304."""
        if self._full_at is not None:
            self._full_s = min(2 * self._full_s, FULL_S)
        self._full_at = now_s

    def follows(self, *, known: bool) -> bool:
        """Whether further pages are worth reading. known: the first shows posts that were known."""
        return not self._doubts_that(ENDLESS) or not known

    def rechecks(self, post_id: str, now_s: float) -> bool:
        """Whether the page of a post whose listed words changed is asked for now."""
        if not self._doubts_that(REUSED):
            return True
        rechecked = self._rechecked or {}
        if now_s - rechecked.get(post_id, -RECHECK_S) < RECHECK_S:
            return False
        self._rechecked = {} if len(rechecked) >= MOST_RECHECKED else rechecked
        self._rechecked[post_id] = now_s
        return True

    @property
    def often_empty(self) -> bool:
        """Whether an empty listing is nothing new."""
        return self._doubts_that(EMPTY)

    # --- what it showed -----------------------------------------------------------------

    def unmodified(self) -> None:
        """It answered 304."""
        self._changing, self._unmodified = 0, True

    def same_bytes(self, asked: Validators, now_s: float) -> None:
        """The bytes of the poll before came again. asked: validators it had been asked with, if any."""
        self._unmodified = False
        if asked is not NOTHING and asked != NOTHING:
            self._changing += 1
            self._note(VALIDATORS, now_s, when=self._changing >= HABIT)

    def same_posts(self, page: Response, count: int, now_s: float) -> None:
        """Other bytes showed the posts of the poll before, in their order: a counter, a build date."""
        self._unmodified = False
        self._reordered = self._reused = self._moved = 0
        self._note(FULL, now_s, when=0 < self._bound <= count)
        self._note(CLOCK, now_s, when=self._doubts_that(CLOCK) and _clock_is_off(page))

    def moved(self) -> None:
        """A known post is listed with other words."""
        self._moved += 1

    def deep(self, now_s: float, *, invented: bool) -> None:
        """Further pages were read to the last allowed; invented: all on it new, below known posts."""
        self._deep = self._deep + 1 if invented else 0
        self._note(ENDLESS, now_s, when=self._deep >= HABIT)

    def read(
        self, page: Response, held: Validators, shown: Sequence[str], now_s: float, *, changed: bool
    ) -> None:
        """A listing was read. held: validators of the one before; changed: it had new or changed posts."""
        same = _same_validators(page, held)
        self._note(UNMODIFIED, now_s, when=self._unmodified and same and changed)
        self._unmodified = False
        if not self._bound or len(shown) < self._bound:
            (self._doubts or {}).pop(FULL, None)
        self._note(FULL, now_s, when=0 < self._bound <= len(shown))
        self._note(CLOCK, now_s, when=_clock_is_off(page))
        if not shown:
            self._empty += bool(self._last)
            self._note(EMPTY, now_s, when=self._empty >= EMPTY_TWICE)
            self._moved = 0
            return
        self._compare(shown, now_s)
        self._last, self._moved = tuple(shown), 0

    def _compare(self, shown: Sequence[str], now_s: float) -> None:
        before, here = frozenset(self._last), frozenset(shown)
        old, new = [i for i in self._last if i in here], [i for i in shown if i in before]
        self._reordered = self._reordered + 1 if len(old) >= FEW and old != new else 0
        self._note(REORDERED, now_s, when=self._reordered >= HABIT)
        many = len(old) >= FEW and 2 * self._moved >= len(old)
        self._reused = self._reused + 1 if many else 0
        self._note(REUSED, now_s, when=self._reused >= HABIT)

    # --- in words -----------------------------------------------------------------------

    def _note(self, doubt: str, now_s: float, *, when: bool) -> None:
        if when:
            self._doubts = self._doubts or {}
            self._doubts[doubt] = now_s

    def _doubts_that(self, doubt: str) -> bool:
        return self._doubts is not None and doubt in self._doubts

    @property
    def doubted(self) -> bool:
        """Whether anything is in doubt."""
        return bool(self._doubts)

    def words(self, now_s: float) -> str:
        """What is in doubt, or ""."""
        if not self._doubts:
            return ""
        for doubt, at in list(self._doubts.items()):
            if now_s - at > HELD_S:
                del self._doubts[doubt]
        return "the listing is not to be trusted: " + "; ".join(sorted(self._doubts)) if self._doubts else ""


def _same_validators(page: Response, held: Validators) -> bool:
    """Whether an answer names itself as the one before did."""
    if held.etag:
        return page.header("ETag") == held.etag
    return bool(held.last_modified) and page.header("Last-Modified") == held.last_modified


def _clock_is_off(page: Response) -> bool:
    """Whether the host's own time (RFC 9110, 6.6.1) is far from ours."""
    try:
        said = parsedate_to_datetime(page.header("Date"))
        return abs(said - page.ended_at) > CLOCK_OFF
    except (ValueError, TypeError, IndexError, OverflowError):
        return False  # none, or unreadable, or without a zone
