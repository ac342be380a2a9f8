"""JSON APIs: Discourse, Mastodon, WordPress, Lemmy, and a shop of its own making."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from nightmarket.model import Advert, Style
from nightmarket.pages import feeds
from nightmarket.pages.common import Answer, Desk, esc, excerpt, paragraphs

LISTING = {
    Style.DISCOURSE: "/latest.json",
    Style.MASTODON: "/api/v1/timelines/public",
    Style.WORDPRESS: "/wp-json/wp/v2/posts",
    Style.LEMMY: "/api/v3/post/list",
    Style.SHOP_API: "/api/items",
}
"""Where each program lists its newest posts."""


def address(desk: Desk, advert: Advert) -> str:
    """The post's own page for people."""
    match desk.site.style:
        case Style.DISCOURSE:
            return f"{desk.base}/t/topic/{advert.post_id}"
        case Style.MASTODON:
            return f"{desk.base}/@{advert.seller}/{advert.post_id}"
        case Style.WORDPRESS:
            return f"{desk.base}/archives/{advert.post_id}"
        case Style.LEMMY:
            return f"{desk.base}/post/{advert.post_id}"
    return f"{desk.base}/goods/{advert.post_id}"


def listing(desk: Desk) -> Answer:
    """The newest posts as the program gives them."""
    shown = desk.shelf.page(desk.now, desk.number)
    keys = tuple(a.key for a in shown)
    if desk.site.style is Style.DISCOURSE:
        return _json(_discourse(desk, shown), listed=keys)
    document: object
    match desk.site.style:
        case Style.MASTODON:
            document = [_status(desk, a) for a in shown]
        case Style.WORDPRESS:
            document = [_wordpress(desk, a) for a in shown]
        case Style.LEMMY:
            document = {"posts": [_lemmy(desk, a) for a in shown]}
        case _:
            document = _shop(desk, shown)
    return _json(document, whole=keys)


def posts_json(desk: Desk) -> Answer:
    """Discourse's /posts.json: the newest posts with their text."""
    shown = desk.shelf.page(desk.now, desk.number)
    found = [_discourse_post(desk, a) for a in shown]
    return _json({"latest_posts": found, "request": desk.token()}, whole=tuple(a.key for a in shown))


def single(desk: Desk, advert: Advert) -> Answer:
    """One post through the API."""
    match desk.site.style:
        case Style.DISCOURSE:
            document: object = {
                "id": int(advert.post_id),
                "title": desk.said(advert).title,
                "post_stream": {"posts": [_discourse_post(desk, advert)]},
            }
        case Style.MASTODON:
            document = _status(desk, advert)
        case Style.WORDPRESS:
            document = _wordpress(desk, advert)
        case Style.LEMMY:
            document = {"post_view": _lemmy(desk, advert)}
        case _:
            document = _goods(desk, advert)
    return _json(document, whole=(advert.key,))


def missing(desk: Desk) -> Answer:
    """What an API says of a post that is no more."""
    document = {"error": "Record not found", "request_id": desk.token()}
    return Answer(status=404, body=json.dumps(document).encode(), content_type="application/json")


def post_page(desk: Desk, advert: Advert) -> Answer:
    """The post for people."""
    return feeds.post_page(desk, advert)


def _json(document: object, *, whole: tuple[str, ...] = (), listed: tuple[str, ...] = ()) -> Answer:
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Answer(body=body, content_type="application/json; charset=utf-8", whole=whole, listed=listed)


def _cooked(desk: Desk, advert: Advert) -> str:
    images = "".join(f'<p><img src="{u}" alt="" width="400" height="300"></p>' for u in desk.pictures(advert))
    return f"<p>{paragraphs(desk.said(advert).text)}</p>{images}"


