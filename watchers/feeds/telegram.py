"""Feed kind `telegram`: the preview pages of public channels, https://t.me/s/NAME.

Source: the pages themselves, as kept in tests/samples/telegram and the 21 pages of
Apkawa/rust-any2feed (MIT). Telegram documents only the widget that shares their markup
(https://core.telegram.org/widgets/post). Messages stand oldest first, about 20 a page.

A message has no title; its page t.me/NAME/ID answers 200 for ever, so presence is read
from the listing. What its embed says (https://t.me/NAME/ID?embed=1) `detail` can read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from storage.errors import BadPage
from storage.model import Listing, PictureRef, Post, Response
from watchers.feed import Recognition
from watchers.reading.encoding import decode
from watchers.reading.links import absolute
from watchers.reading.markup import names, parse_html
from watchers.reading.text import clean, text_of
from watchers.reading.times import read_time

OWN_PAGE = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of `[target.rules]` for a Telegram channel; all may be left out.

    max_pages: older pages read (through `before=`) while everything on a page is new.
    max_items: messages taken of one page. link_pictures: also keep the picture of the
    preview that Telegram shows below a link.
    """

    max_pages: int = 3
    max_items: int = 200
    link_pictures: bool = True

    def __post_init__(self) -> None:
        for key, most in (("max_pages", 20), ("max_items", 1000)):
            if not 1 <= getattr(self, key) <= most:
                raise ValueError(f"{key}: must be 1 to {most}")


_P = "tgme_widget_message_"
_MESSAGE = ".tgme_widget_message[data-post]"
_ID = re.compile(r"[\w-]{1,64}(?:/[\w-]{1,64}){1,3}")
_STYLE_URL = re.compile(r"url\(\s*(?:\"([^\")]*)\"|'([^')]*)'|([^'\")\s]*))\s*\)")
_LETTERS = re.compile(r"[^\W\d_]")
_PHOTO_KEY = re.compile(r"(?:^|\s)(\d[\d_ ]*\d)(?:\s|$)")

# Whose background is no picture of the post: emoji, faces, what is replied to, maps.
_NO_PICTURES = names(
    f"emoji {_P}user {_P}user_photo {_P}author {_P}reply {_P}location {_P}reactions tgme_reaction"
)
_PREVIEWS = names("link_preview_image link_preview_right_image link_preview_video_thumb")
_ROLES = {
    f"{_P}video_thumb": "poster",
    f"{_P}roundvideo_thumb": "poster",
    f"{_P}videosticker": "poster",
    f"{_P}sticker": "thumbnail",
    f"{_P}document_thumb": "thumbnail",
    **dict.fromkeys(_PREVIEWS, "thumbnail"),
}


def parse(page: Response, rules: object, now: datetime) -> Listing:
    """The messages of a preview page, oldest first. Raises BadPage when it shows no channel."""
    settings = rules if isinstance(rules, Settings) else Settings()
    tree = parse_html(decode(page))
    nodes = tree.css(_MESSAGE)
    if not nodes and tree.css_first(".tgme_channel_history") is None:
        raise BadPage(page.url, _why_nothing(tree), field="messages")
    if nodes and nodes[-1].css_first(f".{_P}date") is None and b"</html>" not in page.body[-2000:].lower():
        nodes.pop()  # cut in the middle: half a message would look like an edited one
    posts: dict[str, Post] = {}
    for node in nodes[: settings.max_items]:
        if (post := _Message(node, page.url, settings, now).post()) is not None:
            posts.setdefault(post.post_id, post)
    return Listing(
        posts=tuple(posts.values()),
        title=_line(tree.css_first(".tgme_channel_info_header_title"))
        or _clean(tree.css_first("meta[property='og:title']"), "content"),
        next_url=_older(tree, page.url),
        notes=() if posts else ("no message on the page",),
    )


def detail(page: Response, post: Post, rules: object, now: datetime) -> Post:
    """`post` as its embed page shows it; any other page changes nothing.

    Raises BadPage (field "post") when Telegram says that the message is not there.
    """
    tree = parse_html(decode(page))
    if why := _line(tree.css_first(f".{_P}error")):
        raise BadPage(page.url, f"Telegram says {why[:100]!r}", field="post")
    settings = rules if isinstance(rules, Settings) else Settings()
    for node in tree.css(_MESSAGE):
        found = _Message(node, page.url, settings, now).post()
        if found is not None and found.post_id == post.post_id:
            return found
    return post


def wants_detail(post: Post, rules: object) -> bool:  # noqa: ARG001  # the protocol's shape
    """Never: the listing shows messages whole."""
    return False


