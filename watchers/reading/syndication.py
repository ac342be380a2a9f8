"""RSS 0.9x/1.0/2.0, RDF, Atom and CDF into entries of one form, through feedparser. Pure.

feedparser (https://feedparser.readthedocs.io/) knows twenty years of odd feeds; it is
given bounded text in UTF-8, and where a broken item makes it raise, the items are read
one by one, so that one seller's bytes do not cost the others' posts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from watchers.reading.contents import is_picture_address
from watchers.reading.feedtext import fit, pieces

_ROOTS = frozenset({"rss", "rdf", "feed", "channel"})
_ROOT = re.compile(
    r"(?:<!--.*?-->|<\?[^>]*>|<!DOCTYPE\s+(?!html)[^\[>]*+(?:\[[^\]]*+\])?+[^>]*+>|[^<]++)*+<(?:!DOCTYPE\s+)?(?:[\w.-]{1,50}:)?([a-zA-Z]+)",
    re.DOTALL | re.IGNORECASE,
)


Link = tuple[str, str, str, str, str]
"""rel, href, type, title and length of a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text of an entry as the feed gives it. base: its xml:base, if any."""

    value: str = ""
    html: bool = False
    base: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Something an entry carries: an enclosure, media:content, a thumbnail. medium: image, video ..."""

    url: str
    type: str = ""
    medium: str = ""
    title: str = ""
    size: str = ""
    thumbnail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item, strings as in the feed, "" where it says nothing."""

    id: str = ""
    link: str = ""
    title: Words = Words()
    contents: tuple[Words, ...] = ()
    author: str = ""
    author_url: str = ""
    published: str = ""
    updated: str = ""
    price: str = ""
    location: str = ""
    media: tuple[Media, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A whole feed. version: feedparser's name ("rss20"), "" when the text is no feed."""

    version: str
    title: str
    entries: tuple[Entry, ...]
    next: str = ""


def read_feed(text: str, most_items: int, *, cut: bool = False) -> Feed:
    """The feed in `text`, which may have been cut. Never raises; what is no feed has no version.

    Links stay as written but for xml:base; the caller completes them. That way ids, which
    must not change with the address a feed is fetched from, stay as written too.
    """
    text = fit(text, most_items, cut=cut)
    root = root_of(text)
    if root == "html":
        return Feed(version="", title="", entries=())
    try:
        feed = _feed(_parsed(text))
    except Exception:  # noqa: BLE001  # feedparser raises ValueError, KeyError, TypeError and more on odd items
        feed = _one_by_one(text, most_items)
    # An empty CDF channel and a feed of an unknown version have nothing but their root.
    return feed if feed.version or root not in _ROOTS else replace(feed, version=root)


def root_of(text: str) -> str:
    """The name of the first element, in lower case and without prefix; "html" also by its DOCTYPE."""
    found = _ROOT.match(text)
    return found[1].lower() if found else ""


def _one_by_one(text: str, most_items: int) -> Feed:
    feed = Feed(version="", title="", entries=())
    entries: list[Entry] = []
    for piece in pieces(text, most_items):
        try:
            feed = _feed(_parsed(piece))
        except Exception:  # noqa: BLE001, S112  # as above: this very item is the broken one
            continue
        entries += feed.entries
    return Feed(version=feed.version, title=feed.title, entries=tuple(entries), next=feed.next)


def _parsed(text: str) -> Any:
    import feedparser

    # A stream, never a str: feedparser would take that for a file name or an address.
    return feedparser.parse(
        io.BytesIO(b'<?xml version="1.0" encoding="utf-8"?>\n' + text.encode("utf-8", "replace")),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )


def _feed(parsed: Any) -> Feed:
    return feed_of(parsed.feed, parsed.entries, parsed.get("version"))


def feed_of(about: Any, parsed_entries: Any, version: Any) -> Feed:
    """What feedparser found, in our form. Raises whatever odd items make it raise."""
    entries = tuple(_entry(entry) for entry in parsed_entries)
    return Feed(
        version=_str(version) or ("rss" if entries else ""),
        title=_str(about.get("title")),
        entries=entries,
        next=next((link for rel, link, *_ in _links(about) if rel == "next"), ""),
    )


