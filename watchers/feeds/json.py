"""Feed kind `json`: any JSON API, read by JMESPath, with presets for four programs.

JMESPath: https://jmespath.org/. Presets (WordPress REST, Discourse, Mastodon, Lemmy) and
their sources stand in `watchers.reading.presets`. JSON Feed is of kind `rss`.

Ids: the `id` expression, else the address, else a hash of the content (which then makes
an edit a new post: give an id). Times without a zone are read in `zone`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from storage.errors import BadPage
from storage.model import NO_PAGE, Listing, PictureRef, Post, Response
from watchers.feed import Recognition
from watchers.reading.contents import is_picture_address, line, read_html, words
from watchers.reading.encoding import decode
from watchers.reading.links import absolute
from watchers.reading.pictures import together
from watchers.reading.presets import PRESETS, Shape, base_of, enriched, next_of, preloaded, shape_of
from watchers.reading.queries import Json, check, check_template, fill, find, load, raw, truth
from watchers.reading.text import clean
from watchers.reading.times import read_time

OWN_PAGE = True
_REPLY = re.compile(r"/t/[^/]*/\d+/\d+$")
_BLANK = b"\xef\xbb\xbf \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of `[target.rules]` for a JSON API; with a preset all others may be left out.

    preset: the program that answers. items: JMESPath to the list of posts (default: the
    answer itself, or its longest list of objects). id, url, title, text, seller, seller_url,
    price, location, posted, edited, pictures: JMESPath within one post; `url` may be a
    template ("{base}/t/{slug}/{id}"), `pictures` may find addresses or objects with url,
    alt and role. extra: further named expressions. next: the next page, in the whole answer.
    single: where the post is in the answer of its own address, when that is JSON.
    base: what {base} stands for (default: scheme and host). page: whether the post's own
    page is fetched too (default: as the preset has it, else yes). zone: IANA zone of times
    that name none. max_items, max_pages: bounds; further pages are read while all is new.
    """

    preset: Literal["", "wordpress", "discourse", "mastodon", "lemmy"] = ""
    items: str = ""
    id: str = ""
    url: str = ""
    title: str = ""
    text: str = ""
    seller: str = ""
    seller_url: str = ""
    price: str = ""
    location: str = ""
    posted: str = ""
    edited: str = ""
    pictures: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    next: str = ""
    single: str = ""
    base: str = ""
    page: bool | None = None
    zone: str = "UTC"
    max_items: int = 500
    max_pages: int = 2

    def __post_init__(self) -> None:
        for key in _EXPRESSIONS:
            _checked(key, getattr(self, key))
        for name, expression in self.extra.items():
            _checked(f"extra.{name}", expression)
        try:
            ZoneInfo(self.zone)
        except (ValueError, OSError, LookupError):
            raise ValueError(f"zone: {self.zone!r} is no IANA time zone such as Asia/Shanghai") from None
        if not 1 <= self.max_items <= 10_000:
            raise ValueError("max_items: must be 1 to 10000")
        if not 1 <= self.max_pages <= 50:
            raise ValueError("max_pages: must be 1 to 50")


_EXPRESSIONS = (
    *("items", "id", "url", "title", "text", "seller", "seller_url", "price", "location"),
    *("posted", "edited", "pictures", "next", "single"),
)
# What APIs call things, for fields without an expression of their own.
_USUAL = Shape(
    test="",
    items="",
    id="id || _id || uuid || guid || key",
    url="url || link || permalink || html_url || href",
    title="title || name || subject || headline",
    text="text || body || content || content_html || description || desc || summary || message",
    seller="seller.name || seller.username || seller || author.name || author.username || author || "
    "user.name || user.username || user || account.acct || creator.name || username",
    price="price.formatted || price.value || price.amount || price",
    location="location.name || location.city || location || city || area || region",
    posted="posted || posted_at || created_at || createdAt || published_at || publishedAt || published || "
    "created || date || timestamp || time",
    pictures="pictures || images || photos || picture || image || photo || thumbnail",
)


def _checked(key: str, expression: str) -> None:
    try:
        if key in {"url", "next"} and "{" in expression:
            check_template(expression)
        elif expression:
            check(expression)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def parse(page: Response, rules: object, now: datetime) -> Listing:
    """The posts of an answer, in its order. Raises BadPage: no JSON, or no list where `items` points."""
    settings = rules if isinstance(rules, Settings) else Settings()
    root = _loaded(page)
    reader = _Reader(page, root, settings, now)
    posts: dict[str, Post] = {}
    for item in reader.items()[: settings.max_items]:
        if (post := reader.post(item)) is not None:
            posts.setdefault(post.post_id, post)
    return Listing(
        posts=tuple(posts.values()),
        title=line(raw(find("title || name", root))) if isinstance(root, dict) else "",
        next_url=_next(page, root, settings),
        notes=tuple(_notes(settings, posts)),
    )


