"""A desk at work: a real store, the Bot API server that we own, the library as in life, virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.desk import keyboard as keys
from bot.desk.desk import Place
from bot.desk.front import Front, Line
from bot.desk.hands import Hands, HandsRefused, NewTarget
from bot.desk.people import People
from bot.desk.reply import Reply
from bot.desk.rota import Rota, Shift
from bot.desk.tongue import tongue
from bot.desk.updates import PollerLock
from bot.settings.custody import Officer
from bot.settings.people import ChatTable, DeskTable
from nightmarket.messenger import TOKEN, Chat, Message, Service, User
from nightmarket.messenger.limits import Limits
from nightmarket.messenger.people import Press
from storage import duties, moves
from storage.duty import Duty
from storage.model import (
    Alert,
    Evidence,
    EvidenceId,
    Judgement,
    Observation,
    Picture,
    PictureMatch,
    Progress,
    Snapshot,
    Tier,
    Watched,
    sha256_of,
)
from storage.store import Store
from tests.fakes import words
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping
from tests.storage.test_duty import alerted

GROUP, OTHER = -1001, -1002
KEY = b"k" * 32
LI = Officer(name="Li", role="officer", telegram=5001)
WANG = Officer(name="Wang", role="investigator", telegram=5002, language="zh-Hans")
ZHAO = Officer(name="Zhao", role="supervisor", telegram=5003)
SUN = Officer(name="Sun", role="viewer", telegram=5004)
CHEN = Officer(name="Chen", role="officer", telegram=5005)
PEOPLE = People(officers=(LI, WANG, ZHAO, SUN, CHEN), chats=(ChatTable(id=GROUP),))
ROTA = Rota(zone="UTC", since=date(2026, 1, 5), shifts=(Shift(officers=("Li", "Chen", "Wang")),))
"""Li is on call in the week of `words.NIGHT`'s first of March 2026 (week 7, 7 % 3 = 1: Chen)."""


def user(officer: Officer) -> User:
    return User(user_id=officer.telegram, name=officer.name)


STRANGER = User(user_id=666, name="Stranger")


@dataclass
class Work:
    """One desk under test. `press`, `say` and `soon` act as people do; `actions` is what the log holds."""

    store: Store
    clock: JumpClock
    service: Service
    folder: Path
    people: People = PEOPLE
    rota: Rota | None = ROTA
    table: DeskTable = field(default_factory=lambda: DeskTable(channel="chat", fallback="pager"))
    told: list[str] = field(default_factory=list)
    moves: dict[int, int] = field(default_factory=dict)
    held: list[tuple[int, float]] = field(default_factory=list)
    arrivals: list[tuple[str, int, int]] = field(default_factory=list)
    added: list[NewTarget] = field(default_factory=list)
    near: tuple[PictureMatch, ...] = ()
    captures: list[tuple[str, str]] = field(default_factory=list)
    slow_s: float = 0.1
    """So long the capture of a tip takes."""
    tipped: Callable[[Work, str], Awaitable[Evidence]] = field(default_factory=lambda: _judged_tip)
    spoken: int = 0
    front: Front | None = None
    _task: asyncio.Task[None] | None = None

    @property
    def group(self) -> Chat:
        return self.service.chats[GROUP]

    def own(self, officer: Officer) -> Chat:
        return self.service.chats[officer.telegram]

    # --- the daemon's side -----------------------------------------------------------

    async def start(self) -> None:
        self.moves = await moves.known(self.store.vault.database)
        self.front = Front(
            self.store,
            self.clock,
            self.table,
            line=Line(
                token=TOKEN,
                base_url=self.service.base_url,
                base_file_url=self.service.base_file_url,
                secret="s" * 32,
            ),
            key=KEY,
            hands=self._hands(),
            place=Place(
                people=lambda: replace(self.people, moves=self.moves),
                rota=lambda: self.rota,
                language=lambda: self.table.language,
                night_began=lambda now: now - timedelta(hours=9),
                spoke=self._spoke,
                tell_admin=self._tell,
                arrived=self._arrived,
                digest_to=lambda: ("chat", "file"),
                digest_chat=lambda: (GROUP, tongue(self.table.language)),
                channel_in=lambda chat_id: "chat" if chat_id == GROUP else "",
                moved=self._moved,
            ),
            held=lambda chat_id, seconds: self.held.append((chat_id, seconds)),
            lock=PollerLock("test", self.folder),
        )
        self._task = asyncio.create_task(self.front.run())

    async def stop(self) -> None:
        """As a kill: in the middle of whatever it does."""
        task, self._task = self._task, None
        if task is not None:
            if task.done():
                task.result()  # it ended by itself: say why
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _moved(self, before: int, now: int) -> None:
        await moves.note(self.store.vault, before, now)
        self.moves[now] = before

    def _spoke(self) -> None:
        self.spoken += 1

    async def _tell(self, text: str) -> None:
        self.told.append(text)

    async def _arrived(self, alert_id: str, chat_id: int, message_id: int) -> None:
        self.arrivals.append((alert_id, chat_id, message_id))

    def _hands(self) -> Hands:
        return Hands(
            tip=self._tip,
            describe=self._describe,
            near=lambda _phash, _bits: self.near,
            progress=lambda: (Progress(target="market", health="ok", last_good_at=self.clock.now()),),
            troubles=lambda: (),
            add=self._add,
        )

    async def _tip(self, url: str, who: str, asked_at: datetime) -> Evidence:
        self.captures.append((url, who))
        await self.clock.sleep(self.slow_s)
        if "refused" in url:
            raise HandsRefused("the site does not answer ({why})", why="no route")
        return await self.tipped(self, url)

    async def _describe(self, data: bytes) -> Picture:
        return Picture(sha256=sha256_of(data), phash="00000000000000ff" if data else "")

    async def _add(self, wanted: NewTarget) -> str:
        self.added.append(wanted)
        return "market-2"

    # --- people -----------------------------------------------------------------------

    async def card(self, tier: Tier = Tier.URGENT, number: int = 1, **post: Any) -> tuple[Alert, Message]:
        """An alert whose card stands in the group with its buttons."""
        alert = await alerted(self.store, number, tier, **post)
        return alert, await self.shown(alert)

    async def shown(self, alert: Alert) -> Message:
        duty = await self.duty(alert)
        assert self.front is not None
        rows = keys.keyboard(duty, KEY, tongue("en"))
        await self.front.server.send(GROUP, Reply(text=f"card {alert.alert_id}", keyboard=rows))
        return self.group.seen()[-1]

    async def duty(self, alert: Alert) -> Duty:
        found = await duties.state(self.store.vault.database, alert.alert_id)
        assert found is not None
        return found

    async def press(self, message: Message, who: Officer | User, button: int | str = 0, **more: Any) -> Press:
        pressed = self.tap(message, who, button, **more)
        await self.soon()
        return pressed

    def tap(self, message: Message, who: Officer | User, button: int | str = 0, **more: Any) -> Press:
        who = user(who) if isinstance(who, Officer) else who
        chat = self.service.chats[message.chat_id]
        return self.service.people.press(chat, message.message_id, who, button, **more)

    async def say(
        self, text: str, who: Officer | User, chat: Chat | None = None, **more: Any
    ) -> list[Message]:
        """What the bot wrote anywhere after this message, in order of sending."""
        before = {(m.chat_id, m.message_id) for c in self.service.chats.values() for m in c.seen()}
        speaker = user(who) if isinstance(who, Officer) else who
        where = chat or self.service.chats[speaker.user_id]
        self.service.people.say(where, speaker, text, **more)
        await self.soon()
        found = [
            m
            for c in self.service.chats.values()
            for m in c.seen()
            if (m.chat_id, m.message_id) not in before and m.sender is not None and m.sender.is_bot
        ]
        return sorted(found, key=lambda m: m.sent_at)

    async def soon(self, seconds: float = 1.0) -> None:
        await self.clock.sleep(seconds)

    async def actions(self) -> list[dict[str, str]]:
        sql = "SELECT record FROM record WHERE kind = 'action' ORDER BY leaf"
        return [json.loads(row[0])["facts"] for row in await self.store.vault.database.rows(sql)]

    async def inbox(self) -> dict[int, tuple[str, bool]]:
        rows = await self.store.vault.database.rows("SELECT update_id, outcome, handled_at FROM inbox")
        return {row[0]: (row[1], row[2] is not None) for row in rows}


