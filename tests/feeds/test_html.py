"""The `html` kind: selectors, own pages, pictures, next pages, and what it refuses."""

# ruff: noqa: E501  pages as sites write them
from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from storage.errors import BadPage
from storage.model import Post
from tests.feeds.pages import NOW, page
from watchers.feeds import html
from watchers.reading.fingerprint import fingerprint
from watchers.reading.markup import parse_html
from watchers.reading.pictures import pictures_in, style_pictures
from watchers.reading.selectors import check_css, check_regex, nodes

LIST = """<base href="/board/"><ul class=ads>
<li class=ad data-no=7><a class=t href="ad.php?id=7&amp;sid=0123456789abcdef01">Comb</a> <b class=p>Price: 1,200 USD only</b>
 <i class=w data-at="2026-11-24 10:00">today</i> <u>Hanoi</u> <img src=/t/7.jpg data-full=/o/7.jpg> <em class=s>by Lan</em></li>
<li class=ad data-no=8><a class=t href="ad.php?id=8">Box</a> <b class=p>Price: 90 USD only</b></li>
</ul><a class=more href="?page=2">more</a>"""


def rules(**keys: Any) -> Any:
    return TypeAdapter(html.Settings).validate_python(keys)


def test_selectors_with_attributes_and_clean_up_fill_every_field() -> None:
    chosen = rules(
        item="ul.ads > li.ad", id="li.ad@data-no" if False else {"css": "a.t", "attr": "href", "regex": r"id=(\d+)"},
        link="a.t@href", title="a.t", price={"css": "b.p", "regex": r"Price: ([\d,]+ USD)"},
        posted="i.w@data-at", location="u", seller={"css": "em.s", "regex": r"by (.+)"},
        picture="img@data-full", next="a.more@href", max_pages=3, zone="Asia/Ho_Chi_Minh",
    )  # fmt: skip
    listing = html.parse(page(LIST, url="https://m.example/x"), chosen, NOW)
    first = listing.posts[0]
    assert (first.post_id, first.title, first.price, first.location, first.seller) == (
        "7", "Comb", "1,200 USD", "Hanoi", "Lan",
    )  # fmt: skip
    assert first.url == "https://m.example/board/ad.php?id=7"
    assert first.posted_at is not None
    assert first.posted_at.isoformat() == "2026-11-24T03:00:00+00:00"
    assert [p.url for p in first.pictures] == ["https://m.example/o/7.jpg"]
    assert listing.next_url == "https://m.example/board/?page=2"
    assert [p.post_id for p in listing.posts] == ["7", "8"]


@pytest.mark.parametrize(
    ("here", "links", "wanted"),
    [
        ("/f/1/", "/f/1/?page=1 /f/1/?page=2 /f/1/?page=3 /f/1/topic/7/?page=4", "/f/1/?page=2"),
        ("/f/1/?page=2", "/f/1/?page=1 /f/1/?page=3 /f/1/?page=9", "/f/1/?page=3"),
        ("/f?id=1&page=9", "/f?id=1&page=8 /f?id=2&page=10", ""),
        ("/f", "/f?page=0 /f?page=1 /f?page=2", "/f?page=1"),
        ("/b.php?f=2", "/b.php?f=2&start=25 /b.php?f=2&start=50 /t.php?f=2&start=1", "/b.php?f=2&start=25"),
        ("/blog/", "/blog/page/3/ /blog/page/2/", "/blog/page/2/"),
        ("/blog/page/2/", "/blog/ /blog/page/3/", "/blog/page/3/"),
        ("/f/", "/f/?sort=new /f/?sort=new&page=2 /ad?id=2", ""),
    ],
)
def test_the_next_page_is_told_by_numbers_where_nothing_marks_it(here: str, links: str, wanted: str) -> None:
    body = "".join(f"<a href='{link}'>x</a>" for link in links.split())
    told = html.parse(page(body, url=f"https://m.example{here}"), html.Settings(), NOW).next_url
    assert told.removeprefix("https://m.example") == wanted