def detail(page: Response, post: Post, rules: object, now: datetime) -> Post:
    """`post` completed from its own address, be that JSON of the same program or a page for people."""
    return details(page, (post,), rules, now)[0]


def details(page: Response, posts: Sequence[Post], rules: object, now: datetime) -> tuple[Post, ...]:
    """As `detail` for each of several readings of one post: the page is read once."""
    settings = rules if isinstance(rules, Settings) else Settings()
    root: Json | None = None
    if page.body.lstrip(_BLANK)[:1] in {b"{", b"["}:
        root = _loaded(page)
    elif settings.preset == "discourse":
        root = preloaded(decode(page), posts[0].post_id)
    if root is not None:
        return tuple(_from_answer(page, post, root, settings, now) for post in posts)
    from watchers.reading.own_page import completed_each

    return completed_each(posts, page, now, settings.zone)


def _from_answer(page: Response, post: Post, root: Json, settings: Settings, now: datetime) -> Post:
    reader = _Reader(page, root, settings, now, single=True)
    found = reader.post(reader.single())
    return post if found is None else _merged(post, found)


def wants_detail(post: Post, rules: object) -> bool:
    """As `page` says, for posts that have an address of their own.

    Single answers within a topic have none: their page shows the topic, and they are whole.
    """
    settings = rules if isinstance(rules, Settings) else Settings()
    if settings.preset == "discourse" and _REPLY.search(post.url):
        return False
    wanted = PRESETS[settings.preset].page if settings.page is None and settings.preset else settings.page
    return wanted is not False and NO_PAGE not in post.extra


def recognise(page: Response, now: datetime) -> Recognition | None:  # noqa: ARG001  # the protocol's shape
    """A known program by the shape of its answer or the marks of its pages; else any list of objects."""
    from watchers.reading.guesses import recognised

    return recognised(page)


class _Reader:
    """Reads items of one answer."""

    def __init__(
        self, page: Response, root: Json, settings: Settings, now: datetime, *, single: bool = False
    ) -> None:
        self._page_url, self._requested_url = page.url, page.requested_url
        self._root, self._settings, self._now = root, settings, now
        self._base = settings.base.rstrip("/") or base_of(settings.preset, page.url)
        self._shape = _shape(settings, root, single=single)

    def items(self) -> list[Json]:
        """The list of posts. Raises BadPage (field "items") when there is none."""
        found = find(self._shape.items, self._root) if self._shape.items else longest_list(self._root)
        if isinstance(found, dict) and found and all(isinstance(v, dict) for v in found.values()):
            found = list(found.values())  # {"17": {...}, "18": {...}}
        if not isinstance(found, list):
            where = repr(self._shape.items or "any place")
            raise BadPage(self._page_url, f"no list of posts at {where}", field="items")
        return found

    def single(self) -> Json:
        """The one post of an answer for it."""
        expression = self._settings.single or self._shape.single
        return find(expression, self._root) if expression else self._root

    def post(self, item: Json) -> Post | None:
        """One item as a post; None when nothing of a post is in it."""
        item, shape = enriched(self._settings.preset, self._root, item), self._shape
        own_id = clean(raw(find(shape.id, item))).strip()
        url = self._address(item, own_id)
        text, shown = self._contents(find(shape.text, item), url or self._page_url)
        title = line(raw(find(shape.title, item)) or raw(find(shape.title_from_root, self._root)))
        pictures = together(self._pictures(find(shape.pictures, item)), shown)
        if not (own_id or url) and not (title or text or pictures):
            return None
        posted = clean(raw(find(shape.posted, item))).strip()[:200]
        return Post(
            post_id=_id(own_id or url, title, text, pictures),
            url=url or self._requested_url,
            title=title,
            text=text,
            seller=line(raw(find(shape.seller, item))),
            seller_url=absolute(self._base + "/", raw(find(shape.seller_url, item))),
            price=line(raw(find(shape.price, item))),
            location=line(raw(find(shape.location, item))),
            posted_raw=posted,
            posted_at=read_time(posted, self._now, self._settings.zone),
            edited=truth(find(shape.edited, item)),
            pictures=pictures,
            extra=(*self._extra(item), *(() if url else (NO_PAGE,))),
        )

    def _contents(self, found: Json, base: str) -> tuple[str, tuple[PictureRef, ...]]:
        """Text and pictures of a value; the parts of a list may differ in being HTML."""
        parts = [read_html(raw(one), base) for one in (found[:200] if isinstance(found, list) else [found])]
        return "\n".join(text for text, _ in parts if text), together(*(pictures for _, pictures in parts))

    def _address(self, item: Json, own_id: str) -> str:
        template = self._shape.url
        if "{" not in template:
            return absolute(self._page_url, raw(find(template, item)))
        known = {"base": self._base} | ({"id": own_id} if re.fullmatch(r"[\w.~-]+", own_id) else {})
        return absolute(self._page_url, fill(template, item, known))

    def _pictures(self, found: Json) -> Iterator[PictureRef]:
        for one in found[:200] if isinstance(found, list) else [found]:
            entry = one if isinstance(one, dict) else {"url": one}
            link = next(
                (entry[k] for k in ("url", "src", "href", "source_url", "original") if entry.get(k)), ""
            )
            for url in re.split(r"[\s,]+(?=https?://|/)", raw(link).strip()):
                address = absolute(self._page_url, url)
                if not address or (entry.get("link") and not is_picture_address(address)):
                    continue
                role = entry.get("role") if entry.get("role") in {"thumbnail", "poster"} else "full"
                yield PictureRef(
                    url=address, role=str(role), alt=line(raw(entry.get("alt") or entry.get("caption")))
                )

    def _extra(self, item: Json) -> Iterator[tuple[str, str]]:
        for name, expression in (*self._shape.extra, *self._settings.extra.items()):
            found = find(expression, item)
            for value in found[:50] if isinstance(found, list) else [found]:
                if shown := words(raw(value))[:2000]:
                    yield name, shown


