"""Every word of the bot is in the catalogue, and the worst card fits in either language."""

from __future__ import annotations

import ast
import string
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channel import Manner
from bot.compose import card
from bot.desk.doing import menu
from bot.desk.keyboard import keyboard
from bot.desk.keyboard import menu as buttons_of
from bot.desk.tongue import FOLDER, LANGUAGES, catalogue, tongue
from bot.words import units
from storage.duty import Duty, Outcome, State
from storage.model import Alert, AlertKind, Lifetime, Reason, Tier
from tests.fakes import words
from watchers.lexicon import Lexicon

ROOT = Path(__file__).resolve().parents[2]
SPOKEN = [
    ROOT / "bot" / "compose.py",
    ROOT / "bot" / "lanes" / "incident.py",
    ROOT / "storage" / "mutes.py",
    *sorted((ROOT / "bot" / "desk").glob("*.py")),
]
SPEAKING = {"say", "MuteRefused", "HandsRefused"}
"""What holds a text that is told: `say("...")`, and refusals, which are told by `names.why`."""


def spoken() -> list[ast.expr]:
    """What stands first in every call that tells a text, within f-strings too."""
    trees = [ast.parse(path.read_text()) for path in SPOKEN]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    return [call.args[0] for call in calls if ast.unparse(call.func).rpartition(".")[2] in SPEAKING]


def said() -> set[str]:
    """Every text of ours that is told to somebody."""
    return {str(text.value) for text in spoken() if isinstance(text, ast.Constant)}


def test_no_text_is_put_together_where_no_catalogue_can_know_it() -> None:
    made = [ast.unparse(text) for text in spoken() if not isinstance(text, ast.Constant)]
    assert sorted(made) == ["product", "refused.form"]  # products stand in the lexicon, looked at below


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_every_catalogue_is_complete_and_has_nothing_that_nobody_says(language: str) -> None:
    told = said() | {"From now on in English."} | set(Lexicon.load().products())
    assert len(told) > 360
    assert set(catalogue(language)) == told


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_every_translation_has_the_same_placeholders_and_is_no_draft(language: str) -> None:
    with (FOLDER / f"{language}.po").open("rb") as file:
        whole = read_po(file)
    for message in whole:
        if message.id:
            assert fields(str(message.id)) == fields(str(message.string)), message.id
            assert not message.fuzzy
            assert str(message.string).strip()


def test_an_unknown_language_is_english() -> None:
    assert tongue("xx")("Acknowledge") == "Acknowledge"
    assert tongue("zh-Hans")("Acknowledge") == "接手"
    assert tongue("zh-Hans")("no such words {x}", x=1) == "no such words 1"


def test_words_of_sellers_are_data_and_never_a_format() -> None:
    for language in LANGUAGES:
        assert "{why}" in tongue(language)("Not muted: {why}", why="{why} {0} {}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_buttons_and_menus_are_as_long_as_a_telephone_shows(language: str) -> None:
    say = tongue(language)
    duty = Duty(alert_id="f" * 32, version=9_999)
    for state in State:
        for row in keyboard(replace(duty, state=state), b"k", say):
            assert sum(units(button.label) for button in row) <= 40
            assert all(0 < len(button.data.encode()) <= 64 for button in row)
    for action in ("fp", "mute", "watch", "back"):
        assert all(len(b.data.encode()) <= 64 for row in buttons_of(action, duty, b"k", say) for b in row)
    for name, does in menu(say).items():
        assert 1 <= len(name) <= 32
        assert 1 <= len(does) <= 256


WORST = "角\U0001f98f</b>@x https://x.example " * 60


def worst(kind: AlertKind, state: State, outcome: Outcome) -> Alert:
    post = words.post(title=WORST, text=WORST, seller=WORST, price=WORST, location=WORST)
    found = words.evidence(post, absences=(WORST,) * 9)
    reasons = tuple(Reason(kind="term", what=WORST, weight=1.5, span=WORST) for _ in range(20))
    verdict = words.verdict(
        Tier.URGENT, 100, reasons=reasons, products=(WORST,) * 5, contacts=(WORST,) * 9, lexicon_version=WORST
    )
    life = Lifetime(
        last_seen_at=words.NIGHT,
        first_missing_at=words.NIGHT + timedelta(hours=2),
        confirmations=999,
        missing_class="soft404",
    )
    duty = Duty(
        alert_id="a" * 32,
        state=state,
        version=9,
        level=3,
        actor=WORST,
        at=words.NIGHT,
        outcome=outcome,
        reason=WORST[:500],
    )
    return words.alert(
        kind=kind,
        evidence=found,
        verdict=verdict,
        lifetime=life,
        duty=duty,
        notice=WORST,
        log_root="f" * 64,
        log_size=10**9,
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", State)
def test_the_worst_card_fits_and_says_how_it_is_and_who_has_it(language: str, state: State) -> None:
    outcome = Outcome.FALSE_POSITIVE if state is State.RESOLVED else Outcome.OPEN
    for kind in (k for k in AlertKind if k not in (AlertKind.NOTICE, AlertKind.DUTY)):
        for repeat in (False, True):
            made = card(
                worst(kind, state, outcome),
                repeat=repeat,
                manner=Manner(language=language, key=b"k", zone="Asia/Kathmandu"),
                sent_at=words.NIGHT,
            )
            assert units(made.text) <= 1_024
            assert made.text.startswith(made.headline)
            lines = made.text.splitlines()
            assert lines[-2].startswith(tongue(language)("status")), lines[-3:]
            assert lines[-1]
            assert bool(made.keyboard) == (state is not State.RESOLVED)
            for span in made.spans:
                assert span.offset >= 0
                assert span.offset + span.length <= units(made.text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=3_000), st.text(max_size=200), st.sampled_from(list(LANGUAGES)))
def test_whatever_a_seller_writes_the_card_fits_and_nothing_of_it_can_be_tapped(
    text: str, seller: str, language: str
) -> None:
    post = words.post(title=text + " https://evil.example", text=text, seller=seller, price=seller)
    alert = words.alert(evidence=words.evidence(post))
    made = card(alert, manner=Manner(language=language, key=b"k"))
    assert units(made.text) <= 1_024
    at = made.text.find("evil.example")
    if at >= 0:
        offset = units(made.text[:at])
        assert any(s.kind == "code" and s.offset <= offset < s.offset + s.length for s in made.spans)