def _entry(found: Any) -> Entry:
    # As a plain dict: feedparser's own looks for names of old, in Python, at each of seventy questions.
    entry = dict(found)
    links = tuple(_links(entry))
    author = entry.get("author_detail")
    author = author if isinstance(author, Mapping) else {}
    return Entry(
        id=_str(entry.get("id")).strip(),
        link=_link(entry, links),
        title=_words(entry.get("title_detail"), _str(entry.get("title"))),
        contents=tuple(_contents(entry)),
        author=_str(author.get("name")) or _str(entry.get("author")),
        author_url=_str(author.get("href")),
        published=_first(entry, "published", "created", "updated"),
        updated=_first(entry, "updated"),
        price=_price(entry),
        location=_location(entry),
        media=tuple(_media(entry, links)),
        extra=tuple((name, value) for name, value in _extra(entry) if value),
    )


def _contents(entry: Any) -> Iterator[Words]:
    contents = [_words(content, "") for content in _dicts(entry.get("content"))]
    yield from contents
    summary = _str(entry.get("summary"))
    if summary and summary not in {words.value for words in contents}:  # feedparser copies a lone content
        yield _words(entry.get("summary_detail"), summary)


def _words(detail: Any, value: str) -> Words:
    """`value`, or what `detail` says when it is empty; the details of another node may have come later."""
    if not isinstance(detail, Mapping):
        return Words(value=value, html="<" in value)
    kind = _str(detail.get("type")).lower()
    return Words(
        value=value or _str(detail.get("value")),
        html=kind.endswith(("html", "xml")),
        base=_str(detail.get("base")),
    )


def _link(entry: dict[str, Any], links: Sequence[Link]) -> str:
    """The entry's own page: an alternate link, whatever other links stand behind it."""
    link = _str(entry.get("link")).strip()
    alternates = [href.strip() for rel, href, *_ in links if rel == "alternate" and href.strip()]
    return alternates[0] if alternates and link not in alternates else link


def _media(entry: dict[str, Any], links: Sequence[Link]) -> Iterator[Media]:
    for one in _dicts(entry.get("media_content")):
        yield Media(
            url=_str(one.get("url")),
            type=_str(one.get("type")),
            medium=_str(one.get("medium")),
            size=_str(one.get("filesize")),
        )
    for rel, link, kind, title, size in links:
        if rel == "enclosure":
            yield Media(url=link, type=kind, title=title, size=size)
    for one in _dicts(entry.get("media_thumbnail")):
        yield Media(url=_str(one.get("url")), medium="image", thumbnail=True)
    image = entry.get("image")
    if isinstance(image, Mapping):
        yield Media(url=_str(image.get("href") or image.get("url")), medium="image")
    if is_picture_address(link := _str(entry.get("href"))):  # <image><url> of an item comes out so
        yield Media(url=link)


def _links(holder: Any) -> Iterator[Link]:
    """The links of a feed or entry."""
    for link in _dicts(holder.get("links")):
        values = [_str(link.get(key)) for key in ("rel", "href", "type", "title", "length")]
        yield values[0], values[1], values[2], values[3], values[4]


def _extra(entry: Any) -> Iterator[tuple[str, str]]:
    for tag in _dicts(entry.get("tags"))[:50]:
        yield "tag", _str(tag.get("label")) or _str(tag.get("term"))
    for person in _dicts(entry.get("contributors"))[:10]:
        yield "contributor", _str(person.get("name"))
    yield "comments", _str(entry.get("comments"))
    source = entry.get("source")
    if isinstance(source, Mapping):
        yield "source", _str(source.get("title"))
        yield "source_url", _str(source.get("href") or source.get("link"))
    yield "rights", _str(entry.get("rights"))


def _price(entry: Any) -> str:
    """Google's and others' price elements: any prefix will do (http://base.google.com/ns/1.0)."""
    names = sorted((k for k in entry if k == "price" or str(k).endswith("_price")), key=lambda k: (len(k), k))
    return next((value for name in names if (value := _str(entry.get(name)).strip())), "")


def _location(entry: Any) -> str:
    names = ("location", "g_location", "georss_featurename", "geo_placename", "itunes_location")
    for name in names:
        if value := _str(entry.get(name)).strip():
            return value
    where = entry.get("where")
    point = where.get("coordinates") if isinstance(where, Mapping) and where.get("type") == "Point" else None
    if isinstance(point, tuple) and len(point) > 1:
        return f"{point[1]}, {point[0]}"  # GeoJSON order is longitude, latitude
    latitude, longitude = _str(entry.get("geo_lat")), _str(entry.get("geo_long"))
    return f"{latitude}, {longitude}" if latitude and longitude else ""


def _first(entry: Any, *names: str) -> str:
    # `in` before `get`: feedparser maps "updated" to "published" with a warning when absent.
    return next((_str(entry[name]).strip() for name in names if name in entry.keys() and entry[name]), "")  # noqa: SIM118


def _dicts(value: Any) -> list[Any]:
    items: Iterable[Any] = value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, Mapping)]


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""
