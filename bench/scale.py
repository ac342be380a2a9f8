"""Ten thousand targets on hundreds of hosts at 30 s with storage and hashing on: cost, lateness, capture.

The sites run in a process of their own on loopback addresses and say themselves when each
target was polled and each post and picture first had. A post lives twice the interval, so
every one of them can be captured whole. First each target's standing post is captured; the
figures are taken when nothing of that waits any more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from bench._crowd import host_of
from bench._daemon import HEAD, always, cpu_s, memory_mb, program, stop
from bench.figures import Figure, Result
from bench.thousand import free_port

NAME = "scale"
SUMMARY = "10,000 targets on 500 hosts at 30 s, storage and hashing on: cores, memory, lateness, capture"
TARGET = "nightjar_poll_lateness_seconds_bucket"
HOST = '\n[hosts."{host}"]\nrequests_per_s = 10\nconcurrency = 2\n'
SETTLE_S = 900.0
"""The first captures may take so long at most."""
ASKED_S = aiohttp.ClientTimeout(total=20.0)
REPORT_S = aiohttp.ClientTimeout(total=300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen of the daemon at one instant (machine monotonic seconds)."""

    at_s: float
    cpu_s: float
    children_cpu_s: float
    buckets: dict[float, float]


async def run(args: list[str]) -> Result:
    """Watch `--targets` on `--hosts` for `--minutes` after the first captures are done."""
    options = _options(args)
    port, metrics = free_port(), free_port()
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        config = Path(name) / "config.toml"
        config.write_text(configured(options, port, metrics))
        words = [options.targets, options.hosts, port, options.posts_per_s, 2 * options.interval]
        async with program("bench._throng", *map(str, words)) as sites:
            assert sites.stdout is not None
            await asyncio.wait_for(sites.stdout.readline(), 60)
            log = Path(name) / "log"
            async with daemon_of(config, log) as daemon:
                settled_s = await settled(daemon, metrics, options)
                before = await sample(daemon.pid, metrics)
                await asyncio.sleep(60 * options.minutes)
                after = await sample(daemon.pid, metrics)
                peak = memory_mb(daemon.pid)
                report = await ask(f"http://{host_of(0, options.hosts)}:{port}/report")
                code = await stop(daemon, 30)
    figures = (
        *costs(before, after, peak),
        *lateness(before, after),
        *captured(report, before.at_s, after.at_s, options.interval),
        Figure("seconds until the first captures were done", settled_s, unit="s"),
        Figure("exit code after SIGTERM", code, 0, "equal"),
    )
    return Result(figures, (f"served: {report['served']}", "the cores of page and picture workers are apart"))


def _options(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench scale")
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--hosts", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--interval", type=float, default=30.0)
    parser.add_argument("--posts-per-s", type=float, default=20.0)
    return parser.parse_args(args)


def configured(options: argparse.Namespace, port: int, metrics: int) -> str:
    """The configuration: one target each, and hosts that may be asked as often as they are."""
    head = HEAD.format(workers=1).replace('metrics = ""', f'metrics = "127.0.0.1:{metrics}"')
    hosts = [HOST.format(host=host_of(n, options.hosts)) for n in range(options.hosts)]
    interval, more = f"{options.interval:g}s", "vigil_sample = 0.0"
    if options.interval < 5:
        more += "\nallow_fast = true"
    targets = [
        always(f"t{n}", f"http://{host_of(n, options.hosts)}:{port}/t/{n}", interval=interval, more=more)
        for n in range(options.targets)
    ]
    return head + "".join(hosts) + "".join(targets)


