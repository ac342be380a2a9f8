"""What stands in the chats, as a page that a telephone would show: HTML of messages and their frame. Pure.

Every word in it comes from strangers or from the bot and is escaped. Buttons are forms, so the page
works without its script; the script presses without loading anew and looks for what is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

from nightmarket.messenger.markup import words
from nightmarket.messenger.words import Chat, Json, Message, Upload, User

AT_ONCE = 80
"""Messages on a page; older ones are a link away."""
_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One page. chat: the one that is open. who: user id of whoever presses and writes.

    before: only messages below this id, 0 for the newest. only: these ids alone, for pictures.
    said: what the last press was answered, and whether as a box (without the script).
    """

    chats: Sequence[Chat]
    people: Sequence[User]
    me: User
    chat: Chat
    who: int
    before: int = 0
    only: frozenset[int] = frozenset()
    said: str = ""
    counted: str = ""


def page(view: View) -> str:
    """The whole page."""
    bare = " bare" if view.only else ""
    said = f'<p class="said">{escape(view.said)}</p>' if view.said else ""
    frame = "" if view.only else f"{_chats(view)}"
    composer = "" if view.only or view.chat.kind == "channel" else _composer(view)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(view.chat.title)}</title>"
        '<link rel="stylesheet" href="/look/chat.css"><script src="/look/chat.js" defer></script></head>'
        f'<body class="{bare.strip()}">{frame}<main>{_head(view)}{said}'
        f'<section id="messages" data-chat="{view.chat.chat_id}" data-before="{view.before}" '
        f'data-version="{version(view.chat)}">{messages(view)}</section>{composer}</main>'
        '<div id="toast" role="status"></div></body></html>'
    )


def version(chat: Chat) -> str:
    """Changes whenever anything in the chat does."""
    every = chat.messages.values()
    gone, edits = sum(one.deleted for one in every), sum(one.edits for one in every)
    return f"{chat.next_id}.{len(chat.messages)}.{edits}.{gone}.{chat.pinned}.{len(chat.shut)}"


def messages(view: View) -> str:
    """The messages of a view, oldest first, with a link to what is older."""
    seen = [one for one in view.chat.seen() if one.form != "service"]
    if view.only:
        return "".join(_message(one, view) for one in seen if one.message_id in view.only)
    if view.before:
        seen = [one for one in seen if one.message_id < view.before]
    shown, link = seen[-AT_ONCE:], ""
    if len(seen) > len(shown):
        link = f'<a class="older" href="{_address(view, before=shown[0].message_id)}">older messages</a>'
    if view.before:
        link += f'<a class="older" href="{_address(view)}">newest messages</a>'
    nothing = '<p class="nothing">nothing was said here yet</p>' if not shown else ""
    return link + nothing + "".join(_message(one, view) for one in shown)


def picture_type(upload: Upload) -> str:
    """The type of a picture that a browser may show, "" for everything else. By its bytes, not its name."""
    return next((kind for head, kind in _PICTURES.items() if upload.data.startswith(head)), "")


# --- the frame ------------------------------------------------------------------------


def _address(view: View, *, chat: int = 0, before: int = 0) -> str:
    where = f"/chat/{chat or view.chat.chat_id}?as={view.who}"
    return escape(f"{where}&before={before}" if before else where)


def _chats(view: View) -> str:
    rows = []
    for chat in view.chats:
        seen = [one for one in chat.seen() if one.form != "service"]
        last = escape(seen[-1].text.split("\n", 1)[0][:60]) if seen else ""
        here = ' class="here"' if chat is view.chat else ""
        who = chat.chat_id if chat.kind == "private" else view.who
        address = escape(f"/chat/{chat.chat_id}?as={who}")
        rows.append(
            f'<a{here} href="{address}" data-chat="{chat.chat_id}"><b dir="auto">{escape(chat.title)}</b>'
            f'<i>{len(seen)}</i><span dir="auto">{last}</span></a>'
        )
    counted = f'<p class="counted">{escape(view.counted)}</p>' if view.counted else ""
    return f'<nav id="chats">{"".join(rows)}{counted}</nav>'


def _head(view: View) -> str:
    chat, kinds = view.chat, {"private": "private chat", "supergroup": "group"}
    shut = f'<p class="shut">{escape(chat.shut)}</p>' if chat.shut else ""
    pinned = chat.messages.get(chat.pinned)
    pin = ""
    if pinned is not None and not pinned.deleted:
        first = escape(pinned.text.split("\n", 1)[0][:80])
        pin = f'<a class="pin" href="#m{pinned.message_id}"><b>pinned</b> <span dir="auto">{first}</span></a>'
    kind = kinds.get(chat.kind, chat.kind)
    return f'<header><h1 dir="auto">{escape(chat.title)}</h1><p>{kind}</p>{shut}{pin}</header>'


