"""The desk of one daemon put together: connection, updates, acting, escalation. Runs until cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog

from bot.desk.desk import Desk, Place
from bot.desk.digest import Digest
from bot.desk.doing import menu
from bot.desk.escalation import Escalation
from bot.desk.hands import Hands
from bot.desk.server import Server, ServerTrouble, nobody, nothing
from bot.desk.tongue import LANGUAGES, tongue
from bot.desk.updates import PollerLock, Polling, Webhook
from bot.settings.people import DeskTable
from storage.clock import Clock
from storage.store import Store

log = structlog.get_logger(__name__)

_CODES = {"en": "", "zh-Hans": "zh"}
"""Language codes of a client's menu (ISO 639-1); "" is for all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How the bot's server is reached. secret: of a webhook, "" without one."""

    token: str
    base_url: str
    base_file_url: str
    secret: str = ""


class Front:
    """One per daemon. `run` ends by cancellation."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        table: DeskTable,
        *,
        line: Line,
        key: bytes,
        hands: Hands,
        place: Place,
        pace: Callable[[int], Awaitable[None]] = nothing,
        held: Callable[[int, float], None] = nobody,
        lock: PollerLock | None = None,
    ) -> None:
        """key: of callback data. pace: waits until a message to a chat is within its limits. held: a 429."""
        self._store, self._clock, self._table, self._line = store, clock, table, line
        self._place, self._lock = place, lock
        self.server = Server(
            line.token, base_url=line.base_url, base_file_url=line.base_file_url, pace=pace, held=held
        )
        self.desk = Desk(
            store, self.server, clock, key=key, hands=hands, place=replace(place, spoke=self._spoke)
        )
        self.escalation = Escalation(
            store,
            clock,
            people=place.people,
            rota=place.rota,
            fallback=lambda: self._table.fallback,
            spoke=place.spoke,
        )
        self.digest = Digest(
            store,
            clock,
            self.server,
            at=self._digest_at,
            dusk=place.night_began,
            announce=place.digest_to,
            chat=place.digest_chat,
            spoke=place.spoke,
        )
        self.webhook: Webhook | None = None

    def _spoke(self) -> None:
        """The desk answered or acted: alerts may wait, and somebody else may be on call by now."""
        self._place.spoke()
        self.escalation.came()

    def _digest_at(self) -> tuple[str, str]:
        rota = self._place.rota()
        return self._table.digest_at, "UTC" if rota is None else rota.zone

    async def run(self) -> None:
        """Take updates and act on them, and take further what nobody takes, for ever."""
        async with AsyncExitStack() as stack:
            await self.server.open()
            stack.push_async_callback(self.server.close)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.escalation.run())
                group.create_task(self.desk.run())
                group.create_task(self._introduce())
                group.create_task(self.digest.run())
                if self._table.mode == "webhook":
                    await self._listen(stack)
                else:
                    group.create_task(self._polling().run())

    def _polling(self) -> Polling:
        return Polling(
            self._store,
            self.server,
            self._clock,
            self._place.people,
            came=self.desk.came,
            moved=self._place.moved,
            tell_admin=self._place.tell_admin,
            lock=self._lock,
        )

    async def _listen(self, stack: AsyncExitStack) -> None:
        self.webhook = Webhook(
            self._store,
            self._place.people,
            listen=self._table.listen,
            secret="" if self._table.without_secret else self._line.secret,
            came=self.desk.came,
            moved=self._place.moved,
        )
        await self.webhook.start()
        stack.push_async_callback(self.webhook.close)
        log.info("the webhook listens", port=self.webhook.port)

    async def _introduce(self) -> None:
        """Learn our name, set the webhook and offer the menu; what fails is tried again, longer each time."""
        pause, told = 1.0, False
        while True:
            try:
                await self.server.learn_name()
                if self.webhook is not None:
                    await self.server.use_webhook(self._table.webhook_url, self._line.secret)
                break
            except ServerTrouble as trouble:
                log.warning("the bot's server does not know us yet", why=str(trouble))
                if not told and pause > 30:
                    told = True
                    await self._place.tell_admin(f"the desk cannot reach its bot: {trouble}")
                await self._clock.sleep(trouble.retry_after_s or pause)
                pause = min(pause * 2, 60.0)
        for language in LANGUAGES:
            await self.server.menu(menu(tongue(language)), _CODES[language])
