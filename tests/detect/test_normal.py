"""Views map back to the raw text, stay linear, and never raise."""

from __future__ import annotations

import time
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.text.normal import HEAD_CHARS, TAIL_CHARS, View, fold, fold_term, views

ODD = st.text(
    alphabet=st.sampled_from("ivory 象牙鶴頂紅ｘ①ⓘ🅸🇮\u200b\u0301\u0336\ufe0fоßİﷺ.*-,，、。\n🐘งàđ1l0ﬁ㎏㈱"),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(ODD, st.text(max_size=60)))
def test_every_character_of_every_view_comes_from_a_place_in_the_text(text: str) -> None:
    seen = views(text)
    for view in (seen.folded, seen.joined, seen.bare):
        if view is None:
            continue
        last = 0
        for index in range(len(view.text)):
            start, end = view.span(index, index + 1)
            assert 0 <= start < end <= len(text)
            assert start >= last
            last = start


@settings(max_examples=200, deadline=None)
@given(text=ODD)
def test_folding_a_folded_text_changes_nothing(text: str) -> None:
    # An accent that an invisible sign parted from its letter is joined only the second time;
    # the view without accents finds such words.
    once = fold_term(text)
    assert normalize("NFC", fold_term(once)) == normalize("NFC", once)


def spans(view: View, word: str, raw: str) -> str:
    at = view.text.index(word)
    start, end = view.span(at, at + len(word))
    return raw[start:end]


def test_spans_name_what_stood_in_the_raw_text() -> None:
    raw = "看 象\u200b 牙 ﹣ 微信ａｂｃ①②③ iv\u00adory ﷺ"
    seen = views(raw)
    assert seen.joined
    assert spans(seen.folded, "abc123", raw) == "ａｂｃ①②③"
    assert spans(seen.folded, "ivory", raw) == "iv\u00adory"
    assert spans(seen.joined, "象牙", raw) == "象\u200b 牙"


def test_plain_text_takes_the_fast_road() -> None:
    assert fold("Vintage BANGLE") == View("vintage bangle")
    assert fold("出一条手镯，老料").runs == (0,)


def test_homoglyphs_change_only_in_words_that_mix_scripts() -> None:
    assert fold_term("ivоry") == "ivory"
    assert fold_term("хороший") == "хороший"


def test_a_long_text_is_judged_at_its_head_and_tail() -> None:
    seen = views("ivory " + "x" * 100_000 + " rhino horn")
    assert seen.cut
    assert len(seen.raw) == HEAD_CHARS + TAIL_CHARS + 1
    assert "ivory" in seen.folded.text
    assert seen.folded.text.endswith("rhino horn")


HOSTILE = {
    "combining marks": "a" + "\u0301\u0316" * 20_000,
    "spelled": "i." * 20_000,
    "parted characters": "象 " * 20_000,
    "invisible": "\u200b" * 40_000,
    "flags": "🇮" * 40_000,
    "leet": "1l0" * 13_000,
    "signs": "!" * 40_000,
    "ligatures": "ﷺ" * 40_000,
    "jamo": "\u1100\u1161\u11a8" * 13_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_no_longer_than_their_length_allows(name: str) -> None:
    views("warm")
    text = HOSTILE[name]
    begun = time.process_time()
    views(text)
    # Processor time of the worst seen is 0.1 s; quadratic work would take minutes.
    assert time.process_time() - begun < 2.0
