"""A reply "ok" or "收到" takes the alert of its card, as a press would; nothing else that is written does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.desk.written import takes
from nightmarket.messenger import Message
from storage import incidents, lanes
from storage.duty import State
from storage.lane_words import Intent, Place
from storage.model import Alert, Tier
from tests.desk.kit import CHEN, GROUP, LI, STRANGER, SUN, WANG, Work, at_work, user
from tests.storage.test_duty import alerted


async def told(work: Work, number: int = 1, tier: Tier = Tier.HIGH) -> tuple[Alert, Message]:
    """An alert whose card stands in the group, by the rows of a lane that sent it."""
    alert, card = await work.card(tier, number)
    await delivered(work, alert.alert_id, card.message_id)
    return alert, card


async def delivered(work: Work, alert_id: str, message_id: int) -> None:
    vault, now = work.store.vault, work.clock.now()
    sql = "SELECT id FROM delivery WHERE alert_id = ? AND channel = 'chat'"
    ((row,),) = await vault.database.rows(sql, (alert_id,))
    intent = Intent(chat=str(GROUP), after=0, form="photo", keyboard=(), text_sha256="")
    await lanes.intend(vault, row, now, intent, repeat=False)
    place = Place(channel="chat", receipt=f"photo:{message_id}", message_id=message_id)
    await lanes.delivered(vault, place, [row], now)


@pytest.mark.parametrize("text", ["ok", "OK", " Ok. ", "okay", "收到", "收到。", "接手"])
def test_these_few_words_take_an_alert(text: str) -> None:
    assert takes(text)


@pytest.mark.parametrize(
    "text", ["", ".", "ok ok", "not ok", "ok?", "收", "好", "yes", "ok @bot", "k", "okok", "👍"]
)
def test_no_other_word_does(text: str) -> None:
    assert not takes(text)


def test_a_reply_takes_the_alert_and_stands_in_the_log(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await told(work)
        other, _ = await told(work, 2)
        spoken = work.spoken
        (answer,) = await work.say("OK", LI, work.group, reply_to=card.message_id)
        assert answer.text == "It is yours."
        assert answer.chat_id == GROUP
        duty = await work.duty(alert)
        assert (duty.state, duty.actor_id, duty.version) == (State.ACKNOWLEDGED, LI.telegram, 1)
        assert (await work.duty(other)).state is State.NEW
        assert work.spoken > spoken
        (answer,) = await work.say("收到", WANG, work.group, reply_to=card.message_id)
        assert "Already done by Li at 22:3" in answer.text
        acts = [(one["act"], one["actor"], one.get("refused", "")) for one in await work.actions()]
        assert acts == [("acknowledge", "Li", ""), ("acknowledge", "Wang", "somebody did that before")]

    at_work(tmp_path, script)


def test_the_role_is_looked_at_and_refusals_are_in_the_log(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await told(work)
        (answer,) = await work.say("ok", SUN, work.group, reply_to=card.message_id)
        assert answer.text == "Your role may not do that."
        assert await work.say("ok", STRANGER, work.group, reply_to=card.message_id) == []
        (answer,) = await work.say("ok", LI, work.group, reply_to=card.message_id, as_chat=True)
        assert "anonymous" in answer.text
        assert (await work.duty(alert)).state is State.NEW
        refused = [(one["actor_id"], one["refused"]) for one in await work.actions()]
        assert refused == [("5004", "may not acknowledge"), ("666", "not on the list")]

    at_work(tmp_path, script)


def test_what_is_no_reply_to_a_card_is_talk(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await told(work)
        said = await work.say("/mutes", LI, work.group)
        people = work.service.people.say(work.group, user(CHEN), "shall I?")
        for more in (
            {},
            {"reply_to": said[-1].message_id},
            {"reply_to": people.message_id},
            {"reply_to": 999_999},
        ):
            assert await work.say("ok", LI, work.group, **more) == []
        assert await work.say("on my way", LI, work.group, reply_to=card.message_id) == []
        # The same number in another chat is another message.
        assert await work.say("ok", LI, reply_to=card.message_id) == []
        assert (await work.duty(alert)).state is State.NEW
        assert await work.actions() == []

    at_work(tmp_path, script)


def test_a_word_that_comes_again_after_a_kill_acts_once(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await told(work)
        await work.stop()
        work.service.people.say(work.group, user(LI), "ok", reply_to=card.message_id)
        for _ in range(3):  # killed right after the act, before its letter counts as handled
            await work.start()
            while not (await work.duty(alert)).version:
                await work.soon(0.01)
            await work.stop()
        await work.start()
        await work.soon(5)
        duty = await work.duty(alert)
        assert (duty.state, duty.version) == (State.ACKNOWLEDGED, 1)
        assert [one["act"] for one in await work.actions()] == ["acknowledge"]
        assert "acknowledged" in {outcome for outcome, _ in (await work.inbox()).values()}

    at_work(tmp_path, script)


async def gathered(work: Work, count: int) -> tuple[list[Alert], Message]:
    """An incident of so many alerts that stands in the group."""
    alerts = [(await work.card(Tier.HIGH, n))[0] for n in range(1, count + 1)]
    vault = work.store.vault
    rows = await vault.database.rows("SELECT id FROM delivery WHERE channel = 'chat' ORDER BY id")
    incident = await incidents.open_incident(
        vault, "chat", "seller s", 1, [row[0] for row in rows], loud=True
    )
    message = work.group.seen()[-1]
    await delivered(work, incident, message.message_id)
    await shown_inside(work, incident, message, [row[0] for row in rows])
    return alerts, message


async def shown_inside(work: Work, incident: str, message: Message, rows: list[int]) -> None:
    vault, now = work.store.vault, work.clock.now()
    await incidents.join(vault, incident, rows)
    place = Place(channel="chat", receipt=f"photo:{message.message_id}", message_id=message.message_id)
    await lanes.delivered(vault, place, rows, now)


def test_a_reply_to_a_message_with_several_alerts_takes_all_that_is_open(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alerts, message = await gathered(work, 3)
        await work.say("ok", CHEN, work.group, reply_to=(await told(work, 9))[1].message_id)
        (answer,) = await work.say("收到", LI, work.group, reply_to=message.message_id)
        assert answer.text == "3 are yours."
        assert {(await work.duty(one)).actor for one in alerts} == {"Li"}
        (answer,) = await work.say("ok", CHEN, work.group, reply_to=message.message_id)
        assert answer.text == "Nothing of it is open any more."
        (answer,) = await work.say("ok", SUN, work.group, reply_to=message.message_id)
        assert answer.text == "Your role may not do that."

    at_work(tmp_path, script)


def test_what_joined_a_message_after_the_reply_was_written_stays_open(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        work.service.dated = lambda: work.clock.now().timestamp()
        alerts, message = await gathered(work, 2)
        await work.stop()
        work.service.people.say(work.group, user(LI), "ok", reply_to=message.message_id)
        await work.soon(30)
        later = await alerted(work.store, 7, Tier.HIGH)
        vault = work.store.vault
        ((row,),) = await vault.database.rows(
            "SELECT id FROM delivery WHERE alert_id = ? AND channel = 'chat'", (later.alert_id,)
        )
        ((incident,),) = await vault.database.rows("SELECT alert_id FROM incident")
        await shown_inside(work, incident, message, [row])
        await work.start()
        await work.soon(3)
        assert {(await work.duty(one)).state for one in alerts} == {State.ACKNOWLEDGED}
        assert (await work.duty(later)).state is State.NEW

    at_work(tmp_path, script)


def test_help_says_so_in_both_languages(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert 'A reply "ok" to a card takes its alert' in (await work.say("/help", LI))[0].text
        assert "回复警报“收到”" in (await work.say("/help", WANG))[0].text

    at_work(tmp_path, script)
