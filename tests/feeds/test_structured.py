"""JSON-LD, microdata and OpenGraph: whole and broken, and what they mean for a post."""

# ruff: noqa: E501  pages as sites write them
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import structured as bench
from tests.feeds.pages import NOW
from watchers.reading.facts import Page
from watchers.reading.jsonld import read
from watchers.reading.structured import structured
from watchers.reading.things import described_posts

HOME = "https://m.example/list"
ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / bench.ARCHIVE


def ld(script: str) -> list[object]:
    return list(structured(f'<script type="application/ld+json">{script}</script>').json_ld)


@pytest.mark.parametrize(
    "script",
    [
        '{"name": "a"}',
        '{"name": "a",}',
        '{"name": "a"};',
        '{"name": "a"}}',
        '// comes\n{"name": "a"}',
        '/* comes */ {"name": /* here */ "a"}',
        '<!-- comes -->\n{"name": "a"}',
        '<!--\n{"name": "a"}\n-->',
        '<![CDATA[{"name": "a"}]]>',
        '//<![CDATA[\n{"name": "a"}\n//]]>',
        "{&quot;name&quot;:&quot;a&quot;}",
        '\ufeff{"name": "a"}',
        '[{"name": "a"}]',
        '{"name": "a"} and words',
    ],
)
def test_json_ld_that_is_not_quite_json_is_read(script: str) -> None:
    assert ld(script) == [{"name": "a"}]


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ('{"name": "a\nb\tc"}', "a\nb\tc"),
        (r'{"name": "Bob\'s"}', "Bob's"),
        (r'{"name": "c:\dir"}', "c:\\dir"),
        (r'{"name": "http://x/ // no comment"}', "http://x/ // no comment"),
        ('{"name": "a, ] and , }",}', "a, ] and , }"),
        ('{"name": "Tom &amp; Co"}', "Tom &amp; Co"),
    ],
)
def test_words_within_json_ld_are_not_taken_for_mistakes(script: str, name: str) -> None:
    assert ld(script) == [{"name": name}]


@pytest.mark.parametrize(
    "script", ["", "null", "[", '{"name":', "hello", "[" * 5_000, "{" * 5_000 + "}" * 5_000, "1", "NaN"]
)
def test_what_cannot_be_read_is_left_out(script: str) -> None:
    assert ld(script) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_script_is_read_or_left_out(script: str) -> None:
    read(script)
    structured(
        f"<script type='application/ld+json'>{script}</script><p itemscope itemtype='{script}' itemref='{script}'><b itemprop=a>"
    )


def test_several_values_in_one_script_are_all_read() -> None:
    assert ld('{"name": "a"}{"name": "b"}') == [{"name": "a"}, {"name": "b"}]


def test_an_item_that_names_itself_ends() -> None:
    found = structured("<div itemscope id=a itemref=a itemprop=x><b itemprop=y>1</b></div>").microdata
    assert json.dumps(found)


def test_a_listing_told_in_json_ld_gives_posts_with_all_fields() -> None:
    item = {
        "@type": "Product", "name": "Comb", "url": "/ad/7?utm_source=x", "description": "<p>Old &amp; fine</p>",
        "image": [{"@type": "ImageObject", "contentUrl": "/p/7.jpg"}, "/p/8.jpg"],
        "offers": {"@type": "Offer", "price": 120, "priceCurrency": "USD", "seller": {"@type": "Person", "name": "Lan"},
                   "availableAtOrFrom": {"address": {"addressLocality": "Hanoi", "addressCountry": "VN"}}},
        "datePublished": "2026-11-24T10:00:00+07:00",
    }  # fmt: skip
    graph = {"@graph": [{"@type": "BreadcrumbList", "itemListElement": [{"@type": "ListItem", "item": {"@id": "/c", "name": "C"}}]},
                        {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": item}]}]}  # fmt: skip
    (post,) = described_posts(
        structured(f"<script type='application/ld+json'>{json.dumps(graph)}</script>", HOME),
        Page(base=HOME, now=NOW),
        HOME,
    )
    assert (post.post_id, post.url, post.title, post.text) == (
        "/ad/7",
        "https://m.example/ad/7",
        "Comb",
        "Old & fine",
    )
    assert (post.price, post.seller, post.location) == ("120 USD", "Lan", "Hanoi, VN")
    assert [p.url for p in post.pictures] == ["https://m.example/p/7.jpg", "https://m.example/p/8.jpg"]
    assert post.posted_at is not None
    assert post.posted_at.isoformat() == "2026-11-24T03:00:00+00:00"


def test_microdata_of_forum_postings_gives_posts() -> None:
    rows = "".join(
        f"<article itemscope itemtype='https://schema.org/DiscussionForumPosting'><a itemprop=url href=/t/x/{n}><b itemprop=headline>Horn {n}</b></a>"
        f"<span itemprop=author itemscope itemtype='https://schema.org/Person'><i itemprop=name>bo{n}</i></span></article>"
        for n in (1, 2)
    )
    posts = described_posts(structured(rows, HOME), Page(base=HOME, now=NOW), HOME)
    assert [(p.post_id, p.title, p.seller) for p in posts] == [
        ("/t/1", "Horn 1", "bo1"),
        ("/t/2", "Horn 2", "bo2"),
    ]


def test_menus_breadcrumbs_and_the_page_itself_are_no_posts() -> None:
    things = [
        {"@type": "WebSite", "url": "https://m.example/", "name": "M"},
        {"@type": "SiteNavigationElement", "url": ["/a", "/b"], "name": ["A", "B"]},
        {"@type": "Product", "name": "Only the page", "url": HOME},
        {"@type": "Organization", "url": "/org", "name": "O"},
    ]
    page = f"<script type='application/ld+json'>{json.dumps(things)}</script>"
    assert described_posts(structured(page, HOME), Page(base=HOME, now=NOW), HOME) == ()


def test_the_public_collection_is_read_as_expected() -> None:
    if not ARCHIVE.is_file():
        pytest.skip(f"{ARCHIVE.name} is not there")
    result = bench.run(["--data", str(ARCHIVE)])
    assert result.met, result


def test_reading_structured_data_imports_neither_extruct_nor_rdflib() -> None:
    code = (
        "import sys, watchers.feeds.html, watchers.trial\n"
        "print(sorted({'rdflib', 'extruct', 'lxml', 'dateparser', 'rich', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
