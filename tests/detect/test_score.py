"""Verdicts: tiers, second signals, what speaks against, pictures, and that all of it is told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.model import Picture, PictureRef, Post, Sha256, Tier
from tests.detect.posts import match, shipped, verdict
from watchers.detect.score import PRIOR, judge, text_of

OPEN = "象牙手镯 老料 懂的来 价格私聊 加微信 abc12345"


def test_an_open_offer_is_urgent_and_says_why() -> None:
    found = verdict(OPEN)
    assert found.tier is Tier.URGENT
    assert found.products == ("ivory",)
    assert found.contacts == ("wechat:abc12345",)
    assert {reason.kind for reason in found.reasons} >= {"term", "contact", "cue"}
    term = next(reason for reason in found.reasons if reason.kind == "term")
    assert (term.span, "tier 3" in term.detail, "view V0" in term.detail) == ("象牙", True, True)


def test_the_score_is_the_logistic_of_the_listed_weights() -> None:
    for text in (OPEN, "ivory lace dress $20", "海关查获象牙"):
        found = verdict(text)
        total = PRIOR + sum(reason.weight for reason in found.reasons)
        assert found.score == round(100 / (1 + math.exp(-total)))


@pytest.mark.parametrize("word", ["XY", "jelly", "🐘", "netsuke", "黄料"])
def test_weak_words_count_only_beside_a_second_signal(word: str) -> None:
    alone = verdict(word)
    assert alone.tier is Tier.NONE
    assert any(reason.weight == 0 and "alone" in reason.detail for reason in alone.reasons)
    assert verdict(f"{word} 懂的来 价格私聊 加微信 abc12345").tier is not Tier.NONE


def test_colours_are_no_goods_even_beside_a_price_and_a_contact() -> None:
    assert verdict("white shirt, black jeans, red cap, all $10 each, dm @shop_12345").tier is Tier.NONE


@pytest.mark.parametrize(
    "text",
    [
        "海关查获象牙12公斤，抓获嫌疑人3名",
        "Customs officers seized rhino horn, two arrested",
        "没有买卖就没有杀害 拒绝购买象牙 保护野生动物",
        "Công an bắt giữ đối tượng buôn bán ngà voi, thu giữ tang vật",
        "ตำรวจจับกุมผู้ต้องหาลักลอบค้างาช้าง ยึดของกลาง",
    ],
)
def test_news_and_appeals_stay_quiet_and_say_why(text: str) -> None:
    found = verdict(text)
    assert found.tier is Tier.NONE
    assert any(reason.kind == "context" and reason.weight <= -1 for reason in found.reasons)


def test_news_wording_does_not_hide_an_offer() -> None:
    assert verdict(f"{OPEN} 海关 新闻 保护动物").tier.rank <= Tier.HIGH.rank


def test_harmless_wording_far_away_does_not_hide_an_offer() -> None:
    text = "raw ivory tusk for sale, 3 kg, whatsapp +254 712 345 678, serious buyers only, cash please. "
    padded = text + "Also gives away many old things from the house and garden. Ivory coast, wedding dress."
    assert verdict(padded).tier.rank <= Tier.HIGH.rank


@pytest.mark.parametrize(
    "text",
    [
        "仿象牙观音 树脂 摆件 加微信 abc12345 88元 包邮",
        "Faux ivory bangle, resin, $18, whatsapp +1 202 555 0143, for sale",
        "Mammoth ivory pendant, fossil, legal, with CITES papers, $180, call 555-123-4567, for sale",
        "งาช้างเทียม ขาย 300 บาท ไลน์ id: shop99",
    ],
)
def test_replicas_and_papers_are_told_and_stay_below_high(text: str) -> None:
    found = verdict(text)
    assert found.tier.rank >= Tier.NORMAL.rank
    assert any(reason.weight < 0 for reason in found.reasons)
    assert found.products


def test_a_denied_replica_is_no_replica() -> None:
    real = verdict("ivory bangle, not plastic, not resin, $300, whatsapp +1 202 555 0143")
    assert real.tier.rank <= Tier.HIGH.rank
    assert not any("replica" in reason.what for reason in real.reasons)


def test_what_a_seller_belies_is_not_held_back() -> None:
    explained = verdict("mammoth ivory bangle, fossil, $300, whatsapp +1 202 555 0143, for sale")
    belied = verdict(
        "mammoth ivory bangle, fossil, $300, whatsapp +1 202 555 0143, for sale, you know what it is"
    )
    assert explained.tier is Tier.NORMAL
    assert belied.tier.rank <= Tier.HIGH.rank


def test_a_disguise_raises_the_score() -> None:
    assert verdict("i.v.o.r.y bangle $90").score > verdict("ivory bangle $90").score


def test_the_hour_adds_little() -> None:
    night, day = verdict("ivory bangle $90", hour=23).score, verdict("ivory bangle $90", hour=12).score
    assert 0 < night - day <= 6


# --- pictures -----------------------------------------------------------------


def test_a_post_without_text_is_judged_by_its_pictures_alone() -> None:
    picture = Picture(sha256=Sha256("a" * 64), phash="0" * 16)
    post = Post(post_id="1", url="u", pictures=(PictureRef(url="p"),))
    silent = judge(post, (picture,), (), shipped(), 23)
    known = judge(post, (picture,), (match(3),), shipped(), 23)
    assert silent.tier is Tier.NONE
    assert known.tier is Tier.HIGH
    assert any("no text" in reason.what for reason in known.reasons)


def test_likeness_weighs_by_distance_and_by_what_is_known() -> None:
    scores = [verdict("", match(bits)).score for bits in (0, 5, 6, 8, 9)]
    assert scores[0] > scores[1] > scores[2] == scores[3] > scores[4]
    assert verdict("", match(6)).tier is Tier.NORMAL
    assert verdict("wooden bowl for the kitchen", match(6)).tier is Tier.NONE
    assert verdict("", match(1, Tier.NORMAL)).tier is Tier.NORMAL
    assert verdict("", match(1, Tier.NONE)).tier is Tier.NONE
    assert verdict("", match(1, Tier.NONE, known="gallery:tusk.jpg")).tier is Tier.HIGH


def test_a_known_picture_in_an_innocent_text_speaks_more_softly() -> None:
    assert verdict("wooden bowl for the kitchen, $20", match(4)).score < verdict("", match(4)).score


def test_a_known_picture_makes_a_weak_word_count() -> None:
    assert verdict("XY", match(3)).score > verdict("abc", match(3)).score


def test_many_likenesses_are_not_many_proofs() -> None:
    several = [match(3, picture=letter) for letter in "acdef"]
    assert verdict("", *several).score <= 97


def test_pictures_that_could_not_be_compared_are_told() -> None:
    broken = Picture(sha256=Sha256("a" * 64), undecodable="decoder crashed (SIGSEGV)")
    found = judge(Post(post_id="1", url="u", text="old bangle"), (broken,), (), shipped(), None)
    told = next(reason for reason in found.reasons if reason.kind == "picture")
    assert (told.what, told.weight, told.detail) == (
        "1 of 1 pictures could not be compared",
        0.0,
        "decoder crashed (SIGSEGV)",
    )


def test_a_text_too_long_to_be_read_whole_says_so() -> None:
    found = verdict("nothing " * 20_000 + "raw rhino horn for sale, whatsapp +254 712 345 678")
    assert found.tier.rank <= Tier.HIGH.rank
    assert any("head and tail" in reason.what for reason in found.reasons)


# --- laws -----------------------------------------------------------------------


def test_words_are_read_from_title_text_captions_and_fields() -> None:
    post = Post(
        post_id="1",
        url="u",
        title="Old bangle",
        text="Old bangle, see picture",
        pictures=(PictureRef(url="p", alt="ivory"),),
        extra=(("material", "rhino horn"),),
    )
    assert text_of(post).split() == [
        "Old",
        "bangle,",
        "see",
        "picture",
        "ivory",
        "material:",
        "rhino",
        "horn",
    ]
    assert set(judge(post, (), (), shipped(), None).products) == {"ivory", "rhino horn"}


def test_the_seller_s_name_gives_contacts_but_no_terms() -> None:
    found = verdict("old bangle", seller="Ivory Smith vx:abc12345")
    assert (found.products, found.contacts) == ((), ("wechat:abc12345",))


TEXT = st.text(alphabet=st.sampled_from("ivory 象牙 XY 🐘加微信vx123私聊$元\u200b.,\n海关仿"), max_size=80)


@settings(max_examples=150, deadline=None)
@given(
    title=TEXT,
    text=st.one_of(TEXT, st.text(max_size=80)),
    price=TEXT,
    hour=st.one_of(st.none(), st.integers(0, 23)),
)
def test_judging_never_raises_and_gives_the_same_verdict_twice(
    title: str, text: str, price: str, hour: int | None
) -> None:
    post = Post(post_id="1", url="u", title=title, text=text, price=price)
    first = judge(post, (), (), shipped(), hour)
    assert judge(post, (), (), shipped(), hour) == first
    assert 0 <= first.score <= 100


@pytest.mark.parametrize(
    "text",
    [
        "Japanese ivory netsuke of a monkey, signed",
        "Small carved ivory dish, estimate 300-400",
        "Statue of an eagle made of mammoth ivory. Christmas sale, buy now",
        "Just arrived: new mammoth ivory carvings",
    ],
)
def test_a_worked_piece_of_named_ivory_is_told(text: str) -> None:
    assert verdict(text).tier is not Tier.NONE


@pytest.mark.parametrize(
    "text",
    [
        "Mammoth ivory",
        "Vintage ivory linen handkerchief, just in",
        "Black leather sofa and ivory chair",
        "mammoth ivory pendant with papers. used twice. Mumbai",
        "猛犸牙 手镯 合法 带证书,全新未拆封,昆明",
        "Auction of seized rhino horn postponed, government says",
        "Just in: 3 suspects held with elephant tusks",
        "An African ivory exhibition opens at the Met; our website has the dates",
        "ivory miniature dachshund puppies for sale",
    ],
)
def test_a_bare_name_a_colour_papers_and_news_are_not(text: str) -> None:
    assert verdict(text).tier is Tier.NONE


@pytest.mark.parametrize(
    "text",
    ["Legal mammoth ivory carving, certificate, 2600 EUR, just in", "猛犸象牙雕件 附鉴定证书 正规手续 2.6万"],
)
def test_words_of_a_legal_material_are_not_taken_for_another(text: str) -> None:
    assert verdict(text).tier is Tier.NORMAL


@pytest.mark.parametrize(
    "text",
    [
        "19th century ivory carving, pre-1947, with papers, $900",
        "Victorian ivory netsuke with CITES certificate, £250",
        "民国 象牙 有证书 出",
    ],
)
def test_papers_and_age_alone_never_silence_an_offer(text: str) -> None:
    post = Post(post_id="1", url="https://example.org/1", text=text)
    assert judge(post, (), (), shipped(), 22).tier is not Tier.NONE


def test_mammoth_with_papers_stays_quiet() -> None:
    post = Post(post_id="1", url="https://example.org/1", text="猛獁象牙 合法 附證書,九成新,可面交,NT$2020")
    assert judge(post, (), (), shipped(), 22).tier is Tier.NONE


def test_papers_make_nothing_of_what_would_be_quiet_without_them() -> None:
    post = Post(
        post_id="1", url="https://example.org/1", text="antique chair with papers, 19th century, $900"
    )
    assert judge(post, (), (), shipped(), 22).tier is Tier.NONE
