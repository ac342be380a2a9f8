"""A press of a button: who pressed, what the button says, whether he may, and what it changes.

Refusals are polite, change nothing and are in the log: a stranger's press, one of another house,
one of a card that somebody has acted on since.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot import callback
from bot.desk import keyboard as keys
from bot.desk.asides import Asides
from bot.desk.people import People, actor, may
from bot.desk.reply import Reply
from bot.desk.server import Server, ServerTrouble
from bot.desk.together import said_of, take_open
from bot.desk.tongue import Tongue
from bot.lanes.incident import ACK_ALL
from bot.lanes.paging import ACTIONS as PAGES
from bot.lanes.paging import page_of
from storage import duties, incidents
from storage.duties import Done
from storage.duty import Act, Duty, Order, Refusal, State
from storage.store import Store

if TYPE_CHECKING:
    from bot.settings.custody import Officer

log = structlog.get_logger(__name__)

AUDITED_AT_MOST = 20
"""Refusals of one stranger in an hour that are put into the log; the rest is counted in our own log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A press as it came. message_id: of the card, 0 when the server no longer knows it. data: or ""."""

    update_id: int
    query_id: str
    user_id: int
    chat_id: int
    message_id: int
    data: str


def press_of(update_id: int, query: Any) -> Press:
    """The press in a callback query of the library. One without a message is of the presser's own chat."""
    message = query.message
    return Press(
        update_id=update_id,
        query_id=query.id,
        user_id=query.from_user.id,
        chat_id=query.from_user.id if message is None else message.chat.id,
        message_id=0 if message is None else message.message_id,
        data=query.data if message is not None and isinstance(query.data, str) else "",
    )


