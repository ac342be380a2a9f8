"""What stands in a record besides its title: seller, price, time, place, excerpt.

Told by the words that themes put into class, itemprop and rel, and by the shape of the
text where they do not help. What belongs to the last answer of a topic (its author, its
time) is not the post's and is taken only for want of anything else. Pure; linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from selectolax.lexbor import LexborNode

from watchers.reading.columns import is_generic
from watchers.reading.links import PERSON_PATH, absolute
from watchers.reading.markup import names
from watchers.reading.prices import price_in
from watchers.reading.text import clean, text_of
from watchers.reading.times import read_time

MOST_NODES = 600
"""Elements of one record that are looked at."""

_SELLER = names(
    "author byline username user seller vendor poster nickname nick owner creator member shopname started "
    "starter publisher postedby contributor screenname advertiser by fn"
)
_PRICE = names("price amount cost money pricing prix preis precio harga gia 价格 offer-price")
_TIME = names(
    "date time datetime posted published created timestamp ago age postdate pubdate dateline dtstamp "
    "started createtime"
)
_PLACE = names(
    "location region city place address locality hood neighborhood neighbourhood district province town"
)
_EXCERPT = names("excerpt summary description desc snippet teaser intro preview abstract blurb")
_BODY = names("content body text message details lead")
_LATER = names(
    "last latest lastpost lastreply reply replies activity updated modified bumped lastposter newest edited"
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MAYBE_TIME = re.compile(r"\d|天|刚|剛|today|yesterday|now", re.IGNORECASE)
_STAMPS = (
    "datetime",
    "data-time",
    "data-timestamp",
    "data-datetime",
    "data-date",
    "data-utc",
    "data-epoch",
    "data-unix",
)
_STAMPED = ", ".join(f"[{name}]" for name in _STAMPS) + ", abbr[title]"
_TIME_WORD = re.compile(
    r"\d\s*(?:s|m|h|d|w|mo|y|sec|min|hour|day|week|month|year|秒|分|小时|小時|天|日|周|月)\w*\.?(?:\s+ago|前)?|"
    r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}|(?:昨|今|前)天|yesterday|today|刚刚|just now|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+\d|\d\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
    re.IGNORECASE,
)
_BY = re.compile(
    r"^(?:(?:posted|started|written|published|created|sold|added)\s)?(?:by|von|par|por|door|od|da)(?:\s+|\s*[:：]\s*)|"
    r"^(?:发布者|作者|楼主|卖家|賣家|seller|author)\s*[:：]\s*",
    re.IGNORECASE,
)
_LAST = re.compile(
    r"\s*(?:last|latest|newest)\s+(?:post|reply|activity|comment|message)|\s*最[后後](?:发表|回复|回覆)",
    re.IGNORECASE,
)
_CART = re.compile(r"/(?:cart|basket|wishlist|checkout)/?(?:#|$)", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_LONGEST_NAME = 60
_SHORTEST_EXCERPT = 25
_SAME_TIME = timedelta(days=1)


@dataclass(slots=True)
class Facts:
    """The fields found; "" and None where there are none."""

    seller: str = ""
    seller_url: str = ""
    price: str = ""
    location: str = ""
    posted_raw: str = ""
    posted_at: datetime | None = None
    text: str = ""
    titles: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is the same for all records of a page. zone: IANA name for times without one."""

    base: str
    now: datetime
    zone: str = "UTC"


def facts_of(
    nodes: Sequence[LexborNode],
    title_node: LexborNode | None,
    page: Page,
    *,
    without: frozenset[int] = frozenset(),
) -> Facts:
    """The facts of a record. title_node: the link that gives the title, which is no fact.

    without: `mem_id`s of parts that do not count.
    """
    gather = _Gather(page, without | {title_node.mem_id if title_node is not None else 0})
    for node in nodes:
        gather.read(node)
    return gather.facts()


