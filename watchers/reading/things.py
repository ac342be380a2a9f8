"""What structured data means for a post: its fields, and the posts a listing describes.

JSON-LD and microdata are brought into one form first. Vocabulary: https://schema.org.
Breadcrumbs, site menus and organisations are no posts. Pure; linear; never raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storage.model import Post
from watchers.reading.facts import Page
from watchers.reading.links import absolute, post_id, tidy_url
from watchers.reading.markup import names
from watchers.reading.pictures import as_pictures
from watchers.reading.structured import Structured
from watchers.reading.text import clean, plain
from watchers.reading.times import read_time

MOST_THINGS = 2_000
_DEEPEST = 12
_LONGEST = 200_000

POSTS = names(
    "Product IndividualProduct ProductGroup SomeProducts Offer DiscussionForumPosting SocialMediaPosting "
    "BlogPosting LiveBlogPosting Article NewsArticle Report Question Vehicle Car Motorcycle Book "
    "RealEstateListing Accommodation Recipe Review ListItem CreativeWork VisualArtwork MediaObject Demand"
)
_SKIPPED = names(
    "BreadcrumbList SiteNavigationElement WPHeader WPFooter WPSideBar Organization Corporation Person "
    "WebSite SearchAction ImageObject Brand Rating AggregateRating PostalAddress ContactPoint Comment "
    "Answer UserComments"
)
_DOWN = (
    "@graph", "mainEntity", "itemListElement", "hasPart", "blogPost", "blogPosts", "dataFeedElement",
    "itemOffered", "mainContentOfPage", "about", "hasOfferCatalog", "makesOffer",
)  # fmt: skip
_LISTED_DOWN = ("item", "itemOffered", "mainEntity")

Thing = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A thing as fields of a post; "" where it says nothing."""

    types: frozenset[str] = frozenset()
    url: str = ""
    title: str = ""
    text: str = ""
    seller: str = ""
    seller_url: str = ""
    price: str = ""
    location: str = ""
    posted: str = ""
    images: tuple[str, ...] = ()


def described_posts(found: Structured, page: Page, home: str) -> tuple[Post, ...]:
    """The posts that a listing page describes, in order, each once; not the page itself."""
    here = post_id(home, home)
    posts: dict[str, Post] = {}
    for thing in described(found):
        url = absolute(page.base, thing.url) if thing.url else ""
        key = post_id(url, home) if url else ""
        if key and key not in (here, "/") and (thing.title or thing.images or "ListItem" in thing.types):
            posts.setdefault(key, as_post(thing, key, tidy_url(url), page))
    return tuple(posts.values())


def as_post(thing: Described, key: str, url: str, page: Page) -> Post:
    """A described thing as a post."""
    return Post(
        post_id=key,
        url=url,
        title=thing.title,
        text=thing.text,
        seller=thing.seller,
        seller_url=absolute(page.base, thing.seller_url) if thing.seller_url else "",
        price=thing.price,
        location=thing.location,
        posted_raw=thing.posted,
        posted_at=read_time(thing.posted, page.now, page.zone) if thing.posted else None,
        pictures=as_pictures(thing.images, page.base),
    )


def described(found: Structured) -> tuple[Described, ...]:
    """All posts that JSON-LD and microdata describe, JSON-LD first, in page order."""
    roots: list[Thing] = [*found.json_ld, *(_from_item(item, 0) for item in found.microdata)]
    things = [thing for root in roots for thing in _walk(root, 0)]
    return tuple(_fields(thing) for thing in things[:MOST_THINGS])


# --- one form ---------------------------------------------------------------------------


def _from_item(item: Any, depth: int) -> Thing:
    """A microdata item in the form of JSON-LD."""
    if depth > _DEEPEST or not isinstance(item, dict):
        return {}
    types = item.get("type", "")
    words = [types] if isinstance(types, str) else types
    thing: Thing = {"@type": [str(word).rstrip("/").rpartition("/")[2].rpartition("#")[2] for word in words]}
    if item.get("id"):
        thing["@id"] = item["id"]
    if "value" in item and "properties" not in item:
        thing["name"] = item["value"]
    for name, value in (item.get("properties") or {}).items():
        thing[str(name)] = [
            _plain_value(one, depth) for one in (value if isinstance(value, list) else [value])
        ]
    return thing


def _plain_value(value: Any, depth: int) -> Any:
    return _from_item(value, depth + 1) if isinstance(value, dict) else value


def _types(thing: Thing) -> frozenset[str]:
    value = thing.get("@type", ())
    words = value if isinstance(value, list) else [value]
    return frozenset(str(word).rpartition("/")[2] for word in words if isinstance(word, str))


def _walk(thing: Thing, depth: int) -> Iterator[Thing]:
    """The posts in and below a thing."""
    types = _types(thing)
    if depth > _DEEPEST or types & _SKIPPED:
        return
    if "ListItem" in types:
        yield from _list_item(thing, depth)
        return
    if types & POSTS:
        yield thing
        return
    for name in _DOWN:
        for value in _many(thing.get(name))[:MOST_THINGS]:
            if isinstance(value, dict):
                yield from _walk(value, depth + 1)
            elif isinstance(value, str) and name == "itemListElement" and value.startswith("http"):
                yield {"@type": "ListItem", "url": value}


