"""What a poll costs as targets grow, and what a capture costs as stored posts grow.

Polls: a real daemon on as many polls per second with 100 targets as with 10,000, nearly all answered 304;
the processor time of its process per poll. Captures: the path from a fetched post to its verdict
(`_captures`) in databases of the true schema that were made for it (`_stored`) and are deleted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench._daemon import ROOT, memory_mb
from bench._many import Sample, Shape, daemon_of, sample, settled, sites_of, stopped
from bench._stored import make
from bench.figures import Figure, Result
from bench.thousand import free_port

NAME = "growth"
SUMMARY = "cost per poll from 100 to 10,000 targets, cost per capture from 10 k to 5 M stored posts"
POLLS_PER_S = 100.0
POLL_RATIO, CAPTURE_RATIO = 1.2, 1.3
UNMODIFIED = 0.98
"""So many of the answers are to be 304s while polls are counted. Two minutes after its first poll a listing
is asked for whole again (`watchers/honesty.py`): of ten thousand targets that was most of the minute."""
CAPTURES_S = 1_800.0


def run(args: list[str]) -> Result:
    """Both growths; `--posts 10000,100000` and `--targets 100,1000` for short forms."""
    options = _options(args)
    figures: list[Figure] = []
    notes: list[str] = []
    if len(options.targets) > 1:
        figures += asyncio.run(polls(options))
    if len(options.posts) > 1:
        more, said = asyncio.run(captures(options))
        figures += more
        notes += said
    return Result(tuple(figures), tuple(notes))


def _options(args: list[str]) -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",") if word]

    parser = argparse.ArgumentParser(prog="./nightjar bench growth")
    parser.add_argument("--targets", type=numbers, default=[100, 10_000])
    parser.add_argument("--polls-per-s", type=float, default=POLLS_PER_S, help="of all targets together")
    parser.add_argument(
        "--standing", type=float, default=1.0, help="share of targets with a post, captured beforehand"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for which polls are counted")
    parser.add_argument("--posts", type=numbers, default=[10_000, 5_000_000])
    parser.add_argument("--captures", type=int, default=400)
    parser.add_argument("--folder", type=Path, default=None, help="where databases are made (10 GB)")
    return parser.parse_args(args)


# --- polls --------------------------------------------------------------------------------


async def polls(options: argparse.Namespace) -> list[Figure]:
    """Processor time per poll for each number of targets, and the growth from the first to the last."""
    found = [
        (count, await poll_cost(count, options.seconds, options.polls_per_s, options.standing))
        for count in options.targets
    ]
    ratio = found[-1][1].cpu_s / found[0][1].cpu_s
    name = f"a poll of {found[-1][0]:,} targets costs, of {found[0][0]:,}"
    each = [
        Figure(
            f"processor per poll of {count:,} targets",
            1e6 * cost.cpu_s,
            unit="us",
            note=f"{cost.per_s:.0f} polls/s, {cost.unmodified:.1%} of them 304, {cost.memory_mb:.0f} MB",
        )
        for count, cost in found
    ]
    return [Figure(name, ratio, POLL_RATIO, "at most"), *each]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollCost:
    """What a poll costs. cpu_s: of the processor; per_s: polls; unmodified: share of them answered 304."""

    cpu_s: float
    per_s: float
    unmodified: float
    memory_mb: float


async def unmodified(pid: int, metrics: int, shape: Shape) -> None:
    """Wait until nearly all polls are answered 304, for three intervals and a minute at most."""
    loop = asyncio.get_running_loop()
    until_s, after = loop.time() + 3 * shape.interval_s + 60.0, await sample(pid, metrics)
    while loop.time() < until_s:
        await asyncio.sleep(max(2.0, shape.interval_s / 30))
        before, after = after, await sample(pid, metrics)
        if share_unmodified(before, after) >= UNMODIFIED:
            break


def share_unmodified(before: Sample, after: Sample) -> float:
    """Share of the polls between two instants that were answered 304; NaN without any."""
    made = after.polls - before.polls
    return (after.unmodified - before.unmodified) / made if made > 0 else math.nan


async def poll_cost(
    targets: int, seconds: float, polls_per_s: float = POLLS_PER_S, standing: float = 1.0
) -> PollCost:
    """What a poll costs a daemon with so many targets."""
    metrics = free_port()
    shape = Shape(
        targets=targets,
        hosts=min(500, targets),
        interval_s=targets / polls_per_s,
        posts_per_s=0.0,
        life_s=1e9,
        standing=standing,
    )
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        config, log = Path(name) / "config.toml", Path(name) / "log"
        async with sites_of(shape, Path(name)) as sites:
            config.write_text(sites.configured(metrics))
            async with daemon_of(config, log, sites) as daemon:
                await settled(daemon, metrics, shape)
                await asyncio.sleep(min(30.0, shape.interval_s))
                await unmodified(daemon.pid, metrics, shape)
                before = await sample(daemon.pid, metrics)
                await asyncio.sleep(seconds)
                after = await sample(daemon.pid, metrics)
                resident = memory_mb(daemon.pid)[0]
                await stopped(daemon)
    made = after.polls - before.polls
    return PollCost(
        cpu_s=(after.cpu_s - before.cpu_s) / made if made else math.nan,
        per_s=made / (after.at_s - before.at_s),
        unmodified=share_unmodified(before, after),
        memory_mb=resident,
    )


# --- captures -----------------------------------------------------------------------------


async def captures(options: argparse.Namespace) -> tuple[list[Figure], list[str]]:
    """Cost per capture for each number of stored posts, and the growth from the first to the last."""
    found, notes = [], []
    for posts in options.posts:
        with TemporaryDirectory(prefix="nightjar-bench-", dir=options.folder) as name:
            began = time.monotonic()
            size_mb = await make(Path(name) / "data", posts)
            notes.append(
                f"{posts:,} stored posts: {size_mb:,.0f} MB, made in {time.monotonic() - began:.0f} s"
            )
            print(notes[-1], file=sys.stderr, flush=True)
            found.append((posts, await in_process(Path(name) / "data", options.captures)))
    first, last = found[0], found[-1]
    kept = [row["kept"] >= 4 * row["each"] for _, row in found]
    name = f"a capture beside {last[0]:,} stored posts costs, beside {first[0]:,}"
    figures = [
        Figure(f"{name} (processor)", cost(last[1], 0) / cost(first[1], 0), CAPTURE_RATIO, "at most"),
        Figure(f"{name} (wall)", cost(last[1], 1) / cost(first[1], 1), CAPTURE_RATIO, "at most"),
        Figure("stores in which every capture has its verdict", sum(kept), len(found), "equal"),
    ]
    for posts, row in found:
        figures += _told(posts, row)
    notes.append("the old posts have no files, so the comparison of rows with files at the start is left out")
    return figures, notes


def cost(row: dict[str, Any], which: int) -> float:
    """Median over the turns of seconds per capture; which: 0 processor, 1 wall."""
    return float(statistics.median(turn[which] for turn in row["turns"])) / int(row["each"])


def _told(posts: int, row: dict[str, Any]) -> tuple[Figure, ...]:
    beside = f"beside {posts:,} stored posts"
    return (
        Figure(f"processor per capture {beside}", 1e3 * cost(row, 0), unit="ms"),
        Figure(f"wall per capture {beside}", 1e3 * cost(row, 1), unit="ms", note="eight at a time"),
        Figure(f"resident memory {beside}", row["memory"] / 1e6, unit="MB"),
        Figure(f"opened {beside}", row["opened_s"], unit="s"),
        Figure(f"log searched for an event that is not there {beside}", row["searched_s"], unit="s"),
        Figure(
            f"index of pictures filled {beside}",
            row["filled_s"],
            unit="s",
            note=f"{row['pictures']:,} pictures",
        ),
    )


async def in_process(folder: Path, count: int) -> dict[str, Any]:
    """`_captures` in a process of its own."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench._captures",
        str(folder),
        str(count),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(CAPTURES_S):
            answer, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return dict(json.loads(answer.splitlines()[-1]))
