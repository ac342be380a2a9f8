from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import BadPage
from storage.model import NO_PAGE, Listing, Post
from tests.feeds.golden import pairs
from tests.feeds.pages import NOW, page
from watchers.feeds import json as kind
from watchers.feeds.json import Settings

URL = "https://own.example/api/ads?x=1"


def read(answer: Any, **keys: Any) -> Listing:
    return kind.parse(page(json.dumps(answer), url=URL), Settings(**keys), NOW)


def only(answer: Any, **keys: Any) -> Post:
    (post,) = read(answer, **keys).posts
    return post


@pytest.mark.parametrize(
    "key", ["items", "id", "url", "title", "text", "price", "posted", "pictures", "next", "single"]
)
@pytest.mark.parametrize("expression", ["a[", "a.b.", "[?x ==", "&&", "foo(", "x" * 3000, "(" * 500])
def test_a_wrong_expression_is_told_by_its_key(key: str, expression: str) -> None:
    with pytest.raises(ValueError, match=rf"^{key}: "):
        Settings(**{key: expression})


@pytest.mark.parametrize("template", ["{base}/{", "{a b}", "{}/{[}", "}{", "/{id"])
def test_a_wrong_template_is_told_by_its_key(template: str) -> None:
    with pytest.raises(ValueError, match=r"^url: "):
        Settings(url=template)


def test_a_wrong_extra_expression_names_the_extra() -> None:
    with pytest.raises(ValueError, match=r"^extra\.weight: "):
        Settings(extra={"weight": "a["})


@pytest.mark.parametrize("keys", [{"max_items": 0}, {"max_pages": 99}, {"zone": "Nowhere"}])
def test_other_wrong_settings_are_told_by_their_key(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(keys))):
        Settings(**keys)


def test_expressions_reach_into_an_item() -> None:
    answer = {"d": {"l": [{"a": {"n": 7}, "t": ["one", "two"], "p": 3.5, "ok": True}]}}
    post = only(
        answer, items="d.l", id="a.n", title="t[0]", text="t", price="p", edited="ok", url="{base}/x/{a.n}"
    )
    assert (post.post_id, post.title, post.text, post.price, post.edited) == (
        "7",
        "one",
        "one\ntwo",
        "3.5",
        True,
    )
    assert post.url == "https://own.example/x/7"


def test_template_values_are_quoted_and_an_empty_slug_costs_no_address() -> None:
    assert (
        only([{"id": 1, "slug": "a b/ü?"}], url="{base}/t/{slug}/{id}").url
        == "https://own.example/t/a%20b%2F%C3%BC%3F/1"
    )
    assert only([{"id": 1, "slug": ""}], url="{base}/t/{slug}/{id}").url == "https://own.example/t/1"
    assert only([{"id": 1, "x": None}], url="{base}/t/{x}").url == URL
    assert (
        only([{"id": 1}], url="{base}/t/{id}", base="https://www.own.example/shop/").url
        == "https://www.own.example/shop/t/1"
    )


def test_fields_without_an_expression_are_looked_for_under_usual_names() -> None:
    item = {
        "uuid": "u",
        "permalink": "/p/1",
        "subject": "Cup",
        "description": "Old",
        "amount": 1,
        "user": {"username": "mei"},
    }
    post = only({"results": [item, item]})
    assert (post.post_id, post.url, post.title, post.text, post.seller) == (
        "u",
        "https://own.example/p/1",
        "Cup",
        "Old",
        "mei",
    )


def test_reading_leaves_nothing_to_the_collector_of_cycles() -> None:
    """Thirty cycles a listing: they were most of what kept the loop for tenths of a second at a start."""
    answer = {"results": [{"uuid": "u", "subject": "Cup", "user": {"username": "mei"}}]}
    only(answer)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            only(answer)
        assert gc.collect() < 20
    finally:
        gc.enable()


def test_html_and_plain_values_both_become_text() -> None:
    assert only([{"id": 1, "text": "<p>a &amp; b</p><p>c</p>"}]).text == "a & b\nc"
    assert only([{"id": 1, "text": "1 < 2 & 3 > 2\nline"}]).text == "1 < 2 & 3 > 2\nline"
    assert only([{"id": 1, "title": "x <3 y"}]).title == "x <3 y"


