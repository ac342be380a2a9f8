"""Twenty-six ways to write a known word so that a plain search misses it."""

from __future__ import annotations

import pytest

from tests.detect.posts import shipped
from watchers.detect.hits import Hit
from watchers.detect.terms import find

DISGUISES = {
    "capitals": ("IvOrY", "ivory"),
    "full width": ("ｉｖｏｒｙ", "ivory"),
    "mathematical letters": ("𝓲𝓿𝓸𝓻𝔂", "ivory"),
    "circled letters": ("ⓘⓥⓞⓡⓨ", "ivory"),
    "letters on black squares": ("🅸🆅🅾🆁🆈", "ivory"),
    "regional indicators": ("🇮🇻🇴🇷🇾", "ivory"),
    "small capitals": ("ɪᴠᴏʀʏ", "ivory"),
    "zero width space": ("i\u200bvory", "ivory"),
    "soft hyphen": ("ivo\u00adry", "ivory"),
    "bidi marks": ("iv\u202dory", "ivory"),
    "tag characters": ("iv\U000e0041ory", "ivory"),
    "variation selector": ("象\ufe01牙", "象牙"),
    "struck through": ("i̶v̶o̶r̶y̶", "ivory"),
    "cyrillic letters": ("ivоrу", "ivory"),
    "greek letters": ("ivοrу", "ivory"),
    "traditional characters": ("鶴頂紅", "鹤顶红"),
    "spaces": ("i v o r y", "ivory"),
    "dots": ("i.v.o.r.y", "ivory"),
    "spaced characters": ("象 牙", "象牙"),
    "signs between characters": ("老象*牙手镯", "象牙"),
    "a sign in the word": ("iv*ory", "ivory"),
    "emoji between": ("象🔥牙", "象牙"),
    "digits for letters": ("1v0ry", "ivory"),
    "accents added": ("ívórý", "ivory"),
    "accents dropped": ("nga voi", "ngà voi"),
    "half pinyin": ("xiang牙", "象牙"),
}
MORE = {
    "spelled words with slashes": ("r/h/i/n/o h/o/r/n", "rhino horn"),
    "hyphens": ("r-h-i-n-o-h-o-r-n", "rhino horn"),
    "hashtag": ("#rhinohorn", "rhino horn"),
    "two spaces": ("rhino  horn", "rhino horn"),
    "one word a line": ("象\n牙", "象牙"),
    "thai parted": ("ง.า.ช.้.า.ง", "งาช้าง"),
    "l for i": ("lvory", "ivory"),
    "spelled out accents": ("n.g.à v.o.i", "ngà voi"),
    "emoji for a character": ("🐘牙", "🐘牙"),
    "homophone": ("川山甲", "川山甲"),
    "lone letter parted": ("X-牙", "X牙"),
    "pinyin beside Chinese": ("出 chuanshanjia 干片", "chuanshanjia"),
    "negative circled": ("🅘🅥🅞🅡🅨", "ivory"),
    "hangul filler": ("象\u3164牙", "象牙"),
    "braille blank": ("象\u2800牙", "象牙"),
    "heaped marks": ("i\u0332v\u0332o\u0332r\u0332y\u0332", "ivory"),
    "tag characters alone": ("\U000e0069\U000e0076\U000e006f\U000e0072\U000e0079", "ivory"),
    "an entity of HTML": ("iv&#111;ry", "ivory"),
    "a tag of HTML": ("象<br>牙", "象牙"),
    "full stop between": ("象。牙", "象牙"),
    "one word a line, English": ("rhino\nhorn", "rhino horn"),
    "hyphenated at the line's end": ("rhi-\nno horn", "rhino horn"),
    "stretched": ("ivooooory", "ivory"),
    "letters moved apart": ("rhi no ho rn", "rhino horn"),
    "upside down": ("uɹoɥ ouıɥɹ", "rhino horn"),
    "backwards": ("yrovi", "ivory"),
    "masked vowel": ("rh*no horn", "rhino horn"),
    "homophone of one character": ("项牙", "象牙"),
    "homophones of two": ("穿珊甲", "穿山甲"),
    "numbered tones": ("xiang4ya2", "xiangya"),
    "digits for letters at the ends of words": ("griffe d3 tigr3", "griffe de tigre"),
    "digits for letters in the midst": ("p3mb3 z4 nd0vu", "pembe za ndovu"),
    "initials": ("csj 鳞片", "穿山甲"),
    "half initials": ("穿s甲", "穿山甲"),
    "an emoji for a word": ("🐻胆", "熊胆"),
    "Latin letters in a Cyrillic word": ("бивeнь", "бивень"),
    "conjoining jamo": ("\u1109\u1161\u11bc\u110b\u1161", "상아"),
    "signs between Thai letters": ("งา*ช้าง", "งาช้าง"),
}


def hits_of(text: str) -> tuple[Hit, ...]:
    return find(shipped(), f"new {text} here").hits


def found(text: str, term: str) -> bool:
    return term in [hit.term.text for hit in hits_of(text)]


def test_twenty_six_disguises_are_seen_through() -> None:
    missed = [name for name, (text, term) in DISGUISES.items() if not found(text, term)]
    assert len(DISGUISES) == 26
    assert missed == []


@pytest.mark.parametrize("name", MORE)
def test_more_disguises_are_seen_through(name: str) -> None:
    assert found(*MORE[name])


def test_the_span_is_the_seller_s_own_spelling() -> None:
    shown = {
        "signs between characters": "象*牙",
        "hashtag": "rhinohorn",
        "pinyin beside Chinese": "chuanshanjia",
        "struck through": "i̶v̶o̶r̶y̶",
        "initials": "csj",
        "numbered tones": "xiang4ya",
    }
    for name, (text, term) in (DISGUISES | MORE).items():
        hit = next(hit for hit in hits_of(text) if hit.term.text == term)
        assert hit.span == shown.get(name, text), name


HONEST = {"capitals", "full width", "traditional characters", "accents dropped", "variation selector"}


def test_only_deliberate_spellings_count_as_hidden() -> None:
    for name, (text, term) in DISGUISES.items():
        hit = next(hit for hit in hits_of(text) if hit.term.text == term)
        if name not in HONEST:
            assert hit.hidden, name
        elif name != "variation selector":
            assert not hit.hidden, name


@pytest.mark.parametrize(
    "text",
    [
        "大象, 牙齿健康",
        "大象/牙膏",
        "他画象。牙疼",
        "motiv.oryx",
        "x y z axis",
        "a.x.y.b",
        "хорошая ивору игра",
        "x j",
        "i.v. ory",
        "the survivory tale",
        "对象呀",
        "气象牙科",
    ],
)
def test_chance_neighbours_make_no_word(text: str) -> None:
    hits = [hit for hit in find(shipped(), text).hits if not hit.compound]
    assert [hit.term.text for hit in hits if hit.term.text in ("象牙", "ivory", "XY", "XJ", "象呀")] == []
