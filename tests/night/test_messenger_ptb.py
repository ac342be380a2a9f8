"""The Bot API server that we own, asked with the library that the bot uses."""

from __future__ import annotations

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, MessageEntity
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from nightmarket.messenger import TOKEN, Fault, Service, User
from nightmarket.messenger.limits import Limits
from tests.pictures.samples import jpeg

GROUP = -1001
KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("Acknowledge", callback_data="x")]])


def bot_of(service: Service, token: str = TOKEN) -> Bot:
    return Bot(token, base_url=service.base_url, base_file_url=service.base_file_url)


async def test_the_library_sends_edits_and_reads_what_people_do() -> None:
    async with Service(limits=Limits(on=False)) as service:
        group = service.add_chat(GROUP)
        async with bot_of(service) as bot:
            assert (await bot.get_me()).username == "nightjar_bot"
            assert (await bot.get_chat(GROUP)).title == "watch"
            entities = [MessageEntity(type="code", offset=0, length=2)]
            sent = await bot.send_photo(
                GROUP, jpeg(1), caption="\U0001f98f horn", caption_entities=entities, reply_markup=KEYBOARD
            )
            assert (sent.caption, sent.caption_entities[0].length) == ("\U0001f98f horn", 2)
            await bot.edit_message_caption(GROUP, sent.message_id, caption="gone", reply_markup=KEYBOARD)
            media = InputMediaPhoto(jpeg(2), caption="new sheet")
            edited = await bot.edit_message_media(media, GROUP, sent.message_id, reply_markup=KEYBOARD)
            assert not isinstance(edited, bool)
            assert edited.photo[-1].width == 800
            text = await bot.send_message(GROUP, "<b>hi</b>", parse_mode="HTML")
            await bot.pin_chat_message(GROUP, text.message_id)
            assert await bot.set_my_commands([("status", "how it stands")])
            document = await bot.send_document(GROUP, b"a,b\n", filename="night.csv")
            file = await bot.get_file(document.document.file_id)  # type: ignore[union-attr]
            assert bytes(await file.download_as_bytearray()) == b"a,b\n"
            service.people.press(group, sent.message_id, User(user_id=5, name="Li", language="zh"))
            (update,) = await bot.get_updates(timeout=0)
            assert update.callback_query is not None
            assert update.callback_query.from_user.language_code == "zh"
            assert await update.callback_query.answer("done")
            assert await bot.delete_message(GROUP, text.message_id)
            first, second = await bot.send_media_group(
                GROUP, [InputMediaPhoto(jpeg(3)), InputMediaPhoto(jpeg(4), caption="b")]
            )
            assert second.message_id == first.message_id + 1


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        (Fault(kind="429", retry_after=7), RetryAfter, False),
        (Fault(kind="403", text="Forbidden: bot was kicked"), Forbidden, False),
        (Fault(kind="400"), BadRequest, False),
        (Fault(kind="500-after"), NetworkError, True),
        (Fault(kind="502-before"), NetworkError, False),
        (Fault(kind="reset-before"), NetworkError, False),
        (Fault(kind="reset-after"), NetworkError, True),
        (Fault(kind="cut-after"), TelegramError, True),
        (Fault(kind="hang-after"), TimedOut, True),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
async def test_faults_come_out_of_the_library_as_the_facts_say(
    fault: Fault, error: type[TelegramError], stored: bool
) -> None:
    async with Service() as service:
        group = service.add_chat(GROUP)
        async with bot_of(service) as bot:
            service.faults.waiting = [
                Fault(kind=fault.kind, method="sendMessage", retry_after=fault.retry_after, text=fault.text)
            ]
            with pytest.raises(error):
                await bot.send_message(GROUP, "x", read_timeout=0.3)
        assert bool(group.seen()) == stored


async def test_migration_conflict_and_a_wrong_token_have_their_own_errors() -> None:
    async with Service() as service:
        service.people.upgrade(service.add_chat(-5, "group"), -1_005)
        async with bot_of(service) as bot:
            with pytest.raises(ChatMigrated) as moved:
                await bot.send_message(-5, "x")
            assert moved.value.new_chat_id == -1_005
            await bot.set_webhook("http://127.0.0.1:1/hook")
            with pytest.raises(Conflict):
                await bot.get_updates()
        with pytest.raises(InvalidToken):
            await bot_of(service, TOKEN[:-1] + "x").initialize()
