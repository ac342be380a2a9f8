"""Text with spans: building a card whose seller text can break and link to nothing. Pure.

Offsets count UTF-16 code units, as the Bot API does (core.telegram.org/bots/api#messageentity).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from bot.channel import Card, Span

LIMIT = 1_024
"""UTF-16 units of a photo caption (core.telegram.org/bots/api#sendphoto)."""

_UNSAFE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufeff\uffa0\ufff0-\uffff"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)
_JOINERS = {"\u200d", "\ufe0e", "\ufe0f"}
_MOST_MARKS = 4
"""On one letter: as many as any script in use needs decomposed; more of them reach into the lines around."""
_TAPPED = re.compile(r"\S*(?:[@/#$]|\w\.\w)\S*|\+\d[\d ().-]{5,}\d|\d{10,}")
"""What a client may make tappable by itself: addresses, names, tags, commands, numbers to call."""


def plain(text: str, limit: int = 200) -> str:
    """Hostile text made harmless for a chat, a terminal and a log: one line, at most `limit` characters.

    Controls, terminal escapes, bidi and invisible characters are dropped, and marks heaped on a letter;
    the raw text is in the evidence. A cut is marked with an ellipsis and never leaves a combining mark alone.
    """
    cleaned = _lowered(_UNSAFE.sub("", text[: limit * 8].replace("\n", " ").replace("\t", " ")))
    cleaned = re.sub(r"\s+", " ", cleaned).strip()
    if len(cleaned) <= limit:
        return cleaned
    end = max(0, limit - 1)
    while end > 0 and (unicodedata.combining(cleaned[end]) or cleaned[end] in _JOINERS):
        end -= 1
    return cleaned[:end].rstrip() + "…"


def _lowered(text: str) -> str:
    """The text with at most `_MOST_MARKS` marks on each letter."""
    if text.isascii():
        return text
    kept, heaped = [], 0
    for char in text:
        heaped = heaped + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if heaped <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


class Text:
    """A text under construction. `add` never exceeds the limit: what does not fit is cut with an ellipsis."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._parts: list[str] = []
        self._spans: list[Span] = []
        self._length = 0
        self._limit = limit

    def add(self, text: str, kind: str = "") -> Text:
        """Append `text`; `kind` (bold, code, italic) makes it a span."""
        room = self._limit - self._length
        fitted = _fit(text, room)
        if fitted:
            size = units(fitted)
            if kind:
                self._spans.append(Span(offset=self._length, length=size, kind=kind))
            self._parts.append(fitted)
            self._length += size
        return self

    def add_quiet(self, text: str, kind: str = "") -> Text:
        """Append words of ours that may quote a stranger: what could be tapped stands in `code`."""
        at = 0
        for match in _TAPPED.finditer(text):
            self.add(text[at : match.start()], kind).add(match[0], "code")
            at = match.end()
        return self.add(text[at:], kind)

    def line(self) -> Text:
        """Start a new line."""
        return self.add("\n")

    def join(self, other: Text) -> Text:
        """Append another text with its spans. Raises ValueError when it does not fit: nothing is cut here."""
        if self._length + other._length > self._limit:
            raise ValueError("the texts together are too long")
        shifted = [Span(offset=s.offset + self._length, length=s.length, kind=s.kind) for s in other._spans]
        self._spans += shifted
        self._parts += other._parts
        self._length += other._length
        return self

    @property
    def size(self) -> int:
        """UTF-16 units so far."""
        return self._length

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans so far, in order."""
        return tuple(self._spans)


def _fit(text: str, room: int) -> str:
    if units(text) <= room:
        return text
    if room <= 0:
        return ""
    kept, used = [], 0
    for char in text:
        size = units(char)
        if used + size > room - 1:
            break
        kept.append(char)
        used += size
    return "".join(kept) + "…"


_ARMED = str.maketrans(
    {".": "\u2024", "@": "\uff20", "/": "\u2215", ":": "\ua789", "#": "\uff03", "$": "\uff04"}
)
"""Signs that make links, names and commands, and others of one unit each that look like them."""


def disarmed(card: Card) -> Card:
    """The card for a server that makes links in `code` too: there, the signs that make them are others."""
    raw = card.text.encode("utf-16-le", "surrogatepass")
    parts, at = [], 0
    for span in sorted(
        (one for one in card.spans if one.kind in ("code", "pre")), key=lambda one: one.offset
    ):
        begin, end = max(at, span.offset), span.offset + span.length
        parts.append(raw[at * 2 : begin * 2].decode("utf-16-le", "surrogatepass"))
        parts.append(raw[begin * 2 : end * 2].decode("utf-16-le", "surrogatepass").translate(_ARMED))
        at = max(at, end)
    parts.append(raw[at * 2 :].decode("utf-16-le", "surrogatepass"))
    return replace(card, text="".join(parts))


def bare(card: Card) -> Card:
    """The words of a card alone, for a server that refuses its spans: nothing in them can become a link."""
    return replace(card, text=card.text.translate(_ARMED), spans=())


def cut(card: Card, limit: int) -> Card:
    """The card in at most `limit` UTF-16 units; spans end where the text does."""
    text = _fit(card.text, limit)
    size = units(text)
    spans = tuple(
        replace(span, length=min(span.length, size - span.offset))
        for span in card.spans
        if span.offset < size
    )
    return replace(card, text=text, spans=spans)
