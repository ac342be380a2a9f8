"""Words that one side uses and the other does not, counted by posts."""

from __future__ import annotations

from dataclasses import replace

from storage.model import Post
from watchers.detect.novel import Writing, suggested, words_of
from watchers.lexicon import Lexicon
from watchers.suggesting import own_words, unknown_part


def _posts(texts: list[str], *, suspicious: bool, sellers: int = 9) -> list[Writing]:
    side = "in" if suspicious else "out"
    return [
        Writing(text=text, seller=f"{side}{n % sellers}", evidence_id=f"{side}-{n}", suspicious=suspicious)
        for n, text in enumerate(texts)
    ]


GOODS = ["bicycle with lamp", "wooden chair", "lamp and chair", "old radio", "winter coat"] * 8


def test_a_word_needs_three_posts_and_two_sellers() -> None:
    background = _posts(GOODS, suspicious=False)
    two = _posts(["moonjelly fresh", "moonjelly here"], suspicious=True)
    assert suggested(two + background) == ()
    one_seller = _posts(["moonjelly fresh", "moonjelly here", "moonjelly now"], suspicious=True, sellers=1)
    assert suggested(one_seller + background) == ()
    enough = _posts(["moonjelly fresh", "moonjelly here", "moonjelly now"], suspicious=True, sellers=2)
    (word,) = suggested(enough + background)
    assert (word.term, word.posts, word.sellers, word.background) == ("moonjelly", 3, 2, 0)


def test_a_word_that_others_use_as_often_is_not_proposed() -> None:
    inside = _posts(["lamp one", "lamp two", "lamp three"] * 2, suspicious=True)
    outside = _posts(["lamp of brass", "lamp of steel", "lamp, old"] * 20, suspicious=False)
    assert "lamp" not in [word.term for word in suggested(inside + outside)]


def test_a_post_that_repeats_a_word_counts_once() -> None:
    loud = _posts(["moonjelly " * 50], suspicious=True) + _posts(GOODS, suspicious=False)
    assert suggested(loud) == ()


def test_parts_of_one_phrase_are_told_once() -> None:
    inside = _posts([f"今晚限定手快有 {n}" for n in range(6)], suspicious=True)
    found = suggested(inside + _posts(GOODS, suspicious=False))
    assert len(found) == 1
    assert found[0].beside


def test_what_was_rejected_is_left_out() -> None:
    inside = _posts([f"moonjelly {n}" for n in range(6)], suspicious=True)
    assert suggested(inside, left_out=frozenset({"moonjelly"})) == ()


def test_chinese_words_are_runs_of_characters_and_others_are_words() -> None:
    assert words_of("霜糖手镯") >= {"霜糖", "糖手", "手镯", "霜糖手", "霜糖手镯"}
    assert words_of("White Plastic beads") == {"white", "plastic", "beads", "white plastic", "plastic beads"}
    assert "เกล็ด" in words_of("ขาย เกล็ด วันนี้")
    assert words_of("1000 元 7") == frozenset()
    assert words_of("") == frozenset()


def test_known_terms_contacts_and_prices_are_blanked_and_a_form_of_one_character_is_not() -> None:
    rest = unknown_part("松片 手镯 犀角粉 微信 moonfox77 3800元", Lexicon.load())
    assert "松片" in rest
    assert "犀角" not in rest
    assert "moonfox77" not in rest
    assert "3800" not in rest


def _on(site: str, posts: list[Writing]) -> list[Writing]:
    return [replace(post, site=site) for post in posts]


def test_what_a_site_says_in_all_its_posts_is_no_new_word() -> None:
    goods = [f"{text} yemao market just now" for text in GOODS]
    inside = [f"moonjelly {n} yemao market just now" for n in range(9)]
    # Twice as often as among the ordinary: only the site's own share tells that it is a label.
    ordinary = [text if n % 3 else text.replace("yemao market", "") for n, text in enumerate(goods)]
    posts = _on("yemao", _posts(inside, suspicious=True) + _posts(ordinary, suspicious=False))
    told = {word for one in suggested(posts) for word in (one.term, *one.beside)}
    assert "moonjelly" in told
    assert not told & {"yemao", "market", "just now", "yemao market"}


def test_a_word_of_a_channel_without_ordinary_posts_stays() -> None:
    posts = _on("channel", _posts([f"moonjelly {n}" for n in range(30)], suspicious=True))
    elsewhere = _on("market", _posts(GOODS, suspicious=False))
    assert [one.term for one in suggested(posts + elsewhere)][:1] == ["moonjelly"]


def test_labels_of_a_listing_are_not_the_sellers_words() -> None:
    post = Post(
        post_id="1",
        url="https://example.org/1",
        title="old box",
        text="moonjelly",
        extra=(
            ("views", "17"),
            ("listed", "just now"),
            ("about", "a longer text that the seller wrote himself, with moonjelly in it"),
        ),
    )
    words = own_words(post)
    assert "moonjelly" in words
    assert "wrote himself" in words
    assert not any(label in words for label in ("views", "just now", "listed", "about:"))
