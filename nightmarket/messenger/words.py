"""What the service knows: people, chats, messages, uploads, and how it refuses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """An answer with ok = false. status: HTTP status and error_code; parameters as the API has them."""

    def __init__(self, status: int, text: str, **parameters: int) -> None:
        super().__init__(text)
        self.status, self.text, self.parameters = status, text, parameters


def bad(text: str, **parameters: int) -> Refusal:
    """400 with the usual beginning."""
    return Refusal(400, f"Bad Request: {text}", **parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody. language: IETF tag as the phone says it."""

    user_id: int
    name: str
    username: str = ""
    language: str = "en"
    is_bot: bool = False

    def shown(self) -> Json:
        """As a `User` object."""
        told: Json = {"id": self.user_id, "is_bot": self.is_bot, "first_name": self.name}
        if self.username:
            told["username"] = self.username
        return told if self.is_bot else told | {"language_code": self.language}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it came, by its SHA-256. width, height: of a picture, else 0."""

    file_id: str
    sha256: str
    data: bytes
    name: str = ""
    width: int = 0
    height: int = 0

    @classmethod
    def of(cls, file_id: str, data: bytes, name: str = "", size: tuple[int, int] = (0, 0)) -> Upload:
        """From bytes."""
        sha = hashlib.sha256(data).hexdigest()
        return cls(file_id=file_id, sha256=sha, data=data, name=name, width=size[0], height=size[1])


@dataclass(slots=True, kw_only=True)
class Message:
    """One message as people see it. form: text, photo, document or service.

    keyboard: `inline_keyboard` rows. sent_at, edited_at: the service's monotonic seconds.
    """

    message_id: int
    chat_id: int
    sender: User | None
    form: str = "text"
    text: str = ""
    entities: list[Json] = field(default_factory=list)
    upload: Upload | None = None
    keyboard: list[list[Json]] = field(default_factory=list)
    thread_id: int = 0
    reply_to: int = 0
    silent: bool = False
    preview: bool = False
    spoiler: bool = False
    forwarded: Json = field(default_factory=dict)
    sent_at: float = 0.0
    date: int = 0
    edits: int = 0
    edited_at: float = 0.0
    deleted: bool = False

    @property
    def has_caption(self) -> bool:
        """Whether its words are a caption."""
        return self.form in ("photo", "document")

    def labels(self) -> list[str]:
        """What stands on its buttons."""
        return [str(button.get("text", "")) for row in self.keyboard for button in row]


@dataclass(slots=True, kw_only=True)
class Chat:
    """A chat. kind: private, group, supergroup or channel.

    linked: the discussion group of a channel. moved_to: a group that became a supergroup.
    shut: why the bot may not write ("bot was kicked from the supergroup chat"), or "".
    topics: open forum topics by id. next_id: of the next message; every member's post takes one.
    """

    chat_id: int
    kind: str = "supergroup"
    title: str = "watch"
    linked: int = 0
    moved_to: int = 0
    shut: str = ""
    forum: bool = False
    topics: dict[int, str] = field(default_factory=dict)
    closed_topics: set[int] = field(default_factory=set)
    next_id: int = 1
    messages: dict[int, Message] = field(default_factory=dict)
    pinned: int = 0

    def take_id(self) -> int:
        """The next message id of this chat."""
        number, self.next_id = self.next_id, self.next_id + 1
        return number

    def shown(self) -> Json:
        """As a `Chat` object."""
        told: Json = {"id": self.chat_id, "type": self.kind}
        told["first_name" if self.kind == "private" else "title"] = self.title
        return told | ({"is_forum": True} if self.forum else {})

    def seen(self) -> list[Message]:
        """What stands in the chat, oldest first."""
        return [message for message in self.messages.values() if not message.deleted]


def shown(message: Message, chat: Chat) -> Json:
    """As a `Message` object."""
    told: Json = {"message_id": message.message_id, "date": message.date, "chat": chat.shown()}
    if message.sender is not None and chat.kind != "channel":
        told["from"] = message.sender.shown()
    if chat.kind == "channel":
        told["sender_chat"] = chat.shown()
    if message.text:
        told["caption" if message.has_caption else "text"] = message.text
        if message.entities:
            told["caption_entities" if message.has_caption else "entities"] = message.entities
    told |= _media(message)
    if message.keyboard:
        told["reply_markup"] = {"inline_keyboard": message.keyboard}
    if message.thread_id:
        told |= {"message_thread_id": message.thread_id, "is_topic_message": True}
    if message.edits:
        told["edit_date"] = message.date + 1
    if message.spoiler:
        told["has_media_spoiler"] = True
    if message.reply_to and (first := chat.messages.get(message.reply_to)) is not None:
        told["reply_to_message"] = {
            "message_id": first.message_id, "date": first.date, "chat": chat.shown(), "text": first.text,
        } | ({"from": first.sender.shown()} if first.sender else {})  # fmt: skip
    return told | message.forwarded


def _media(message: Message) -> Json:
    upload = message.upload
    if upload is None:
        return {}
    file: Json = {
        "file_id": upload.file_id,
        "file_unique_id": upload.sha256[:16],
        "file_size": len(upload.data),
    }
    if message.form == "photo":
        return {"photo": [file | {"width": upload.width, "height": upload.height}]}
    return {"document": file | {"file_name": upload.name}}
