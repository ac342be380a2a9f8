"""The pictures of a page or of a part of it, at their largest, in order of appearance.

Pages show thumbnails and hide the originals in srcset, lazy attributes, links around the
picture or style sheets; each of these is asked, the largest wins, and several addresses
of one picture are joined. What belongs to the site and not to the post (avatars, icons,
smileys, tracking pixels) is left out, by how it is marked rather than by its file name,
which a seller may choose. Pure; linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from storage.model import PictureRef
from watchers.reading.copies import is_placeholder, role_of, root, told_width
from watchers.reading.links import absolute
from watchers.reading.ornaments import is_chrome, is_ornament
from watchers.reading.zones import within

MOST_PICTURES = 500
_MOST_NODES = 10_000

_LOOKED_AT = (
    "img, amp-img, picture, video, a[href], [style*=url], [data-bg], [data-background], "
    "[data-background-image], "
    "[data-bgset], [data-image-url], input[type=image]"
)
# Attributes that hold a picture's address, the largest version first.
_ORIGINALS = (
    "data-large_image", "data-orig-file", "data-original-src", "zoomfile", "data-zoom-image", "data-zoom",
    "data-full", "data-full-url", "data-full-src", "data-fullsize", "data-hires", "data-high-res-src",
    "data-large", "data-large-file", "data-original",
)  # fmt: skip
_LAZY = (
    "file", "data-src", "data-lazy-src", "data-lazy", "data-lazyload", "data-ks-lazyload", "data-echo",
    "data-img", "data-url", "data-image", "data-actualsrc", "original", "lazy-src", "lazyload", "_src",
    "src",
)  # fmt: skip
_SETS = ("srcset", "data-srcset", "data-lazy-srcset", "data-original-set")
_BACKGROUNDS = ("data-bg", "data-background", "data-background-image", "data-image-url", "data-bgset")
_FILE = re.compile(r"\.(?:jpe?g|jfif|png|webp|avif|heic|gif|bmp|tiff?)$", re.IGNORECASE)
_ATTACHED = re.compile(
    r"attachment\.php|/attachments?/[^/]+\.\d+/?$|download/file\.php|mod=attachment|/media/full/|[?&]attach(?:ment)?=\d",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"[^\n/\\<>]{0,150}\.(?:jpe?g|jfif|png|webp|avif|heic|gif|bmp|tiff?)(?:\s*[(\[][^()\[\]]{0,60}[)\]])?",
    re.IGNORECASE,
)
"""A file's name as forums write it for what is attached but not shown: "tusk.jpg (240 KB)"."""
_GIVEN_OUT = re.compile(
    r"attach|download|upload|/(?:media|files?|dl|images?|photos?)/|[?&](?:aid|file|dl)=", re.IGNORECASE
)
"""Words of addresses at which such files are given out; a post may be called "tusk.jpg" too."""
_URL = re.compile(r"url\(\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^'\"\s)]++))\s*+\)", re.IGNORECASE)
_CANDIDATE = re.compile(r"[\s,]*+(\S++)((?:\s++[\d.]++[wxh])*+)\s*+(?:,|$)")
_STRIP = re.compile(
    r"thumbs\b|thumbnails\b|indicators\b|thumb-?(?:list|nav|strip|items)|control-thumbs", re.IGNORECASE
)
_RUN = re.compile(r"[\s,]{3,}")
_SIZE = re.compile(r"([\d.]+)([wx])")
_SIMPLE = re.compile(r"[.#][\w-]{1,100}\s*$")


@dataclass(slots=True)
class _Found:
    """A picture with how good this address of it is: width in pixels as far as told."""

    ref: PictureRef
    width: float


def pictures_in(
    node: LexborNode,
    base_url: str,
    *,
    without: frozenset[int] = frozenset(),
    styles: Mapping[str, str] | None = None,
) -> tuple[PictureRef, ...]:
    """The pictures of `node` in order, each once at its best address.

    without: `mem_id`s of parts that do not count. styles: background pictures by class
    or id, from `style_pictures`. At most MOST_PICTURES.
    """
    found: list[_Found] = []
    known: dict[int, bool] = {}
    looked_at = _LOOKED_AT + (", [class], [id]" if styles else "")
    for one in node.css(looked_at)[:_MOST_NODES]:
        if without and within(one, without, known):
            continue
        found += _of_element(one, base_url, styles or {})
        if len(found) >= 4 * MOST_PICTURES:
            break
    return join(found)


