"""What a start and two bad hosts cost everybody else: evenness of polls, lateness of the others.

    start    10,000 targets from an empty store, and again after a stop: every target is polled
             within its interval, and no second has more than a tenth more polls than the mean, nor
             more requests when each host's robots.txt counts
    trouble  of 500 hosts one falls silent and another one answers a byte a second; that is
             switched on and off in turns, and the lateness of polls of the others compared, and
             before that on virtual time, where no other work of the machine comes between

All times are the sites' own record. A poll's due time is its target's own grid: the earliest
that it ever came after a whole number of intervals. Compared is the lateness p99 of a usual second,
the median over the seconds of a stretch: what else the machine did in a few of them is no host's doing.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench import _ill_hosts
from bench._asking import UnansweredError
from bench._many import (
    SETTLE_S,
    Shape,
    Sites,
    daemon_of,
    machine,
    settled,
    sites_of,
    start,
    stopped,
    watching,
)
from bench._throng import DEAD, DRIPPING
from bench.figures import Figure, Result
from bench.thousand import free_port

NAME = "restart"
SUMMARY = "evenness of 10,000 targets at a start and a restart; one dead and one dripping host among 500"
REST_S = 5.0
"""After trouble begins or ends so much is left out: polls under way belong to what was before."""
NOTHING: dict[str, Any] = {"polls": [], "posts": [], "served": "the sites did not answer"}


async def run(args: list[str]) -> Result:
    """`--only start` or `--only trouble`; sizes as given."""
    options = _options(args)
    figures: tuple[Figure, ...] = ()
    if options.only in ("", "start"):
        shape = Shape(
            targets=options.targets,
            hosts=min(options.hosts, options.targets),
            interval_s=options.interval,
            posts_per_s=options.posts_per_s,
            life_s=2 * options.interval,
            standing=options.standing,
        )
        figures += await starts(shape)
    if options.only in ("", "trouble"):
        shape = Shape(
            targets=options.others,
            hosts=min(options.hosts, options.others),
            interval_s=10.0,
            posts_per_s=0.0,
            life_s=60.0,
            standing=options.standing,
        )
        figures += await asyncio.to_thread(on_virtual_time, shape.targets, shape.hosts)
        figures += await troubles(shape, options.rounds, options.seconds)
    return Result((*figures, machine()))


def _options(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench restart")
    parser.add_argument("--only", choices=("start", "trouble"), default="")
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--hosts", type=int, default=500)
    parser.add_argument("--interval", type=float, default=30.0)
    parser.add_argument("--posts-per-s", type=float, default=20.0)
    parser.add_argument(
        "--standing", type=float, default=0.1, help="share of targets with a post at the start"
    )
    parser.add_argument("--others", type=int, default=2_000, help="targets beside the hosts in trouble")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each stretch with or without trouble")
    return parser.parse_args(args)


async def starts(shape: Shape) -> tuple[Figure, ...]:
    """A start from an empty store, and another one when all is known."""
    metrics = free_port()
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        folder = Path(name)
        config = folder / "config.toml"
        async with sites_of(shape, folder) as sites:
            config.write_text(sites.configured(metrics))
            async with daemon_of(config, folder / "first", sites) as daemon:
                first_s = await watching(daemon, folder / "first")
                settled_s = await settled(daemon, metrics, shape)
                cold = await _told(sites)
                await stopped(daemon)
            async with daemon_of(config, folder / "second", sites) as daemon:
                second_s = await watching(daemon, folder / "second")
                await asyncio.sleep(max(2 * shape.interval_s, 10.0) + 1)
                warm = await _told(sites)
                code = await stopped(daemon)
    return (
        *start(cold, first_s, shape, "start"),
        Figure("seconds until the first captures were done", settled_s, SETTLE_S, "at most", "s"),
        *start(warm, second_s, shape, "restart"),
        Figure("exit code after SIGTERM", code, 0, "equal"),
    )


async def _told(sites: Sites) -> dict[str, Any]:
    try:
        return await sites.report()
    except UnansweredError:
        return NOTHING


def on_virtual_time(targets: int, hosts: int) -> tuple[Figure, ...]:
    """The same with the true scheduler and sites from memory: a host in trouble costs the others nothing."""
    well, ill = (_ill_hosts.lateness_p99(targets, hosts, ill=ill) for ill in (False, True))
    note = f"{well * 1_000:.1f} and {ill * 1_000:.1f} ms"
    name = "lateness p99 of the others with trouble against without, on virtual time"
    return (Figure(name, ill / well if well else math.nan, 1.1, "at most", note=note),)


async def troubles(shape: Shape, rounds: int, seconds: float) -> tuple[Figure, ...]:
    """Stretches without and with trouble in turns; the lateness of all hosts that have none."""
    metrics, stretches = free_port(), list[tuple[float, float]]()
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        folder = Path(name)
        config = folder / "config.toml"
        async with sites_of(shape, folder) as sites:
            config.write_text(sites.configured(metrics))
            async with daemon_of(config, folder / "log", sites) as daemon:
                await settled(daemon, metrics, shape)
                for number in range(2 * rounds):
                    await sites.trouble(on=bool(number % 2))
                    await asyncio.sleep(REST_S)
                    began_s = time.monotonic()
                    await asyncio.sleep(seconds)
                    stretches.append((began_s, time.monotonic()))
                told = await _told(sites)
                await stopped(daemon)
    # The start plans each target anew, so that its first polls need not stand on its later grid.
    polls = [
        [at for at in times if at >= stretches[0][0]]
        for n, times in enumerate(told["polls"])
        if n % shape.hosts not in (DEAD, DRIPPING)
    ]
    polls = [times for times in polls if times]
    late = [
        (at, late_s)
        for times in polls
        for at, late_s in zip(times, lags(times, shape.interval_s), strict=True)
    ]
    p99 = [usual_p99(late, begin_s, end_s) for begin_s, end_s in stretches]
    bad = [
        sum(s[0] <= at <= s[1] for s in stretches[1::2] for at in told["polls"][n])
        for n in (DEAD, DRIPPING)
        if told["polls"]
    ]
    each = ", ".join(f"{late_s * 1_000:.0f}" for late_s in p99)
    return (
        Figure(
            "lateness p99 of the others with trouble against without",
            change(p99),
            1.1,
            "at most",
            note=f"ms by turns: {each}",
        ),
        Figure("lateness p99 of the others without trouble", median(p99[::2]) * 1_000, unit="ms"),
        Figure("lateness p99 of the others with trouble", median(p99[1::2]) * 1_000, unit="ms"),
        Figure("polls counted of the others", len(late)),
        Figure("polls of the hosts in trouble meanwhile", sum(bad)),
    )


def lags(times: Sequence[float], interval_s: float) -> list[float]:
    """How much later than its target's grid each poll came: the earliest ever is in time.

    One that came over half an interval late is that, and not early: nothing is polled before its due time.
    """
    usual_s = median(_shift(at - times[0], interval_s, interval_s / 2) for at in times)
    shifts = [_shift(at - times[0] - usual_s, interval_s, interval_s / 4) for at in times]
    return [shift - min(shifts) for shift in shifts]


def _shift(span_s: float, interval_s: float, early_s: float) -> float:
    """What is over whole intervals in a span, at least -early_s."""
    return (span_s + early_s) % interval_s - early_s


def change(p99: Sequence[float]) -> float:
    """The median over pairs of a stretch without and one with trouble; NaN when one had no polls."""
    ratios = [bad / good for good, bad in zip(p99[::2], p99[1::2], strict=True) if good > 0]
    return median(ratios) if ratios and not any(map(math.isnan, ratios)) else math.nan


def usual_p99(late: Sequence[tuple[float, float]], begin_s: float, end_s: float) -> float:
    """Of polls as (when, how late): the p99 of each whole second, of these the median; NaN without any."""
    seconds: list[list[float]] = [[] for _ in range(int(end_s - begin_s))]
    for at, late_s in late:
        if 0 <= (second := int(at - begin_s)) < len(seconds):
            seconds[second].append(late_s)
    found = [_p99(second) for second in seconds if second]
    return median(found) if found else math.nan


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)] if values else math.nan
