"""Classified sites: cards that lead to pages, thumbnails that hide the originals.

Two programs: one with JSON-LD and srcset, one plain with lazy pictures. One site changes
from the first to a design of its own in the middle of the night; one writes bad HTML.
"""

from __future__ import annotations

import json
from datetime import UTC

from nightmarket.model import Advert, Style
from nightmarket.pages.common import Answer, Desk, ago, esc, frame, paragraphs, stamp, text_answer


def address(advert: Advert) -> str:
    """The post's own page."""
    return f"/item/{advert.post_id}.html"


def listing(desk: Desk) -> Answer:
    """A page of cards."""
    shown = desk.shelf.page(desk.now, desk.number)
    if desk.changed_layout:
        content, head = _tiles(desk, shown), ""
    elif desk.site.style is Style.CLASSIFIED_LD:
        content, head = _cards(desk, shown), _item_list(desk, shown)
    else:
        content, head = _rows(desk, shown), ""
    if desk.shelf.has_page(desk.now, desk.number + 1):
        content += f'<div class="pager"><a class="next" rel="next" href="/list?page={desk.number + 1}">&gt;</a></div>'
    text = _spoilt(desk, frame(desk, "list", content, head))
    return text_answer(desk, text, "text/html", listed=tuple(a.key for a in shown))


def _cards(desk: Desk, shown: tuple[Advert, ...]) -> str:
    cards = "".join(
        f"""<div class="card" data-id="{a.post_id}"><a class="card-link" href="{address(a)}"><h3 class="card-title">{esc(desk.said(a).title)}</h3></a>
{_thumb(desk, a, "src")}<span class="price">{esc(desk.said(a).price)}</span><span class="place">{esc(a.place)}</span>
<span class="time">{ago(desk, a.published)}</span><span class="views">{desk.views(a)}</span></div>
"""
        for a in shown
    )
    return f'<div class="cards">{cards}</div>'


def _rows(desk: Desk, shown: tuple[Advert, ...]) -> str:
    rows = "".join(
        f"""<li class="item" id="item-{a.post_id}"><a class="title" href="{address(a)}">{esc(desk.said(a).title)}</a>
{_thumb(desk, a, "data-src")}<em class="price">{esc(desk.said(a).price)}</em> <i class="loc">{esc(a.place)}</i> <span class="date">{ago(desk, a.published)}</span></li>
"""
        for a in shown
    )
    return f'<ul class="list">{rows}</ul>'


def _tiles(desk: Desk, shown: tuple[Advert, ...]) -> str:
    """The new design: other elements, other names, no structured data."""
    tiles = "".join(
        f"""<section class="x-tile"><div class="x-media">{_thumb(desk, a, "src")}</div><div class="x-body">
<a class="x-open" href="{address(a)}"><strong>{esc(desk.said(a).title)}</strong></a><p>{esc(desk.said(a).price)} · {esc(a.place)}</p>
<small>{ago(desk, a.published)}</small></div></section>
"""
        for a in shown
    )
    return f'<main class="x-grid">{tiles}</main>'


def _thumb(desk: Desk, advert: Advert, attribute: str) -> str:
    if not advert.pictures:
        return ""
    lazy = 'src="/static/logo.gif" ' if attribute != "src" else ""
    return f'<img class="thumb" {lazy}{attribute}="{desk.thumbnails(advert)[0]}" alt="">'


def _item_list(desk: Desk, shown: tuple[Advert, ...]) -> str:
    entries = [
        {
            "@type": "ListItem",
            "position": n,
            "item": {
                "@type": "Product",
                "name": desk.said(a).title,
                "url": desk.base + address(a),
                "image": desk.pictures(a)[:1],
            },
        }
        for n, a in enumerate(shown, 1)
    ]
    return _script({"@context": "https://schema.org", "@type": "ItemList", "itemListElement": entries})


