"""Posts by an admin's selectors; what has none is looked for inside the item. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from selectolax.lexbor import LexborHTMLParser, LexborNode

from storage.model import NO_PAGE, PictureRef, Post, Response
from watchers.reading.columns import Link, is_generic, is_other, is_postlike, is_titled, said
from watchers.reading.facts import Page, facts_of
from watchers.reading.links import absolute, post_id, tidy_url
from watchers.reading.listing import nameless_id
from watchers.reading.pictures import as_pictures, pictures_in, together
from watchers.reading.selectors import Pick, first, nodes, value_of
from watchers.reading.text import clean
from watchers.reading.times import read_time


class Picks(Protocol):
    """The selectors of a listing; None where a field is found by itself."""

    @property
    def item(self) -> Pick | None: ...
    @property
    def id(self) -> Pick | None: ...
    @property
    def link(self) -> Pick | None: ...
    @property
    def title(self) -> Pick | None: ...
    @property
    def text(self) -> Pick | None: ...
    @property
    def seller(self) -> Pick | None: ...
    @property
    def price(self) -> Pick | None: ...
    @property
    def location(self) -> Pick | None: ...
    @property
    def posted(self) -> Pick | None: ...
    @property
    def picture(self) -> Pick | None: ...
    @property
    def max_items(self) -> int: ...


def picked_posts(tree: LexborHTMLParser, picks: Picks, about: Page, page: Response) -> tuple[Post, ...]:
    """One post for every element that `item` matches, each id once, in page order."""
    assert picks.item is not None
    posts: dict[str, Post] = {}
    for node in nodes(tree, picks.item.css)[: picks.max_items]:
        post = _post(node, picks, about, page)
        if post is not None:
            posts.setdefault(post.post_id, post)
    return tuple(posts.values())


def picked_pictures(top: LexborNode | LexborHTMLParser, pick: Pick, about: Page) -> tuple[PictureRef, ...]:
    """Pictures of a pick: an attribute's addresses, else all pictures in the elements that match."""
    found = nodes(top, pick.css)
    if pick.attr or pick.regex:
        return together(as_pictures((value_of(node, pick) for node in found), about.base))
    return together(*(pictures_in(node, about.base) or _itself(node, about) for node in found))


def _itself(node: LexborNode, about: Page) -> tuple[PictureRef, ...]:
    """The picture that the matched element is: an element's own tags are not below it."""
    above = node.parent
    if above is None or node.tag not in ("img", "a", "video", "picture", "source"):
        return ()
    around = pictures_in(above, about.base)
    own = {absolute(about.base, v) for v in node.attributes.values() if v}
    return tuple(ref for ref in around if ref.url in own) or around[:1]


def _post(node: LexborNode, picks: Picks, about: Page, page: Response) -> Post | None:
    link_node, url = _link(node, picks, about)
    facts = facts_of([node], link_node, about)
    posted = _picked(node, picks.posted)
    at = read_time(posted, about.now, about.zone) if posted else None
    pictures = (
        picked_pictures(node, picks.picture, about)
        if picks.picture is not None
        else pictures_in(node, about.base)
    )
    own_title = said(link_node) if link_node is not None else ""
    post = Post(
        post_id="",
        url=tidy_url(url) if url else page.requested_url,
        title=_line(_picked(node, picks.title))
        or (own_title if not is_generic(own_title) else "")
        or next(iter(facts.titles), ""),
        text=_picked(node, picks.text) or ("" if picks.text is not None else facts.text),
        seller=_line(_picked(node, picks.seller)) or ("" if picks.seller is not None else facts.seller),
        seller_url=facts.seller_url if picks.seller is None else "",
        price=_line(_picked(node, picks.price)) or ("" if picks.price is not None else facts.price),
        location=_line(_picked(node, picks.location))
        or ("" if picks.location is not None else facts.location),
        posted_raw=_line(posted) or ("" if picks.posted is not None else facts.posted_raw),
        posted_at=at if picks.posted is not None else facts.posted_at,
        pictures=pictures,
        extra=() if url else (NO_PAGE,),
    )
    if not (post.title or post.text or post.pictures):
        return None
    return replace(post, post_id=_id(node, picks, post, url, page))


def _id(node: LexborNode, picks: Picks, post: Post, url: str, page: Response) -> str:
    told = _line(_picked(node, picks.id))
    if told:
        return told[:300]
    if url:
        return post_id(url, page.url)
    attributes = node.attributes
    mark = next(
        (v for name in ("data-id", "data-post-id", "data-pid", "id") if (v := attributes.get(name))), ""
    )
    return f"#{mark}"[:300] if mark else nameless_id(post)


def _link(node: LexborNode, picks: Picks, about: Page) -> tuple[LexborNode | None, str]:
    """The link of an item and its address: as picked, else the one that looks most like a title."""
    if picks.link is not None:
        pick = picks.link if picks.link.attr or picks.link.regex else replace(picks.link, attr="href")
        at = next(iter(nodes(node, pick.css)), node if node.tag == "a" else None)
        return at, absolute(about.base, first(node, pick))
    links = [*([node] if node.tag == "a" else []), *nodes(node, "a[href]")[:50]]
    above = node.parent
    if not links and above is not None and above.tag == "a":
        links = [above]
    ranked = []
    for one in links:
        url = absolute(about.base, one.attributes.get("href") or "")
        if url:
            link = Link(one, url, "", said(one))
            ranked.append((_rank(link), link))
    if not ranked:
        return None, ""
    best = max(ranked, key=lambda pair: pair[0])[1]
    return best.node, best.url


def _rank(link: Link) -> tuple[bool, bool, bool, bool]:
    return (not is_generic(link.text), not is_other(link.url), is_titled(link), is_postlike(link.url))


def _picked(node: LexborNode, pick: Pick | None) -> str:
    return clean(first(node, pick)) if pick is not None else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
