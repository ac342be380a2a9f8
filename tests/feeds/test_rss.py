from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import feedsuite
from storage.errors import BadPage
from storage.model import NO_PAGE, Post
from tests.feeds.pages import NOW, page
from watchers.feeds import rss
from watchers.feeds.rss import Settings
from watchers.reading.feedtext import fit

URL = "https://market.example/feed"


def feed(items: str, root: str = 'rss version="2.0"') -> str:
    return f"<{root}><channel><title>t</title>{items}</channel></{root.partition(' ')[0]}>"


def posts(items: str, **keys: object) -> tuple[Post, ...]:
    return rss.parse(page(feed(items), url=URL), Settings(**keys), NOW).posts  # type: ignore[arg-type]


def only(items: str, **keys: object) -> Post:
    (post,) = posts(items, **keys)
    return post


# --- ids --------------------------------------------------------------------------


def test_an_edit_changes_the_words_but_not_the_id() -> None:
    old = only(
        "<item><guid>ad-1</guid><link>/1</link><title>Beads</title><description>old</description></item>"
    )
    new = only(
        "<item><guid>ad-1</guid><link>/1</link><title>Beads!</title><description>new</description></item>"
    )
    assert old.post_id == new.post_id == "ad-1"
    assert old.digest() != new.digest()


def test_without_a_guid_the_link_is_the_id_and_without_both_the_content() -> None:
    assert (
        only("<item><link>https://a.example/1</link><title>x</title></item>").post_id == "https://a.example/1"
    )
    bare = only("<item><title>x</title></item>")
    assert bare.post_id.startswith("sha256:")
    assert bare.url == URL
    assert NO_PAGE in bare.extra
    assert not rss.wants_detail(bare, Settings())


def test_a_very_long_guid_becomes_a_hash() -> None:
    assert len(only(f"<item><guid>{'x' * 100_000}</guid></item>").post_id) < 100


def test_a_guid_shared_by_several_links_does_not_swallow_posts() -> None:
    items = "".join(f"<item><guid>same</guid><link>https://a.example/{n}</link></item>" for n in range(3))
    assert len(posts(items)) == 3
    turned = "".join(f"<item><guid>same</guid><link>https://a.example/{n}</link></item>" for n in (2, 1, 0))
    assert {p.post_id for p in posts(items)} == {p.post_id for p in posts(turned)}


def test_a_link_shared_by_entries_without_a_guid_does_not_swallow_posts() -> None:
    home = "<link>https://a.example/</link>"
    items = "".join(f"<item>{home}<title>{title}</title></item>" for title in ("cup", "comb", "cup"))
    found = posts(items)
    assert [post.title for post in found] == ["cup", "comb"]
    assert [post.url for post in found] == ["https://a.example/"] * 2


def test_entries_with_nothing_to_tell_them_apart_are_posts_each() -> None:
    assert len(posts("<item><title>ivory</title></item>" * 3)) == 3
    assert len(posts("<item><guid>1</guid><title>ivory</title></item>" * 3)) == 1


def test_an_entry_with_nothing_in_it_is_no_post() -> None:
    assert posts("<item/><item><author>mei</author></item><item><guid>1</guid></item>") == posts(
        "<item><guid>1</guid></item>"
    )


def test_ids_do_not_follow_the_address_of_the_feed() -> None:
    body = '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>t/1</id><title>x</title></entry></feed>'
    one = rss.parse(page(body, url="https://a.example/feed"), Settings(), NOW).posts[0]
    two = rss.parse(page(body, url="https://b.example/other/feed?x=1"), Settings(), NOW).posts[0]
    assert one.post_id == two.post_id == "t/1"


# --- fields -----------------------------------------------------------------------


def test_relative_links_are_completed_from_the_feed_s_own_address() -> None:
    post = only('<item><link>../ad/1</link><description>&lt;img src="p.jpg"&gt;</description></item>')
    assert post.url == "https://market.example/ad/1"
    assert [picture.url for picture in post.pictures] == ["https://market.example/ad/p.jpg"]


@pytest.mark.parametrize(
    ("summary", "content", "text"),
    [("short", "long words", "long words"), ("much longer", "cut", "much longer")],
)
def test_the_fuller_of_summary_and_content_is_the_text(summary: str, content: str, text: str) -> None:
    ns = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    both = f"<description>{summary}</description><content:encoded>{content}</content:encoded>"
    assert only(f"<item {ns}><guid>1</guid>{both}</item>").text == text


