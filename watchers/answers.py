"""Reading what an answer asks of us: to go elsewhere, or to wait. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from storage.model import Response

REDIRECTS = frozenset({301, 302, 303, 307, 308})
BUSY = frozenset({429, 503})


def location(answer: Response) -> str:
    """Where a redirect points, as text, or "" when the answer is none.

    Raw UTF-8 in the header, as many sites send it, is read as such.
    """
    if answer.status not in REDIRECTS:
        return ""
    raw = answer.header("Location").strip()
    try:
        return raw.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return raw


def retry_after_s(answer: Response, now: datetime) -> float | None:
    """Seconds to wait by Retry-After in either form (RFC 9110, 10.2.3), or None when it says nothing.

    A date is compared with `now` (aware UTC); one in the past means 0.
    """
    text = answer.header("Retry-After").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    try:
        return max(0.0, (when - now).total_seconds())
    except OverflowError:
        return None
