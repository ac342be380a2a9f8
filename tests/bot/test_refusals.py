"""What a server refuses: each refusal leads to another way, to a wait, or to the fallback channel."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.answers import filled, told
from bot.desk.reply import Reply
from bot.desk.server import Server, ServerTrouble
from bot.refusals import classed
from bot.veil import blurred
from nightmarket.messenger import TOKEN, Fault
from nightmarket.messenger.journal import key_in
from storage.errors import NotSent, Uncertain
from storage.model import Tier
from tests.bot.lanes_kit import SHEET, Lanes, night
from tests.bot.test_lanes import cards


@pytest.mark.parametrize(
    ("status", "body", "header", "wanted", "pause"),
    [
        (200, {"ok": True, "result": []}, "", 200, None),
        (200, {"ok": False, "error_code": 403, "description": "Forbidden: x"}, "", 403, None),
        (200, {"ok": False, "description": "Bad Request: x"}, "", 400, None),
        (200, {"ok": False, "error_code": 429, "parameters": {"retry_after": 7}}, "", 429, 7),
        (429, {"ok": False, "parameters": {"retry_after": 7}}, "", 429, 7),
        (429, {"ok": False, "parameters": {"retry_after": "2.5"}}, "", 429, 3),
        (429, {"ok": False, "parameters": {"retry_after": 0}}, "", 429, 1),
        (429, {"ok": False, "parameters": {"retry_after": 1e300}}, "", 429, 3_600),
        (429, {"ok": False, "description": "Too Many Requests: retry after 12"}, "", 429, 12),
        (429, {"ok": False, "parameters": [9]}, "4", 429, 4),
        (429, "<html>slow down</html>", "", 429, 5),
        (420, "", "Wed, 21 Oct 2026 07:28:00 GMT", 429, 5),
        (413, "<html>413</html>", "", 400, None),
        (418, {"ok": False, "description": "no"}, "", 400, None),
        (408, "", "", 408, None),
        (502, "<html>502</html>", "", 502, None),
        (404, "no /bot123:AAAA/getMe here", "", 404, None),
        (200, "<html>welcome</html>", "", 200, None),
        (200, "[" * 100_000, "", 200, None),
    ],
)
def test_an_answer_is_what_the_interface_says_whoever_gave_it(
    status: int, body: Any, header: str, wanted: int, pause: int | None
) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    code, given = told(status, raw, header)
    assert code == wanted
    if pause is not None:
        assert json.loads(given)["parameters"] == {"retry_after": pause}
    elif code == 200:
        assert given == raw
    else:
        assert json.loads(given)["ok"] is False
        assert b"AAAA" not in given


def test_where_a_chat_has_moved_to_is_kept_whatever_the_status() -> None:
    for status in (200, 400, 403):
        for to in (-1_007, "-1007"):
            body = {"ok": False, "error_code": 400, "parameters": {"migrate_to_chat_id": to}}
            _, given = told(status, json.dumps(body).encode())
            assert json.loads(given)["parameters"] == {"migrate_to_chat_id": -1_007}


@pytest.mark.parametrize(
    "answer",
    [
        b"what is /bot%s/getMe?\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 160\r\n\r\nno page /bot%s/getMe".ljust(250),
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 302 Found\r\nLocation: /bot%s/getMe\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_whatever_nonsense_a_server_speaks_nothing_that_is_told_of_it_has_the_token(
    answer: bytes,
) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.replace(b"%s", TOKEN.encode()))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        base = f"http://127.0.0.1:{port}"
        server = Server(TOKEN, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot")
        await server.open()
        try:
            with pytest.raises(ServerTrouble) as told_of:
                await server.learn_name()
            with pytest.raises((NotSent, Uncertain)) as classed_as:
                await classed(server.bot.get_me())
        finally:
            await server.close()
        for one in (told_of.value, classed_as.value):
            assert TOKEN.partition(":")[2] not in str(one)


def nested(depth: int) -> str:
    """A message that answers a message, and so on."""
    told = '{"message_id":1,"date":1,"chat":{"id":1,"type":"private"}'
    return f'{told},"reply_to_message":' * depth + told + "}" * (depth + 1)


@pytest.mark.parametrize(
    "message",
    [
        f'{{"message_id":1,"chat":{{"id":1,"type":"private"}},"date":{10**30}}}',
        f'{{"message_id":1,"chat":{{"id":1,"type":"private"}},"date":{10**18}}}',
        nested(300),
        nested(600),
    ],
    ids=["no such time", "no such year", "deep", "too deep"],
)
async def test_a_message_that_cannot_be_made_of_an_answer_leaves_open_whether_it_was_sent(
    message: str,
) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        body = f'{{"ok":true,"result":{message}}}'.encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listener:
        base = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        server = Server(TOKEN, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot")
        await server.open()
        outcomes = list[str]()
        try:
            try:
                await classed(server.bot.send_message(1, "x"))
            except Uncertain:
                outcomes.append("open")
            outcomes.append(str(await server.send(1, Reply(text="x"))))
        finally:
            await server.close()
    # Either the library can read it, or both say that they do not know; nothing else comes out.
    assert outcomes in (["True"], ["open", "False"])


def test_what_the_library_insists_on_is_filled_in_and_nothing_is_changed() -> None:
    press = {"id": "1", "from": {"id": 5}, "data": "x", "message": {"message_id": 3, "chat": {"id": -100}}}
    made = filled({"update_id": 9, "callback_query": press})["callback_query"]
    assert made["from"] == {"id": 5, "is_bot": False, "first_name": ""}
    assert made["message"]["chat"] == {"id": -100, "type": "supergroup"}
    assert made["chat_instance"] == ""
    whole = {"message": {"message_id": 3, "date": 0, "chat": {"id": 7, "type": "private", "new": [1]}}}
    assert filled(whole) == whole


@pytest.mark.parametrize(
    "why",
    [
        "CHAT_SEND_PHOTOS_FORBIDDEN",
        "CHAT_SEND_MEDIA_FORBIDDEN",
        "not enough rights to send photos to the chat",
        "IMAGE_PROCESS_FAILED",
        "something that nobody has heard of",
    ],
)
def test_whatever_is_wrong_with_a_photo_the_words_arrive(tmp_path: Path, why: str) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        work.service.faults.waiting = [Fault(kind="400", method="sendPhoto", text=f"Bad Request: {why}")]
        alert = await work.alert()
        await work.clock.sleep(5)
        card = work.group.seen()[0]
        assert (card.form, key_in(card.keyboard)) == ("text", alert.alert_id)
        assert cards(work.group.seen()) == [alert.alert_id]

    night(tmp_path, body)


def test_a_proxy_that_takes_no_large_upload_gets_the_words_and_none_waits_behind(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        refusal = "Bad Request: Request Entity Too Large"
        work.service.faults.waiting = [
            Fault(kind="400", method=m, text=refusal, times=None) for m in ("sendPhoto", "sendDocument")
        ]
        alerts = [await work.alert() for _ in range(3)]
        await work.clock.sleep(10)
        assert cards(work.group.seen()) == [a.alert_id for a in alerts]
        assert any("could not be sent as a file" in d.alert.notice for d in work.ear.told)

    night(tmp_path, body)


@pytest.mark.parametrize(
    "why",
    [
        "not enough rights to send text messages to the chat",
        "need administrator rights in the channel chat",
        "CHAT_WRITE_FORBIDDEN",
        "group chat was deactivated",
        "TOPIC_CLOSED",
    ],
)
def test_a_right_that_was_taken_away_is_waited_for_and_loses_no_alert(tmp_path: Path, why: str) -> None:
    async def body(work: Lanes) -> None:
        await work.start(fallback="ear")
        await work.clock.sleep(1)
        work.service.faults.waiting = [Fault(kind="400", text=f"Bad Request: {why}", times=None)]
        alert = await work.alert(Tier.URGENT)
        await work.clock.sleep(5)
        assert alert.alert_id in [d.alert.alert_id for d in work.ear.told]
        assert any("shut out" in d.alert.notice for d in work.ear.told)
        work.service.faults.waiting = []
        await work.clock.sleep(70)
        assert cards(work.group.seen()) == [alert.alert_id]

    night(tmp_path, body)


def test_a_text_that_is_refused_comes_without_its_marks_and_links_to_nothing(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        work.pictures = False
        await work.start()
        await work.clock.sleep(1)
        work.service.faults.waiting = [
            Fault(kind="400", method="sendMessage", text="Bad Request: ENTITY_BOUNDS_INVALID")
        ]
        alert = await work.alert(title="see https://shop.example/x and @dealer_77")
        await work.clock.sleep(5)
        (card,) = work.group.seen()
        assert key_in(card.keyboard) == alert.alert_id
        assert card.entities == []
        assert work.service.ways.found(card.text, card.entities) == []

    night(tmp_path, body)


def test_what_a_message_took_is_paid_for_a_form_at_a_time(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        work.service.faults.waiting = [
            Fault(kind="400", method="sendPhoto", text="Bad Request: PHOTO_SAVE_FILE_INVALID", times=None)
        ]
        alerts = [await work.alert(announce=("c",)) for _ in range(14)]
        await work.clock.sleep(400)
        assert await work.rows("SELECT alert_id FROM delivery WHERE state <> 'delivered'") == []
        assert len(alerts) == 14
        assert work.service.limits.violations == 0

    night(tmp_path, body)


def test_a_wait_that_is_asked_for_at_the_file_under_a_card_is_kept_like_any_other(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        await work.clock.sleep(3)
        work.service.faults.waiting = [
            Fault(kind="400", method="sendPhoto", text="Bad Request: PHOTO_SAVE_FILE_INVALID"),
            Fault(kind="429", method="sendDocument", retry_after=30),
        ]
        alerts = [await work.alert(), await work.alert()]
        await work.clock.sleep(60)
        assert cards(work.group.seen()) == [a.alert_id for a in alerts]
        (asked,) = [n for n, one in enumerate(work.service.calls) if one.method.lower() == "senddocument"]
        refused, following = work.service.calls[asked : asked + 2]
        assert following.at - refused.at >= 30

    night(tmp_path, body)


def test_a_veiled_sheet_that_has_to_come_as_a_file_is_blurred_and_says_so(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        work.service.faults.waiting = [
            Fault(kind="400", method="sendPhoto", text="Bad Request: PHOTO_INVALID_DIMENSIONS")
        ]
        await work.alert(text="fresh carcass, slaughtered today")
        await work.clock.sleep(5)
        card, file = work.group.seen()
        assert card.form == "text"
        assert file.text.startswith("may show a dead animal: blurred here")
        assert file.upload is not None
        assert file.upload.name == "blurred.jpg"
        assert file.upload.data != SHEET

    night(tmp_path, body)


def test_nothing_of_a_blurred_sheet_can_be_made_out(tmp_path: Path) -> None:
    board, path = Image.new("L", (1_280, 960)), tmp_path / "board.jpg"
    board.putdata([255 * ((x // 40 + y // 40) % 2) for y in range(960) for x in range(1_280)])
    board.save(path, quality=95)
    with Image.open(path) as before:
        assert before.getextrema() == (0, 255)
    made = tmp_path / "blurred.jpg"
    made.write_bytes(blurred(path.read_bytes()))
    with Image.open(made) as after:
        assert after.size == (640, 480)
        greys = [grey for grey, pixels in enumerate(after.convert("L").histogram()) if pixels]
        assert 100 < min(greys) <= max(greys) < 156  # squares of 40 of 1,280 pixels are one grey
    assert blurred(b"no jpeg") == b""
