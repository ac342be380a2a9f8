"""Pictures and not a word by night: told quietly where others write, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench._looks import TARGET
from bench._photos import file_of, photo
from storage.looks import Look
from storage.model import Authority, NightWindow, Picture, Post, Reason, Sha256, Target, Tier, Verdict
from tests.detect.posts import shipped
from tests.detect.test_latecomers import judged, kinds, watch
from tests.fakes import words
from watchers.detect.score import judge
from watchers.detect.unspoken import WHAT, is_unspoken, with_silence
from watchers.habits import RARE, Habits
from watchers.rejudging import rejudged

SHOWN = Picture(sha256=Sha256("a" * 64), width=800, height=600, phash="0f" * 8)
SIGN = replace(SHOWN, width=32, height=32)


def of(title: str, text: str = "", hour: int | None = 23, picture: Picture = SHOWN) -> Verdict:
    post = Post(post_id="1", url="https://example.org/1", title=title, text=text)
    return with_silence(judge(post, (picture,), (), shipped(), hour), post, (picture,), hour)


@pytest.mark.parametrize(
    ("title", "text"), [("", ""), ("如图", ""), (".", "🤍🤍"), ("as pictured", "👀📿"), ("ตามรูป", "📿💬")]
)
def test_a_picture_without_a_word_is_told_as_quietly_as_can_be(title: str, text: str) -> None:
    told = of(title, text)
    assert told.tier is Tier.NORMAL
    assert any(reason.what == WHAT for reason in told.reasons)
    assert told.score < 40 or text == "👀📿"


@pytest.mark.parametrize(
    ("title", "hour", "picture"),
    [("如图", 14, SHOWN), ("如图", None, SHOWN), ("如图", 23, SIGN), ("木椅 转让", 23, SHOWN)],
)
def test_by_day_a_small_sign_or_with_words_it_is_not(title: str, hour: int | None, picture: Picture) -> None:
    assert of(title, hour=hour, picture=picture).tier is Tier.NONE


@given(st.floats(-12, 4))
def test_silence_makes_nothing_louder_than_the_quietest_alert(weight: float) -> None:
    post = Post(post_id="1", url="https://example.org/1", title="如图")
    reasons = (Reason(kind="context", what="of a test", weight=weight),)
    before = judge(post, (SHOWN,), (), shipped(), 23)
    before = replace(before, score=0, tier=Tier.NONE, reasons=reasons)
    assert with_silence(before, post, (SHOWN,), 23).score <= max(
        36, round(100 / (1 + 2.718 ** -(weight - 4))) + 1
    )


def test_a_board_of_pictures_tells_of_its_first_and_then_of_none() -> None:
    habits = Habits()
    told = 0
    for _ in range(200):
        told += habits.is_rare("board")
        habits.note("board", silent=True)
    assert told <= 2


def test_many_boards_of_pictures_do_not_each_tell_of_their_first() -> None:
    habits = Habits()
    told = 0
    for number in range(500):
        told += habits.is_rare(f"board {number}")
        habits.note(f"board {number}", silent=True)
    assert told <= 2


@given(st.lists(st.booleans(), max_size=900))
def test_what_is_told_of_a_target_stays_a_small_share(silences: list[bool]) -> None:
    habits, told = Habits(), 0
    for silent in silences:
        told += silent and habits.is_rare("market")
        habits.note("market", silent=silent)
    assert told <= RARE * (len(silences) + 40) * 2


MARKET = Target(
    name=TARGET,
    kind="rss",
    url="https://example.org/",
    authority=Authority(legal_basis="a test", authorised_by="nobody", review_after=date.max),
    rules=None,
    window=NightWindow(zone="UTC"),
)


def test_it_is_told_where_people_write_and_not_on_a_board_of_pictures(tmp_path: Path) -> None:
    async def night(silent: int) -> list[tuple[str, str]]:
        async with watch(tmp_path / str(silent)) as place:
            bench = place[2]
            bench.policy = replace(bench.policy, targets={TARGET: MARKET})
            for _ in range(silent):
                bench._lore._habits.note(TARGET, silent=True)
            await judged(place, "1", "a wooden chair", file_of(photo(1, width=720)))
            await judged(place, "2", "...", file_of(photo(2, width=720)))
            return await kinds(place)

    assert asyncio.run(night(0)) == [("2", "new")]
    assert asyncio.run(night(5)) == []


def test_judged_again_later_it_stays_what_it_was() -> None:
    """How usual silence was is known at its time alone; failed before: it would not have alerted."""
    post = Post(post_id="1", url="https://example.org/1", title="如图")
    evidence = words.evidence(
        post, target=TARGET, pictures=(SHOWN,), captured_at=datetime(2026, 11, 24, 23, tzinfo=UTC)
    )
    look = Look(evidence=evidence, verdict=of("如图"), matches=(), post_key="1")

    async def pages() -> AsyncIterator[tuple[Look, ...]]:
        yield (look,)

    found = asyncio.run(rejudged(pages(), shipped(), None, {TARGET: MARKET}, lambda _: None))
    assert look.verdict.tier is Tier.NORMAL
    assert found.changed == ()


def test_a_long_text_of_signs_is_not_looked_through() -> None:
    post = Post(post_id="1", url="https://example.org/1", text="🤍" * 500_000)
    quiet = Verdict(score=0, tier=Tier.NONE, reasons=(), lexicon_version="")
    assert not is_unspoken(post, (SHOWN,), quiet)
