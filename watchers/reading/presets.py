"""How the answers of four well-known programs are read, as JMESPath over one item.

Sources, read for this file: https://developer.wordpress.org/rest-api/reference/posts/,
https://docs.discourse.org/ (latest.json, topic, posts), https://docs.joinmastodon.org/entities/Status/,
https://join-lemmy.org/api/ (v3). A program has several answers: each is a `Shape`, chosen
by its test. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from watchers.reading.markup import parse_html
from watchers.reading.queries import Json, find, load, raw, truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Where a listing's items are and where the fields of an item; every value is JMESPath.

    test: true of the whole answer when this shape fits. single: where the item is in the
    answer for one post. url: a template when it has braces. title_from_root: where the
    whole answer has the title when the item has none.
    """

    test: str
    items: str
    single: str = ""
    id: str = "id"
    url: str = "url"
    title: str = "title"
    text: str = ""
    seller: str = ""
    seller_url: str = ""
    price: str = ""
    location: str = ""
    posted: str = ""
    edited: str = ""
    pictures: str = ""
    title_from_root: str = ""
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The shapes of one program. page: whether the post's own page is fetched as well."""

    shapes: tuple[Shape, ...]
    page: bool
    next: str = ""


_WORDPRESS = Shape(
    test="type(@) == 'array' && [0].content.rendered != null && [0].link != null",
    items="@",
    single="content.rendered && @",
    url="link",
    title="title.rendered",
    text="content.rendered || excerpt.rendered",
    seller="_embedded.author[0].name || yoast_head_json.author",
    seller_url="_embedded.author[0].link",
    posted="date_gmt && join('', [date_gmt, 'Z']) || date",
    edited="modified_gmt && date_gmt && modified_gmt != date_gmt",
    pictures=(
        '[_embedded."wp:featuredmedia"[].{url: media_details.sizes.full.source_url || source_url,'
        " alt: alt_text},"
        " jetpack_featured_media_url && [{url: jetpack_featured_media_url}],"
        " yoast_head_json.og_image[].{url: url}][]"
    ),
    extra=(
        ("tag", '_embedded."wp:term"[][].name'),
        ("modified", "modified_gmt"),
        ("excerpt", "excerpt.rendered"),
    ),
)

_DISCOURSE_TOPICS = Shape(
    test="topic_list.topics != null",
    items="topic_list.topics",
    single=(
        "post_stream && {id: id, slug: slug, title: title, created_at: created_at, tags: tags,"
        " image_url: image_url, post: post_stream.posts[0]}"
    ),
    url="{base}/t/{slug}/{id}",
    title="title || fancy_title",
    text="post.cooked || excerpt",
    seller="post.username || op",
    seller_url="post.username && join('', ['u/', post.username]) || op && join('', ['u/', op])",
    posted="created_at",
    edited="post.version && post.version > `1`",
    pictures="image_url && [{url: image_url}]",
    extra=(
        ("tag", "tags[].name || tags"),
        ("category", "category_id"),
        ("replies", "reply_count"),
        ("views", "views"),
        ("last_posted", "last_posted_at"),
        ("closed", "closed && 'yes'"),
    ),
)

_DISCOURSE_POSTS = Shape(
    test="post_stream.posts != null || latest_posts != null",
    items="post_stream.posts || latest_posts",
    url="{base}/t/{topic_slug}/{topic_id}/{post_number}",
    title="topic_title",
    title_from_root="title",
    text="cooked || raw",
    seller="username",
    seller_url="username && join('', ['u/', username])",
    posted="created_at",
    edited="version && version > `1`",
    extra=(
        ("name", "name"),
        ("reply_to", "reply_to_post_number"),
        ("link", "link_counts[?reflection != `true`].url"),
        ("removed", "(hidden || user_deleted || deleted_at) && 'yes'"),
    ),
)

_STATUS = "(reblog || @)"
_MASTODON = Shape(
    test="[0].account.acct && [0].uri || statuses[0].account.acct",
    items="(type(@) == 'array' && [@] || [statuses])[0]",
    single="account.acct && uri && @",
    url=f"{_STATUS}.url || {_STATUS}.uri",
    title=f"{_STATUS}.spoiler_text",
    text=f"[{_STATUS}.content, {_STATUS}.poll.options[].title][]",
    seller=f"{_STATUS}.account.acct",
    seller_url=f"{_STATUS}.account.url",
    posted=f"{_STATUS}.created_at",
    edited=f"{_STATUS}.edited_at",
    pictures=(
        f"[{_STATUS}.media_attachments[?type == 'image' || type == 'unknown']"
        ".{url: url || remote_url || preview_url, alt: description},"
        f" {_STATUS}.media_attachments[?type == 'video' || type == 'gifv' || type == 'audio']"
        ".{url: preview_url, alt: description, role: 'poster'},"
        f" {_STATUS}.card.image && [{{url: {_STATUS}.card.image, role: 'thumbnail'}}]][]"
    ),
    extra=(
        ("boosted_by", "reblog && account.acct"),
        ("boosted_at", "reblog && created_at"),
        ("name", f"{_STATUS}.account.display_name"),
        ("tag", f"{_STATUS}.tags[].name"),
        ("visibility", "visibility"),
        ("language", f"{_STATUS}.language"),
        ("in_reply_to", f"{_STATUS}.in_reply_to_id"),
        ("video", f"{_STATUS}.media_attachments[?type == 'video' || type == 'gifv'].url"),
        ("audio", f"{_STATUS}.media_attachments[?type == 'audio'].url"),
        ("link", f"{_STATUS}.card.url"),
        ("link_title", f"{_STATUS}.card.title"),
    ),
)

