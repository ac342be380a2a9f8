"""The Bot API server that we own, asked with plain HTTP: what it takes, refuses, breaks and reports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from nightmarket.messenger import TOKEN, Expected, Fault, Service, User, report
from nightmarket.messenger.limits import Limits
from nightmarket.messenger.texts import from_html
from tests.fakes.jump import JumpLoop, run_jumping
from tests.pictures.samples import encoded, jpeg, photo

OFFICER = User(user_id=11, name="Li", username="li")
GROUP, PRIVATE, CHANNEL, TALK = -1001, 11, -1002, -1003
Answer = tuple[int, Any]


class Caller:
    def __init__(self, service: Service, session: aiohttp.ClientSession) -> None:
        self.service, self.session = service, session

    async def __call__(self, method: str, **params: Any) -> Answer:
        url = f"{self.service.base_url}{TOKEN}/{method}"
        async with self.session.post(url, json=params) as answer:
            return answer.status, await answer.json()

    async def upload(self, method: str, field: str, data: bytes, **params: Any) -> Answer:
        form = aiohttp.FormData()
        for key, value in params.items():
            form.add_field(key, value if isinstance(value, str) else json.dumps(value))
        form.add_field(field, data, filename="a.jpg")
        url = f"{self.service.base_url}{TOKEN}/{method}"
        async with self.session.post(url, data=form) as answer:
            return answer.status, await answer.json()


def served(body: Callable[[Service, Caller], Coroutine[Any, Any, None]], **more: Any) -> None:
    """Run on virtual time with a group, a private chat, and a channel with its discussion group."""

    async def main(_loop: JumpLoop) -> None:
        async with Service(**more) as service, aiohttp.ClientSession() as session:
            service.add_chat(GROUP)
            service.add_chat(PRIVATE, "private", title="Li")
            service.add_chat(TALK, title="talk")
            service.add_chat(CHANNEL, "channel", title="news", linked=TALK)
            await body(service, Caller(service, session))

    run_jumping(main)


def button(data: str = "a1:" + "a" * 32 + ":ack:0:00000000", text: str = "Acknowledge") -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": text, "callback_data": data}]]}


def test_a_call_may_come_in_any_of_the_four_ways() -> None:
    async def body(service: Service, call: Caller) -> None:
        url = f"{service.base_url}{TOKEN}/sendMessage"
        params = {"chat_id": str(GROUP), "text": "hello"}
        async with call.session.get(url, params=params) as answer:
            assert answer.status == 200
        async with call.session.post(url, data=params) as answer:
            assert answer.status == 200
        with aiohttp.MultipartWriter("form-data") as parts:
            for key, value in params.items():
                parts.append(value).set_content_disposition("form-data", name=key)
        async with call.session.post(url, data=parts) as answer:
            assert answer.status == 200
        async with call.session.post(url, json=params) as answer:
            assert answer.status == 200
        assert [m.text for m in service.chats[GROUP].seen()] == ["hello"] * 4
        ids = [m.message_id for m in service.chats[GROUP].seen()]
        assert ids == list(range(ids[0], ids[0] + 4))

    served(body)


def test_a_wrong_token_a_malformed_one_and_an_unknown_method_are_told_apart() -> None:
    async def body(service: Service, call: Caller) -> None:
        for path, status in (
            ("botgarbage/getMe", 404),
            (f"bot{TOKEN[:-1]}x/getMe", 401),
            (f"bot{TOKEN}/sendNothing", 404),
            (f"bot{TOKEN}/GETME", 200),
        ):
            async with call.session.get(f"{service.origin}/{path}") as answer:
                assert answer.status == status
                told = await answer.json()
                assert told.get("error_code", 200) == status

    served(body)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"text": "x" * 4_097}, "message is too long"),
        ({"text": "\U0001f98f" * 2_049}, "message is too long"),
        ({"text": " \n "}, "message text is empty"),
        ({"text": "<script>", "parse_mode": "HTML"}, 'Unsupported start tag "script"'),
        ({"text": "<b>open", "parse_mode": "HTML"}, "Can't find end tag"),
        ({"text": "ab", "entities": [{"type": "code", "offset": 1, "length": 2}]}, "ENTITY_BOUNDS_INVALID"),
        ({"text": "ab", "entities": [{"type": "loud", "offset": 0, "length": 1}]}, "wrong MessageEntity"),
        ({"text": "a", "reply_markup": button("x" * 65)}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "reply_markup": {"inline_keyboard": [[{"text": "x"}]]}}, "unallowed"),
        ({"text": "a", "message_thread_id": 5}, "message thread not found"),
        ({"text": "a", "chat_id": 4}, "chat not found"),
    ],
)
def test_what_the_real_server_refuses_is_refused_with_its_words(params: dict[str, Any], why: str) -> None:
    async def body(_service: Service, call: Caller) -> None:
        status, told = await call("sendMessage", **({"chat_id": GROUP} | params))
        assert (status, told["ok"]) == (400, False)
        assert why in told["description"]

    served(body)


def test_lengths_are_counted_in_utf_16_units_after_parsing() -> None:
    async def body(_service: Service, call: Caller) -> None:
        whole = "\U0001f98f" * 2_048
        assert (await call("sendMessage", chat_id=GROUP, text=whole))[0] == 200
        status, told = await call(
            "sendMessage", chat_id=GROUP, text="<b>" + "x" * 4_096 + "</b>", parse_mode="HTML"
        )
        assert status == 200
        assert told["result"]["entities"] == [{"type": "bold", "offset": 0, "length": 4_096}]

    served(body)
    assert from_html("a &lt;b&gt; <i>c</i>") == ("a <b> c", [{"type": "italic", "offset": 6, "length": 1}])


def test_a_picture_is_looked_at_and_kept_by_its_hash() -> None:
    async def body(service: Service, call: Caller) -> None:
        good = jpeg(1)
        status, told = await call.upload("sendPhoto", "photo", good, chat_id=str(GROUP), caption="c")
        assert status == 200
        file_id = told["result"]["photo"][0]["file_id"]
        assert service.uploads[file_id].data == good
        _, file = await call("getFile", file_id=file_id)
        url = f"{service.base_file_url}{TOKEN}/{file['result']['file_path']}"
        async with call.session.get(url) as answer:
            assert await answer.read() == good
        for data, why in (
            (b"\xff\xd8\xff\xe0" + b"0" * 99, "IMAGE_PROCESS_FAILED"),
            (encoded(photo(1, 2_100, 100)), "PHOTO_INVALID_DIMENSIONS"),
            (encoded(photo(1, 60, 60)) + b"0" * 10_000_001, "too big for a photo"),
        ):
            status, told = await call.upload("sendPhoto", "photo", data, chat_id=str(GROUP))
            assert (status, why in told["description"]) == (400, True)
        assert (await call.upload("sendDocument", "document", b"any", chat_id=str(GROUP)))[0] == 200

    served(body)


def test_edits_are_told_apart_as_the_probe_needs_it() -> None:
    async def body(service: Service, call: Caller) -> None:
        chat = service.chats[GROUP]
        service.people.chatter(chat)
        _, told = await call("sendMessage", chat_id=GROUP, text="mine", reply_markup=button())
        mine = told["result"]["message_id"]

        async def probe(number: int, markup: dict[str, Any]) -> str:
            _, told = await call(
                "editMessageReplyMarkup", chat_id=GROUP, message_id=number, reply_markup=markup
            )
            return str(told.get("description", "done"))

        assert "message is not modified" in await probe(mine, button())
        assert "message can't be edited" in await probe(mine - 1, button())
        assert "message to edit not found" in await probe(mine + 1, button())
        assert await probe(mine, button("a1:" + "b" * 32 + ":ack:0:00000000")) == "done"
        service.people.delete(chat, mine)
        assert "message to edit not found" in await probe(mine, button())

    served(body)


def test_a_group_takes_twenty_a_minute_edits_and_album_pictures_counted() -> None:
    async def body(service: Service, call: Caller) -> None:
        _, told = await call("sendMessage", chat_id=GROUP, text="0")
        number = told["result"]["message_id"]
        media = [{"type": "photo", "media": f"attach://{n}"} for n in range(2)]
        form = aiohttp.FormData()
        form.add_field("chat_id", str(GROUP))
        form.add_field("media", json.dumps(media))
        for n in range(2):
            form.add_field(str(n), jpeg(n, width=90, height=90), filename="a.jpg")
        async with call.session.post(f"{service.base_url}{TOKEN}/sendMediaGroup", data=form) as answer:
            assert answer.status == 200
        for n in range(17):
            status, _ = await call("editMessageText", chat_id=GROUP, message_id=number, text=f"e{n}")
            assert status == 200
        status, told = await call("sendMessage", chat_id=GROUP, text="one too many")
        wait = told["parameters"]["retry_after"]
        assert (status, 58 <= wait <= 60) == (429, True)
        assert (await call("sendMessage", chat_id=GROUP, text="early"))[0] == 429
        assert (await call("sendMessage", chat_id=PRIVATE, text="others may"))[0] == 200
        await asyncio.sleep(wait)
        assert (await call("sendMessage", chat_id=GROUP, text="again"))[0] == 200
        assert (service.limits.violations, service.limits.early) == (1, 1)

    served(body)


def test_a_private_chat_takes_one_a_second_after_a_burst_and_all_chats_thirty() -> None:
    async def body(service: Service, call: Caller) -> None:
        statuses = [(await call("sendMessage", chat_id=PRIVATE, text="x"))[0] for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        for n in range(40):
            service.add_chat(100 + n)
        answers = [(await call("sendMessage", chat_id=100 + n, text="x"))[0] for n in range(40)]
        assert answers.count(200) == 27
        await asyncio.sleep(4)
        assert (await call("sendMessage", chat_id=100, text="x"))[0] == 200

    served(body, seed=3)


@pytest.mark.parametrize(
    ("kind", "stored", "seen"),
    [
        ("429", False, "429"),
        ("500-before", False, "500"),
        ("500-after", True, "500"),
        ("502-before", False, "502"),
        ("502-after", True, "502"),
        ("html-after", True, "ContentTypeError"),
        ("cut-after", True, "JSONDecodeError"),
        ("reset-before", False, "ServerDisconnectedError"),
        ("reset-after", True, "ServerDisconnectedError"),
        ("hang-before", False, "TimeoutError"),
        ("hang-after", True, "TimeoutError"),
        ("stall-after", True, "TimeoutError"),
        ("wrong-length-after", True, "ClientPayloadError"),
        ("slow", True, "200"),
    ],
)
def test_each_fault_happens_on_its_side_of_the_storing(kind: str, stored: bool, seen: str) -> None:
    async def body(service: Service, call: Caller) -> None:
        service.faults.waiting = [
            Fault(kind=kind, method="sendMessage", delay_s=5 if kind == "slow" else 3_600)
        ]
        url = f"{service.base_url}{TOKEN}/sendMessage"
        try:
            timeout = aiohttp.ClientTimeout(total=20)
            async with call.session.post(
                url, json={"chat_id": GROUP, "text": "x"}, timeout=timeout
            ) as answer:
                if answer.status == 200:
                    await answer.json()
                met = str(answer.status)
        except (aiohttp.ClientError, ValueError, TimeoutError) as error:
            met = type(error).__name__
        assert met == seen
        assert bool(service.chats[GROUP].seen()) == stored
        assert service.calls[-1].outcome == kind

    served(body)


def test_faults_by_chance_are_the_same_for_the_same_seed() -> None:
    def outcomes(seed: int) -> list[str]:
        found: list[str] = []

        async def body(service: Service, call: Caller) -> None:
            service.faults.waiting = [Fault(kind="500-before", chance=0.3, times=None)]
            for _ in range(30):
                await call("getMe")
            found.extend(one.outcome for one in service.calls)

        served(body, seed=seed)
        return found

    assert outcomes(5) == outcomes(5) != outcomes(6)
    assert 3 <= outcomes(5).count("500-before") <= 16


def test_a_closed_listener_refuses_and_opens_at_the_same_address() -> None:
    async def body(service: Service, call: Caller) -> None:
        assert (await call("getMe"))[0] == 200
        await service.close_listener()
        await asyncio.sleep(1)  # the caller notices that its connection is gone
        with pytest.raises(aiohttp.ClientConnectorError):
            await call("getMe")
        await service.open_listener()
        assert (await call("getMe"))[0] == 200

    served(body)


def test_updates_are_kept_until_the_next_offset_and_the_later_poller_wins() -> None:
    async def body(service: Service, call: Caller) -> None:
        chat = service.chats[GROUP]
        service.people.say(chat, OFFICER, "/status")
        _, told = await call("getUpdates")
        (update,) = told["result"]
        assert update["message"]["text"] == "/status"
        assert (await call("getUpdates"))[1]["result"] == [update]
        first = asyncio.create_task(call("getUpdates", offset=update["update_id"] + 1, timeout=50))
        await asyncio.sleep(1)
        second = asyncio.create_task(call("getUpdates", offset=update["update_id"] + 1, timeout=50))
        assert (await first)[0] == 409
        service.people.say(chat, OFFICER, "hello")
        assert [u["message"]["text"] for u in (await second)[1]["result"]] == ["hello"]
        began = service.now()
        _, told = await call("getUpdates", offset=update["update_id"] + 2, timeout=30)
        assert (told["result"], round(service.now() - began)) == ([], 30)
        service.people.say(chat, OFFICER, "old")
        await asyncio.sleep(86_401)
        assert (await call("getUpdates"))[1]["result"] == []

    served(body)


def test_a_press_is_told_and_answered_once_and_not_too_late() -> None:
    async def body(service: Service, call: Caller) -> None:
        _, told = await call("sendMessage", chat_id=GROUP, text="x", reply_markup=button())
        number = told["result"]["message_id"]
        press = service.people.press(service.chats[GROUP], number, OFFICER, "Acknowledge")
        (update,) = (await call("getUpdates"))[1]["result"]
        query = update["callback_query"]
        assert (query["data"], query["from"]["id"]) == (press.data, 11)
        assert query["message"]["message_id"] == number
        answer = {"callback_query_id": query["id"], "text": "done", "show_alert": True}
        assert (await call("answerCallbackQuery", **answer))[0] == 200
        assert (press.answer, press.alert) == ("done", True)
        assert "query is too old" in (await call("answerCallbackQuery", **answer))[1]["description"]
        late = service.people.press(service.chats[GROUP], number, OFFICER, data="forged")
        await asyncio.sleep(61)
        assert (await call("answerCallbackQuery", callback_query_id=late.query_id))[0] == 400

    served(body)


def test_a_webhook_is_posted_with_its_secret_until_it_is_taken() -> None:
    async def body(service: Service, call: Caller) -> None:
        seen: list[tuple[str, int]] = []

        async def hook(request: web.Request) -> web.Response:
            secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
            seen.append((secret, (await request.json())["update_id"]))
            return web.Response(status=500 if len(seen) == 1 else 200)

        app = web.Application()
        app.router.add_post("/hook", hook)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        assert (await call("setWebhook", url=url, secret_token="s-1"))[0] == 200
        service.people.say(service.chats[GROUP], OFFICER, "hello")
        await asyncio.sleep(3)
        assert (len(seen), {secret for secret, _ in seen}, len({n for _, n in seen})) == (2, {"s-1"}, 1)
        assert (await call("getUpdates"))[0] == 409
        assert (await call("getWebhookInfo"))[1]["result"]["pending_update_count"] == 0
        await call("deleteWebhook")
        assert (await call("getUpdates"))[0] == 200
        await runner.cleanup()

    served(body)


def test_chats_move_shut_and_lose_topics_as_real_ones_do() -> None:
    async def body(service: Service, call: Caller) -> None:
        people = service.people
        group = service.add_chat(-5, "group")
        people.upgrade(group, -1_005)
        status, told = await call("sendMessage", chat_id=-5, text="x")
        assert (status, told["parameters"]) == (400, {"migrate_to_chat_id": -1_005})
        assert (await call("sendMessage", chat_id=-1_005, text="x"))[0] == 200
        people.remove_bot(service.chats[PRIVATE])
        status, told = await call("sendMessage", chat_id=PRIVATE, text="x")
        assert (status, told["description"]) == (403, "Forbidden: bot was blocked by the user")
        people.take_back(service.chats[PRIVATE])
        assert (await call("sendMessage", chat_id=PRIVATE, text="x"))[0] == 200
        forum = service.add_chat(-1_006, forum=True)
        _, told = await call("createForumTopic", chat_id=-1_006, name="urgent")
        thread = told["result"]["message_thread_id"]
        assert (await call("sendMessage", chat_id=-1_006, text="x", message_thread_id=thread))[0] == 200
        people.delete_topic(forum, thread)
        status, told = await call("sendMessage", chat_id=-1_006, text="x", message_thread_id=thread)
        assert "message thread not found" in told["description"]

    served(body)


def test_a_channel_s_post_is_brought_into_its_group_and_the_bot_hears_of_it() -> None:
    async def body(service: Service, call: Caller) -> None:
        _, told = await call.upload("sendPhoto", "photo", jpeg(1), chat_id=str(CHANNEL), caption="alert 7")
        post = told["result"]["message_id"]
        (update,) = (await call("getUpdates"))[1]["result"]
        message = update["message"]
        assert message["is_automatic_forward"] is True
        assert (message["from"]["id"], message["chat"]["id"], message["caption"]) == (
            777_000,
            TALK,
            "alert 7",
        )
        assert message["forward_origin"]["message_id"] == post
        _, told = await call("forwardMessage", chat_id=PRIVATE, from_chat_id=CHANNEL, message_id=post)
        assert told["result"]["caption"] == "alert 7"
        _, told = await call("forwardMessage", chat_id=PRIVATE, from_chat_id=CHANNEL, message_id=post + 5)
        assert "message to forward not found" in told["description"]

    served(body)


def test_the_report_counts_lost_doubled_swapped_and_silent_ones() -> None:
    async def body(service: Service, call: Caller) -> None:
        names = [f"{n:032x}" for n in range(6)]

        async def send(number: int, **more: Any) -> None:
            markup = button(f"a1:{names[number]}:ack:0:00000000")
            await call("sendMessage", chat_id=GROUP, text="x", reply_markup=markup, **more)
            await asyncio.sleep(3)

        began = service.now()
        await send(0)  # quiet, before the loud one that waited
        await send(1, disable_notification=True)
        await send(2)
        await send(2)
        await send(5)
        ranks = (2, 0, 1, 1, 1)
        expected = {
            names[n]: Expected(chat_id=GROUP, rank=rank, offered_at=began - 5) for n, rank in enumerate(ranks)
        }
        expected[names[4]] = Expected(chat_id=GROUP, rank=2, offered_at=began, inside=names[2])
        found = report(service, expected)
        assert found.lost == (names[3],)
        assert found.doubled == (names[2],)
        assert found.out_of_order == ((names[1], names[0]), (names[2], names[0]))
        assert found.silent == (names[1],)
        assert found.unknown == (names[5],)
        assert found.delays_s[names[2]] == pytest.approx(11, abs=1)
        assert (found.violations, found.calls, found.refused) == (0, 5, 0)

    served(body)


def test_a_server_without_limits_counts_the_busiest_minute_all_the_same() -> None:
    async def body(service: Service, call: Caller) -> None:
        for _ in range(25):
            assert (await call("sendMessage", chat_id=GROUP, text="x"))[0] == 200
        assert service.limits.most_in_a_minute == 25

    served(body, limits=Limits(on=False))


def test_limits_that_grow_tighter_halve_the_budget_after_a_violation() -> None:
    async def body(_service: Service, call: Caller) -> None:
        statuses = [(await call("sendMessage", chat_id=GROUP, text="x"))[0] for _ in range(5)]
        assert statuses == [200, 200, 200, 200, 429]
        await asyncio.sleep(60)
        assert [(await call("sendMessage", chat_id=GROUP, text="x"))[0] for _ in range(5)][-1] == 429

    served(body, limits=Limits(group_per_minute=4, dynamic=True))
