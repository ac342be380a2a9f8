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
_UNSEEN = re.compile(r"<(?:(script|style|noscript|template|svg|title)|!--)")
_TAG = re.compile(r"<[^<>]*>?")
_SPACE = re.compile(r"\s+")
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_HEADINGS = 12
_HEADING_CHARS = 400
_TITLE_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """title and headings (h1, h2) as text; `text` is all that is seen.

    source: the markup; lower: the same in lower case, offset by offset.
    """

    title: str
    headings: tuple[str, ...]
    text: str
    source: str
    lower: str


def glance(response: Response) -> Glance:
    """What a reader sees of the first part of a page; never raises."""
    source = decode(replace(response, body=response.body[:GLANCE_BYTES]))
    lower = lowered(source)
    shown = _shown(source, lower)
    return Glance(
        title=_element(source, lower, "<title", 0, _TITLE_CHARS),
        headings=_headings(shown),
        text=plain(_TAG.sub(" ", shown)),
        source=source,
        lower=lower,
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


def without_tags(markup: str) -> str:
    """The text of a piece of markup."""
    return plain(_TAG.sub(" ", markup))


def lowered(text: str) -> str:
    """`text` in lower case with every character at its place (a few would become two)."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.translate(_ASCII_LOWER)


def _element(source: str, lower: str, tag: str, at: int, most: int) -> str:
    """The text of the first element `tag` from `at` on, at most `most` characters of its markup."""
    start = lower.find(tag, at)
    begin = lower.find(">", start, start + most) + 1 if start >= 0 else 0
    if not begin:
        return ""
    end = lower.find(f"</{tag[1:3]}", begin, begin + most)
    return without_tags(source[begin : end if end >= 0 else begin + most])


def _headings(shown: str) -> tuple[str, ...]:
    lower = lowered(shown)
    found: list[str] = []
    for tag in ("<h1", "<h2"):
        at = lower.find(tag)
        while at >= 0 and len(found) < _HEADINGS:
            found.append(_element(shown, lower, tag, at, _HEADING_CHARS))
            at = lower.find(tag, at + 3)
    return tuple(text for text in found if text)


def _shown(source: str, lower: str) -> str:
    """`source` without comments and what is never seen; one that does not end takes the rest with it."""
    parts, at = [], 0
    while (start := _UNSEEN.search(lower, at)) is not None:
        parts.append(source[at : start.start()])
        end = f"</{start.group(1)}" if start.group(1) else "-->"
        found = lower.find(end, start.end())
        if found < 0:
            return " ".join(parts)
        at = found + len(end)
    return " ".join([*parts, source[at:]])
