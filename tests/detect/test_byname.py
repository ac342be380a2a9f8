"""Tonight's words for goods: whoever uses the word of a post that was told is told too, quietly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench._photos import file_of, photo
from storage.looks import Look
from storage.model import Post, Tier
from tests.detect.posts import shipped
from tests.detect.test_latecomers import judged, kinds, watch
from tests.fakes import words as fakes
from watchers.detect.byname import WHAT, is_offered, names_in, with_name
from watchers.detect.score import judge
from watchers.detect.terms import find
from watchers.nicknames import MOST, Nicknames
from watchers.rejudging import rejudged


def named(text: str) -> tuple[str, ...]:
    return names_in(find(shipped(), text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("霜糖 手镯,不问问题,7195元", "霜糖"),
        ("霜/糖 珠子,只剩两件", "霜糖"),
        ("霜\u00ad糖 108佛珠,实物拍摄", "霜糖"),
        ("砂豆 gelang. stok terbatas", "砂豆"),
        ("砂豆 แหวน. คืนนี้เท่านั้น", "砂豆"),
        ("Cobalt bangle, $300", "cobalt"),
    ],
)
def test_the_word_before_a_piece_is_its_name_however_it_is_written(text: str, name: str) -> None:
    assert named(text) == (name,)


@pytest.mark.parametrize(
    "text",
    ["象牙 手镯", "XY 手镯", "silver bangle", "小叶紫檀 108佛珠", "和田玉籽料 手镯", "手镯 800元", "a chair"],
)
def test_a_material_that_is_known_is_no_such_name(text: str) -> None:
    assert named(text) == ()


@given(st.text(max_size=200))
def test_any_text_has_few_names_or_none(text: str) -> None:
    assert len(named(f"{text} 手镯 {text}")) <= 3


def test_a_word_told_of_another_seller_is_of_goods_until_many_use_it() -> None:
    words = Nicknames()
    words.note(("霜糖",), Tier.URGENT, "mei")
    assert words.told(("复古", "霜糖"), "lao") == "霜糖"
    assert words.told(("霜糖",), "mei") == ""
    for _ in range(2):
        words.note(("霜糖",), Tier.NONE, "lao")
    assert words.told(("霜糖",), "wen") == ""
    words.note(("霜糖",), Tier.HIGH, "tan")
    assert words.told(("霜糖",), "wen") == "霜糖"


def test_an_ordinary_word_is_never_of_goods() -> None:
    words = Nicknames()
    for number in range(20):
        words.note(("复古",), Tier.NONE, f"s{number}")
    words.note(("复古",), Tier.URGENT, "mei")
    assert words.told(("复古",), "lao") == ""


def test_the_words_of_a_long_night_take_bounded_room() -> None:
    words = Nicknames()
    for number in range(3 * MOST):
        words.note((f"w{number}",), Tier.NONE if number % 2 else Tier.HIGH, "mei")
    assert len(words._loud) <= MOST
    assert len(words._quiet) <= MOST


@given(st.floats(-12, 4))
def test_a_name_makes_nothing_louder_than_the_quietest_alert(weight: float) -> None:
    post = Post(post_id="1", url="https://example.org/1", text="霜糖 108佛珠,4877元")
    plain = judge(post, (), (), shipped(), 23)
    assert is_offered(plain)
    before = replace(plain, score=0, reasons=tuple(replace(r, weight=0.0) for r in plain.reasons))
    before = replace(before, reasons=(*before.reasons, replace(before.reasons[0], weight=weight)))
    after = with_name(before, "霜糖")
    assert sum(r.weight for r in after.reasons) <= max(weight, 4 - 0.59) + 0.01


def test_the_second_seller_of_a_night_is_told_by_the_word_of_the_first(tmp_path: Path) -> None:
    async def night(first: str) -> tuple[list[tuple[str, str]], list[str]]:
        async with watch(tmp_path / first) as place:
            plain = file_of(photo(7, width=720))
            words = {"loud": "象牙摆件,微信 abcdef123,一手;霜糖 手镯", "quiet": "霜糖 手镯,今晚出,¥300"}[
                first
            ]
            await judged(place, "1", words, plain, seller="mei")
            await judged(
                place, "2", "霜糖 108佛珠,4877元,加v: bradyk431", file_of(photo(8, width=720)), seller="lao"
            )
            rows = await place[0].vault.database.rows("SELECT verdict FROM verdict ORDER BY seq")
            return await kinds(place), [str(row[0]) for row in rows]

    told, verdicts = asyncio.run(night("loud"))
    assert told == [("1", "new"), ("2", "new")]
    assert WHAT in verdicts[1]
    quiet, _ = asyncio.run(night("quiet"))
    assert quiet == []


def test_judged_again_later_it_stays_what_it_was() -> None:
    """Failed before: `rejudge` would have listed it as one that would not have alerted."""
    post = Post(post_id="1", url="https://example.org/1", text="霜糖 108佛珠,4877元,加v: bradyk431")
    at = datetime(2026, 11, 24, 23, tzinfo=UTC)
    evidence = fakes.evidence(post, target="market", pictures=(), captured_at=at)
    told = with_name(judge(post, (), (), shipped(), None), "霜糖")
    look = Look(evidence=evidence, verdict=told, matches=(), post_key="1")

    async def pages() -> AsyncIterator[tuple[Look, ...]]:
        yield (look,)

    found = asyncio.run(rejudged(pages(), shipped(), None, {}, lambda _: None))
    assert told.tier is Tier.NORMAL
    assert found.changed == ()
