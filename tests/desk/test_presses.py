"""Presses: who may, what they change, once; and everything else politely refused and written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import callback
from bot.callback import Callback
from bot.desk.people import People, actor
from bot.desk.reply import Reply
from bot.lanes.incident import ack_all, incident_card, pager
from storage import incidents, lane_view
from storage.duties import act
from storage.duty import Act, Order, Outcome, State
from storage.model import Tier
from tests.desk.kit import CHEN, GROUP, KEY, LI, OTHER, STRANGER, SUN, WANG, ZHAO, Work, at_work
from tests.storage.test_duty import alerted


def test_a_press_takes_the_alert_and_is_answered_to_who_pressed(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        pressed = await work.press(card, LI, "Acknowledge")
        duty = await work.duty(alert)
        assert (duty.state, duty.actor, duty.version) == (State.ACKNOWLEDGED, "Li", 1)
        assert (pressed.answer, pressed.alert) == ("It is yours.", False)
        assert pressed.answered_at - pressed.at < 0.3
        assert work.arrivals == [(alert.alert_id, GROUP, card.message_id)]
        (fact,) = await work.actions()
        assert (fact["actor"], fact["actor_id"], fact["before"], fact["after"]) == (
            "Li",
            "5001",
            "new",
            "acknowledged",
        )

    at_work(tmp_path, script)


def test_two_officers_at_once_make_one_transition_and_the_second_is_told_of_the_first(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        presses = [work.tap(card, who, "Acknowledge") for who in (LI, CHEN, WANG)]
        await work.soon(3)
        duty = await work.duty(alert)
        assert (duty.state, duty.version) == (State.ACKNOWLEDGED, 1)
        answers = sorted(p.answer for p in presses)
        assert sum("yours" in a for a in answers) == 1
        assert sum(duty.actor in a and "22:3" in a for a in answers) == 2
        assert [bool(f.get("refused")) for f in await work.actions()] == [False, True, True]

    at_work(tmp_path, script)


def test_a_false_positive_asks_for_its_reason_and_keeps_it(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        await work.press(card, LI, "False positive")
        assert "Replica" in work.group.messages[card.message_id].labels()
        assert (await work.duty(alert)).state is State.NEW
        await work.press(card, LI, "Back")
        assert work.group.messages[card.message_id].labels()[0] == "Acknowledge"
        await work.press(card, LI, "False positive")
        await work.press(card, LI, "Replica")
        duty = await work.duty(alert)
        assert (duty.state, duty.outcome, duty.reason) == (
            State.RESOLVED,
            Outcome.FALSE_POSITIVE,
            "replica",
        )
        late = await work.press(card, CHEN, data=_data(alert.alert_id, "ack"))
        assert "resolved by Li" in late.answer

    at_work(tmp_path, script)


def _data(alert_id: str, action: str, version: int = 0, key: bytes = KEY) -> str:
    return callback.write(Callback(alert_id=alert_id, action=action, version=version), key)


@pytest.mark.parametrize("kind", ["malformed", "forged", "foreign house", "unknown", "future", "odd action"])
def test_a_press_that_is_not_ours_is_refused_politely_and_changes_nothing(tmp_path: Path, kind: str) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        good = _data(alert.alert_id, "ack")
        data = {
            "malformed": "x'; DROP TABLE duty; --",
            "forged": good[:-1] + ("0" if good[-1] != "0" else "1"),
            "foreign house": _data(alert.alert_id, "ack", key=b"z" * 32),
            "unknown": _data("f" * 32, "ack"),
            "future": _data(alert.alert_id, "ack", version=7),
            "odd action": _data(alert.alert_id, "purge"),
        }[kind]
        pressed = await work.press(card, LI, data=data)
        assert pressed.alert
        assert pressed.answer
        assert (await work.duty(alert)).state is State.NEW
        (fact,) = await work.actions()
        assert fact["refused"]
        assert fact["actor"] == "Li"
        assert all(handled for _, handled in (await work.inbox()).values())

    at_work(tmp_path, script)


def test_a_press_of_a_card_that_somebody_acted_on_since_is_late(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        await work.press(card, LI, "Acknowledge")
        await act(work.store.vault, Order(alert_id=alert.alert_id, act=Act.UNACKNOWLEDGE, actor=actor(LI)))
        for button in ("Confirm", "False positive"):  # one acts, one opens a menu
            pressed = await work.press(card, CHEN, button)
            assert "acted since" in pressed.answer
        assert (await work.duty(alert)).state is State.NEW
        assert [one["actor"] for one in await work.actions() if one.get("refused")] == ["Chen", "Chen"]

    at_work(tmp_path, script)


def test_a_replayed_update_acts_once(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        await work.press(card, LI, "Acknowledge")
        await act(work.store.vault, Order(alert_id=alert.alert_id, act=Act.UNACKNOWLEDGE, actor=actor(LI)))
        updates = work.service.updates
        (first,) = [n for n, (outcome, _) in (await work.inbox()).items() if outcome == "acknowledged"]
        updates._next_id = first
        await work.press(card, LI, data=_data(alert.alert_id, "ack"))
        assert (await work.duty(alert)).state is State.NEW

    at_work(tmp_path, script)


def test_the_role_counts_that_stands_in_the_configuration_at_the_press(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        pressed = await work.press(card, SUN, "Acknowledge")
        assert (pressed.answer, pressed.alert) == ("Your role may not do that.", True)
        promoted = tuple(replace(o, role="officer") if o.name == "Sun" else o for o in work.people.officers)
        work.people = People(officers=promoted, chats=work.people.chats)
        await work.press(card, SUN, "Acknowledge")
        assert (await work.duty(alert)).actor == "Sun"
        work.people = People(officers=(LI,), chats=work.people.chats)
        gone = await work.press(card, ZHAO, "Confirm")
        assert "not on the list" in gone.answer
        told = [(f["actor_id"], f.get("refused", "")) for f in await work.actions()]
        assert told == [("5004", "may not acknowledge"), ("5004", ""), ("5003", "not on the list")]

    at_work(tmp_path, script)


def test_a_stranger_s_presses_in_the_group_are_refused_and_do_not_flood_the_log(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        presses = [work.tap(card, STRANGER, "Acknowledge") for _ in range(30)]
        await work.soon(5)
        assert all(p.alert and "not on the list" in p.answer for p in presses)
        assert (await work.duty(alert)).state is State.NEW
        assert len(await work.actions()) == 20

    at_work(tmp_path, script)


def test_an_acknowledgement_is_taken_back_by_the_button_and_time_runs_anew(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        await work.press(card, LI, "Acknowledge")
        again = await work.shown(alert)
        assert again.labels()[:2] == ["Take back", "Escalate"]
        await work.press(again, CHEN, "Take back")
        assert (await work.duty(alert)).state is State.NEW
        await work.soon(timedelta(minutes=3, seconds=2).total_seconds())
        assert (await work.duty(alert)).level == 1

    at_work(tmp_path, script)


def test_buttons_that_ask_answer_in_private_and_contacts_only_for_who_may(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card(seller="jade lady", text="tel 13800138000 call")
        pressed = await work.press(card, LI, "Case")
        assert pressed.answer == "Sent to you in private."
        (told,) = work.own(LI).seen()
        assert "jade lady" in told.text
        assert all(entity["type"] in ("bold", "code") for entity in told.entities)
        assert not told.preview
        refused = await work.press(card, LI, "Evidence")
        assert refused.answer == "Your role may not do that."
        await work.press(card, WANG, "Evidence")
        (file,) = work.own(WANG).seen()
        assert file.upload is not None
        assert file.upload.data.startswith(b"PK")
        assert alert.evidence is not None
        assert file.upload.name == f"{alert.evidence.evidence_id}.zip"
        assert list((tmp_path / "data" / "outgoing").iterdir()) == []
        looked = await work.press(card, LI, "Similar")
        assert looked.answer
        assert "resembles" in work.own(LI).seen()[-1].text

    at_work(tmp_path, script)


def test_who_never_wrote_to_the_bot_is_told_to(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        _, card = await work.card()
        work.service.people.remove_bot(work.own(LI))
        pressed = await work.press(card, LI, "Case")
        assert "/start" in pressed.answer
        assert pressed.alert

    at_work(tmp_path, script)


def test_mute_and_watch_ask_once_and_then_do(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        _, card = await work.card(seller="jade lady")
        await work.press(card, LI, "Mute seller")
        assert work.group.messages[card.message_id].labels() == ["Yes, mute for 12 h", "Back"]
        done = await work.press(card, LI, "Yes, mute for 12 h")
        assert "Muted for 12 h" in done.answer
        assert work.group.messages[card.message_id].labels()[0] == "Acknowledge"
        await work.press(card, LI, "Watch seller")
        done = await work.press(card, LI, "Yes, watch this seller")
        assert "go first" in done.answer
        rows = await work.store.vault.database.rows("SELECT kind, value, target FROM mute")
        assert [tuple(row) for row in rows] == [("seller", "jade lady", "market")]

    at_work(tmp_path, script)


def test_a_seller_that_one_person_mutes_by_the_button_again_and_again_needs_a_second(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        _, card = await work.card(seller="jade lady")
        said = []
        for _ in range(3):
            await work.press(card, LI, "Mute seller")
            said.append((await work.press(card, LI, "Yes, mute for 12 h")).answer)
            await work.clock.sleep(13 * 3600)
        assert ["Muted for 12 h" in text for text in said] == [True, True, False]
        assert "second one agrees with /mute agree 3" in said[2]

    at_work(tmp_path, script)


def test_a_press_in_a_chat_that_is_not_on_the_list_changes_nothing_and_the_bot_leaves(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        other = work.service.add_chat(OTHER)
        forged = replace(card, chat_id=OTHER)
        other.messages[card.message_id] = forged
        await work.press(forged, STRANGER, "Acknowledge")
        assert (await work.duty(alert)).state is State.NEW
        assert other.shut
        assert any("not on the list" in text for text in work.told)

    at_work(tmp_path, script)


def test_an_officer_s_press_in_a_foreign_chat_is_refused_in_words_and_stands_in_the_log(
    tmp_path: Path,
) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        other = work.service.add_chat(OTHER)
        other.messages[card.message_id] = replace(card, chat_id=OTHER)
        pressed = await work.press(other.messages[card.message_id], LI, "Acknowledge")
        assert pressed.alert
        assert "not on the list" in pressed.answer
        assert (await work.duty(alert)).state is State.NEW
        fact, left = await work.actions()
        assert (fact["refused"], fact["actor"], fact["chat"]) == ("foreign chat", "Li", str(OTHER))
        assert (left["refused"], left["chat"]) == ("left", str(OTHER))
        assert other.shut

    at_work(tmp_path, script)


def test_all_that_an_incident_showed_is_taken_by_one_press(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        vault = work.store.vault
        alerts = [await alerted(work.store, number, Tier.HIGH) for number in range(6)]
        waiting = [one.delivery_id for one in (await lane_view.view(vault, "chat", work.clock.now())).waiting]
        incident = await incidents.open_incident(vault, "chat", "seller x", 1, waiting[:5], loud=False)
        shown = await incidents.members(vault, incident)
        card = incident_card("seller x", shown)
        assert "5 taken by nobody" in card.text
        buttons = pager(incident, shown, KEY) + ack_all(incident, shown, KEY)
        assert work.front is not None
        await work.front.server.send(GROUP, Reply(text=card.text, spans=card.spans, keyboard=buttons))
        message = work.group.seen()[-1]
        await act(vault, Order(alert_id=alerts[0].alert_id, act=Act.CONFIRM, actor=actor(WANG)))
        await incidents.join(vault, incident, waiting[5:])  # nobody was shown this one
        refused = await work.press(message, SUN, "Acknowledge all (5)")
        assert refused.alert
        pressed = await work.press(message, LI, "Acknowledge all (5)")
        assert pressed.answer == "4 are yours."
        states = [(await work.duty(alert)).state for alert in alerts]
        assert states == [State.RESOLVED, *[State.ACKNOWLEDGED] * 4, State.NEW]
        again = await work.press(message, CHEN, "Acknowledge all (5)")
        assert again.answer == "Nothing of it is open any more."
        assert [(await work.duty(alert)).actor for alert in alerts[1:5]] == ["Li"] * 4
        took = [f for f in await work.actions() if f["act"] == "acknowledge" and "refused" not in f]
        assert len(took) == 4
        left = await incidents.members(vault, incident)
        assert [one.open for one in left] == [False] * 5 + [True]
        assert len(ack_all(incident, left, KEY)) == 1
        assert ack_all(incident, left[:5], KEY) == ()

    at_work(tmp_path, script)


def test_the_pages_of_an_incident_are_turned_and_change_nothing(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        vault = work.store.vault
        for number in range(30):
            await alerted(work.store, number, Tier.HIGH, title=f"offer {number:02}")
        waiting = (await lane_view.view(vault, "chat", work.clock.now())).waiting
        members = [one.delivery_id for one in waiting]
        assert len(members) == 30
        await incidents.open_incident(vault, "chat", "seller x", 1, members, loud=False)
        rows = await vault.database.rows("SELECT alert_id FROM incident")
        incident = rows[0][0]
        shown = await incidents.members(vault, incident)
        card = incident_card("seller x", shown)
        assert work.front is not None
        buttons = pager(incident, shown, KEY)
        await work.front.server.send(GROUP, Reply(text=card.text, spans=card.spans, keyboard=buttons))
        message = work.group.seen()[-1]
        assert "page 1 of 3" in message.text
        before = message.text
        pressed = await work.press(message, LI, "›")
        assert (pressed.answer, pressed.alert) == ("", False)
        message = work.group.messages[message.message_id]
        assert "page 2 of 3" in message.text
        assert message.text != before
        await work.press(message, LI, "›")
        await work.press(work.group.messages[message.message_id], LI, "›")
        assert "page 1 of 3" in work.group.messages[message.message_id].text
        assert await work.actions() == []

    at_work(tmp_path, script)


def test_a_button_that_only_names_its_alert_answers_with_the_number(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        pressed = await work.press(card, SUN, data=_data(alert.alert_id, "ref"))
        assert pressed.answer == f"Alert {alert.alert_id[-8:]}"
        assert work.arrivals[-1] == (alert.alert_id, GROUP, card.message_id)

    at_work(tmp_path, script)


def test_a_channel_s_post_in_its_linked_group_is_a_receipt(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, _ = await work.card()
        channel = work.service.add_chat(-1007, kind="channel", linked=GROUP)
        assert work.front is not None
        text = f"URGENT\nalert {alert.alert_id}\nmore"
        await work.front.server.send(channel.chat_id, Reply(text=text))
        posted = channel.seen()[-1]
        await work.soon()
        assert work.arrivals == [(alert.alert_id, -1007, posted.message_id)]

    at_work(tmp_path, script)
