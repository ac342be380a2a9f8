"""Contacts are hidden in what is shown, whatever form they have, and the rest stays readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.masking import contact, mask, star


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
    ],
)
def test_a_contact_is_starred(text: str, hidden: str) -> None:
    masked = mask(text)
    assert hidden not in masked
    assert "*" in masked
    assert len(masked) == len(text)


@pytest.mark.parametrize(
    "text", ["犀角 ¥ 9,000 每公斤", "2 kg, 45 cm, 1200 USD", "online since 3 days", "Xian, room 12", ""]
)
def test_prices_and_words_stay(text: str) -> None:
    assert mask(text) == text


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
