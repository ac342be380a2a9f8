"""A real daemon over very many small sites (`_throng`), and what both say of it; for benches.

Cores and memory come from /proc, lateness from the daemon's histogram, everything else from
the sites' own record: when each target was polled, and when each post and its picture was had.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench._asking import UnansweredError, report, scrape
from bench._crowd import host_of
from bench._daemon import HEAD, always, cpu_s, program, stop
from bench._tls import certify
from bench.figures import Figure
from bench.thousand import free_port
from watchers.firsts import least_span_s

LATENESS = "nightjar_poll_lateness_seconds_bucket"
UNMODIFIED = 'nightjar_requests_total{outcome="not_modified"}'
SEEN = 'nightjar_captures_total{observation="seen"}'
HOST = '\n[hosts."{host}"]\nrequests_per_s = {per_s:g}\nconcurrency = {places}\n'
SETTLE_S = 900.0
"""The first captures may take so long at most."""
_WATCHING = re.compile(r'"event": "watching".*"at": "([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is watched: so many targets on so many hosts, polled every `interval_s` seconds.

    standing: share of the targets that show a post from the start to the end.
    """

    targets: int
    hosts: int
    interval_s: float
    posts_per_s: float
    life_s: float
    tls: bool = False
    standing: float = 1.0
    per_s: float = 10.0
    places: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen of the daemon at one instant (machine monotonic seconds).

    unmodified: answers 304 so far.
    """

    at_s: float
    cpu_s: float
    children_cpu_s: float
    buckets: dict[float, float]
    unmodified: float = 0.0

    @property
    def polls(self) -> float:
        """Polls so far."""
        return max(self.buckets.values(), default=0.0)


class Sites:
    """The sites and whoever asks them for their record."""

    def __init__(self, shape: Shape, port: int, control: int, trusted: Path | None) -> None:
        self.shape, self.port, self._control = shape, port, control
        self.trusted = trusted

    async def report(self) -> dict[str, Any]:
        """Polls and posts. Raises UnansweredError."""
        return await report(f"http://127.0.0.1:{self._control}/report")

    async def trouble(self, *, on: bool) -> None:
        """One host falls silent, and one drips; or they are well again."""
        url = f"http://127.0.0.1:{self._control}/trouble?on={on:d}"
        await report(url)

    def configured(self, metrics: int) -> str:
        """The configuration: one target each, and hosts that may be asked as often as they are."""
        shape, scheme = self.shape, "https" if self.shape.tls else "http"
        head = HEAD.format(workers=1).replace('metrics = ""', f'metrics = "127.0.0.1:{metrics}"')
        names = [host_of(n, shape.hosts) for n in range(shape.hosts)]
        hosts = [HOST.format(host=name, per_s=shape.per_s, places=shape.places) for name in names]
        more = "vigil_sample = 0.0" + ("\nallow_fast = true" if shape.interval_s < 5 else "")
        targets = [
            always(
                f"t{n}",
                f"{scheme}://{names[n % shape.hosts]}:{self.port}/t/{n}",
                interval=f"{shape.interval_s:g}s",
                more=more,
            )
            for n in range(shape.targets)
        ]
        return head + "".join(hosts) + "".join(targets)


@asynccontextmanager
async def sites_of(shape: Shape, folder: Path) -> AsyncIterator[Sites]:
    """The sites in a process of their own."""
    port, control = free_port(), free_port()
    words = [*map(str, (shape.targets, shape.hosts, port, shape.posts_per_s, shape.life_s))]
    words += ["--control", str(control), "--standing", str(shape.standing)]
    trusted = None
    if shape.tls:
        trusted, served = certify(folder, (host_of(n, shape.hosts) for n in range(shape.hosts)))
        words += ["--tls", str(served)]
    async with program("bench._throng", *words, log=folder / "sites.log") as sites:
        assert sites.stdout is not None
        if not await asyncio.wait_for(sites.stdout.readline(), 60):
            raise RuntimeError(f"the sites did not start: {tail(folder / 'sites.log')}")
        yield Sites(shape, port, control, trusted)


@asynccontextmanager
async def daemon_of(config: Path, log: Path, sites: Sites) -> AsyncIterator[asyncio.subprocess.Process]:
    """The daemon; when something fails the end of its log is shown."""
    trust = {"SSL_CERT_FILE": str(sites.trusted)} if sites.trusted is not None else {}
    async with program("bot.cli", "run", "--config", str(config), log=log, environment=trust) as daemon:
        try:
            yield daemon
        except BaseException:
            print(tail(log), file=sys.stderr)
            raise


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text().splitlines()[-20:])


async def watching(daemon: asyncio.subprocess.Process, log: Path, within_s: float = 120.0) -> float:
    """Machine monotonic seconds at which the daemon last said that it watches."""
    for _ in range(int(within_s * 10)):
        said = _said(log)
        if said is not None:
            return time.monotonic() - (time.time() - said)
        if daemon.returncode is not None:
            break
        await asyncio.sleep(0.1)
    raise RuntimeError(f"the daemon did not start: {tail(log)}")


def _said(log: Path) -> float | None:
    """Unix seconds of that line."""
    found = _WATCHING.findall(log.read_text()) if log.exists() else []
    return datetime.fromisoformat(found[-1]).timestamp() if found else None


async def settled(daemon: asyncio.subprocess.Process, metrics: int, shape: Shape) -> float:
    """Seconds until every target was polled and no capture or verdict waits; at most `SETTLE_S`."""
    began = time.monotonic()
    while (spent := time.monotonic() - began) < SETTLE_S:
        await asyncio.sleep(2)
        if daemon.returncode is not None:
            raise RuntimeError(f"the daemon ended with {daemon.returncode}")
        try:
            series = await scrape(metrics)
        except UnansweredError:
            continue
        waiting = sum(series.get(f'nightjar_queue_depth{{queue="{q}"}}', 0) for q in ("capture", "judging"))
        if (
            series.get(SEEN, 0) >= shape.targets * shape.standing
            and waiting < 20
            and spent > 2 * shape.interval_s
        ):
            break
    return spent


async def stopped(daemon: asyncio.subprocess.Process) -> float:
    """Its exit code after SIGTERM; NaN when it does not end."""
    try:
        return float(await stop(daemon, 30))
    except TimeoutError:
        return math.nan


async def sample(pid: int, metrics: int) -> Sample:
    """The daemon now; without its histogram when it does not answer."""
    try:
        series = await scrape(metrics)
    except UnansweredError:
        series = {}
    buckets = {
        float(key.partition('le="')[2].rstrip('"}')): value
        for key, value in series.items()
        if key.startswith(LATENESS)
    }
    spent = sum(cpu_s(child) for child in children(pid))
    return Sample(
        at_s=time.monotonic(),
        cpu_s=cpu_s(pid),
        children_cpu_s=spent,
        buckets=buckets,
        unmodified=series.get(UNMODIFIED, 0.0),
    )


def children(pid: int) -> list[int]:
    """Processes that `pid` started and that live."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def cores(before: Sample, after: Sample) -> tuple[float, float]:
    """Cores of the daemon, and of its workers."""
    span = after.at_s - before.at_s
    own = (after.cpu_s - before.cpu_s) / span
    return own, max(0.0, after.children_cpu_s - before.children_cpu_s) / span


