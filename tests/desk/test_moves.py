"""A group that becomes a supergroup: the bot stays in it, hears its people and mixes up no messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from nightmarket.messenger.journal import key_in
from storage import moves
from storage.duty import State
from storage.errors import DiskTrouble
from storage.model import Tier
from tests.bot.lanes_kit import Lanes, night
from tests.bot.test_lanes import cards
from tests.desk.kit import GROUP, LI, STRANGER, WANG, Work, at_work, replace

NEW = -1_007


def test_the_bot_stays_in_a_group_that_moved_and_hears_its_people(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card(Tier.URGENT)
        new = work.service.people.upgrade(work.group, NEW)
        await work.soon(2)
        work.service.people.take_back(new)
        work.service.people.say(new, STRANGER, "hello in the new group")
        await work.soon(2)
        assert new.shut == ""
        (answer,) = await work.say("/mutes", WANG, new)
        assert answer.chat_id == NEW
        moved = replace(card, chat_id=NEW)
        new.messages[card.message_id] = moved
        pressed = await work.press(moved, LI, "Acknowledge")
        assert pressed.answer == "It is yours."
        assert (await work.duty(alert)).state is State.ACKNOWLEDGED
        await work.stop()  # what was learnt outlives the process
        await work.start()
        await work.soon(1)
        assert (await work.say("/mutes", WANG, new))[0].chat_id == NEW
        assert not any("left it" in text for text in work.told)

    at_work(tmp_path, script)


@pytest.mark.parametrize("backwards", [False, True])
def test_either_of_the_two_messages_about_a_move_is_enough(tmp_path: Path, backwards: bool) -> None:
    async def script(work: Work) -> None:
        service = work.service
        new = service.add_chat(NEW)
        work.group.moved_to = NEW
        told = {"message_id": 1, "date": 5, "from": {"id": 777, "is_bot": False, "first_name": "T"}}
        if backwards:
            service.updates.add("message", told | {"chat": new.shown(), "migrate_from_chat_id": GROUP})
        else:
            service.updates.add("message", told | {"chat": work.group.shown(), "migrate_to_chat_id": NEW})
        service.people.say(new, STRANGER, "hello")
        await work.soon(2)
        assert new.shut == ""
        assert await moves.known(work.store.vault.database) == {NEW: GROUP}

    at_work(tmp_path, script)


def test_nobody_brings_the_bot_into_a_chat_by_a_move_from_one_that_it_does_not_know(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        new, service = work.service.add_chat(NEW), work.service
        told = {"message_id": 1, "date": 5, "from": {"id": 777, "is_bot": False, "first_name": "T"}}
        service.updates.add("message", told | {"chat": new.shown(), "migrate_from_chat_id": -4_711})
        await work.soon(2)
        assert new.shut
        assert await moves.known(work.store.vault.database) == {}

    at_work(tmp_path, script)


def test_a_card_of_the_group_before_is_never_mistaken_for_one_of_the_new_group(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        work.chat_id = -7
        work.service.add_chat(-7, "group")
        await work.start()
        old = await work.alert()
        await work.clock.sleep(3)
        (first,) = [m for m in work.group.seen() if key_in(m.keyboard) == old.alert_id]
        new = work.service.people.upgrade(work.group, NEW)
        new.next_id = first.message_id - 1  # ids begin anew there, and meet those of before
        fresh = [await work.alert() for _ in range(3)]
        await work.clock.sleep(20)
        assert cards(new.seen()) == [one.alert_id for one in fresh]
        before = {m.message_id: m.text for m in new.seen()}
        assert old.evidence is not None
        await work.look("p1", {"price": "9"}, Tier.HIGH, previous=old.evidence)
        await work.clock.sleep(60)
        seen = new.seen()
        assert {m.message_id: m.text for m in seen if m.message_id in before} == before
        assert len(seen) == len(before) + 1
        assert "CHANGED" in seen[-1].text

    night(tmp_path, body)


class Refusing:
    """A writer whose disk takes so many jobs and no more."""

    def __init__(self, writer: Any, most: int) -> None:
        self._writer, self.left = writer, most

    async def submit(self, job: Any) -> Any:
        if self.left <= 0:
            raise DiskTrouble("full")
        self.left -= 1
        return await self._writer.submit(job)


@pytest.mark.parametrize("written", range(4))
def test_another_group_is_taken_up_whole_whatever_the_disk_refused_meanwhile(
    tmp_path: Path, written: int
) -> None:
    async def body(work: Lanes) -> None:
        work.chat_id = -7
        work.service.add_chat(-7, "group")
        await work.start()
        old = await work.alert()
        await work.clock.sleep(3)
        await work.kill()
        work.chat_id = NEW
        work.service.add_chat(NEW, "group")
        vault = work.store.vault
        whole, refusing = vault.writer, Refusing(vault.writer, written)
        vault.writer = cast("Any", refusing)
        await work.start()
        await work.clock.sleep(3)
        vault.writer = whole
        await work.clock.sleep(30)
        rows = await work.rows("SELECT receipt, why FROM delivery WHERE alert_id = ?", old.alert_id)
        assert [(receipt, why.startswith("shown by photo:")) for receipt, why in rows] == [("", True)]

    night(tmp_path, body)


@pytest.mark.parametrize("to", [-7, NEW], ids=["to itself", "there and back"])
def test_a_server_that_sends_a_chat_round_in_circles_is_asked_seldom(tmp_path: Path, to: int) -> None:
    async def body(work: Lanes) -> None:
        work.chat_id = -7
        chat, other = work.service.add_chat(-7, "group"), work.service.add_chat(NEW, "group")
        await work.start(fallback="ear")
        await work.clock.sleep(3)
        chat.moved_to, other.moved_to = to, -7
        alert = await work.alert(Tier.URGENT)
        before = len(work.service.calls)
        await work.clock.sleep(300)
        assert len(work.service.calls) - before < 20
        told = [one.alert.notice for one in work.ear.told if "is now" in one.alert.notice]
        assert len(told) < 8
        assert alert.alert_id in [one.alert.alert_id for one in work.ear.told]
        chat.moved_to = other.moved_to = 0
        await work.clock.sleep(90)
        assert cards([*chat.seen(), *other.seen()]) == [alert.alert_id]

    night(tmp_path, body)


def test_what_joined_a_message_of_the_group_before_is_told_in_the_new_one(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        work.chat_id = -7
        work.service.add_chat(-7, "group")
        await work.start()
        alerts = [await work.alert(seller="the same", price=str(n)) for n in range(6)]
        await work.clock.sleep(30)
        new = work.service.people.upgrade(work.group, NEW)
        new.next_id = 1
        late = [await work.alert(seller="the same", price=str(n)) for n in range(10, 12)]
        await work.clock.sleep(90)
        assert await work.rows("SELECT alert_id FROM delivery WHERE state <> 'delivered'") == []
        inside = dict(await work.rows("SELECT alert_id, inside FROM delivery WHERE inside IS NOT NULL"))
        shown = set(cards(new.seen()))
        assert {inside.get(one.alert_id, one.alert_id) for one in late} <= shown
        assert len(alerts) == 6

    night(tmp_path, body)
