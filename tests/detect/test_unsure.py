"""A likeness that is only to be looked at never makes an alert high; a sure one does."""

from __future__ import annotations

from dataclasses import replace

from storage.model import Likeness, Picture, PictureMatch, Post, Sha256, Tier, Verdict
from watchers.detect.score import judge
from watchers.judging import _telling
from watchers.lexicon import Lexicon
from watchers.second_look import suspicious

LEXICON = Lexicon.load()
SILENT = Post(
    post_id="1", url="https://example.org/1", title="如图", text="如图,私聊,加v: nufstn498", price=""
)
PICTURE = Picture(sha256=Sha256("a" * 64), url="", size_bytes=1, phash="0" * 16)
MATCH = PictureMatch(
    sha256=PICTURE.sha256,
    known="gallery:known-01.jpg",
    known_sha256=Sha256("b" * 64),
    distance_bits=0,
    known_tier=Tier.HIGH,
    by="orb",
    points=90,
    differing_percent=24,
)


def verdict(*matches: PictureMatch) -> Verdict:
    return judge(SILENT, (PICTURE,), matches, LEXICON, 23)


def test_other_goods_on_the_table_of_a_known_picture_are_not_told_loudly() -> None:
    assert MATCH.likeness is Likeness.REVIEW
    found = verdict(MATCH, replace(MATCH, by="pdq", distance_bits=60, sha256=Sha256("c" * 64)))
    assert found.tier is Tier.NORMAL
    assert any("review" in reason.detail for reason in found.reasons)


def test_the_known_picture_itself_is() -> None:
    sure = replace(MATCH, differing_percent=2)
    assert sure.likeness is Likeness.VERY_LIKELY
    assert verdict(sure).tier in (Tier.HIGH, Tier.URGENT)


def test_a_nearer_picture_that_nobody_minded_does_not_hide_a_known_one() -> None:
    harmless = replace(MATCH, known="0" * 32, by="pdq", distance_bits=2, known_tier=Tier.NONE)
    other = replace(MATCH, known="1" * 32, by="pdq", distance_bits=40, known_tier=Tier.HIGH)
    gallery = replace(MATCH, by="pdq", distance_bits=30)
    assert set(_telling([harmless, other, gallery])) == {harmless, other, gallery}


def test_silence_and_words_of_the_trade_are_worth_a_second_look_and_a_bicycle_is_not() -> None:
    bicycle = replace(SILENT, title="bicycle", text="Dutch city bicycle with basket, seven gears, 90 euro")
    ivory = replace(bicycle, text="old ivory bangle, real, no questions asked")
    for post, wanted in ((SILENT, True), (bicycle, False), (ivory, True)):
        assert suspicious(post, judge(post, (), (), LEXICON, 12)) is wanted
