"""Edits are told from counters and clocks, in linear time whatever the seller wrote."""

from __future__ import annotations

from time import process_time

import pytest

from tests.fakes import words
from watchers.reading.fingerprint import LONGEST, fingerprint, steady


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ivory 1,204 views", "ivory 12,311 views"),
        ("Views: 12 ivory", "Views：  9,001 ivory"),
        ("posted 3 minutes ago", "posted an hour ago"),
        ("象牙 3分钟前 浏览 12", "象牙 2小时前 浏览 4001"),
        ("ivory   \n chopsticks", "ivory chopsticks"),
        ("sold.12 replies", "sold.1301 replies"),
    ],
)
def test_what_moves_by_itself_is_no_edit(before: str, after: str) -> None:
    assert "".join(steady(before).split()) == "".join(steady(after).split())


@pytest.mark.parametrize(
    ("before", "after"),
    [("ivory 3 kg", "ivory 4 kg"), ("象牙一双", "象牙两双"), ("call 1234567890", "call 1234567891")],
)
def test_a_changed_word_is_an_edit(before: str, after: str) -> None:
    assert fingerprint(words.post("1", text=before)) != fingerprint(words.post("1", text=after))


def test_a_counter_before_a_long_text_is_no_edit() -> None:
    text = "象牙筷子一双" * 1_000
    assert steady(f"浏览 9 {text}") == steady(f"浏览 10001 {text}")


@pytest.mark.parametrize(
    "unit", ["1", "1,", "1 ", "an ", "views : ", "\u0301\u0327", "ﷺ", "views", " ", "3 views ", "3分钟前"]
)
def test_any_text_is_read_in_linear_time(unit: str) -> None:
    began = process_time()
    steady("views" + unit * (LONGEST // len(unit)) + "1")
    assert process_time() - began < 2
