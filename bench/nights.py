"""Whole nights on virtual time, the two with a change of the clocks among them.

A real daemon, store, fetcher and site; only time jumps. Every few minutes a post appears
and lives for a random while; what was kept and what was told is held against the site.
"""

from __future__ import annotations

import argparse
import io
import random
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from bench.figures import Figure, Result
from tests.fakes.market import Market, picture
from tests.fakes.night import Night, play

NAME = "nights"
SUMMARY = "whole nights on virtual time, DST nights included: polls, captures, deletions against the truth"
INTERVAL = timedelta(seconds=60)
OFFER = "XJ rhino horn carving, real, wechat 13800138000, 3800元"
NIGHTS: tuple[tuple[tuple[int, int, int], str, float], ...] = (
    ((2026, 3, 1), "UTC", 9.0),
    ((2026, 3, 28), "Europe/Berlin", 8.0),
    ((2026, 10, 24), "Europe/Berlin", 10.0),
    ((2026, 6, 1), "Asia/Kolkata", 9.0),
)
"""(evening, zone, true hours from 21:00 to 06:00 there)."""


@dataclass
class Truth:
    """What the site knows, and what came of it."""

    born: dict[int, datetime] = field(default_factory=dict)
    died: dict[int, datetime] = field(default_factory=dict)
    catchable: int = 0
    caught: int = 0
    false_deletions: int = 0
    outside: int = 0
    told: int = 0
    hours: float = 0.0


async def run(args: list[str]) -> Result:
    """Play `--nights` (default all four). Runs its own loops in a thread, one after another."""
    import asyncio

    parser = argparse.ArgumentParser(prog="bench nights")
    parser.add_argument("--nights", type=int, default=len(NIGHTS))
    options = parser.parse_args(args)
    return await asyncio.to_thread(play_all, NIGHTS[: options.nights])


def play_all(nights: tuple[tuple[tuple[int, int, int], str, float], ...]) -> Result:
    """All nights, and the figures over them."""
    truths, seconds, wrong_hours = [], [], 0.0
    for number, (day, zone, hours) in enumerate(nights):
        began = time.monotonic()
        truths.append(one_night(day, zone, seed=number))
        seconds.append(time.monotonic() - began)
        wrong_hours = max(wrong_hours, abs(truths[-1].hours - hours))
    catchable = sum(t.catchable for t in truths)
    figures = (
        Figure("posts alive for 1.5 intervals", catchable),
        Figure("of these kept whole", sum(t.caught for t in truths) / max(1, catchable) * 100, 99, unit="%"),
        Figure("deletions told", sum(t.told for t in truths), 1, "at least"),
        Figure("false deletions", sum(t.false_deletions for t in truths), 0, "equal"),
        Figure("true instant outside the interval", sum(t.outside for t in truths), 0, "equal"),
        Figure("night longer or shorter than the clocks say", wrong_hours, 0.05, "at most", "h"),
        Figure("slowest night", max(seconds), 120, "at most", "s"),
    )
    return Result(figures, (f"seconds per night: {', '.join(f'{s:.0f}' for s in seconds)}",))


def one_night(day: tuple[int, int, int], zone: str, seed: int) -> Truth:
    """One night from 20:30 to past dawn."""
    truth, chance = Truth(), random.Random(seed)
    start = datetime(*day, 20, 30, tzinfo=ZoneInfo(zone))

    async def script(night: Night, market: Market) -> None:
        market.publish("an ordinary bicycle")
        end = night.clock.now() + timedelta(hours=12)
        while night.clock.now() < end:
            age(night.clock.now(), market, truth)
            if chance.random() < 0.12 and len(truth.born) < 60:
                number = market.publish(f"{OFFER} no {len(truth.born)}", pictures=(picture(len(truth.born)),))
                truth.born[number] = night.clock.now()
                truth.died[number] = night.clock.now() + timedelta(minutes=chance.lognormvariate(3.3, 1.2))
            await night.run_for(seconds=chance.uniform(30, 90))
        await weigh(night, market, truth)

    with TemporaryDirectory(prefix="nightjar-bench-") as folder, redirect_stdout(io.StringIO()):
        play(Path(folder), start, script, zone=zone)
    return truth


def age(now: datetime, market: Market, truth: Truth) -> None:
    """Remove what has lived its time; the truth is the instant of removal."""
    for number, due in truth.died.items():
        if market.adverts[number].up and due <= now:
            market.remove(number)
            truth.died[number] = now


async def weigh(night: Night, market: Market, truth: Truth) -> None:
    """Hold what the daemon kept and told against the site's own instants."""
    epoch = night.clock.now() - timedelta(seconds=night.loop.time())
    first, last = (epoch + timedelta(seconds=s) for s in (market.polls[0], market.polls[-1]))
    truth.hours = (last - first).total_seconds() / 3600
    known = await night.store.known("market", [f"post-{n}" for n in truth.born])
    for number, born in truth.born.items():
        lived = min(truth.died[number], last) - max(born, first)
        if lived >= 1.5 * INTERVAL:
            truth.catchable += 1
            truth.caught += await is_whole(night, known.get(f"post-{number}"))
    for alert in night.alerts():
        if alert["kind"] == "deleted":
            check_deletion(alert, market, truth)


async def is_whole(night: Night, row: object) -> bool:
    """Whether the first look at a post has its page and its picture."""
    evidence_id = str(getattr(row, "evidence_id", ""))
    while evidence_id:
        evidence = await night.store.evidence(evidence_id)
        if not evidence.previous:
            return bool(evidence.page_sha256) and len(evidence.pictures) == 1
        evidence_id = evidence.previous
    return False


def check_deletion(alert: dict[str, dict[str, str]], market: Market, truth: Truth) -> None:
    """One reported deletion against the true instant."""
    number = int(alert["facts"]["post_id"].removeprefix("post-"))
    truth.told += 1
    if market.adverts[number].up:
        truth.false_deletions += 1
        return
    seen, missing = (
        datetime.fromisoformat(alert["lifetime"][k]) for k in ("last_seen_at", "first_missing_at")
    )
    if not seen <= truth.died[number].astimezone(UTC) <= missing:
        truth.outside += 1
