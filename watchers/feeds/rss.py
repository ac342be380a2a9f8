"""Feed kind `rss`: RSS 0.9x/1.0/2.0, RDF, Atom, CDF and JSON Feed, told apart by content.

Sources: https://www.rssboard.org/rss-specification, https://web.resource.org/rss/1.0/spec,
RFC 4287 (Atom), https://www.rssboard.org/media-rss, https://www.jsonfeed.org/version/1.1/.

Ids: guid, id or rdf:about as written, else the link, else a hash of the content. An id that
a broken feed gives to several links gets the link joined to it; a link that several entries
without id share gets a hash of their words.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from storage.errors import BadPage
from storage.model import NO_PAGE, Listing, PictureRef, Post, Response
from watchers.feed import Recognition
from watchers.reading.anew import (
    Again,
    Frame,
    Memo,
    Record,
    around_items,
    digest,
    frame_of,
    is_redated,
    raw_of,
    read_pieces,
)
from watchers.reading.contents import is_picture_address, line, read_html
from watchers.reading.encoding import decode
from watchers.reading.feedtext import Pieced, pieced
from watchers.reading.fingerprint import fingerprint
from watchers.reading.fuller import fuller
from watchers.reading.jsonfeed import is_json_feed, read_json_feed
from watchers.reading.links import absolute
from watchers.reading.markup import parse_html
from watchers.reading.pictures import together
from watchers.reading.queries import load
from watchers.reading.syndication import Entry, Feed, Media, Words, read_feed
from watchers.reading.text import clean, plain, tidy
from watchers.reading.times import read_time

OWN_PAGE = True
_ADDRESS = ("http://", "https://", "/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of `[target.rules]` for a feed; all may be left out.

    page: also fetch each post's own page, to preserve it and to complete what the feed
    shortened. max_items: items read of one answer. max_pages: further pages (Atom's
    rel="next", JSON Feed's next_url) read while all is new. zone: IANA zone of times that
    name none.
    """

    page: bool = True
    max_items: int = 500
    max_pages: int = 1
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if not 1 <= self.max_items <= 5000:
            raise ValueError("max_items: must be 1 to 5000")
        if not 1 <= self.max_pages <= 20:
            raise ValueError("max_pages: must be 1 to 20")
        try:
            ZoneInfo(self.zone)
        except (ValueError, OSError, LookupError):
            raise ValueError(f"zone: {self.zone!r} is no IANA time zone such as Asia/Shanghai") from None


def parse(page: Response, rules: object, now: datetime) -> Listing:
    """The entries of a feed in its order. Raises BadPage (field "feed") when the body is none."""
    settings = rules if isinstance(rules, Settings) else Settings()
    feed = _read(page, settings.max_items)
    if not feed.version:
        raise BadPage(page.url, _why_none(page), field="feed")
    entries = feed.entries[: settings.max_items]
    posts = _told_apart(entries, [_post(entry, page, settings, now) for entry in entries])
    return Listing(
        posts=posts,
        title=line(feed.title),
        next_url=absolute(page.url, feed.next) if feed.next else "",
        notes=() if posts else ("the feed has no entries",),
    )


def reread(
    page: Response, rules: object, now: datetime, again: Again, memo: Memo | None
) -> tuple[Listing, tuple[str, ...], Memo] | None:
    """What `parse` gives, with the posts' fingerprints, where only new items need to be parsed; else None.

    Of an item that was read before (`memo`), and whose post is known, the post is given with its id
    and address alone.
    """
    known = again.known
    settings = rules if isinstance(rules, Settings) else Settings()
    place = (page.url, page.requested_url, page.header("Content-Location"), settings)
    if memo is not None and memo.place != place:
        memo = None
    around = around_items(page) if not page.shortfall else None
    if memo is not None and is_redated(memo, around, again):
        return memo.listing, memo.prints, memo
    if page.body.count(b"<") > again.most_tags:  # ten microseconds: not for a page of which nothing is parsed
        return None
    cut = pieced(decode(page), settings.max_items) if not page.shortfall else None
    if cut is None:
        return None
    if memo is not None and not memo.frame.holds(cut.head, cut.tail):
        memo = None
    frame = memo.frame if memo is not None else frame_of(cut)
    had = memo.known() if memo is not None else {}
    keys = [digest(piece) for piece in cut.pieces]
    records = [had.get(key) for key in keys]
    fresh = [at for at, old in enumerate(records) if old is None or known.get(old[0].post_id) != old[1]]
    posts = _posts_of(
        [cut.pieces[at] for at in fresh], cut, frame, lambda entry: _post(entry, page, settings, now)
    )
    if frame is None or posts is None:
        return None
    for at, post in zip(fresh, posts, strict=True):
        records[at] = (Post(post_id=post.post_id, url=post.url), fingerprint(post))
    short, prints = _in_short([record for record in records if record is not None], frame, page)
    if len({post.post_id for post in short.posts}) != len(keys):
        return None  # who shares an id is told apart over the whole feed
    raw = raw_of(around, decode(page))
    memo = Memo(place=place, frame=frame, raw=raw, digests=b"".join(keys), listing=short, prints=prints)
    whole = dict(zip(fresh, posts, strict=True))
    shown = tuple(whole.get(at, post) for at, post in enumerate(short.posts))
    return replace(short, posts=shown), prints, memo


