"""Blogs and shops whose theme names nothing: no article, no content class, no item."""

# ruff: noqa: E501  pages as sites write them
from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from storage.model import PictureRef, Post
from tests.feeds.pages import NOW, page
from watchers.feeds import html
from watchers.reading import dense
from watchers.reading.columns import is_other
from watchers.reading.copies import is_placeholder, root
from watchers.reading.fingerprint import fingerprint
from watchers.reading.links import PERSON_PATH
from watchers.reading.pictures import together
from watchers.reading.text import text_of

HOME = "https://m.example/blog/"


def entry(slug: str, title: str) -> str:
    return (
        f"<h2><a href='/blog/{slug}/'>{title}</a></h2><h6 class=post-meta>Posted by: <a href=/blog/author/li/>li</a>"
        f" 3 minutes ago</h6><p>Words about {title}, as they were written.</p>"
        f"<div class=list-detail><p><a href='/blog/{slug}/'>read more</a> / <a href='/blog/{slug}/#comments'>2 comments</a></p></div>"
    )


TITLES = (
    "Bicycle with basket",
    "Horn from Africa",
    "Chair like new",
    "Best seller of last year",
    "Tusk and help with print",
    "Two people on a bench",
    "Old comb",
    "A shop sign",
)


def test_words_for_carts_and_people_in_a_title_do_not_hide_a_post() -> None:
    slugs = [title.lower().replace(" ", "-") for title in TITLES]
    body = "".join(entry(slug, title) for slug, title in zip(slugs, TITLES, strict=True))
    posts = html.parse(page(body, url=HOME), html.Settings(), NOW).posts
    assert [post.title for post in posts] == list(TITLES)
    assert {post.seller for post in posts} == {"li"}


@pytest.mark.parametrize(
    "path",
    [
        "/user/7", "/users/7-anna", "/u/anna", "/category-12.html", "/category/old-horn-and-tusk/", "/tag/horn-from-africa",
        "/forum-12-1.html", "/product-category/things/", "/product-tag/horn/", "/space-uid-12.html", "/?add-to-cart=7",
        "/home.php?mod=space&uid=3", "/search/old-horn", "/add-to-cart/7/", "/add-to-cart-7/", "/login/", "/x/report-7",
        "/tags-of-this-week/", "/forums/horn-and-tusk-of-old/", "/home-space-uid-12.html",
    ],
)  # fmt: skip
def test_pages_about_people_places_and_deeds_are_no_posts(path: str) -> None:
    assert is_other(f"https://m.example{path}")


@pytest.mark.parametrize("path", ["/user/7", "/u/anna", "/space-uid-12.html", "/member.php?u=7", "/show_user.php?id=1", "/public-profile/7", "/view-user-123.html", "/home-space-uid-12.html", "/@anna", "/blog/author/anna-of-the-hill/"])  # fmt: skip
def test_pages_about_people_are_known(path: str) -> None:
    assert PERSON_PATH.search(path)


@pytest.mark.parametrize("path", ["/blog/best-seller-of-last-year/", "/blog/two-people-on-a-bench/", "/ads/tusk-for-members-only-7.html"])  # fmt: skip
def test_titles_that_speak_of_people_are_no_people(path: str) -> None:
    assert not PERSON_PATH.search(path)


def own(words: str, *comments: str, cart: str = "0 items in cart: $0.00") -> str:
    """A post as a theme of bare columns has it: meta, picture, words, rating, comments, a cart beside."""
    said = "".join(
        f"<div id=comment-{n} class='comment media'><img src=//www.gravatar.com/avatar/{n}><div class=media-body>"
        f"<h4>guest{n} <small>3 minutes ago</small></h4><p>{text}</p><a href=#comment-{n}>Link</a> | <a href=#r{n}>Reply</a>"
        f"<div class=rating><span>Currently unrated</span>{RATE}</div></div></div>"
        for n, text in enumerate(comments, 7)
    )
    count = f"<p>(<a href=#comments>{len(comments)} comments</a>)</p>" if comments else ""
    return (
        "<title>Horn cup | Stall</title><div class=container><h1>Horn cup</h1></div><div class=container><div class=row>"
        "<div class='col left'><div class='panel tree'></div></div><div class='col middle'>"
        f"<h6 class=post-meta>Posted by: <a href=/blog/author/li/>li</a> 3 minutes ago</h6>{count}"
        f"<p><img src=/media/.thumbnails/cup.jpg/cup-600x0.jpg></p>{words}"
        f"<div class='panel rating'><span>Currently unrated</span>{RATE}</div><div id=comments><h3>Comments</h3>{said}"
        f"<h3>New Comment</h3><form class=shop-form><label>Name</label><input name=name><p>required</p></form></div></div>"
        f"<div class='col right'><div class='panel user-panel'><a href=/shop/cart/>{cart}</a></div></div></div></div>"
    )


RATE = "<form><ul><li><label><input type=radio> 1</label></li><li><label><input type=radio> 2</label></li></ul></form>"
WORDS = "<p>Cup of rhino horn, call at night.</p><p>Only one is left.</p><p><img src=/media/side.jpg></p>"


def read(body: str) -> Post:
    address = "https://m.example/blog/horn-cup/"
    return html.detail(page(body, url=address), Post(post_id="5", url=address), html.Settings(), NOW)


