"""What chat lanes decide by: budgets, brackets, gathering, the text of an incident, receipts, own chats."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.callback import read
from bot.channels import telegram
from bot.desk.tongue import LANGUAGES, tongue
from bot.direct import with_direct
from bot.lanes.bracket import MOST, bracket
from bot.lanes.budget import GROUP_MOST, PRIVATE_EVERY_S, Purse, Purses, Use
from bot.lanes.coalesce import BACKLOG_MOST, gather
from bot.lanes.incident import LIMIT, PAGE, incident_card, pager, pages
from bot.receipts import forwarded
from bot.settings.channels import ChannelTable
from bot.words import cut, units
from storage.callback_key import callback_key
from storage.lane_words import Member, Waiting
from storage.model import AlertKind, Tier
from tests.fakes import words

USES = st.sampled_from(list(Use))
KEY = b"k" * 32


# --- budgets --------------------------------------------------------------------------


@given(st.lists(st.tuples(USES, st.floats(0, 9)), max_size=200))
def test_no_minute_of_a_group_ever_holds_more_than_the_server_takes(calls: list[tuple[Use, float]]) -> None:
    purse, now, spent = Purse(private=False), 0.0, deque[tuple[float, Use]]()
    for use, pause in calls:
        now += pause
        if purse.wait_s(use, now) > 0:
            continue
        purse.spend(use, now)
        spent.append((now, use))
        recent = [what for at, what in spent if at > now - 60]
        assert len(recent) < 20
        assert sum(what is Use.EDIT for what in recent) <= 5
        assert sum(what is not Use.URGENT for what in recent) <= GROUP_MOST - 4


@given(st.lists(USES, max_size=80))
def test_whoever_waits_as_long_as_he_is_told_may_speak(calls: list[Use]) -> None:
    purse, now = Purse(private=False), 0.0
    for use in calls:
        now += purse.wait_s(use, now) + 1e-6
        assert purse.wait_s(use, now) == 0.0
        purse.spend(use, now)


def test_urgent_alerts_find_a_place_when_all_others_are_taken() -> None:
    purse, now = Purse(private=False), 0.0
    while now < 55:
        if purse.wait_s(Use.SEND, now) <= 0:
            purse.spend(Use.SEND, now)
        now += 0.25
    assert purse.wait_s(Use.SEND, now) > 0
    for _ in range(4):
        assert purse.wait_s(Use.URGENT, now) == 0
        purse.spend(Use.URGENT, now)
    assert purse.wait_s(Use.URGENT, now) < 6


def test_a_private_chat_is_told_once_a_second() -> None:
    purse = Purse(private=True)
    purse.spend(Use.URGENT, 10.0)
    assert purse.wait_s(Use.EDIT, 10.5) == pytest.approx(PRIVATE_EVERY_S - 0.5)
    assert purse.wait_s(Use.URGENT, 10.0 + PRIVATE_EVERY_S) <= 1e-9


def test_all_chats_together_stay_below_the_bot_s_own_limit() -> None:
    purses, told = Purses(), 0
    for number in range(40):
        purse = purses.of(str(number), private=True)
        if purses.wait_s(purse, Use.SEND, 1.0) <= 0:
            purses.spend(purse, Use.SEND, 1.0)
            told += 1
    assert told == 25


def test_one_429_rests_its_chat_and_a_second_within_a_minute_all_of_them() -> None:
    purses = Purses()
    one, other = purses.of("1", private=False), purses.of("2", private=False)
    assert not purses.told_to_wait(one, 0.0, 30.0)
    assert purses.wait_s(one, Use.URGENT, 1.0) == pytest.approx(29.0)
    assert purses.wait_s(other, Use.URGENT, 1.0) == 0.0
    assert purses.told_to_wait(one, 59.0, 7.0)
    assert purses.wait_s(other, Use.URGENT, 60.0) == pytest.approx(6.0)
    assert not Purses().told_to_wait(one, 200.0, 1.0)


# --- brackets -------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(1, 500), st.sets(st.integers(0, 10_500), max_size=30))
def test_a_bracket_holds_what_may_be_it_and_never_what_is_known(
    after: int, width: int, known: set[int]
) -> None:
    bound = after + width
    found = bracket(after, bound, known)
    assert len(found.ids) == len(set(found.ids)) <= MOST
    assert all(after < number < bound and number not in known for number in found.ids)
    if found.whole:
        assert set(found.ids) == set(range(after + 1, bound)) - known


def test_a_gap_of_a_million_ids_is_looked_at_from_both_ends() -> None:
    found = bracket(10, 1_000_000)
    assert (len(found.ids), found.whole) == (MOST, False)
    assert {11, 999_999} <= set(found.ids)


def test_without_a_lower_bound_nothing_is_sure() -> None:
    assert not bracket(0, 20).whole


# --- gathering ------------------------------------------------------------------------


def waiting(number: int, rank: int = 2, cluster: str = "", **more: object) -> Waiting:
    given = {"target": "market", "kind": AlertKind.NEW} | more
    return Waiting(
        delivery_id=number, alert_id=f"{number:032x}", rank=rank, created_at=words.NIGHT, due_at=words.NIGHT,
        cluster=cluster, **given,  # type: ignore[arg-type]
    )  # fmt: skip


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["", "a", "b", "c"]), st.sampled_from("xyz")),
        max_size=120,
    ),
    st.dictionaries(st.sampled_from(["a", "[x]", "the whole watch"]), st.just("i" * 32)),
)
def test_each_alert_is_in_one_message_and_few_messages_are_left(
    drawn: list[tuple[int, str, str]], incidents: dict[str, str]
) -> None:
    given_ = [waiting(n, rank, cluster, target=t) for n, (rank, cluster, t) in enumerate(drawn)]
    found = gather(given_, incidents, {})
    members = [number for group in found for number in group.members]
    assert len(members) == len(set(members))
    ranks = {one.delivery_id: one.rank for one in given_}
    for group in found:
        assert group.loud == (min(ranks[n] for n in group.members) == 0)
        assert len({ranks[n] == 0 for n in group.members}) == 1
    alone = [one for one in given_ if one.delivery_id not in members and one.rank > 0]
    fresh = [group for group in found if not group.loud and not group.incident]
    assert len(alone) + len(fresh) <= BACKLOG_MOST


def test_a_fourth_of_one_seller_within_a_minute_makes_an_incident() -> None:
    two = [waiting(n, cluster="seller a") for n in range(2)]
    assert gather(two, {}, {"seller a": 1}) == ()
    (group,) = gather(two, {}, {"seller a": 2})
    assert (group.members, group.loud, group.incident) == ((0, 1), False, "")


def test_what_may_be_a_repeat_and_notices_stay_alone() -> None:
    odd = [waiting(n, 0, uncertain=True) for n in range(9)]
    odd += [waiting(n, 1, "a", kind=AlertKind.NOTICE) for n in range(20, 29)]
    assert gather(odd, {}, {}) == ()


# --- the message of an incident -------------------------------------------------------


def member(number: int, **more: object) -> Member:
    given = {
        "delivery_id": number, "alert_id": f"{number:032x}", "tier": Tier.HIGH, "shown": True,
        "created_at": words.NIGHT + timedelta(seconds=number), "target": "market", "title": f"offer {number}",
        "seller": "s", "price": "¥3,800", "product": "ivory", "evidence_id": f"{number:032x}", "status": "up",
    }  # fmt: skip
    return Member(**(given | more))  # type: ignore[arg-type]


@given(
    st.text(max_size=200),
    st.lists(
        st.tuples(st.text(max_size=300), st.text(max_size=100), st.sampled_from(list(Tier))), max_size=60
    ),
    st.integers(0, 9_999),
    st.sampled_from(list(LANGUAGES)),
)
def test_no_seller_can_make_an_incident_too_long_or_tappable(
    key: str, drawn: list[tuple[str, str, Tier]], page: int, language: str
) -> None:
    members = [member(n, title=t, price=p, tier=tier) for n, (t, p, tier) in enumerate(drawn)]
    card = incident_card(key, members, page=page, say=tongue(language))
    assert units(card.text) <= LIMIT
    assert all(s.offset >= 0 and s.offset + s.length <= units(card.text) for s in card.spans)
    assert card.text.startswith(card.headline)
    buttons = [b for row in pager("a" * 32, members, KEY, page=page) for b in row]
    assert all(read(b.data, KEY) is not None for b in buttons)


def test_every_member_stands_on_one_page_loudest_first() -> None:
    members = [member(n, tier=Tier.URGENT if n == 7 else Tier.NORMAL) for n in range(30)]
    texts = [incident_card("seller a", members, page=n).text for n in range(pages(members))]
    assert len(texts) == 3
    for one in members:
        assert sum(f" {one.title} " in text for text in texts) == 1
    assert "offer 7" in texts[0].splitlines()[2]
    (row,) = pager("a" * 32, members, KEY, page=0)
    assert [read(b.data, KEY).version for b in row] == [2, 0, 1]  # type: ignore[union-attr]
    assert len({b.data for b in row}) == 3
    assert PAGE == 12


def test_an_incident_is_told_in_the_language_of_its_chat() -> None:
    members = [member(n, tier=Tier.URGENT if n == 7 else Tier.NORMAL) for n in range(30)]
    told = incident_card("seller a [market]", members, page=1, say=tongue("zh-Hans"))
    assert told.headline.startswith("紧急 事件 30 帖: 卖家 a")
    assert "29 一般, 1 紧急 · 在线 30 · 已删除 0" in told.text
    assert "第 2 页，共 3 页" in told.text
    assert not {"INCIDENT", "NORMAL", "page"} & set(told.text.split())


def test_contacts_are_starred_in_an_incident_s_name_and_lines() -> None:
    card = incident_card("contact phone:13800138000", [member(1, title="call 13800138000 now")])
    assert "13800138000" not in card.text


# --- receipts, own chats, the key, cutting ----------------------------------------------


ODD = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=2)


@given(ODD)
def test_any_other_update_is_no_receipt(odd: object) -> None:
    whole = {
        "is_automatic_forward": True,
        "caption": f"HIGH 81\nalert {'a' * 32}\nmore",
        "forward_origin": {"type": "channel", "chat": {"id": -1002}, "message_id": 9},
    }
    found = forwarded({"message": whole})
    assert found is not None
    assert (found.alert_id, found.chat_id, found.message_id) == ("a" * 32, -1002, 9)
    assert forwarded({"message": odd}) is None
    for key in whole:
        assert forwarded({"message": whole | {key: odd}}) is None or odd is True


def test_officers_on_call_get_what_is_urgent_in_their_own_chats() -> None:
    settings = telegram.Settings(chat_id=-1001, oncall_chats=(11, 12), topic_id=5, fallback="x")
    table = ChannelTable(name="duty", kind="telegram", settings=settings, jurisdictions=("HK",))
    _, first, second = with_direct([table])
    assert (first.name, second.name) == ("direct:11", "direct:12")
    own = first.settings
    assert isinstance(own, telegram.Settings)
    assert (own.chat_id, own.topic_id, own.oncall_chats, own.fallback) == (11, 0, (), "")
    assert first.wants(Tier.URGENT, jurisdiction="HK")
    assert not first.wants(Tier.HIGH, jurisdiction="HK")
    assert not first.wants(Tier.URGENT, jurisdiction="FR")


def test_the_key_of_buttons_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = callback_key(tmp_path)
    assert callback_key(tmp_path) == key
    assert len(key) == 32
    path = tmp_path / "keys" / "callback"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"torn")
    assert len(callback_key(tmp_path)) == 32


@given(st.text(max_size=300), st.integers(1, 300))
def test_a_card_that_is_cut_keeps_its_spans_inside(text: str, limit: int) -> None:
    from bot.channel import Card
    from bot.words import Text

    built = Text().add(text, "code").add("tail", "bold")
    card = Card(headline="h", text=built.text, spans=built.spans)
    short = cut(card, limit)
    assert units(short.text) <= limit
    assert all(s.length > 0 and s.offset + s.length <= units(short.text) for s in short.spans)
    assert replace(short, text="", spans=()) == replace(card, text="", spans=())