def _in_short(records: Sequence[Record], frame: Frame, page: Response) -> tuple[Listing, tuple[str, ...]]:
    """The listing with ids and addresses alone, and the fingerprints."""
    listing = Listing(
        posts=tuple(post for post, _ in records),
        title=line(frame.title),
        next_url=absolute(page.url, frame.next) if frame.next else "",
    )
    return listing, tuple(print_ for _, print_ in records)


def _posts_of(
    pieces: Sequence[str], cut: Pieced, frame: Frame | None, make: Callable[[Entry], Post]
) -> list[Post] | None:
    """The posts of these items; None when the feed must be read as a whole."""
    entries = read_pieces(cut, pieces, frame) if frame is not None else None
    if entries is None:
        return None
    posts = [make(entry) for entry in entries]
    for entry, post in zip(entries, posts, strict=True):
        if not (entry.id or (entry.link and (post.title or post.text))):
            return None  # who has no name is told apart over the whole feed
    return posts


def detail(page: Response, post: Post, rules: object, now: datetime) -> Post:
    """`post` completed from its own page."""
    return details(page, (post,), rules, now)[0]


def details(page: Response, posts: Sequence[Post], rules: object, now: datetime) -> tuple[Post, ...]:
    """As `detail` for each, from one reading of the page."""
    from watchers.reading.own_page import completed_each

    settings = rules if isinstance(rules, Settings) else Settings()
    return completed_each(posts, page, now, settings.zone)


def wants_detail(post: Post, rules: object) -> bool:
    """As `page` says, for entries that have an address."""
    settings = rules if isinstance(rules, Settings) else Settings()
    return settings.page and NO_PAGE not in post.extra


def recognise(page: Response, now: datetime) -> Recognition | None:
    """A feed, or a page that links one (`<link rel="alternate">`)."""
    start = page.body[:2048].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    if b"<html" in start.lower() or b"<!doctype html" in start.lower():
        return _linked(page)
    try:
        listing = parse(page, Settings(max_items=20), now)
    except BadPage:
        return _linked(page)
    why = f"a feed with {len(listing.posts)} entries"
    return Recognition(kind="rss", confidence=0.95 if listing.posts else 0.8, url=page.url, rules={}, why=why)


def _read(page: Response, most_items: int) -> Feed:
    text = decode(page)
    if text.lstrip("\ufeff \t\r\n")[:1] not in {"{", "["}:
        return read_feed(text, most_items, cut=bool(page.shortfall))
    try:
        root = load(text)
    except ValueError as error:
        raise BadPage(page.url, str(error), field="feed") from None
    if not is_json_feed(root):
        raise BadPage(page.url, "JSON, but no JSON Feed: kind json reads other APIs", field="feed")
    return read_json_feed(root, most_items)


def _post(entry: Entry, page: Response, settings: Settings, now: datetime) -> Post:
    base = absolute(page.url, page.header("Content-Location")) or page.url
    own = absolute(base, entry.link)
    url = own or page.url
    title = _title(entry.title)
    text, shown = _contents(entry, url)
    pictures = together((*_pictures(entry, url), *shown))
    posted = read_time(entry.published, now, settings.zone)
    updated = posted if entry.updated == entry.published else read_time(entry.updated, now, settings.zone)
    return Post(
        post_id=_id(entry, base, title, text),
        url=own or page.requested_url,
        title=title,
        text=text,
        seller=line(entry.author),
        seller_url=absolute(base, entry.author_url),
        price=line(entry.price),
        location=line(entry.location),
        posted_raw=clean(entry.published)[:200],
        posted_at=posted,
        edited=posted is not None and updated is not None and updated - posted > timedelta(minutes=1),
        pictures=pictures,
        extra=(*_extra(entry, url), *(() if own else (NO_PAGE,))),
    )


