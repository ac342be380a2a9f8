"""What only the real server can answer: asked of our own in both ways of each, kept, and made use of."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from telegram import Bot

from bot.channel import Card, Span
from bot.channels.telegram import Settings, Telegram
from bot.cli import main
from bot.live import MINUTE, Finding, Live, answers
from bot.request import request_of
from bot.words import disarmed, units
from nightmarket.messenger import TOKEN, Fault, Message, Service, User
from storage import live
from storage.live import QUESTIONS, UNKNOWN, LiveAnswers
from storage.model import Tier
from tests.bot.lanes_kit import Lanes, night
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping
from tests.fakes.words import NIGHT

GROUP, TALK, POSTS = -1001, -1002, -1003


def asked(
    *, post_to: int = POSTS, prepare: Callable[[Service], None] = lambda _service: None
) -> tuple[dict[str, Finding], Service]:
    """Every finding by its question, and the server that was asked."""
    kept: list[Service] = []
    found: list[Finding] = []

    async def main_(loop: JumpLoop) -> None:
        async with Service() as service:
            kept.append(service)
            service.add_chat(GROUP)
            service.add_chat(TALK, title="talk")
            service.add_chat(POSTS, "channel", title="posts", linked=TALK)
            prepare(service)
            request = request_of(30.0)
            bot = Bot(TOKEN, base_url=service.base_url, request=request, get_updates_request=request)
            await request.initialize()
            try:
                asking = Live(bot, JumpClock(loop, NIGHT), GROUP, post_to, told=lambda _text: None)
                found.extend(await asking.ask())
            finally:
                await request.shutdown()

    run_jumping(main_)
    return {one.question: one for one in found}, kept[0]


def test_every_question_is_answered_as_the_server_is() -> None:
    found, service = asked()
    assert tuple(found) == ("same_is_told", "code_is_quiet", *tuple(found)[2:])
    assert set(found) == set(QUESTIONS)
    assert {one.answer for one in found.values()} == {True}, found
    assert all(not chat.seen() or chat.chat_id == TALK for chat in service.chats.values()), "tidied up"


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_other_answer_is_found_too_and_nothing_else_changes(question: str) -> None:
    def otherwise(service: Service) -> None:
        setattr(service.ways, question, False)

    found, _ = asked(prepare=otherwise)
    assert {name: one.answer for name, one in found.items()} == dict.fromkeys(QUESTIONS, True) | {
        question: False
    }


def test_where_the_control_fails_nothing_is_concluded() -> None:
    def without_limits(service: Service) -> None:
        service.limits.on = False
        service.ways.names_links = False
        service.chats[POSTS].linked = 0

    found, _ = asked(prepare=without_limits)
    assert {name: one.answer for name, one in found.items()} == dict.fromkeys(QUESTIONS, None) | {
        "same_is_told": True
    }
    assert f"{MINUTE} messages" in found["failed_edits_count"].why
    found, service = asked(post_to=0)
    assert found["channels_as_groups"].answer is found["photos_forwarded"].answer is None
    assert not service.chats[POSTS].messages


def test_updates_that_wait_for_the_desk_go_on_waiting() -> None:
    def with_a_command(service: Service) -> None:
        service.people.say(service.chats[GROUP], User(user_id=7, name="Li"), "/status")

    _, service = asked(prepare=with_a_command)
    assert "/status" in [update.body.get("text") for update in service.updates.waiting]


# --- what is kept --------------------------------------------------------------------------------


def test_answers_are_kept_and_those_not_given_again_stay(tmp_path: Path) -> None:
    assert live.read(tmp_path) == UNKNOWN
    first = answers((Finding(question="same_is_told", answer=False, why=""),), "123")
    kept = live.keep(tmp_path / "data", first, NIGHT)
    assert live.read(tmp_path / "data") == kept == replace(first, at=NIGHT.isoformat())
    second = answers((Finding(question="code_is_quiet", answer=True, why=""),), "123")
    assert live.keep(tmp_path / "data", second, NIGHT).same_is_told is False
    other = live.keep(tmp_path / "data", answers((), "456"), NIGHT)
    assert other.same_is_told is None, "of another bot"


@pytest.mark.parametrize("damaged", ["", "[]", "{", '{"same_is_told": "no", "at": 7}', '{"x": true}', "\x00"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, damaged: str) -> None:
    (tmp_path / live.NAME).write_text(damaged)
    assert live.read(tmp_path) == UNKNOWN


# --- what the lanes make of it -------------------------------------------------------------------------


def lost(
    tmp_path: Path, known: LiveAnswers, check: Callable[[Lanes, list[Message]], Awaitable[None]]
) -> None:
    """An alert whose answer is lost after it arrived, among others' messages, on a server like that."""
    if known != UNKNOWN:
        live.keep(tmp_path, known, NIGHT)

    async def body(work: Lanes) -> None:
        work.service.ways.same_is_told = known.same_is_told is not False
        work.service.ways.failed_edits_count = known.failed_edits_count is not False
        await work.start()
        await work.clock.sleep(70)
        work.service.faults.waiting = [Fault(kind="reset-after", method="sendPhoto")]
        await work.alert(Tier.HIGH)
        work.service.people.chatter(work.group, 3)
        await work.clock.sleep(120)
        seen = [m for m in work.group.seen() if m.form == "photo"]
        assert len(seen) == 1
        assert await work.rows("SELECT count(*) FROM delivery WHERE state = 'delivered'") == [(1,)]
        await check(work, seen)

    night(tmp_path, body)