def recognise(page: Response, now: datetime) -> Recognition | None:  # noqa: ARG001  # the protocol's shape
    """A preview page, or a channel's card that links one."""
    if b"tgme_" not in page.body:
        return None
    tree = parse_html(decode(page))
    node = tree.css_first(_MESSAGE)
    history = tree.css_first(".tgme_channel_history")
    if node is not None or history is not None:
        name = _clean(node, "data-post").partition("/")[0] if node is not None else ""
        url = _preview_address(page.url, name)
        return Recognition(
            kind="telegram", confidence=0.98, url=url, rules={}, why="Telegram channel preview"
        )
    link = tree.css_first("a.tgme_page_context_link[href^='/s/']")
    if link is None:
        return None
    url, why = absolute(page.url, _clean(link, "href")), "card of a Telegram channel"
    return Recognition(kind="telegram", confidence=0.9, url=url, rules={}, why=why)


class _Message:
    """One message bubble."""

    def __init__(self, node: LexborNode, base: str, settings: Settings, now: datetime) -> None:
        self._node, self._base, self._settings, self._now = node, base, settings, now

    def post(self) -> Post | None:
        """The message as a post, or None when its id is none."""
        post_id = _clean(self._node, "data-post").partition("?")[0]
        if not _ID.fullmatch(post_id):
            return None
        stamp = self._node.css_first(f".{_P}date time[datetime]") or self._node.css_first("time[datetime]")
        raw = _clean(stamp, "datetime")
        owner = self._first(f"{_P}owner_name")
        edited = self._edited()
        return Post(
            post_id=post_id,
            url=self._address(post_id),
            text=self._text(),
            seller=_line(owner),
            seller_url=self._link(owner),
            location=self._place(),
            posted_raw=raw,
            posted_at=read_time(raw, self._now),
            edited=edited,
            pictures=tuple(self._pictures(edited=edited)),
            extra=tuple((name, value) for name, value in self._extra() if value),
        )

    # --- parts ------------------------------------------------------------------

    def _first(self, name: str) -> LexborNode | None:
        """The first node of a class that is not part of what the message replies to."""
        return next(iter(self._all(f".{name}")), None)

    def _all(self, selector: str) -> list[LexborNode]:
        return [n for n in self._node.css(selector) if not _inside(n, _REPLY)]

    def _link(self, node: LexborNode | None) -> str:
        return absolute(self._base, _clean(node, "href"))

    def _address(self, post_id: str) -> str:
        link = self._link(self._node.css_first(f"a.{_P}date"))
        path = urlsplit(link).path if link else ""
        return link.partition("?")[0] if path.endswith(f"/{post_id}") else f"https://t.me/{post_id}"

    def _text(self) -> str:
        """Words of the message, then of its poll; what it replies to is not its own."""
        parts, seen = [], set[int]()
        for node in self._all(f".{_P}text"):
            if not _inside(node, _TEXT):  # newer pages nest the node in another of its class
                parts.append(text_of(node))
                seen.add(node.mem_id)
        for poll in self._all(f".{_P}poll"):
            parts.append(_line(poll.css_first(f".{_P}poll_question")))
            parts += [f"- {_line(option)}" for option in poll.css(f".{_P}poll_option_text")]
        return "\n".join(part for part in parts if part)

    def _edited(self) -> bool:
        """Whether a word ("edited", in the visitor's language) stands before the time."""
        meta = self._node.css_first(f".{_P}meta")
        if meta is None:
            return False
        beside = meta.css(f"a.{_P}date, .{_P}from_author, .{_P}views")
        return bool(_LETTERS.search(text_of(meta, without=frozenset(n.mem_id for n in beside))))

    def _place(self) -> str:
        names_ = [_line(n) for n in self._all(f".{_P}venue_title, .{_P}venue_address")]
        return ", ".join(name for name in names_ if name)

    # --- pictures ---------------------------------------------------------------

    def _pictures(self, *, edited: bool) -> Iterator[PictureRef]:
        seen: set[str] = set()
        for node in self._node.css("[style*='background-image'], img, video[poster], [data-webp]"):
            ref = None if _inside(node, _NO_PICTURES, itself=True) else self._picture(node, edited=edited)
            if ref is not None and ref.url not in seen:
                seen.add(ref.url)
                yield ref

    def _picture(self, node: LexborNode, *, edited: bool) -> PictureRef | None:
        kinds = names(_clean(node, "class"))
        if kinds & _PREVIEWS and not self._settings.link_pictures:
            return None
        role = next((_ROLES[kind] for kind in sorted(kinds) if kind in _ROLES), "full")
        link = _clean(node, "data-webp") or _clean(node, "src") or _background(node)
        if node.tag == "video":
            role, link = "poster", _clean(node, "poster")
        url = absolute(self._base, link)
        return PictureRef(url=url, role=role, key=_key(node, kinds, edited=edited)) if url else None

    # --- the rest ---------------------------------------------------------------

    def _extra(self) -> Iterator[tuple[str, str]]:
        yield "channel", _clean(self._node, "data-post").partition("/")[0]
        for name, selector, attribute in _EXTRA:
            for node in self._all(selector):
                value = absolute(self._base, _clean(node, attribute)) if attribute else _line(node)[:2000]
                yield name, value
        if (reply := self._node.css_first(f".{_P}reply")) is not None:
            yield "reply_to", self._link(reply)
            yield "reply_to_text", text_of(reply)[:2000]
        yield from self._links()
        if "service_message" in names(_clean(self._node, "class")):
            yield "service", "yes"

    def _links(self) -> Iterator[tuple[str, str]]:
        """Where words and buttons of the message lead: contacts hide behind "write me"."""
        for node in self._all(f".{_P}text a[href], a.{_P}inline_button"):
            words, href = _line(node), _clean(node, "href")
            tag_search = href.startswith("?q=")
            if (
                href
                and not tag_search
                and href.rstrip("/") not in {words, f"https://{words}", f"http://{words}"}
            ):
                yield (
                    ("button" if f"{_P}inline_button" in _clean(node, "class") else "link"),
                    f"{words} {href}",
                )