def test_an_item_alone_is_enough() -> None:
    listing = html.parse(page(LIST, url="https://m.example/x"), rules(item="li.ad"), NOW)
    assert [(p.post_id, p.title) for p in listing.posts] == [
        ("/board/ad.php?id=7", "Comb"),
        ("/board/ad.php?id=8", "Box"),
    ]
    assert listing.posts[0].pictures[0].url == "https://m.example/o/7.jpg"
    assert "1,200 USD" in listing.posts[0].price


def test_what_a_selector_does_not_find_is_said() -> None:
    listing = html.parse(page(LIST), rules(item="li.ad", price=".cost"), NOW)
    assert any("price" in note and ".cost" in note for note in listing.notes)
    assert any("li.gone" in note for note in html.parse(page(LIST), rules(item="li.gone"), NOW).notes)


def test_items_without_a_link_stand_at_the_listing_and_need_no_own_page() -> None:
    body = "<div class=n id=n5>Tusk, call 0712</div><div class=n id=n6>Horn, call 0713</div>"
    listing = html.parse(page(body, url="https://m.example/wall"), rules(item=".n", text=".n"), NOW)
    assert [p.post_id for p in listing.posts] == ["#n5", "#n6"]
    assert {p.url for p in listing.posts} == {"https://m.example/wall"}
    assert not any(html.wants_detail(p, rules(item=".n")) for p in listing.posts)


def test_a_single_page_is_its_only_post() -> None:
    body = "<title>Lamp</title><h1>Lamp</h1><article><p>An old lamp with a bone handle.</p><img src=l.jpg></article>"
    listing = html.parse(page(body, url="https://m.example/lamp"), rules(single=True), NOW)
    assert [(p.post_id, p.title) for p in listing.posts] == [("https://m.example/lamp", "Lamp")]
    assert "bone handle" in listing.posts[0].text
    assert listing.posts[0].pictures[0].url == "https://m.example/l.jpg"