def test_a_lost_answer_is_found_by_its_words_where_buttons_tell_nothing(tmp_path: Path) -> None:
    async def check(work: Lanes, _seen: list[Message]) -> None:
        methods = [call.method for call in work.service.calls]
        assert "forwardMessage" in methods
        assert "editMessageReplyMarkup" not in methods
        assert not [m for m in work.group.seen() if m.forwarded], "the forward was taken away"

    lost(tmp_path, LiveAnswers(same_is_told=False), check)


def test_a_lost_answer_is_found_by_its_buttons_where_nothing_is_known(tmp_path: Path) -> None:
    async def check(work: Lanes, _seen: list[Message]) -> None:
        methods = [call.method for call in work.service.calls]
        assert "editMessageReplyMarkup" in methods
        assert "forwardMessage" not in methods

    lost(tmp_path, UNKNOWN, check)


def test_looks_take_no_place_of_the_minute_where_they_cost_none(tmp_path: Path) -> None:
    async def check(work: Lanes, _seen: list[Message]) -> None:
        assert work.service.limits.violations == 0

    lost(tmp_path, LiveAnswers(failed_edits_count=False), check)


def channel(known: LiveAnswers) -> Telegram:
    return Telegram(Settings(chat_id=GROUP), TOKEN, known)


def test_words_in_code_are_disarmed_only_where_code_does_not_do_it() -> None:
    text = "offer: 🦏 https://evil.example/@name #tag $TAG"
    span = Span(offset=7, length=units(text) - 7, kind="code")
    card = Card(headline=text, text=text, spans=(Span(offset=0, length=5, kind="bold"), span))
    for known in (UNKNOWN, LiveAnswers(code_is_quiet=True)):
        assert channel(known).dressed(card) == card
    made = channel(LiveAnswers(code_is_quiet=False)).dressed(card)
    assert units(made.text) == units(card.text)
    assert made.spans == card.spans
    assert made.text.startswith("offer: ")
    assert not set("./@#$") & set(made.text[7:])
    assert channel(LiveAnswers(code_is_quiet=False)).dressed(made) == made
    assert disarmed(words_card()).text == words_card().text


def words_card() -> Card:
    """A card without code."""
    return Card(headline="a.b", text="a.b @c", spans=(Span(offset=0, length=3, kind="bold"),))


# --- the command ---------------------------------------------------------------------------------------


def test_the_command_says_what_it_would_do_unless_it_is_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text('[nightjar]\ncontact = "ops@example.org"\n')
    line = ["selftest", "--config", str(tmp_path / "config.toml"), "--chat", "-1001"]
    assert main(line) == 2
    assert "--live" in capsys.readouterr().err
    assert main([*line, "--live"]) == 2
    assert "telegram channel" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_told_and_nothing_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    table = (
        '[nightjar]\ncontact = "ops@example.org"\ndata_dir = "data"\n'
        '[[channel]]\nname = "chat"\nkind = "telegram"\n'
        'chat_id = -1001\ntoken_file = "token"\nbase_url = "http://127.0.0.1:9/bot"\n'
    )
    (tmp_path / "config.toml").write_text(table)
    line = ["selftest", "--live", "--json", "--config", str(tmp_path / "config.toml"), "--chat", "-1001"]
    assert main(line) == 1
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert said["answers"] is None
    assert said["error"]
    assert TOKEN not in json.dumps(said)
    assert not (tmp_path / "data" / live.NAME).exists()
