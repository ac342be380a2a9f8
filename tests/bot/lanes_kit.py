"""A chat lane at work: a real store, the real channel, the Bot API server that we own, virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.channel import Channel, Setting
from bot.channels import telegram
from bot.dispatch import Dispatcher, Line
from bot.lanes.budget import Purses
from bot.unwritten import UnwrittenAlerts
from nightmarket.messenger import TOKEN, Chat, Service
from nightmarket.messenger.limits import Limits
from storage.model import (
    Alert,
    AlertKind,
    Delivery,
    Evidence,
    EvidenceId,
    Judgement,
    Lifetime,
    Observation,
    Snapshot,
    Tier,
    Watched,
)
from storage.patience import DiskWatch
from storage.store import Store
from tests.fakes import words
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping
from tests.pictures.samples import jpeg

GROUP, DIRECT = -1001, 5001
KEY = b"k" * 32
SHEET = jpeg(1, width=120, height=90)


class Ear:
    """Another channel: keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[Delivery] = []

    async def send(self, delivery: Delivery, card: object) -> str:
        self.told.append(delivery)
        return f"r{len(self.told)}"

    async def close(self) -> None:
        """Nothing."""


class Tally:
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def delivered(self, channel: str, outcome: str, tier: str, took_s: float) -> None:
        self.outcomes.append(outcome)


@dataclass
class Lanes:
    """`start` and `kill` as often as is wanted: each start is another process's."""

    store: Store
    clock: JumpClock
    service: Service
    folder: Path
    announce: tuple[str, ...] = ("c",)
    ear: Ear = field(default_factory=Ear)
    tally: Tally = field(default_factory=Tally)
    pictures: bool = True
    sheet: Callable[[Alert], Awaitable[bytes]] | None = None
    """Instead of the same sheet for all."""
    dispatcher: Dispatcher | None = None
    disk: DiskWatch = field(init=False)
    unwritten: UnwrittenAlerts = field(default_factory=UnwrittenAlerts)
    chat_id: int = GROUP
    _task: asyncio.Task[None] | None = None
    _count: int = 0
    _lines: dict[str, Line] = field(default_factory=dict)

    @property
    def group(self) -> Chat:
        return self.service.chats[self.chat_id]

    def channel(self, chat_id: int, **more: Any) -> Channel:
        given: dict[str, Any] = {
            "chat_id": chat_id,
            "base_url": self.service.base_url,
            "timeout_s": 15.0,
        } | more
        settings = telegram.Settings(**given)
        setting = Setting(name="c", folder=self.folder, clock=self.clock, secret=lambda *_: TOKEN)
        return telegram.open_channel(settings, setting)

    async def start(self, *, direct: bool = False, **more: Any) -> Dispatcher:
        lines = {
            "c": Line(channel=self.channel(self.chat_id, **more), wants_sheet=True, repeatable=False),
            "ear": Line(channel=self.ear, wants_sheet=False, repeatable=True),
        }
        if direct:
            own = self.channel(DIRECT, **more)
            lines["direct:5001"] = Line(channel=own, wants_sheet=True, repeatable=False)
        self.disk = DiskWatch(self.clock)
        self.dispatcher = Dispatcher(
            self.store,
            lines,
            self.clock,
            sheet=self._sheet,
            tally=self.tally,
            disk=self.disk,
            unwritten=self.unwritten,
            admin=("ear",),
            purses=Purses(),
            key=KEY,
        )
        self._lines = lines
        self._task = asyncio.create_task(self.dispatcher.run())
        return self.dispatcher

    async def _sheet(self, alert: Alert) -> bytes:
        if self.sheet is not None:
            return await self.sheet(alert)
        return SHEET if self.pictures and alert.evidence is not None else b""

    async def kill(self) -> None:
        """In the middle of whatever it does."""
        task, self._task = self._task, None
        if task is not None:
            if task.done():
                task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for line in self._lines.values():
                await line.channel.close()

    def poke(self) -> None:
        if self.dispatcher is not None:
            self.dispatcher.poke()

    async def alert(
        self, tier: Tier = Tier.HIGH, announce: tuple[str, ...] | None = None, **post: Any
    ) -> Alert:
        self._count += 1
        number = self._count
        given = {"title": f"offer {number}", "seller": f"s{number}"} | post
        told = await self.look(f"p{number}", given, tier, announce=announce)
        self.poke()
        return told

    async def look(
        self,
        name: str,
        post: dict[str, Any],
        tier: Tier,
        *,
        previous: Evidence | None = None,
        announce: tuple[str, ...] | None = None,
    ) -> Alert:
        """Seal a look at a post and record its verdict, as the watch would."""
        now = self.store.clock.now()
        seen = words.post(name, **post)
        snapshot = Snapshot(
            target="market",
            target_digest="",
            observation=Observation.CHANGED if previous else Observation.SEEN,
            post=seen,
            listing=None,
            page=words.response(f"{name} {post} {now}".encode()),
            pictures=(),
            listed_at=now,
            captured_at=now,
            previous=previous.evidence_id if previous else "",
        )
        if previous:
            row = (await self.store.known("market", [name]))[name]
        else:
            row = Watched(
                target="market", post_id=name, url=seen.url, digest="d", evidence_id=EvidenceId(""),
                first_seen_at=now, last_seen_at=now,
            )  # fmt: skip
        sealed = await self.store.seal(snapshot, watched=row)
        judgement = Judgement(evidence=sealed, verdict=words.verdict(tier), judged_at=now)
        alert = await self.store.record(judgement, announce=self.announce if announce is None else announce)
        assert alert is not None
        assert alert.kind is (AlertKind.CHANGED if previous else AlertKind.NEW)
        self.poke()
        return alert

    async def gone(self, name: str, before: Evidence) -> None:
        """Seal that a post is no more, as the vigil would."""
        now = self.store.clock.now()
        row = (await self.store.known("market", [name]))[name]
        snapshot = Snapshot(
            target="market", target_digest="", observation=Observation.MISSING,
            post=replace(before.post, pictures=()), listing=None,
            page=words.response(f"{name} gone {now}".encode()), pictures=(), listed_at=now, captured_at=now,
            previous=before.evidence_id,
        )  # fmt: skip
        life = Lifetime(
            last_seen_at=row.last_seen_at, first_missing_at=now, confirmations=4, missing_class="404"
        )
        await self.store.seal(snapshot, watched=row, lifetime=life)
        self.poke()

    async def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.store.vault.database.rows(sql, values)]


def night(
    folder: Path,
    body: Callable[[Lanes], Awaitable[None]],
    *,
    limits: Limits | None = None,
    seed: int = 1,
    clock_of: Callable[[JumpLoop, datetime], JumpClock] = JumpClock,
) -> None:
    """Run `body` on virtual time; at the end the lanes are stopped."""

    async def main(loop: JumpLoop) -> None:
        clock = clock_of(loop, words.NIGHT)
        store = await Store.open(folder, clock)
        try:
            async with Service(seed=seed, limits=limits, answer_s=0.15) as service:
                service.add_chat(GROUP)
                service.add_chat(DIRECT, "private", title="Li")
                work = Lanes(store=store, clock=clock, service=service, folder=folder)
                try:
                    await body(work)
                finally:
                    await work.kill()
        finally:
            await store.close()

    run_jumping(main)
