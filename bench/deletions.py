"""Deletion truth: nights of planted 404s, walls, outages, 429s, stale feeds and our own restarts.

A real daemon on virtual time watches a market whose posts vanish at known instants, in four
ways. Every reported deletion is held against the truth: the post must be gone, and the true
instant must lie in the reported interval. Not measured here: posts that lived too short to
be caught (see `nights`).
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench._rough import ENDINGS, TROUBLES, RoughMarket
from bench.figures import Figure, Result
from tests.fakes.market import Market, picture
from tests.fakes.night import Night, play

NAME = "deletions"
SUMMARY = "deletions against the truth, through 404 blips, walls, outages, 429s and our own restarts"
POLL_S = 60.0
OFFER = "XJ rhino horn carving, real, wechat 13800138000, 3800元"
DUSK = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
LAST_DEATH_H = 8.0
AFTERWARDS_MIN = 45.0
"""Time after the last death in which the slowest of them must have been confirmed."""


@dataclass
class Ledger:
    """What is true, what was planted, and what was reported of it, over all nights."""

    died: int = 0
    spoken: int = 0
    """Of these, posts that had raised an alert: their vanishing must be told."""
    told: int = 0
    false: int = 0
    outside: int = 0
    restarts: int = 0
    intervals: list[float] = field(default_factory=list)
    planted: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    """What broke a promise, one line each."""


async def run(arguments: Sequence[str]) -> Result:
    """`--nights N` (4), `--posts N` a night (60), `--seed S` (1), `--hours H` until the last death."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--nights", type=int, default=4)
    parser.add_argument("--posts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=LAST_DEATH_H)
    options = parser.parse_args(arguments)
    ledger = Ledger()
    for number in range(options.nights):
        seed = options.seed * 1_000 + number
        await asyncio.to_thread(one_night, ledger, seed, options.posts, options.hours)
    return figures(ledger)


def figures(ledger: Ledger) -> Result:
    """The promises beside what was seen."""
    periods = [s / POLL_S for s in ledger.intervals] or [float("nan")]
    planted = ", ".join(f"{ledger.planted[name]} {name}" for name in TROUBLES)
    inside = 100.0 * (ledger.told - ledger.outside - ledger.false) / max(1, ledger.told)
    return Result(
        (
            Figure("posts that vanished", ledger.died),
            Figure("of these had raised an alert", ledger.spoken, 1),
            Figure("of these told as deleted", 100.0 * ledger.told / max(1, ledger.spoken), 100, unit="%"),
            Figure("true instant inside the interval", inside, 100, unit="%"),
            Figure("false deletions", ledger.false, 0, "equal"),
            Figure("median interval in poll periods", statistics.median(periods), 1.5, "at most"),
            Figure("longest tenth, in poll periods", _tenth(periods), note="outages and walls lie in these"),
            Figure("restarts", ledger.restarts, 1, note="half of them kills"),
        ),
        notes=(
            f"planted: {planted}",
            f"seconds per night: {', '.join(f'{s:.0f}' for s in ledger.seconds)}",
            *ledger.odd[:20],
        ),
    )


def _tenth(values: Sequence[float]) -> float:
    return sorted(values)[int(0.9 * (len(values) - 1))]


def one_night(ledger: Ledger, seed: int, posts: int, hours: float) -> None:
    """One night of its own daemon and data folder; adds to `ledger`."""
    began = time.monotonic()

    async def script(night: Night, market: Market) -> None:
        assert isinstance(market, RoughMarket)
        await _Night(night, market, random.Random(seed), ledger).play(posts, hours)

    with TemporaryDirectory(prefix="nightjar-bench-") as folder, redirect_stdout(io.StringIO()):
        play(Path(folder), DUSK, script, market=RoughMarket)
    ledger.seconds.append(time.monotonic() - began)


class _Night:
    """The hand that publishes, removes, plants and restarts."""

    def __init__(self, night: Night, market: RoughMarket, chance: random.Random, ledger: Ledger) -> None:
        self.night, self.market, self.chance, self.ledger = night, market, chance, ledger
        self.due: dict[int, datetime] = {}
        self.died: dict[int, datetime] = {}

    async def play(self, posts: int, hours: float) -> None:
        """Births over the first four fifths, deaths until `hours`, then quiet, then the reckoning."""
        for n in range(3):
            self.market.publish(f"an ordinary bicycle no {n}")
        start = self.night.clock.now()
        last = start + timedelta(hours=hours)
        births = sorted(self.chance.uniform(0.05, 0.8) * hours for _ in range(posts))
        calm_until = start + timedelta(minutes=10)
        while (now := self.night.clock.now()) < last:
            while births and start + timedelta(hours=births[0]) <= now:
                births.pop(0)
                self._publish(now, last)
            self._bury(now)
            calm_until = await self._plant(now, calm_until)
            await self.night.run_for(seconds=self.chance.uniform(3, 25))
        self.market.end()
        self._bury(self.night.clock.now())
        await self.night.run_for(minutes=AFTERWARDS_MIN)
        self._reckon()

    def _publish(self, now: datetime, last: datetime) -> None:
        number = self.market.publish(f"{OFFER} no {len(self.due)}", pictures=(picture(len(self.due)),))
        life = timedelta(minutes=self.chance.lognormvariate(3.3, 1.2))
        self.due[number] = min(now + life, last - timedelta(seconds=1))
        self.market.endings[number] = self.chance.choice(ENDINGS)

    def _bury(self, now: datetime) -> None:
        for number, due in self.due.items():
            if due <= now and number not in self.died:
                self.market.remove(number)
                self.died[number] = now

    async def _plant(self, now: datetime, calm_until: datetime) -> datetime:
        """End a trouble that has lasted, or begin one, or restart, about every ten minutes; the next time."""
        if now < calm_until:
            return calm_until
        if self.market.trouble:
            self.market.end()
            return now + timedelta(minutes=self.chance.uniform(4, 12))
        if self.chance.random() < 0.2:
            await self._restart()
            return now + timedelta(minutes=self.chance.uniform(2, 8))
        trouble = self.chance.choice(TROUBLES)
        self.market.begin(trouble, self.chance)
        self.ledger.planted[trouble] += 1
        return now + timedelta(seconds=self.chance.uniform(20, 400))

    async def _restart(self) -> None:
        """Stopped in order or killed in the middle of whatever it did, and started anew."""
        self.ledger.restarts += 1
        await (self.night.kill() if self.chance.random() < 0.5 else self.night.stop())
        await asyncio.sleep(self.chance.uniform(1, 90))
        await self.night.start()

    def _reckon(self) -> None:
        alerts = self.night.alerts()
        spoken = {_number(a) for a in alerts if a["kind"] in ("new", "repost")}
        told = {_number(a): a for a in alerts if a["kind"] == "deleted"}
        self.ledger.died += len(self.died)
        self.ledger.spoken += len(spoken & self.died.keys())
        self.ledger.told += len(told)
        for alert in alerts:
            if alert["kind"] == "deleted":
                self._weigh(alert)

    def _weigh(self, alert: dict[str, Any]) -> None:
        life, died = alert["lifetime"], self.died.get(_number(alert))
        seen, missing = (datetime.fromisoformat(life[k]) for k in ("last_seen_at", "first_missing_at"))
        if died is None or not seen <= died <= missing:
            self.ledger.odd.append(f"post {_number(alert)} died {died}, reported {seen} to {missing}")
        if died is None or died > missing:
            self.ledger.false += 1
            return
        self.ledger.outside += died < seen
        self.ledger.intervals.append((missing - seen).total_seconds())


def _number(alert: dict[str, Any]) -> int:
    return int(alert["facts"]["post_id"].removeprefix("post-"))
