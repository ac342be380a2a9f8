"""Spellings that others tried: escapes, bopomofo, halves of characters, typing errors, hashtags."""

from __future__ import annotations

import pytest

from storage.model import Post, Tier
from storage.text.normal import fold_term
from watchers.detect.score import judge, tier_of
from watchers.detect.terms import find
from watchers.lexicon import Lexicon

LEXICON = Lexicon.load()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("&amp;#35937;&amp;#29273;", "象牙"),
        ("%E8%B1%A1%E7%89%99", "象牙"),
        ("ng%C3%A0%20voi", "ngà voi"),
        (r"\u8c61\u7259", "象牙"),
        ("象\u0332牙\u0332", "象牙"),
        ("犀\u2ec6", "犀角"),
        ("穿山曱", "穿山甲"),
        ("ꓲꓦꓳꓣꓬ", "ivory"),
        ("งๅช้ๅง", "งาช้าง"),
        ("เสื0แกะ", "เสือแกะ"),
        ("слоновая к0сть", "слоновая кость"),
        ("ㄒㄧㄤˋㄧㄚˊ", "xiangya"),
        ("ㄒㄩㄝˋ ㄓ ㄦˊ ㄩㄢˊ", "xue zhi er yuan"),
        ("๓,๕๐๐", "3,500"),
        ("100% 50%", "100% 50%"),
        ("3500руб 20см", "3500руб 20см"),
    ],
)
def test_a_text_is_folded_to_what_people_see(written: str, read: str) -> None:
    assert fold_term(written) == read


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("象ㄧㄚˊ手串", "ivory"),
        ("虎ㄍㄨˇ酒", "tiger bone wine"),
        ("xī niú jiǎo 一支", "rhino horn"),
        ("hǔgǔjiǔ 现货", "tiger bone wine"),
        ("象之牙 手串", "ivory"),
        ("虎の骨", "tiger bone"),
        ("王代王冒 手镯", "hawksbill"),
        ("犀牛角", "rhino horn"),
        ("熊月旦粉", "bear bile"),
        ("rh*no h*rn", "rhino horn"),
        ("pangolni scales", "pangolin scales"),
        ("pangolin scalles", "pangolin scales"),
        ("hawksbil", "hawksbill"),
        ("rhinocerous horn", "rhino horn"),
        ("cuernos de rinoceronte", "rhino horn"),
        ("cornes de rhinoceros", "rhino horn"),
        ("peaux de léopard", "leopard skin"),
        ("tiger's canine", "tiger tooth"),
        ("เกล็ด ลิ่น", "pangolin scales"),
        ("เขี้ยว เสือ", "tiger tooth"),
        ("#pangolinscalesforsale", "pangolin scales"),
        ("#elephantivorycarving", "ivory"),
        ("defenses d'elephant", "ivory"),
        ("чешуя панголина", "pangolin scales"),
        ("بيع قرن وحيد القرن", "rhino horn"),
    ],
)
def test_a_spelling_of_others_is_seen_through(text: str, product: str) -> None:
    found = {product for hit in find(LEXICON, text).hits if not hit.compound for product in hit.term.products}
    assert product in found


@pytest.mark.parametrize(
    "text",
    [
        "#ivorycoasttravel tips",
        "XY-100 电动工具",
        "Donald Tusk speaks",
        "TG: @bikeshop bicycle 300$",
        "Elon Musk pod racing",
        "大象牙膏 实验 套装",
        "穿山甲广告平台",
        "tiger one, elephant two, scales of justice",
        "discount%20code 100%20off",
        "nguo rangi ya pembe za ndovu",
    ],
)
def test_ordinary_words_stay_ordinary(text: str) -> None:
    verdict = judge(Post(post_id="1", url="https://example.org/1", text=text), (), (), LEXICON, 23)
    assert verdict.tier is Tier.NONE
    assert tier_of(verdict.score) is Tier.NONE


def test_a_typing_error_is_weaker_than_the_name_and_many_are_no_disguise() -> None:
    (wrong,) = find(LEXICON, "pangolni scales").hits
    (many,) = find(LEXICON, "cuernos de rinoceronte").hits
    assert (wrong.term.tier, many.term.tier) == (3, 2)
    assert not many.hidden
