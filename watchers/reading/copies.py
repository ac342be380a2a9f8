"""What the address of a picture tells: a stand-in, a copy in some size, its width. Pure; linear."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SMALLEST_THUMBNAIL = 200
"""Pixels; below this a declared width means a thumbnail."""

# Stand-ins, as whole words of a name: a seller's "tusk.jpg", "skull.png" or "grey-parrot.jpg" is none.
_PLACEHOLDER = re.compile(
    r"(?:^|/)(?:(?:spacer|transparent|placeholder|loading|loader|lazy-?load|1x1|1px|no[-_]?(?:image|photo|pic))"
    r"(?:[-_\d][\w-]{0,12})?|"
    r"(?:blank|pixel|none|lazy|clear|gr[ea]y|dot|load|[st](?=\.gif|\.png))"
    r"(?:[-_]?(?:\d{1,4}(?:x\d{1,4})?|white|black|gr[ea]y|image|img|bg|gif|dot|pixel|square))?"
    r")\.(?:gif|png|svg|jpg)$",
    re.IGNORECASE,
)
_RESIZED = re.compile(
    r"/size/w\d+(?:h\d+)?(?=/)|/(?:optimized|original)(?=/)|_2_\d+x\d+(?=\.\w+$)|[-_]\d{2,4}x\d{0,4}(?=(?:_crop_\w+)?\.\w+$)|"
    r"[-_.](?:thumb(?:nail)?|small|medium|large|scaled|preview|tn|th)(?=\.\w+$)|/(?:thumbs?|thumbnails?|small|medium|large|preview)(?=/)",
    re.IGNORECASE,
)
# Copies named after their original: "cup.jpg/cup-600x0.jpg", "Cup.jpg/300px-Cup.jpg", "cup.jpg.300x300.jpg".
_COPY = re.compile(
    r"(?P<name>/(?P<stem>[^/]{1,200})(?P<kind>\.(?:jpe?g|png|gif|webp|avif)))"
    r"(?:/(?:(?P=stem)[-_.]\w{0,40}|\d{2,4}px-(?P=stem)(?P=kind)?)(?:\.\w{3,5})?|"
    r"\.\d{1,4}x\d{0,4}[\w,%-]{0,60}\.\w{3,5})$",
    re.IGNORECASE,
)
_COPIES = re.compile(r"/\.?(?:thumbs?|thumbnails?)(?=/)", re.IGNORECASE)
_SMALL = re.compile(
    r"[-_/.](?:thumbs?|thumbnails?|small|tn|mini|preview)(?=[-_/.]|$)|[?&](?:thumb\w*=|t=1(?:&|$)|size=(?:s|small|thumb))",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"[-_/.](?:w)?(\d{2,4})x(\d{1,4})?(?=\D*$)|/size/w(\d{2,4})|[?&](?:w|width|imwidth|resize)=(\d{2,4})"
)
_SIZING = re.compile(r"&?(?:thumb(?:nail)?|t|mode|w|h|width|height|size)=[^&]*")
_SCRIPT = re.compile(r"\.(?:php|aspx?|jsp|cgi|ashx|do)$|/[^./]*$", re.IGNORECASE)


def is_placeholder(url: str) -> bool:
    """A stand-in shown until the real picture is loaded."""
    return not url or bool(_PLACEHOLDER.search(urlsplit(url).path))


def root(url: str) -> str:
    """What the addresses of one picture in several sizes have in common."""
    parts = urlsplit(url)
    copy = _COPY.search(parts.path)
    path = _RESIZED.sub("", _COPIES.sub("", parts.path[: copy.end("name")]) if copy else parts.path)
    query = parts.query if _SCRIPT.search(parts.path) else ""
    query = _SIZING.sub("", query).lstrip("&")
    return f"{parts.netloc.lower().removeprefix('www.')}{path}?{query}"


def told_width(url: str) -> float:
    """The width that an address tells, or 0."""
    found = _TOLD.search(url)
    return float(next((group for group in (found[1], found[3], found[4]) if group), 0)) if found else 0.0


def role_of(url: str, declared: float) -> str:
    """What `PictureRef.role` says of it, by its address, else by the width declared (pixels, 0: none)."""
    width = told_width(url) or declared
    small = 0 < width < _SMALLEST_THUMBNAIL
    return "thumbnail" if small or (_SMALL.search(url) and not width) else "full"
