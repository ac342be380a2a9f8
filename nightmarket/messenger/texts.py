"""Words of a message as the server takes them: entities, HTML, lengths in UTF-16 units. Pure."""

from __future__ import annotations

import re
from html import unescape

from nightmarket.messenger.words import Json, bad

TEXT, CAPTION, MOST_ENTITIES = 4_096, 1_024, 100
_PLAIN = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "custom_emoji")
_STYLED = ("bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote")
KINDS = frozenset((*_PLAIN, *_STYLED, "code", "pre", "text_link", "text_mention"))
_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "tg-spoiler": "spoiler", "blockquote": "blockquote", "a": "text_link",
}  # fmt: skip
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)([^<>]*)>|<")
_HREF = re.compile(r"""href\s*=\s*["']?([^"'\s>]+)""")


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def words_of(text: str, entities: object, parse_mode: str, *, caption: bool) -> tuple[str, list[Json]]:
    """The text and its entities as they will stand. Raises Refusal as the server does."""
    if "\0" in text:
        raise bad("strings must be encoded in UTF-8")
    found: list[Json]
    if parse_mode:
        if parse_mode.lower() != "html":
            raise bad("unsupported parse_mode")
        text, found = from_html(text)
    else:
        found = _checked(entities, text)
    text, found = _trimmed(text, found)
    if units(text) > (CAPTION if caption else TEXT):
        raise bad("message caption is too long" if caption else "message is too long")
    return text, found


def _checked(entities: object, text: str) -> list[Json]:
    if entities in (None, ""):
        return []
    if not isinstance(entities, list) or not all(isinstance(one, dict) for one in entities):
        raise bad("can't parse entities: expected an Array of MessageEntity")
    size = units(text)
    for one in entities:
        offset, length = one.get("offset"), one.get("length")
        if one.get("type") not in KINDS or not isinstance(offset, int) or not isinstance(length, int):
            raise bad("can't parse entities: wrong MessageEntity")
        if offset < 0 or length <= 0 or offset + length > size:
            raise bad("ENTITY_BOUNDS_INVALID")
        if one["type"] == "text_link" and not one.get("url"):
            raise bad("can't parse entities: text_link without url")
    return sorted(entities, key=lambda one: (one["offset"], -one["length"]))[:MOST_ENTITIES]


def _trimmed(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """White space around a text is dropped, and entities move with it."""
    start = units(text) - units(text.lstrip())
    kept = text.strip()
    size, moved = units(kept), []
    for one in entities:
        begin = max(0, one["offset"] - start)
        end = min(size, one["offset"] - start + one["length"])
        if end > begin:
            moved.append(one | {"offset": begin, "length": end - begin})
    return kept, moved


def from_html(source: str) -> tuple[str, list[Json]]:
    """Text and entities of the HTML that the API knows. Raises Refusal: can't parse entities."""
    parts: list[str] = []
    stack: list[tuple[str, int, str]] = []
    found: list[Json] = []
    at = length = 0
    for match in _TAG.finditer(source):
        piece = unescape(source[at : match.start()])
        parts.append(piece)
        length += units(piece)
        at = match.end()
        closing, name, rest = match[1], (match[2] or "").lower(), match[3] or ""
        where = len(source[: match.start()].encode())
        if name not in _TAGS:
            raise bad(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {where}')
        if not closing:
            href = _HREF.search(rest)
            stack.append((name, length, href[1] if href else ""))
            continue
        if not stack or stack[-1][0] != name:
            raise bad(f"can't parse entities: Unexpected end tag at byte offset {where}")
        _, began, url = stack.pop()
        if length > began and (name != "a" or url):
            one: Json = {"type": _TAGS[name], "offset": began, "length": length - began}
            found.append(one | ({"url": url} if url else {}))
    if stack:
        raise bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{stack[-1][0]}\"")
    parts.append(unescape(source[at:]))
    return "".join(parts), sorted(found, key=lambda one: (one["offset"], -one["length"]))


def keyboard_of(markup: object) -> list[list[Json]]:
    """Rows of an inline keyboard; other markups have none. Raises Refusal for what the server refuses."""
    if not isinstance(markup, dict) or "inline_keyboard" not in markup:
        return []
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad("can't parse inline keyboard: expected an Array of Array of InlineKeyboardButton")
    kept = [[_button(button) for button in row] for row in rows if row]
    if sum(map(len, kept)) > MOST_ENTITIES:
        raise bad("REPLY_MARKUP_TOO_LONG")
    return kept


def _button(button: object) -> Json:
    if not isinstance(button, dict) or not str(button.get("text", "")).strip():
        raise bad('can\'t parse inline keyboard button: Field "text" must be non-empty')
    data, url = button.get("callback_data"), button.get("url")
    if data is None and url is None:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if data is not None and not 1 <= len(str(data).encode()) <= 64:
        raise bad("BUTTON_DATA_INVALID")
    return {"text": str(button["text"])} | (
        {"callback_data": str(data)} if data is not None else {"url": str(url)}
    )
