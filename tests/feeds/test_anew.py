"""A feed that is read again piece by piece gives what reading it whole gives, or is not read so."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.feedsuite import DATA, NOW, samples
from storage.errors import BadPage
from storage.model import Response
from watchers.feeds import rss
from watchers.memos import Memos
from watchers.pages import ReadListing, read_listing
from watchers.reading.anew import Again, Frame, Memo, read_pieces
from watchers.reading.feedtext import Pieced
from watchers.reading.syndication import Entry

SETTINGS = rss.Settings(page=False)
URL = "http://feeds.example/all"


def page(body: str | bytes) -> Response:
    return Response(
        url=URL,
        requested_url=URL,
        status=200,
        headers=(("Content-Type", "application/rss+xml; charset=utf-8"),),
        body=body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body,
        started_at=NOW,
        first_byte_at=NOW,
        ended_at=NOW,
    )


def whole(answer: Response) -> ReadListing | None:
    try:
        return read_listing("rss", answer, SETTINGS, NOW)
    except BadPage:
        return None


def known_of(read: ReadListing | None) -> dict[str, str]:
    if read is None:
        return {}
    return {post.post_id: print_ for post, print_ in zip(read.listing.posts, read.prints, strict=True)}


def agree(answer: Response, known: dict[str, str], memo: Memo | None) -> Memo | None:
    """Hold both ways of reading against each other; the memo of the new one, None when it stood back."""
    expected = whole(answer)
    found = rss.reread(answer, SETTINGS, NOW, Again(known=known, most_tags=1_500), memo)
    if found is None:
        return None
    listing, prints, memo = found
    assert expected is not None
    assert prints == expected.prints
    assert replace(listing, posts=()) == replace(expected.listing, posts=())
    assert len(listing.posts) == len(expected.listing.posts)
    for short, post, print_ in zip(listing.posts, expected.listing.posts, prints, strict=True):
        assert (short.post_id, short.url) == (post.post_id, post.url)
        if known.get(post.post_id) != print_:
            assert short == post
    return memo


def with_ids(body: bytes) -> bytes:
    """A file of the suite without the comment it opens with, each of its items with an id of its own."""
    body = re.sub(rb"<!--.*?-->", b"", body, count=1, flags=re.DOTALL)
    count = itertools.count()
    body = re.sub(rb"</item>", lambda _: b"<guid>g%d</guid></item>" % next(count), body)
    return re.sub(rb"</entry>", lambda _: b"<id>i%d</id></entry>" % next(count), body)


CHANGES = (
    (b"<channel>", b"<channel><lastBuildDate>Fri, 27 Nov 2026 20:00:00 GMT</lastBuildDate>"),
    (b"</title>", b" x</title>"),
    (b"</item>", b"</item><item><guid>more</guid><title>more</title></item>"),
    (b"</entry>", b"</entry><entry><id>more</id><title>more</title></entry>"),
    (b"item", b"entry"),
)


@pytest.mark.skipif(not DATA.is_file(), reason=f"{DATA.name} is not there")
def test_feedparsers_own_feeds_are_read_alike_twice_and_with_one_change() -> None:
    read = again = 0
    for sample in samples(DATA):
        for body in (sample.body, with_ids(sample.body)):
            answer = replace(sample.response(), body=body)
            memo = agree(answer, {}, None)
            read += memo is not None
            known = known_of(whole(answer)) if memo is not None else {}
            for old, new in CHANGES if memo is not None else ():
                changed = replace(answer, body=new.join(body.rsplit(old, 1)))
                again += agree(changed, known, memo) is not None
    assert read > 700, f"only {read} feeds were read piece by piece"
    assert again > 4 * read


# ruff: noqa: E501, ISC004  hostile feeds read best on one line
ITEMS = (
    "<title>A gun</title><guid>1</guid><description>As new. &lt;b&gt;Bold&lt;/b&gt;</description>",
    "<title>B</title><link>/b</link><guid isPermaLink='false'>2</guid><pubDate>Fri, 27 Nov 2026 20:00:00 GMT</pubDate>",
    "<title><![CDATA[<item> inside </item>]]></title><guid>3</guid>",
    "<title>D</title><guid>4</guid><!-- <item> -->",
    "<title>E</title><guid>1</guid><link>http://x.example/e</link>",
    '<title>F</title><description><![CDATA[<a href="]]></description><guid>6</guid>',
    '<title>G</title><description><![CDATA["> & <p>words</p>]]></description><guid>7</guid>',
    "<title>H</title><item><guid>inner</guid></item>",
    "<title>I</title><guid>9</guid><image><url>http://x.example/i.png</url><title>t</title></image>",
    "<title>J</title><guid>10</guid><source url='http://x.example/'>S</source><author>a@b.example (Ann)</author>",
    "<title>K</title><guid>11</guid><category>c</category><category>c</category><x:price>5</x:price>",
    "<title>L</title><guid>12</guid><unclosed>",
    "<title>M</title><guid>13</guid><language>vi</language><newlocation>http://y.example/</newlocation>",
    "<title>N</title><link>http://x.example/n</link>",
    "<title>O</title>",
    "<title>P</title><guid>15</guid><?pi <item> ?>",
    "<title>Q</title><guid>16</guid><content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'>"
    "<![CDATA[<img src='/q.jpg'> q]]></content:encoded>",
    "<title>R &#x1F52B; &#5;</title><guid>17</guid>",
    "<title>S</title><guid>18</guid><div>div</div><body xmlns='http://www.w3.org/1999/xhtml'><div>x</div></body>",
    "<title>T</title><guid>19</guid></item><item><title>U</title><guid>20</guid>",
    "<title>V</title><guid>21</guid></channel><channel><title>w</title>",
    "<title>X</title><guid>22</guid><media:thumbnail url='/x.jpg'/><media:content url='/y.jpg' medium='image'/>",
    "<title>Y</title><guid>23</guid><textInput><title>t</title><name>n</name></textInput>",
    "<title>Z &copy; &nbsp;</title><guid>24</guid>",
    "<title>1</title><guid>25</guid><contributor><name>C</name></contributor><dc:creator>D</dc:creator>",
    "<title xml:lang='vi' xml:base='http://z.example/'>2</title><link>rel</link><guid>26</guid>",
    "]]><title>3</title><guid>27</guid>",
    "<title>4</title><guid>28</guid><![CDATA[",
    "<title>5</title><guid>29</guid><content type='xhtml'><svg><title>s</title></svg></content>",
)  # fmt: skip
HEADS = (
    "",
    "<title>T</title><link>/l</link>",
    "<lastBuildDate>Fri, 27 Nov 2026 20:00:00 GMT</lastBuildDate><title>T</title>",
    "<lastBuildDate>Fri, 27 Nov 2026 20:00:01 GMT</lastBuildDate><title>T</title>",
    "<title>T <pubDate>Fri, 27 Nov 2026 20:00:00 GMT</pubDate></title>",
    "<title>T <pubDate>Fri, 27 Nov 2026 20:00:09 GMT</pubDate></title>",
    "<title><![CDATA[T <generator>1</generator>]]></title>",
    "<title><![CDATA[T <generator>2</generator>]]></title>",
    "<image><url>/i.png</url><title>I</title></image><author>head@x.example</author>",
    "<generator>one</generator><content>c</content><managingEditor>m</managingEditor>",
    "<generator>two</generator><content>c</content><managingEditor>m</managingEditor>",
    "<!-- <item> --><title>T</title>",
    "<!-- 1 --><title>T</title>",
    "<!-- 2 --><title>T</title>",
    "<title><![CDATA[T <!-- 1 -->]]></title>",
    "<title><![CDATA[T <!-- 2 -->]]></title>",
    "<title>T<!-- 1 --></title><!-- a -- b -->",
    "<title>T<!-- 2 --></title><!-- a -- c -->",
    '<description><![CDATA["]]></description>',
    "<language>vi</language><atom:link rel='next' href='/2'/>",
    "<unclosed><title>T</title>",
)  # fmt: skip
ROOTS = (
    "<rss version='2.0' xmlns:x='http://x.example/ns' xmlns:media='http://search.yahoo.com/mrss/' "
    "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:atom='http://www.w3.org/2005/Atom'><channel>",
    "<rss version='0.91' xml:base='http://b.example/' xmlns:x='y' xmlns:media='z' xmlns:dc='d'><channel>",
    "<?xml version='1.0'?><rss><channel>",
    "<!DOCTYPE rss [<!ENTITY copy 'c'>]><rss><channel>",
)
ENDS = (
    "</channel></rss>",
    "</channel></rss>\n",
    "</channel><!-- 1 --></rss>",
    "</channel><!-- 2 --></rss><!-- a\nb -->",
    "<title>last</title></channel></rss>",
    "</channel>",
    "",
)
feeds = st.builds(
    lambda root, head, items, gap, end: root + head + gap.join(f"<item>{i}</item>" for i in items) + end,
    st.sampled_from(ROOTS) | st.just(ROOTS[0]),
    st.sampled_from(HEADS),
    st.lists(st.sampled_from(ITEMS), max_size=6),
    st.sampled_from(("", "\n", " \u3000", "text")) | st.just(""),
    st.sampled_from(ENDS) | st.just(ENDS[0]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(feeds, min_size=2, max_size=4))
def test_hostile_feeds_in_any_order_are_read_alike(bodies: list[str]) -> None:
    known: dict[str, str] = {}
    memo = None
    for body in bodies:
        memo = agree(page(body), known, memo) or memo
        known = known_of(whole(page(body)))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="<>/item!-[]CDATA\"'& ?x=", max_size=60), st.sampled_from(ITEMS))
def test_an_item_of_odd_characters_is_read_alike(odd: str, other: str) -> None:
    body = f"{ROOTS[0]}<item><guid>a</guid>{{}}</item><item>{other}</item></channel></rss>"
    known = known_of(whole(page(body.format(""))))
    memo = agree(page(body.format("")), {}, None)
    agree(page(body.format(f"<description>{odd}</description>")), known, memo)
    agree(page(body.format(f"<description><![CDATA[{odd}]]></description>")), known, memo)


def test_only_what_is_new_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def feed(*numbers: int, built: str = "20:00:00") -> Response:
        items = "".join(f"<item><title>t{n}</title><guid>g{n}</guid></item>" for n in numbers)
        head = f"<title>T</title><lastBuildDate>Fri, 27 Nov 2026 {built} GMT</lastBuildDate>"
        return page(f"<rss version='2.0'><channel>{head}{items}</channel></rss>")

    read: list[int] = []

    def counting(cut: Pieced, pieces: Sequence[str], frame: Frame) -> tuple[Entry, ...] | None:
        read.append(len(pieces))
        return read_pieces(cut, pieces, frame)

    monkeypatch.setattr(rss, "read_pieces", counting)
    memo = agree(feed(3, 2, 1), {}, None)
    known = known_of(whole(feed(4, 3, 2, 1)))
    del known["g4"]
    memo = agree(feed(3, 2, 1, built="20:00:30"), known, memo)
    memo = agree(feed(4, 3, 2, built="20:01:00"), known, memo)
    assert read == [3, 1]


@pytest.mark.parametrize(
    ("root", "about", "opening"),
    [
        ("<rss version='2.0'><channel>", "<title>T</title><link>http://a.example/</link>", True),
        ("<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='zh'>", "<title>T</title>", True),
        ("<rss version='2.0'><channel>", "<dc:language xmlns:dc='http://purl.org/dc/elements/1.1/'/>", False),
        ("<rss version='2.0'><channel>", "<title><b>T</title><image><url>u</url></image>", False),
        ("<rss version='2.0'><channel>", "<textinput><name>q</name></textinput>", False),
    ],
)
def test_what_a_feed_says_of_itself_is_passed_over_where_it_is_nothing_to_its_items(
    root: str, about: str, *, opening: bool
) -> None:
    """An item is read behind the tags that hold it alone, if these bring the parser into the same state."""
    name = "entry" if "<feed" in root else "item"
    end = "</feed>" if "<feed" in root else "</channel></rss>"

    def feed(*numbers: int) -> Response:
        items = "".join(
            f"<{name}><title>t{n}</title><id>g{n}</id><guid>g{n}</guid></{name}>" for n in numbers
        )
        return page(f"{root}{about}{items}{end}")

    memo = agree(feed(2, 1), {}, None)
    assert (memo.frame.opening if memo is not None else "") == (root if opening else "")
    assert (agree(feed(3, 2, 1), known_of(whole(feed(2, 1))), memo) is not None) == (memo is not None)


def test_a_comment_that_says_how_long_the_page_took_costs_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that keep pages ready write one above or below them, another each time."""

    def feed(took: str) -> Response:
        head, items = f"<title>T</title><!-- {took} -->", "<item><title>t</title><guid>g</guid></item>"
        end = f"</channel></rss>\n<!-- Dynamic page generated in {took} seconds. -->\n<!-- super cache -->\n"
        return page(f"<rss version='2.0'><channel>{head}{items}{end}")

    memo = agree(feed("0.011"), {}, None)
    assert memo is not None
    known = known_of(whole(feed("0.013")))
    monkeypatch.setattr(rss, "decode", None)  # what only a date tells apart is known by its bytes
    found = rss.reread(feed("0.242"), SETTINGS, NOW, Again(known=known, most_tags=1_500), memo)
    assert found is not None
    assert found[2] is memo


