"""From outbox to people: one serial lane per channel; chats with a budget have lanes of their own.

The intent is committed before a channel is called and the receipt after it, so a
restart finds every delivery that was under way. Urgent goes first; a channel that
cannot be reached keeps its rows and is tried again; other lanes never wait for it.
While the disk refuses, alerts go out all the same: from memory, the marks made up for later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from bot.channel import BARE, Card, Channel, ChatChannel, Keyboard, Manner
from bot.compose import card
from bot.desk.tongue import Tongue, tongue
from bot.lanes.budget import Purses, Use
from bot.lanes.chat import ChatLane
from bot.lanes.keyboard import reference
from bot.lanes.outage import Unreached
from bot.lanes.tools import Tools
from bot.unwritten import UnwrittenAlerts
from storage.clock import Clock
from storage.errors import DiskTrouble, NotSent, Uncertain, Unsendable
from storage.model import Alert, Delivery, Tier
from storage.patience import PAUSE_S, DiskWatch
from storage.store import Store

log = structlog.get_logger(__name__)

SEND_S = 30.0
"""Longest time for one delivery; after it the outcome is uncertain."""
IDLE_S = 30.0
"""How long an idle lane waits before it looks again without being poked."""
LEAST_REST_S = 0.1
LONGEST_PAUSE_S = 60.0
"""Cap of a lane's own back-off; a pause that the channel named is kept in full."""
BATCH = 20


class Tally(Protocol):
    """What dispatching tells whoever counts."""

    def delivered(self, channel: str, outcome: str, tier: str, took_s: float) -> None:
        """One delivery ended: delivered, waiting, dead or uncertain."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An open channel with what the dispatcher must know of it (see `ChannelModule`)."""

    channel: Channel
    wants_sheet: bool
    repeatable: bool
    manner: Manner = BARE