def _shape(settings: Settings, root: Json, *, single: bool) -> Shape:
    """The preset's shape for this answer, or the usual one, with the admin's expressions in it."""
    shape = _USUAL
    if settings.preset:
        shapes = PRESETS[settings.preset].shapes
        one = next((s for s in shapes if s.single and truth(find(s.single, root))), None) if single else None
        shape = one or shape_of(settings.preset, root) or shapes[0]
    own = {f.name: getattr(settings, f.name) for f in fields(Shape) if f.name in _EXPRESSIONS}
    return replace(shape, **{key: value for key, value in own.items() if value})


def longest_list(root: Json) -> Json:
    """The answer when it is a list, else the longest list of objects within three levels, or None."""
    if isinstance(root, list):
        return root
    level: list[Json] = [root]
    lists: list[list[Json]] = []
    for _ in range(3):
        level = [value for inner in level if isinstance(inner, dict) for value in inner.values()][:1000]
        lists += [v for v in level if isinstance(v, list) and all(isinstance(item, dict) for item in v)]
    return max(lists, key=len, default=None)


def _id(given: str, title: str, text: str, pictures: tuple[PictureRef, ...]) -> str:
    if given and len(given) <= 500:
        return given
    content = given or "\x1f".join([title, text, *(picture.url for picture in pictures)])
    return "sha256:" + hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:32]


def _merged(post: Post, found: Post) -> Post:
    """`found` over `post`: what the fuller answer lacks stays; the id and the address stay."""
    changes = {
        f.name: value
        for f in fields(Post)
        if f.name not in {"post_id", "url", "extra", "pictures"} and (value := getattr(found, f.name))
    }
    known = {name for name, _ in found.extra}
    extra = (*(pair for pair in post.extra if pair[0] not in known), *found.extra)
    return replace(post, **changes, pictures=found.pictures or post.pictures, extra=extra)


def _loaded(page: Response) -> Json:
    try:
        return load(decode(page))
    except ValueError as error:
        raise BadPage(page.url, str(error), field="json") from None


def _next(page: Response, root: Json, settings: Settings) -> str:
    if "{" in settings.next:
        link = fill(
            settings.next, root, {"base": settings.base.rstrip("/") or base_of(settings.preset, page.url)}
        )
    elif settings.next:
        link = raw(find(settings.next, root))
    else:
        link = (next_of(settings.preset, root, page.url) if settings.preset else "") or _next_by_header(page)
    url = absolute(page.url, link)
    return "" if url == page.url else url


def _next_by_header(page: Response) -> str:
    """RFC 8288: Link: <https://...>; rel="next" (WordPress, Mastodon)."""
    found = re.search(r"<([^<>]{1,4000})>[^<>]{0,200}?rel=\"?next\b", page.header("Link")[:20_000])
    return found[1] if found else ""


def _notes(settings: Settings, posts: dict[str, Post]) -> Iterator[str]:
    """Fields the admin asked for that no post has."""
    if not posts:
        yield "no post in the answer"
        return
    for key in ("title", "text", "seller", "price", "location", "posted", "pictures"):
        given = getattr(settings, key)
        attribute = "posted_raw" if key == "posted" else key
        if given and not any(getattr(post, attribute) for post in posts.values()):
            yield f"{key}: {given!r} finds nothing in any post"
