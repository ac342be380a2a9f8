"""The desk and a Bot API server with manners of its own: every press and command is acted on once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.desk.updates import PAUSE_S
from nightmarket.messenger import Fault
from storage.duty import State
from storage.model import Tier
from tests.desk.kit import CHEN, GROUP, LI, WANG, Work, at_work, user
from tests.fakes.otherapi import Manners, OtherApi

MANNERS = {
    "refusals with status 200": Manners(refusals_as_200=True),
    "JSON called HTML": Manners(html=True),
    "other order and unknown fields": Manners(shuffled=True),
    "without optional fields": Manners(sparse=True),
    "in slow pieces": Manners(chunked=True),
    "methods that are not there": Manners(absent=("deleteWebhook", "setMyCommands", "getMe")),
    "polls are answered at once": Manners(quick=True),
}


@pytest.mark.parametrize("name", MANNERS)
def test_presses_and_commands_are_acted_on_whatever_the_server_is_like(tmp_path: Path, name: str) -> None:
    async def script(work: Work) -> None:
        async with OtherApi(work.service, MANNERS[name]) as api:
            await work.start()
            await work.soon(3)
            alert, card = await work.card(Tier.URGENT)
            pressed = await work.press(card, LI, "Acknowledge")
            await work.soon(3)
            assert (await work.duty(alert)).state is State.ACKNOWLEDGED
            assert pressed.answer == "It is yours."
            await work.say("/mutes", WANG, work.group)
            await work.soon(3)
            assert "0" in work.group.seen()[-1].text
            await work.soon(60)
            assert api.polls < 600
            await work.stop()

    at_work(tmp_path, script, begin=False)


def noise(first: int, card: dict[str, Any]) -> list[dict[str, Any]]:
    """Updates of other kinds and of none, with jumps between their ids."""
    chat = {"id": GROUP, "type": "supergroup", "title": "watch"}
    who = {"id": LI.telegram, "is_bot": False, "first_name": "Li"}
    said = {"message_id": 9, "date": 5, "chat": chat, "from": who, "text": "/mutes"}
    return [
        {"update_id": first, "edited_message": said | {"edit_date": 6}},
        {"update_id": first + 7, "channel_post": said},
        {"update_id": first + 8, "message": {"message_id": "nine", "chat": 3, "from": "x"}},
        {"update_id": first + 9, "poll": {"id": "1"}},
        {"update_id": first + 11, "something_new": {"a": [1]}},
        {"update_id": first + 12, "callback_query": {"id": "77", "from": who, "data": card["data"]}},
        {"update_id": first + 13, "callback_query": {"id": "78", "from": who, "message": said, "data": 5}},
        {"update_id": first + 400, "message_reaction": {"chat": chat, "message_id": 9, "date": 5}},
        {"no_update": 1},
    ]


def test_updates_of_other_kinds_and_of_none_hold_nothing_up(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        manners = Manners()
        async with OtherApi(work.service, manners) as api:
            await work.start()
            await work.soon(1)
            alert, card = await work.card(Tier.URGENT)
            work.service.updates._next_id += 1_000
            data = card.keyboard[0][0]["callback_data"]
            manners.noise = noise(work.service.updates._next_id - 900, {"data": data})
            pressed = await work.press(card, LI, "Acknowledge")
            await work.soon(5)
            assert (await work.duty(alert)).state is State.ACKNOWLEDGED
            assert pressed.answer == "It is yours."
            assert all(handled for _, handled in (await work.inbox()).values())
            assert api.polls < 30
            assert not any("fault of its own" in text for text in work.told)

    at_work(tmp_path, script, begin=False)


def test_an_update_that_cannot_be_read_is_passed_over_at_the_very_first_poll(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        manners = Manners(noise=[{"update_id": 5, "message": {"message_id": "x", "chat": [], "date": {}}}])
        async with OtherApi(work.service, manners) as api:
            await work.start()
            await work.soon(30)
            assert api.polls < 6
            assert (await work.inbox())[5][1]

    at_work(tmp_path, script, begin=False)


@pytest.mark.parametrize("number", [[], {"a": 1}, "5", 1.5, None])
def test_a_sender_whose_number_is_none_does_not_end_the_desk(tmp_path: Path, number: object) -> None:
    async def script(work: Work) -> None:
        said = {"message_id": 9, "date": 5, "chat": {"id": GROUP, "type": "supergroup"}, "text": "/mutes"}
        work.service.updates.add("message", said | {"from": {"id": number, "is_bot": False}})
        await work.soon(3)
        await work.say("/mutes", CHEN)
        await work.soon(5)
        assert [m.text for m in work.own(CHEN).seen()] == ["/mutes", "Mutes: 0"]
        assert all(handled for _, handled in (await work.inbox()).values())

    at_work(tmp_path, script)


def test_another_bot_s_lower_ids_are_heard_after_a_start(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        await work.say("/mutes", LI)
        await work.stop()
        work.service.updates._next_id -= 90_000_000
        await work.start()
        await work.say("/mutes", CHEN)
        await work.soon(5)
        assert [m.text for m in work.own(CHEN).seen()] == ["/mutes", "Mutes: 0"]

    at_work(tmp_path, script)


def test_after_a_week_of_silence_the_server_is_asked_for_whatever_there_is(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert work.front is not None
        polling = work.front._polling()
        await work.stop()
        await work.front.server.open()
        try:
            assert await polling.once(7) == 7
            await work.soon(7 * 86_400)
            assert await polling.once(7) is None
            work.service.people.say(work.own(CHEN), user(CHEN), "/mutes")
            assert await polling.once(None) == work.service.updates.waiting[0].update_id + 1
        finally:
            await work.front.server.close()

    at_work(tmp_path, script)


def test_a_server_that_tells_the_same_updates_for_ever_is_not_asked_without_a_pause(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert work.front is not None
        polling = work.front._polling()
        await work.stop()
        await work.front.server.open()
        try:
            work.service.people.say(work.own(CHEN), user(CHEN), "/mutes")
            began = work.clock.monotonic()
            offset = await polling.once(None)
            first = work.clock.monotonic()
            for _ in range(10):  # nothing is confirmed: it comes again
                assert await polling.once(None) == offset
            assert first - began < PAUSE_S
            assert work.clock.monotonic() - first >= 10 * PAUSE_S
        finally:
            await work.front.server.close()

    at_work(tmp_path, script)


@pytest.mark.parametrize("kind", ["429", "500-before", "reset-before", "502-after"])
def test_an_answer_to_a_press_is_tried_again(tmp_path: Path, kind: str) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card(Tier.URGENT)
        work.service.faults.waiting = [Fault(kind=kind, method="answerCallbackQuery", retry_after=1)]
        pressed = await work.press(card, LI, "Acknowledge")
        await work.soon(5)
        assert (await work.duty(alert)).state is State.ACKNOWLEDGED
        assert pressed.answer == "It is yours."

    at_work(tmp_path, script)


def test_an_answer_that_was_surely_not_taken_is_sent_again_once(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        work.service.faults.waiting = [Fault(kind="429", method="sendMessage", retry_after=2)]
        await work.say("/mutes", CHEN)
        await work.soon(5)
        assert [m.text for m in work.own(CHEN).seen() if m.sender is work.service.me] == ["Mutes: 0"]

    at_work(tmp_path, script)


def test_a_chat_is_left_alone_for_as_long_as_the_desk_was_asked_to_wait_there(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        work.service.faults.waiting = [Fault(kind="429", method="sendMessage", retry_after=20)]
        await work.say("/mutes", LI, work.group)
        await work.soon(2)
        assert work.held == [(GROUP, 20.0)]

    at_work(tmp_path, script)