def test_pictures_may_be_addresses_objects_or_stand_in_the_text() -> None:
    item = {
        "id": 1,
        "images": [
            "/a.jpg",
            {"src": "/b.jpg", "alt": "b"},
            {"url": "/c.jpg", "role": "thumbnail"},
            None,
            7,
            {"x": 1},
        ],
        "text": '<img src="/d.jpg"> words',
    }
    found = only([item]).pictures
    assert [(p.url.rpartition("/")[2], p.role, p.alt) for p in found] == [
        ("a.jpg", "full", ""),
        ("b.jpg", "full", "b"),
        ("c.jpg", "thumbnail", ""),
        ("7", "full", ""),
        ("d.jpg", "full", ""),
    ]
    assert len(only([{"id": 1, "images": "https://a.example/1.jpg, https://a.example/2.jpg"}]).pictures) == 2


def test_an_item_without_id_and_address_is_known_by_its_content() -> None:
    post = only([{"title": "Cup"}])
    assert post.post_id.startswith("sha256:")
    assert NO_PAGE in post.extra
    assert not kind.wants_detail(post, Settings())


def test_ids_are_exact_however_large_and_stable_over_edits() -> None:
    assert only([{"id": 12345678901234567890, "title": "a"}]).post_id == "12345678901234567890"
    assert only([{"id": 1, "title": "a"}]).post_id == only([{"id": 1, "title": "b", "text": "c"}]).post_id


def test_what_is_found_nowhere_is_noted_for_the_admin() -> None:
    listing = read([{"id": 1, "title": "a"}], price="cost.value", title="title")
    assert listing.notes == ("price: 'cost.value' finds nothing in any post",)


def test_the_next_page_may_stand_in_the_answer_or_in_the_link_header() -> None:
    assert (
        read({"items": [{"id": 1}], "n": "/api/ads?page=2"}, next="n").next_url
        == "https://own.example/api/ads?page=2"
    )
    assert (
        read({"items": [{"id": 1}], "p": 2}, next="{base}/api?page={p}").next_url
        == "https://own.example/api?page=2"
    )
    assert read({"items": [{"id": 1}], "n": URL}, next="n").next_url == ""
    link = (("link", '<https://own.example/api?a=1>; rel="prev", </api?page=3>; rel="next"'),)
    answer = page('[{"id": 1}]', url=URL, headers=link)
    assert kind.parse(answer, Settings(), NOW).next_url == "https://own.example/api?page=3"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "json"),
        ("<html></html>", "json"),
        ('{"a": ', "json"),
        ("[" * 100_000, "json"),
        ('{"a":' * 200 + "1" + "}" * 200, "json"),
        ("[" + "1," * 600_000 + "1]", "json"),
        ("9" * 5000, "json"),
        ("{}", "items"),
        ("7", "items"),
        ('{"items": {"a": 1}}', "items"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_list_of_posts_is_a_bad_page(body: str, field: str) -> None:
    with pytest.raises(BadPage) as bad:
        kind.parse(page(body, url=URL), Settings(items="items" if field == "items" else ""), NOW)
    assert bad.value.field == field


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
KEYS = st.sampled_from(
    [
        "id",
        "url",
        "link",
        "title",
        "content",
        "post",
        "topic_list",
        "topics",
        "posters",
        "users",
        "reblog",
        "account",
        "media_attachments",
    ]
)


@given(
    answer=st.recursive(
        JSON,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=20,
    )
)
@pytest.mark.parametrize("preset", ["", "wordpress", "discourse", "mastodon", "lemmy"])
def test_any_json_is_borne_by_every_preset(preset: str, answer: Any) -> None:
    body = page(json.dumps(answer), url=URL)
    try:
        listing = kind.parse(body, Settings(preset=preset), NOW)  # type: ignore[arg-type]
    except BadPage:
        listing = Listing(posts=())
    ids = [post.post_id for post in listing.posts]
    assert len(ids) == len(set(ids))
    for post in listing.posts:
        f"{post}".encode()
        assert kind.detail(body, post, Settings(preset=preset), NOW).post_id == post.post_id  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["wordpress", "discourse_latest", "mastodon_public", "lemmy_list"])
def test_a_preset_is_recognised_by_the_shape_of_its_answer(name: str) -> None:
    pair = next(pair for pair in pairs("json") if pair.name == name)
    found = kind.recognise(pair.response, NOW)
    assert found is not None
    assert found.rules == {"preset": name.partition("_")[0]}
    assert found.confidence > 0.9


