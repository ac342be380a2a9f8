"""Methods that make a message: text, photo, album, document, forward, copy."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from nightmarket.messenger import texts
from nightmarket.messenger.forms import Form
from nightmarket.messenger.words import Chat, Json, Message, Upload, bad, shown

if TYPE_CHECKING:
    from nightmarket.messenger.service import Service

MOST_PHOTO, MOST_DOCUMENT = 10_000_000, 50_000_000
MOST_SIDES, MOST_RATIO = 10_000, 20


def send_message(service: Service, form: Form) -> Json:
    """Method sendMessage."""
    chat = service.writable(form)
    text, entities = texts.words_of(
        form.text("text"), form.object("entities"), form.text("parse_mode"), caption=False
    )
    if not text:
        raise bad("message text is empty")
    options = form.object("link_preview_options") or {}
    preview = not options.get("is_disabled") and not form.yes("disable_web_page_preview")
    message = Message(
        message_id=0, chat_id=chat.chat_id, sender=service.me, text=text, entities=entities, preview=preview
    )
    return _put(service, form, chat, message)


def send_photo(service: Service, form: Form) -> Json:
    """Method sendPhoto."""
    chat = service.writable(form)
    text, entities = _caption(form)
    upload = photo(service, form, "photo")
    message = Message(
        message_id=0,
        chat_id=chat.chat_id,
        sender=service.me,
        form="photo",
        text=text,
        entities=entities,
        upload=upload,
        spoiler=form.yes("has_spoiler"),
    )
    return _put(service, form, chat, message)


def send_document(service: Service, form: Form) -> Json:
    """Method sendDocument."""
    chat = service.writable(form)
    text, entities = _caption(form)
    name, data = _file(form, "document")
    if len(data) > MOST_DOCUMENT:
        raise bad("file is too big")
    upload = service.keep(data, name)
    message = Message(
        message_id=0,
        chat_id=chat.chat_id,
        sender=service.me,
        form="document",
        text=text,
        entities=entities,
        upload=upload,
    )
    return _put(service, form, chat, message)


def send_media_group(service: Service, form: Form) -> list[Json]:
    """Method sendMediaGroup of photos: costs one for each, carries no keyboard."""
    chat = service.writable(form)
    media = form.object("media")
    if not isinstance(media, list) or not 2 <= len(media) <= 10:
        raise bad("wrong number of messages in the album: 2 to 10 are needed")
    uploads = [photo(service, form, str(one.get("media", "")).removeprefix("attach://")) for one in media]
    service.charge(chat, len(media) if service.ways.albums_count_each else 1)
    told = []
    for one, upload in zip(media, uploads, strict=True):
        text, entities = texts.words_of(
            str(one.get("caption", "")),
            one.get("caption_entities"),
            str(one.get("parse_mode", "")),
            caption=True,
        )
        message = Message(
            message_id=0, chat_id=chat.chat_id, sender=service.me, form="photo", text=text, entities=entities,
            upload=upload,
        )  # fmt: skip
        told.append(_stored(service, form, chat, message))
    return told


def forward_message(service: Service, form: Form) -> Json:
    """Method forwardMessage: another's message too; says whose it was."""
    chat = service.writable(form)
    source = service.chat_of(form.text("from_chat_id"))
    first = source.messages.get(form.number("message_id"))
    if first is None or first.deleted:
        raise bad("message to forward not found")
    if first.form == "service":
        raise bad("message can't be forwarded")
    message = _copy(chat, first)
    message.forwarded = origin(source, first)
    return _put(service, form, chat, message)


def copy_message(service: Service, form: Form) -> Json:
    """Method copyMessage: only the id is told."""
    chat = service.writable(form)
    first = service.chat_of(form.text("from_chat_id")).messages.get(form.number("message_id"))
    if first is None or first.deleted:
        raise bad("message to copy not found")
    return {"message_id": _put(service, form, chat, _copy(chat, first))["message_id"]}


def _copy(chat: Chat, first: Message) -> Message:
    return Message(
        message_id=0, chat_id=chat.chat_id, sender=None, form=first.form, text=first.text,
        entities=list(first.entities), upload=first.upload,
    )  # fmt: skip


def origin(source: Chat, first: Message) -> Json:
    """The fields that a forward carries (forward_origin, and the two old ones of channels)."""
    told: Json = {"date": first.date}
    if source.kind == "channel":
        told |= {"type": "channel", "chat": source.shown(), "message_id": first.message_id}
        old = {"forward_from_chat": source.shown(), "forward_from_message_id": first.message_id}
        return {"forward_origin": told} | old
    sender = first.sender.shown() if first.sender else {}
    return {"forward_origin": told | {"type": "user", "sender_user": sender}, "forward_from": sender}


def photo(service: Service, form: Form, key: str) -> Upload:
    """The picture of a call, checked as the server does. Raises Refusal."""
    name, data = _file(form, key, service)
    if len(data) > MOST_PHOTO:
        raise bad("too big for a photo")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise bad("IMAGE_PROCESS_FAILED") from None
    if width + height > MOST_SIDES or max(width, height) > MOST_RATIO * min(width, height):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    return service.keep(data, name, (width, height))


def _file(form: Form, key: str, service: Service | None = None) -> tuple[str, bytes]:
    named = form.text(key)
    for field in (named.removeprefix("attach://"), key):
        if field in form.files:
            return form.files[field]
    if named and service is not None and (known := service.uploads.get(named)) is not None:
        return known.name, known.data
    if named:
        raise bad("wrong file identifier/HTTP URL specified")
    raise bad(f"there is no {key} in the request")


def _caption(form: Form) -> tuple[str, list[Json]]:
    return texts.words_of(
        form.text("caption"), form.object("caption_entities"), form.text("parse_mode"), caption=True
    )


def _put(service: Service, form: Form, chat: Chat, message: Message) -> Json:
    """Charge for it and let it stand in the chat."""
    message.keyboard = texts.keyboard_of(form.object("reply_markup"))
    service.charge(chat)
    return _stored(service, form, chat, message)


def _stored(service: Service, form: Form, chat: Chat, message: Message) -> Json:
    message.silent = form.yes("disable_notification")
    message.thread_id = form.number("message_thread_id")
    reply = form.object("reply_parameters") or {}
    message.reply_to = int(reply.get("message_id", 0)) or form.number("reply_to_message_id")
    service.store(chat, message)
    told = shown(message, chat)
    if links := service.ways.found(message.text, message.entities) if message.form == "text" else []:
        told["entities"] = [*message.entities, *links]
    return told