@pytest.mark.parametrize(
    ("media", "url", "role"),
    [
        ('<enclosure url="/a" type="image/jpeg"/>', "https://market.example/a", "full"),
        ('<enclosure url="/a.jpg?w=9"/>', "https://market.example/a.jpg?w=9", "full"),
        ('<media:content url="/a" medium="image"/>', "https://market.example/a", "full"),
        ('<media:content url="/a" type="image/webp"/>', "https://market.example/a", "full"),
        ('<media:group><media:content url="/a.png"/></media:group>', "https://market.example/a.png", "full"),
        ("<title>&lt;p&gt;&lt;img src=/a.jpg&gt;&lt;/p&gt;</title>", "https://market.example/a.jpg", "full"),
        ('<media:thumbnail url="/a"/>', "https://market.example/a", "thumbnail"),
        ("<image><url>/a.gif</url></image>", "https://market.example/a.gif", "full"),
        (
            '<description>&lt;img data-src="/a.jpg" src="data:,x"&gt;</description>',
            "https://market.example/a.jpg",
            "full",
        ),
    ],
)
def test_pictures_are_found_wherever_feeds_put_them(media: str, url: str, role: str) -> None:
    post = only(f'<item xmlns:media="http://search.yahoo.com/mrss/"><guid>1</guid>{media}</item>')
    assert [(picture.url, picture.role) for picture in post.pictures] == [(url, role)]


def test_what_is_no_picture_is_kept_as_an_enclosure() -> None:
    post = only('<item><guid>1</guid><enclosure url="/a.mp3" type="audio/mpeg" length="9"/></item>')
    assert post.pictures == ()
    assert post.extra[0] == ("enclosure", "https://market.example/a.mp3 audio/mpeg 9")


def test_times_without_a_zone_are_read_in_the_target_s() -> None:
    item = "<item><guid>1</guid><pubDate>2026-11-24 21:05</pubDate></item>"
    assert only(item, zone="Asia/Shanghai").posted_at == datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
    assert only(item).posted_at == datetime(2026, 11, 24, 21, 5, tzinfo=UTC)


def test_json_feed_is_told_apart_by_content_whatever_the_header_says() -> None:
    body = '{"version":"https://jsonfeed.org/version/1","items":[{"id":7,"content_text":"x"}]}'
    (post,) = rss.parse(page(body, url=URL, content_type="application/rss+xml"), Settings(), NOW).posts
    assert (post.post_id, post.text) == ("7", "x")


# --- what is no feed ----------------------------------------------------------------


def test_a_page_that_links_a_feed_says_where() -> None:
    link = '<link rel="alternate" type="application/atom+xml" href="/atom">'
    html = f"<!doctype html><html><head>{link}</head></html>"
    with pytest.raises(BadPage, match=r"https://market.example/atom") as bad:
        rss.parse(page(html, url=URL), Settings(), NOW)
    assert bad.value.field == "feed"
    found = rss.recognise(page(html, url=URL), NOW)
    assert found is not None
    assert (found.url, found.kind) == ("https://market.example/atom", "rss")


def test_the_feed_of_comments_is_not_the_one_to_watch() -> None:
    links = "".join(
        f'<link rel="alternate" type="application/rss+xml" title="{title}" href="{href}">'
        for title, href in (("Blog » Comments Feed", "/comments/feed/"), ("Blog » Feed", "/feed/"))
    )
    found = rss.recognise(page(f"<html><head>{links}</head></html>", url=URL), NOW)
    assert found is not None
    assert found.url == "https://market.example/feed/"


def test_an_empty_feed_is_a_feed() -> None:
    listing = rss.parse(page(feed(""), url=URL), Settings(), NOW)
    assert listing.posts == ()
    assert listing.notes


# --- settings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys", [{"max_items": 0}, {"max_items": 9999}, {"max_pages": 0}, {"zone": "Mars/Base"}]
)
def test_a_wrong_setting_is_told_by_its_key(keys: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(keys))):
        Settings(**keys)  # type: ignore[arg-type]


def test_the_own_page_is_fetched_unless_told_otherwise() -> None:
    post = only("<item><link>https://a.example/1</link></item>")
    assert rss.wants_detail(post, Settings())
    assert not rss.wants_detail(post, Settings(page=False))


