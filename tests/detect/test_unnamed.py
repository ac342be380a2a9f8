"""A piece of which nobody says what it is made of: told beside a known account or a wish for silence only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from storage.model import Post, Tier, Verdict
from tests.detect.posts import match, shipped
from watchers.detect.history import Past, history_reasons
from watchers.detect.score import judge
from watchers.second_look import suspicious

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
PAST = history_reasons([Past(post_key="a", at=NOW)], NOW)

UNKNOWN = [
    "雪条 手镯,一手,微信 abcdef123",
    "cobalt bangle, $300, tonight only",
    "雪条 vòng tay. chỉ tối nay. 300k. Zalo 0912345678",
    "雪条 gelang. Rp 300rb. WA 081234567890",
    "雪条 กำไล. 300 บาท. LINE id abcdef1",
    "雪条 根付 30000円 LINE abcdef1",
]
"""Adverts with a code word that no lexicon holds."""
SILENCE = [
    "雪条 手镯,不问问题,¥300",
    "cobalt bangle, discreet shipping, $300",
    "雪条 vòng tay. giao dịch kín đáo. 300k",
    "雪条 gelang. dijamin rahasia. Rp 300rb",
    "雪条 กำไล. ส่งเงียบๆ. 300 บาท",
    "雪条 根付 秘密厳守 30000円",
]
PARTED = [
    "雪\u200b条 手镯,一手,¥300",
    "雪\ufe0f条 กำไล. 300 บาท",
    "雪\u00ad条 印章,手快有,HK$3988",
    "co\u2060balt bangle, $300",
    "冰\u00ad钻 印章,今晚限定,手快有,HK$3988",
]


def of(text: str, *, known: bool = False, title: str = "") -> Verdict:
    post = Post(post_id="1", url="https://example.org/1", title=title, text=text)
    return judge(post, (), (), shipped(), 22, history=PAST if known else ())


@pytest.mark.parametrize("text", UNKNOWN)
def test_a_piece_of_a_known_account_is_told_and_of_any_other_not(text: str) -> None:
    told = of(text, known=True)
    assert told.tier is Tier.NORMAL
    assert any(reason.what == "names a piece and not what it is made of" for reason in told.reasons)
    assert of(text).tier is Tier.NONE


@pytest.mark.parametrize("text", SILENCE)
def test_a_piece_for_which_silence_is_asked_is_told(text: str) -> None:
    assert of(text).tier is Tier.NORMAL


@pytest.mark.parametrize("text", PARTED)
def test_a_piece_beside_a_word_parted_unseen_is_told(text: str) -> None:
    found = of(text)
    assert found.tier is Tier.NORMAL
    assert any(reason.what == "a word parted by characters that nobody sees" for reason in found.reasons)


@pytest.mark.parametrize(
    "text",
    [
        "silver bangle, discreet shipping, $300",
        "翡翠 手镯,不问问题,¥300",
        "vòng tay gỗ. giao dịch kín đáo. 300k",
        "my bangle, so discreet",
        "perfume, discreet shipping, $300",
        "九成新 沙发,不问问题,¥300",
        "กำไล\u200bสวย\u200bมาก 300 บาท",
        "extra\u00adordinary bangle, $300",
        "❤\ufe0f手镯 ¥300",
    ],
)
def test_ordinary_material_and_ordinary_layout_say_nothing(text: str) -> None:
    assert of(text).tier is Tier.NONE


def test_a_sofa_and_a_wooden_bangle_of_a_known_account_are_quiet() -> None:
    assert of("宜家沙发,搬家出,可小刀,¥300,微信 abcdef123", known=True).tier is Tier.NONE
    assert of("核桃 手串,¥300,微信 abcdef123", known=True).tier is Tier.NONE


def test_without_a_word_that_is_known_it_is_never_loud() -> None:
    everything = "雪\u200b条 手镯,不问问题,懂的来,¥300,价格面议,今晚出,微信 abcdef123,QQ 12345678"
    for known in (False, True):
        found = of(everything, known=known)
        assert found.tier is Tier.NORMAL
        assert sum(reason.weight for reason in found.reasons if reason.weight > 0) - 4 > 1


def test_beside_a_known_picture_it_takes_nothing_away() -> None:
    post = Post(post_id="1", url="https://example.org/1", text=UNKNOWN[0])
    assert judge(post, (), (match(0),), shipped(), 22).tier in (Tier.HIGH, Tier.URGENT)
    assert judge(post, (), (match(8),), shipped(), 22).tier is Tier.NORMAL


def test_its_pictures_are_looked_at_before_those_beside_ordinary_words() -> None:
    def is_asked(text: str, *, known: bool = False) -> bool:
        post = Post(post_id="1", url="https://example.org/1", text=text)
        return suspicious(post, of(text, known=known))

    assert is_asked(UNKNOWN[0])
    sofa = "宜家三人位布艺沙发,搬家出,可小刀,功能正常,有使用痕迹,¥300,微信 abcdef123"
    assert not is_asked(sofa)
    assert is_asked(sofa, known=True)


DEAR = [
    "雪条 佛珠,800元/克,微信 abcdef123",
    "cobalt bangle, $40/g, telegram @abcdef",
    "雪条 gelang. Rp 300rb/gram. WA 081234567890",
]
SIGNED = ["雪-条 手镯,今晚限定,¥300", "雪·条 印章,手快有,HK$3988", "雪*条 佛珠 电话 18952241078"]
SUGARED = ["松糖 かんざし。秘密厳守、早い者勝ち。¥4876", "雪糖 手镯,不问问题,¥300"]


@pytest.mark.parametrize("text", DEAR + SIGNED + SUGARED)
def test_a_piece_sold_by_the_gram_or_under_a_parted_or_edible_name_is_told(text: str) -> None:
    assert of(text).tier is Tier.NORMAL


@pytest.mark.parametrize(
    "text",
    [
        "蜜蜡 佛珠,80元/克,微信 abcdef123",
        "silver bangle, $2/g, telegram @abcdef",
        "手镯 A-B 两款,¥300,微信 abcdef123",
        "冰糖 手镯,¥300,微信 abcdef123",
        "北京-上海 顺丰 手镯 ¥300",
    ],
)
def test_a_named_material_or_a_range_is_nothing_to_be_told_for(text: str) -> None:
    assert of(text).tier is Tier.NONE
