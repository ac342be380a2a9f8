"""1,000 targets at 60 s in one process: whether the interval is kept, and what it costs.

The sites run in a process of their own on 250 loopback addresses and say themselves when
they were polled. Every target has three posts at the start and gets one more every five
minutes, with a page and a picture, so the whole path is at work.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bench._crowd import host_of
from bench._daemon import HEAD, always, cpu_s, memory_mb, program, stop
from bench.figures import Figure, Result

NAME = "thousand"
SUMMARY = "1,000 targets at 60 s on two cores: share of polls that keep the interval, memory, processor"
INTERVAL_S = 60.0
TOLERANCE = 0.1
"""A poll keeps its interval when it comes within a tenth of it."""


async def run(args: list[str]) -> Result:
    """Watch for the first round and `--rounds` more (default 4, five minutes in all)."""
    parser = argparse.ArgumentParser(prog="bench thousand")
    parser.add_argument("--targets", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args(args)
    port, hosts = free_port(), min(250, options.targets)
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        config = Path(name) / "config.toml"
        config.write_text(HEAD.format(workers=1) + "".join(stanzas(options.targets, hosts, port)))
        async with program("bench._crowd", str(options.targets), str(hosts), str(port)) as sites:
            assert sites.stdout is not None
            await asyncio.wait_for(sites.stdout.readline(), 30)
            log = Path(name) / "log"
            async with program("bot.cli", "run", "--config", str(config), log=log) as daemon:
                await asyncio.sleep(INTERVAL_S * 1.5)
                before = cpu_s(daemon.pid)
                await asyncio.sleep(INTERVAL_S * options.rounds)
                used = cpu_s(daemon.pid) - before
                peak = memory_mb(daemon.pid)[1]
                report = await ask(f"http://{host_of(0, hosts)}:{port}/report")
                code = await stop(daemon)
    return told(report, peak, used / (INTERVAL_S * options.rounds), code)


def stanzas(targets: int, hosts: int, port: int) -> list[str]:
    """One target each."""
    return [always(f"t{n}", f"http://{host_of(n, hosts)}:{port}/t/{n}") for n in range(targets)]


def free_port() -> int:
    """A port that is free now on every loopback address."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


async def ask(url: str) -> dict[str, dict[str, list[float]]]:
    """The sites' own report."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return dict(await answer.json())


def gaps(polls: dict[str, list[float]]) -> list[float]:
    """Seconds between polls of a target, without the first: it leads from the start into step."""
    return [b - a for times in polls.values() for a, b in pairwise(times[1:])]


def told(report: dict[str, dict[str, list[float]]], peak_mb: float, cores: float, code: int) -> Result:
    """The figures."""
    spans = gaps(report["polls"])
    kept = sum(abs(s - INTERVAL_S) <= INTERVAL_S * TOLERANCE for s in spans)
    missed = sum(len(times) < 3 for times in report["polls"].values())
    figures = (
        Figure("interval kept", kept / max(1, len(spans)) * 100, 99.0, "at least", "%"),
        Figure("polls counted", len(spans)),
        Figure("targets polled fewer than three times", missed, 0, "equal"),
        Figure("longest gap", max(spans, default=float("nan")), unit="s"),
        Figure("peak memory of the daemon", peak_mb, 300, "at most", "MB"),
        Figure("cores used after the first round", cores),
        Figure("exit code after SIGTERM", code, 0, "equal"),
    )
    return Result(figures, (f"served: {report['served']}", "picture worker's memory is apart"))