def test_an_unknown_api_is_recognised_with_rules_that_read_it() -> None:
    answer = {
        "result": {
            "ads": [{"id": n, "title": "a", "price": 3, "link": f"/{n}", "image": "/i.jpg"} for n in range(3)]
        }
    }
    found = kind.recognise(page(json.dumps(answer), url=URL), NOW)
    assert found is not None
    posts = kind.parse(page(json.dumps(answer), url=URL), Settings(**found.rules), NOW).posts  # type: ignore[arg-type]
    assert [post.url for post in posts] == [f"https://own.example/{n}" for n in range(3)]


@pytest.mark.parametrize(
    ("html", "url", "watch", "preset"),
    [
        (
            '<meta name="generator" content="Discourse 3.4">',
            "https://f.example/",
            "https://f.example/latest.json?order=created",
            "discourse",
        ),
        (
            '<link rel="https://api.w.org/" href="/wp-json/">',
            "https://b.example/",
            "https://b.example/wp-json/wp/v2/posts?_embed=1&per_page=20",
            "wordpress",
        ),
        (
            '<link rel="https://api.w.org/" href="https://b.example/?rest_route=/">',
            "https://b.example/x",
            "https://b.example/?rest_route=/wp/v2/posts&_embed=1&per_page=20",
            "wordpress",
        ),
        (
            '<script id="initial-state"></script><div id="mastodon"></div>',
            "https://m.example/public",
            "https://m.example/api/v1/timelines/public?local=true&limit=40",
            "mastodon",
        ),
        (
            "<script>window.isoData = {}</script><div class=lemmy-site>",
            "https://l.example/c/trade",
            "https://l.example/api/v3/post/list?sort=New&limit=40&community_name=trade",
            "lemmy",
        ),
    ],
)
def test_a_page_of_a_known_program_leads_to_its_api(html: str, url: str, watch: str, preset: str) -> None:
    found = kind.recognise(page(f"<html><head>{html}</head></html>", url=url), NOW)
    assert found is not None
    assert (found.url, found.rules) == (watch, {"preset": preset})


def test_json_feed_is_left_to_the_kind_that_reads_it() -> None:
    body = '{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1,"url":"/1","title":"x"}]}'
    assert kind.recognise(page(body, url=URL), NOW) is None


def test_a_topic_s_own_answer_completes_the_listed_topic() -> None:
    latest = next(pair for pair in pairs("json") if pair.name == "discourse_latest")
    topic = next(pair for pair in pairs("json") if pair.name == "discourse_topic")
    listed = latest.read().posts[0]
    whole = kind.detail(topic.response, listed, latest.rules, NOW)
    assert (whole.post_id, whole.url, whole.title) == ("9", listed.url, "WTS beads")
    assert whole.text == "Hello :smile:"
    assert "https://cdn.example/original/1X/1.jpeg" in [picture.url for picture in whole.pictures]
    assert kind.detail(topic.response, whole, latest.rules, NOW) == whole


def test_a_discourse_page_made_for_browsers_is_read_from_its_preloaded_answer() -> None:
    topic = next(pair for pair in pairs("json") if pair.name == "discourse_topic")
    preloaded = (
        json.dumps({"site": "{}", "topic_9": topic.body.decode()})
        .replace("&", "&amp;")
        .replace('"', "&quot;")
    )
    html = f'<html><div id="data-preloaded" data-preloaded="{preloaded}"></div><p>Loading</p></html>'
    listed = Post(post_id="9", url="https://f.example/t/wts-beads/9", title="WTS beads")
    whole = kind.detail(page(html, url=listed.url), listed, Settings(preset="discourse"), NOW)
    assert whole.text == "Hello :smile:"


def test_presets_say_whether_the_own_page_is_worth_fetching() -> None:
    post = Post(post_id="1", url="https://x.example/1")
    wanted = {
        preset: kind.wants_detail(post, Settings(preset=preset))
        for preset in ("", "wordpress", "discourse", "mastodon", "lemmy")
    }  # type: ignore[arg-type]
    assert wanted == {"": True, "wordpress": True, "discourse": True, "mastodon": False, "lemmy": False}
    assert kind.wants_detail(post, Settings(preset="mastodon", page=True))
    assert not kind.wants_detail(post, Settings(preset="discourse", page=False))


def test_an_admin_may_change_one_field_of_a_preset() -> None:
    pair = next(pair for pair in pairs("json") if pair.name == "discourse_latest")
    post = kind.parse(pair.response, Settings(preset="discourse", title="slug"), NOW).posts[0]
    assert (post.title, post.seller) == ("wts-beads-more", "mei")