def test_a_post_in_a_bare_column_is_read_and_not_what_stands_around_it() -> None:
    post = read(
        own(WORDS, "Is it still there? I would like to come tomorrow evening and see it.", "And now?")
    )
    assert (post.title, post.text) == ("Horn cup", "Cup of rhino horn, call at night.\nOnly one is left.")
    assert (post.seller, post.price) == ("li", "")
    assert [p.url for p in post.pictures] == [
        "https://m.example/media/.thumbnails/cup.jpg/cup-600x0.jpg",
        "https://m.example/media/side.jpg",
    ]


def test_comments_and_carts_that_come_are_no_edits_of_a_post_in_a_bare_column() -> None:
    before = fingerprint(read(own(WORDS)))
    assert before == fingerprint(read(own(WORDS, "Is it there?", cart="1 item in cart: $90.00")))
    assert before == fingerprint(read(own(WORDS, *("A longer word about it, from a reader. " * 9,) * 4)))
    assert before != fingerprint(read(own(WORDS.replace("one", "half"), "Is it there?")))


def test_a_post_without_words_does_not_get_those_of_its_readers() -> None:
    post = read(own("", "A longer word about it, from a reader who knows what he wants and says so."))
    assert "reader" not in post.text
    assert post.seller == "li"
    assert [p.url for p in post.pictures] == ["https://m.example/media/.thumbnails/cup.jpg/cup-600x0.jpg"]


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("/media/.thumbnails/cup.jpg/cup-600x0.jpg", "/media/cup.jpg"),
        ("/images/thumb/a/ab/Cup.jpg/300px-Cup.jpg", "/images/a/ab/Cup.jpg"),
        ("/media/cup.jpg.300x300_q85_crop.jpg", "/media/cup.jpg"),
    ],
)
def test_a_sized_copy_named_after_its_original_is_the_same_picture(copy: str, original: str) -> None:
    base = "https://m.example"
    assert root(base + copy) == root(base + original)
    refs = [PictureRef(url=base + original), PictureRef(url=base + copy, role="thumbnail")]
    assert [ref.url for ref in together(refs[::-1])] == [base + original]


@pytest.mark.parametrize(
    "name",
    ["tusk.jpg", "tiger.png", "skull.jpg", "side.jpg", "scan-1.jpg", "grey-parrot.jpg", "blankets.jpg", "clear-horn.jpg"],
)  # fmt: skip
def test_a_picture_whose_name_begins_like_a_stand_in_is_kept(name: str) -> None:
    post = read(own(f"<p>Cup of rhino horn, call at night.</p><img src=/media/{name}>"))
    assert f"https://m.example/media/{name}" in [ref.url for ref in post.pictures]


@pytest.mark.parametrize(
    "name",
    ["spacer.gif", "s.gif", "t.png", "blank.png", "blank_white.png", "1x1.gif", "loading2.gif", "loading-spin.svg", "lazyload.gif", "placeholder-300x200.png", "no-image.jpg", "nopic.gif", "grey.gif", "gray_300x200.png", "none.gif"],
)  # fmt: skip
def test_a_stand_in_is_no_picture(name: str) -> None:
    assert is_placeholder(f"https://m.example/img/{name}")


def test_pictures_of_one_name_in_other_folders_are_two() -> None:
    assert root("https://m.example/a/cup.jpg/x.jpg") != root("https://m.example/a/cup.jpg")
    assert root("https://m.example/a/cup.jpg") != root("https://m.example/b/cup.jpg")


HINTS = (
    "<div class='alert alert-info'>This board is read by many people each day.</div>",
    "<p>You must <a href=/login/?next=/t/5>log in</a> to reply to this topic of ours.</p>",
    "<p>Everything about things that are old and second hand.</p>",
    "<p>3 replies, last one today at noon, by guest2</p>",
    "<p>Begun by <a href=/user/7>guest7</a> and answered by many people since</p>",
)


@pytest.mark.parametrize("described", ["", "Cup of rhino horn, call at night."])
@pytest.mark.parametrize("hint", HINTS)
def test_the_first_post_of_a_topic_is_not_taken_for_an_answer_to_a_hint_above(
    hint: str, described: str
) -> None:
    said = ("Cup of rhino horn, call at night.", "Is it there still? I would like it.", "Yes it is.")
    posts = "".join(
        f"<div id=comment-{n} class=comment><a href=/user/{n}>guest{n}</a><div class=comment-text><p>{text}</p></div></div>"
        for n, text in enumerate(said, 7)
    )
    head = f"<title>Horn cup</title><meta name=description content='{described}'><div class=container><h1>Horn cup</h1>"
    post = read(f"{head}{hint}<div class=comments>{posts}</div></div>")
    assert post.text == said[0]
    assert post.seller == "guest7"


def test_a_price_on_the_link_that_puts_a_thing_into_the_cart_is_its_price() -> None:
    post = read(
        own(f"{WORDS}<p class=buy><a href='/shop/cart/?add=7'><span class=price>$90.00</span></a></p>")
    )
    assert post.price == "$90.00"


@pytest.mark.parametrize("shape", ["<div class=meta>", "<form><div class=meta>words of a form "])
def test_marks_thousands_deep_in_one_another_are_not_weighed_one_by_one(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of 110 KB took 14 seconds: each mark's words were read, and all below them once more."""
    weighed: list[int] = []

    def counting(node: LexborNode, *, without: frozenset[int] = frozenset()) -> str:
        weighed.append(node.mem_id)
        return text_of(node, without=without)

    monkeypatch.setattr(dense, "text_of", counting)
    words = "some words of an advert that are long enough to count " * 5
    tree = LexborHTMLParser(f"<html><body><div>{words}{shape * 3_000}deep")
    assert words.strip() in dense.dense_text(tree, frozenset())
    assert len(weighed) <= 30