def as_pictures(urls: Iterable[str], base_url: str) -> tuple[PictureRef, ...]:
    """Addresses from structured data as pictures; what is surely the site's own is left out."""
    links = [absolute(base_url, url) for url in urls]
    return tuple(PictureRef(url=url) for url in dict.fromkeys(links) if url and not is_chrome(url))


def together(*groups: Iterable[PictureRef]) -> tuple[PictureRef, ...]:
    """Several groups as one, in order; addresses of the same picture are joined, the larger kept."""
    return join(_Found(ref, told_width(ref.url)) for group in groups for ref in group)


def join(found: Iterable[_Found]) -> tuple[PictureRef, ...]:
    """One entry a picture at the place where it first appears."""
    best: dict[str, _Found] = {}
    for one in found:
        key = root(one.ref.url)
        held = best.get(key)
        if held is None:
            best[key] = one
        elif _rank(one) > _rank(held):
            best[key] = _Found(replace(one.ref, alt=one.ref.alt or held.ref.alt), one.width)
    return tuple(one.ref for one in best.values())[:MOST_PICTURES]


def _rank(found: _Found) -> tuple[bool, float]:
    return (found.ref.role != "thumbnail", found.width)


# --- one element ------------------------------------------------------------------------


def _of_element(node: LexborNode, base: str, styles: Mapping[str, str]) -> Iterator[_Found]:
    tag, attributes = node.tag or "", node.attributes
    if tag in ("img", "amp-img", "input"):
        yield from _of_image(node, base)
    elif tag == "picture":
        if node.css_first("img") is None:
            yield from _best(_from_sets(node.css("source"), base), "", "full")
    elif tag == "video":
        if link := absolute(base, attributes.get("poster") or ""):
            yield _Found(PictureRef(url=link, role="poster"), 0)
    elif tag == "a":
        link = absolute(base, attributes.get("href") or "")
        if link and node.css_first("img") is None and _is_picture(node, link):
            yield _Found(PictureRef(url=link), told_width(link))
    for link in _backgrounds(attributes, styles):
        full = absolute(base, link)
        if full and not is_ornament(node, full):
            yield _Found(PictureRef(url=full, role=role_of(full, 0)), told_width(full))


def _is_picture(node: LexborNode, link: str) -> bool:
    """Whether a link without a picture in it opens one: by its address, else by the file name it shows."""
    if _FILE.search(urlsplit(link).path):
        return True
    if not _GIVEN_OUT.search(link):
        return False
    return _NAMED.fullmatch(" ".join(node.text().split())[:300]) is not None


def _of_image(node: LexborNode, base: str) -> Iterator[_Found]:
    attributes = node.attributes
    original = _linked_original(node, base)
    candidates = list(_from_attributes(attributes, base))
    picture = node.parent
    if picture is not None and picture.tag == "picture":
        candidates += _from_sets(picture.css("source"), base)
    shown = next((url for url, _ in candidates), "")
    if not (shown or original) or is_ornament(node, shown or original):
        return
    alt = (attributes.get("alt") or "").strip()[:300]
    declared = _number(attributes.get("width"))
    if original:
        yield _Found(PictureRef(url=original, alt=alt), 1e6)
        if _FILE.search(urlsplit(original).path) or root(original) == root(shown):
            return  # the picture shown is a smaller copy of what the link opens
        yield from _best(candidates, alt, "thumbnail")
        return
    sized = [(url, width or declared) for url, width in candidates]
    role = role_of(shown, declared if len(candidates) == 1 else 0)
    yield from _best(sized, alt, "thumbnail" if _in_strip(node) else role)


