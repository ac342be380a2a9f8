"""Pictures that belong to the site: avatars, icons, smileys, ranks, trackers, logos.

A seller may name a file as he likes, so within a post only the site's own marks count:
class names, tiny declared sizes, and folders that programs keep for such things. Pure.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from watchers.reading.links import PERSON_PATH
from watchers.reading.markup import names

SMALLEST = 49
"""Pixels; a picture declared smaller in both directions is no evidence."""

_MARKS = names(
    "avatar avatars gravatar userpic userpics useravatar userphoto profilepic emoji emojione emoticon "
    "smiley smilies smilie wp-smiley icon icons logo sitelogo site-logo custom-logo brand sprite badge "
    "badges rank ranks flag flags rating stars star captcha spinner loader preloader tracking tracker "
    "beacon pixel button btn reaction reactions postprofile author-image author-photo bio-image signature "
    "sig"
)
_FOLDERS = re.compile(
    r"/(?:smil(?:ies|eys?|e)|emojis?|emoticons?|avatars?|useravatars?|user_avatar|letter_avatar\w*|gravatar|ranks?|badges?|"
    r"flags?|icons?|sprites?|favicons?|logos?|spacers?|buttons?|captcha|wp-includes/images|uc_server/(?:data/)?avatar|"
    r"static/image/(?:common|smiley|filetype))[/.]|(?:^|[/.])gravatar\.com/|s\.w\.org/images/core/emoji|/twemoji|"
    r"avatar\.php|/images/(?:rank|icons?|buttons|smilies|editor)/",
    re.IGNORECASE,
)
_TRACKERS = re.compile(
    r"doubleclick|google-analytics|googletagmanager|facebook\.com/tr|/pixel|/beacon|/collect\?|scorecardresearch|"
    r"quantserve|hm\.baidu|cnzz|pixel\.wp\.com|stats\.\w|/piwik|/matomo|mc\.yandex|counter\.|/b\.gif|/impression",
    re.IGNORECASE,
)
_CHROME = re.compile(
    r"/(?:(?:site|default|header|footer|og)[-_]?)?(?:logo|favicon|sprite|avatar|apple-touch-icon|icon)(?:[-_@.]\w{0,12}){0,2}\."
    r"(?:png|svg|gif|ico|jpe?g|webp)$",
    re.IGNORECASE,
)
_PART = re.compile(r"[a-z]+", re.IGNORECASE)
_FACE = re.compile(r"(?:user|member|author|profile|poster)[-_]?(?:photo|pic|picture|img|image|icon|thumb)")
_ABOVE = 3
_DATA_SIZE = re.compile(r"(?:width|height)\s*:\s*(\d{1,4})px")


def is_ornament(node: LexborNode, url: str) -> bool:
    """Whether a picture element is the site's own and not the post's."""
    path = urlsplit(url).path
    if path.lower().endswith((".svg", ".ico", ".cur")):
        return True
    if _FOLDERS.search(url) or _TRACKERS.search(url) or _is_tiny(node):
        return True
    above: LexborNode | None = node
    for _ in range(_ABOVE):
        if above is None or above.tag in ("body", "main", "article", "td", "li"):
            break
        if _is_marked(above, own=above is node):
            return True
        above = above.parent
    return False


def is_chrome(url: str) -> bool:
    """Whether an address outside any post (OpenGraph, JSON-LD) is surely the site's logo or the like."""
    return bool(_CHROME.search(urlsplit(url).path) or _FOLDERS.search(url) or _TRACKERS.search(url))


def _is_marked(node: LexborNode, *, own: bool) -> bool:
    attributes = node.attributes
    words = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"[:300].lower().split()
    if _FACE.search(" ".join(words)) or _leads_to_person(node):
        return True
    for word in words:
        parts = _PART.findall(word)
        if word in _MARKS or (parts and parts[-1] in _MARKS) or (own and any(p in _MARKS for p in parts[:1])):
            return True
    return own and bool(attributes.get("data-emoji") or "smilieid" in attributes)


def _leads_to_person(node: LexborNode) -> bool:
    """Whether an element is a link to somebody's profile: the picture in it is a face."""
    return node.tag == "a" and bool(PERSON_PATH.search((node.attributes.get("href") or "")[:500]))


def _is_tiny(node: LexborNode) -> bool:
    attributes = node.attributes
    sizes = [attributes.get("width") or "", attributes.get("height") or ""]
    numbers = [int(found[1]) for size in sizes if (found := re.match(r"\s*(\d{1,4})(?:px)?\s*$", size))]
    if not numbers:
        numbers = [int(n) for n in _DATA_SIZE.findall((attributes.get("style") or "")[:500])[:2]]
    return bool(numbers) and (max(numbers) < SMALLEST or min(numbers) <= 1)