def _composer(view: View) -> str:
    people = [one for one in view.people if view.chat.kind != "private" or one.user_id == view.chat.chat_id]
    choices = "".join(_choice(one, chosen=one.user_id == view.who) for one in people)
    return (
        f'<form id="say" method="post" action="/say" enctype="multipart/form-data">{_hidden(view)}'
        f'<label>as <select name="as">{choices}</select></label>'
        '<input name="text" placeholder="/status, /tonight, /find …" autocomplete="off" maxlength="4096">'
        '<label class="file">picture <input type="file" name="picture" accept="image/jpeg,image/png"></label>'
        "<button>send</button></form>"
    )


def _choice(one: User, *, chosen: bool) -> str:
    return f'<option value="{one.user_id}"{" selected" if chosen else ""}>{escape(one.name)}</option>'


def _hidden(view: View) -> str:
    return f'<input type="hidden" name="chat" value="{view.chat.chat_id}">'


# --- one message --------------------------------------------------------------------------


def _message(one: Message, view: View) -> str:
    sender = one.sender
    own = sender is not None and sender.is_bot
    name = escape(sender.name) if sender is not None else ""
    body = _answered(one, view.chat) + _forwarded(one) + _media(one)
    if one.text:
        body += f'<div class="words" dir="auto">{words(one.text, one.entities)}</div>'
    sort = "bot" if own else "person"
    return (
        f'<article id="m{one.message_id}" class="{sort}"><div class="bubble">'
        f'<div class="name" dir="auto">{name}</div>{body}<div class="foot">{_foot(one)}</div></div>'
        f"{_keyboard(one, view)}</article>"
    )


def _foot(one: Message) -> str:
    parts = []
    if one.edits:
        at = _clock(one.date + max(0.0, one.edited_at - one.sent_at))
        parts.append(f"edited {at}" + (f", {one.edits} times" if one.edits > 1 else ""))
    if one.silent:
        parts.append("no sound")
    parts.append(_clock(one.date))
    return " · ".join(parts)


def _clock(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%H:%M:%SZ")


def _answered(one: Message, chat: Chat) -> str:
    first = chat.messages.get(one.reply_to) if one.reply_to else None
    if first is None or first.deleted:
        return ""
    name = escape(first.sender.name) if first.sender is not None else ""
    text = escape(first.text.split("\n", 1)[0][:70]) or first.form
    return f'<a class="reply" href="#m{first.message_id}"><b>{name}</b> <span dir="auto">{text}</span></a>'


def _forwarded(one: Message) -> str:
    return '<div class="forwarded">forwarded</div>' if one.forwarded else ""


def _media(one: Message) -> str:
    upload = one.upload
    if upload is None:
        return ""
    address = f"/upload/{quote(upload.file_id)}"
    kind = picture_type(upload)
    if one.form == "photo" and kind:
        size = f'width="{upload.width}" height="{upload.height}"' if upload.width else ""
        picture = f'<img src="{address}" alt="" {size}>'
        if one.spoiler:
            veil = '<input type="checkbox">' + picture + "<span>hidden: tap to see</span>"
            return f'<label class="photo hidden">{veil}</label>'
        return f'<div class="photo">{picture}</div>'
    thumb = f'<img src="{address}" alt="">' if kind else ""
    return (
        f'<a class="file" href="{address}" download>{thumb}<b dir="auto">{escape(upload.name or "file")}</b>'
        f"<span>{len(upload.data) / 1000:,.1f} kB</span></a>"
    )


def _keyboard(one: Message, view: View) -> str:
    if not one.keyboard:
        return ""
    rows = "".join(f'<div class="row">{_buttons(row)}</div>' for row in one.keyboard)
    return (
        f'<form class="keys" method="post" action="/press">{_hidden(view)}'
        f'<input type="hidden" name="message" value="{one.message_id}">'
        f'<input type="hidden" name="as" value="{view.who}">{rows}</form>'
    )


def _buttons(row: Iterable[Json]) -> str:
    made = []
    for button in row:
        label = escape(str(button.get("text", "")))
        if "callback_data" in button:
            data = escape(str(button["callback_data"]))
            made.append(f'<button name="data" value="{data}" dir="auto">{label}</button>')
        else:  # where a link would lead is shown and not followed
            made.append(f'<span class="link" title="{escape(str(button.get("url", "")))}">{label}</span>')
    return "".join(made)
