"""A page at a glance: its title, its main headings and the text a reader sees. Pure.

For telling walls and "gone" pages from ordinary ones, where a full parse is not worth it.
Every scan is linear in the page and only its first `GLANCE_BYTES` are looked at.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace

from storage.model import Response
from watchers.reading.encoding import decode

GLANCE_BYTES = 131_072
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{0,500})", re.IGNORECASE)
_HEADING = re.compile(r"<h[12](?:\s[^<>]{0,500})?>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>?")
_SPACE = re.compile(r"\s+")
_UNSEEN = ("script", "style", "noscript", "template", "svg", "title")
_HEADINGS = 12
_HEADING_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """title and headings (h1, h2) as text; `text` is all that is seen, `source` the markup."""

    title: str
    headings: tuple[str, ...]
    text: str
    source: str


def glance(response: Response) -> Glance:
    """What a reader sees of the first part of a page; never raises."""
    source = decode(replace(response, body=response.body[:GLANCE_BYTES]))
    title = _TITLE.search(source)
    shown = _without_comments(source)
    for tag in _UNSEEN:
        shown = _without(shown, tag)
    return Glance(
        title=plain(title.group(1)) if title else "",
        headings=_headings(shown),
        text=plain(_TAG.sub(" ", shown)),
        source=source,
    )


def is_markup(response: Response) -> bool:
    """Whether the body is HTML by its type, or looks like it when the type says nothing."""
    kind = response.header("Content-Type").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        return True
    if kind and kind not in ("text/plain", "application/octet-stream", "unknown/unknown", "text/xml"):
        return False
    head = response.body[:512].lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<title"))


def plain(text: str) -> str:
    """Entities read, white space collapsed."""
    return _SPACE.sub(" ", html.unescape(text)).strip()


def _headings(shown: str) -> tuple[str, ...]:
    found = []
    for start in _HEADING.finditer(shown):
        end = shown.find("</h", start.end(), start.end() + 4 * _HEADING_CHARS)
        inner = shown[start.end() : end if end >= 0 else start.end() + _HEADING_CHARS]
        found.append(plain(_TAG.sub(" ", inner)))
        if len(found) == _HEADINGS:
            break
    return tuple(found)


def _without_comments(source: str) -> str:
    parts, at = [], 0
    while (start := source.find("<!--", at)) >= 0:
        parts.append(source[at:start])
        end = source.find("-->", start + 4)
        if end < 0:
            return "".join(parts)
        at = end + 3
    return "".join([*parts, source[at:]])


def _without(source: str, tag: str) -> str:
    """`source` without the elements `tag`; one that does not end takes the rest with it."""
    lower = source.lower()
    if len(lower) != len(source):  # a few letters change length in lower case; keep offsets true
        lower = source
    parts, at = [], 0
    while (start := lower.find(f"<{tag}", at)) >= 0:
        parts.append(source[at:start])
        end = lower.find(f"</{tag}", start)
        if end < 0:
            return " ".join(parts)
        at = end + len(tag) + 2
    return " ".join([*parts, source[at:]])