def machine() -> Figure:
    """How busy the machine is."""
    return Figure("load of the machine", os.getloadavg()[0])


def lateness(before: Sample, after: Sample) -> tuple[Figure, ...]:
    """How late polls began, from the daemon's histogram: the bound below which 99 % of them lie."""
    counts = sorted((bound, n - before.buckets.get(bound, 0.0)) for bound, n in after.buckets.items())
    polls = counts[-1][1] if counts and before.buckets else 0.0
    p99 = next((bound for bound, n in counts if polls > 0 and n >= 0.99 * polls), math.nan)
    return (
        Figure("start lateness p99, at most", p99 * 1_000, 100, "at most", "ms", "bound of a bucket"),
        Figure("polls per second", polls / (after.at_s - before.at_s)),
    )


# --- what the sites recorded ---------------------------------------------------------------


def captured(told: dict[str, Any], begin_s: float, end_s: float) -> tuple[float, int, float]:
    """(share had with page and picture, posts that lived and died meanwhile, seconds to the picture, p99)."""
    gone = [p for p in told["posts"] if p[1] is not None and begin_s <= p[0] and p[1] <= end_s]
    whole = sum(page is not None and picture is not None for _, _, page, picture in gone)
    waits = sorted(p[3] - p[0] for p in gone if p[3] is not None)
    p99 = waits[int(len(waits) * 0.99)] if waits else math.nan
    return (whole / len(gone) if gone else math.nan), len(gone), p99


