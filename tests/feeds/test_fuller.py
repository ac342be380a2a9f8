"""A feed's excerpt with its "continue reading" may be longer than the text it was cut from."""

from __future__ import annotations

import time

import pytest

from tests.feeds.pages import NOW, page
from watchers.feeds import rss
from watchers.reading.fuller import fuller

WHOLE = "Horn cup for sale, write to me at night.\nIn the old town, 900."


@pytest.mark.parametrize(
    "cut",
    [
        "Horn cup for sale, write to me at night. In the old… Continue reading Horn cup for sale, antique",
        "Horn cup for sale, write to me at night. In the old [...]",
        "Horn cup for sale, write to me at night. In the […] The post Horn cup appeared first on Old Town.",
    ],
)
def test_the_text_that_an_excerpt_was_cut_from_is_the_fuller(cut: str) -> None:
    assert fuller([cut, WHOLE]) == fuller([WHOLE, cut]) == WHOLE


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("廣角鏡頭,九成新,可面交,高…", "廣角鏡頭,九成新,可面交,高雄"),  # no longer than its excerpt
        ("Horn cup [...]", "Horn cup, 90"),
        ("高 ……", "高雄"),
    ],
)
def test_of_a_short_text_cut_at_its_very_end_the_whole_is_taken(cut: str, whole: str) -> None:
    """Two posts of a simulated night were kept with the feed's words, though their pages had been read."""
    assert fuller([cut, whole]) == fuller([whole, cut]) == whole


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["short", "a longer text of another kind"], "a longer text of another kind"),
        (["Horn cup for sale… and more of it, a long story of the cup", "Horn cup"], None),
        (["Write to me… please, soon, and then we talk", "Horn cup for sale"], None),
        (["", ""], ""),
        ([], ""),
    ],
)
def test_otherwise_the_longest_is(texts: list[str], wanted: str | None) -> None:
    assert fuller(texts) == (texts[0] if wanted is None else wanted)


def test_a_wordpress_feed_gives_the_content_whole() -> None:
    item = (
        "<item><guid>1</guid><title>Horn cup for sale, antique</title>"
        "<description>Horn cup for sale, write to me at night. In the old&#8230; &lt;a&gt;Continue reading "
        "Horn cup for sale, antique&lt;/a&gt;</description>"
        "<encoded xmlns='http://purl.org/rss/1.0/modules/content/'>"
        "&lt;p&gt;Horn cup for sale, write to me at night.&lt;/p&gt;&lt;p&gt;In the old town, 900.&lt;/p&gt;"
        "</encoded></item>"
    )
    body = f"<rss version='2.0'><channel><title>t</title>{item}</channel></rss>"
    (post,) = rss.parse(page(body, url="https://m.example/feed"), rss.Settings(), NOW).posts
    assert post.text == WHOLE


def test_marks_of_cuts_without_end_cost_little() -> None:
    began = time.process_time()
    fuller(["…" * 200_000, "." * 200_000, " [" * 100_000])
    assert time.process_time() - began < 1
