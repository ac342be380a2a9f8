"""Words of a message as HTML: entities by their UTF-16 offsets, everything else escaped. Pure.

Nothing that stands here can be followed: what a client would make tappable (links, names, commands)
is shown as such and leads nowhere, since the words are a stranger's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from html import escape

from nightmarket.messenger.words import Json

_TAGS = {
    "bold": ("<b>", "</b>"),
    "italic": ("<i>", "</i>"),
    "underline": ("<u>", "</u>"),
    "strikethrough": ("<s>", "</s>"),
    "code": ("<code>", "</code>"),
    "pre": ('<code class="pre">', "</code>"),
    "spoiler": ('<span class="veil">', "</span>"),
    "blockquote": ("<q>", "</q>"),
    "expandable_blockquote": ("<q>", "</q>"),
}
_TAPPABLE = frozenset(
    (
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "text_link",
        "text_mention",
    )
)
_QUIET = frozenset(("code", "pre"))
"""Inside these a client makes nothing tappable by itself."""
_AUTO = re.compile(r"https?://\S+|(?<!\S)@\w{4,}|(?<!\S)/[a-z]\w*|(?<!\w)\+\d{8,15}")


def words(text: str, entities: Sequence[Json]) -> str:
    """HTML of a text. Entities that are out of bounds count as far as they lie inside."""
    raw = text.encode("utf-16-le", "surrogatepass")
    size = len(raw) // 2
    spans = [
        (max(0, int(one["offset"])), min(size, int(one["offset"]) + int(one["length"])), one)
        for one in entities
    ]
    edges = sorted({0, size, *(edge for begin, end, _ in spans for edge in (begin, end) if edge <= size)})
    parts = []
    for begin, end in itertools.pairwise(edges):
        piece = raw[begin * 2 : end * 2].decode("utf-16-le", "replace")
        inside = [one for first, last, one in spans if first <= begin and end <= last]
        parts.append(_piece(piece, inside))
    return "".join(parts)


def _piece(text: str, inside: Sequence[Json]) -> str:
    kinds = [str(one.get("type", "")) for one in inside]
    shown = escape(text) if _QUIET.intersection(kinds) else _tappable(text)
    for one, kind in zip(reversed(inside), reversed(kinds), strict=True):
        if kind in _TAPPABLE:
            where = escape(str(one.get("url", "")))
            shown = f'<span class="tap" title="{where}">{shown}</span>'
        else:
            opening, closing = _TAGS.get(kind, ("", ""))
            shown = f"{opening}{shown}{closing}"
    return shown


def _tappable(text: str) -> str:
    """What a client would find in bare words by itself, marked."""
    parts, at = [], 0
    for match in _AUTO.finditer(text):
        parts += [escape(text[at : match.start()]), f'<span class="tap">{escape(match[0])}</span>']
        at = match.end()
    return "".join([*parts, escape(text[at:])])