def _z(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _discourse(desk: Desk, shown: tuple[Advert, ...]) -> dict[str, object]:
    topics = [
        {
            "id": int(a.post_id),
            "title": desk.said(a).title,
            "fancy_title": esc(desk.said(a).title),
            "slug": "topic",
            "posts_count": 1,
            "created_at": _z(a.published),
            "last_posted_at": _z(a.published),
            "bumped_at": _z(a.published),
            "excerpt": esc(excerpt(desk.said(a).text)),
            "image_url": desk.pictures(a)[0] if a.pictures else None,
            "views": desk.views(a),
            "posters": [{"user_id": int(a.post_id) + 7, "description": "Original Poster"}],
            "last_poster_username": a.seller,
        }
        for a in shown
    ]
    users = [{"id": int(a.post_id) + 7, "username": a.seller} for a in shown]
    return {
        "users": users,
        "topic_list": {"can_create_topic": False, "per_page": desk.site.page_size, "topics": topics},
    }


def _discourse_post(desk: Desk, advert: Advert) -> dict[str, object]:
    said = desk.said(advert)
    return {
        "id": int(advert.post_id) * 10,
        "username": advert.seller,
        "created_at": _z(advert.published),
        "cooked": _cooked(desk, advert),
        "raw": said.text,
        "post_number": 1,
        "post_type": 1,
        "topic_id": int(advert.post_id),
        "topic_slug": "topic",
        "topic_title": said.title,
        "version": advert.version(desk.now) + 1,
        "reads": desk.views(advert),
        "post_url": f"/t/topic/{advert.post_id}/1",
    }


def _status(desk: Desk, advert: Advert) -> dict[str, object]:
    said = desk.said(advert)
    text = said.text if not said.title or said.text.startswith(said.title) else f"{said.title}\n{said.text}"
    edited = max((e.at for e in advert.edits if e.at <= desk.now), default=None)
    return {
        "id": advert.post_id,
        "created_at": _z(advert.published),
        "edited_at": _z(edited) if edited else None,
        "visibility": "public",
        "language": desk.site.language,
        "uri": f"{desk.base}/users/{advert.seller}/statuses/{advert.post_id}",
        "url": address(desk, advert),
        "content": f"<p>{paragraphs(text)}</p>",
        "reblog": None,
        "account": {
            "id": "9" + advert.post_id,
            "username": advert.seller,
            "acct": advert.seller,
            "display_name": advert.seller,
            "url": f"{desk.base}/@{advert.seller}",
            "avatar": f"{desk.base}/static/logo.gif",
        },
        "media_attachments": [
            {"id": f"{advert.post_id}{n}", "type": "image", "url": u, "preview_url": t, "description": None}
            for n, (u, t) in enumerate(zip(desk.pictures(advert), desk.thumbnails(advert), strict=True))
        ],
        "favourites_count": desk.views(advert) // 9,
    }


def _wordpress(desk: Desk, advert: Advert) -> dict[str, object]:
    said, pictures = desk.said(advert), desk.pictures(advert)
    featured = [{"id": 5, "media_type": "image", "source_url": u, "alt_text": ""} for u in pictures[:1]]
    return {
        "id": int(advert.post_id),
        "date": desk.local(advert.published).strftime("%Y-%m-%dT%H:%M:%S"),
        "date_gmt": advert.published.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "guid": {"rendered": f"{desk.base}/?p={advert.post_id}"},
        "slug": advert.post_id,
        "status": "publish",
        "type": "post",
        "link": address(desk, advert),
        "title": {"rendered": esc(said.title)},
        "content": {"rendered": _cooked(desk, advert), "protected": False},
        "excerpt": {"rendered": f"<p>{esc(excerpt(said.text))}</p>", "protected": False},
        "_embedded": {"author": [{"id": 2, "name": advert.seller}], "wp:featuredmedia": featured},
    }


def _lemmy(desk: Desk, advert: Advert) -> dict[str, object]:
    said, pictures = desk.said(advert), desk.pictures(advert)
    body = said.text + "".join(f"\n\n![]({u})" for u in pictures[1:])
    post: dict[str, object] = {
        "id": int(advert.post_id),
        "name": said.title,
        "body": body,
        "creator_id": 11,
        "removed": False,
        "deleted": False,
        "published": advert.published.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "ap_id": address(desk, advert),
        "local": True,
    }
    if pictures:
        post |= {"url": pictures[0], "thumbnail_url": desk.thumbnails(advert)[0]}
    return {
        "post": post,
        "creator": {"id": 11, "name": advert.seller, "actor_id": f"{desk.base}/u/{advert.seller}"},
        "community": {"id": 1, "name": "market", "title": "Market"},
        "counts": {"score": desk.views(advert), "comments": 0},
    }


def _shop(desk: Desk, shown: tuple[Advert, ...]) -> dict[str, object]:
    more = desk.shelf.has_page(desk.now, desk.number + 1)
    following = f"{desk.base}/api/items?page={desk.number + 1}" if more else None
    return {
        "code": 0,
        "trace": desk.token(),
        "data": {"list": [_goods(desk, a) for a in shown], "next": following},
    }


def _goods(desk: Desk, advert: Advert) -> dict[str, object]:
    said = desk.said(advert)
    return {
        "gid": advert.post_id,
        "subject": said.title,
        "desc": said.text,
        "price": said.price,
        "city": advert.place,
        "user": {"nick": advert.seller, "level": desk.chance.randrange(9)},
        "pics": [
            {"big": u, "small": t}
            for u, t in zip(desk.pictures(advert), desk.thumbnails(advert), strict=True)
        ],
        "ctime": int(advert.published.timestamp() * 1000),
        "views": desk.views(advert),
        "href": f"/goods/{advert.post_id}",
    }
