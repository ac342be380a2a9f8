"""What people do in a chat: write, press, block, upgrade, delete. It becomes updates for the bot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightmarket.messenger.words import Chat, Json, Message, User, shown

if TYPE_CHECKING:
    from nightmarket.messenger.service import Service

FORWARDER = User(user_id=777_000, name="Telegram")
"""Who brings channel posts into the linked group."""


@dataclass(slots=True, kw_only=True)
class Press:
    """A button that was pressed. answered_at: None while it was not answered."""

    query_id: str
    user: User
    data: str
    at: float
    answered_at: float | None = None
    answer: str = ""
    alert: bool = False


class People:
    """Acts on the chats of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def say(
        self,
        chat: Chat,
        user: User,
        text: str = "",
        *,
        picture: bytes = b"",
        reply_to: int = 0,
        thread_id: int = 0,
        as_chat: bool = False,
    ) -> Message:
        """Write a message. picture: image bytes, then the text is its caption. as_chat: anonymously."""
        service = self._service
        service.users.setdefault(user.user_id, user)
        upload = service.keep_picture(picture) if picture else None
        message = Message(
            message_id=0,
            chat_id=chat.chat_id,
            sender=user,
            form="photo" if upload else "text",
            text=text,
            entities=_commands(text),
            upload=upload,
            reply_to=reply_to,
            thread_id=thread_id,
        )
        service.store(chat, message)
        told = shown(message, chat)
        if as_chat:
            told |= {"sender_chat": chat.shown()}
        service.updates.add("channel_post" if chat.kind == "channel" else "message", told)
        return message

    def chatter(self, chat: Chat, count: int = 1) -> None:
        """Others' messages that the bot never hears of (its privacy mode is on); they take ids."""
        other = User(user_id=900, name="Member")
        for number in range(count):
            message = Message(message_id=0, chat_id=chat.chat_id, sender=other, text=f"hm {number}")
            self._service.store(chat, message)

    def press(
        self, chat: Chat, message_id: int, user: User, button: int | str = 0, *, data: str = ""
    ) -> Press:
        """Press a button by its place or label; `data` forges what it carries."""
        service = self._service
        service.users.setdefault(user.user_id, user)
        message = chat.messages[message_id]
        if not data:
            buttons = [one for row in message.keyboard for one in row if "callback_data" in one]
            chosen = (
                buttons[button]
                if isinstance(button, int)
                else next(b for b in buttons if b["text"] == button)
            )
            data = str(chosen["callback_data"])
        number = service.chance.getrandbits(62)
        press = Press(query_id=str(number), user=user, data=data, at=service.now())
        service.presses[press.query_id] = press
        told: Json = {
            "id": press.query_id,
            "from": user.shown(),
            "chat_instance": str(chat.chat_id),
            "data": data,
        }
        service.updates.add("callback_query", told | {"message": shown(message, chat)})
        return press

    def remove_bot(self, chat: Chat) -> None:
        """Kick the bot out of a group, or block it in private."""
        chat.shut = (
            "bot was blocked by the user"
            if chat.kind == "private"
            else f"bot was kicked from the {chat.kind} chat"
        )
        self._member(chat, "kicked")

    def take_back(self, chat: Chat) -> None:
        """Let the bot in again."""
        chat.shut = ""
        self._member(chat, "member")

    def _member(self, chat: Chat, status: str) -> None:
        me = self._service.me.shown()
        now = {"user": me, "status": status} | ({"until_date": 0} if status == "kicked" else {})
        told = {"chat": chat.shown(), "from": FORWARDER.shown(), "date": self._service.date()}
        old = {"user": me, "status": "member"}
        self._service.updates.add("my_chat_member", told | {"old_chat_member": old, "new_chat_member": now})

    def upgrade(self, chat: Chat, new_id: int) -> Chat:
        """Make a group a supergroup: the old id is dead for ever, old messages stay there."""
        new = self._service.add_chat(new_id, kind="supergroup", title=chat.title)
        chat.moved_to = new_id
        old = Message(message_id=0, chat_id=chat.chat_id, sender=FORWARDER, form="service")
        self._service.store(chat, old)
        self._service.updates.add("message", shown(old, chat) | {"migrate_to_chat_id": new_id})
        return new

    def delete(self, chat: Chat, message_id: int) -> None:
        """Delete a message: nobody tells the bot."""
        chat.messages[message_id].deleted = True

    def delete_topic(self, chat: Chat, thread_id: int) -> None:
        """Delete a forum topic: nobody tells the bot either."""
        chat.topics.pop(thread_id, None)


def _commands(text: str) -> list[Json]:
    if not text.startswith("/"):
        return []
    return [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
