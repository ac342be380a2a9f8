"""Patterns are tried only where they can match; what they find is what `finditer` finds."""

from __future__ import annotations

import re
from random import Random

import pytest

from storage.text import contacts, glyphs, normal, ways
from storage.text.scan import DIGIT, finds
from watchers.detect import money, prices
from watchers.reading import prices as page_prices

PLANS = {
    "email": (ways.EMAIL, ways.AT, ways.EMAIL_REACH),
    "spoken email": (ways.SPOKEN, ways.SPOKEN_AT, ways.SPOKEN_REACH),
    "veiled email": (ways.VEILED, ways.AT, 66),
    "handle": (contacts._HANDLE, contacts._AT_SIGN, 0),
    "phone": (contacts._PHONE, contacts._SIX_DIGITS, contacts._PHONE_REACH),
    "sum": (prices._SUM, DIGIT, money.BEFORE_DIGITS),
    "price": (page_prices._PRICE, DIGIT, page_prices._BEFORE_DIGITS),
    "worded price": (page_prices._WORDED, page_prices._COLON, page_prices._BEFORE_COLON),
    **{f"{kind} {n}": (pattern, cue, 0) for n, (kind, cue, pattern) in enumerate(ways.CUES)},
}
_BITS = """
wechat we chat 微信 薇信 v信 加v +v ➕v vx w x wxid weixin wei telegram telegrm tele tg
电报 line ไลน์ ライン qq qqq q 扣扣 企鹅 zalo zl kakao 카톡 signal viber вайбер wickr
threema ig insta instagram whatsapp whats watsapp wassap wapp wa ws a.b@c.org @
[at] (at) @handle x@y 138 13800138000 (+86) (+1234) +62 812-3456-789 id : = no.
number 号 price asking 价格 giá usd us$ dollars rupees rp. ksh. 元 ¥ $ 1,200
1.200.000 3.8 万 k tr 500 /g abcde abc_12 12345678 0912345678 R 5 kr. the request
online 텔레 텔레그램 テレグラム телега тг تلجرام واتساب вацап zap wpp wsp 加赖 赖: 赖 imo botim снап snapchat
snap: سناب vk: вк: skype: скайп: kik: discord #1234 abc#1234 on telegram w/a w.a v-x インスタ 인스타 인스타:
инста: at  dot  arroba  собака  точка ru com (dot) 【 「 → 👉 🆔 abc.12
"""
BITS = [*_BITS.split(), "m o o n f o x 7 7", "k_i_t_8_8_8", "wechat id - abc_12", "line: h o r n 7 7"]
BITS += [
    "@tusk_99 on telegram",
    "tusk99 at mail dot com",
    "tusk dot m (at) mail (dot) ru",
    "tusk@mail(dot)com",
]
BITS += [
    "signal: tusk.42",
    "imo 0912345678",
    "discord abc#1234",
    "snapchat: tusk99",
    "加q 123456",
    "加v私聊 abc_12",
    "1克300",
    "赖: abc_12",
]


def _texts(count: int) -> list[str]:
    random = Random(7)
    gaps = ("", " ", "", " ", "  ", "\n", ".")
    return [
        "".join(random.choice(BITS) + random.choice(gaps) for _ in range(random.randrange(1, 30)))
        for _ in range(count)
    ]


@pytest.mark.parametrize("name", PLANS)
def test_nothing_is_missed_and_nothing_is_added(name: str) -> None:
    pattern, core, reach = PLANS[name]
    found = 0
    for text in _texts(1_500):
        slow = [match.span() for match in pattern.finditer(text)]
        assert [match.span() for match in finds(pattern, core, reach, text)] == slow, text
        found += len(slow)
    assert found, "no text showed what the pattern finds"


def test_a_match_behind_an_earlier_core_that_leads_nowhere_is_found() -> None:
    pattern = re.compile(r"(?<!\d)ab\d")
    assert [m.span() for m in finds(pattern, DIGIT, 2, "1ab2 3 ab4ab5")] == [(7, 10)]


def test_signs_in_words_are_read_as_letters_as_one_pattern_would() -> None:
    """`_unleet` passes over words without signs; the pattern it stands for goes over every word."""
    letters = r"a-z0-9@$!|€"
    whole = re.compile(rf"(?<![{letters}])(?=[{letters}]*[a-z])[{letters}]{{2,40}}(?![{letters}])")
    random = Random(8)
    for _ in range(3_000):
        text = "".join(random.choice("abi01358@$!|€ .-6é元") for _ in range(random.randrange(60)))
        said = whole.sub(lambda word: word[0].translate(glyphs.LEET), text)
        assert normal._unleet(text) == said


def test_gaps_in_spelled_out_words_are_found_where_the_quick_look_says_so() -> None:
    random = Random(9)
    spelled = 0
    for _ in range(5_000):
        text = "".join(random.choice("abc . -*元é") for _ in range(random.randrange(40)))
        if glyphs.SPELLED.search(text):
            spelled += 1
            assert glyphs.TWO_ALONE.search(text), text
    assert spelled > 100
