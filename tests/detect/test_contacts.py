"""Contacts are found in every usual spelling, in one comparable form, and nothing else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.masking import mask
from storage.text.contacts import contacts, phone_form


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("加微信：abc_12345", ["wechat:abc_12345"]),
        ("wx13800138000", ["wechat:+8613800138000"]),
        ("V信 xiaoma888", ["wechat:xiaoma888"]),
        ("vx＋yaya2233", ["wechat:yaya2233"]),
        ("微信號 ivory2020", ["wechat:ivory2020"]),
        ("微♥ivory2020", ["wechat:ivory2020"]),
        ("微ivory2020", ["wechat:ivory2020"]),
        ("加V私聊 ivory2020", ["wechat:ivory2020"]),
        ("VX_ivory2020", ["wechat:ivory2020"]),
        ("wechat_id ivory2020", ["wechat:ivory2020"]),
        ("佳V ivory2020", ["wechat:ivory2020"]),
        ("嘉微：ivory2020", ["wechat:ivory2020"]),
        ("绝佳v领连衣裙", []),
        ("wx_pay", []),
        ("ဖုန်း 09 123 456 789", ["phone:+959123456789"]),
        ("ဖုန်း ၀၉ ၁၂၃ ၄၅၆ ၇၈၉", ["phone:+959123456789"]),
        ("Viber ၀၉၁၂၃၄၅၆၇၈၉ ဆက်သွယ်ပါ", ["viber:+959123456789"]),
        ("微信咨询 telegram", []),
        ("壹叁捌零零壹叁捌零零零", ["phone:+8613800138000"]),
        ("加Q 1 2 3 4 5 6 7 8 9", ["qq:123456789"]),
        ("QQ：1-2-3-4-5-6-7-8-9", ["qq:123456789"]),
        ("加薇 aabb1122", ["wechat:aabb1122"]),
        ("微信同号 138 0013 8000", ["wechat:+8613800138000"]),
        ("QQ 123456789", ["qq:123456789"]),
        ("扣扣：10001", ["qq:10001"]),
        ("138-0013-8000", ["phone:+8613800138000"]),
        ("137/0013/8000", ["phone:+8613700138000"]),
        ("电话 １３８００１３８０００", ["phone:+8613800138000"]),
        ("①③⑧⓪⓪①③⑧⓪⓪⓪", ["phone:+8613800138000"]),
        ("一三八零零一三八零零零", ["phone:+8613800138000"]),
        ("1\u200b38\u200b00138000", ["phone:+8613800138000"]),
        ("0912.345.678", ["phone:+84912345678"]),
        ("zalo 0912 345 678", ["zalo:+84912345678"]),
        ("+62 812-3456-7890", ["phone:+6281234567890"]),
        ("WA: 081234567890", ["whatsapp:+6281234567890"]),
        ("https://wa.me/6281234567890?text=hi", ["whatsapp:+6281234567890"]),
        ("โทร 081-234-5678", ["phone:+66812345678"]),
        ("ไลน์ ไอดี: somchai99", ["line:somchai99"]),
        ("line.me/ti/p/~shop99", ["line:shop99"]),
        ("https://t.me/hornseller", ["telegram:hornseller"]),
        ("tg @hornseller99", ["telegram:hornseller99"]),
        ("whatsapp +254 712 345 678", ["whatsapp:+254712345678"]),
        ("kakao: horn77", ["kakao:horn77"]),
        ("telegram @from", ["telegram:from"]),
        ("telegram fromafrica", ["telegram:fromafrica"]),
        ("telegram from_horn", ["telegram:from_horn"]),
        ("seller.one@gmail.com, two[at]mail.ru", ["email:seller.one@gmail.com", "email:two@mail.ru"]),
        ("call 555-123-4567 or (212) 555-0199", ["phone:5551234567", "phone:2125550199"]),
        ("dm @buyer_horn", ["handle:buyer_horn"]),
        ("wechat m o o n f o x 7 7, 500 usd", ["wechat:moonfox77"]),
        ("微信 m.o.o.n.f.o.x.7.7", ["wechat:moonfox77"]),
        ("加v:m·o·o·n·f·o·x·7·7 懂的来", ["wechat:moonfox77"]),
        ("telegram @ m_o_o_n_f_o_x_7_7", ["telegram:moonfox77"]),
        ("line: m o o n 7 7 8", ["line:moon778"]),
        ("微信moonfox七七,懂的来", ["wechat:moonfox77"]),
        ("vx moonfox77一手老料", ["wechat:moonfox77"]),
        ("wechat 1 3 8 0 0 1 3 8 0 0 0", ["phone:+8613800138000"]),
        ("WeChat ID - moonfox77", ["wechat:moonfox77"]),
        ("t . me / moonfox77", ["telegram:moonfox77"]),
        ("t(dot)me/moonfox77", ["telegram:moonfox77"]),
    ],
)
def test_a_contact_is_found_and_normalised(text: str, keys: list[str]) -> None:
    assert [contact.key for contact in contacts(text)] == keys


@pytest.mark.parametrize(
    "text",
    [
        "item 274839201234",
        "write me on telegram from any country",
        "I sold it over telegram when asked, by wechat before, on wickr which is safe",
        "reach us on Telegram: this week only",
        "2024-05-06 12:30",
        "¥13800138000",
        "Rp 1.200.000",
        "giá 12000000đ",
        "order no. 13812345678",
        "line up here please",
        "yang minat wa aja",
        "加v 私聊",
        "1999 Jeep Cherokee XJ 4.0 5500",
        "signal strength is good",
        "ISBN 9787108012345",
    ],
)
def test_what_is_no_contact_is_left_alone(text: str) -> None:
    assert contacts(text) == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("VX❤️abc12345", "wechat:abc12345"),
        ("vx→abc12345", "wechat:abc12345"),
        ("微信【abc12345】", "wechat:abc12345"),
        ("微：abc12345", "wechat:abc12345"),
        ("魏信abc12345", "wechat:abc12345"),
        ("V-X:abc12345", "wechat:abc12345"),
        ("加賴 horn5501", "line:horn5501"),
        ("手機 0912-345-678 台中面交", "phone:+886912345678"),
        ("https://wa.me/447700900123?text=hi", "whatsapp:+447700900123"),
        ("tusk dot man at gmail dot com", "email:tusk.man@gmail.com"),
        ("tuskman AT yahoo DOT co DOT uk", "email:tuskman@yahoo.co.uk"),
        ("tuskman@proton(dot)me", "email:tuskman@proton.me"),
        ("tuskman arroba gmail punto com", "email:tuskman@gmail.com"),
        ("bivni собака mail точка ru", "email:bivni@mail.ru"),
        ("telegram dot me slash tuskman", "telegram:tuskman"),
        ("@tuskman on telegram", "telegram:tuskman"),
        ("в телегу @bivni77", "telegram:bivni77"),
        ("تيليجرام: fil_seller", "telegram:fil_seller"),
        ("텔레그램 horn5501", "telegram:horn5501"),
        ("DM on IG @tusk.man", "instagram:tusk.man"),
        ("snapchat: tuskman99", "snapchat:tuskman99"),
        ("vk.com/bivni77", "vk:bivni77"),
        ("discord: tuskman#1234", "discord:tuskman#1234"),
        ("signal: tuskman.42", "signal:tuskman.42"),
        ("o8l234567890", "phone:+6281234567890"),
        ("O1O-1234-5678", "phone:+821012345678"),
        ("ติดต่อ ๐๘๑๒๓๔๕๖๗๘", "phone:+66812345678"),
        ("واتساب ٠٠٩٦٦٥٠١٢٣٤٥٦٧", "whatsapp:+966501234567"),
        ("вацап 89123456789", "whatsapp:+79123456789"),
        ("zap zap: (11) 91234-5678", "whatsapp:11912345678"),
        ("móvil 612 34 56 78", "phone:+34612345678"),
        ("Handy 0171/2345678", "phone:+491712345678"),
        ("piga simu 0712 345 678", "phone:0712345678"),
        ("không chín một hai ba bốn năm sáu bảy tám", "phone:+84912345678"),
        ("nol delapan satu dua tiga empat lima enam tujuh delapan", "phone:+62812345678"),
        ("공일공 일이삼사 오육칠팔", "phone:+821012345678"),
        ("ศูนย์แปดเก้าหนึ่งสองสามสี่ห้าหกเจ็ด", "phone:+66891234567"),
    ],
)
def test_what_sellers_of_many_languages_write_is_one_contact(text: str, key: str) -> None:
    assert [contact.key for contact in contacts(text)] == [key]


@pytest.mark.parametrize(
    "text",
    [
        "the q 500000 people asked", "look at amazon.com for more", "meet me at home. come early",
        "oil 100 ml 20 bottles",
        "依赖: abcde", "v-x engine", "snap pea seeds 500g", "one two three four five", "hai ba bốn con",
        "한국 텔레비전 samsung", "1 l 20 g 30 ml 40 ml", "WeChat, WhatsApp accepted",
    ],
)  # fmt: skip
def test_words_that_only_begin_like_a_messenger_are_none(text: str) -> None:
    assert contacts(text) == ()


def test_numbers_of_authorities_are_told_apart() -> None:
    assert all(contact.hotline for contact in contacts("举报电话 13800138000"))
    assert not any(contact.hotline for contact in contacts("有意电话 13800138000"))


def test_one_person_in_two_spellings_is_one_value() -> None:
    assert phone_form("0912 345 678") == phone_form("+84 912 345 678")
    assert phone_form("138 0013 8000") == phone_form("0086-13800138000")


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="wx微信vqQ加电话0123456789一三八@.:：+-() tme/①line", max_size=80))
def test_spans_lie_in_the_text(text: str) -> None:
    for contact in contacts(text):
        assert text[contact.start : contact.end] == contact.span
        assert contact.value


HOSTILE = (
    "1" * 40_000,
    "1 " * 20_000,
    "微信" * 20_000,
    "a@" * 20_000,
    "a.b." * 10_000,
    "((((1" * 8_000,
    "@abcdef " * 5_000,
)


@pytest.mark.parametrize(
    "text",
    [
        "微信支付 1 2 3 4 5 6",
        "T-shirt line: s m l x l, wechat pay 5 0 0 0 0 0",
        "型号abc123一台,九成新",
        "at . me/ something",
        "Telegram a b c",
    ],
)
def test_sizes_models_and_sums_set_apart_are_no_contacts(text: str) -> None:
    assert contacts(text) == ()


def test_a_contact_set_apart_is_masked_with_all_its_characters() -> None:
    assert "f o x" not in mask("wechat m o o n f o x 7 7, 500 usd")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:4])
def test_hostile_texts_take_bounded_time(text: str) -> None:
    begun = time.process_time()
    assert len(contacts(text)) <= 50
    assert time.process_time() - begun < 2.0


@pytest.mark.parametrize(
    ("text", "region", "keys"),
    [
        ("call 0712 345 678", "KE", ["phone:+254712345678"]),
        ("0912345678", "TW", ["phone:+886912345678"]),
        ("0912345678", "", ["phone:+84912345678"]),
        ("tel 020 7946 0958", "GB", ["phone:+442079460958"]),
        ("98765 43210", "IN", ["phone:+919876543210"]),
        ("whatsapp 0803 123 4567", "NG", ["whatsapp:+2348031234567"]),
        ("wx13800138000", "CN", ["wechat:+8613800138000"]),
        ("电话 一三八 零零一三 八零零零", "CN", ["phone:+8613800138000"]),
        ("+49 1512 3456789", "", ["phone:+4915123456789"]),
    ],
)
def test_a_national_number_is_understood_in_the_country_of_its_site(
    text: str, region: str, keys: list[str]
) -> None:
    assert [contact.key for contact in contacts(text, region)] == keys


@pytest.mark.parametrize("text", ["+1 111 111 1111", "score +99 1234 5678 90"])
def test_a_number_of_no_number_plan_is_no_telephone(text: str) -> None:
    assert contacts(text) == ()


def test_a_known_foreign_number_is_starred_in_its_national_writing() -> None:
    shown = mask("ring 0712-345-678 now", ["phone:+254712345678"])
    assert "345" not in shown
