"""The desk: takes updates from the inbox, acts on each once, and answers.

    server -> inbox row (durable) -> handled here -> inbox row "handled"

What is handled again after a kill changes nothing the second time (acts are idempotent by update
id). Updates of one person are handled in order, of different people side by side.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from bot.desk import doing, looking
from bot.desk.asides import Asides
from bot.desk.asking import Around, Asked, split_command
from bot.desk.hands import Hands
from bot.desk.people import People, may
from bot.desk.presses import Presses, not_sent, press_of
from bot.desk.reply import Reply, plainly
from bot.desk.rota import Rota
from bot.desk.server import Server, ServerTrouble
from bot.desk.tips import Tips
from bot.desk.tongue import Tongue, tongue
from bot.desk.updates import to_leave
from bot.desk.written import shown_by, take, takes
from bot.direct import direct
from bot.receipts import forwarded
from bot.settings.custody import Officer
from storage import duties, inbox, standing
from storage.clock import Clock
from storage.duty import Act
from storage.errors import StoreError
from storage.inbox import Letter
from storage.store import Store

log = structlog.get_logger(__name__)

AT_ONCE = 16
"""Updates handled side by side."""
LOOK_S = 30.0
PAUSE_S = 2.0
Command = Callable[[Asked, Around], Awaitable[Reply]]
COMMANDS: dict[str, Command] = {
    "status": looking.status,
    "tonight": looking.night,
    "case": looking.case,
    "find": looking.look_up,
    "evidence": looking.evidence,
    "report": doing.report,
    "watch": doing.watch,
    "mute": doing.mute,
    "mutes": doing.muted,
    "oncall": doing.oncall,
    "lang": doing.lang,
    "help": doing.helped,
    "start": doing.helped,
}
_NEEDS = {"start": "help", "watch": "status"}
"""What a command needs where that is not its own name; /watch looks at its words itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the desk belongs to. night_began: start of the night around an instant, or of the last one.

    arrived: told (alert, chat, message) of every true press. digest_to: channels that get the morning's
    notice; digest_chat: where its table goes, and in which language. channel_in: the channel that speaks
    in a chat, "" for none. moved: a chat (before) has another id now.
    """

    people: Callable[[], People]
    rota: Callable[[], Rota | None]
    language: Callable[[], str]
    night_began: Callable[[datetime], datetime]
    spoke: Callable[[], None]
    tell_admin: Callable[[str], Awaitable[None]]
    arrived: Callable[[str, int, int], Awaitable[None]]
    digest_to: Callable[[], tuple[str, ...]]
    digest_chat: Callable[[], tuple[int | str, Tongue]]
    channel_in: Callable[[int], str]
    moved: Callable[[int, int], Awaitable[None]]


class Desk:
    """One bot's desk. `run` ends by cancellation."""

    def __init__(
        self, store: Store, server: Server, clock: Clock, *, key: bytes, hands: Hands, place: Place
    ) -> None:
        self._store, self._server, self._clock, self._place = store, server, clock, place
        self._hands, self._asides = hands, Asides(store, hands)
        self._tips = Tips(
            store,
            clock,
            hands,
            tongue=lambda tip: self._tongue(tip.chat_id, place.people().officer(tip.user_id)),
            channel=lambda tip: place.channel_in(tip.chat_id) or direct(tip.user_id),
            spoke=place.spoke,
        )
        self._presses = Presses(store, server, key, self._asides, spoke=place.spoke, arrived=place.arrived)
        self._news = asyncio.Event()
        self._busy: set[int] = set()
        self._turns: dict[int, asyncio.Lock] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._languages: dict[int, str] = {}

    def came(self) -> None:
        """Updates were kept."""
        self._news.set()

    async def run(self) -> None:
        """Act on what is in the inbox, what an earlier run left too, for ever."""
        self._languages = await standing.languages(self._store.vault.database)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tips.run())
            while True:
                self._news.clear()
                before = frozenset(self._busy)  # one of these may be handled while the inbox is read
                letters = await inbox.waiting(self._store.vault.database, AT_ONCE * 4)
                fresh = [one for one in letters if one.update_id not in before | self._busy]
                for letter in fresh:
                    await self._places.acquire()
                    self._busy.add(letter.update_id)
                    group.create_task(self._one(letter))
                if not fresh:
                    await self._rest()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._news.wait()

    async def _one(self, letter: Letter) -> None:
        """Handle an update in its sender's turn. A fault of ours costs this update, not the desk."""
        update = self._server.parse(letter.body)
        user = getattr(update, "effective_user", None)
        sender = user.id if user is not None and type(user.id) is int else 0  # servers differ
        turn = self._turns.setdefault(sender, asyncio.Lock())
        try:
            async with turn:
                outcome = await self._handled(letter, update)
                await inbox.handled(self._store.vault, letter.update_id, outcome)
        except StoreError as trouble:  # it stays in the inbox and comes again
            log.warning("an update waits: the store would not take it", why=str(trouble))
            await self._clock.sleep(PAUSE_S)
        finally:
            if not turn.locked():
                self._turns.pop(sender, None)
            self._busy.discard(letter.update_id)
            self._places.release()
            self._news.set()

    async def _handled(self, letter: Letter, update: Any) -> str:
        try:
            return await self._act(letter, update)
        except (StoreError, asyncio.CancelledError):
            raise
        except ServerTrouble as trouble:
            return f"not answered: {trouble}"
        except Exception as bug:
            log.error("an update met a fault of ours", update=letter.update_id, exc_info=bug)
            await self._place.tell_admin(
                f"the desk met a fault of its own: {type(bug).__name__}; see the log"
            )
            return "fault of ours"

    async def _act(self, letter: Letter, update: Any) -> str:  # noqa: PLR0911 -- one a kind
        if (chat_id := to_leave(letter.body)) is not None:
            return await self._leave(chat_id)
        if update is None:
            return "unreadable"
        if update.my_chat_member is not None:
            return await self._membership(update.my_chat_member)
        people = self._place.people()
        if update.callback_query is not None:
            press = press_of(letter.update_id, update.callback_query)
            say = self._tongue(press.chat_id, people.officer(press.user_id))
            outcome = await self._presses.handle(press, people, say)
            return await self._foreign(press.chat_id, outcome) if outcome == "foreign chat" else outcome
        if (arrival := forwarded(json.loads(letter.body))) is not None:
            await self._place.arrived(arrival.alert_id, arrival.chat_id, arrival.message_id)
            return "receipt"
        if update.message is not None:
            return await self._message(letter.update_id, update.message, people)
        return "not for us"

    # --- messages --------------------------------------------------------------------

    async def _message(self, update_id: int, message: Any, people: People) -> str:
        officer = None if message.from_user is None else people.officer(message.from_user.id)
        if not people.allows_chat(message.chat.id):
            return await self._foreign(message.chat.id, "stranger")
        words = message.text or message.caption or ""
        picture = _picture_in(message)
        found = split_command(words, self._server.name)
        if found is None and picture and message.chat.type == "private":
            found = ("find", "")  # a picture alone is looked up
        if found is None:
            return await self._written(update_id, message, words, officer)
        if await self._is_anonymous(message):
            return "anonymous"
        if officer is None:
            return await self._refused(update_id, message, found[0], "not on the list")
        asked = Asked(
            name=found[0],
            words=found[1],
            update_id=update_id,
            chat_id=message.chat.id,
            message_id=message.message_id,
            officer=officer,
            picture=picture,
        )
        return await self._command(asked, message, people)

    async def _is_anonymous(self, message: Any) -> bool:
        """Whether somebody writes in the name of the group; he is told that it will not do."""
        if message.sender_chat is None or message.sender_chat.id != message.chat.id:
            return False
        say = self._tongue(message.chat.id, None)
        told = plainly(say("I cannot see who you are: do not write anonymously."))
        await self._server.send(message.chat.id, told)
        return True

    async def _written(self, update_id: int, message: Any, words: str, officer: Officer | None) -> str:
        """Take the alert of a card that somebody answered with one of the words for it."""
        card, chat_id = message.reply_to_message, message.chat.id
        shown = await shown_by(self._store, chat_id, card.message_id) if card and takes(words) else None
        if shown is None:
            return "no command"
        if await self._is_anonymous(message):
            return "anonymous"
        if officer is None:
            return await self._refused(update_id, message, "acknowledge", "not on the list")
        say = self._tongue(chat_id, officer)
        if not may(officer, Act.ACKNOWLEDGE):
            told = plainly(say("Your role may not do that."))
            await self._server.send(chat_id, told, reply_to=message.message_id)
            return await self._refused(update_id, message, "acknowledge", "may not acknowledge")
        reply = await take(self._store, shown, officer, update_id, message.date, say)
        self._place.spoke()
        await self._server.send(chat_id, reply, reply_to=message.message_id)
        return reply.outcome

    async def _command(self, asked: Asked, message: Any, people: People) -> str:
        say = self._tongue(asked.chat_id, asked.officer)
        command = COMMANDS.get(asked.name)
        if command is None:
            await self._send(asked, plainly(say("I do not know that; /help says what I can.")))
            return "unknown command"
        if not may(asked.officer, _NEEDS.get(asked.name, asked.name)):
            await self._send(asked, plainly(say("Your role may not do that.")))
            return await self._refused(asked.update_id, message, asked.name, f"may not {asked.name}")
        around = Around(
            store=self._store,
            server=self._server,
            hands=self._hands,
            asides=self._asides,
            tips=self._tips,
            people=people,
            rota=self._place.rota(),
            say=say,
            night_began=self._place.night_began(self._clock.now()),
        )
        reply = await command(asked, around)
        if asked.name == "lang":
            self._languages = await standing.languages(self._store.vault.database)
        if reply.refused:
            await self._refused(asked.update_id, message, asked.name, reply.outcome)
        await self._send(asked, reply, privately=asked.name == "evidence")
        self._place.spoke()
        return reply.outcome

    async def _send(self, asked: Asked, reply: Reply, *, privately: bool = False) -> None:
        own = asked.officer.telegram
        if not privately or asked.chat_id == own:
            await self._server.send(asked.chat_id, reply, reply_to=asked.message_id)
            return
        say = self._tongue(asked.chat_id, asked.officer)
        try:
            arrived = await self._server.send(own, reply)
            told = say("Sent to you in private.") if arrived else not_sent(say)
        except ServerTrouble:
            told = say("Write /start to me in a private chat first.")
        await self._server.send(asked.chat_id, plainly(told), reply_to=asked.message_id)

    async def _refused(self, update_id: int, message: Any, name: str, why: str) -> str:
        """Into the log; to a stranger nothing is said."""
        user = message.from_user
        officer = None if user is None else self._place.people().officer(user.id)
        who = {"actor": officer.name, "role": officer.role} if officer else {}
        facts = {
            "act": f"command {name}",
            "refused": why,
            "actor_id": "" if user is None else str(user.id),
            "chat": str(message.chat.id),
            "update_id": str(update_id),
        } | who
        log.warning("a command was refused", user=facts["actor_id"], why=why)
        if officer is not None or self._presses.counts(0 if user is None else user.id):
            await duties.refused(self._store.vault, facts)
        return why

    # --- chats -----------------------------------------------------------------------

    async def _membership(self, change: Any) -> str:
        chat, status = change.chat, change.new_chat_member.status
        if chat.type == "private" or status in ("left", "kicked"):
            log.info("the bot's place in a chat changed", chat=chat.id, status=status)
            return f"{status}"
        return await self._leave(chat.id)

    async def _foreign(self, chat_id: int, outcome: str) -> str:
        """Leave a group that is not on the list, whoever speaks in it: an officer's word makes none known."""
        return await self._leave(chat_id) if chat_id < 0 else outcome

    async def _leave(self, chat_id: int) -> str:
        if self._place.people().allows_chat(chat_id):  # it was put on the list meanwhile
            return "welcome"
        await self._server.leave(chat_id)
        await duties.refused(self._store.vault, {"act": "chat", "refused": "left", "chat": str(chat_id)})
        await self._place.tell_admin(f"the bot was in chat {chat_id}, which is not on the list, and left it")
        return "left"

    def _tongue(self, chat_id: int, officer: Officer | None) -> Tongue:
        """Of the officer in his own chat, of the chat elsewhere; as set by /lang, else as configured."""
        people = self._place.people()
        zone = people.zone_in(chat_id)
        code = self._languages.get(chat_id) or self._languages.get(people.home(chat_id))
        if code is not None:
            return tongue(code, zone)
        chat = people.chat(chat_id)
        own = officer.language if officer is not None and officer.telegram == chat_id else ""
        return tongue(own or (chat.language if chat else "") or self._place.language(), zone)


def _picture_in(message: Any) -> str:
    """The file id of the picture that somebody sent, also as a file; "" for none."""
    if message.photo:
        return str(message.photo[-1].file_id)
    file = message.document
    return str(file.file_id) if file and str(file.mime_type).startswith("image/") else ""