def _told_apart(entries: Sequence[Entry], posts: Sequence[Post]) -> tuple[Post, ...]:
    """The posts under ids of their own; only what the feed itself calls the same is joined.

    That is the same guid, or without one the same link with the same words.
    """
    links: dict[str, set[str]] = {}
    for entry in entries:
        if entry.link.startswith(_ADDRESS):
            links.setdefault(entry.id, set()).add(entry.link)
    guidless = Counter(entry.link for entry in entries if not entry.id)
    seen: Counter[str] = Counter()
    named: dict[str, Post] = {}
    for entry, post in zip(entries, posts, strict=True):
        if not (entry.id or entry.link or entry.title.value or entry.contents or entry.media):
            continue
        key = post.post_id
        if entry.id and entry.link.startswith(_ADDRESS) and len(links[entry.id]) > 1:
            key = f"{key} {entry.link}"
        elif not entry.id and entry.link and guidless[entry.link] > 1:
            key = f"{key} {_hash(post.title, post.text)}"
        seen[key] += 1
        nameless = not entry.id and not (entry.link and (post.title or post.text))
        if nameless and seen[key] > 1:
            key = f"{key} {seen[key]}"
        named.setdefault(key, post if key == post.post_id else replace(post, post_id=key))
    return tuple(named.values())


def _id(entry: Entry, base: str, title: str, text: str) -> str:
    """As written; only a bare path gets its host, as feedparser has it."""
    given = clean(entry.id or entry.link)
    if given.startswith("/"):
        given = absolute(base, given) or given
    return given if given and len(given) <= 500 else _hash(given or title, "" if given else text)


def _hash(*words: str) -> str:
    return "sha256:" + hashlib.sha256("\x1f".join(words).encode("utf-8", "replace")).hexdigest()[:32]


def _title(words: Words) -> str:
    if words.html:
        return " ".join(plain(words.value).split())
    return " ".join(tidy(words.value).split())


def _contents(entry: Entry, url: str) -> tuple[str, tuple[PictureRef, ...]]:
    """The fullest of the texts of an entry, and the pictures in all of them and in its title."""
    texts = []
    pictures = list(read_html(entry.title.value, entry.title.base or url)[1] if entry.title.html else ())
    for words in entry.contents[:20]:
        if words.html:
            text, shown = read_html(words.value, absolute(url, words.base) or url)
            pictures += shown
        else:
            text = tidy(words.value)
        texts.append(text)
    return fuller(texts), tuple(pictures)


def _pictures(entry: Entry, url: str) -> Iterator[PictureRef]:
    for media in entry.media:
        address = absolute(url, media.url)
        if address and _is_picture(media, address):
            yield PictureRef(
                url=address, role="thumbnail" if media.thumbnail else "full", alt=line(media.title)
            )


def _is_picture(media: Media, address: str) -> bool:
    kind = media.type.lower()
    if media.medium == "image" or kind.startswith("image"):
        return True
    unsaid = not media.medium and kind in {"", "application/octet-stream", "text/html"}
    return unsaid and is_picture_address(address)


def _extra(entry: Entry, url: str) -> Iterator[tuple[str, str]]:
    for name, value in entry.extra:
        if shown := line(value)[:2000]:
            yield name, shown
    if entry.updated and entry.updated != entry.published:
        yield "updated", clean(entry.updated)[:200]
    for media in entry.media:
        address = absolute(url, media.url)
        if address and not _is_picture(media, address):
            yield (
                "enclosure",
                " ".join(part for part in (address, clean(media.type), clean(media.size)) if part),
            )


def _why_none(page: Response) -> str:
    feeds = [] if page.body[:1] != b"<" else list(_alternates(page))
    return (
        f"no feed; the page links one at {feeds[0][0]}"
        if feeds
        else "neither RSS, Atom, RDF, CDF nor JSON Feed"
    )


def _linked(page: Response) -> Recognition | None:
    for url, kind in _alternates(page):
        return Recognition(
            kind="rss", confidence=0.7, url=url, rules={}, why=f"the page links a feed ({kind})"
        )
    return None


def _alternates(page: Response) -> Iterator[tuple[str, str]]:
    """Feeds a page names in its head, comment feeds last."""
    if b"alternate" not in page.body:
        return
    found = []
    for node in parse_html(decode(page)).css("link[rel~='alternate'][type][href]"):
        kind, title = (
            (node.attributes.get("type") or "").lower(),
            (node.attributes.get("title") or "").lower(),
        )
        if kind in {
            "application/rss+xml",
            "application/atom+xml",
            "application/rdf+xml",
            "application/feed+json",
        }:
            url = absolute(page.url, node.attributes.get("href") or "")
            found.append(("comment" in f"{title}{url.lower()}", url, kind))
    yield from ((url, kind) for _, url, kind in sorted(found, key=lambda f: f[0]) if url)
