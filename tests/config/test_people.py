"""`[[officer]]`, `[desk]`, `[[chat]]` and `[rota]`: each mistake is told by file, table and key."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.channel import Manner
from bot.desk.lines import channel_in, digest_chat, direct_channels, manner_of, people_of
from bot.desk.people import NEEDS, People, may
from bot.desk.rota import Shift
from bot.settings.custody import ROLES, Officer
from tests.config.kinds import HEAD, load, mistakes, only, target, write

CHAT = """
[[channel]]
name = "chat"
kind = "telegram"
chat_id = -1001
token_env = "TOKEN"

[[channel]]
name = "pager"
kind = "webhook"
url = "https://pager.example.org/x"
"""
PEOPLE = """
[[officer]]
name = "Li"
role = "officer"
telegram = 5001

[[officer]]
name = "Wang"
role = "supervisor"
telegram = 5002
language = "zh-Hans"
"""
DESK = '[desk]\nchannel = "chat"\nfallback = "pager"\n'
ROTA = '[rota]\nzone = "Asia/Shanghai"\nsince = 2026-01-05\nofficers = ["Li", "Wang"]\n'
ENVIRONMENT = {"TOKEN": "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "NIGHTJAR_WEBHOOK_SECRET": "x" * 32}


def config(tmp_path: Path, *tables: str) -> Path:
    return write(tmp_path, HEAD + CHAT + "".join(tables) + target())


def test_people_desk_chats_and_rota_reach_the_frozen_words(tmp_path: Path) -> None:
    chat = '[[chat]]\nid = -1001\nlanguage = "zh-Hans"\ncontacts = "full"\n'
    read = load(config(tmp_path, PEOPLE, DESK, chat, ROTA), ENVIRONMENT)
    assert [(one.name, one.role, one.telegram, one.language) for one in read.officers] == [
        ("Li", "officer", 5001, ""),
        ("Wang", "supervisor", 5002, "zh-Hans"),
    ]
    assert read.desk is not None
    assert (read.desk.channel, read.desk.mode, read.desk.fallback) == ("chat", "polling", "pager")
    assert [(one.id, one.language, one.contacts) for one in read.chats] == [(-1001, "zh-Hans", "full")]
    assert read.rota is not None
    assert read.rota.shifts == (Shift(officers=("Li", "Wang")),)
    assert read.rota.since == date(2026, 1, 5)


def test_without_a_desk_nobody_can_press_and_nothing_is_asked_for(tmp_path: Path) -> None:
    read = load(write(tmp_path, HEAD + target()))
    assert (read.desk, read.rota, read.chats) == (None, None, ())


@pytest.mark.parametrize(
    ("tables", "place", "why"),
    [
        (PEOPLE.replace("5002", "5001") + DESK, ('[[officer]] #2 "Wang"', "telegram"), "twice"),
        (PEOPLE.replace("5001", '"@li"') + DESK, ('[[officer]] #1 "Li"', "telegram"), "whole number"),
        (PEOPLE.replace('"officer"', '"boss"') + DESK, ('[[officer]] #1 "Li"', "role"), "not allowed"),
        (PEOPLE + DESK.replace('"chat"', '"chst"'), ("[desk]", "channel"), "no channel"),
        (PEOPLE + DESK.replace('"chat"', '"pager"'), ("[desk]", "channel"), "of kind telegram"),
        (PEOPLE + DESK + 'mode = "push"\n', ("[desk]", "mode"), "not allowed"),
        (PEOPLE + DESK + 'listen = "0.0.0.0:80"\n', ("[desk]", "listen"), "loopback"),
        (PEOPLE + DESK + "[[chat]]\nid = 1\n[[chat]]\nid = 1\n", ("[[chat]] #2", "id"), "twice"),
        (PEOPLE + DESK + ROTA.replace('"Li"', '"Lee"'), ("[rota]", "officers[1]"), "no [[officer]]"),
        (PEOPLE.replace('"officer"', '"viewer"') + DESK + ROTA, ("[rota]", "officers[1]"), "may not acknow"),
        (PEOPLE.replace("telegram = 5001", "") + DESK + ROTA, ("[rota]", "officers[1]"), "cannot be woken"),
        (PEOPLE + DESK + ROTA.replace("officers", "#"), ("[rota]", "officers"), "take a week each"),
        (PEOPLE + DESK + ROTA.replace("2026-01-05", '"soon"'), ("[rota]", "since"), "date"),
    ],
)
def test_a_mistake_is_told_with_its_table_and_key(
    tmp_path: Path, tables: str, place: tuple[str, str], why: str
) -> None:
    found = [m for m in mistakes(config(tmp_path, tables), ENVIRONMENT) if why in str(m)]
    assert [(m.file, m.table, m.key) for m in found] == [("config.toml", *place)]


def test_where_a_desk_takes_presses_chats_are_known_by_number(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + CHAT.replace("-1001", '"@watch"') + PEOPLE + DESK + target())
    wrong = only(path, ENVIRONMENT)
    assert (wrong.table, wrong.key) == ('[[channel]] #1 "chat"', "chat_id")
    without = write(tmp_path, HEAD + CHAT.replace("-1001", '"@watch"') + PEOPLE + target())
    assert load(without, ENVIRONMENT).desk is None


def test_a_webhook_must_have_a_secret_that_others_cannot_read(tmp_path: Path) -> None:
    hook = DESK + 'mode = "webhook"\nwebhook_url = "https://watch.example.org/telegram"\n'
    wrong = only(config(tmp_path, PEOPLE, hook), ENVIRONMENT)
    assert (wrong.table, wrong.key) == ("[desk]", "webhook_secret_file")
    secret = tmp_path / "hook.secret"
    secret.write_text("s" * 32)
    secret.chmod(0o644)
    named = hook + 'webhook_secret_file = "hook.secret"\n'
    assert only(config(tmp_path, PEOPLE, named), ENVIRONMENT).key == "webhook_secret_file"
    secret.chmod(0o600)
    assert load(config(tmp_path, PEOPLE, named), ENVIRONMENT).desk is not None
    secret.write_text("q2F+/w==" * 5)  # base64: Telegram would refuse it, and no press would ever come
    refused = only(config(tmp_path, PEOPLE, named), ENVIRONMENT)
    assert (refused.key, "q2F" in refused.why) == ("webhook_secret_file", False)
    assert load(config(tmp_path, PEOPLE, hook + "without_secret = true\n"), ENVIRONMENT).desk is not None


def test_a_night_without_anybody_is_refused_with_its_first_hole(tmp_path: Path) -> None:
    shifts = (
        '[rota]\nzone = "Europe/Berlin"\nsince = 2026-01-05\n'
        '[[rota.shift]]\nofficers = ["Li"]\nstart = "20:00"\nend = "02:00"\n'
        '[[rota.shift]]\nofficers = ["Wang"]\nstart = "03:00"\nend = "06:00"\n'
    )
    told = [str(m) for m in mistakes(config(tmp_path, PEOPLE, DESK, shifts), ENVIRONMENT)]
    assert len(told) == 3
    assert "[rota]" in told[0]
    assert "nobody is on call in the night from 2026-11-25 02:00 to 03:00" in told[0]
    away = ROTA + '[[rota.override]]\nstarts = "2026-12-24 22:00"\nends = "2026-12-25 01:30"\n'
    wrong = only(config(tmp_path, PEOPLE, DESK, away), ENVIRONMENT)
    assert "from 2026-12-24 22:00 to 01:30" in str(wrong)
    there = away + 'officer = "Wang"\n'
    assert load(config(tmp_path, PEOPLE, DESK, there), ENVIRONMENT).rota is not None


def test_every_role_may_what_the_one_below_may_and_contacts_need_role_and_place(tmp_path: Path) -> None:
    for what in NEEDS:
        allowed = [may(Officer(name="x", role=role), what) for role in ROLES]
        assert allowed == sorted(allowed)
        assert allowed[-1]
    chat = '[[chat]]\nid = -1001\ncontacts = "full"\n[[chat]]\nid = -1002\n'
    read = load(config(tmp_path, PEOPLE, DESK, chat), ENVIRONMENT)
    people = People(officers=read.officers, chats=read.chats)
    li, wang = read.officers
    seen = [people.sees_contacts(who, place) for who in (li, wang) for place in (5001, 5002, -1001, -1002)]
    assert seen == [False, False, False, False, False, True, True, False]
    assert [people.allows_chat(chat_id) for chat_id in (-1001, 5001, 7, -9)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        (PEOPLE + 'zone = "Asia/Shangai"\n' + DESK, '[[officer]] #2 "Wang"'),
        (PEOPLE + DESK + '[[chat]]\nid = -1001\nzone = "Asia/Shangai"\n', "[[chat]] #1"),
    ],
)
def test_a_zone_that_does_not_exist_is_refused_by_its_name(tmp_path: Path, tables: str, place: str) -> None:
    found = only(config(tmp_path, tables), ENVIRONMENT)
    assert (found.table, found.key) == (place, "zone")
    assert "Asia/Shangai" in found.why
    assert "Asia/Shanghai" in str(found)


def test_a_chat_has_its_own_zone_else_that_of_the_rota_else_utc(tmp_path: Path) -> None:
    chat = '[[chat]]\nid = -1001\nzone = "Asia/Ho_Chi_Minh"\n'
    officers = PEOPLE + 'zone = "Asia/Urumqi"\n'
    zones = {}
    for name, tables in (
        ("none", (officers, DESK)),
        ("rota", (officers, DESK, ROTA)),
        ("chat", (officers, DESK, chat, ROTA)),
    ):
        (tmp_path / name).mkdir()
        read = load(config(tmp_path / name, *tables), ENVIRONMENT)
        lines = {table.name: table for table in (*read.channels, *direct_channels(read))}
        zones[name] = {one: manner_of(table, read, b"k").zone for one, table in lines.items()}
        assert digest_chat(read)[1].zone == zones[name]["chat"]
    own = {"pager": "UTC", "direct:5002": "Asia/Urumqi"}
    assert zones == {
        "none": own | {"chat": "UTC", "direct:5001": "UTC"},
        "rota": own | {"chat": "Asia/Shanghai", "direct:5001": "Asia/Shanghai"},
        "chat": own | {"chat": "Asia/Ho_Chi_Minh", "direct:5001": "Asia/Shanghai"},
    }


def test_a_chat_that_is_only_told_has_the_zone_of_the_rota_too(tmp_path: Path) -> None:
    read = load(config(tmp_path, PEOPLE, ROTA), ENVIRONMENT)
    assert [manner_of(table, read, b"k") for table in read.channels] == [
        Manner(zone="Asia/Shanghai"),
        Manner(),
    ]


@pytest.mark.parametrize("written", [False, True], ids=["before it is written down", "afterwards"])
def test_a_channel_is_found_in_the_chat_that_its_group_became(tmp_path: Path, *, written: bool) -> None:
    read = load(config(tmp_path, PEOPLE, DESK), ENVIRONMENT)
    (home,) = {getattr(table.settings, "chat_id", None) for table in read.channels if table.name == "chat"}
    assert isinstance(home, int)
    # The move is remembered for ever; the operators are asked to write the new id into the configuration.
    moves = {home: -1_000} if written else {-1_007: home}
    now = home if written else -1_007
    assert channel_in(read, now, moves) == "chat"
    assert people_of(read, moves).allows_chat(now)
    assert digest_chat(read, moves)[0] == now
    assert channel_in(read, -4_711, moves) == ""
