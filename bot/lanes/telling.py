"""What a chat lane says: one message or edit at a time, and what becomes of it.

The intent is durable before a call and the receipt after it. Surely not sent: the rows wait again;
refused for good: they are dead and the operators know; an answer that is lost leaves the delivery
`sending` for `Doubt`. An edit may be made twice, so it needs no intent.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from bot.channel import Card, ChatChannel
from bot.lanes.budget import Use
from bot.lanes.doubt import Doubt, intent_for
from bot.lanes.incident import ack_all, incident_card, pager
from bot.lanes.outage import Outage
from bot.lanes.tools import Tools
from storage import incidents, lanes, moves, outbox
from storage.errors import ChatMoved, Flooded, NotSent, ShutOut, Uncertain, Unsendable
from storage.lane_words import Incident, LaneState, Place, Revision, Waiting
from storage.model import Alert, AlertKind, Delivery

log = structlog.get_logger(__name__)

SEND_S = 30.0
DESK_KINDS = ("duty",)
"""Revisions that say nothing new of the post."""
_JITTER_S = 0.9
_MOVES_APART_S = 3_600.0
"""A group moves once in its life: a server that says so again within the hour leads in circles."""


class Teller:
    """Says what its lane chose. `begun` False: the chat's ids are to be learnt (anew)."""

    def __init__(self, name: str, channel: ChatChannel, tools: Tools) -> None:
        self.name, self.channel, self._tools = name, channel, tools
        self._store, self._clock = tools.store, tools.clock
        self.purse = tools.purses.of(channel.chat, private=channel.private)
        self.ahead: dict[int, datetime] = {}
        """When rows whose mark could not be written are due again, by id; told ones never."""
        self.lately: deque[tuple[float, str]] = deque()
        """Clusters that got a message, with when."""
        self.apart: set[int] = set()
        """Rows that an incident was to show whose message was refused for good: each is told by itself."""
        self.begun = False
        self._moved_at = float("-inf")
        self._outage = Outage(name, channel, tools)
        self.doubt = Doubt(
            name, channel, tools, found=self._delivered, trouble=self._trouble, purse=lambda: self.purse
        )
        self._chance = random.Random()  # noqa: S311 -- jitter is no secret

    def follow(self, chat: str) -> None:
        """Speak in this chat from now on."""
        self.channel.chat = chat
        self.purse = self._tools.purses.of(chat, private=self.channel.private)

    async def rest(self) -> None:
        """Keep the wait that the server asked for at something without which a message stands as well."""
        rest_s, self.channel.rest_s = self.channel.rest_s, 0.0
        if rest_s > 0:
            await self._told_to_wait(rest_s + 0.1)

    async def _told_to_wait(self, pause: float) -> bool:
        """Let the chat rest, over a kill too; whether all chats do by now."""
        until = self._clock.now() + timedelta(seconds=pause)
        all_rest = self._tools.purses.told_to_wait(self.purse, self._clock.monotonic(), pause)
        await self._tools.disk.or_later(lambda: lanes.rest(self._store.vault, self.name, until))
        return all_rest

    async def first_bound(self) -> None:
        """Learn where the ids of a chat are before anything can be lost in it."""
        try:
            number = await self.channel.bound("Nightjar tells alerts here")
        except (NotSent, Unsendable, Uncertain) as error:
            log.info("the ids of a chat are not known yet", channel=self.name, why=str(error))
            return
        await lanes.seen(self._store.vault, self.name, number)
        await self.channel.unsay(number)

    # --- sending ----------------------------------------------------------------------

    async def send(self, one: Waiting, use: Use, state: LaneState) -> float:
        """Send one message; the pause that the lane must make, 0 for none.

        state: as it was when the message was chosen. Ids that the chat reached since lie within what is
        looked through if the answer is lost.
        """
        found = await outbox.chosen(self._store.vault, [one.delivery_id])
        if not found:
            return 0.0
        delivery = found[0]
        repeat, at = delivery.uncertain, self._clock.now()
        card = await self._card(delivery.alert, at, repeat=repeat)
        intent = intent_for(self.channel.chat, state.last_id, self.channel.dressed(card), repeat=repeat)
        vault = self._store.vault
        await self._tools.disk.or_later(
            lambda: lanes.intend(vault, delivery.delivery_id, at, intent, repeat=repeat)
        )
        if repeat and await lanes.is_delivered(vault, delivery.delivery_id):  # an update told meanwhile
            return 0.0
        try:
            async with asyncio.timeout(SEND_S), self._paying(use):
                receipt = await self.channel.send(delivery, card)
        except (Uncertain, TimeoutError) as error:
            return self._lost(delivery, error)
        except NotSent as error:
            return await self._refused([delivery.delivery_id], error, uncertain=repeat)
        except Unsendable as error:
            await self._bury(delivery, error)
            return 0.0
        if one.cluster:
            self.lately.append((self._clock.monotonic(), one.cluster))
        await self._delivered(delivery, receipt)
        return 0.0

    @asynccontextmanager
    async def _paying(self, use: Use) -> AsyncIterator[None]:
        """Count a call before it is made, and afterwards what it took beyond one: a refused form, a file."""
        before, purse = self.channel.calls, self.purse
        self._tools.purses.spend(purse, use, self._clock.monotonic())
        try:
            yield
        finally:
            for _ in range(self.channel.calls - before - 1):
                self._tools.purses.spend(purse, use, self._clock.monotonic())

    async def _card(self, alert: Alert, sent_at: datetime | None, *, repeat: bool) -> Card:
        if alert.kind is AlertKind.INCIDENT:
            return await self._incident_card(alert.alert_id, repeat=repeat)
        sheet = b"" if alert.revises else await self._tools.sheet(alert)
        return await self._tools.card(
            alert, sheet, self.name, repeat=repeat, marked=self.channel.marks_alerts, sent_at=sent_at
        )

    async def _incident_card(self, incident: str, *, repeat: bool = False) -> Card:
        members = await incidents.members(self._store.vault, incident)
        if not self._tools.acts(self.name):  # nobody can take anything there
            members = tuple(replace(one, open=False) for one in members)
        place = await incidents.incident(self._store.vault, incident)
        say = self._tools.say(self.name)
        card = incident_card(place[1] if place else "", members, repeat=repeat, say=say)
        keyboard = pager(incident, members, self._tools.key)
        keyboard += ack_all(incident, members, self._tools.key, say)
        return Card(headline=card.headline, text=card.text, spans=card.spans, keyboard=keyboard)

    async def _delivered(self, delivery: Delivery, receipt: str) -> None:
        """A message shows it; of an incident, its members too: nothing joins between card and answer."""
        now, message_id = self._clock.now(), int(receipt.partition(":")[2])
        rows = [delivery.delivery_id]
        if delivery.alert.kind is AlertKind.INCIDENT:
            rows += await self._hidden(delivery.alert.alert_id)
        await self._mark(rows, receipt, message_id, now)
        await self._outage.over()
        self._tools.count(self.name, "delivered", delivery.alert)
        for text in self.channel.remarks():
            await self._tools.tell(self.name, f"channel {self.name}: {text}")

    async def _hidden(self, incident: str) -> list[int]:
        members = await incidents.members(self._store.vault, incident)
        return [one.delivery_id for one in members if not one.shown]

    async def _mark(self, rows: list[int], receipt: str, message_id: int, now: datetime) -> None:
        """Write what a message shows; when the disk refuses, remember it until that is made up for."""
        vault, place = (
            self._store.vault,
            Place(channel=self.name, receipt=receipt, message_id=message_id),
        )
        if not await self._tools.disk.or_later(lambda: lanes.delivered(vault, place, rows, now)):
            self.ahead |= dict.fromkeys(rows, datetime.max.replace(tzinfo=UTC))

    def _lost(self, delivery: Delivery, error: Exception) -> float:
        """The answer was lost: nothing else is said here until it is known what became of it."""
        self.doubt.begin(delivery.delivery_id)
        self._tools.count(self.name, "uncertain", delivery.alert)
        log.warning("an answer was lost", channel=self.name, why=str(error) or type(error).__name__)
        return 0.0

    async def _refused(self, rows: list[int], error: NotSent, *, uncertain: bool = False) -> float:
        """Surely not sent: they wait again. Returns the pause of the lane.

        uncertain: an earlier try may have arrived, of which this says nothing.
        """
        now, why = self._clock.now(), str(error)
        vault = self._store.vault
        pause = await self._trouble(error)
        due = now + timedelta(seconds=pause)
        for row in rows:
            if not await self._tools.disk.or_later(
                lambda row=row: lanes.again(vault, row, due, why, uncertain=uncertain)  # type: ignore[misc]
            ):
                self.ahead[row] = due
        log.warning("delivery put off", channel=self.name, why=why, pause_s=pause)
        return pause

    async def _trouble(self, error: NotSent) -> float:
        mono = self._clock.monotonic()
        if isinstance(error, ChatMoved) and mono - self._moved_at >= _MOVES_APART_S:
            await moves.moved(self._store.vault, self.name, error.chat)
            self._moved_at = mono
            before, self.begun = self.channel.chat, False
            self._tools.moved(before, error.chat)
            self.follow(error.chat)
            text = f"channel {self.name}: chat {before} is now {error.chat}; write it into the configuration"
            await self._tools.tell(self.name, text)
            return 0.0
        if isinstance(error, Flooded):
            self.channel.rest_s = 0.0
            pause = (error.retry_after_s or 1.0) + 0.1 + _JITTER_S * self._chance.random()
            if await self._told_to_wait(pause):
                log.warning("asked to wait twice within a minute: all chats rest", pause_s=pause)
            return pause
        pause = await self._outage.failed(error, shut=isinstance(error, ShutOut | ChatMoved))
        self.purse.hold(mono, pause)
        return pause

    async def _bury(self, delivery: Delivery, error: Exception) -> None:
        number, why = delivery.delivery_id, str(error)
        if delivery.alert.kind is AlertKind.INCIDENT:  # first: a kill in between must not leave them inside
            incident = delivery.alert.alert_id
            self.apart.update(await self._hidden(incident))
            await incidents.gone(self._store.vault, self.name, incident, self._clock.now())
        if not await self._tools.disk.or_later(lambda: self._store.mark_dead(number, why)):
            self.ahead[number] = datetime.max.replace(tzinfo=UTC)
        self._tools.count(self.name, "dead", delivery.alert)
        log.error("delivery refused for good", channel=self.name, why=why)
        if delivery.alert.notice == "":
            alert_id = delivery.alert.alert_id
            await self._tools.tell(
                self.name, f"channel {self.name} refused alert {alert_id} for good: {error}"
            )

    # --- editing ----------------------------------------------------------------------

    async def edit(self, edit: Revision | Incident) -> float:
        """Make a message say the newest; it may be made twice, so it needs no intent."""
        now, vault = self._clock.now(), self._store.vault
        incident = edit.alert_id if isinstance(edit, Incident) else edit.inside
        rows = [] if isinstance(edit, Incident) else list(edit.rows)
        if incident:
            rows = await self._hidden(incident)
            rows += [
                n
                for r in await lanes.revisions(vault, self.name, now)
                if r.inside == incident
                for n in r.rows
            ]
            card = await self._incident_card(incident)
        else:
            (delivery,) = await outbox.chosen(vault, [rows[-1]])
            card = await self._card(delivery.alert, delivery.card_sent_at, repeat=False)
        begun = [*rows, edit.delivery_id] if isinstance(edit, Incident) else rows
        await self._tools.disk.or_later(lambda: lanes.begin(vault, begun, now))
        return await self._edited(edit.receipt, card, rows, incident)

    async def _edited(self, receipt: str, card: Card, rows: list[int], incident: str) -> float:
        try:
            async with asyncio.timeout(SEND_S), self._paying(Use.EDIT):
                kept = await self.channel.revise(receipt, card)
        except NotSent as error:
            return await self._refused(rows, error)
        except (Uncertain, TimeoutError) as error:
            return await self._refused(rows, NotSent(f"no answer to an edit: {error}", retry_after_s=2.0))
        except Unsendable as error:
            await self._gone(rows, error, incident)
            return 0.0
        await self._mark(rows, kept, int(kept.partition(":")[2]), self._clock.now())
        for delivery in await outbox.chosen(self._store.vault, rows):
            self._tools.count(self.name, "delivered", delivery.alert)
        return 0.0

    async def _gone(self, rows: list[int], error: Unsendable, incident: str) -> None:
        """The message was deleted by somebody: what the post did is told anew, what people did is not.

        incident: the one that the message showed, or "": what was about to join it is told by itself.
        """
        log.warning("a card cannot be edited", channel=self.name, why=str(error))
        if incident:
            await incidents.gone(self._store.vault, self.name, incident, self._clock.now())
        for delivery in await outbox.chosen(self._store.vault, rows):
            if delivery.alert.kind in DESK_KINDS:
                await self._bury(delivery, error)
            else:
                await lanes.forget_card(self._store.vault, delivery.delivery_id)