class Presses:
    """Handles presses one at a time; each is answered once, and acts at most once however often it comes."""

    def __init__(
        self,
        store: Store,
        server: Server,
        key: bytes,
        asides: Asides,
        *,
        spoke: Callable[[], None],
        arrived: Callable[[str, int, int], Awaitable[None]],
    ) -> None:
        """arrived: told (alert, chat, message) of every true press: it proves that a card was delivered."""
        self._store, self._server, self._key, self._asides = store, server, key, asides
        self._spoke, self._arrived = spoke, arrived
        self._refusals: dict[tuple[int, int], int] = {}

    async def handle(self, press: Press, people: People, say: Tongue) -> str:  # noqa: PLR0911 -- one a rule
        """Act on a press and answer it; the outcome in a word or two."""
        officer = people.officer(press.user_id)
        if not people.allows_chat(press.chat_id):
            return await self._foreign(press, officer, say)
        if officer is None:
            return await self._refuse(press, "not on the list", say("You are not on the list of officers."))
        read = callback.read(press.data, self._key)
        if read is None:
            return await self._refuse(
                press, "not our button", say("This button is not one of ours."), officer
            )
        if read.action in ("ref", *PAGES):
            return await self._show(press, read, say)
        if read.action == ACK_ALL:
            return await self._take_all(press, officer, read, say)
        duty = await duties.state(self._store.vault.database, read.alert_id)
        if duty is None:
            return await self._refuse(press, "no such alert", say("This alert is no longer kept."), officer)
        await self._arrived(read.alert_id, press.chat_id, press.message_id)
        if read.action in keys.MENUS:
            return await self._menu(press, officer, read, duty, say)
        if read.action in keys.ASKS:
            return await self._ask(press, officer, read.action, duty, say)
        act = keys.ACTS.get(read.action)
        if act is None:
            return await self._refuse(
                press, "unknown action", say("This button is not one of ours."), officer
            )
        return await self._act(press, officer, act, read, say)

    async def _foreign(self, press: Press, officer: Officer | None, say: Tongue) -> str:
        """A press in a chat that is not on the list; strangers get no answer, and the bot leaves it."""
        if officer is None:
            return "foreign chat"
        told = say("This chat is not on the list: use the buttons where I speak.")
        return await self._refuse(press, "foreign chat", told, officer)

    async def _show(self, press: Press, read: callback.Callback, say: Tongue) -> str:
        """Turn the pages of an incident, or say which alert a message shows; nothing changes by it."""
        await self._arrived(read.alert_id, press.chat_id, press.message_id)
        card = await page_of(self._store, read, self._key, say)
        if card is None:
            await self._server.answer(press.query_id, say("Alert {number}", number=read.alert_id[-8:]))
            return "reference"
        page = Reply(text=card.text, spans=card.spans, keyboard=card.keyboard)
        await self._server.rewrite(press.chat_id, press.message_id, page)
        await self._server.answer(press.query_id)
        return "page"

    async def _take_all(self, press: Press, officer: Officer, read: callback.Callback, say: Tongue) -> str:
        """Take what is open of an incident, as far as it was shown; what joined since stays open."""
        if not may(officer, Act.ACKNOWLEDGE):
            return await self._refuse(
                press, "may not acknowledge", say("Your role may not do that."), officer
            )
        await self._arrived(read.alert_id, press.chat_id, press.message_id)
        vault = self._store.vault
        members = (await incidents.members(vault, read.alert_id))[: read.version]
        taken = await take_open(vault, members, officer)
        self._spoke()
        await self._server.answer(press.query_id, said_of(taken, say))
        return f"took {taken}"

    async def _act(
        self, press: Press, officer: Officer, act: Act, read: callback.Callback, say: Tongue
    ) -> str:
        if not may(officer, act):
            return await self._refuse(press, f"may not {act}", say("Your role may not do that."), officer)
        order = Order(
            alert_id=read.alert_id,
            act=act,
            actor=actor(officer),
            version=read.version,
            reason=keys.REASONS.get(read.action, ""),
        )
        done = await duties.act(self._store.vault, order, update_id=press.update_id)
        self._spoke()
        await self._server.answer(
            press.query_id, said(done, say), alert=done.refusal not in (None, Refusal.ALREADY)
        )
        return done.refusal.name.lower() if done.refusal else done.duty.state.value

    async def _menu(
        self, press: Press, officer: Officer, read: callback.Callback, duty: Duty, say: Tongue
    ) -> str:
        if duty.state is State.RESOLVED or read.version < duty.seen or read.version > duty.version:
            return await self._refuse(
                press, "stale menu", say("Somebody acted since this was shown."), officer
            )
        shown = keys.menu(read.action, duty, self._key, say)
        await self._server.show_keyboard(press.chat_id, press.message_id, shown)
        await self._server.answer(press.query_id)
        return f"menu {read.action}"

    async def _ask(self, press: Press, officer: Officer, action: str, duty: Duty, say: Tongue) -> str:
        needs = {"muteyes": "mute", "watchyes": "watch seller"}.get(action, action)
        if not may(officer, needs):
            return await self._refuse(press, f"may not {needs}", say("Your role may not do that."), officer)
        reply = await self._asides.answer(action, duty, officer, press.update_id, say=say)
        if action in ("muteyes", "watchyes"):
            await self._server.answer(press.query_id, reply.text, alert=True)
            shown = keys.keyboard(duty, self._key, say)
            await self._server.show_keyboard(press.chat_id, press.message_id, shown)
            return reply.outcome
        return await self._privately(press, officer, reply, say)

    async def _privately(self, press: Press, officer: Officer, reply: Reply, say: Tongue) -> str:
        """What was asked for goes to who asked, not to everybody in the chat."""
        try:
            arrived = await self._server.send(officer.telegram, reply)
        except ServerTrouble:
            await self._server.answer(
                press.query_id, say("Write /start to me in a private chat first."), alert=True
            )
            return "unreachable"
        if not arrived:
            await self._server.answer(press.query_id, not_sent(say), alert=True)
            return "not sent"
        where = "" if press.chat_id == officer.telegram else say("Sent to you in private.")
        await self._server.answer(press.query_id, where)
        return reply.outcome

    async def _refuse(self, press: Press, why: str, words: str, officer: Officer | None = None) -> str:
        await self._server.answer(press.query_id, words, alert=True)
        log.warning("a press was refused", user=press.user_id, why=why)
        if officer is not None or self.counts(press.user_id):
            facts = {
                "act": "press",
                "refused": why,
                "actor": officer.name if officer else "",
                "actor_id": str(press.user_id),
                "role": officer.role if officer else "",
                "chat": str(press.chat_id),
                "alert": callback.alert_in(press.data),
                "update_id": str(press.update_id),
            }
            await duties.refused(self._store.vault, facts)
        return why

    def counts(self, user_id: int) -> bool:
        """Whether one more refusal of a stranger is put into the log in this hour."""
        hour = int(self._store.clock.now().timestamp() // 3600)
        self._refusals = {k: n for k, n in self._refusals.items() if k[1] == hour}
        count = self._refusals.get((user_id, hour), 0) + 1
        self._refusals[user_id, hour] = count
        return count <= AUDITED_AT_MOST


def not_sent(say: Tongue) -> str:
    """What is told where the server refused an answer in private, or what became of it is not known."""
    return say("It may not have arrived: ask again if nothing came.")


def said(done: Done, say: Tongue) -> str:  # noqa: PLR0911 -- one an ending
    """What became of an order, in words for who gave it."""
    duty = done.duty
    match done.refusal:
        case None:
            return {
                State.NEW: say("Taken back: the alert is open again."),
                State.ACKNOWLEDGED: say("It is yours."),
                State.ESCALATED: say("Passed on to the next officer."),
                State.RESOLVED: say("Resolved."),
            }[duty.state]
        case Refusal.ALREADY:
            return say(
                "Already done by {who} at {when}.",
                who=duty.actor or "—",
                when="—" if duty.at is None else say.clock(duty.at),
            )
        case Refusal.CLOSED:
            return say("Already resolved by {who}.", who=duty.actor)
        case Refusal.STALE | Refusal.FOREIGN:
            return say("Somebody acted since this was shown.")
        case Refusal.TOO_LATE:
            return say("That can be taken back for 15 minutes only.")
        case Refusal.NOT_ACKNOWLEDGED:
            return say("Nobody has taken it.")
        case Refusal.NO_REASON:
            return say("A reason is needed.")
        case _:
            return say("This alert is no longer kept.")
