"""Updates: kept before they are acted on, handled once over kills, by polling and by webhook alike."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from bot.desk.updates import SECRET_HEADER, PollerLock, letter
from bot.settings.people import DeskTable
from nightmarket.messenger import Fault, User
from storage import inbox
from storage.database import Database
from storage.duty import State
from storage.inbox import Letter
from tests.desk.kit import CHEN, GROUP, LI, OTHER, PEOPLE, STRANGER, Work, at_work, user


def test_what_came_while_nobody_polled_is_acted_on_after_the_start(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        await work.stop()
        work.tap(card, LI, "Acknowledge")
        await work.soon(60)
        assert (await work.duty(alert)).state is State.NEW
        await work.start()
        await work.soon(2)
        assert (await work.duty(alert)).actor == "Li"

    at_work(tmp_path, script)


@pytest.mark.parametrize("after_s", [0.001, 0.004, 0.02, 0.1, 0.4])
def test_a_kill_at_any_moment_loses_no_press_and_doubles_none(tmp_path: Path, after_s: float) -> None:
    async def script(work: Work) -> None:
        cards = [await work.card(number=n) for n in range(6)]
        for _, card in cards:
            work.tap(card, LI, "Acknowledge")
            work.tap(card, CHEN, "Escalate")
        for _ in range(4):
            await asyncio.sleep(after_s)
            await work.stop()
            await work.start()
        await work.soon(10)
        for alert, _ in cards:
            assert (await work.duty(alert)).version in (1, 2)
        rows = await work.store.vault.database.rows(
            "SELECT update_id, count(*) FROM duty_step WHERE update_id IS NOT NULL GROUP BY 1"
        )
        assert all(row[1] == 1 for row in rows)
        assert len(rows) + sum(1 for f in await work.actions() if f.get("refused")) >= 12
        assert all(handled for _, handled in (await work.inbox()).values())

    at_work(tmp_path, script)


def test_an_update_that_is_handled_while_the_inbox_is_read_is_handled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine brought the rows late: /help was answered twice."""
    read = inbox.waiting

    async def script(work: Work) -> None:
        async def late(database: Database, limit: int = 50) -> tuple[Letter, ...]:
            rows = await read(database, limit)
            if rows:
                await work.clock.sleep(0.3)
            return rows

        monkeypatch.setattr("bot.desk.desk.inbox.waiting", late)
        assert len(await work.say("/help", LI)) == 1
        await work.soon(3)
        assert (
            len([one for one in work.own(LI).seen() if "/help" in one.text and one.sender != user(LI)]) == 1
        )
        assert all(done for _, done in (await work.inbox()).values())

    at_work(tmp_path, script)