_LEMMY = Shape(
    test="posts != null && posts[0].post.ap_id != null || posts == `[]`",
    items="posts",
    single="post_view",
    id="post.id",
    url="{base}/post/{post.id}",
    title="post.name",
    text="post.body",
    seller="creator.name",
    seller_url="creator.actor_id",
    posted="post.published",
    edited="post.updated",
    pictures=(
        "[post.url && [{url: post.url, link: 'yes', alt: post.alt_text}],"
        " post.thumbnail_url && [{url: post.thumbnail_url, role: 'thumbnail'}]][]"
    ),
    extra=(
        ("community", "community.name"),
        ("community_url", "community.actor_id"),
        ("link", "post.url"),
        ("link_title", "post.embed_title"),
        ("link_text", "post.embed_description"),
        ("original", "post.ap_id"),
        ("name", "creator.display_name"),
        ("removed", "(post.removed || post.deleted) && 'yes'"),
    ),
)

_LEMMY_COMMENTS = Shape(
    test="comments != null && comments[0].comment.ap_id != null",
    items="comments",
    single="comment_view",
    id="comment.id",
    url="{base}/comment/{comment.id}",
    title="post.name",
    text="comment.content",
    seller="creator.name",
    seller_url="creator.actor_id",
    posted="comment.published",
    edited="comment.updated",
    extra=(("community", "community.name"), ("original", "comment.ap_id"), ("post", "post.id")),
)

PRESETS = {
    "wordpress": Preset(shapes=(_WORDPRESS,), page=True),
    "discourse": Preset(
        shapes=(_DISCOURSE_TOPICS, _DISCOURSE_POSTS), page=True, next="topic_list.more_topics_url"
    ),
    "mastodon": Preset(shapes=(_MASTODON,), page=False),
    "lemmy": Preset(shapes=(_LEMMY, _LEMMY_COMMENTS), page=False, next="next_page"),
}

_DISCOURSE_ROUTE = re.compile(
    r"/(?:latest|new|top|hot|unread|posts|search|categories|c/|t/|tags?/|u/|groups?/)[^?]*$"
)
_LEMMY_ROUTE = re.compile(r"/api/v\d+/.*$")


def shape_of(preset: str, root: Json) -> Shape | None:
    """The shape of `preset` that fits an answer, or None."""
    return next((shape for shape in PRESETS[preset].shapes if truth(find(shape.test, root))), None)


def recognised(root: Json) -> str:
    """The preset whose shape an answer has, or ""."""
    return next((name for name in PRESETS if name and root not in ([], {}) and shape_of(name, root)), "")


def base_of(preset: str, url: str) -> str:
    """The address of the program itself, without a final slash, from the address of an answer."""
    parts = urlsplit(url)
    path = ""
    if preset == "discourse":
        found = _DISCOURSE_ROUTE.search(parts.path)
        path = parts.path[: found.start()] if found else ""
    elif preset == "lemmy":
        path = _LEMMY_ROUTE.sub("", parts.path)
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"


def enriched(preset: str, root: Json, item: Json) -> Json:
    """`item` with what only the whole answer knows: Discourse lists users apart from topics."""
    if (
        preset != "discourse"
        or not isinstance(item, dict)
        or not isinstance(root, dict)
        or "posters" not in item
    ):
        return item
    user_id = find("posters[0].user_id", item)  # the author stands first
    users = root.get("users")
    names = (
        {user.get("id"): user.get("username") for user in users if isinstance(user, dict)}
        if isinstance(users, list)
        else {}
    )
    return {**item, "op": names.get(user_id) if isinstance(user_id, int | str) else None}


def preloaded(page: str, topic: str) -> Json | None:
    """The answer for a topic that Discourse puts into the pages it makes for browsers, or None."""
    node = parse_html(page).css_first("#data-preloaded[data-preloaded]") if "data-preloaded" in page else None
    try:
        answers = load(node.attributes.get("data-preloaded") or "") if node is not None else None
        inner = answers.get(f"topic_{topic}") if isinstance(answers, dict) else None
        return load(inner) if isinstance(inner, str) else None
    except ValueError:
        return None


def next_of(preset: str, root: Json, url: str) -> str:
    """The address of the next page as the program words it, or "" (then the Link header may say)."""
    value = raw(find(PRESETS[preset].next, root))
    if preset == "discourse" and value:
        path, mark, query = value.partition("?")
        return f"{path if path.endswith('.json') else path + '.json'}{mark}{query}"
    if preset == "lemmy" and value:
        parts = urlsplit(url)
        kept = [
            pair for pair in parts.query.split("&") if pair and not pair.startswith(("page_cursor=", "page="))
        ]
        return f"{parts.path}?{'&'.join([*kept, urlencode({'page_cursor': value})])}"
    return value
