"""A post's own page: its full text, title, seller, price, place, time and all pictures.

What a page describes for machines comes first, then the places where the known programs
put a post's body, then the densest text of the page. Of a topic only the first post is
read, with the further ones of the same seller's pictures: answers are no edits. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from storage.model import PictureRef
from watchers.reading.dense import dense_text
from watchers.reading.facts import Facts, Page, facts_of
from watchers.reading.links import absolute, post_id
from watchers.reading.pictures import as_pictures, pictures_in, style_pictures, together
from watchers.reading.replies import answered
from watchers.reading.structured import Structured, structured_of
from watchers.reading.text import clean, text_of
from watchers.reading.things import Described, as_post, described
from watchers.reading.thread import Entry, entries
from watchers.reading.times import read_time
from watchers.reading.zones import noise, within

# Where programs put the body of a post, the surest first.
BODIES = (
    "[itemprop=articleBody]", "[itemprop=text]", ".message-body .bbWrapper", ".bbWrapper", "td.t_f",
    ".post_body", ".postbody .content", ".topic-body .cooked", ".cooked", ".Post-body",
    "[component='post/content']", ".post-message", ".comment__text", ".comment-text", ".post-content",
    ".entry-content", "#postingbody", ".gh-content", ".c-content", ".article-content", ".article__body",
    ".article-body", ".post-text", ".post__content", ".postcontent", ".msg-body",
    "#product_description + p", "#product_description + div", ".woocommerce-Tabs-panel--description",
    ".woocommerce-product-details__short-description", ".product-description", ".ad-description",
    ".listing-description", ".description__text", "[itemprop=description]", "[data-testid*=description]",
    "[class*=description i]", ".post-body", "#description", ".e-content", ".markdown-body",
    ".content__body",
)  # fmt: skip
_HEADINGS = "h1, h2, [itemprop=name], #thread_subject, .thread_title"
_ENTRY_BODIES = (".content", ".message", ".body", ".text", ".postbody", ".comment-body")
_WHOLE = (
    "[itemscope][itemtype*=Product]", ".product_page", ".single-product .product",
    "[itemscope][itemtype*=Posting]", "[itemscope][itemtype*=Offer]", "main article", "article", "main",
    "[role=main]", "#main-content", "#content", ".content", "#main",
)  # fmt: skip
_LABELS = {
    "location": r"location|city|region|area|district|place|地区|地點|地点|所在地|区域|"
    r"khu vực|địa điểm|lokasi|wilayah|ort|ville|ciudad|город",
    "seller": r"seller|vendor|posted by|advertiser|contact(?: person| name)?|"
    r"卖家|賣家|发布者|联系人|người bán|penjual|verkäufer",
    "price": r"price|asking price|售价|价格|價格|giá|harga|preis|prix|precio|цена|ราคา",
    "posted": r"posted(?: on)?|date(?: posted)?|published|listed|"
    r"发布时间|發布時間|发表于|ngày đăng|datum|tanggal",
}
_LABELLED = {
    name: re.compile(rf"^(?:{words})\s?[:：]\s?([^\n]{{1,120}})$", re.IGNORECASE | re.MULTILINE)
    for name, words in _LABELS.items()
}
_DESCRIPTION = re.compile(
    r"(?:(?:product|item|ad|full|seller'?s?|the)\s)?(?:description|details|about th(?:is|e) item)|"
    r"(?:商品|物品|产品)?(?:描述|详情|詳情|介绍|說明|说明)|(?:artikel)?beschreibung|"
    r"descri(?:ption|ción|ção)|mô tả(?: chi tiết)?|deskripsi|описание|opis|รายละเอียด",
    re.IGNORECASE,
)
_SAME_SELLER_PAGES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What a post's own page says; "" and () where it says nothing. missing: fields not found."""

    title: str = ""
    text: str = ""
    facts: Facts
    pictures: tuple[PictureRef, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the fields that were not found."""
        facts = self.facts
        had = {
            "title": self.title, "text": self.text, "seller": facts.seller, "price": facts.price,
            "location": facts.location, "posted": facts.posted_raw, "pictures": self.pictures,
        }  # fmt: skip
        return tuple(name for name, value in had.items() if not value)


def read_article(tree: LexborHTMLParser, page: Page, home: str, *, listed_title: str = "") -> Article:
    """Everything a post's own page says. home: its address; listed_title: what the listing called it."""
    return read_articles(tree, page, home, (listed_title,))[0]


def read_articles(
    tree: LexborHTMLParser, page: Page, home: str, listed_titles: Sequence[str]
) -> tuple[Article, ...]:
    """As `read_article` for each of the titles; the page is read once, as only its title hangs on them."""
    reading = _Reading(tree, page, home)
    first = reading.article(listed_titles[0])
    return (first, *(replace(first, title=reading.title(listed)) for listed in listed_titles[1:]))


class _Reading:
    """One page being read."""

    def __init__(self, tree: LexborHTMLParser, page: Page, home: str) -> None:
        self._tree, self._page, self._home = tree, page, home
        self._noisy = noise(tree)
        self._found: Structured = structured_of(tree, page.base)
        self._thing = self._described()
        self._entries = entries(tree, self._noisy)
        # What readers wrote below an article is not the article: no text, picture or edit of it.
        below, are_answers = answered(tree, self._entries, self._noisy)
        self._noisy |= below
        self._entries = () if are_answers else self._entries
        self._body = self._body_node()
        self._whole = self._whole_node()

    def article(self, listed_title: str) -> Article:
        """The page as an article."""
        return Article(
            title=self.title(listed_title),
            text=self._text(),
            facts=self._facts(),
            pictures=self._pictures(),
        )

    # --- parts ----------------------------------------------------------------------------

    def _described(self) -> Described:
        """What the page says of itself: the thing with its address, else the first that is no list entry."""
        things = [t for t in described(self._found) if "ListItem" not in t.types]
        here = post_id(self._home, self._home)
        for thing in things:
            url = absolute(self._page.base, thing.url) if thing.url else ""
            if url and post_id(url, self._home) == here:
                return thing
        return next((t for t in things if not t.url or t.text or t.price), Described())

    def _body_node(self) -> LexborNode | None:
        scopes: list[tuple[LexborNode | LexborHTMLParser, tuple[str, ...]]] = [(self._tree, BODIES)]
        if self._entries:
            scopes.insert(0, (self._entries[0].node, (*BODIES, *_ENTRY_BODIES)))
        for scope, selectors in scopes:
            for selector in selectors:
                for node in scope.css(selector)[:20]:
                    if not within(node, self._noisy, {}) and node.tag != "meta" and text_of(node):
                        return node
        return None

    def _whole_node(self) -> LexborNode | None:
        """The element around everything of the post: body, pictures, price."""
        first = self._entries[0].node if self._entries else None
        if first is not None and (len(self._entries) > 1 or (self._body and _holds(first, self._body))):
            return first
        for selector in _WHOLE:
            for node in self._tree.css(selector)[:5]:
                if not within(node, self._noisy, {}) and (self._body is None or _holds(node, self._body)):
                    return node
        return self._tree.body

    # --- fields ---------------------------------------------------------------------------

    def title(self, listed: str) -> str:
        """The heading that the page's own name confirms; themes use <h1> for the site's name too."""
        name = self._tree.css_first("title")
        names_ = [self._graph("og:title"), _line(name) if name is not None else ""]
        inside = self._whole.css(_HEADINGS)[:10] if self._whole is not None else []
        headings = [_line(node) for node in [*inside, *self._tree.css(_HEADINGS)[:30]]]
        same = [heading for heading in headings if heading.casefold() == listed.casefold()]
        known = " ".join(names_).casefold()
        for heading in (self._thing.title, *same, *headings):
            if len(heading) > 1 and heading.casefold()[:60] in known:
                return heading
        return self._thing.title or listed or names_[0] or next((h for h in headings if h), names_[1])

    def _text(self) -> str:
        node = self._body
        if node is None and self._entries:
            node = self._entries[0].node
        if node is None and (below := self._below_heading()):
            return max(self._thing.text, below, key=len)
        if node is None:
            # The densest text of a thin page may be a notice of the site's.
            guessed = dense_text(self._tree, self._noisy)
            return max(self._thing.text, guessed, self._graph("og:description"), key=len)
        said = text_of(node, without=self._noisy)
        return max(said, self._thing.text, key=len) or self._graph("og:description")

    def _below_heading(self) -> str:
        """What stands between a heading "Description" and the next one."""
        headings = self._tree.css("h2, h3, h4, h5, dt, strong, legend")[:300]
        for heading in [node for node in headings if _DESCRIPTION.fullmatch(_line(node))][:3]:
            if within(heading, self._noisy, {}):
                continue
            top = heading
            while top.parent is not None and _line(top.parent) == _line(heading):
                top = top.parent
            said = [text_of(node, without=self._noisy) for node in _until_heading(top)]
            if text := "\n".join(part for part in said if part):
                return text
        return ""

    def _facts(self) -> Facts:
        """Seller, price, place and time: as described, as labelled, as marked."""
        whole = [self._whole] if self._whole is not None else []
        facts = facts_of(whole, None, self._page, without=self._noisy)
        told = as_post(self._thing, "", "", self._page)
        labelled = self._labelled()
        facts.seller, facts.seller_url = (
            (told.seller, told.seller_url or facts.seller_url)
            if told.seller
            else (facts.seller or labelled.get("seller", ""), facts.seller_url)
        )
        facts.price = told.price or self._graph_price() or labelled.get("price") or facts.price
        facts.location = told.location or labelled.get("location") or facts.location
        raw = told.posted_raw or self._graph("article:published_time")
        at = told.posted_at or (read_time(raw, self._page.now, self._page.zone) if raw else None)
        if at is None and (raw := labelled.get("posted", "")):
            at = read_time(raw, self._page.now, self._page.zone)
        if at is not None:
            facts.posted_raw, facts.posted_at = raw, at
        return facts

    def _labelled(self) -> dict[str, str]:
        """Values behind labels such as "Location:", in lines and in rows of tables."""
        if self._whole is None:
            return {}
        text = text_of(self._whole, without=self._noisy)[:20_000]
        found: dict[str, str] = {}
        if ":" in text or "：" in text:
            found = {name: m[1].strip() for name, label in _LABELLED.items() if (m := label.search(text))}
        for row in self._whole.css("tr, dl > div, li")[:200]:
            cells = row.css("th, td, dt, dd, span, b, strong")[:2]
            if len(cells) == 2:
                line = f"{_line(cells[0])[:60].rstrip(':： ')}: {_line(cells[1])[:120]}"
                for name, label in _LABELLED.items():
                    if name not in found and (m := label.match(line)):
                        found[name] = m[1].strip()
        return found

    def _pictures(self) -> tuple[PictureRef, ...]:
        styles = style_pictures(self._tree)
        shown = [
            pictures_in(node, self._page.base, without=self._noisy, styles=styles)
            for node in self._picture_nodes()
        ]
        told = as_pictures(self._thing.images, self._page.base)
        graph = as_pictures(self._graphs("og:image", "og:image:url", "og:image:secure_url"), self._page.base)
        return together(*shown, told, graph)

    def _picture_nodes(self) -> Iterable[LexborNode]:
        if len(self._entries) <= 1:
            return [self._whole] if self._whole is not None else []
        first = self._entries[0]
        seller = _author(first, self._page)
        further = self._entries[1:_SAME_SELLER_PAGES] if seller else ()
        return [first.node, *(e.node for e in further if _author(e, self._page) == seller)]

    # --- OpenGraph --------------------------------------------------------------------------

    def _graphs(self, *wanted: str) -> list[str]:
        return [v for g in self._found.open_graph for k, v in g["properties"] if k in wanted and v]

    def _graph(self, name: str) -> str:
        return clean(next(iter(self._graphs(name)), "")).strip()[:5_000]

    def _graph_price(self) -> str:
        amount = self._graph("product:price:amount") or self._graph("og:price:amount")
        currency = self._graph("product:price:currency") or self._graph("og:price:currency")
        return f"{amount} {currency}".strip() if amount else ""


def _until_heading(top: LexborNode) -> Iterator[LexborNode]:
    """The siblings after an element, up to one with a heading in it; at most 30."""
    node, left = top.next, 30
    while node is not None and left:
        if node.tag in ("h1", "h2", "h3", "h4", "h5", "dt", "footer", "form"):
            return
        if node.tag != "-text" and node.css_first("h1, h2, h3, h4, h5") is not None:
            return
        yield node
        node, left = node.next, left - 1


def _author(entry: Entry, page: Page) -> str:
    return facts_of([entry.node], None, page).seller


def _holds(node: LexborNode, inner: LexborNode) -> bool:
    at: LexborNode | None = inner
    while at is not None:
        if at.mem_id == node.mem_id:
            return True
        at = at.parent
    return False


def _line(node: LexborNode) -> str:
    return " ".join(text_of(node).split())[:300]
