"""A value that may be HTML, Markdown or plain text: its words and its pictures. Pure; never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.model import PictureRef
from watchers.reading.links import absolute
from watchers.reading.markup import parse_html
from watchers.reading.pictures import pictures_in
from watchers.reading.text import clean, plain, text_of, tidy

# A tag or an entity; "<3" and "a < b" are neither.
_MARKUP = re.compile(
    r"</?[a-zA-Z][a-zA-Z0-9:-]{0,30}(?:\s[^<>]{0,5000})?/?>|&(?:[a-zA-Z]{2,10}|#\d{1,7}|#x[0-9a-fA-F]{1,6});"
)
_MARKDOWN_PICTURE = re.compile(r"!\[([^\]\n]{0,500})\]\(\s*<?([^\s)>]{1,4000})")
_PICTURE_NAME = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|heic|heif|bmp|tiff?|jfif)(?:[?#@!:]|$)", re.IGNORECASE
)


def looks_like_html(value: str) -> bool:
    """Whether `value` has a tag or an entity in it."""
    return ("<" in value or "&" in value) and _MARKUP.search(value) is not None


def words(value: str) -> str:
    """The text of `value` as a reader sees it, whether it is HTML or plain."""
    return plain(value) if looks_like_html(value) else tidy(value)


def line(value: str) -> str:
    """`words` on one line, for titles and names."""
    return " ".join(words(value).split())


def read_html(markup: str, base: str) -> tuple[str, tuple[PictureRef, ...]]:
    """The text and the pictures of a piece of HTML or plain text; links against `base`."""
    if not looks_like_html(markup):
        return tidy(markup), tuple(markdown_pictures(markup, base))
    if "<" not in markup:
        return plain(markup), ()
    body = parse_html(markup).body
    return text_of(body), pictures_in(body, base) if body is not None else ()


def markdown_pictures(text: str, base: str) -> Iterator[PictureRef]:
    """The `![alt](address)` of a Markdown text (Lemmy and others give their source)."""
    for found in _MARKDOWN_PICTURE.finditer(text):
        if url := absolute(base, found[2]):
            yield PictureRef(url=url, alt=clean(found[1]))


def is_picture_address(url: str) -> bool:
    """Whether an address ends in the name of a picture file."""
    return _PICTURE_NAME.search(url) is not None