def _list_item(thing: Thing, depth: int) -> Iterator[Thing]:
    inner = next((v for name in _LISTED_DOWN for v in _many(thing.get(name)) if isinstance(v, dict)), None)
    if inner is None:
        link = next((v for v in _many(thing.get("item")) if isinstance(v, str)), "")
        yield {**thing, "url": thing.get("url") or thing.get("@id") or link}
        return
    own = {"url": thing.get("url"), "name": thing.get("name"), "@type": "ListItem"}
    merged = {**{k: v for k, v in own.items() if v}, **inner}
    if _types(merged) & POSTS or merged.get("url") or merged.get("@id"):
        yield merged
    else:
        yield from _walk(inner, depth + 1)


# --- fields -----------------------------------------------------------------------------


def _fields(thing: Thing) -> Described:
    offer = next((v for v in _many(thing.get("offers")) if isinstance(v, dict)), {})
    offered = next((v for v in _many(thing.get("itemOffered")) if isinstance(v, dict)), {})
    if "Offer" in _types(thing):
        offer = thing
    person = _first_thing(thing, "author", "seller", "creator", "vendor", "provider") or _first_thing(
        offer, "seller", "offeredBy"
    )
    return Described(
        types=_types(thing),
        url=_url(thing) or _text(offer, "url") or _url(offered),
        title=_line(thing, "headline", "name", "title", "alternativeHeadline") or _line(offered, "name"),
        text=_long(thing, "articleBody", "text", "description", "reviewBody")
        or _long(offered, "description"),
        seller=_line(person, "name") or _line(thing, "author", "seller", "creator"),
        seller_url=_url(person),
        price=_price(offer) or _price(thing),
        location=_place(thing) or _place(offer) or _place(person),
        posted=_text(thing, "datePublished", "dateCreated", "datePosted", "uploadDate", "dateListed")
        or _text(offer, "availabilityStarts", "validFrom", "datePosted"),
        images=tuple(x for x in (*_images(thing), *_images(offered)) if x),
    )


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(thing: Thing, *keys: str) -> str:
    """The first value that is text or a number."""
    for key in keys:
        for value in _many(thing.get(key)):
            if isinstance(value, str) and value.strip():
                return clean(value.strip())[:_LONGEST]
            if isinstance(value, int | float) and not isinstance(value, bool):
                return str(value)
            if isinstance(value, dict) and isinstance(value.get("@value"), str):
                return clean(str(value["@value"]).strip())[:_LONGEST]
    return ""


def _line(thing: Thing, *keys: str) -> str:
    return " ".join(plain(_text(thing, *keys)[:2_000]).split())[:300]


def _long(thing: Thing, *keys: str) -> str:
    """The longest of several texts: a description may be the beginning of the body."""
    return max((plain(_text(thing, key)) for key in keys), key=len, default="")


def _url(thing: Thing) -> str:
    for key in ("url", "mainEntityOfPage", "@id", "sameAs"):
        for value in _many(thing.get(key)):
            link = value.get("@id") or value.get("url") if isinstance(value, dict) else value
            if isinstance(link, str) and (key != "@id" or link.startswith("http")) and "#" not in link[-40:]:
                return link.strip()
            if isinstance(link, str) and key == "url":
                return link.strip()
    return ""


def _first_thing(thing: Thing, *keys: str) -> Thing:
    return next((v for key in keys for v in _many(thing.get(key)) if isinstance(v, dict)), {})


def _price(offer: Thing) -> str:
    inner = _first_thing(offer, "priceSpecification")
    amount = _text(offer, "price", "lowPrice") or _text(inner, "price")
    currency = _text(offer, "priceCurrency") or _text(inner, "priceCurrency")
    return f"{amount} {currency}".strip()[:60] if amount else ""


_PLACES = (
    "availableAtOrFrom",
    "contentLocation",
    "locationCreated",
    "areaServed",
    "location",
    "address",
    "eligibleRegion",
)


def _place(thing: Thing) -> str:
    for key in _PLACES:
        for value in _many(thing.get(key)):
            if isinstance(value, str) and value.strip():
                return clean(value.strip())[:200]
            if isinstance(value, dict):
                address = _first_thing(value, "address") or value
                parts = [
                    _text(address, name) for name in ("addressLocality", "addressRegion", "addressCountry")
                ]
                if told := ", ".join(part for part in parts if part) or _line(value, "name"):
                    return told[:200]
    return ""


def _images(thing: Thing) -> Iterator[str]:
    for key in ("image", "images", "photo", "primaryImageOfPage", "associatedMedia"):
        for value in _many(thing.get(key))[:200]:
            if isinstance(value, str):
                yield value
            elif isinstance(value, dict):
                yield next(
                    (
                        v
                        for k in ("contentUrl", "url", "@id")
                        if isinstance(v := _first_text(value, k), str) and v
                    ),
                    "",
                )


def _first_text(thing: Thing, key: str) -> str:
    return next((v for v in _many(thing.get(key)) if isinstance(v, str)), "")
