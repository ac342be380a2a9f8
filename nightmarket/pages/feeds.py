"""Feeds: RSS 2.0, RDF (RSS 1.0), Atom and JSON Feed, whole or in excerpts; one Atom is broken."""

from __future__ import annotations

import json
from datetime import UTC

from nightmarket.model import Advert, Style
from nightmarket.pages.common import Answer, Desk, ago, esc, excerpt, frame, paragraphs, rfc822, text_answer


def address(desk: Desk, advert: Advert) -> str:
    """The post's own page."""
    return f"{desk.base}/p/{advert.post_id}.html"


def listing(desk: Desk) -> Answer:
    """The feed as it stands."""
    shown = desk.shelf.page(desk.now, 1)
    keys = tuple(a.key for a in shown)
    match desk.site.style:
        case Style.RSS:
            return text_answer(desk, _rss(desk, shown, whole=True), "application/rss+xml", whole=keys)
        case Style.RSS_SHORT:
            return text_answer(desk, _rss(desk, shown, whole=False), "application/rss+xml", listed=keys)
        case Style.RDF:
            return text_answer(desk, _rdf(desk, shown), "application/rdf+xml", whole=keys)
        case Style.ATOM:
            return text_answer(desk, _atom(desk, shown), "application/atom+xml", whole=keys)
    body = json.dumps(_jsonfeed(desk, shown), ensure_ascii=False).encode()
    return Answer(body=body, content_type="application/feed+json; charset=utf-8", whole=keys)


def _html(desk: Desk, advert: Advert) -> str:
    images = "".join(f'<p><img src="{u}" alt=""></p>' for u in desk.pictures(advert))
    return f"<div><p>{paragraphs(desk.said(advert).text)}</p>{images}</div>"


def _rss(desk: Desk, shown: tuple[Advert, ...], *, whole: bool) -> str:
    items = "".join(_rss_item(desk, advert, whole=whole) for advert in shown)
    return f"""<?xml version="1.0" encoding="{desk.site.encoding}"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>{desk.site.name}</title><link>{desk.base}/</link><description>new offers</description>
<lastBuildDate>{rfc822(desk.now)}</lastBuildDate><generator>feedpress {desk.token()}</generator>
{items}</channel></rss>
"""


def _rss_item(desk: Desk, advert: Advert, *, whole: bool) -> str:
    said, link = desk.said(advert), address(desk, advert)
    if whole:
        media = "".join(
            f'<media:content url="{u}" medium="image" type="image/jpeg"/>' for u in desk.pictures(advert)
        )
        body = f"<description><![CDATA[{_html(desk, advert)}]]></description>{media}"
    else:
        body = f"<description>{esc(excerpt(said.text))}</description>"
    return f"""<item><title>{esc(said.title)}</title><link>{link}</link><guid isPermaLink="true">{link}</guid>
<pubDate>{rfc822(advert.published)}</pubDate><dc:creator>{esc(advert.seller)}</dc:creator>{body}</item>
"""


def _rdf(desk: Desk, shown: tuple[Advert, ...]) -> str:
    order = "".join(f'<rdf:li rdf:resource="{address(desk, a)}"/>' for a in shown)
    items = "".join(
        f"""<item rdf:about="{address(desk, a)}"><title>{esc(desk.said(a).title)}</title><link>{address(desk, a)}</link>
<description>{esc(desk.said(a).text)}</description><content:encoded><![CDATA[{_html(desk, a)}]]></content:encoded>
<dc:date>{desk.local(a.published).isoformat(timespec="seconds")}</dc:date><dc:creator>{esc(a.seller)}</dc:creator></item>
"""
        for a in shown
    )
    return f"""<?xml version="1.0" encoding="{desk.site.encoding}"?>
<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel rdf:about="{desk.base}/feed"><title>{desk.site.name}</title><link>{desk.base}/</link><description>{desk.token()}</description>
<items><rdf:Seq>{order}</rdf:Seq></items></channel>
{items}</rdf:RDF>
"""


def _atom(desk: Desk, shown: tuple[Advert, ...]) -> str:
    entries = "".join(_entry(desk, advert) for advert in shown)
    text = f"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>{desk.site.name}</title><id>{desk.base}/feed</id>
<link rel="self" href="{desk.base}/feed"/><updated>{desk.now.astimezone(UTC).isoformat()}</updated>
{entries}</feed>
"""
    if "broken" in desk.site.traits:  # a bare ampersand, an HTML entity, no end
        text = text.replace("</title><id>", "  News & more &nbsp;</title><id>", 1)
        text = text[: text.rindex("</feed>")]
    return text


def _entry(desk: Desk, advert: Advert) -> str:
    said, link = desk.said(advert), address(desk, advert)
    changed = max((e.at for e in advert.edits if e.at <= desk.now), default=advert.published)
    extra = "".join(f'<link rel="enclosure" type="image/jpeg" href="{u}"/>' for u in desk.pictures(advert))
    price = f'<category term="{esc(said.price)}"/>' if said.price else ""
    return f"""<entry><title>{esc(said.title)}</title><id>{link}</id><link rel="alternate" href="{link}"/>{extra}
<published>{advert.published.isoformat()}</published><updated>{changed.isoformat()}</updated>
<author><name>{esc(advert.seller)}</name></author>{price}<content type="html">{esc(_html(desk, advert))}</content></entry>
"""


def _jsonfeed(desk: Desk, shown: tuple[Advert, ...]) -> dict[str, object]:
    items = [
        {
            "id": address(desk, a),
            "url": address(desk, a),
            "title": desk.said(a).title,
            "content_text": desk.said(a).text,
            "content_html": _html(desk, a),
            "date_published": a.published.isoformat(),
            "authors": [{"name": a.seller}],
            "image": desk.pictures(a)[0] if a.pictures else None,
            "attachments": [{"url": u, "mime_type": "image/jpeg"} for u in desk.pictures(a)],
        }
        for a in shown
    ]
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": desk.site.name,
        "home_page_url": f"{desk.base}/",
        "_request": desk.token(),
        "items": items,
    }


def post_page(desk: Desk, advert: Advert) -> Answer:
    """The article behind a feed item: OpenGraph in the head, text and pictures in the body."""
    said, pictures = desk.said(advert), desk.pictures(advert)
    head = f"""<meta property="og:type" content="article"><meta property="og:title" content="{esc(said.title)}">
<meta property="og:description" content="{esc(said.text)}"><meta property="og:url" content="{address(desk, advert)}">
{"".join(f'<meta property="og:image" content="{u}">' for u in pictures)}
<meta property="article:published_time" content="{advert.published.isoformat()}">"""
    images = "".join(f'<figure><img src="{u}" alt=""></figure>' for u in pictures)
    content = f"""<article class="entry"><h1 class="entry-title">{esc(said.title)}</h1>
<p class="meta"><a rel="author" href="/u/{esc(advert.seller)}">{esc(advert.seller)}</a>
<time datetime="{desk.local(advert.published).isoformat()}">{ago(desk, advert.published)}</time> <span class="views">{desk.views(advert)}</span></p>
<div class="entry-content"><p>{paragraphs(said.text)}</p>{images}</div></article>"""
    return text_answer(desk, frame(desk, said.title, content, head), "text/html", whole=(advert.key,))