@asynccontextmanager
async def daemon_of(config: Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The daemon; when something fails the end of its log is shown."""
    async with program("bot.cli", "run", "--config", str(config), log=log) as daemon:
        try:
            yield daemon
        except BaseException:
            print(tail(log), file=sys.stderr)
            raise


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text().splitlines()[-20:])


async def settled(daemon: asyncio.subprocess.Process, metrics: int, options: argparse.Namespace) -> float:
    """Seconds until every target was polled and no capture or verdict waits; at most `SETTLE_S`."""
    began = time.monotonic()
    while (spent := time.monotonic() - began) < SETTLE_S:
        await asyncio.sleep(2)
        if daemon.returncode is not None:
            raise RuntimeError(f"the daemon ended with {daemon.returncode}")
        try:
            series = await scrape(metrics)
        except (aiohttp.ClientError, TimeoutError):
            continue
        waiting = sum(series.get(f'nightjar_queue_depth{{queue="{q}"}}', 0) for q in ("capture", "judging"))
        first = series.get('nightjar_captures_total{observation="seen"}', 0) >= options.targets
        if first and waiting < 20 and spent > 2 * options.interval:
            break
    return spent


async def sample(pid: int, metrics: int) -> Sample:
    """The daemon now."""
    buckets = {
        float(key.partition('le="')[2].rstrip('"}')): value
        for key, value in (await scrape(metrics)).items()
        if key.startswith(TARGET)
    }
    spent = sum(cpu_s(child) for child in children(pid))
    return Sample(at_s=time.monotonic(), cpu_s=cpu_s(pid), children_cpu_s=spent, buckets=buckets)


async def scrape(port: int) -> dict[str, float]:
    """The daemon's own metrics."""
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession(timeout=ASKED_S) as session, session.get(url) as answer:
        lines = [line for line in (await answer.text()).splitlines() if line and not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


async def ask(url: str) -> dict[str, Any]:
    """The sites' own report."""
    async with aiohttp.ClientSession(timeout=REPORT_S) as session, session.get(url) as answer:
        return dict(json.loads(await answer.read()))


def children(pid: int) -> list[int]:
    """Processes that `pid` started and that live."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def costs(before: Sample, after: Sample, memory: tuple[float, float]) -> tuple[Figure, ...]:
    """Cores and memory of the daemon."""
    span = after.at_s - before.at_s
    return (
        Figure("cores of the daemon", (after.cpu_s - before.cpu_s) / span, 0.6, "at most"),
        Figure("cores of its workers", max(0.0, after.children_cpu_s - before.children_cpu_s) / span),
        Figure("resident memory of the daemon", memory[0], 300, "at most", "MB"),
        Figure("peak memory of the daemon", memory[1], unit="MB"),
        Figure("load of the machine", os.getloadavg()[0]),
    )


def lateness(before: Sample, after: Sample) -> tuple[Figure, ...]:
    """How late polls began, from the daemon's histogram: the bound below which 99 % of them lie."""
    counts = sorted((bound, n - before.buckets.get(bound, 0.0)) for bound, n in after.buckets.items())
    polls = counts[-1][1] if counts else 0.0
    p99 = next((bound for bound, n in counts if polls and n >= 0.99 * polls), math.nan)
    return (
        Figure("start lateness p99, at most", p99 * 1_000, 100, "at most", "ms", "bound of a bucket"),
        Figure("polls per second", polls / (after.at_s - before.at_s)),
    )


def captured(report: dict[str, Any], begin_s: float, end_s: float, interval_s: float) -> tuple[Figure, ...]:
    """Share of the posts that lived and died meanwhile whose picture was had, and the evenness of polls."""
    gone = [p for p in report["posts"] if p[1] is not None and begin_s <= p[0] and p[1] <= end_s]
    whole = sum(page is not None and picture is not None for _, _, page, picture in gone)
    waits = sorted(p[3] - p[0] for p in gone if p[3] is not None)
    polls = [[at for at in times if begin_s <= at <= end_s] for times in report["polls"]]
    spans = [b - a for times in polls for a, b in pairwise(times)]
    seconds = [0] * max(1, int(end_s - begin_s))
    for at in (at for times in polls for at in times):
        if (second := int(at - begin_s)) < len(seconds):
            seconds[second] += 1
    mean = sum(seconds) / len(seconds)
    kept = sum(abs(span - interval_s) <= interval_s / 10 for span in spans)
    return (
        Figure("posts captured with their picture", whole / len(gone) if gone else math.nan, 0.995),
        Figure("posts that came and went", len(gone)),
        Figure(
            "from birth to picture had, p99", waits[int(len(waits) * 0.99)] if waits else math.nan, unit="s"
        ),
        Figure("interval kept within a tenth", kept / max(1, len(spans)) * 100, 99.0, "at least", "%"),
        Figure("busiest second against the mean", max(seconds) / mean if mean else math.nan, 1.1, "at most"),
    )