# --- settings ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        ({"item": "li["}, "item", "no CSS selector"),
        ({"item": ""}, "item", "empty"),
        ({"item": "li", "price": {"css": "b", "regex": "("}}, "price", "regex"),
        ({"item": "li", "price": {"css": "b", "regex": "(a+)+$"}}, "price", "for ever"),
        ({"item": "li", "detail": {"text": "..x"}}, "detail.text", "no CSS selector"),
        ({"item": "a ~ b ~ c"}, "item", "at most one ~"),
        ({"item": "li", "picture": {"css": "img", "attr": "da ta"}}, "picture", "attribute"),
        ({"link": "a"}, "", "item"),
        ({"max_pages": 99}, "", "max_pages"),
        ({"zone": "Mars/Base"}, "", "zone"),
    ],
)
def test_a_bad_selector_names_its_key(keys: dict[str, object], place: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        rules(**keys)
    error = caught.value.errors()[0]
    assert ".".join(str(part) for part in error["loc"]) == place
    assert words in error["msg"]


@pytest.mark.parametrize(
    "regex", [r"(a|b)*x", r"(\d{1,3},?)+", r"((a+)b)+", r"(?:a?)+", r"(a+){2,9}", "a*b*c*d*"]
)
def test_an_expression_without_bound_is_refused(regex: str) -> None:
    with pytest.raises(ValueError, match="regex"):
        check_regex(regex)


@pytest.mark.parametrize(
    "regex", [r"(\d+)", r"\d{1,3}(?:,\d{3})*", r"(\w+)?x", r"Price: ([\d.,]+)\s*€", r"[+*]+"]
)
def test_ordinary_expressions_are_taken(regex: str) -> None:
    check_regex(regex)


@pytest.mark.parametrize(
    "css",
    ["div p > span", "html body div span", "div.a body > span, html body div.a > span", "p span, div > span"],
)
def test_selectors_taken_step_by_step_find_what_the_parser_finds(css: str) -> None:
    tree = parse_html(
        "<div class=a><p class=b><span>1</span></p><span>2</span></div><span>3</span><div><div><span>4"
    )
    assert [n.mem_id for n in nodes(tree, css)] == [n.mem_id for n in tree.css(css)]


# --- the post's own page ------------------------------------------------------------------

OWN = """<html><head><title>Comb of shell - Old Market</title><meta property=og:image content=/o/main.jpg>
<style>.hero{background:url(/o/hero.jpg) no-repeat} .x{color:red}</style></head><body>
<header><img src=/logo.png class=logo><nav><a href=/>Home</a></nav></header>
<main><h1>Old Market</h1><article><h2>Comb of shell</h2><p class=price>$ 120</p><p>Location: Nairobi</p>
<div class="description">A comb that grandmother kept.<br>Call at night.</div><div class=hero></div>
<a href="/o/1.jpg"><img src="/t/1-150x150.jpg"></a>
<picture><source srcset="/o/2-400.webp 400w, /o/2-1600.webp 1600w"><img src="/o/2.jpg" srcset="/o/2-800.jpg 800w"></picture>
<img class=lazy src="data:image/gif;base64,AA" data-original="/o/3.jpg"><noscript><img src="/o/3.jpg"></noscript>
<video poster="/o/4.jpg"></video><span style="background-image:url('/o/5.jpg')"></span>
<img src=/smilies/lol.gif><img src=/pixel.gif width=1 height=1><a href=/user/7><img src=/faces/7.jpg></a><img class=avatar src=/a.jpg>
<img src="/o/2.jpg"></article>
<section class=related-products><a href=/ad/9><img src=/o/other.jpg>Other</a></section></main></body></html>"""


def test_all_pictures_of_an_own_page_are_found_once_largest_first_in_order() -> None:
    post = html.detail(
        page(OWN, url="https://m.example/ad/8"),
        Post(post_id="8", url="https://m.example/ad/8"),
        html.Settings(),
        NOW,
    )
    names = [p.url.removeprefix("https://m.example") for p in post.pictures]
    assert names == [
        "/o/hero.jpg",
        "/o/1.jpg",
        "/o/2-1600.webp",
        "/o/3.jpg",
        "/o/4.jpg",
        "/o/5.jpg",
        "/o/2.jpg",
        "/o/main.jpg",
    ]
    assert [p.role for p in post.pictures if p.url.endswith("/4.jpg")] == ["poster"]


def test_pictures_attached_but_not_shown_are_known_by_the_file_names_of_their_links() -> None:
    body = """<main><h1>Tusk</h1><div class=post-content>For sale, see the files below, write to me.</div>
        <a href=/forum/attachment/7/><i></i>&nbsp;tusk side.JPG (2.4 KB)</a>
        <a href=/download/file.php?id=9>photo.png</a> <a href=/dlattach?aid=3>list.pdf (1 MB)</a>
        <a href=/topic/12/>tusk.jpg</a> <a href=/attachment/8/>see the photo.jpg of yesterday</a></main>"""
    address = "https://m.example/ad/8"
    post = html.detail(page(body, url=address), Post(post_id="8", url=address), html.Settings(), NOW)
    assert [p.url.removeprefix("https://m.example") for p in post.pictures] == [
        "/forum/attachment/7/",
        "/download/file.php?id=9",
    ]


def test_an_own_page_gives_title_text_price_and_place() -> None:
    post = html.detail(
        page(OWN, url="https://m.example/ad/8"),
        Post(post_id="8", url="https://m.example/ad/8"),
        html.Settings(),
        NOW,
    )
    assert (post.post_id, post.title, post.price, post.location) == ("8", "Comb of shell", "$ 120", "Nairobi")
    assert post.text == "A comb that grandmother kept.\nCall at night."


def test_fields_the_page_does_not_give_stay_as_listed() -> None:
    listed = Post(
        post_id="8", url="https://m.example/ad/8", title="Comb", seller="Lan", price="5 USD", location="Hue"
    )
    post = html.detail(
        page("<title>x</title><p>Nothing of use stands here, dear reader.</p>"), listed, html.Settings(), NOW
    )
    assert (post.post_id, post.seller, post.price, post.location) == ("8", "Lan", "5 USD", "Hue")


def test_detail_selectors_outrank_what_is_found() -> None:
    chosen = rules(
        detail={"title": "h1", "price": {"css": ".price", "regex": r"(\d+)"}, "picture": "video@poster"}
    )
    post = html.detail(page(OWN, url="https://m.example/ad/8"), Post(post_id="8", url="u"), chosen, NOW)
    assert (post.title, post.price, [p.url for p in post.pictures]) == (
        "Old Market",
        "120",
        ["https://m.example/o/4.jpg"],
    )


def test_answers_of_a_topic_are_no_edits_of_its_first_post() -> None:
    def topic(answers: int) -> str:
        rows = "".join(
            f"<div class=post id=post-{n}><a class=username href=/u/{n}>u{n}</a><div class=content>Answer {n} here</div></div>"
            for n in range(2, 2 + answers)
        )
        return f"<title>Horn</title><h1>Horn</h1><div class=post id=post-1><a class=username href=/u/1>seller</a><div class=content>Have horn</div><img src=h.jpg></div>{rows}"

    bare = Post(post_id="1", url="https://f.example/t/horn/1")
    one, many = (html.detail(page(topic(n), url=bare.url), bare, html.Settings(), NOW) for n in (0, 5))
    assert one.text == many.text == "Have horn"
    assert one.seller == many.seller == "seller"
    assert one.pictures == many.pictures


def test_comments_below_an_article_are_not_the_article() -> None:
    def blog(words: str, *comments: str) -> str:
        said = "".join(
            f"<li id=comment-{n}><p>{c}<img src=/c{n}.jpg></p></li>" for n, c in enumerate(comments, 7)
        )
        return (
            f"<title>Horn cup</title><article id=post-5><h1>Horn cup</h1><div class=entry-content><p>{words}</p>"
            f"<img src=/horn.jpg></div></article><div id=comments><h2>Comments</h2><ol>{said}</ol></div>"
        )

    def read(body: str) -> Post:
        address = "https://m.example/2026/11/24/horn-cup/"
        return html.detail(page(body, url=address), Post(post_id="5", url=address), html.Settings(), NOW)

    before = read(
        blog("Cup of rhino horn, 900.", "Is it still there? I would come tomorrow.", "And now?", "Sold?")
    )
    assert before.text == "Cup of rhino horn, 900."
    assert [p.url for p in before.pictures] == ["https://m.example/horn.jpg"]
    assert fingerprint(before) == fingerprint(
        read(blog("Cup of rhino horn, 900.", "Hello", "World", "Again", "More"))
    )
    assert fingerprint(before) != fingerprint(
        read(blog("Cup of rhino horn, 800.", "Is it there?", "Yes", "No"))
    )


def test_style_sheets_name_backgrounds_by_class_and_id() -> None:
    tree = parse_html(
        "<style>@media x{a.b, #c { background-image : url( 'p.jpg' ) }} .d{background:#fff}</style><i class=b></i><i id=c></i>"
    )
    assert style_pictures(tree) == {".b": "p.jpg", "#c": "p.jpg"}
    body = tree.body
    assert body is not None
    assert [p.url for p in pictures_in(body, "https://e.example/", styles=style_pictures(tree))] == [
        "https://e.example/p.jpg"
    ]


# --- hostile pages --------------------------------------------------------------------------

LINK = '<li><a href="/ad/{0}">An old thing number {0}</a> <b>${0}</b> 2026-11-01 <img src=/p/{0}.jpg></li>'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<div>" * 10_000 + "<a href=/x/1>deep</a>", id="deep"),
        pytest.param("<ul>" + "".join(LINK.format(n) for n in range(30_000)) + "</ul>", id="30 000 links"),
        pytest.param("<p>x</p>" * 150_000 + "a" * 2_000_000, id="3 MB"),
        pytest.param("<a " + " ".join(f"x{n}=1" for n in range(50_000)) + " href=/y>z</a>", id="attributes"),
        pytest.param(
            "<p>" + "".join(f"<font a{n}>" for n in range(300)) + "</p>" + "<p>x" * 5_000, id="fonts"
        ),
        pytest.param('<script type="application/ld+json">' + "[" * 100_000, id="deep json"),
        pytest.param("<div itemscope itemprop=a>" * 3_000, id="deep items"),
        pytest.param("<div itemscope itemref=a id=a itemprop=x></div>" * 500, id="items naming themselves"),
        pytest.param("<style>" + ".a{background:url(" * 50_000 + "</style>", id="css"),
        pytest.param("<img srcset='" + ", " * 200_000 + "'>", id="srcset"),
        pytest.param("<div class='" + "a " * 200_000 + "'><a href=/q/1>t</a></div>", id="classes"),
        pytest.param("<a href='" + "/../" * 50_000 + "'>t</a>" * 3, id="long address"),
        pytest.param("<h1>" + "Price: " * 100_000, id="prices"),
        pytest.param("<tr id=post-1>" * 20_000, id="entries"),
    ],
)
def test_a_hostile_page_costs_little_and_raises_nothing_but_bad_page(body: str) -> None:
    began = time.process_time()
    for chosen in (html.Settings(), rules(item="div div a, li", title="a b c")):
        try:
            listing = html.parse(page(body), chosen, NOW)
            assert len(listing.posts) <= 1_000
            html.detail(page(body), Post(post_id="1", url="https://m.example/1"), chosen, NOW)
        except BadPage:
            pass
    assert time.process_time() - began < 12


