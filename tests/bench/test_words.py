"""The bench of words in its short form: what it promises of spellings and false alarms holds."""

from __future__ import annotations

import pytest

from bench import words


@pytest.mark.slow
def test_disguises_are_seen_through_and_ordinary_texts_left_alone() -> None:
    result = words.run(["--short"])
    short = [figure.name for figure in result.figures if not figure.met and "kinds seen" not in figure.name]
    assert short == []
    kinds = next(figure for figure in result.figures if "kinds seen" in figure.name)
    assert kinds.value >= 0.9 * len(words.WAYS)  # few spellings a kind: one miss is a tenth


def test_the_background_is_large_and_half_chinese() -> None:
    texts = words.ordinary()
    chinese = [text for text in texts if any("\u4e00" <= c <= "\u9fff" for c in text)]
    assert len(texts) >= 5_000
    assert len(chinese) >= 0.4 * len(texts)
