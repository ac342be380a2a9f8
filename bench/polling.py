"""Steady polls beside bare aiohttp: same loop, same run, alternating, CPU of this process.

Ours is the whole path of a poll: due, gate of the host, guard, robots.txt, conditional GET,
digest, reading, comparing with the store, the heartbeat of the posts, and the target's progress
written durably every second. Bare aiohttp asks the same addresses and reads the bodies. The
limits are set so high that they never wait; the site runs in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp

from bench._daemon import program
from bench._feeds import ITEMS, POLLS_A_POST, feed
from bench._looks import data_folder
from bench.figures import Figure, Result
from bot import garbage
from bot.house import House
from bot.vitals import Vitals
from storage.clock import SystemClock
from storage.model import Authority, HostLimit, Progress, Target
from storage.patience import DiskWatch
from storage.store import Store
from watchers.feeds.rss import Settings
from watchers.fetch import Fetcher
from watchers.hands import Hands
from watchers.kit import Kit
from watchers.readers import Readers
from watchers.timetable import Nights, Timetable
from watchers.watch import Watch

NAME = "polling"
SUMMARY = "CPU of a poll (304, same bytes, changed bytes) as a share of bare aiohttp in the same run"
AT_ONCE, EACH, ROUNDS = 64, 40, 5
ENDLESS = HostLimit(requests_per_s=1e9, concurrency=10_000)
SEEN = {"If-None-Match": '"abc"'}
PROMISED = {
    "304": ("ratio_304", 0.80),
    "same": ("ratio_gate", 0.65),
    "changed": ("ratio_changed", 0.25),
    "dated": ("ratio_redated", None),
    "rolling": ("ratio_rolling", None),
}
NOTES = {
    "304": "of bare aiohttp",
    "same": "of bare aiohttp, 200 with the same bytes",
    "changed": f"of bare aiohttp, other bytes each time and a new post in one poll of {POLLS_A_POST}",
    "dated": "of bare aiohttp, other bytes and the same posts: nothing but a build date changed",
    "rolling": "of bare aiohttp, a new post in each poll; their rows and listings are written durably",
}


@dataclass(slots=True, kw_only=True)
class Rig:
    """One site, bare aiohttp and our own parts over a store on disk."""

    port: int
    session: aiohttp.ClientSession
    kit: Kit
    house: House
    hands: Hands
    watches: dict[str, list[Watch]]

    async def bare(self, what: str, number: int) -> None:
        """What any program over aiohttp does."""
        headers = SEEN if what == "304" else {}
        url = address(self.port, what, number) + "-bare"  # what is shown moves on with each request
        async with self.session.get(url, headers=headers) as answer:
            await answer.read()

    async def ours(self, what: str, number: int) -> None:
        """One poll of a target."""
        await self.watches[what][number].visit()

    async def per_poll(self, what: str, ask: Callable[[str, int], Awaitable[None]]) -> float:
        """CPU seconds of this process per poll."""

        async def often(number: int) -> None:
            for _ in range(EACH):
                await ask(what, number)

        began = time.process_time()
        await asyncio.gather(*(often(number) for number in range(AT_ONCE)))
        while self.hands.waiting or self.hands.under_way:  # noqa: ASYNC110  rows not yet written
            await asyncio.sleep(0.001)
        await self.house.flush()
        while beats := self.kit.beats.due(self.kit.clock.now()):  # handed over in parts
            await self.kit.store.add_sightings([], beats)
        return (time.process_time() - began) / (EACH * AT_ONCE)


def address(port: int, what: str, number: int) -> str:
    """Each target is on a host of its own: those of one host would wait for one another at its gate."""
    return f"http://127.0.0.{number + 2}:{port}/{what}/{number}"


async def measure(folder: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """For each kind of answer, (bare, ours) CPU seconds per poll, round by round."""
    async with AsyncExitStack() as stack:
        rig = await _rig(folder, stack)
        garbage.spare(asyncio.get_running_loop(), rig.kit.clock.speed)  # as in the daemon, for both
        writing = asyncio.create_task(rig.house.write_for_ever())
        stack.callback(writing.cancel)
        found: dict[str, list[tuple[float, float]]] = {}
        for what, watches in rig.watches.items():
            for ask in (rig.bare, rig.ours):  # connections, caches, the first full reading
                await rig.per_poll(what, ask)
            found[what] = [
                (await rig.per_poll(what, rig.bare), await rig.per_poll(what, rig.ours))
                for _ in range(rounds)
            ]
            # A doubted host costs more: one whose Date is a day off made these figures wrong for days.
            bad = {watch.progress.reason or "not ok" for watch in watches if _troubled(watch.progress)}
            if bad:
                raise RuntimeError(f"the polls of {what} did not go well: {min(bad)}")
        return found


def _troubled(row: Progress) -> bool:
    return row.health != "ok" or bool(row.reason)


async def _rig(folder: Path, stack: AsyncExitStack) -> Rig:
    clock = SystemClock()
    store = await Store.open(folder, clock)
    stack.push_async_callback(store.close)
    fetcher = Fetcher(clock, contact="bench", allow=("127.0.0.0/8",), overall=ENDLESS)
    stack.push_async_callback(fetcher.close)
    readers = Readers(clock)
    stack.push_async_callback(readers.close)
    disk = DiskWatch(clock)
    vitals = Vitals("", 0, lambda: ())
    house = House(store, clock, vitals, disk)
    kit = Kit(
        store=store,
        fetches=fetcher,
        readers=readers,
        clock=clock,
        meter=vitals,
        submit=_nobody,
        spoke=lambda: None,
        tell_admin=_nobody,
        noted=house.note,
        disk=disk,
    )
    site = await stack.enter_async_context(program("bench._feeds"))
    assert site.stdout is not None
    port = int(await site.stdout.readline())
    session = await stack.enter_async_context(aiohttp.ClientSession())
    hands, nights = Hands(_no_fault, lambda _: None, clock.monotonic), Nights()
    hands.open(await stack.enter_async_context(asyncio.TaskGroup()))

    def watch(what: str, number: int) -> Watch:
        target = feed_target(address(port, what, number))
        made = _Noting(target, None, kit, hands, Timetable(target, 0.0, nights))
        made.host = f"{number}.example"  # one host would have eight hands; in life each target has its own
        return made

    watches = {what: [watch(what, number) for number in range(AT_ONCE)] for what in PROMISED}
    return Rig(port=port, session=session, kit=kit, house=house, hands=hands, watches=watches)


class _Noting(Watch):
    """A watch whose new posts get their row, durably, and are not captured: their pages are not measured."""

    async def _capture(self, job: Any) -> None:
        await self._kit.store.save_watched([job.row])


async def _nobody(_: object) -> None:
    """Nothing is captured and nobody told."""


async def _no_fault(name: str, fault: Exception) -> None:
    raise RuntimeError(f"a row of {name} was not written") from fault


def feed_target(url: str) -> Target:
    """A feed whose limits never wait; its posts' own pages are not asked."""
    return Target(
        name=url,
        kind="rss",
        url=url,
        authority=Authority(legal_basis="own test", authorised_by="bench", review_after=date(2099, 1, 1)),
        rules=Settings(page=False),
        host_limit=ENDLESS,
    )


async def run(arguments: Sequence[str]) -> Result:
    """Median of the paired ratios. `--rounds N` (5)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    with data_folder() as folder:
        found = await measure(folder, options.rounds)
    figures: list[Figure] = []
    for what, (name, least) in PROMISED.items():
        ratio = statistics.median(bare / ours for bare, ours in found[what])
        figures.append(Figure(name, ratio, least, note=NOTES[what]))
        for who, at in (("bare", 0), ("ours", 1)):
            middle = statistics.median(pair[at] for pair in found[what])
            figures.append(Figure(f"{who}_{what}", middle * 1e6, unit="us CPU/poll"))
    return Result(
        tuple(figures),
        (
            f"{options.rounds} alternating rounds of {AT_ONCE * EACH} polls, {AT_ONCE} at once, kept",
            f"feeds of {len(feed('0')) // 1000} KB with {ITEMS} posts each",
        ),
    )
