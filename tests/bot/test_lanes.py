"""Chat lanes over a real store and our own Bot API server: once each, in order, within the budget."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.callback import read
from bot.desk.tongue import tongue
from bot.lanes.paging import page_of
from bot.receipts import forwarded
from nightmarket.messenger import Fault, Message, User
from nightmarket.messenger.journal import key_in
from storage.model import Tier
from tests.bot.lanes_kit import DIRECT, GROUP, KEY, Lanes, night

OFFICER = User(user_id=11, name="Li")


def cards(messages: list[Message]) -> list[str]:
    """Keys of the alerts that stand in a chat."""
    return [key for m in messages if (key := key_in(m.keyboard))]


async def _notices(work: Lanes) -> list[str]:
    return [row[0] for row in await work.rows("SELECT alert_id FROM alert WHERE kind = 'notice'")]


def test_an_alert_is_one_photo_with_a_button_and_urgent_goes_first(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        alerts = [await work.alert(tier) for tier in (Tier.NORMAL, Tier.HIGH, Tier.URGENT)]
        await work.start()
        await work.clock.sleep(5)
        assert cards(work.group.seen()) == [a.alert_id for a in reversed(alerts)]
        assert {m.form for m in work.group.seen()} == {"photo"}
        assert work.service.limits.violations == 0

    night(tmp_path, body)


@pytest.mark.parametrize(
    "kind",
    ["reset-before", "reset-after", "500-before", "500-after", "502-after", "cut-after", "hang-after",
     "hang-before", "wrong-length-after", "html-after", "stall-after"],
)  # fmt: skip
@pytest.mark.parametrize("pictures", [True, False])
def test_a_lost_answer_is_found_or_made_up_for_exactly(tmp_path: Path, kind: str, pictures: bool) -> None:
    async def body(work: Lanes) -> None:
        work.pictures = pictures
        await work.start()
        first = await work.alert()
        await work.clock.sleep(3)
        work.service.people.chatter(work.group, 3)
        method = "sendPhoto" if pictures else "sendMessage"
        work.service.faults.waiting = [Fault(kind=kind, method=method, delay_s=600)]
        second = await work.alert()
        await work.clock.sleep(0.4)
        work.service.people.chatter(work.group, 2)
        third = await work.alert()
        await work.clock.sleep(60)
        assert cards(work.group.seen()) == [a.alert_id for a in (first, second, third)]
        assert not any("possible repeat" in m.text for m in work.group.seen())
        own = [m for m in work.group.seen() if m.sender is work.service.me]
        assert len(own) == 3  # what served to look is gone again
        assert await work.rows("SELECT count(*) FROM delivery WHERE state <> 'delivered'") == [(0,)]

    night(tmp_path, body)


def test_a_kill_at_any_await_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        alerts = []
        for number in range(25):
            await work.start(grace_s=1.0)
            alerts.append(await work.alert(Tier.URGENT if number % 3 else Tier.HIGH))
            await work.clock.sleep(0.037 * number)
            await work.kill()
            work.service.people.chatter(work.group, number % 3)
        await work.start(grace_s=1.0)
        await work.clock.sleep(300)
        told = cards(work.group.seen())
        assert len(told) == len(set(told))
        inside = dict(await work.rows("SELECT alert_id, inside FROM delivery WHERE inside IS NOT NULL"))
        assert {inside.get(a.alert_id, a.alert_id) for a in alerts} == set(told) - set(await _notices(work))
        assert not [m for m in work.group.seen() if m.silent and key_in(m.keyboard) in told]

    night(tmp_path, body)


def test_an_urgent_alert_reaches_the_officer_though_the_group_is_told_to_wait(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start(direct=True)
        await work.clock.sleep(1)
        work.service.faults.waiting = [Fault(kind="429", chat_id=GROUP, retry_after=30)]
        began = work.clock.monotonic()
        alert = await work.alert(Tier.URGENT, announce=("c", "direct:5001"))
        await work.clock.sleep(40)
        own = work.service.chats[DIRECT].seen()
        assert cards(own) == cards(work.group.seen()) == [alert.alert_id]
        assert own[0].sent_at - began < 2
        assert not own[0].silent
        assert 30 <= work.group.seen()[0].sent_at - began < 33
        assert work.service.limits.early == 0

    night(tmp_path, body)


def test_a_second_wait_within_a_minute_makes_all_chats_rest(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start(direct=True)
        await work.clock.sleep(1)
        work.service.faults.waiting = [
            Fault(kind="429", chat_id=GROUP, retry_after=5),
            Fault(kind="429", chat_id=GROUP, retry_after=20),
        ]
        await work.alert()
        await work.clock.sleep(8)
        began = work.clock.monotonic()
        await work.alert(Tier.URGENT, announce=("direct:5001",))
        await work.clock.sleep(40)
        (own,) = work.service.chats[DIRECT].seen()
        assert 10 < own.sent_at - began < 25

    night(tmp_path, body)


def test_a_chat_that_moved_is_followed_for_good(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        work.chat_id = -7
        work.service.add_chat(-7, "group")
        await work.start()
        first = await work.alert()
        await work.clock.sleep(3)
        new = work.service.people.upgrade(work.group, -1_007)
        second = await work.alert()
        await work.clock.sleep(5)
        await work.kill()
        calls = len(work.service.calls)
        await work.start()
        third = await work.alert()
        await work.clock.sleep(5)
        assert cards(work.group.seen()) == [first.alert_id]
        assert cards(new.seen()) == [second.alert_id, third.alert_id]
        assert {c.chat_id for c in work.service.calls[calls:]} == {-1_007}
        assert any("is now -1007" in d.alert.notice for d in work.ear.told)

    night(tmp_path, body)


def test_a_bot_that_is_shut_out_keeps_its_rows_and_the_fallback_is_told(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start(fallback="ear")
        await work.clock.sleep(1)
        work.service.people.remove_bot(work.group)
        urgent, quiet = await work.alert(Tier.URGENT), await work.alert(Tier.NORMAL)
        await work.clock.sleep(10)
        told = [d.alert.alert_id for d in work.ear.told]
        assert urgent.alert_id in told
        assert quiet.alert_id not in told
        assert any("shut out" in d.alert.notice for d in work.ear.told)
        work.service.people.take_back(work.group)
        await work.clock.sleep(130)
        assert cards(work.group.seen()) == [urgent.alert_id, quiet.alert_id]
        assert any("told again" in d.alert.notice for d in work.ear.told)

    night(tmp_path, body)


def test_a_topic_that_is_gone_gives_way_to_the_general_one(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        work.group.forum = True
        work.group.topics[77] = "alerts"
        await work.start(topic_id=77)
        first = await work.alert()
        await work.clock.sleep(3)
        work.service.people.delete_topic(work.group, 77)
        second = await work.alert()
        await work.clock.sleep(3)
        told = {key_in(m.keyboard): m.thread_id for m in work.group.seen()}
        assert told == {first.alert_id: 77, second.alert_id: 0}
        assert any("topic is gone" in d.alert.notice for d in work.ear.told)

    night(tmp_path, body)


def test_a_refused_photo_comes_as_text_with_a_document(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        work.service.faults.waiting = [
            Fault(kind="400", method="sendPhoto", text="Bad Request: PHOTO_INVALID_DIMENSIONS")
        ]
        alert = await work.alert()
        await work.clock.sleep(5)
        card, document = work.group.seen()
        assert (card.form, key_in(card.keyboard)) == ("text", alert.alert_id)
        assert (document.form, document.reply_to, document.silent) == ("document", card.message_id, True)

    night(tmp_path, body)


def test_a_text_that_is_refused_as_too_long_is_cut_and_arrives(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        work.service.faults.waiting = [
            Fault(kind="400", method="sendPhoto", text="Bad Request: message caption is too long")
        ]
        alert = await work.alert(text="x" * 3_000)
        await work.clock.sleep(5)
        (card,) = work.group.seen()
        assert key_in(card.keyboard) == alert.alert_id
        assert card.text.endswith("…")

    night(tmp_path, body)


def test_the_newest_word_wins_and_a_message_is_edited_once_in_fifteen_seconds(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        first = await work.alert()
        await work.clock.sleep(2)
        last = first
        for number in range(4):
            assert last.evidence is not None
            last = await work.look(
                "p1", {"title": f"price {number}", "seller": "s1"}, Tier.HIGH, previous=last.evidence
            )
            await work.clock.sleep(2)
        await work.clock.sleep(60)
        (card,) = work.group.seen()
        assert "price 3" in card.text
        assert card.edits <= 2
        assert await work.rows("SELECT count(*) FROM delivery WHERE state <> 'delivered'") == [(0,)]

    night(tmp_path, body)


def test_a_deleted_card_is_told_anew_when_its_post_changes(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        first = await work.alert()
        await work.clock.sleep(2)
        work.service.people.delete(work.group, work.group.seen()[0].message_id)
        assert first.evidence is not None
        await work.look("p1", {"title": "cheaper", "seller": "s1"}, Tier.HIGH, previous=first.evidence)
        await work.clock.sleep(60)
        (card,) = work.group.seen()
        assert "CHANGED" in card.text
        assert card.silent

    night(tmp_path, body)


def test_a_seller_s_flood_becomes_one_message_that_is_edited_and_nothing_is_dropped(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        alerts = []
        for _ in range(30):
            alerts.append(await work.alert(Tier.HIGH, seller="the same"))
            await work.clock.sleep(1)
        await work.clock.sleep(120)
        own = work.group.seen()
        incident = next(m for m in own if "INCIDENT" in m.text)
        press = read(incident.keyboard[0][2]["callback_data"], KEY)
        assert press is not None
        turned = await page_of(work.store, press, KEY, tongue("en"))
        assert turned is not None
        assert "page 2 of" in turned.text
        assert await page_of(work.store, replace(press, alert_id="0" * 32), KEY, tongue("en")) is None
        alone = [m for m in own if key_in(m.keyboard) in {a.alert_id for a in alerts}]
        assert len(alone) <= 3
        assert f"{30 - len(alone)} posts" in incident.text
        assert incident.labels()[1].startswith("1/")
        rows = await work.rows("SELECT alert_id, state, receipt FROM delivery WHERE channel = 'c'")
        shown = {m.message_id for m in own}
        wanted = {a.alert_id for a in alerts}
        assert {alert for alert, state, _ in rows if state == "delivered"} >= wanted
        assert all(int(receipt.partition(":")[2]) in shown for alert, _, receipt in rows if alert in wanted)
        assert len(own) < 8

    night(tmp_path, body)


def test_what_joins_an_incident_that_somebody_deleted_is_told_all_the_same(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        first = [await work.alert(Tier.HIGH, seller="the same") for _ in range(6)]
        await work.clock.sleep(60)
        (incident,) = work.group.seen()
        assert "6 posts" in incident.text
        work.service.people.delete(work.group, incident.message_id)
        later = []
        for _ in range(3):
            later.append(await work.alert(Tier.HIGH, seller="the same"))
            await work.clock.sleep(2)
        await work.clock.sleep(120)
        rows = await work.rows("SELECT alert_id, state, receipt FROM delivery WHERE channel = 'c'")
        shown = {f"{m.form}:{m.message_id}" for m in work.group.seen()}
        at = {alert: receipt for alert, state, receipt in rows if state == "delivered"}
        assert all(at.get(one.alert_id) in shown for one in later)
        edits = [c for c in work.service.calls if c.method == "editMessageText"]
        assert len(edits) == 1  # a message that is gone is not tried for ever
        assert first[0].evidence is not None
        await work.gone("p1", first[0].evidence)
        await work.clock.sleep(60)
        assert "DELETED" in work.group.seen()[-1].text.splitlines()[0]

    night(tmp_path, body)


def test_what_an_incident_was_to_show_is_told_though_its_message_was_refused_for_good(
    tmp_path: Path,
) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        await work.clock.sleep(1)
        refusal = Fault(kind="400", method="sendMessage", text="Bad Request: of an unknown kind", times=2)
        work.service.faults.waiting = [refusal]
        alerts = [await work.alert(Tier.HIGH, seller="the same") for _ in range(6)]
        await work.clock.sleep(120)
        rows = await work.rows("SELECT alert_id, state, receipt FROM delivery WHERE channel = 'c'")
        shown = {f"{m.form}:{m.message_id}" for m in work.group.seen()}
        at = {alert: receipt for alert, state, receipt in rows if state == "delivered"}
        assert all(at.get(one.alert_id) in shown for one in alerts)

    night(tmp_path, body)


def test_many_urgent_ones_at_once_come_in_one_loud_message(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        for _ in range(9):
            await work.alert(Tier.URGENT)
        await work.start()
        await work.clock.sleep(5)
        (message,) = work.group.seen()
        assert "9 posts" in message.text
        assert not message.silent
        assert await work.rows("SELECT count(*) FROM delivery WHERE state <> 'delivered'") == [(0,)]

    night(tmp_path, body)


def test_a_forward_into_the_linked_group_is_the_receipt(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        work.chat_id = -1_002
        work.service.add_chat(-1_003)
        work.service.add_chat(-1_002, "channel", linked=-1_003)
        dispatcher = await work.start(discussion_id=-1_003)
        await work.clock.sleep(1)
        work.service.faults.waiting = [Fault(kind="reset-after", method="sendPhoto")]
        alert = await work.alert()
        await work.clock.sleep(2)
        arrivals = [forwarded(u.shown()) for u in work.service.updates.waiting]
        arrival = arrivals[-1]
        assert arrival is not None
        assert (arrival.alert_id, arrival.chat_id) == (alert.alert_id, -1_002)
        await dispatcher.arrived(arrival.alert_id, arrival.chat_id, arrival.message_id)
        await work.clock.sleep(40)
        assert cards(work.group.seen()) == [alert.alert_id]
        assert not [c for c in work.service.calls if c.method == "editMessageReplyMarkup"]

    night(tmp_path, body)


def test_an_outage_of_two_hours_ends_with_the_urgent_ones_and_the_fallback_was_told(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start(fallback="ear")
        await work.clock.sleep(1)
        await work.service.close_listener()
        began = work.clock.monotonic()
        for number in range(40):
            await work.alert(Tier.URGENT if number % 20 == 0 else Tier.NORMAL, seller=f"s{number % 7}")
        await asyncio.sleep(60)
        assert [d.alert.tier for d in work.ear.told].count(Tier.URGENT) == 2
        await work.clock.sleep(7_200)
        await work.service.open_listener()
        back = work.clock.monotonic()
        await work.clock.sleep(120)
        # Bounds are no alerts; one more is set where an answer was lost.
        shown = [s for s in work.service.shown if s.message.text[:6] in ("URGENT", "NORMAL")]
        assert [s.message.text[:6] for s in shown[:2]] == ["URGENT", "URGENT"]
        assert shown[1].at - back < 60
        assert back - began > 7_200
        assert await work.rows("SELECT count(*) FROM delivery WHERE state <> 'delivered'") == [(0,)]

    night(tmp_path, body)


@pytest.mark.parametrize("killed", [False, True])
def test_a_look_that_was_cut_off_is_not_taken_for_the_message_itself(tmp_path: Path, killed: bool) -> None:
    async def body(work: Lanes) -> None:
        await work.start(grace_s=1.0)
        await work.alert()
        await work.clock.sleep(3)
        work.service.faults.waiting = [
            Fault(kind="reset-before", method="sendPhoto"),
            Fault(kind="reset-after", method="editMessageReplyMarkup"),
        ]
        alert = await work.alert()
        await work.clock.sleep(0.3)
        answer = Message(message_id=0, chat_id=GROUP, sender=work.service.me, text="an answer to somebody")
        work.service.store(work.group, answer)
        await work.clock.sleep(1.5)
        touched = key_in(answer.keyboard) == alert.alert_id
        if killed:
            await work.kill()
            later = Message(message_id=0, chat_id=GROUP, sender=work.service.me, text="another answer")
            work.service.store(work.group, later)
            work.service.faults.waiting = [Fault(kind="reset-after", method="editMessageReplyMarkup")]
            await work.start(grace_s=1.0)
        await work.clock.sleep(30)
        assert touched  # the look had changed it when its answer was lost
        assert answer.keyboard == []
        assert cards(work.group.seen()).count(alert.alert_id) == 1

    night(tmp_path, body)


def test_a_storm_is_told_once_over_a_restart(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        for number in range(40):
            await work.alert(Tier.NORMAL, seller=f"s{number % 20}")
        await work.start()
        await work.clock.sleep(20)
        await work.kill()
        for number in range(40):
            await work.alert(Tier.NORMAL, seller=f"s{number % 20}")
        await work.start()
        await work.clock.sleep(300)
        assert sum("storm:" in m.text for m in work.group.seen()) == 1
        assert await work.rows("SELECT count(*) FROM delivery WHERE state <> 'delivered'") == [(0,)]
        assert work.service.limits.violations == 0

    night(tmp_path, body)


def test_answers_of_the_desk_share_the_chat_s_budget(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        dispatcher = await work.start()
        await work.clock.sleep(1)
        began = work.clock.monotonic()
        for _ in range(15):
            await dispatcher.pace(GROUP)
        assert 30 < work.clock.monotonic() - began < 120
        assert work.service.limits.violations == 0

    night(tmp_path, body)


def test_hostile_sellers_break_nothing_and_link_to_nothing(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        nasty = (
            "<b>", "@admin /start http://x.example", "\u202eevil\u200b", "\U0001f468\u200d\U0001f469" * 400,
            "\0nul", "x" * 40_000, "[a](tg://user?id=1)", "</code>&amp;<script>",
        )  # fmt: skip
        alerts = [await work.alert(title=text, seller=text[:50], text=text) for text in nasty]
        await work.clock.sleep(60)
        assert set(cards(work.group.seen())) == {a.alert_id for a in alerts}
        kinds = {e["type"] for m in work.group.seen() for e in m.entities}
        assert kinds <= {"bold", "code", "italic"}
        assert all(len(m.text.encode("utf-16-le")) // 2 <= 1_024 for m in work.group.seen())

    night(tmp_path, body)


def test_a_bound_outlives_the_kills_of_a_busy_chat(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start(grace_s=1.0)
        await work.alert()
        await work.clock.sleep(3)
        work.service.faults.waiting = [
            Fault(kind="reset-after", method="sendPhoto"),
            *(Fault(kind="hang-before", method="editMessageReplyMarkup") for _ in range(3)),
        ]
        alert = await work.alert()
        for _ in range(3):
            await work.clock.sleep(3)
            await work.kill()
            work.service.people.chatter(work.group, 60)
            await work.start(grace_s=1.0)
        await work.clock.sleep(40)
        assert cards(work.group.seen()).count(alert.alert_id) == 1
        assert not any("possible repeat" in m.text for m in work.group.seen())

    night(tmp_path, body)
