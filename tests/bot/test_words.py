"""Hostile text becomes harmless, and cards keep the chat's limits."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bot.words import LIMIT, Text, plain, units


@given(st.text(max_size=400))
def test_plain_text_holds_nothing_that_steers_a_terminal_or_a_reader(raw: str) -> None:
    shown = plain(raw, 120)
    assert len(shown) <= 120
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert not any(c in shown for c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff")


@given(st.lists(st.tuples(st.text(max_size=300), st.sampled_from(["", "bold", "code"])), max_size=30))
def test_a_card_never_exceeds_the_limit_and_spans_stay_inside(parts: list[tuple[str, str]]) -> None:
    text = Text()
    for part, kind in parts:
        text.add(plain(part), kind)
    assert units(text.text) <= LIMIT
    for span in text.spans:
        assert span.length > 0
        assert span.offset + span.length <= units(text.text)


def test_spans_count_utf16_units() -> None:
    text = Text().add("🐘 ").add("XJ", "code")
    assert (text.spans[0].offset, text.spans[0].length) == (3, 2)


def test_marks_heaped_on_a_letter_do_not_reach_into_the_line_above() -> None:
    heap = "\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0336\u0489" * 3
    shown = plain("".join(letter + heap for letter in "ivory"))
    assert "".join(c for c in shown if not unicodedata.category(c).startswith("M")) == "ivory"
    assert len(shown) <= 5 * 5
    kept = "ทั่งช้ื้ cô gái gầy दिल्ली שָׁלוֹם"  # as people write, decomposed too
    assert plain(unicodedata.normalize("NFD", kept)) == unicodedata.normalize("NFD", kept)
