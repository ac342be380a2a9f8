"""Text with spans: building a card whose seller text can break and link to nothing. Pure.

Offsets count UTF-16 code units, as the Bot API does (core.telegram.org/bots/api#messageentity).
"""

from __future__ import annotations

import re
import unicodedata

from bot.channel import Span

LIMIT = 1_024
"""UTF-16 units of a photo caption (core.telegram.org/bots/api#sendphoto)."""

_UNSAFE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufeff\uffa0\ufff0-\uffff"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)
_JOINERS = {"\u200d", "\ufe0e", "\ufe0f"}


def plain(text: str, limit: int = 200) -> str:
    """Hostile text made harmless for a chat, a terminal and a log: one line, at most `limit` characters.

    Controls, terminal escapes, bidi and invisible characters are dropped; the raw text is
    in the evidence. A cut is marked with an ellipsis and never leaves a combining mark alone.
    """
    cleaned = _UNSAFE.sub("", text[: limit * 8].replace("\n", " ").replace("\t", " "))
    cleaned = re.sub(r"\s+", " ", cleaned).strip()
    if len(cleaned) <= limit:
        return cleaned
    end = max(0, limit - 1)
    while end > 0 and (unicodedata.combining(cleaned[end]) or cleaned[end] in _JOINERS):
        end -= 1
    return cleaned[:end].rstrip() + "…"


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

    def line(self) -> Text:
        """Start a new line."""
        return self.add("\n")

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