async def sealed_tip(work: Work, url: str) -> Evidence:
    """A tip's page as it is kept before anybody judged it."""
    now, store = work.store.clock.now(), work.store
    shown = words.post("tip", url=url, title="a tip")
    snapshot = Snapshot(
        target="tips",
        target_digest="",
        observation=Observation.SEEN,
        post=shown,
        listing=None,
        page=words.response(url.encode()),
        pictures=(),
        listed_at=now,
        captured_at=now,
    )
    row = Watched(
        target="tips",
        post_id="tip",
        url=url,
        digest="",
        evidence_id=EvidenceId(""),
        first_seen_at=now,
        last_seen_at=now,
    )
    return await store.seal(snapshot, watched=row)


async def judge_tip(work: Work, kept: Evidence, tier: Tier = Tier.HIGH) -> None:
    """What judging makes of it, with its alert when it is loud."""
    score = 12 if tier is Tier.NONE else 81
    verdict = words.verdict(tier, score)
    judgement = Judgement(evidence=kept, verdict=verdict, judged_at=work.store.clock.now())
    await work.store.record(judgement, announce=("chat",))


async def _judged_tip(work: Work, url: str) -> Evidence:
    kept = await sealed_tip(work, url)
    await judge_tip(work, kept)
    return kept


def at_work(
    folder: Path,
    script: Callable[[Work], Awaitable[None]],
    *,
    start: datetime = words.NIGHT,
    begin: bool = True,
    **more: Any,
) -> None:
    """Run `script` against a desk whose daemon stops at the end."""

    async def main(loop: JumpLoop) -> None:
        clock = JumpClock(loop, start)
        store = await Store.open(folder / "data", clock)
        async with Service(limits=Limits(on=False)) as service:
            service.add_chat(GROUP)
            for officer in PEOPLE.officers:
                service.add_chat(officer.telegram, kind="private", title=officer.name)
            service.add_chat(STRANGER.user_id, kind="private", title="Stranger")
            work = Work(store=store, clock=clock, service=service, folder=folder)
            for name, value in more.items():
                setattr(work, name, value)
            try:
                if begin:
                    await work.start()
                    await work.soon()
                await script(work)
            finally:
                await work.stop()
                await store.close()

    run_jumping(main)


__all__ = [
    "CHEN",
    "GROUP",
    "LI",
    "OTHER",
    "STRANGER",
    "SUN",
    "WANG",
    "ZHAO",
    "Work",
    "at_work",
    "judge_tip",
    "replace",
    "sealed_tip",
    "user",
]
