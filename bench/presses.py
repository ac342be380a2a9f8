"""How fast a press is answered while alerts pour in, and that two presses at once make one transition.

A real store, our own Bot API server, the library as in life, on the machine's own clock. Alerts are
sealed, judged and written all the while; each alert is pressed by two officers at the same instant.
The server measures from the press to the answer it got.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench._looks import data_folder, judgement, look
from bench.figures import Figure, Result
from bot.callback import Callback, write
from bot.desk.desk import Place
from bot.desk.front import Front, Line
from bot.desk.hands import Hands, HandsRefused, NewTarget
from bot.desk.people import People
from bot.desk.tongue import tongue
from bot.desk.updates import PollerLock
from bot.settings.custody import Officer
from bot.settings.people import ChatTable, DeskTable
from nightmarket.messenger import TOKEN, Message, Service, User
from nightmarket.messenger.limits import Limits
from nightmarket.messenger.people import Press
from storage.clock import SystemClock
from storage.duty import State
from storage.model import Evidence, Picture
from storage.store import Store

NAME = "presses"
SUMMARY = "press to answer in a storm, and one transition for two presses at once"
GROUP = -1001
KEY = b"k" * 32
OFFICERS = tuple(Officer(name=f"officer {n}", role="officer", telegram=5_000 + n) for n in range(8))
_AHEAD = 20


async def _nothing(*_: object) -> None:
    """The desk is alone here."""


async def _no_tip(_url: str, _who: str, _asked_at: datetime) -> Evidence:
    raise HandsRefused("not here")


async def _no_picture(_data: bytes) -> Picture:
    raise HandsRefused("not here")


async def _no_target(_wanted: NewTarget) -> str:
    raise HandsRefused("not here")


@asynccontextmanager
async def _desk(store: Store, service: Service, folder: Path) -> AsyncIterator[None]:
    people = People(officers=OFFICERS, chats=(ChatTable(id=GROUP),))
    front = Front(
        store,
        store.clock,
        DeskTable(channel="chat"),
        line=Line(token=TOKEN, base_url=service.base_url, base_file_url=service.base_file_url),
        key=KEY,
        hands=Hands(
            tip=_no_tip,
            describe=_no_picture,
            near=lambda _phash, _bits: (),
            progress=tuple,
            troubles=tuple,
            add=_no_target,
        ),
        place=Place(
            people=lambda: people,
            rota=lambda: None,
            language=lambda: "en",
            night_began=lambda now: now - timedelta(hours=9),
            spoke=lambda: None,
            tell_admin=_nothing,
            arrived=_nothing,
            digest_to=tuple,
            digest_chat=lambda: (GROUP, tongue("en")),
            channel_in=lambda _chat_id: "",
            moved=_nothing,
        ),
        lock=PollerLock("bench", folder),
    )
    task = asyncio.create_task(front.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _storm(store: Store, alerts: list[str], wanted: int, per_s: float) -> None:
    """Seal and judge posts that all alert, evenly, until there are `wanted` alerts and then on."""
    for number in itertools.count():
        sealed = await store.seal(look(f"post-{number}", store.clock.now()))
        alert = await store.record(judgement(sealed, store.clock.now()), announce=("chat",))
        if alert is not None and not alert.revises and len(alerts) < wanted:
            alerts.append(alert.alert_id)
        await asyncio.sleep(1 / per_s)


def _tap(service: Service, alert_id: str, officer: Officer) -> Press:
    """A press of a card; the card itself is not what is measured."""
    chat = service.chats[GROUP]
    message = Message(message_id=1, chat_id=GROUP, sender=service.me, text="card")
    chat.messages[1] = message
    data = write(Callback(alert_id=alert_id, action="ack", version=0), KEY)
    user = User(user_id=officer.telegram, name=officer.name)
    return service.people.press(chat, 1, user, data=data)


async def _press_all(service: Service, alerts: list[str], wanted: int, per_s: float) -> list[Press]:
    pressed: list[Press] = []
    for number in range(wanted):
        while number + _AHEAD >= len(alerts) and len(alerts) < wanted:  # noqa: ASYNC110 -- the storm's pace
            await asyncio.sleep(0.02)
        both = (OFFICERS[number % len(OFFICERS)], OFFICERS[(number + 1) % len(OFFICERS)])
        pressed += [_tap(service, alerts[number], officer) for officer in both]
        await asyncio.sleep(1 / per_s)
    for _ in range(200):
        if all(press.answered_at for press in pressed):
            break
        await asyncio.sleep(0.05)
    return pressed


async def measure(folder: Path, count: int, per_s: float) -> Result:
    """`count` alerts, each pressed twice at once, while `per_s` alerts a second are written."""
    store = await Store.open(folder, SystemClock())
    alerts: list[str] = []
    async with Service(limits=Limits(on=False)) as service:
        service.add_chat(GROUP)
        with TemporaryDirectory(prefix="nightjar-bench-") as locks:
            async with _desk(store, service, Path(locks)):
                storm = asyncio.create_task(_storm(store, alerts, count, per_s))
                pressed = await _press_all(service, alerts, count, per_s)
                storm.cancel()
                with suppress(asyncio.CancelledError):
                    await storm
    took = sorted(press.answered_at - press.at for press in pressed if press.answered_at)
    rows = await store.vault.database.rows(
        "SELECT d.state, (SELECT count(*) FROM duty_step s WHERE s.alert_id = d.alert_id) FROM duty d "
        "WHERE d.version > 0"
    )
    await store.close()
    once = sum(row[0] == State.ACKNOWLEDGED.value and row[1] == 1 for row in rows)
    return Result(
        (
            Figure("answered", len(took), 2 * count, "equal", note="of two presses on each alert"),
            Figure("answer_p50_s", took[len(took) // 2] if took else float("nan"), unit="s"),
            Figure("answer_p99_s", _p99(took), 0.3, "at most", "s"),
            Figure("alerts_taken_once", once, count, "equal"),
            Figure("alerts_with_more_steps", len(rows) - once, 0, "equal"),
        ),
        notes=(f"{per_s:g} alerts and {2 * per_s:g} presses a second, loopback, answers at once",),
    )


def _p99(took: list[float]) -> float:
    return took[min(len(took) - 1, int(len(took) * 0.99))] if took else float("nan")


async def run(arguments: list[str]) -> Result:
    """`--count N` alerts (500), `--per-second N` (10)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--per-second", type=float, default=10.0)
    wanted = parser.parse_args(arguments)
    with data_folder() as folder:
        return await measure(folder, wanted.count, wanted.per_second)
