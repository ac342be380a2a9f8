"""The process whose cost is taken: outbox, lanes and channel, and nothing of the harness beside them.

    main([FOLDER, BASE_URL, TOKEN])

Everything is written beforehand (`bench._alert_cost`); pictures are one file in the folder.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import warnings
from pathlib import Path

import structlog

from bot import garbage
from bot.channel import Setting
from bot.channels import telegram
from bot.dispatch import Dispatcher, Line
from bot.lanes import chat, coalesce
from bot.lanes.budget import Purse, Purses, Use
from storage.clock import SystemClock
from storage.codec import micros
from storage.model import Alert
from storage.patience import DiskWatch
from storage.store import Store
from storage.writer import Batch

CHATS, RATE, LEAD_S = 10, 100, 3.0
WARM = 50
"""Messages that are not counted: the library is imported at the first one."""
PICTURE = "sheet.jpg"


class Uncounted:
    """A tally that nobody reads."""

    def delivered(self, channel: str, outcome: str, tier: str, took_s: float) -> None:
        """Nothing."""


class FreePurses(Purses):
    """Budgets that make nobody wait, but for what the server asked for: the pace is not under test."""

    def wait_s(self, purse: Purse, use: Use, now: float) -> float:
        """Only what a 429 asked for."""
        del use
        return max(0.0, purse.held_until - now)


def quiet() -> None:
    """Only errors are worth a line: faults are the point here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.getLogger("telegram").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", DeprecationWarning)


async def tell(folder: Path, base_url: str, token: str) -> dict[str, float]:
    """Deliver everything; what it took of processor and memory."""
    clock = SystemClock()
    garbage.spare(asyncio.get_running_loop(), 1.0)  # as the daemon's process does
    store = await Store.open(folder, clock)
    garbage.sweep()
    tally = Told(await _left(store))
    await _fall_due(store)
    picture = (folder / PICTURE).read_bytes()

    async def sheet(alert: Alert) -> bytes:
        return picture if int(alert.alert_id[-1], 16) % 2 else b""

    lines = _lines(folder, base_url, token, clock)
    dispatcher = Dispatcher(
        store, lines, clock, sheet=sheet, tally=tally, disk=DiskWatch(clock),
        purses=FreePurses(), key=b"k" * 32,
    )  # fmt: skip
    async with asyncio.TaskGroup() as group:
        task = group.create_task(dispatcher.run())
        await tally.over.wait()
        cpu_s, rss = time.process_time() - tally.cpu_s, _rss_mib()
        task.cancel()
    for line in lines.values():
        await line.channel.close()
    await store.close()
    return {"cpu_ms": 1000 * cpu_s / (tally.most - WARM), "rss_mib": rss}


class Told(Uncounted):
    """Counts what was delivered. cpu_s: when the first `WARM` were."""

    def __init__(self, most: int) -> None:
        self.most, self.count, self.cpu_s = most, 0, 0.0
        self.over = asyncio.Event()

    def delivered(self, channel: str, outcome: str, tier: str, took_s: float) -> None:
        """One more."""
        del channel, tier, took_s
        self.count += outcome == "delivered"
        if self.count == WARM:
            self.cpu_s = time.process_time()
        if self.count >= self.most:
            self.over.set()


async def _left(store: Store) -> int:
    return int((await store.vault.database.rows("SELECT count(*) FROM delivery"))[0][0])


async def _fall_due(store: Store) -> None:
    """One after the other from soon on."""
    begin = micros(store.clock.now()) + int(LEAD_S * 1e6)
    step = 1_000_000 // RATE

    async def job(batch: Batch) -> None:
        batch.many("UPDATE delivery SET due_at = ? + id * ?", (begin, step))

    await store.vault.submit(job)


def _lines(folder: Path, base_url: str, token: str, clock: SystemClock) -> dict[str, Line]:
    made = {}
    for number in range(CHATS):
        settings = telegram.Settings(chat_id=-1_001 - number, base_url=base_url)
        setting = Setting(name=f"c{number}", folder=folder, clock=clock, secret=lambda *_: token)
        channel = telegram.open_channel(settings, setting)
        made[f"c{number}"] = Line(channel=channel, wants_sheet=True, repeatable=False)
    return made


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576


def main(arguments: list[str]) -> None:
    """Entry of the process. Gathering is off: it would leave nothing to be told."""
    quiet()
    coalesce.gather = lambda *_args, **_more: ()
    chat.STORM_FROM = 10**9
    print(json.dumps(asyncio.run(tell(Path(arguments[0]), *arguments[1:]))), flush=True)
