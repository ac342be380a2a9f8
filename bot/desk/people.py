"""Who may do what: roles by Telegram user id, chats by an allow-list. Pure.

A user is known by his number alone: names in Telegram can be changed by anybody. The role counts
that stands in the configuration when the button is pressed, not when the card was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.settings.custody import ROLES, Officer
from bot.settings.people import ChatTable
from storage.duty import Act, Actor

NEEDS: dict[str, str] = {
    "status": "viewer",
    "tonight": "viewer",
    "case": "viewer",
    "find": "viewer",
    "mutes": "viewer",
    "oncall": "viewer",
    "lang": "viewer",
    "help": "viewer",
    "similar": "viewer",
    Act.ACKNOWLEDGE: "officer",
    Act.UNACKNOWLEDGE: "officer",
    Act.ESCALATE: "officer",
    Act.CONFIRM: "officer",
    Act.FALSE: "officer",
    Act.DUPLICATE: "officer",
    "report": "officer",
    "mute": "officer",
    "oncall take": "officer",
    "oncall swap": "officer",
    "evidence": "investigator",
    "contact": "investigator",
    "watch seller": "officer",
    "watch": "investigator",
    "mute agree": "supervisor",
    "mute lift": "officer",
    "oncall give": "supervisor",
}
"""The least role for each act and command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who is known: officers by user id, chats by chat id. Private chats of officers need no entry.

    zone: of the duty, whose clocks everybody reads who has no other. moves: chats that moved, with the
    id of before that stands on the list.
    """

    officers: tuple[Officer, ...] = ()
    chats: tuple[ChatTable, ...] = ()
    zone: str = "UTC"
    moves: Mapping[int, int] = field(default_factory=dict)

    def officer(self, user_id: int) -> Officer | None:
        """The officer with this Telegram user id."""
        return next((one for one in self.officers if one.telegram and one.telegram == user_id), None)

    def named(self, name: str) -> Officer | None:
        """The officer of this name, whatever the case of its letters."""
        wanted = name.strip().casefold()
        return next((one for one in self.officers if one.name.casefold() == wanted), None)

    def chat(self, chat_id: int) -> ChatTable | None:
        """The chat with this id, when it is on the list."""
        home = self.home(chat_id)
        return next((one for one in self.chats if one.id == home), None)

    def home(self, chat_id: int) -> int:
        """The id of a chat as the list has it."""
        listed = any(one.id == chat_id for one in self.chats)
        return chat_id if listed else self.moves.get(chat_id, chat_id)

    def zone_in(self, chat_id: int) -> str:
        """In which zone times are told there: of the chat, or of the officer whose own chat it is."""
        chat, officer = self.chat(chat_id), self.officer(chat_id)
        return (chat.zone if chat else "") or (officer.zone if officer else "") or self.zone

    def allows_chat(self, chat_id: int) -> bool:
        """Whether the bot speaks there: a chat on the list, or an officer's own."""
        return self.chat(chat_id) is not None or self.officer(chat_id) is not None

    def sees_contacts(self, officer: Officer, chat_id: int) -> bool:
        """Whether contacts are shown in full: by role, and in a group only where the list says so."""
        if not officer.sees_contacts:
            return False
        chat = self.chat(chat_id)
        return chat_id == officer.telegram or (chat is not None and chat.contacts == "full")

    def by_role(self, *roles: str) -> tuple[Officer, ...]:
        """Officers of these roles who can be reached."""
        return tuple(one for one in self.officers if one.role in roles and one.telegram)


def may(officer: Officer, what: str) -> bool:
    """Whether his role permits an act or a command. Raises KeyError for what is neither."""
    return ROLES.index(officer.role) >= ROLES.index(NEEDS[what])


def actor(officer: Officer) -> Actor:
    """The officer as he stands in the log."""
    return Actor(id=officer.telegram, name=officer.name, role=officer.role)