def test_a_post_that_was_forgotten_is_given_whole_although_only_the_date_changed() -> None:
    def feed(date: str) -> Response:
        items = "<item><title>t</title><guid>a</guid></item><item><title>u</title><guid>b</guid></item>"
        head = f"<title>T</title><pubDate>{date}</pubDate>"
        return page(f"<rss version='2.0'><channel>{head}{items}</channel></rss>")

    first, second = feed("Fri, 02 Jan 2026 03:04:05 GMT"), feed("Fri, 02 Jan 2026 03:05:05 GMT")
    known = known_of(whole(first))
    memo = agree(first, {}, None)
    assert memo is not None
    del known["b"]
    for dealt in ((), tuple(memo.prints[:1])):  # not the very prints that were read: they are looked up
        again = Again(known=known, dealt=dealt, most_tags=1_500)
        found = rss.reread(second, SETTINGS, NOW, again, memo)
        assert found is not None
        assert [post.title for post in found[0].posts] == ["", "u"]


def test_a_feed_of_too_many_elements_is_not_parsed_on_the_spot() -> None:
    body = "<rss version='2.0'><channel><item><guid>1</guid></item></channel></rss>"
    tags = body.count("<")
    assert rss.reread(page(body), SETTINGS, NOW, Again(known={}, most_tags=tags), None) is not None
    assert rss.reread(page(body), SETTINGS, NOW, Again(known={}, most_tags=tags - 1), None) is None


