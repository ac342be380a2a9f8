"""Where terms are found: borders, windows, compounds, and what stands near."""

from __future__ import annotations

import time

import pytest

from tests.detect.posts import shipped
from watchers.detect.terms import Hit, find, window


def hits(text: str) -> dict[str, Hit]:
    return {hit.term.text: hit for hit in find(shipped(), text).hits}


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("XY手串", "XY"),
        ("two tusks", "tusk"),
        ("rhino horns!", "rhino horn"),
        ("العاج للبيع", "عاج"),
        ("nhẫn ngà voi.", "ngà voi"),
        ("売る象牙です", "象牙"),
        ("สร้อยงาช้างแท้", "งาช้าง"),
        ("좋은 상아를 팝니다", "상아"),
    ],
)
def test_words_are_found_as_their_script_writes_them(text: str, term: str) -> None:
    assert term in hits(text)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("galaxy", "XY"),
        ("XY2000", "XY"),
        ("2XJ", "XJ"),
        ("foxybone", "XY"),
        ("ivoryton", "ivory"),
        ("dusky tuskegee", "tusk"),
        ("세상아 이상아", "상아"),
        ("علاج طبي", "عاج"),
        ("chuỗi đàn ngà voice", "ngà voi"),
    ],
)
def test_parts_of_other_words_are_not_words(text: str, term: str) -> None:
    assert term not in hits(text)


def test_a_harmless_compound_takes_only_its_own_occurrence() -> None:
    assert hits("象牙白连衣裙")["象牙"].compound == "象牙白"
    both = [hit for hit in find(shipped(), "象牙白盒子里的一块真象牙").hits if hit.term.text == "象牙"]
    assert [hit.compound for hit in both] == ["象牙白", ""]


def test_harmless_wording_counts_near_and_not_far() -> None:
    assert hits("ivory lace wedding gown")["ivory"].near
    far = "ivory, carved by hand, old, with some cracks at the base and a stand of wood; wedding gown"
    assert not hits(far)["ivory"].near
    assert hits("象牙摆件送窗帘")["象牙"].near
    assert not hits("象牙摆件一个老料雕工好保存完整有底座另外还有窗帘")["象牙"].near


def test_the_window_is_twelve_characters_or_five_words() -> None:
    raw = "一二三四五六七八九十甲乙丙丁象牙一二三四五六七八九十甲乙丙丁"
    at = raw.index("象牙")
    assert window(raw, at, at + 2) == (at - 12, at + 2 + 12)
    raw = "one two three four five six ivory one two three four five six"
    at = raw.index("ivory")
    low, high = window(raw, at, at + 5)
    assert raw[low:at].split() == ["two", "three", "four", "five", "six"]
    assert raw[at + 5 : high].split() == ["one", "two", "three", "four", "five"]


def test_the_longest_term_at_a_place_wins() -> None:
    assert list(hits("tiger bone wine")) == ["tiger bone wine"]
    assert list(hits("vảy tê tê khô")) == ["vảy tê tê"]


def test_japanese_texts_get_the_japanese_entry() -> None:
    assert next(hit for hit in find(shipped(), "象牙の箸").hits).term.lang == "ja"
    assert next(hit for hit in find(shipped(), "象牙筷子").hits).term.lang == "zh"


def test_wording_of_pieces_is_seen_near_the_term() -> None:
    assert hits("ivory bangle")["ivory"].piece
    assert not hits("ivory")["ivory"].piece


def test_every_span_is_a_piece_of_the_raw_text() -> None:
    text = "出 象\u200b牙 手镯，ｒｈｉｎｏ horn，i.v.o.r.y，nga voi，XY"
    for hit in find(shipped(), text).hits:
        assert text[hit.start : hit.end] == hit.span


HOSTILE = {
    "terms": "象牙" * 20_000,
    "compounds": "象牙白" * 13_000,
    "cues": "出 " * 20_000,
    "words": "ivory sofa " * 3_600,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_full_of_hits_takes_bounded_time(name: str) -> None:
    find(shipped(), "warm")
    begun = time.process_time()
    found = find(shipped(), HOSTILE[name])
    assert time.process_time() - begun < 3.0
    assert sum(not hit.compound for hit in found.hits) <= 500
