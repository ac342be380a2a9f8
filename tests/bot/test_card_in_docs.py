"""The card that the manual shows is the one that is made."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from bot.compose import card
from bot.desk.keyboard import keyboard
from bot.desk.tongue import tongue
from storage.duty import Duty, State
from storage.model import Picture, sha256_of
from tests.fakes import words
from watchers.detect.score import HIGH, NORMAL, URGENT, judge
from watchers.lexicon import Lexicon

MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
VERSION = re.compile(r"lexicon \S+")


def example() -> str:
    post = words.post(
        title="犀角手镯 带证书",
        text="急出，老货，微信 jade8888",
        seller="jade_lady",
        price="¥3,800",
    )
    pictures = tuple(
        Picture(sha256=sha256_of(name), url=f"http://127.0.0.1/{name!r}.jpg", phash="0123456789abcdef")
        for name in (b"front", b"back")
    )
    evidence = words.evidence(post, pictures=pictures, captured_at=words.NIGHT + timedelta(seconds=1.2))
    verdict = judge(post, pictures, (), Lexicon.load(), 22)
    alert = words.alert(
        evidence=evidence, verdict=verdict, tier=verdict.tier, log_size=9, log_root="5dc9da79a706" + "0" * 52
    )
    return card(alert, sent_at=words.NIGHT + timedelta(seconds=2.4)).text


def test_the_manual_shows_the_card_that_is_made() -> None:
    shown = re.search(r"## The card\n.*?```\n(.*?)\n```", MANUAL, re.DOTALL)
    assert shown is not None
    assert VERSION.sub("lexicon", shown[1]) == VERSION.sub("lexicon", example())


def test_the_manual_says_from_which_score_a_tier_begins_and_what_each_button_is() -> None:
    said = f"`urgent` from {URGENT}, `high` from {HIGH}, `normal` from {NORMAL}"
    assert said in MANUAL
    duties = [Duty(alert_id=words.alert().alert_id, state=one) for one in (State.NEW, State.ACKNOWLEDGED)]
    rows = [row for duty in duties for row in keyboard(duty, b"k" * 32, tongue("en"))]
    assert rows
    for button in (button for row in rows for button in row):
        assert f"| {button.label} |" in MANUAL