def test_memos_are_bounded_and_what_cannot_be_read_so_is_tried_ever_more_rarely() -> None:
    memos = Memos(most_items=10)
    body = "<rss><channel>" + "".join(f"<item><guid>{n}</guid></item>" for n in range(4)) + "</channel></rss>"
    memo = agree(page(body), {}, None)
    for name in "abcd":
        memos.keep(name, memo)
    assert memos.items == 8
    assert memos.find("a") == (True, None)
    assert memos.find("d") == (True, memo)
    tries = 0
    for _ in range(100):
        worth, _memo = memos.find("odd")
        if worth:
            tries += 1
            memos.keep("odd", None)
    assert tries == 6


@pytest.mark.parametrize(
    "items",
    [
        "<item xmlns:q='urn:q'><guid>1</guid></item><item><guid>2</guid></item>",
        '<item><guid>1</guid><description><![CDATA[<a href="]]></description></item><item><guid>2</guid></item>',
        "<item><guid>1</guid><title><![CDATA[<item>]]></title></item><item><guid>2</guid></item>",
        "<item><guid>1</guid></item><item><guid>1</guid><link>http://x.example/</link></item>",
    ],
)
def test_items_that_leave_something_behind_are_read_as_a_whole(items: str) -> None:
    answer = page(f"{ROOTS[0]}<title>T</title>{items}</channel></rss>")
    assert whole(answer) is not None
    assert rss.reread(answer, SETTINGS, NOW, Again(known={}, most_tags=1_500), None) is None


def test_a_title_that_holds_a_build_date_is_never_taken_from_before() -> None:
    bodies = [f"{ROOTS[0]}{head}<item><guid>1</guid></item></channel></rss>" for head in HEADS[4:8]]
    for first, second in itertools.pairwise(bodies):
        memo = agree(page(first), {}, None)
        agree(page(second), known_of(whole(page(first))), memo)