class _Gather:
    """Goes over the elements of a record once; the first good value of a field stays."""

    def __init__(self, page: Page, without: frozenset[int]) -> None:
        self._page, self._without = page, without
        self._facts, self._late = Facts(), Facts()
        self._excerpts: tuple[list[str], list[str], list[str]] = ([], [], [])
        self._leaves: list[str] = []
        self._left = MOST_NODES

    def read(self, top: LexborNode) -> None:
        for node, later in self._elements(top):
            facts = self._late if later else self._facts
            words = _words(node)
            if node.tag == "a":
                self._person(node, words, facts)
            elif words & _SELLER and node.tag not in ("img", "time"):
                self._named_person(node, facts)
            if words & _PRICE and not facts.price:
                self._price(node, facts)
            if not facts.posted_raw and (
                node.tag in ("time", "abbr", "relative-time", "time-ago") or words & _TIME or _stamp(node)
            ):
                self._time(node, facts)
            if words & _PLACE and not facts.location and not words & (_SELLER | _EXCERPT):
                line = _line(node, 100)
                facts.location = line if len(line) < 80 else ""
            if words & _EXCERPT or node.tag == "p" or words & _BODY:
                rank = 0 if words & _EXCERPT else 1 if node.tag == "p" else 2
                self._excerpts[rank].append(_excerpt(node, self._without))
            if node.tag in ("h1", "h2", "h3", "h4", "h5"):
                facts.titles.append(_line(node, 300))

    def facts(self) -> Facts:
        """What was found, gaps filled from what belongs to later answers and from plain words."""
        facts, late = self._facts, self._late
        if not facts.posted_raw:
            facts.posted_raw, facts.posted_at = late.posted_raw, late.posted_at
        leaves = " \n".join(self._leaves)
        facts.price = facts.price or late.price or price_in(leaves)
        facts.location = facts.location or late.location
        if not facts.posted_raw:
            self._worded_time(facts)
        if not facts.seller:
            self._worded_person(facts)
        facts.text = self._longest()
        return facts

    def _longest(self) -> str:
        """The longest text by the surest mark that is more than a word or two."""
        words = [leaf for leaf in self._leaves if not _TIME_WORD.search(leaf[:60])]
        groups = (max(group, key=len, default="") for group in (*self._excerpts, words))
        return next((text for text in groups if len(text) >= _SHORTEST_EXCERPT), "")

    # --- walking ------------------------------------------------------------------------

    def _elements(self, top: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
        """Elements in order with whether they are about a later answer; texts go to the leaves."""
        stack = [(top, False)]
        while stack and self._left > 0:
            node, later = stack.pop()
            tag = node.tag or ""
            if tag == "-text":
                self._leaf(node, later)
                continue
            if tag.startswith(("-", "!")) or tag in (
                "script",
                "style",
                "template",
                "select",
                "button",
                "form",
                "del",
                "s",
            ):
                continue
            self._left -= 1
            later = later or bool(_words(node) & _LATER) or _is_about_last(node)
            if node.mem_id in self._without or (tag == "a" and _leads_to_cart(node)):
                continue
            yield node, later
            children = list(node.iter(include_text=True))
            stack += [(child, later) for child in reversed(children)]

    def _leaf(self, node: LexborNode, later: bool) -> None:
        text = " ".join((node.text_content or "").split())
        if text and not later and len(self._leaves) < 200:
            self._leaves.append(clean(text)[:2_000])

    # --- one field ------------------------------------------------------------------------

    def _person(self, node: LexborNode, words: frozenset[str], facts: Facts) -> None:
        attributes = node.attributes
        href = attributes.get("href") or ""
        marked = bool(words & _SELLER) or "author" in (attributes.get("rel") or "")
        if facts.seller_url or not (marked or PERSON_PATH.search(href[:500])):
            return
        url = absolute(self._page.base, href)
        if not url or not (marked or PERSON_PATH.search(url.partition("//")[2].partition("/")[2])):
            return
        name = _BY.sub("", _line(node, _LONGEST_NAME + 1))
        if name and len(name) <= _LONGEST_NAME and not is_generic(name):
            facts.seller, facts.seller_url = name, url

    def _named_person(self, node: LexborNode, facts: Facts) -> None:
        whole = _line(node, 2 * _LONGEST_NAME)
        if facts.seller or not 0 < len(whole) < 2 * _LONGEST_NAME - 1:
            return
        inner = node.css_first("a[href]")
        if inner is not None and inner.mem_id != node.mem_id:
            url = absolute(self._page.base, inner.attributes.get("href") or "")
            name = _BY.sub("", _line(inner, _LONGEST_NAME + 1)) if inner.mem_id not in self._without else ""
        else:
            url, name = "", _BY.sub("", whole)
        if name and len(name) <= _LONGEST_NAME and not is_generic(name):
            facts.seller, facts.seller_url = name, url

    def _price(self, node: LexborNode, facts: Facts) -> None:
        attributes = node.attributes
        now = node.css_first("ins, [class*=sale], [class*=current], [class*=special]")
        text = _line(now if now is not None else node, 200)
        facts.price = price_in(text) or (text[:60] if re.search(r"\d", text) and len(text) <= 40 else "")
        if not facts.price and (content := (attributes.get("content") or "").strip()):
            facts.price = content[:60]

    def _time(self, node: LexborNode, facts: Facts) -> None:
        inner = None if _stamp(node) else node.css_first(_STAMPED)
        node = inner if inner is not None else node
        for raw in (_stamp(node), (node.attributes.get("title") or "").strip(), _line(node, 80)):
            if raw and _MAYBE_TIME.search(raw):
                at = read_time(raw, self._page.now, self._page.zone)
                if at is not None:
                    shown = _line(node, 80)
                    facts.posted_raw, facts.posted_at = (
                        shown if self._tells(shown, at) else clean(raw)[:80],
                        at,
                    )
                    return

    def _tells(self, shown: str, at: datetime) -> bool:
        """Whether the text of an element tells the time of its attribute, if less exactly: to a day."""
        if not shown or not _MAYBE_TIME.search(shown):
            return False
        told = read_time(shown, self._page.now, self._page.zone)
        return told is not None and abs(told - at) <= _SAME_TIME

    def _worded_time(self, facts: Facts) -> None:
        for leaf in self._leaves:
            if len(leaf) <= 90 and (found := _TIME_WORD.search(leaf)):
                raw = leaf if len(leaf) <= 40 else leaf[found.start() : found.start() + 40]
                at = read_time(raw, self._page.now, self._page.zone) or read_time(
                    found[0], self._page.now, self._page.zone
                )
                if at is not None:
                    facts.posted_raw, facts.posted_at = found[0] if len(leaf) > 40 else leaf, at
                    return

    def _worded_person(self, facts: Facts) -> None:
        for leaf in self._leaves:
            if (
                (by := _BY.match(leaf))
                and by[0]
                and 0 < len(name := leaf[by.end() :].split("·")[0].split("|")[0].strip(" ,»-–—")) <= 40
            ):
                facts.seller = re.split(r",?\s+(?:on|at|in|am|le)\s+", name)[0]
                return


def _leads_to_cart(node: LexborNode) -> bool:
    """Whether a link leads to what the reader himself has chosen to buy: its sum is no price of a post."""
    return bool(_CART.search((node.attributes.get("href") or "")[:500]))


def _is_about_last(node: LexborNode) -> bool:
    """Whether an element is hidden or begins with words such as "Last post by"."""
    attributes = node.attributes
    if _HIDDEN.search(attributes.get("style") or "") or "hidden" in attributes:
        return True
    child = node.first_child
    return child is not None and child.tag == "-text" and bool(_LAST.match(child.text_content or ""))


def _stamp(node: LexborNode) -> str:
    attributes = node.attributes
    return next((v.strip() for name in _STAMPS if (v := attributes.get(name))), "")


def _words(node: LexborNode) -> frozenset[str]:
    attributes = node.attributes
    marks = f"{attributes.get('class') or ''} {attributes.get('itemprop') or ''} {attributes.get('id') or ''}"
    return _word_set(marks[:200]) if len(marks) > 2 else _NONE


_NONE: frozenset[str] = frozenset()


@lru_cache(maxsize=8_192)
def _word_set(marks: str) -> frozenset[str]:
    return frozenset(_split(marks))


def _split(marks: str) -> Iterator[str]:
    for mark in marks.split():
        yield mark.lower()
        for part in _HUMP.sub("-", mark).replace("_", "-").split("-"):
            if part.isalpha():
                yield part.lower()


def _line(node: LexborNode, longest: int) -> str:
    return " ".join(text_of(node).split())[:longest].strip()


def _excerpt(node: LexborNode, without: frozenset[int]) -> str:
    return text_of(node, without=without)[:2_000]
