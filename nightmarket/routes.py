"""Which thing of a site an address names, and the answer it gets when nothing is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nightmarket.model import Advert, Style
from nightmarket.pages import api, classified, feeds, forum, telegram
from nightmarket.pages.common import Answer, Desk, frame, gone, text_answer

FEEDS = frozenset({Style.RSS, Style.RSS_SHORT, Style.RDF, Style.ATOM, Style.JSONFEED})
CLASSIFIEDS = frozenset({Style.CLASSIFIED, Style.CLASSIFIED_LD})
FORUMS = frozenset({Style.FORUM, Style.BOARD})
_PICTURE = re.compile(r"/(img|thumb)/(\d+)/(\d)\.jpg\Z")
_PAGES = (
    re.compile(r"/(?:p|item)/(\d+)\.html\Z"),
    re.compile(r"/(?:t/[\w-]+|archives|post|goods|@[^/]+)/(\d+)(?:/1)?/?\Z"),
    re.compile(r"/thread-(\d+)-\d+-\d+\.html\Z"),
)
_SINGLES = re.compile(
    r"/(?:t/(?:[\w-]+/)?|api/v1/statuses/|wp-json/wp/v2/posts/|api/items/)(\d+)(?:\.json)?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an address names.

    kind: listing, posts, page, single, picture, thumb, static, robots, login, home, none.
    """

    kind: str
    post_id: str = ""
    picture: int = 0


def start(style: Style, name: str) -> str:
    """The path of the listing that a watcher is given."""
    if style in FEEDS:
        return "/feed"
    if style is Style.TELEGRAM:
        return f"/s/{name}"
    return api.LISTING.get(style, "/list")


def place(style: Style, name: str, path: str, query: dict[str, str]) -> Place:
    """What `path` names on a site of that style."""
    fixed = {"/robots.txt": "robots", "/login": "login", "/": "home", "/about": "home"}
    fixed |= {start(style, name): "listing", api.LISTING.get(style, "/feed"): "listing"}
    if style is Style.DISCOURSE:
        fixed["/posts.json"] = "posts"
    if path in fixed:
        return Place(kind=fixed[path])
    if path.startswith("/static/"):
        return Place(kind="static")
    if found := _PICTURE.match(path):
        kind = "picture" if found[1] == "img" else "thumb"
        return Place(kind=kind, post_id=found[2], picture=int(found[3]))
    return _post(style, name, path, query)


def _post(style: Style, name: str, path: str, query: dict[str, str]) -> Place:
    if style is Style.TELEGRAM:
        prefix, _, post_id = path.rpartition("/")
        if prefix == f"/s/{name}":
            return Place(kind="listing", post_id=post_id)
        return Place(kind="page", post_id=post_id) if prefix == f"/{name}" else Place(kind="none")
    if path in ("/viewtopic.php", "/api/v3/post"):
        asked, kind = ("t", "page") if path == "/viewtopic.php" else ("id", "single")
        return Place(kind=kind, post_id=query.get(asked, ""))
    if (found := _SINGLES.match(path)) and (path.endswith(".json") or "/api/" in path or "wp-json" in path):
        return Place(kind="single", post_id=found[1])
    for pattern in _PAGES:
        if found := pattern.match(path):
            return Place(kind="page", post_id=found[1])
    return Place(kind="none")


def answer(desk: Desk, where: Place) -> Answer:
    """The answer of a site that is well. Pictures are painted elsewhere (`server.py`)."""
    advert = desk.shelf.by_id.get(where.post_id)
    if where.kind in ("page", "single"):
        known = advert if advert is not None and advert.published <= desk.now else None
        return _page(desk, known) if where.kind == "page" else _single(desk, known)
    fixed = {
        "robots": _robots,
        "static": _static,
        "login": login,
        "home": _home,
        "listing": _listing,
        "posts": api.posts_json,
    }
    return fixed.get(where.kind, not_found)(desk)


def _single(desk: Desk, advert: Advert | None) -> Answer:
    is_there = advert is not None and advert.is_alive(desk.now)
    return api.single(desk, advert) if advert is not None and is_there else api.missing(desk)


def _static(_: Desk) -> Answer:
    return Answer(body=_GIF, content_type="image/gif")


def _home(desk: Desk) -> Answer:
    return text_answer(desk, frame(desk, desk.site.name, "<h1>Welcome</h1>"), "text/html")


def _listing(desk: Desk) -> Answer:
    style = desk.site.style
    if style in FEEDS:
        return feeds.listing(desk)
    if style is Style.TELEGRAM:
        return telegram.listing(desk)
    if style in CLASSIFIEDS:
        return classified.listing(desk)
    return forum.listing(desk) if style in FORUMS else api.listing(desk)


def _page(desk: Desk, advert: Advert | None) -> Answer:
    style = desk.site.style
    is_there = advert is not None and advert.is_alive(desk.now)
    if style is Style.TELEGRAM:
        return telegram.post_page(desk, advert if is_there else None)
    if advert is None:
        return not_found(desk)
    if not is_there:
        return gone(desk, advert)
    if style in CLASSIFIEDS:
        return classified.post_page(desk, advert)
    return forum.post_page(desk, advert) if style in FORUMS else feeds.post_page(desk, advert)


def not_found(desk: Desk) -> Answer:
    """A plain 404."""
    return text_answer(desk, frame(desk, "404 Not Found", "<h1>404 Not Found</h1>"), "text/html", status=404)


def login(desk: Desk) -> Answer:
    """The log-in page."""
    form = (
        '<h1>Log in</h1><form method="post" action="/login">'
        '<input name="user"><input type="password" name="pass">'
        f'<input type="hidden" name="csrf" value="{desk.token()}"><button>Log in</button></form>'
    )
    return text_answer(desk, frame(desk, "Log in", form), "text/html")


def captcha(desk: Desk) -> Answer:
    """The page that stands before everything while the site suspects robots."""
    content = (
        "<h1>Please verify you are a human</h1><p>Complete the captcha to continue.</p>"
        f'<div class="g-recaptcha" data-sitekey="{desk.token()}"></div>'
        '<script src="https://www.google.com/recaptcha/api.js" async defer></script>'
    )
    return text_answer(desk, frame(desk, "Security check", content), "text/html", status=403)


def _robots(desk: Desk) -> Answer:
    if desk.site.number % 2:
        return not_found(desk)
    return Answer(body=b"User-agent: *\nDisallow: /admin\n", content_type="text/plain")


_GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
