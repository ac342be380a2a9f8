"""Ten thousand targets on hundreds of hosts at 30 s with storage and hashing on: cost, lateness, capture.

Three modes, each with promises of its own:

    (none)   10,000 targets at 30 s; a post lives twice the interval, so every one can be had whole
    --tls    the same over TLS, and every connection is closed after its answer
    --fast   1,000 targets at 1 s whose posts live exactly one second

The sites run in a process of their own on loopback addresses and say themselves when each
target was polled and each post and picture first had. First each target's standing post is
captured from an empty store; the figures are taken when nothing of that waits any more.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench._asking import UnansweredError
from bench._daemon import memory_mb
from bench._many import (
    Sample,
    Shape,
    busiest,
    captured,
    cores,
    daemon_of,
    from_poll,
    kept_share,
    lateness,
    machine,
    polls_within,
    sample,
    settled,
    sites_of,
    start,
    stopped,
    watching,
)
from bench.figures import Figure, Result
from bench.thousand import free_port

NAME = "scale"
SUMMARY = "10,000 targets on 500 hosts at 30 s, storage and hashing on: cores, memory, lateness, capture"
FAST_PER_S, FAST_PLACES = 1_000.0, 8
"""Hosts let us ask so often: what is measured is this program, and not its patience."""


async def run(args: list[str]) -> Result:
    """Watch `--targets` on `--hosts` for `--minutes` after the first captures are done."""
    options = _options(args)
    shape, metrics = shape_of(options), free_port()
    told: dict[str, Any] = {}
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        folder = Path(name)
        config, log = folder / "config.toml", folder / "log"
        async with sites_of(shape, folder) as sites:
            config.write_text(sites.configured(metrics))
            async with daemon_of(config, log, sites) as daemon:
                began_s = await watching(daemon, log)
                settled_s = await settled(daemon, metrics, shape)
                before = await sample(daemon.pid, metrics)
                await asyncio.sleep(60 * options.minutes)
                after = await sample(daemon.pid, metrics)
                memory, load = memory_mb(daemon.pid), machine()
                code = await stopped(daemon)
            try:
                told = await sites.report()
            except UnansweredError:
                told = {"polls": [], "posts": [], "served": "the sites did not answer"}
    figures = (
        *costs(options, before, after, memory),
        load,
        *lateness(before, after),
        *seen_by_sites(told, before.at_s, after.at_s, shape, 0.98 if options.fast else 0.995),
        Figure("seconds until the first captures were done", settled_s, unit="s"),
        *start(told, began_s, shape, "start"),
        Figure("exit code after SIGTERM", code, 0, "equal"),
    )
    return Result(figures, (f"served: {told['served']}",))


def _options(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench scale")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--tls", action="store_true")
    mode.add_argument("--fast", action="store_true")
    parser.add_argument("--targets", type=int)
    parser.add_argument("--hosts", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--interval", type=float)
    parser.add_argument("--posts-per-s", type=float, default=20.0)
    parser.add_argument(
        "--standing", type=float, default=1.0, help="share of targets with a post at the start"
    )
    return parser.parse_args(args)


def shape_of(options: argparse.Namespace) -> Shape:
    """What the mode watches."""
    targets = options.targets or (1_000 if options.fast else 10_000)
    interval_s = options.interval or (1.0 if options.fast else 30.0)
    return Shape(
        targets=targets,
        hosts=min(options.hosts, targets),
        interval_s=interval_s,
        posts_per_s=options.posts_per_s,
        life_s=interval_s if options.fast else 2 * interval_s,
        tls=options.tls,
        standing=options.standing,
        per_s=FAST_PER_S if options.fast else 10.0,
        places=FAST_PLACES if options.fast else 2,
    )


def costs(
    options: argparse.Namespace, before: Sample, after: Sample, memory: tuple[float, float]
) -> tuple[Figure, ...]:
    """Cores and memory of the daemon."""
    own, workers = cores(before, after)
    return (
        Figure("cores of the daemon", own, None if options.tls or options.fast else 0.6, "at most"),
        Figure("cores of its workers", workers),
        Figure("cores of both", own + workers, 1.4 if options.tls else None, "at most"),
        Figure("resident memory of the daemon", memory[0], 300, "at most", "MB"),
        Figure("peak memory of the daemon", memory[1], unit="MB"),
    )


def seen_by_sites(
    told: dict[str, Any], begin_s: float, end_s: float, shape: Shape, least: float
) -> tuple[Figure, ...]:
    """Share of the posts that lived and died meanwhile whose picture was had, and the evenness of polls."""
    whole, posts, p99 = captured(told, begin_s, end_s)
    polls = polls_within(told, begin_s, end_s)
    median_s, slow_s = from_poll(told, begin_s, end_s)
    return (
        Figure("posts captured with their picture", whole, least),
        Figure("posts that came and went", posts),
        Figure("from birth to picture had, p99", p99, unit="s"),
        Figure("from the poll that shows a post to its picture, median", median_s * 1_000, unit="ms"),
        Figure("from the poll that shows a post to its picture, p99", slow_s * 1_000, unit="ms"),
        Figure("interval kept within a tenth", kept_share(polls, shape.interval_s), 99.0, "at least", "%"),
        Figure("busiest second against the mean", busiest(polls, begin_s, end_s), 1.1, "at most"),
    )
