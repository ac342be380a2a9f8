"""Contacts are hidden in what is shown, whatever form they have, and the rest stays readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.masking import bare, contact, mask, mask_known, star
from storage.text.contacts import contacts, national
from storage.text.normal import bare_term, each_view, fold_term


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("tel 138-0013-8000 ask", "0013"),
        ("tel +86 138 0013 8000", "0013"),
        ("電話 １３８００１３８０００", "００１３"),
        ("微信：horn_dealer88 谢谢", "dealer"),
        ("加V horn_dealer88", "dealer"),
        ("wx:horn88dealer", "88dea"),
        ("QQ 88123456", "1234"),
        ("mail lao.wang@example.com now", "wang"),
        ("mail lao.wang (at) example.com now", "wang"),
        ("t.me/horn_dealer", "dealer"),
        ("https://wa.me/8613800138000", "8001380"),
        ("telegram @horn_dealer", "dealer"),
        ("ping @horn_dealer", "dealer"),
        ("一三八零零一三八零零零", "零零一三"),
        ("(020) 3456 7890", "3456"),
        ("138—0013—8000", "0013"),
        ("tel 138*0013*8000", "0013"),
        ("电话 138/0013/8000", "0013"),
        ("V：horn88dealer", "88dea"),
        ("威❤信 horn88dealer", "88dea"),
        ("my wechat is horn88dealer", "88dea"),
        ("discord horn_dealer#1234", "dealer"),
        ("telegram.me/horn_dealer", "dealer"),
        ("mail laowang at gmail dot com", "wang"),
        ("ring 10.138.001.380 today", "138.001"),
        ("tel 10.20.30.40", "20.30"),
    ],
)
def test_a_contact_is_starred(text: str, hidden: str) -> None:
    masked = mask(text)
    assert hidden not in masked
    assert "*" in masked
    assert len(masked) == len(text)


ORDINARY = [
    "犀角 ¥ 9,000 每公斤",
    "2 kg, 45 cm, 1200 USD",
    "online since 3 days",
    "Xian, room 12",
    "",
    "insiders only",
    "wording for insiders",
    "our insurance covers breakage",
    "telephone operator wanted",
    "television and line drawings",
    "the bus line to Kunming, line 12",
    "signal processing for beginners",
    "Signals from abroad",
    "Instagram inspired carvings",
    "inspired by old masters, instead of new",
    "snapped in half, snapshots follow",
    "telegraph stamp from 1931",
    "telephoto lens 70-300 mm",
    "voice and v-neck pullover",
    "2026-11-21 22:59",
    "listed 2026-11-21T22:59:08.123456Z, gone 2026-11-22 06:10:00",
    "from 21.11.2026 to 28.11.2026",
    "11/21/2026 and 2026/11/21",
    "2026年11月21日22时59分",
    "made 1890-1910, bought 2019-2026",
    "15.000.000 đ each, or 2 500 000 VND",
    "price 1 200 000 Rp",
    "http://127.0.0.1:8000/u/laowang",
    "http://203.0.113.255/42",
    "100 x 200 x 300 mm",
]
"""Sentences of adverts and of our own words in which there is nothing to hide."""


@pytest.mark.parametrize("text", ORDINARY)
def test_dates_prices_and_words_stay(text: str) -> None:
    assert mask(text) == text


@given(st.lists(st.sampled_from(ORDINARY), max_size=6), st.sampled_from(["; ", "。\n", " | "]))
def test_ordinary_sentences_beside_one_another_stay(sentences: list[str], between: str) -> None:
    text = between.join(sentences)
    assert mask(text) == text


DISGUISES = (
    str,
    "\u200b".join,
    lambda word: word.translate({code: 0xFEE0 + code for code in range(0x21, 0x7F)}),
    lambda word: "".join(c + "\ufe0f\u20e3" if c.isdigit() else c for c in word),
    lambda word: word.translate(str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")),
    lambda word: word.translate(str.maketrans("0123456789", "零一二三四五六七八九")),
    lambda word: word.translate(str.maketrans("aceiopxy", "асеіорху")),
    lambda word: word.translate(str.maketrans("abcdefghijklmnopqrstuvwxyz", "ⓐⓑⓒⓓⓔⓕⓖⓗⓘⓙⓚⓛⓜⓝⓞⓟⓠⓡⓢⓣⓤⓥⓦⓧⓨⓩ")),
    lambda word: word.replace("a", "á").replace("o", "0"),
    lambda word: word.upper(),
    ".".join,
    lambda word: "-".join(re.findall(r".{1,4}", word)),
)
CUES = [
    "微信", "微信：", "加V ", "薇❤ ", "wechat ", "WeChat: ", "QQ ", "电话 ", "tel ", "telegram @", "@",
    "signal ", "t.me/", "whatsapp ", "Zalo: ", "LINE: ", "kakao ", "ig: ", "mail ", "",
    "https://wa.me/", "微\u200b信",
]  # fmt: skip
VALUES = st.one_of(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.from_regex(r"\+?84[35789][0-9]{8}", fullmatch=True),
    st.from_regex(r"0[689][0-9]{8}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{4,10}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9_]{4,12}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9]{2,8}@[a-z]{3,8}\.com", fullmatch=True),
)
WRITTEN = st.builds(
    lambda cue, value, disguise: cue + disguise(value),
    st.sampled_from(CUES),
    VALUES,
    st.sampled_from(DISGUISES),
)
ADVERTS = st.lists(
    st.one_of(WRITTEN, VALUES, st.sampled_from(ORDINARY), st.text(max_size=12)), min_size=1, max_size=6
).map(" ".join)


def shows(text: str, value: str) -> bool:
    """Whether a contact can be read in a text, under any view in which judging reads."""
    folded, joined, bared = (view.text for view in each_view(text))
    plain, undone = fold_term(value), bare_term(value)
    if not any(c.isalpha() for c in plain):
        number = national(plain)
        where = number if len(number) >= 8 else rf"(?<!\d){number}(?!\d)"
        return any(re.search(where, view) for view in (folded, joined, re.sub(r"[\s.-]", "", folded)))
    if plain.isalpha() and len(plain) < 8:  # a short word is a contact only where it stands alone
        plain, undone = (rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])" for word in (plain, undone))
    else:
        plain, undone = re.escape(plain), re.escape(undone)
    return any(re.search(plain, view) for view in (folded, joined)) or bool(re.search(undone, bared))


@given(ADVERTS)
@example("电话1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣ 血料")
@example("wechat horn88dealer, again h.o.r.n.8.8.d.e.a.l.e.r and h0rn88dealer")
@example("微信①③⑧⓪⓪①③⑧⓪⓪⓪ 138零零13八零零零")
@example("wechat : іvory88 and ivory88")
def test_what_judging_finds_is_not_shown_under_any_view(text: str) -> None:
    masked = mask(text)
    assert len(masked) == len(text)
    assert [c.key for c in contacts(text) if shows(masked, c.value)] == []
    still = {c.key for c in contacts(masked)}
    assert still.isdisjoint(c.key for c in contacts(text))


@given(VALUES, st.sampled_from(DISGUISES), st.text(alphabet="血料 abc,。", max_size=8))
def test_what_judging_found_elsewhere_is_not_shown_either(value: str, disguise: object, beside: str) -> None:
    found = [c.key for c in contacts(f"wechat: {value}")]
    text = f"{beside} {value} {beside} {disguise(value)} {beside}"  # type: ignore[operator]
    assert [key for key in found if shows(mask(text, found), bare(key))] == []
    assert [
        key for key in found if not bare(key).isalpha() and shows(mask_known(text, found), bare(key))
    ] == []


def test_our_own_words_stay_but_for_contacts() -> None:
    known = ("wechat:insiders", "wechat:horn_dealer88")
    assert mask_known("wording for insiders", known) == "wording for insiders"
    assert mask_known("https://e.org/1234567890", known) == "https://e.org/1234567890"
    assert "dealer" not in mask_known("https://e.org/u/horn_dealer88", known)


def test_known_contacts_are_found_however_they_are_parted() -> None:
    masked = mask("ring 1 38.0013 8000 or Horn-Dealer", ("phone:+8613800138000", "handle:horn-dealer"))
    assert "0013" not in masked
    assert "Dealer" not in masked


def test_two_contacts_can_still_be_told_apart() -> None:
    assert contact("phone:+8613800138000") == "phone:+86*********00"
    assert contact("phone:+8613800138000") != contact("phone:+8613800138077")
    assert contact("wechat wx_12345") == "wechat wx_***45"
    assert star("ab") == "**"


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3))
def test_masking_never_fails_and_keeps_the_length(text: str, known: list[str]) -> None:
    assert len(mask(text, known)) == len(text)


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", " ", "-", "."]))
def test_no_mobile_number_survives(number: str, between: str) -> None:
    text = f"call {number[:3]}{between}{number[3:7]}{between}{number[7:]} today"
    assert number[3:9] not in mask(text).replace(between, "") if between else number[3:9] not in mask(text)