class Dispatcher:
    """Delivers what the outbox holds. `run` ends only by cancellation or a StoreError."""

    def __init__(
        self,
        store: Store,
        lines: Mapping[str, Line],
        clock: Clock,
        *,
        sheet: Callable[[Alert], Awaitable[bytes]],
        tally: Tally,
        disk: DiskWatch,
        unwritten: UnwrittenAlerts | None = None,
        admin: tuple[str, ...] = (),
        purses: Purses | None = None,
        key: bytes = b"",
        buttons: Callable[[Alert, str], Keyboard] | None = None,
        moved: Callable[[str, str], None] = lambda _before, _now: None,
    ) -> None:
        """purses: what chats were told lately. key: tags buttons. buttons: of an alert in a channel.

        moved: told of a chat that has another id from now on.
        """
        self._moved = moved
        self._store, self._lines, self._clock = store, dict(lines), clock
        self._sheet, self._tally, self._admin = sheet, tally, admin
        self._disk = disk
        self._unwritten = unwritten if unwritten is not None else UnwrittenAlerts()
        self._ahead: dict[int, datetime] = {}
        """When deliveries whose mark could not be written are due again, by id; told ones never."""
        self._pokes = {name: asyncio.Event() for name in lines}
        self._turns = {name: asyncio.Lock() for name in lines}
        self._troubles = {name: Unreached(name, store, clock, self._tell_operators) for name in lines}
        self._purses = purses if purses is not None else Purses()
        self._buttons = buttons or (lambda alert, _channel: reference(alert, key))
        self._key = key
        tools = self._tools()
        self._chats = {
            name: ChatLane(name, line.channel, tools)
            for name, line in self._lines.items()
            if isinstance(line.channel, ChatChannel)
        }

    def _tools(self) -> Tools:
        return Tools(
            store=self._store,
            clock=self._clock,
            disk=self._disk,
            purses=self._purses,
            key=self._key,
            card=self._chat_card,
            say=lambda name: _tongue(self._lines[name].manner),
            acts=lambda name: bool(self._lines[name].manner.key),
            sheet=self._sheet,
            unwritten=self._tell_unwritten,
            tell=self._tell_operators,
            count=self._count,
            spoke=self.poke,
            moved=self._moved,
        )

    async def _chat_card(
        self,
        alert: Alert,
        sheet: bytes,
        channel: str,
        *,
        repeat: bool,
        marked: bool,
        sent_at: datetime | None,
    ) -> Card:
        """Every card in a chat has a button: by it a lost answer is found again."""
        manner = self._lines[channel].manner
        made = card(alert, sheet, repeat=repeat, marked=marked, manner=manner, sent_at=sent_at)
        buttons = made.keyboard if manner.key else self._buttons(alert, channel)
        if not buttons and not alert.revises:
            buttons = reference(alert, self._key)
        return replace(made, keyboard=buttons)

    async def arrived(self, alert_id: str, chat_id: int, message_id: int) -> None:
        """An update proved that a message of a chat shows an alert: a press, or its forward."""
        for lane in self._chats.values():
            await lane.arrived(alert_id, str(chat_id), message_id)

    async def pace(self, chat_id: int) -> None:
        """Wait until an answer to somebody is within the budget of his chat, and count it."""
        purse = self._purses.of(str(chat_id), private=chat_id > 0)
        while (left := self._purses.wait_s(purse, Use.SEND, self._clock.monotonic())) > 0:
            await self._clock.sleep(left)
        self._purses.spend(purse, Use.SEND, self._clock.monotonic())

    def held(self, chat_id: int, seconds: float) -> None:
        """The server asked us, at an answer to somebody, to leave his chat alone for so long."""
        purse = self._purses.of(str(chat_id), private=chat_id > 0)
        self._purses.told_to_wait(purse, self._clock.monotonic(), seconds)

    def poke(self) -> None:
        """Something was added to the outbox."""
        for event in self._pokes.values():
            event.set()
        for lane in self._chats.values():
            lane.poke()

    async def run(self) -> None:
        """Run all lanes, for ever."""
        async with asyncio.TaskGroup() as group:
            for name in self._lines:
                lane = self._chats.get(name)
                group.create_task(self._lane(name) if lane is None else lane.run(), name=f"lane {name}")

    async def drain(self, within_s: float) -> None:
        """Deliver what is due now, for at most `within_s` seconds; for an orderly stop."""
        try:
            async with asyncio.timeout(within_s):
                for lane in self._chats.values():
                    while await lane.turn() == 0.0:
                        pass
                for name in self._lines.keys() - self._chats.keys():
                    while await self._round(name) == 0.0 and await self._due(name):
                        pass
        except TimeoutError:
            log.info("stop did not wait for the outbox; its rows are kept")

    async def _lane(self, name: str) -> None:
        for delivery in await self._store.stuck(name):
            await self._recover(name, delivery)
        while True:
            self._pokes[name].clear()
            pause = await self._tell_unwritten(name)
            try:
                pause = pause or await self._round(name)
                if not pause and not await self._due(name):
                    await self._wait(name)
            except DiskTrouble as refused:  # the outbox cannot be read now
                self._disk.note(refused)
                pause = PAUSE_S
            if pause:
                await self._clock.sleep(pause)

    async def _due(self, name: str) -> tuple[Delivery, ...]:
        """What is to be told now, without what was told while its mark could not be written."""
        if self._ahead and not self._disk.trouble and not self._disk.put_off:
            self._ahead.clear()
        now = self._clock.now()
        due = await self._store.deliveries_due(name, now, limit=BATCH + len(self._ahead))
        return tuple(d for d in due if self._ahead.get(d.delivery_id, now) <= now)

    async def _tell_unwritten(self, name: str) -> float:
        """Deliver what no database holds; the pause the lane must make, 0 for none."""
        async with self._turns[name]:
            while (waiting := self._unwritten.take(name)) is not None:
                line = self._lines[name]
                doubtful = waiting.uncertain and not line.repeatable
                sheet = waiting.sheet if line.wants_sheet else b""
                message = card(waiting.alert, sheet, repeat=doubtful, manner=line.manner)
                try:
                    async with asyncio.timeout(SEND_S):
                        await line.channel.send(waiting.delivery(name), message)
                except Unsendable as error:
                    self._count(name, "dead", waiting.alert)
                    log.error("an alert from memory was refused for good", channel=name, why=str(error))
                except (NotSent, Uncertain, TimeoutError) as error:
                    uncertain = not isinstance(error, NotSent)
                    self._unwritten.put_back(name, waiting.again(uncertain=uncertain))
                    self._count(name, "uncertain" if uncertain else "waiting", waiting.alert)
                    return getattr(error, "retry_after_s", None) or backoff(waiting.attempts)
                except asyncio.CancelledError:
                    self._unwritten.put_back(name, waiting.again(uncertain=True))
                    raise
                else:
                    self._count(name, "delivered", waiting.alert)
        return 0.0

    async def _wait(self, name: str) -> None:
        """Rest until poked, until the next row is due, or for `IDLE_S`."""
        due = await self._store.next_delivery(name)
        left = (due - self._clock.now()).total_seconds() if due is not None else IDLE_S
        try:
            async with asyncio.timeout(min(max(left, LEAST_REST_S), IDLE_S)):
                await self._pokes[name].wait()
        except TimeoutError:
            return

    async def _recover(self, name: str, delivery: Delivery) -> None:
        """A delivery that a crash left between intent and receipt.

        A repeatable channel takes the same delivery again without telling people twice.
        Elsewhere it goes out once more, marked as a possible repeat: late beats never.
        """
        why = "the daemon stopped before the answer came"
        now = self._clock.now()
        await self._disk.or_later(
            lambda: self._store.mark_waiting(delivery.delivery_id, now, why, uncertain=True)
        )
        log.info("delivery resumed", channel=name, alert=delivery.alert.alert_id)

    async def _round(self, name: str) -> float:
        """Deliver one batch in order; returns the pause the lane must make, 0 for none."""
        async with self._turns[name]:  # a lane and a stop's drain never hold the same row
            for delivery in await self._due(name):
                pause = await self._deliver(name, delivery)
                if pause:
                    return pause
        return 0.0

    async def _deliver(self, name: str, delivery: Delivery) -> float:
        line, alert = self._lines[name], delivery.alert
        sheet = await self._sheet(alert) if line.wants_sheet else b""
        doubtful = delivery.attempts > 0 and delivery.uncertain and not line.repeatable
        message = card(alert, sheet, repeat=doubtful, manner=line.manner)
        began = self._clock.now()
        await self._disk.or_later(lambda: self._store.mark_sending(delivery.delivery_id, began))
        try:
            async with asyncio.timeout(SEND_S):
                receipt = await line.channel.send(delivery, message)
        except NotSent as error:
            return await self._put_off(name, delivery, error, error.retry_after_s)
        except Unsendable as error:
            return await self._bury(name, delivery, error)
        except (Uncertain, TimeoutError) as error:
            return await self._put_off(name, delivery, error, None, uncertain=True)
        now = self._clock.now()
        await self._mark(
            delivery, None, lambda: self._store.mark_delivered(delivery.delivery_id, now, receipt)
        )
        self._count(name, "delivered", alert)
        await self._troubles[name].over()
        return 0.0

    async def _put_off(
        self,
        name: str,
        delivery: Delivery,
        error: Exception,
        retry_after_s: float | None,
        *,
        uncertain: bool = False,
    ) -> float:
        pause = retry_after_s if retry_after_s is not None else backoff(delivery.attempts)
        retry_at = self._clock.now() + timedelta(seconds=pause)
        why = str(error) or type(error).__name__
        await self._mark(
            delivery,
            retry_at,
            lambda: self._store.mark_waiting(delivery.delivery_id, retry_at, why, uncertain=uncertain),
        )
        self._count(name, "uncertain" if uncertain else "waiting", delivery.alert)
        log.warning("delivery put off", channel=name, why=why, pause_s=pause)
        await self._troubles[name].failed(why)
        return pause

    async def _bury(self, name: str, delivery: Delivery, error: Exception) -> float:
        await self._mark(delivery, None, lambda: self._store.mark_dead(delivery.delivery_id, str(error)))
        self._count(name, "dead", delivery.alert)
        log.error("delivery refused for good", channel=name, why=str(error))
        if delivery.alert.notice == "":
            text = f"channel {name} refused alert {delivery.alert.alert_id} for good: {error}"
            await self._tell_operators(name, text)
        return 0.0

    async def _tell_operators(self, name: str, text: str) -> None:
        """A notice about a channel, by the others."""
        others = tuple(n for n in self._admin if n != name) or tuple(n for n in self._lines if n != name)
        if others:
            await self._disk.or_later(lambda: self._store.notify(text, announce=others, tier=Tier.HIGH))
            self.poke()

    async def _mark(
        self, delivery: Delivery, retry_at: datetime | None, call: Callable[[], Awaitable[None]]
    ) -> None:
        """Write what became of a delivery; when the disk refuses, remember it until that is made up for.

        retry_at: when it is due again, None for never.
        """
        if not await self._disk.or_later(call):
            self._ahead[delivery.delivery_id] = retry_at or datetime.max.replace(tzinfo=UTC)

    def _count(self, name: str, outcome: str, alert: Alert) -> None:
        since = alert.evidence.captured_at if alert.evidence else alert.created_at
        took = max(0.0, (self._clock.now() - since).total_seconds())
        self._tally.delivered(name, outcome, alert.tier.value, took)


def _tongue(manner: Manner) -> Tongue:
    return tongue(manner.language, manner.zone)


def backoff(attempts: int) -> float:
    """Seconds before the next attempt of a lane: 1, 2, 4 ... at most `LONGEST_PAUSE_S`."""
    return float(min(2 ** max(0, min(attempts, 10) - 1), LONGEST_PAUSE_S)) if attempts else 1.0
