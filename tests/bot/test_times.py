"""Times as officers read them: local clocks with their distance from UTC; evidence and events stay UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.channel import Manner
from bot.compose import card, event
from bot.desk import plots
from bot.desk.digest import words as digest_words
from bot.desk.people import actor
from bot.desk.rota import Rota, Shift
from bot.desk.tongue import tongue
from bot.lanes.incident import incident_card
from bot.settings.people import ChatTable
from storage import standing
from storage.duty import Duty, State
from storage.model import AlertKind, Lifetime, Tier
from tests.bot.lanes_kit import Lanes, night
from tests.bot.test_lane_parts import member
from tests.desk.kit import CHEN, GROUP, LI, WANG, Work, at_work
from tests.desk.test_digest import line
from tests.fakes import words

SHANGHAI = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("zone", "at", "shown"),
    [
        ("UTC", "2026-03-01 22:30:05", "03-01 22:30:05Z"),
        (SHANGHAI, "2026-03-01 22:30:05", "03-02 06:30:05+08"),
        ("Asia/Kathmandu", "2026-03-01 22:30:05", "03-02 04:15:05+05:45"),
        ("America/St_Johns", "2026-03-01 02:30:05", "02-28 23:00:05-03:30"),
        ("Europe/London", "2026-03-01 22:30:05", "03-01 22:30:05Z"),
        ("Europe/Berlin", "2026-10-25 00:59:59", "10-25 02:59:59+02"),
        ("Europe/Berlin", "2026-10-25 01:00:00", "10-25 02:00:00+01"),
    ],
)
def test_an_instant_is_told_by_local_clocks_with_their_distance_from_utc(
    zone: str, at: str, shown: str
) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    said = tongue("en", zone).second(instant)
    assert said == shown
    mark = said[14:]
    told = datetime.fromisoformat(f"2026-{said[:14]}{mark}")
    assert told == instant  # whoever reads it knows the instant, in the hour that clocks show twice too


def test_a_card_has_the_times_of_its_chat_and_the_event_those_of_the_evidence() -> None:
    posted = words.post(posted_at=words.NIGHT - timedelta(minutes=3))
    seen = words.evidence(posted, captured_at=words.NIGHT + timedelta(seconds=1.2))
    duty = Duty(
        alert_id="a" * 32,
        state=State.ACKNOWLEDGED,
        version=1,
        actor="Li",
        at=words.NIGHT + timedelta(hours=4),
    )
    life = Lifetime(last_seen_at=words.NIGHT, first_missing_at=words.NIGHT + timedelta(minutes=1))
    alert = words.alert(kind=AlertKind.DELETED, revises="a" * 32, evidence=seen, duty=duty, lifetime=life)
    sent_at = words.NIGHT + timedelta(seconds=2)
    local = card(alert, manner=Manner(zone=SHANGHAI), sent_at=sent_at).text
    assert (
        "posted 03-02 06:27:00+08 · listed 03-02 06:30:00+08 · captured 03-02 06:30:01+08 (+1.2 s) "
        "· sent 03-02 06:30:02+08"
    ) in local
    assert "DELETED between 03-02 06:30:00+08 and 03-02 06:31:00+08" in local
    assert "taken by Li at 10:30+08" in local
    plain = card(alert, sent_at=sent_at).text
    assert "captured 03-01 22:30:01Z (+1.2 s) · sent 03-01 22:30:02Z" in plain
    assert "taken by Li at 02:30Z" in plain
    assert event(alert)["facts"]["captured_at"] == "2026-03-01T22:30:01.200000+00:00"  # type: ignore[index]


def test_a_look_after_a_card_was_sent_is_not_called_its_capture() -> None:
    later = words.evidence(captured_at=words.NIGHT + timedelta(minutes=9))
    told = words.alert(kind=AlertKind.DELETED, revises="a" * 32, evidence=later)
    shown = card(told, sent_at=words.NIGHT + timedelta(seconds=2)).text
    assert "last look 03-01 22:39:00Z · sent 03-01 22:30:02Z" in shown
    assert "captured" not in shown


def test_an_incident_and_the_digest_have_the_times_of_their_chat() -> None:
    members = [member(n) for n in (0, 600)]
    shown = incident_card("seller a", members, say=tongue("zh-Hans", SHANGHAI)).text
    assert "03-02 06:30+08 至 03-02 06:40+08" in shown
    assert "03-02 06:40+08 高" in shown
    waiting = [line(created_at=words.NIGHT)]
    assert "06:30+08 HIGH" in digest_words("2026-03-01", waiting, tongue("en", SHANGHAI)).text
    assert plots.by_hour(waiting, SHANGHAI) == {6: 1}
    assert plots.by_hour(waiting, "UTC") == {22: 1}


def test_a_card_says_when_it_was_sent_and_goes_on_saying_it_when_it_is_edited(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        first = await work.alert()
        sent = f"sent {first.created_at:%m-%d %H:%M:%SZ}"
        await work.clock.sleep(40)
        assert sent in work.group.seen()[0].text
        assert first.evidence is not None
        again = {"title": "cheaper", "seller": "s1"}
        await work.look("p1", again, Tier.HIGH, previous=first.evidence)
        await work.clock.sleep(40)
        (shown,) = work.group.seen()
        assert "CHANGED" in shown.text
        assert sent in shown.text
        work.service.people.delete(work.group, shown.message_id)
        await work.look("p1", again | {"price": "9"}, Tier.HIGH, previous=first.evidence)
        await work.clock.sleep(40)
        (anew,) = work.group.seen()
        assert "sent " in anew.text
        assert sent not in anew.text

    night(tmp_path, body)


def test_answers_have_the_clocks_of_the_chat_or_of_the_officer_in_his_own(tmp_path: Path) -> None:
    rota = Rota(zone=SHANGHAI, since=date(2026, 1, 5), shifts=(Shift(officers=("Li", "Chen", "Wang")),))

    async def script(work: Work) -> None:
        urumqi = replace(WANG, zone="Asia/Urumqi", language="en")
        work.people = replace(
            work.people,
            officers=(LI, urumqi, CHEN),
            chats=(ChatTable(id=GROUP, zone="Asia/Kolkata"),),
            zone=rota.zone,
        )
        _, shown = await work.card(Tier.HIGH, 1)
        minute = f"{work.clock.now() + timedelta(hours=4) + timedelta(minutes=330):%m-%d %H:%M}+05:30"
        (told,) = await work.say("/oncall take 4h", LI, work.group)
        assert f"Li is on call until {minute}" in told.text
        (told,) = await work.say("/tonight", LI)
        assert "Since 03-01 21:30+08" in told.text  # nine hours before half past six
        (told,) = await work.say("/tonight", WANG)
        assert "Since 03-01 19:30+06" in told.text
        await work.press(shown, LI, "Acknowledge")
        pressed = await work.press(shown, CHEN, "Acknowledge")
        assert "04:00+05:30" in pressed.answer

    at_work(tmp_path, script, rota=rota)


def test_whoever_comes_on_call_reads_his_own_clocks(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        work.people = replace(work.people, officers=(replace(LI, zone=SHANGHAI), CHEN))
        ends = work.clock.now() + timedelta(minutes=30)
        await standing.take_turn(work.store.vault, "Li", ends, actor(LI), before="Chen")
        await work.soon(25)
        sql = "SELECT notice FROM alert WHERE kind = 'notice'"
        ((notice,),) = await work.store.vault.database.rows(sql)
        local = ends + timedelta(hours=8)
        assert f"you are on call until {local:%m-%d %H:%M}+08, after Chen" in notice

    at_work(tmp_path, script)