def _script(document: object) -> str:
    text = json.dumps(document, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>'


def _product(desk: Desk, advert: Advert) -> str:
    said = desk.said(advert)
    return _script(
        {
            "@context": "https://schema.org",
            "@type": "Product",
            "name": said.title,
            "description": said.text,
            "sku": advert.post_id,
            "url": desk.base + address(advert),
            "image": desk.pictures(advert),
            "releaseDate": advert.published.astimezone(UTC).isoformat(),
            "offers": {
                "@type": "Offer",
                "price": "".join(c for c in said.price if c.isdigit()),
                "seller": {"@type": "Person", "name": advert.seller},
                "availableAtOrFrom": {"@type": "Place", "name": advert.place},
            },
        }
    )


def post_page(desk: Desk, advert: Advert) -> Answer:
    """The post's page."""
    said = desk.said(advert)
    if desk.changed_layout:
        content, head = _new_page(desk, advert), _open_graph(desk, advert)
    elif desk.site.style is Style.CLASSIFIED_LD:
        content, head = _ld_page(desk, advert), _product(desk, advert)
    else:
        content, head = _plain_page(desk, advert), ""
    text = _spoilt(desk, frame(desk, said.title, content, head))
    return text_answer(desk, text, "text/html", whole=(advert.key,))


def _open_graph(desk: Desk, advert: Advert) -> str:
    said = desk.said(advert)
    tags = [("og:title", said.title), ("og:description", said.text), ("og:type", "product")]
    tags += [("og:image", u) for u in desk.pictures(advert)]
    return "".join(f'<meta property="{name}" content="{esc(value)}">' for name, value in tags)


def _ld_page(desk: Desk, advert: Advert) -> str:
    said = desk.said(advert)
    gallery = "".join(
        f'<img class="photo" src="{t}" srcset="{t} 160w, {u} 400w" alt="">'
        for u, t in zip(desk.pictures(advert), desk.thumbnails(advert), strict=True)
    )
    return f"""<div class="detail"><h1 class="detail-title">{esc(said.title)}</h1><div class="gallery">{gallery}</div>
<span class="detail-price">{esc(said.price)}</span> <span class="detail-place">{esc(advert.place)}</span>
<a class="seller" href="/u/{esc(advert.seller)}">{esc(advert.seller)}</a> <time>{stamp(desk, advert.published)}</time>
<div class="description">{paragraphs(said.text)}</div><span class="views">{desk.views(advert)}</span></div>"""


def _plain_page(desk: Desk, advert: Advert) -> str:
    said = desk.said(advert)
    pictures = "".join(
        f'<p><img class="lazy" src="/static/logo.gif" data-original="{u}" alt=""></p>'
        for u in desk.pictures(advert)
    )
    return f"""<div id="detail"><h1>{esc(said.title)}</h1><table class="facts"><tr><th>¥</th><td class="price">{esc(said.price)}</td></tr>
<tr><th>@</th><td class="place">{esc(advert.place)}</td></tr><tr><th>#</th><td class="who"><a href="/u/{esc(advert.seller)}">{esc(advert.seller)}</a></td></tr>
<tr><th>t</th><td class="when">{stamp(desk, advert.published)}</td></tr></table>
<div id="content">{paragraphs(said.text)}</div><div id="photos">{pictures}</div><p class="count">{desk.views(advert)}</p></div>"""


def _new_page(desk: Desk, advert: Advert) -> str:
    said = desk.said(advert)
    pictures = "".join(
        f'<picture><source srcset="{u}"><img src="{u}"></picture>' for u in desk.pictures(advert)
    )
    return f"""<main class="x-offer"><h2 class="x-head">{esc(said.title)}</h2><div class="x-pics">{pictures}</div>
<p class="x-price">{esc(said.price)}</p><p class="x-text">{paragraphs(said.text)}</p><p class="x-by">{esc(advert.seller)} · {ago(desk, advert.published)}</p></main>"""


def _spoilt(desk: Desk, text: str) -> str:
    """One site's pages are not well formed: unclosed, doubled, crossed and stray tags."""
    if "broken" not in desk.site.traits:
        return text
    return (
        text.replace("</li>", "")
        .replace("</h1>", "</b></h1></div>", 1)
        .replace('<ul class="list">', '<ul class="list" class="x"><center>')
    ).replace("</body></html>", "</td></p>")
