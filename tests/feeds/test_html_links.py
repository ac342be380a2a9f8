"""Addresses reduced to the post they name."""

# ruff: noqa: E501  pages as sites write them
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchers.reading.links import absolute, post_id, tidy_url

HOME = "https://f.example/list"
SAME = [
    ["/t/some-title/12/34?u=bob", "/t/other-title/12", "/t/12", "/t/some-title/12/last/"],
    ["/topic/12/slug/34", "/topic/12-slug", "/topic/12-new-slug/?do=getLastComment", "/topic/12/slug#p9"],
    ["/d/12-slug/34", "/d/12", "/d/12-other"],
    ["/threads/slug-thing.12/page-3#post-45", "/threads/slug.12/latest", "/threads/12/unread"],
    ["/viewtopic.php?f=2&t=7&sid=abcdef0123456789abcdef0123456789", "/viewtopic.php?t=7&start=20", "/viewtopic.php?t=7&p=9#p9"],
    ["/showthread.php?tid=7&action=lastpost", "/showthread.php?tid=7&pid=3#pid3", "/showthread.php?tid=7&page=2"],
    ["/forum.php?mod=viewthread&tid=99&extra=page%3D1", "/forum.php?mod=redirect&tid=99&goto=lastpost#lastpost"],
    ["/thread-99-1-1.html", "/thread-99-lastpost.html", "/thread-99.html"],
    ["/index.php?topic=12.msg34#new", "/index.php?topic=12.0", "/index.php?topic=12.15;wap2"],
    ["/index.php?threads/slug.7/", "/index.php?threads/other.7/page-2"],
    ["/forum/forum/flea-3/topic/old-title-12/", "/forum/forum/flea-3/topic/new-title-12/?post=9#9", "/forum/forum/moved-4/topic/新-12/"],
    ["/catalogue/old-name_209/", "/catalogue/new-name_209/"],
    ["/2026/05/my-post/", "/2026/05/my-post/#comments", "/2026/05/my-post/?utm_source=x&fbclid=y", "/2026/05/my-post/amp/"],
    ["/ad;jsessionid=ABC/5", "/ad/5/", "/ad/5?ref=home", "http://www.f.example/ad/5"],
    ["/item?id=5", "/item?id=5&goto=news", "/item?goto=news&id=5&page=2"],
    ["/forums/topic/horn/", "/forums/topic/horn/page/2/", "/forums/topic/horn/#post-12"],
]  # fmt: skip
OTHER = [
    ("/product/14-inch-laptop/", "/product/14-foot-boat/"),
    ("/forums/topic/0712345678-horn/", "/forums/topic/0712345678-tusk/"),
    ("/forum/topic/horn-2024/", "/forum/topic/tusk-2024/"),
    ("/2026/05/one/", "/2026/05/two/"),
    ("/?p=12", "/?p=13"),
    ("/watch?v=abc", "/watch?v=abd"),
    ("/index.php?page=item&id=5", "/index.php?page=item&id=6"),
    ("/#!/ad/12", "/#!/ad/13"),
    ("/a?ref=A1234", "/a?ref=A1235"),
    ("/t/1", "/t/2"),
    ("https://x.example/a", "https://y.example/a"),
]


@pytest.mark.parametrize("links", SAME, ids=lambda v: v[0])
def test_all_links_to_a_post_name_it_alike(links: list[str]) -> None:
    assert len({post_id(absolute(HOME, link), HOME) for link in links}) == 1


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_links_to_different_posts_are_never_joined(one: str, two: str) -> None:
    assert post_id(absolute(HOME, one), HOME) != post_id(absolute(HOME, two), HOME)


def test_trackers_sessions_and_fragments_leave_an_address() -> None:
    url = "https://f.example/a;jsessionid=1?id=5&utm_source=x&sid=abc&s=0123456789abcdef0123#p7"
    assert tidy_url(url) == "https://f.example/a?id=5"
    assert tidy_url("https://f.example/#!/ad/12") == "https://f.example/#!/ad/12"


@pytest.mark.parametrize(
    "link",
    [
        "",
        "#top",
        "javascript:void(0)",
        "mailto:a@b.c",
        "data:x",
        "http://[::1",
        "http://a:0/",
        "ftp://x/y",
    ],
)
def test_what_leads_to_no_page_is_no_address(link: str) -> None:
    assert absolute(HOME, link) == ""


@given(st.text(max_size=80))
def test_any_link_is_reduced_without_an_error(link: str) -> None:
    url = absolute(HOME, link)
    assert isinstance(post_id(url or link, HOME), str)
    assert isinstance(tidy_url(url or link), str)
