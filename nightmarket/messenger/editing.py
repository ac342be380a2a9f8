"""Methods that change what stands in a chat: text, caption, picture, keyboard, deletion, pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightmarket.messenger import texts
from nightmarket.messenger.forms import Form
from nightmarket.messenger.journal import Edited
from nightmarket.messenger.sending import photo
from nightmarket.messenger.words import Chat, Json, Message, bad, shown

if TYPE_CHECKING:
    from nightmarket.messenger.service import Service

SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


def edit_text(service: Service, form: Form) -> Json:
    """Method editMessageText; without reply_markup the keyboard goes, as in the API."""
    chat, message = _own(service, form)
    text, entities = texts.words_of(
        form.text("text"), form.object("entities"), form.text("parse_mode"), caption=False
    )
    if message.form != "text":
        raise bad("there is no text in the message to edit")
    if not text:
        raise bad("message text is empty")
    return _changed(service, chat, message, text=text, entities=entities, keyboard=_keyboard(form))


def edit_caption(service: Service, form: Form) -> Json:
    """Method editMessageCaption."""
    chat, message = _own(service, form)
    text, entities = texts.words_of(
        form.text("caption"), form.object("caption_entities"), form.text("parse_mode"), caption=True
    )
    if not message.has_caption:
        raise bad("there is no caption in the message to edit")
    return _changed(service, chat, message, text=text, entities=entities, keyboard=_keyboard(form))


def edit_media(service: Service, form: Form) -> Json:
    """Method editMessageMedia, to another photo."""
    chat, message = _own(service, form)
    media = form.object("media")
    if not isinstance(media, dict) or media.get("type") != "photo":
        raise bad("can't parse InputMedia: only photos here")
    key = str(media.get("media", "")).removeprefix("attach://")
    form.values.setdefault(key, media.get("media"))
    upload = photo(service, form, key)
    text, entities = texts.words_of(
        str(media.get("caption", "")),
        media.get("caption_entities"),
        str(media.get("parse_mode", "")),
        caption=True,
    )
    message.form = "photo"
    return _changed(
        service, chat, message, text=text, entities=entities, keyboard=_keyboard(form), upload=upload
    )


def edit_markup(service: Service, form: Form) -> Json:
    """Method editMessageReplyMarkup."""
    chat, message = _own(service, form)
    return _changed(service, chat, message, keyboard=_keyboard(form))


def delete_message(service: Service, form: Form) -> bool:
    """Method deleteMessage."""
    chat = service.chat_of(form.text("chat_id"))
    message = chat.messages.get(form.number("message_id"))
    if message is None or message.deleted:
        raise bad("message to delete not found")
    message.deleted = True
    return True


def delete_messages(service: Service, form: Form) -> bool:
    """Method deleteMessages: those that are not there are passed over."""
    chat = service.chat_of(form.text("chat_id"))
    for number in form.object("message_ids") or []:
        if (message := chat.messages.get(int(number))) is not None:
            message.deleted = True
    return True


def pin(service: Service, form: Form) -> bool:
    """Method pinChatMessage: others see a line about it, which takes an id."""
    chat, message = _own(service, form, charge=False)
    chat.pinned = message.message_id
    chat.take_id()
    return True


def unpin(service: Service, form: Form) -> bool:
    """Method unpinChatMessage."""
    service.chat_of(form.text("chat_id")).pinned = 0
    return True


def _keyboard(form: Form) -> list[list[Json]]:
    return texts.keyboard_of(form.object("reply_markup"))


def _own(service: Service, form: Form, *, charge: bool = True) -> tuple[Chat, Message]:
    """A message of the bot. Raises Refusal as the server does for others' and missing ones."""
    chat = service.writable(form)
    if charge and service.ways.failed_edits_count:
        service.charge(chat)
    message = chat.messages.get(form.number("message_id"))
    if message is None or message.deleted:
        raise bad("message to edit not found")
    if message.form == "service" or message.sender is not service.me or message.forwarded:
        raise bad("message can't be edited")
    return chat, message


def _changed(service: Service, chat: Chat, message: Message, **new: object) -> Json:
    if all(getattr(message, name) == value for name, value in new.items()):
        if service.ways.same_is_told:
            raise bad(SAME)
        return shown(message, chat)
    if not service.ways.failed_edits_count:
        service.charge(chat)
    for name, value in new.items():
        setattr(message, name, value)
    message.edits += 1
    message.edited_at = service.now()
    if "text" in new:
        at, text = message.edited_at, message.text
        service.edited.append(Edited(at, chat.chat_id, message.message_id, text))
    return shown(message, chat)