def from_poll(told: dict[str, Any], begin_s: float, end_s: float) -> tuple[float, float]:
    """Seconds from the first poll of a listing that shows a post to its picture: (median, p99)."""
    waits = []
    for target, (born_s, _, _, picture_s) in zip(told.get("owners", ()), told["posts"], strict=False):
        if picture_s is None or not begin_s <= born_s <= picture_s <= end_s:
            continue
        first = bisect_left(told["polls"][target], born_s)
        waits.append(picture_s - told["polls"][target][first])
    waits.sort()
    if not waits:
        return math.nan, math.nan
    return waits[len(waits) // 2], waits[int(len(waits) * 0.99)]


def polls_within(told: dict[str, Any], begin_s: float, end_s: float) -> list[list[float]]:
    """When each target was polled in that time."""
    return [[at for at in times if begin_s <= at <= end_s] for times in told["polls"]]


def kept_share(polls: Iterable[list[float]], interval_s: float) -> float:
    """Share of the spans between two polls of a target that are its interval within a tenth, in percent."""
    spans = [b - a for times in polls for a, b in pairwise(times)]
    kept = sum(abs(span - interval_s) <= interval_s / 10 for span in spans)
    return kept / max(1, len(spans)) * 100


def busiest(polls: Iterable[list[float]], begin_s: float, end_s: float) -> float:
    """Polls in the busiest whole second against the mean of all; NaN without any."""
    seconds = [0] * max(1, int(end_s - begin_s))
    for at in (at for times in polls for at in times):
        if 0 <= (second := int(at - begin_s)) < len(seconds):
            seconds[second] += 1
    mean = sum(seconds) / len(seconds)
    return max(seconds) / mean if mean else math.nan


def away(told: dict[str, Any], begin_s: float, end_s: float) -> str:
    """How long the sites' own program was late at most: what came meanwhile counts in a later second."""
    late = [late_s for at, late_s in told.get("away", ()) if begin_s <= at <= end_s]
    return f"the sites were late by {max(late, default=0.0) * 1_000:.0f} ms themselves"


def start(told: dict[str, Any], began_s: float, shape: Shape, which: str) -> tuple[Figure, ...]:
    """The first two intervals after the daemon said at `began_s` that it watches.

    A target is in time within its interval, or within what the start takes that meets so many hosts.
    """
    within_s = max(shape.interval_s, least_span_s(shape.hosts))
    end_s = began_s + max(2 * shape.interval_s, 10.0)
    firsts = [min((at for at in times if at >= began_s), default=math.inf) for times in told["polls"]]
    late = sum(first - began_s > within_s + 0.1 for first in firsts)
    polls = polls_within(told, began_s, end_s)
    robots = [at for at in told.get("robots", ()) if began_s <= at <= end_s]
    worst, whole = busiest(polls, began_s, end_s), busiest([*polls, robots], began_s, end_s)
    evenly = 1.1 if within_s == shape.interval_s else None
    return (
        Figure(
            f"targets not polled within their interval of the {which}",
            late,
            0,
            "equal",
            note=f"{within_s:g} s, the last after {max(firsts, default=math.inf) - began_s:.1f} s",
        ),
        Figure(
            f"busiest second of the {which} against the mean",
            worst,
            evenly,
            "at most",
            note=away(told, began_s, end_s),
        ),
        Figure(
            f"the same with robots.txt of the {which}",
            whole,
            evenly if shape.hosts <= shape.targets / 20 else None,
            "at most",
            note=f"{len(robots)} times",
        ),
    )