def _in_strip(node: LexborNode) -> bool:
    """Whether a picture stands in the row of small copies below a gallery."""
    above, steps = node.parent, 0
    while above is not None and steps < 5:
        if _STRIP.search(f"{above.attributes.get('class') or ''} {above.attributes.get('id') or ''}"[:300]):
            return True
        above, steps = above.parent, steps + 1
    return False


def _best(candidates: list[tuple[str, float]], alt: str, role: str) -> Iterator[_Found]:
    if candidates:
        url, width = max(candidates, key=lambda one: one[1])
        yield _Found(PictureRef(url=url, role=role, alt=alt), width)


def _from_attributes(attributes: dict[str, str | None], base: str) -> Iterator[tuple[str, float]]:
    """Every address of an image with its width: originals count as very wide."""
    for name in _ORIGINALS:
        if link := _picture_link(base, attributes.get(name)):
            yield link, 1e5
    for name in _SETS:
        yield from _from_set(attributes.get(name) or "", base)
    for name in _LAZY:
        if link := _picture_link(base, attributes.get(name)):
            yield link, told_width(link)


def _picture_link(base: str, value: str | None) -> str:
    if not value or value.startswith("data:") or not ("." in value or "/" in value):
        return ""
    link = absolute(base, value)
    return "" if is_placeholder(link) else link


def _from_sets(sources: list[LexborNode], base: str) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for source in sources[:20]:
        for name in ("srcset", "data-srcset"):
            found += _from_set(source.attributes.get(name) or "", base)
    return found


def _from_set(value: str, base: str) -> Iterator[tuple[str, float]]:
    """https://html.spec.whatwg.org/multipage/images.html#srcset-attributes, leniently."""
    for found in _CANDIDATE.finditer(_RUN.sub(", ", value[:20_000])):
        link = _picture_link(base, found[1].rstrip(","))
        if link:
            sizes = {
                unit: float(number)
                for number, unit in _SIZE.findall(found[2])
                if number.count(".") < 2 and number != "."
            }
            yield link, sizes.get("w") or 1000.0 * sizes.get("x", 0.3)


def _linked_original(node: LexborNode, base: str) -> str:
    """What a link around the picture opens, when that is a picture too."""
    above, steps = node.parent, 0
    while above is not None and steps < 4:
        if above.tag == "a":
            attributes = above.attributes
            link = absolute(base, attributes.get("href") or attributes.get("data-href") or "")
            is_file = bool(link) and bool(_FILE.search(urlsplit(link).path) or _ATTACHED.search(link))
            return link if is_file and not is_placeholder(link) else ""
        above, steps = above.parent, steps + 1
    return ""


# --- style sheets -----------------------------------------------------------------------


def _backgrounds(attributes: dict[str, str | None], styles: Mapping[str, str]) -> Iterator[str]:
    style = attributes.get("style") or ""
    if "url" in style:
        yield from (a or b or c for a, b, c in _URL.findall(style[:5_000]))
    for name in _BACKGROUNDS:
        if value := attributes.get(name):
            yield value.split()[0] if value.split() else ""
    if styles:
        marks = [f".{word}" for word in (attributes.get("class") or "").split()[:20]]
        marks.append(f"#{attributes.get('id') or ''}")
        yield from (styles[mark] for mark in marks if mark in styles)


def style_pictures(tree: LexborHTMLParser) -> dict[str, str]:
    """Background pictures that <style> gives to one class or id: ".name" or "#name" -> address."""
    found: dict[str, str] = {}
    for sheet in tree.css("style")[:50]:
        text = (sheet.text() or "")[:300_000]
        for rule in text.split("}") if "url(" in text else ():
            selectors, _, body = rule.rpartition("{")
            link = _URL.search(body[:4_000]) if "background" in body else None
            if link is not None:
                address = link[1] or link[2] or link[3]
                found.update(
                    (mark[0].strip(), address)
                    for one in selectors[-500:].split(",")
                    if (mark := _SIMPLE.search(one))
                )
            if len(found) > 2_000:
                return found
    return found


def _number(value: str | None) -> float:
    found = re.match(r"\s*(\d{1,5})", value or "")
    return float(found[1]) if found else 0.0
