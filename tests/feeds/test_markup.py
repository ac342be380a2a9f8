from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from watchers.reading.markup import parse_html, tamed
from watchers.reading.text import clean, plain, text_of, tidy


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("Example <b>Atom</b>", "Example Atom"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<div><div>one</div>two</div>three", "one\ntwo\nthree"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "1 2"),
        ("<pre>x\n  y</pre>", "x\ny"),
        ("good<script>bad()</script><style>p{}</style> text", "good text"),
        ("tea &amp; ivory &#x8c61;&nbsp;!", "tea & ivory 象 !"),
        ("no markup &lt;b&gt;", "no markup <b>"),
        ('<img class="emoji" alt="😀"><img alt="photo">', "😀"),
        ("a \n\n b", "a b"),
        ("", ""),
        ("&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"),
        ("iv\0o\x0bry", "ivory"),
    ],
)
def test_html_reads_as_a_person_sees_it(markup: str, text: str) -> None:
    assert plain(markup) == text


def test_plain_text_keeps_its_lines() -> None:
    assert tidy(" a  b \r\n\r\n\r\n c\t d ") == "a b\n\nc d"


def test_lone_surrogates_and_controls_are_cleaned() -> None:
    assert clean("a\ud800\x07b\ud83d\ude00") == "a\ufffdb😀"


def test_named_nodes_can_be_left_out_of_the_text() -> None:
    tree = LexborHTMLParser("<div>a<i>b</i>c</div>")
    top, inner = tree.css_first("div"), tree.css_first("i")
    assert top is not None
    assert inner is not None
    assert text_of(top, without=frozenset({inner.mem_id})) == "ac"
    assert text_of(inner) == "b"


def test_an_ordinary_page_is_parsed_as_it_is() -> None:
    page = '<div class="card"><b>x</b><p>y</p></div>' * 400
    assert tamed(page) is page


def test_a_long_ordinary_page_keeps_its_markup() -> None:
    page = '<html><body><svg><path d="M0"/></svg><script>{"a": "<p>"}</script>' + (
        '<div class="card"><a href="/1" title=">">x</a><br><b>y</b></div>\n' * 2000
    )
    assert tamed(page) == page


FONTS = "".join(f"<font size={n}>" for n in range(300))
HOSTILE = {
    "unclosed fonts in every paragraph": "<p>" + FONTS + "</p><p>x</p>" * 100_000,
    "unclosed fonts after fonts": "<p>"
    + "".join(f"<font size={n}>" for n in range(200_000))
    + "<p>x" * 500_000,
    "deep nesting": "<div>" * 1_500_000,
    "deep nesting, then paragraphs": "<div>" * 200_000 + "</p>" * 500_000,
    "deep lists": "<span>" * 200_000 + "<li>" * 500_000,
    "end tags of nothing": "<b>" * 100_000 + "</x>" * 500_000,
    "many attributes": "<a " + " ".join(f"a{n}=1" for n in range(700_000)) + ">",
    "attributes behind a false quote": '<a b"=">" ' + " ".join(f"a{n}" for n in range(700_000)) + ">",
    "attributes that look like tags": ("<a " + " ".join(f"<a{n}" for n in range(400)) + ">") * 2_000,
    "markup in a style that is none": "<svg><style>" + "<div>" * 1_000_000,
    "markup in many such styles": ("<svg><style>" + "<div>" * 3) * 200_000,
    "fonts in a style that is none": "<svg><style>" + FONTS + "</svg>" + "<p>x</p>" * 100_000,
    "open comments": "<!--" * 2_000_000,
    "angles": "<" * 8_000_000,
    "spaces": "<b> </b>" * 1_000_000,
    "entities": "&" * 8_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup_costs_linear_time(name: str) -> None:
    began = process_time()
    text_of(parse_html(HOSTILE[name]).body)
    assert process_time() - began < 4


def test_hostile_markup_keeps_its_words() -> None:
    body = "<p>" + FONTS * 3 + "ivory <i>for</i> sale</p>" + "<p>x</p>" * 30_000
    assert plain(body).startswith("ivory for sale\nx\nx")
    assert plain("<div>" * 5_000 + "deep" + "</div>" * 5_000) == "deep"


@given(st.text(max_size=300))
def test_any_text_becomes_storable_text(markup: str) -> None:
    plain(markup).encode("utf-8")
    tidy(markup).encode("utf-8")


PIECES = st.sampled_from(
    [
        "<b>",
        "</b>",
        "<p>",
        "<svg>",
        "<style>",
        "</style>",
        "<!--",
        "-->",
        "<a x='",
        '">',
        "<td>",
        "x",
        "<script>",
        " =",
        "<",
    ]
)


@settings(max_examples=30, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_taming_loses_no_visible_word_of_balanced_pages(soup: str) -> None:
    page = "<p>before</p>" * 2_100 + soup
    assert plain(page).startswith("before\nbefore")
    text_of(parse_html(page).body).encode("utf-8")


@pytest.mark.parametrize(
    ("row", "before", "after", "what"),
    [
        ("<tr><td>{n}<td><a href=/v?{n}>{n}</a><td><font size=2>x</font>", "<table>", "</table>", "tr a"),
        ("<li><a href=/t/{n}>thing {n}</a><p>some text<br>more", "<ul>", "</ul>", "li a"),
        ("<dt><b>{n}</b><dd><a href=/t/{n}>thing</a><p>text<p>more", "<dl>", "</dl>", "dd a"),
        ("<p><a href=/t/{n}>thing {n}</a><p>text", "<div>", "</div>", "p a"),
    ],
)
def test_old_pages_that_leave_out_their_end_tags_keep_every_row(
    row: str, before: str, after: str, what: str
) -> None:
    page = before + "".join(row.format(n=n) for n in range(1_500)) + after
    assert page.count("<") > 4_000
    assert len(parse_html(page).css(what)) == 1_500
