"""Which repeated structure of a page is taken for its posts, and which never."""

# ruff: noqa: E501  pages as sites write them
from __future__ import annotations

import pytest

from tests.feeds.pages import NOW
from watchers.reading.cards import cards
from watchers.reading.facts import Page, facts_of
from watchers.reading.markup import parse_html
from watchers.reading.prices import price_in
from watchers.reading.zones import noise

HOME = "https://m.example/market"
POSTS = "".join(
    f'<div class=row><a href="/ad/{n}"><b>Old carved thing {n}</b></a><span>${n}00</span><span>{n} hours ago</span></div>'
    for n in range(1, 6)
)
CLOUD = "".join(
    f'<a href="/tag/word{n}" style="font-size:{n}pt">longer word number {n}</a> ' for n in range(60)
)
MENU = "".join(f'<li><a href="/c/part{n}">A part of the market {n}</a></li>' for n in range(40))
PAGER = "".join(f'<a href="?page={n}">{n}</a>' for n in range(2, 40))
ANSWERS = "".join(
    f'<li><a href="/u/user{n}">user{n}</a> answered <a href="/ad/9{n}#last">Another thing of old {n}</a></li>'
    for n in range(9)
)


def ids(body: str) -> list[str]:
    return [post.post_id for post in cards(parse_html(body), Page(base=HOME, now=NOW), HOME).posts]


WANTED = [f"/ad/{n}" for n in range(1, 6)]


@pytest.mark.parametrize(
    "around",
    [
        pytest.param(f"<ul>{MENU}</ul>{{}}", id="a menu without any mark"),
        pytest.param(f"<nav><ul>{MENU}</ul></nav>{{}}", id="a menu"),
        pytest.param(f"{{}}<div class=tagcloud>{CLOUD}</div>", id="a tag cloud"),
        pytest.param(f"{{}}<div>{CLOUD}</div>", id="a tag cloud without any mark"),
        pytest.param(f"{{}}<p>{PAGER}</p>", id="page numbers without any mark"),
        pytest.param(f"{{}}<aside><ul>{ANSWERS}</ul></aside>", id="a side column"),
        pytest.param(
            f"{{}}<div class='widget recent-comments'><ul>{ANSWERS}</ul></div>", id="recent answers"
        ),
        pytest.param(
            f"{{}}<section class=related-items>{POSTS.replace('/ad/', '/ad/7')}</section>",
            id="related things",
        ),
        pytest.param(f"<main>{{}}</main><footer>{CLOUD}</footer>", id="a footer"),
    ],
)
def test_what_surrounds_the_posts_never_wins(around: str) -> None:
    assert ids(around.format(POSTS)) == WANTED


@pytest.mark.parametrize(
    "body",
    [
        f"<nav><ul>{MENU}</ul></nav><h1>About us</h1><p>We are an old firm. See <a href=/shop>our shop</a>.</p>",
        f"<p>{PAGER}</p>",
        "<p>No posts in this market.</p>",
        "<form><a href=/login>Log in</a><a href=/register>Register here</a></form>",
    ],
)
def test_a_page_without_posts_gives_none(body: str) -> None:
    assert ids(body) == []


def test_links_to_the_last_answer_do_not_double_a_post() -> None:
    rows = "".join(
        f"<tr><td><a href='/viewtopic.php?t={n}'>Topic of some length {n}</a> <a href='/viewtopic.php?t={n}&start=20'>2</a></td>"
        f"<td><a href='/viewtopic.php?t={n}&p=9{n}#p9{n}'>Yesterday</a> by <a href='/memberlist.php?u=4'>zed</a></td></tr>"
        for n in range(1, 5)
    )
    assert ids(f"<table>{rows}</table>") == [f"/viewtopic.php?t={n}" for n in range(1, 5)]


def test_pinned_posts_in_a_list_of_their_own_count_too() -> None:
    pinned = '<section><div><p><a href="/ad/77">Pinned carved thing here</a></p></div></section>'
    assert ids(pinned + POSTS) == ["/ad/77", *WANTED]


def test_a_single_post_is_found() -> None:
    one = '<main><article><h2><a href="/ad/1">The only carved thing</a></h2><b>$5</b> <time datetime="2026-11-24">today</time></article></main>'
    assert ids(one) == ["/ad/1"]


def test_titles_come_from_the_card_when_its_link_says_only_more() -> None:
    rows = "".join(
        f"<li><h3>Carved thing {n}</h3><p>Words that tell of it at length.</p><a href=/ad/{n}>Read more</a></li>"
        for n in (1, 2, 3)
    )
    found = cards(parse_html(f"<ul>{rows}</ul>"), Page(base=HOME, now=NOW), HOME).posts
    assert [post.title for post in found] == ["Carved thing 1", "Carved thing 2", "Carved thing 3"]


def test_a_shortened_title_is_read_whole_from_its_attribute() -> None:
    rows = "".join(
        f'<li><a href=/ad/{n} title="A carved thing from far away {n}">A carved thing fr...</a> $3</li>'
        for n in (1, 2)
    )
    found = cards(parse_html(f"<ul>{rows}</ul>"), Page(base=HOME, now=NOW), HOME).posts
    assert found[0].title == "A carved thing from far away 1"


def test_the_author_and_time_of_the_last_answer_are_not_the_posts() -> None:
    tree = parse_html(
        "<div id=r><a class=username href=/u/1>maker</a><time datetime='2026-11-20T10:00Z'>a</time>"
        "<div class=lastpost><a class=username href=/u/2>other</a><time datetime='2026-11-24T10:00Z'>b</time></div></div>"
    )
    facts = facts_of(tree.css("#r"), None, Page(base=HOME, now=NOW))
    assert facts.seller == "maker"
    assert facts.posted_at is not None
    assert facts.posted_at.day == 20


def test_the_main_part_is_no_noise_whatever_its_name() -> None:
    tree = parse_html(
        "<div class='with-sidebar nav-wrapper'><main><h1>x</h1></main></div><div class=sidebar-box>s</div><i class=navy>n</i>"
    )
    marked = {node.attributes.get("class") for node in tree.css("[class]") if node.mem_id in noise(tree)}
    assert marked == {"sidebar-box"}


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("£47.82", "£47.82"), ("US$ 1,200 / kg", "US$ 1,200 / kg"), ("1.500.000 đ", "1.500.000 đ"), ("价格：3500元", "3500元"),
        ("KSh 25,000", "KSh 25,000"), ("Rp 1.500.000", "Rp 1.500.000"), ("35万元", "35万元"), ("$12k obo", "$12k"),
        ("tel 0712345678", ""), ("12:30 EUR meeting", ""), ("in 2024 $5", "$5"), ("NT$1000", "NT$1000"),
    ],
)  # fmt: skip
def test_prices_are_found_as_written(text: str, price: str) -> None:
    assert price_in(text) == price