_REPLY = names(f"{_P}reply")
_TEXT = names(f"{_P}text")
# What else a message may carry: name, where, and the attribute when it is an address.
_EXTRA = (
    ("author", f".{_P}from_author", ""),
    ("views", f".{_P}views", ""),
    ("forwarded_from", f".{_P}forwarded_from_name", ""),
    ("forwarded_from_url", f"a.{_P}forwarded_from_name", "href"),
    ("via", f".{_P}via_bot", ""),
    ("video", f"video[src].{_P}video, video[src].{_P}roundvideo, video[src].link_preview_video", "src"),
    ("voice", f"audio[src].{_P}voice", "src"),
    ("audio", f"audio[src]:not(.{_P}voice)", "src"),
    ("duration", f".message_video_duration, .{_P}voice_duration, .{_P}roundvideo_duration", ""),
    ("sticker", f".{_P}tgsticker source[srcset]", "srcset"),
    ("sticker", f".{_P}videosticker video[src]", "src"),
    ("document", f".{_P}document_title", ""),
    ("document_size", f".{_P}document_extra", ""),
    ("contact", f".{_P}contact", ""),
    ("map", f"a.{_P}location_wrap", "href"),
    ("poll", f".{_P}poll_type", ""),
    ("poll_share", f".{_P}poll_option_percent", ""),
    ("voters", f".{_P}voters", ""),
    ("preview_url", f"a.{_P}link_preview", "href"),
    ("preview_site", ".link_preview_site_name", ""),
    ("preview_title", ".link_preview_title", ""),
    ("preview_text", ".link_preview_description", ""),
    # Browsers that show the media hide this line; for "too big" ones it is all there is.
    ("not_shown", f".{_P}video_player.not_supported .message_media_not_supported_label", ""),
)


def _inside(node: LexborNode, kinds: frozenset[str], *, itself: bool = False) -> bool:
    """Whether an ancestor within the message (or the node itself) has one of these classes."""
    at = node if itself else node.parent
    while at is not None:
        classes = names(_clean(at, "class"))
        if classes & kinds:
            return True
        if "tgme_widget_message" in classes:
            return False
        at = at.parent
    return False


def _key(node: LexborNode, kinds: frozenset[str], *, edited: bool) -> str:
    """A name for a picture that outlives its signed address, or "".

    Single photos carry their id as a class. Photos of an album carry only place and shape,
    so a first edit of the message renews the key.
    """
    if found := _PHOTO_KEY.search(_clean(node, "class")):
        return f"photo {found[1]}"
    if f"{_P}photo_wrap" in kinds and (href := _clean(node, "href")):
        return f"photo {urlsplit(href).path} {_clean(node, 'data-ratio')}{' edited' * edited}"
    return ""


def _background(node: LexborNode) -> str:
    found = _STYLE_URL.search(_clean(node, "style"))
    return (found[1] or found[2] or found[3] or "").strip() if found else ""


def _clean(node: LexborNode | None, attribute: str) -> str:
    """An attribute as storable text, at most 8,000 characters; "" when absent."""
    value = node.attributes.get(attribute) if node is not None else None
    return clean(value[:8000]).strip() if value else ""


def _line(node: LexborNode | None) -> str:
    return " ".join(text_of(node).split())


def _older(tree: LexborHTMLParser, base: str) -> str:
    """The address of the page before this one, or ""."""
    for node in tree.css("link[rel='prev'], a.tme_messages_more[data-before]"):
        href = _clean(node, "href")
        if "before=" in href:
            return absolute(base, href)
    return ""


def _why_nothing(tree: LexborHTMLParser) -> str:
    if tree.css_first(".tgme_page") is not None:
        return "a card without messages: the channel is private, has previews off, or does not exist"
    return "not a Telegram channel preview"


def _preview_address(url: str, name: str) -> str:
    """The address to watch: https://t.me/s/NAME, or the same page elsewhere without its query."""
    parts = urlsplit(url)
    if parts.hostname in {"t.me", "telegram.me", "telegram.dog"} and name:
        return f"https://t.me/s/{name}"
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
