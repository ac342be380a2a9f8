"""Bot API calls on the wire: pictures of any length arrive whole; of answers is read what is used."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot

from bot.answers import brief, filled
from bot.channel import Span
from bot.request import entities, request_of

TOKEN = "1:abc"
SENT = {
    "message_id": 7,
    "date": 5,
    "chat": {"id": -1, "type": "supergroup", "title": "t"},
    "caption": "12345",
    "caption_entities": [{"type": "code", "offset": 0, "length": 5}],
    "photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}],
    "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "y"}]]},
}


class Listening:
    """Takes every call and keeps the fields of its form."""

    def __init__(self) -> None:
        self.fields: dict[str, str | bytes] = {}

    async def take(self, request: web.Request) -> web.Response:
        """Answer as a server does that sent it."""
        form = await request.post()
        for key, value in form.items():
            self.fields[key] = value.file.read() if isinstance(value, web.FileField) else str(value)
        return web.json_response({"ok": True, "result": SENT})


async def photo_of(size: int, *, in_brief: bool) -> tuple[Listening, Any]:
    """What a server got of a photo of so many bytes, and the message that the library made of its answer."""
    listening, application = Listening(), web.Application(client_max_size=1 << 26)
    application.router.add_post("/{call:.*}", listening.take)
    async with TestServer(application) as server:
        request = request_of(10.0, brief=in_brief)
        await request.initialize()
        base = f"http://{server.host}:{server.port}/bot"
        bot = Bot(TOKEN, base_url=base, request=request, get_updates_request=request)
        try:
            message = await bot.send_photo(
                chat_id=-1,
                photo=bytes(range(256)) * (size // 256),
                caption="12345",
                caption_entities=entities([Span(kind="code", offset=0, length=5)]),
            )
        finally:
            await request.shutdown()
    return listening, message


@pytest.mark.parametrize("size", [256, 120 * 1024, (1 << 20) - 512, 3 << 20])
async def test_a_picture_arrives_byte_by_byte_however_long_it_is(size: int) -> None:
    """Short forms are put together before they leave, long ones are not."""
    listening, message = await photo_of(size, in_brief=True)
    assert listening.fields["photo"] == bytes(range(256)) * (size // 256)
    assert (listening.fields["chat_id"], listening.fields["caption"]) == ("-1", "12345")
    assert '"offset": 0' in str(listening.fields["caption_entities"])
    assert message.message_id == 7


async def test_in_brief_a_message_has_its_number_its_chat_and_its_words() -> None:
    _, message = await photo_of(256, in_brief=True)
    assert (message.message_id, message.chat.id, message.caption) == (7, -1, "12345")
    assert not message.caption_entities
    assert message.reply_markup is None
    _, whole = await photo_of(256, in_brief=False)
    assert len(whole.caption_entities) == 1
    assert whole.reply_markup is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON, st.dictionaries(st.sampled_from(["text", "caption", "photo", "entities"]), JSON))
def test_an_answer_in_brief_loses_nothing_that_is_read(number: Any, chat: Any, more: dict[str, Any]) -> None:
    said = {"message_id": number, "chat": chat} | more
    found = filled(brief({"ok": True, "result": said}))
    whole = filled({"ok": True, "result": said})
    read = ("message_id", "chat", "date", "text", "caption")
    assert {k: found["result"].get(k) for k in read} == {k: whole["result"].get(k) for k in read}
    assert found["ok"] is True


@given(st.dictionaries(st.sampled_from(["ok", "result", "description"]), JSON))
def test_what_holds_no_message_is_left_as_it_is(answer: dict[str, Any]) -> None:
    assert brief(answer) == answer