def test_the_own_page_adds_what_the_feed_left_out() -> None:
    post = only(
        "<item><link>https://a.example/1</link><title>Beads</title><description>Old…</description></item>"
    )
    html = (
        '<html><head><meta property="og:image" content="/big.jpg"></head><body><article><h1>Beads</h1>'
        "<p>Old beads from grandmother, a hundred of them, price by message only.</p></article></body></html>"
    )
    whole = rss.detail(page(html, url="https://a.example/1"), post, Settings(), NOW)
    assert "from grandmother" in whole.text
    assert "https://a.example/big.jpg" in [picture.url for picture in whole.pictures]
    assert whole.post_id == post.post_id


# --- hostile feeds --------------------------------------------------------------------


def test_only_max_items_are_read_and_the_rest_costs_little() -> None:
    items = "".join(f"<item><guid>{n}</guid><title>{n}</title></item>" for n in range(100_000))
    began = process_time()
    found = posts(items, max_items=50)
    assert [post.post_id for post in found] == [str(n) for n in range(50)]
    assert process_time() - began < 3


def test_items_written_inside_cdata_do_not_count() -> None:
    words = "<description><![CDATA[" + "<item></item>" * 500 + "]]></description>"
    found = posts(f"<item><guid>1</guid>{words}</item>" + "<item><guid>2</guid></item>" * 3, max_items=10)
    assert [post.post_id for post in found] == ["1", "2"]


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE a [<!ENTITY a '"
        + "x" * 100_000
        + "'>]>"
        + feed("<item><title>" + "&a;" * 100_000 + "</title></item>"),
        feed("<item><title>x</title>" + "<b>" * 1_000_000),
        feed("<item " + " ".join(f'a{n}="1"' for n in range(300_000)) + "/>"),
        feed("<item><tags>" + "".join(f"{n}," for n in range(1_000_000)) + "</tags></item>"),
        feed("<item>" + "".join(f"<category>{n}</category>" for n in range(200_000)) + "</item>"),
        feed("".join(f'<b{n}:a xmlns:b{n}="u{n}"/>' for n in range(150_000))),
        feed("<item><a" + " " * 5_000_000),
        feed("<item><" + "a" * 5_000_000),
        feed("<item><title>" + "\n" * 5_000_000),
        feed("<item><title>" + "&" * 5_000_000),
        "<?xml version='1.0'?>" + "\n" * 5_000_000 + feed(""),
        "<!DOCTYPE " * 500_000,
        "<?" + 'encoding="' * 500_000,
    ],
    ids=lambda body: body[:40],
)
def test_a_feed_made_to_hurt_costs_seconds(body: str) -> None:
    began = process_time()
    with suppress(BadPage):
        rss.parse(page(body, url=URL), Settings(), NOW)
    assert process_time() - began < 8


@given(st.text(max_size=200))
def test_fitting_a_text_keeps_it_parseable_by_unicode(text: str) -> None:
    fit(text, 10).encode("utf-8")


@given(
    st.lists(
        st.sampled_from(
            ["<item>", "</item>", "<![CDATA[", "]]>", "<!--", "-->", "x", "</rss>", "<entry a='>'>"]
        ),
        max_size=40,
    )
)
def test_fitting_never_leaves_more_items_than_asked(parts: list[str]) -> None:
    text = "".join(parts)
    assert fit(text, 2).count("<item>") <= max(2, text.count("<![CDATA[") * 40 + text.count("<!--") * 40 + 2)


# --- feedparser's own suite --------------------------------------------------------------


def test_a_part_of_feedparser_s_suite_is_read_as_expected() -> None:
    """The whole of it: `./nightjar bench feedsuite`."""
    if not feedsuite.DATA.is_file():
        pytest.skip(f"{feedsuite.DATA.name} is not here")
    tally: Counter[str] = Counter()
    wrong: list[str] = []
    for number, sample in enumerate(feedsuite.samples(feedsuite.DATA)):
        if number % 4 == 0:
            feedsuite.judge(sample, tally, wrong)
    assert tally["errors"] == 0
    asked = sum(tally[f"well-formed {name}"] for name in ("title", "link", "id"))
    right = sum(tally[f"well-formed {name} right"] for name in ("title", "link", "id"))
    assert asked >= 30
    assert right >= 0.98 * asked - 1, wrong