def test_deep_nesting_does_not_slow_a_long_selector() -> None:
    chosen = rules(item=".x div div div div a")
    began = time.process_time()
    html.parse(page("<div>" * 3_000 + "<a href=/1>t</a>"), chosen, NOW)
    assert time.process_time() - began < 3


def test_selectors_that_count_are_refused_on_giant_pages() -> None:
    with pytest.raises(BadPage, match="nth"):
        html.parse(page("<ul>" + "<li>x</li>" * 20_000), rules(item="li:nth-child(2)"), NOW)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_posts_or_bad_page(body: bytes) -> None:
    for answer in (body, b"<ul><li><a href=/1>" + body + b"</a><li><a href=/2>x</a></ul>"):
        try:
            html.parse(page(answer), html.Settings(), NOW)
            html.detail(page(answer), Post(post_id="1", url="https://m.example/1"), html.Settings(), NOW)
            html.recognise(page(answer), NOW)
        except BadPage:
            pass


PIECES = st.sampled_from(
    ["<a href=/t/1>", "</a>", "<li>", "<tr>", "<td>", "<table>", "<div class='post author price date'>", "</div>", "<time datetime='x'>", "2h ago", "$5",
     "<img src=a.jpg srcset='b.jpg 2x'>", "<script type=application/ld+json>", '{"@type":["Product"],"offers":[{"price":{}}],"url":[1]}', "</script>",
     "<p itemscope itemtype=x/Product itemref=q>", "<b itemprop=name id=q>", "<base href='http://['>", "<a href='http://[::1'>", "<a href='//'>", "<style>.a{background:url(x)}</style>",
     "<meta property=og:image content=x>", "<template>", "<select>", "<noscript>", "\x00", "\ud800", "<svg>", "<!--", "-->", "<picture>", "<source srcset=,>"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_any_mixture_of_markup_gives_posts_or_bad_page(pieces: list[str]) -> None:
    body = "".join(pieces).encode("utf-8", "surrogatepass")
    try:
        html.parse(page(body), html.Settings(), NOW)
        html.parse(page(body), rules(item="li", price="b"), NOW)
        html.detail(page(body), Post(post_id="1", url="https://m.example/1"), html.Settings(), NOW)
    except BadPage:
        pass


def test_css_is_checked_before_a_page_is_seen() -> None:
    for css in ("li.ad", "ul > li:not(.x)", "a[href^='/t/'] b", "div:has(img)"):
        check_css(css)
    with pytest.raises(ValueError, match=":has"):
        check_css("div:has(a:has(b c d))")
