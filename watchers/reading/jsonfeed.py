"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/) into the entries of `syndication`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from watchers.reading.queries import Json, raw
from watchers.reading.syndication import Entry, Feed, Media, Words


def is_json_feed(root: Json) -> bool:
    """By its version, or by items that only a JSON Feed has."""
    if not isinstance(root, dict) or not isinstance(root.get("items"), list):
        return False
    items = [item for item in root["items"][:5] if isinstance(item, dict)]
    return "jsonfeed.org" in raw(root.get("version")) or any(
        {"content_html", "content_text"} & item.keys() for item in items
    )


def read_json_feed(root: Json, most_items: int) -> Feed:
    """The feed of a parsed JSON Feed; what is no object is passed over."""
    about = root if isinstance(root, dict) else {}
    items = about.get("items")
    items = items if isinstance(items, list) else []
    return Feed(
        version="json",
        title=raw(about.get("title")),
        entries=tuple(_entry(item) for item in items[:most_items] if isinstance(item, dict)),
        next=raw(about.get("next_url")),
    )


def _entry(item: dict[str, Json]) -> Entry:
    author = next(iter(_objects(item.get("authors"))), item.get("author"))
    author = author if isinstance(author, dict) else {"name": author}
    return Entry(
        id=raw(item.get("id")).strip(),
        link=(raw(item.get("url")) or raw(item.get("external_url"))).strip(),
        title=Words(value=raw(item.get("title"))),
        contents=tuple(_contents(item)),
        author=raw(author.get("name")),
        author_url=raw(author.get("url")),
        published=raw(item.get("date_published")) or raw(item.get("date_modified")),
        updated=raw(item.get("date_modified")),
        price=raw(item.get("price") or item.get("_price")),
        location=raw(item.get("location") or item.get("_location")),
        media=tuple(_media(item)),
        extra=tuple((name, value) for name, value in _extra(item) if value),
    )


def _contents(item: dict[str, Json]) -> Iterator[Words]:
    for key in ("content_html", "content_text", "summary"):
        if value := raw(item.get(key)):
            yield Words(value=value, html=key == "content_html")


def _media(item: dict[str, Json]) -> Iterator[Media]:
    for key in ("image", "banner_image"):
        if url := raw(item.get(key)):
            yield Media(url=url, medium="image")
    for one in _objects(item.get("attachments")):
        yield Media(
            url=raw(one.get("url")),
            type=raw(one.get("mime_type")),
            title=raw(one.get("title")),
            size=raw(one.get("size_in_bytes")),
        )


def _extra(item: dict[str, Json]) -> Iterator[tuple[str, str]]:
    tags = item.get("tags")
    for tag in tags[:50] if isinstance(tags, list) else []:
        yield "tag", raw(tag)
    if item.get("url"):
        yield "link", raw(item.get("external_url"))
    yield "language", raw(item.get("language"))


def _objects(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
