"""The process that is killed: a store, alerts that arise in it, and the lanes that tell them.

Alerts arise in the verdict's own transaction, as in the daemon. Every second one has a picture, every
fourth is urgent; a new one arises when few wait, so that kills meet sends and not a queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench._alert_teller import FreePurses, Uncounted, quiet
from bot.channel import Setting
from bot.channels import telegram
from bot.dispatch import Dispatcher, Line
from nightmarket.messenger import TOKEN
from storage import lanes
from storage.clock import SystemClock
from storage.model import Alert, Judgement, Observation, Snapshot, Tier, Watched
from storage.patience import DiskWatch
from storage.store import Store
from tests.fakes import words
from tests.pictures.samples import jpeg

FEW = 3
TIERS = (Tier.URGENT, Tier.HIGH, Tier.NORMAL, Tier.HIGH)
SHEET = jpeg(1, width=120, height=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker is told. most: alerts altogether, over all its lives."""

    folder: Path
    base_url: str
    chat_id: int
    most: int
    timeout_s: float
    grace_s: float


async def sheet(alert: Alert) -> bytes:
    """A picture for every second alert."""
    return SHEET if alert.evidence is not None and int(alert.alert_id[-1], 16) % 2 else b""


async def arise(store: Store, number: int, announce: tuple[str, ...]) -> None:
    """Seal a post and record its verdict: one more alert."""
    now = store.clock.now()
    post = words.post(f"p{number}", title=f"offer {number}", seller=f"s{number}")
    snapshot = Snapshot(
        target="market", target_digest="", observation=Observation.SEEN, post=post, listing=None,
        page=words.response(f"page {number}".encode()), pictures=(), listed_at=now, captured_at=now,
    )  # fmt: skip
    row = Watched(
        target="market", post_id=post.post_id, url=post.url, digest="d", evidence_id="",  # type: ignore[arg-type]
        first_seen_at=now, last_seen_at=now,
    )  # fmt: skip
    sealed = await store.seal(snapshot, watched=row)
    tier = TIERS[number % len(TIERS)]
    await store.record(
        Judgement(evidence=sealed, verdict=words.verdict(tier), judged_at=now), announce=announce
    )


def lines(work: Work, clock: SystemClock) -> dict[str, Line]:
    """The one chat."""
    settings = telegram.Settings(
        chat_id=work.chat_id, base_url=work.base_url, timeout_s=work.timeout_s, grace_s=work.grace_s
    )
    setting = Setting(name="c", folder=work.folder, clock=clock, secret=lambda *_: TOKEN)
    channel = telegram.open_channel(settings, setting)
    return {"c": Line(channel=channel, wants_sheet=True, repeatable=False)}


async def live(work: Work) -> None:
    """One life; it ends when all alerts were told, if it is let."""
    clock = SystemClock()
    store = await Store.open(work.folder, clock)
    dispatcher = Dispatcher(
        store, lines(work, clock), clock, sheet=sheet, tally=Uncounted(), disk=DiskWatch(clock),
        purses=FreePurses(), key=b"k" * 32,
    )  # fmt: skip
    async with asyncio.TaskGroup() as group:
        task = group.create_task(dispatcher.run())
        await _raise_all(store, work, dispatcher.poke)
        while await lanes.depth(store.vault, "c"):
            await clock.sleep(0.05)
        task.cancel()
    await store.close()


async def _raise_all(store: Store, work: Work, poke: Callable[[], None]) -> None:
    while True:
        rows = await store.vault.database.rows("SELECT count(*) FROM observation", ())
        if rows[0][0] >= work.most:
            return
        if await lanes.depth(store.vault, "c") < FEW:
            await arise(store, rows[0][0], ("c",))
            poke()
        await store.clock.sleep(0.01)


def run(work: Work) -> None:
    """Entry of the process."""
    quiet()
    asyncio.run(live(work))
