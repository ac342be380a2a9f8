"""What every page needs: the desk it is written at, the answer it becomes, and small words.

Bodies never repeat: each carries a token and counters of its own, as real programs do,
so that nothing can be told from a hash of a body.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from nightmarket.model import Advert, Site, Wording
from nightmarket.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is to be sent. whole: keys of posts whose full wording is in the body.

    listed: keys that are merely named in it. location: target of a redirect.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    whole: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything a page is made from. base: scheme, address and port of the site."""

    shelf: Shelf
    now: datetime
    base: str
    query: dict[str, str] = field(default_factory=dict)
    changed_layout: bool = False
    chance: random.Random

    @property
    def site(self) -> Site:
        """The site it is."""
        return self.shelf.site

    @property
    def number(self) -> int:
        """The page of the listing that is asked for, from 1; nonsense counts as 1."""
        asked = self.query.get("page", "1")
        return int(asked) if asked.isdecimal() and 0 < int(asked) < 10_000 else 1

    def local(self, moment: datetime) -> datetime:
        """The instant in the site's own time."""
        return moment.astimezone(ZoneInfo(self.site.zone))

    def token(self) -> str:
        """A CSRF token: other in every body."""
        return f"{self.chance.getrandbits(128):032x}"

    def views(self, advert: Advert) -> int:
        """A counter that moves by itself."""
        age = max(0.0, (self.now - advert.published).total_seconds())
        return int(age / 7) + 3 + self.chance.randrange(3)

    def said(self, advert: Advert) -> Wording:
        """What the post says now."""
        return advert.wording(self.now)

    def pictures(self, advert: Advert) -> list[str]:
        """Addresses of its pictures."""
        return [f"{self.base}/img/{advert.post_id}/{n}.jpg" for n in range(1, len(advert.pictures) + 1)]

    def thumbnails(self, advert: Advert) -> list[str]:
        """Addresses of the small forms of its pictures."""
        return [f"{self.base}/thumb/{advert.post_id}/{n}.jpg" for n in range(1, len(advert.pictures) + 1)]


Page = Callable[[Desk, Advert | None], Answer]


_CODECS = {"shift_jis": "cp932"}
"""What the web means by a label: Python's shift_jis would turn a yen sign into a backslash."""


def text_answer(desk: Desk, text: str, content_type: str, **more: object) -> Answer:
    """A text in the site's encoding; what it cannot spell becomes a character reference."""
    encoding = desk.site.encoding
    body = text.encode(_CODECS.get(encoding, encoding), "xmlcharrefreplace")
    return Answer(body=body, content_type=f"{content_type}; charset={encoding}", **more)  # type: ignore[arg-type]


def esc(text: str) -> str:
    """Text for HTML and XML."""
    return html.escape(text, quote=True)


def paragraphs(text: str) -> str:
    """Text as HTML, its line breaks kept."""
    return esc(text).replace("\n", "<br>")


def rfc822(moment: datetime) -> str:
    """A time as feeds and HTTP write it (RFC 5322, GMT)."""
    from datetime import UTC

    return format_datetime(moment.astimezone(UTC), usegmt=True)


def ago(desk: Desk, moment: datetime) -> str:
    """How sites write a time in passing, in the site's language."""
    minutes = int(max(0.0, (desk.now - moment).total_seconds()) // 60)
    words = {
        "zh": ("刚刚", f"{minutes}分钟前", f"{minutes // 60}小时前"),
        "zh-hant": ("剛剛", f"{minutes}分鐘前", f"{minutes // 60}小時前"),
        "ja": ("たった今", f"{minutes}分前", f"{minutes // 60}時間前"),
        "vi": ("vừa xong", f"{minutes} phút trước", f"{minutes // 60} giờ trước"),
        "en": ("just now", f"{minutes}m ago", f"{minutes // 60}h ago"),
    }
    now, short, long = words.get(desk.site.language, words["en"])
    return now if minutes < 1 else short if minutes < 60 else long


def stamp(desk: Desk, moment: datetime) -> str:
    """An absolute local time as people write it."""
    return desk.local(moment).strftime("%Y-%m-%d %H:%M")


GONE_WORDS = {
    "zh": "抱歉,该信息已被删除或不存在",
    "zh-hant": "很抱歉,此商品已下架或不存在",
    "ja": "この商品は削除されました",
    "vi": "Tin đăng không tồn tại hoặc đã bị xóa",
    "id": "Maaf, iklan ini telah dihapus",
    "th": "ประกาศนี้ถูกลบแล้ว",
    "en": "This listing has been removed or is no longer available",
}
REMOVED_BY = {
    "zh": "该主题已被管理员 {who} 删除,时间 {when},原因:违反版规第7条",
    "zh-hant": "本主題已被版主 {who} 刪除,時間 {when},原因:違反版規",
    "vi": "Chủ đề đã bị quản trị viên {who} xóa lúc {when}. Lý do: vi phạm nội quy",
    "en": "This topic was removed by {who} at {when}. Reason: prohibited goods",
}


def frame(desk: Desk, title: str, content: str, head: str = "") -> str:
    """An HTML document around `content`, with the token, menu and footer of every page."""
    site = desk.site
    return f"""<!DOCTYPE html>
<html lang="{site.language}"><head><meta charset="{site.encoding}"><title>{esc(title)} - {site.name}</title>
<meta name="csrf-token" content="{desk.token()}">{head}
<link rel="stylesheet" href="/static/site.css?v={desk.chance.randrange(10**6)}"></head>
<body><div id="nav"><a href="/">{site.name}</a> <a href="/about">about</a> <a href="/login">login</a>
<img class="logo" src="/static/logo.gif" alt="logo" width="1" height="1"></div>
{content}
<div id="footer">served in {desk.chance.uniform(3, 90):.1f} ms, online {desk.chance.randrange(40, 900)} </div>
</body></html>
"""


def gone(desk: Desk, advert: Advert) -> Answer:
    """The answer of this site for a post that is no more."""
    from nightmarket.model import Gone

    language = desk.site.language
    words = GONE_WORDS.get(language, GONE_WORDS["en"])
    match desk.site.gone:
        case Gone.HOME:
            return Answer(status=302, headers=(("Location", "/"),))
        case Gone.SOFT:
            return text_answer(
                desk, frame(desk, words, f'<div class="notice"><p>{words}</p></div>'), "text/html"
            )
        case Gone.STUB:
            stub = f'<h1>{esc(advert.first.title or desk.site.name)}</h1><div class="post removed"><i>{removed(desk, advert)}</i></div>'
            return text_answer(desk, frame(desk, advert.first.title, stub), "text/html")
        case Gone.GONE:
            return text_answer(
                desk, frame(desk, "410 Gone", f"<h1>410</h1><p>{words}</p>"), "text/html", status=410
            )
        case Gone.EXPLAINED:
            page = frame(desk, "404", f"<h1>404</h1><p>{removed(desk, advert)}</p>")
            return text_answer(desk, page, "text/html", status=404)
    return text_answer(desk, frame(desk, "404 Not Found", "<h1>404 Not Found</h1>"), "text/html", status=404)


def removed(desk: Desk, advert: Advert) -> str:
    """Who removed the post and why, in the words of the house."""
    template = REMOVED_BY.get(desk.site.language, REMOVED_BY["en"])
    end = max((s.end for s in advert.alive if s.end <= desk.now), default=desk.now)
    return template.format(who="admin7", when=stamp(desk, end))


_TAGS = re.compile(r"<[^>]*>")


def excerpt(text: str, length: int = 14) -> str:
    """The beginning of a text as short feeds give it."""
    return text if len(text) <= length else text[:length] + "…"
