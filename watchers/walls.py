"""Walls: answers that stand in front of the page instead of being it. Pure.

A wall is named only on strong marks: a status or header that says so, a redirect to a
log-in page, the machinery of a known challenge, or the words of one on a page with
little else. An ordinary page with a log-in link, or with a captcha in its comment form,
is not a wall. The marks are from the pages these systems send, as seen in public.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from storage.model import Response
from watchers.glance import GLANCE_BYTES, Glance, glance, is_markup
from watchers.gone import soft_404
from watchers.wall_marks import LOGIN_TITLES, MARKS, TITLES, Mark, Sure

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

__all__ = ["Wall", "soft_404", "wall"]

THIN_CHARS = 900
"""A challenge says its sentence or two; a real page says more."""
SPARE_CHARS = 350
"""For words that ordinary pages use too ("log in to view the hidden part")."""
BARE_CHARS = 60
"""For captcha widgets, which the shortest adverts have in their contact form."""
_ROOM = {Sure.THIN: THIN_CHARS, Sure.SPARE: SPARE_CHARS, Sure.BARE: BARE_CHARS}
_SEPARATORS = re.compile(r"\s+[-–—|:·•]+\s+|[|_]|\.{2,}|…")
_BOX = re.compile(r"id\s*=\s*[\"']?(?:messagetext|message)\b", re.IGNORECASE)
_BOX_CHARS = 800
_PASSWORD = re.compile(r"<input[^<>]{0,300}type\s*=\s*[\"']?password", re.IGNORECASE)
_STATUS = {401: "login", 403: "forbidden", 407: "forbidden", 451: "forbidden", 999: "forbidden"}
# 999 is no standard; one large network answers robots with it.
_REFUSING = frozenset({401, 403, 405, 406, 407, 418, 423, 429, 451, 503, 999})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """kind: challenge, captcha, login, consent or forbidden.

    whole_host: the host bars us altogether, not only from this page.
    """

    kind: str
    why: str
    whole_host: bool = False


def wall(response: Response) -> Wall | None:
    """The wall that `response` is, or None."""
    if response.status in (304, 204):
        return None
    return _by_header(response) or _by_redirect(response) or _by_page(response) or _by_status(response)


_TELLS = frozenset({"cf-mitigated", "x-amzn-waf-action", "x-datadome"})
_TELLING = frozenset(map(len, _TELLS))


def _by_header(response: Response) -> Wall | None:
    """Headers by which a protection service says itself that it stepped in."""
    for name, _ in response.headers:  # one look over the names instead of three, nearly always in vain
        if len(name) in _TELLING and name.lower() in _TELLS:
            break
    else:
        return None
    if response.header("cf-mitigated").lower() == "challenge":
        return Wall(kind="challenge", why="Cloudflare challenge (cf-mitigated)", whole_host=True)
    action = response.header("x-amzn-waf-action").lower()
    if action in ("captcha", "challenge"):
        return Wall(kind=action, why=f"AWS WAF {action}", whole_host=True)
    if response.header("x-datadome").lower() == "protected" and response.status in _REFUSING:
        return Wall(kind="captcha", why="DataDome", whole_host=True)
    return None


# --- redirects ------------------------------------------------------------------------


_LOGIN_SEGMENTS = frozenset(
    {
        *("login", "log-in", "login.php", "login.html", "login.aspx", "login.jsp", "login.htm", "logon"),
        *("signin", "sign-in", "sign_in", "signin.html", "wp-login.php", "account-login", "user-login"),
        *("member-login", "passport", "authwall", "auth_wall", "checkpoint"),
    }
)
_LOGIN_PAIRS = (("session", "new"), ("sessions", "new"), ("oauth", "authorize"), ("visitor", "visitor"))
_LOGIN_HOSTS = ("passport.", "login.", "signin.", "sso.", "accounts.", "auth.", "account.")
_LOGIN_QUERIES = ("mod=logging", "mode=login", "action=login", "act=login")
_CAPTCHA_SEGMENTS = frozenset(
    {
        *("captcha", "captcha.html", "captcha.php", "antibot", "unhuman", "punish", "verifycode", "sorry"),
        *("robotcheck", "validatecaptcha", "anti-spider", "antispider", "showcaptcha", "human-verification"),
    }
)
_CAPTCHA_HOSTS = ("captcha.", "sec.", "verify.", "validate.", "wappass.", "antibot.")
_CONSENT_HOSTS = ("consent.", "guce.", "myprivacy.", "cmp.")
_CONSENT_SEGMENTS = frozenset({"consent", "cookie-consent", "privacy-consent", "collectconsent"})


def _by_redirect(response: Response) -> Wall | None:
    """Sent elsewhere, to a place that serves to bar the way."""
    if not response.hops:
        return None
    asked, came = urlsplit(response.requested_url), urlsplit(response.url)
    kind = _barrier(came)
    if not kind or kind == _barrier(asked):
        return None
    whole = kind == "captcha"
    return Wall(kind=kind, why=f"redirected to {came.netloc}{came.path[:100]}", whole_host=whole)


def _barrier(parts: SplitResult) -> str:
    """What an address looks like the entrance of: login, captcha, consent or ""."""
    host = (parts.hostname or "").lower()
    segments = [s for s in parts.path.lower().split("/") if s]
    if host.startswith(_CAPTCHA_HOSTS) or not _CAPTCHA_SEGMENTS.isdisjoint(segments):
        return "captcha"
    if host.startswith(_CONSENT_HOSTS) or not _CONSENT_SEGMENTS.isdisjoint(segments):
        return "consent"
    query = parts.query.lower().split("&")
    named = not _LOGIN_SEGMENTS.isdisjoint(segments) or any(q in query for q in _LOGIN_QUERIES)
    paired = any(pair in pairwise(segments) for pair in _LOGIN_PAIRS)
    return "login" if named or paired or host.startswith(_LOGIN_HOSTS) else ""


# --- the page itself --------------------------------------------------------------------


@cache
def _automaton() -> tuple[BytesAhoCorasick, tuple[Mark, ...]]:
    """All marks in the encodings their language is written in, for one pass over the bytes."""
    from ahocorasick_rs import BytesAhoCorasick, Implementation

    patterns: dict[bytes, Mark] = {}
    for mark in MARKS:
        for written in _written(mark.text):
            patterns.setdefault(written, mark)
    return BytesAhoCorasick(list(patterns), implementation=Implementation.DFA), tuple(patterns.values())


def _by_page(response: Response) -> Wall | None:
    if not is_markup(response):
        return None
    automaton, marks = _automaton()
    body = response.body[:GLANCE_BYTES]
    hits = {index for index, _, _ in automaton.find_matches_as_indexes(body, True)}
    found = [marks[index] for index in sorted(hits)]
    refusing = response.status in _REFUSING
    sure = next((m for m in found if m.sure is Sure.ALWAYS or (refusing and m.sure is Sure.REFUSED)), None)
    if sure is not None:
        return Wall(kind=sure.kind, why=sure.why, whole_host=sure.kind != "login")
    if found or _maybe_titled(body) or refusing:
        return _by_words(response, found, refusing=refusing)
    return None


_TITLE_BYTES = re.compile(rb"<title[^<>]{0,200}>([^<]{0,300})", re.IGNORECASE)


def _maybe_titled(body: bytes) -> bool:
    """Whether the title could be one of a wall, by bytes alone: spares ordinary pages the glance."""
    title = _TITLE_BYTES.search(body)
    return title is not None and any(word in title.group(1).lower() for word in _title_bytes())


@cache
def _title_bytes() -> tuple[bytes, ...]:
    return tuple({w for t in (*TITLES, *LOGIN_TITLES) for w in _written(t.lower())})


def _written(text: str) -> list[bytes]:
    """`text` in the encodings pages of its language come in."""
    found = []
    for encoding in ("ascii",) if text.isascii() else ("utf-8", "gb18030", "big5", "cp1251"):
        with suppress(UnicodeEncodeError):
            found.append(text.encode(encoding))
    return found


def _by_words(response: Response, found: list[Mark], *, refusing: bool) -> Wall | None:
    """Marks and titles that count only when the page says little else, or the status refuses."""
    page = glance(response)
    room, boxed = len(page.text), _message_box(page)
    if "<textarea" in page.lower:
        found = [mark for mark in found if refusing or mark.sure is not Sure.BARE]
    for mark in found:
        if refusing or room <= _ROOM.get(mark.sure, 0) or mark.text in boxed:
            return Wall(kind=mark.kind, why=mark.why, whole_host=mark.kind in ("challenge", "captcha"))
    return _titled(page) if refusing or room <= THIN_CHARS else None


def _message_box(page: Glance) -> str:
    """What a board's own message page says (Discuz, phpBB), whatever stands around it."""
    start = _BOX.search(page.source)
    return page.source[start.end() : start.end() + _BOX_CHARS] if start else ""


def _titled(page: Glance) -> Wall | None:
    parts = [p.strip(" .!") for p in _SEPARATORS.split(page.title.lower())]
    kind = next((TITLES[p] for p in parts[:1] if p in TITLES), None)
    if kind is not None:
        why = f"the page is titled {page.title[:80]!r}"
        return Wall(kind=kind, why=why, whole_host=kind in ("challenge", "captcha"))
    if any(p in LOGIN_TITLES for p in parts) and _PASSWORD.search(page.source):
        return Wall(kind="login", why=f"a log-in form titled {page.title[:80]!r}")
    return None


def _by_status(response: Response) -> Wall | None:
    kind = _STATUS.get(response.status)
    if kind is None and response.status == 999:
        kind = "forbidden"
    return (
        None
        if kind is None
        else Wall(kind=kind, why=f"answered {response.status} {response.reason}".rstrip())
    )
