"""Which JSON API a page is, or belongs to: for `nightjar add`. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from selectolax.lexbor import LexborHTMLParser

from storage.model import Response
from watchers.feed import Recognition
from watchers.reading.encoding import decode
from watchers.reading.links import absolute
from watchers.reading.markup import parse_html
from watchers.reading.presets import PRESETS, base_of, shape_of
from watchers.reading.queries import Json, find, load, truth

_LISTS_LOOKED_AT = 3
_SIGNS = {
    "id": ("id", "_id", "uuid", "guid"),
    "url": ("url", "link", "permalink", "html_url"),
    "title": ("title", "name", "subject"),
    "text": ("text", "body", "content", "description"),
    "pictures": ("pictures", "images", "photos", "image", "photo"),
    "price": ("price",),
    "posted": (
        "posted",
        "posted_at",
        "created_at",
        "createdAt",
        "published_at",
        "published",
        "date",
        "timestamp",
        "ts",
    ),
}


def recognised(page: Response) -> Recognition | None:
    """What the `json` kind thinks of a page: an answer of an API, or a page that names its API."""
    start = page.body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in {b"{", b"["}:
        try:
            root = load(decode(page))
        except ValueError:
            return None
        return _by_preset(page.url, root) or _by_keys(page.url, root)
    return _by_marks(page) if start == b"<" else None


def _by_preset(url: str, root: Json) -> Recognition | None:
    for name in PRESETS:
        shape = shape_of(name, root)
        if shape is not None and truth(find(shape.items, root)):
            why = f"the answer has the shape of the {name} API"
            return _found(0.97, _asking_more(name, url), {"preset": name}, why)
    return None


def _asking_more(name: str, url: str) -> str:
    """WordPress tells authors and pictures only when asked for `_embed`."""
    parts = urlsplit(url)
    if name != "wordpress" or any(
        key == "_embed" for key, _ in parse_qsl(parts.query, keep_blank_values=True)
    ):
        return url
    return f"{url}{'&' if parts.query else '?'}_embed=1"


def _by_keys(url: str, root: Json) -> Recognition | None:
    """A list of objects that have at least two of what posts have."""
    if isinstance(root, dict) and "jsonfeed.org" in str(root.get("version", "")):
        return None  # kind rss reads it
    for path, items in _lists(root):
        keys = {key for item in items[:20] if isinstance(item, dict) for key in item}
        rules: dict[str, object] = {
            name: sign
            for name, signs in _SIGNS.items()
            if (sign := next((s for s in signs if s in keys), None))
        }
        if len(rules) >= 3 and {"id", "url"} & set(rules) and {"title", "text", "pictures"} & set(rules):
            return _found(0.5, url, {"items": path, **rules}, "a list of objects that look like posts")
    return None


def _lists(root: Json) -> list[tuple[str, list[Json]]]:
    """The lists of an answer within three levels with their JMESPath, longest first."""
    found: list[tuple[str, list[Json]]] = []
    level: list[tuple[str, Json]] = [("@", root)]
    for _ in range(_LISTS_LOOKED_AT + 1):
        found += [(path, value) for path, value in level if isinstance(value, list) and value]
        level = [
            (key if path == "@" else f"{path}.{key}", inner)
            for path, value in level
            if isinstance(value, dict)
            for key, inner in value.items()
            if re.fullmatch(r"[A-Za-z_]\w{0,60}", key)
        ][:1000]
    return sorted(found, key=lambda pair: -len(pair[1]))[:10]


def _by_marks(page: Response) -> Recognition | None:
    """Pages of the four programs say whose they are in their head."""
    if not any(mark in page.body for mark in (b"iscourse", b"api.w.org", b"astodon", b"isoData")):
        return None
    tree = parse_html(decode(page))
    guesses = (guess(tree, page) for guess in (_discourse, _wordpress, _mastodon, _lemmy))
    return next((guess for guess in guesses if guess is not None), None)


def _discourse(tree: LexborHTMLParser, page: Response) -> Recognition | None:
    generator = tree.css_first("meta[name='generator'][content^='Discourse']")
    if generator is None:
        return None
    # The default order is by the last answer, which would bring old topics back.
    url = f"{base_of('discourse', page.url)}/latest.json?order=created"
    return _found(0.9, url, {"preset": "discourse"}, "a Discourse forum")


def _wordpress(tree: LexborHTMLParser, page: Response) -> Recognition | None:
    api = tree.css_first("link[rel='https://api.w.org/'][href]")
    root = absolute(page.url, (api.attributes.get("href") or "") if api is not None else "")
    if not root:
        return None
    asked = urlencode({"_embed": 1, "per_page": 20})
    if "rest_route=" in root:  # sites without pretty addresses: /?rest_route=/
        url = f"{root.rstrip('/')}/wp/v2/posts&{asked}"
    else:
        url = f"{root.rstrip('/')}/wp/v2/posts?{asked}"
    return _found(0.6, url, {"preset": "wordpress"}, "WordPress with its REST API")


def _mastodon(tree: LexborHTMLParser, page: Response) -> Recognition | None:
    if tree.css_first("#mastodon") is None or tree.css_first("#initial-state") is None:
        return None
    base, path = base_of("mastodon", page.url), urlsplit(page.url).path.rstrip("/")
    rules: dict[str, object] = {"preset": "mastodon"}
    if path in {"", "/public", "/public/local", "/explore"}:
        return _found(0.8, f"{base}/api/v1/timelines/public?local=true&limit=40", rules, "a Mastodon server")
    if tag := re.fullmatch(r"/tags/([^/]+)", path):
        return _found(0.8, f"{base}/api/v1/timelines/tag/{tag[1]}?limit=40", rules, "a Mastodon tag")
    return None


def _lemmy(tree: LexborHTMLParser, page: Response) -> Recognition | None:
    if not any("isoData" in (script.text() or "") for script in tree.css("script")[:20]):
        return None
    if b"lemmy" not in page.body.lower():
        return None
    query = {"sort": "New", "limit": "40"}
    if community := re.match(r"/c/([\w@.-]+)", urlsplit(page.url).path):
        query["community_name"] = community[1]
    url = f"{base_of('mastodon', page.url)}/api/v3/post/list?{urlencode(query)}"
    return _found(0.8, url, {"preset": "lemmy"}, "a Lemmy server")


def _found(confidence: float, url: str, rules: dict[str, object], why: str) -> Recognition:
    return Recognition(kind="json", confidence=confidence, url=url, rules=rules, why=why)