def test_an_update_is_confirmed_to_the_server_only_after_it_is_durable(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        _, card = await work.card()
        work.tap(card, LI, "Acknowledge")
        (waiting,) = work.service.updates.waiting
        await work.soon(0.5)
        assert waiting.update_id in await work.inbox()
        await work.soon(1)
        assert work.service.updates.waiting == []

    at_work(tmp_path, script)


@pytest.mark.parametrize(
    "kind", ["500-before", "reset-before", "429", "cut-after", "reset-after", "html-after"]
)
def test_troubles_of_the_line_are_waited_out(tmp_path: Path, kind: str) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        work.service.faults.waiting.append(Fault(kind=kind, method="getUpdates", times=3))
        work.tap(card, LI, "Acknowledge")
        await work.soon(120)
        assert (await work.duty(alert)).actor == "Li"

    at_work(tmp_path, script)


def test_two_processes_never_poll_the_same_bot(tmp_path: Path) -> None:
    one, two = PollerLock("7", tmp_path), PollerLock("7", tmp_path)
    assert one.take()
    assert one.take()
    assert not two.take()
    assert PollerLock("8", tmp_path).take()
    one.release()
    assert two.take()


def test_a_second_poller_elsewhere_is_told_to_the_admin_once(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        async with aiohttp.ClientSession() as session:
            url = f"{work.service.base_url}123456789:AAF-made_for_the_simulated_night_0000/getUpdates"
            for _ in range(3):
                async with session.get(url, params={"timeout": "1"}) as answer:
                    await answer.read()
                await work.soon(40)
        assert len([text for text in work.told if "same token" in text]) == 1
        await work.press(card, LI, "Acknowledge")
        await work.soon(60)
        assert (await work.duty(alert)).actor == "Li"

    at_work(tmp_path, script)


HOOK = DeskTable(channel="chat", mode="webhook", webhook_url="http://127.0.0.1:1/none")


def test_the_webhook_takes_what_carries_the_secret_and_nothing_else(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert work.front is not None
        assert work.front.webhook is not None
        url = f"http://127.0.0.1:{work.front.webhook.port}/telegram"
        body = {"update_id": 7, "message": {"from": {"id": 5001}, "chat": {"id": 5001, "type": "private"}}}
        cases = [
            ({}, json.dumps(body), 403),
            ({SECRET_HEADER: "s" * 31}, json.dumps(body), 403),
            ({SECRET_HEADER: "s" * 31 + "é"}, json.dumps(body), 403),
            ({SECRET_HEADER: "s" * 32}, "{", 400),
            ({SECRET_HEADER: "s" * 32}, "[]", 400),
            ({SECRET_HEADER: "s" * 32}, '{"update_id": true}', 400),
            ({SECRET_HEADER: "s" * 32}, json.dumps(body), 200),
            ({SECRET_HEADER: "s" * 32}, json.dumps(body), 200),
        ]
        async with aiohttp.ClientSession() as session:
            for headers, sent, status in cases:
                async with session.post(url, data=sent.encode(), headers=headers) as answer:
                    assert answer.status == status, (headers, sent)
        await work.soon()
        assert list(await work.inbox()) == [7]

    at_work(tmp_path, script, table=HOOK)


def test_presses_by_webhook_act_as_by_polling(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        assert work.front is not None
        assert work.front.webhook is not None
        port = work.front.webhook.port
        await work.front.server.use_webhook(f"http://127.0.0.1:{port}/hook", "s" * 32)
        await work.press(card, LI, "Acknowledge")
        assert (await work.duty(alert)).actor == "Li"
        assert work.service.updates.waiting == []
        assert work.service.updates.last_error == ""

    at_work(tmp_path, script, table=HOOK)


def test_strangers_get_no_answer_and_nothing_of_theirs_is_kept(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        calls = len(work.service.calls)
        assert await work.say("/status secret words", STRANGER) == []
        assert await work.say("hello", STRANGER, picture=_png()) == []
        assert {c.method.lower() for c in work.service.calls[calls:]} <= {"getupdates"}
        rows = await work.store.vault.database.rows("SELECT body, outcome FROM inbox")
        assert {tuple(row) for row in rows} == {("", "stranger")}

    at_work(tmp_path, script)


def _png() -> bytes:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(file, "PNG")
    return file.getvalue()


def test_the_bot_leaves_a_chat_that_is_not_on_the_list_and_says_so(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        other = work.service.add_chat(OTHER)
        work.service.people.take_back(other)
        await work.soon()
        assert other.shut
        assert any(str(OTHER) in text for text in work.told)
        assert (await work.actions())[-1]["refused"] == "left"
        third = work.service.add_chat(-1003)
        await work.say("hi all", User(user_id=9, name="x"), third)
        assert third.shut
        fourth = work.service.add_chat(-1004)
        assert await work.say("/status", LI, fourth) == []  # an officer's word does not make a chat known
        assert fourth.shut
        assert work.service.chats[GROUP].shut == ""

    at_work(tmp_path, script)


def test_an_update_that_nobody_can_read_does_not_stop_the_others(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        odd = [
            inbox.Letter(update_id=n, body=body)
            for n, body in enumerate(
                ('{"message": 7}', "[]", '{"update_id": 3, "callback_query": {}}', "null")
            )
        ]
        await inbox.keep(work.store.vault, odd)
        await work.press(card, LI, "Acknowledge")
        await work.soon(5)
        assert (await work.duty(alert)).actor == "Li"
        assert all(handled for _, handled in (await work.inbox()).values())

    at_work(tmp_path, script)


@pytest.mark.parametrize(
    ("update", "kept"),
    [
        ({"message": {"from": {"id": 5001}, "chat": {"id": 5001, "type": "private"}}}, True),
        ({"message": {"from": {"id": 1}, "chat": {"id": 1, "type": "private"}}}, False),
        ({"message": {"from": {"id": 1}, "chat": {"id": GROUP, "type": "supergroup"}}}, True),
        ({"callback_query": {"from": {"id": 1}, "message": {"chat": {"id": GROUP}}}}, True),
        ({"callback_query": {"from": {"id": 1}}}, False),
        ({"message": "x"}, False),
        ({"inline_query": {"from": {"id": 5001}}}, False),
        (["x"], False),
    ],
)
def test_only_what_concerns_the_desk_is_kept_with_its_text(update: object, kept: bool) -> None:
    assert bool(letter(1, json.dumps(update), PEOPLE).body) == kept
