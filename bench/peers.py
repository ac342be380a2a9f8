"""The same feeds watched by us, by changedetection.io and by urlwatch, one after another on this machine.

The peers come from the package index into environments of their own, at their tightest
settings. One server process (`_square.py`) serves all: a third of the feeds answers 304, a
third unchanged 200s, a third changed 200s; new posts appear everywhere. Ours is the whole
daemon: each new post is captured with page and picture, sealed, judged and told, its
deletion watched for; the peers compare text and tell. First all watch the same set, while
nothing appears (polls per processor second, memory) and while posts appear; then the peers
watch a twentieth of it, for how soon they tell of a post.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bench import _watchers
from bench._crowd import host_of
from bench._daemon import program
from bench._square import OLD
from bench._third_party import Program, environment
from bench._watchers import CHANGEDETECTION, URLWATCH, Running
from bench.figures import Figure, Result, WrongUseError
from bench.thousand import free_port

NAME = "peers"
SUMMARY = "the same feeds watched by changedetection.io and urlwatch: polls per CPU second, memory, delay"
WARM_S = 300.0
SETTLE_S, SETTLE_STEP_S, BEHIND_S = 60.0, 10.0, 240.0
INTERVAL_S = 0.7
"""Ours: the tightest for 1,000 feeds at 1,500 requests a second to all hosts (`throttle.OVERALL`)."""
GRACE_S = 10.0
MORE_TARGETS = 20
"""As many times the peers' targets we watch where delays are compared."""
Start = Callable[[Path, list[str], str], AbstractAsyncContextManager[Running]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One stretch of time. latencies_s: of the posts that were told, from appearance to alert."""

    seconds: float
    polls: dict[str, int]
    cpu_s: float
    latencies_s: tuple[float, ...] = ()
    untold: int = 0

    @property
    def polls_per_cpu_s(self) -> float:
        """What a second of processor time buys."""
        return sum(self.polls.values()) / self.cpu_s if self.cpu_s else float("nan")

    def told(self) -> str:
        """In a few words."""
        rate, cores = sum(self.polls.values()) / self.seconds, self.cpu_s / self.seconds
        answers = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.polls.items()))
        return f"{rate:.1f} polls/s on {cores:.2f} cores ({answers})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One program on one set of feeds. memory_mb: resident at the end, of urlwatch at most.

    still: while nothing appears, None when that was not asked for; busy: while posts appear.
    """

    name: str
    targets: int
    memory_mb: float
    still: Span | None
    busy: Span

    @property
    def p50_s(self) -> float:
        """From the appearance of a post to its alert; NaN when none was told."""
        return statistics.median(self.busy.latencies_s) if self.busy.latencies_s else float("nan")

    @property
    def polls_per_cpu_s(self) -> float:
        """While nothing appears."""
        return self.still.polls_per_cpu_s if self.still else float("nan")

    def told(self) -> str:
        """In one line."""
        still = f"still: {self.still.told()}; " if self.still else ""
        told = f"{len(self.busy.latencies_s)} posts told (p50 {self.p50_s:.2f} s), {self.busy.untold} not"
        return (
            f"{self.name}, {self.targets:,} feeds: {still}with posts: {self.busy.told()}, {told}, "
            f"{self.memory_mb:.0f} MB"
        )


async def run(args: list[str]) -> Result:
    """Eight stretches of `--seconds` and what each program takes to warm up: about seven minutes."""
    parser = argparse.ArgumentParser(prog="./nightjar bench peers")
    parser.add_argument("--targets", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--interval", type=float, default=INTERVAL_S, help="ours, in seconds")
    parser.add_argument("--rate", type=float, default=1.0, help="new posts a second, over all feeds")
    parser.add_argument("--environments", type=Path, help="a folder of environments, kept for the next run")
    options = parser.parse_args(args)
    few = max(1, options.targets // MORE_TARGETS)
    measure = partial(sample, seconds=options.seconds, rate=options.rate)
    notes: list[str] = []
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        starts = await peers(options.environments or Path(name), notes)
        own = partial(_watchers.nightjar, interval_s=options.interval)
        ours = await measure("nightjar", own, targets=options.targets)
        full = await of_peers(starts, partial(measure, targets=options.targets), notes)
        fewer = await of_peers(starts, partial(measure, targets=few, still=False), notes)
    notes += [one.told() for one in (ours, *full.values(), *fewer.values())]
    return Result(figures(ours, full, fewer), (*notes, *what_it_means(options.interval)))


async def peers(folder: Path, notes: list[str]) -> dict[str, Start]:
    """How each peer is started. One that cannot be installed is left out, which a note says."""
    made: dict[str, Start] = {}
    for peer in (CHANGEDETECTION, URLWATCH):
        try:
            python = await asyncio.to_thread(installed, peer, folder)
        except WrongUseError as error:
            notes.append(f"NOT COMPARED: {error}")
            continue
        if peer is URLWATCH:
            made[peer.name] = partial(_watchers.urlwatch, python)
        else:
            made[peer.name] = partial(_watchers.changedetection, python, port=free_port())
    return made


def installed(peer: Program, folder: Path) -> Path:
    """Its Python, in an environment of its own below `folder`. Raises WrongUseError."""
    place = folder / peer.name
    place.mkdir(parents=True, exist_ok=True)
    mark = place / "installed"  # so that one that was broken off is not taken for whole
    python = environment(peer, place, place / "venv" if mark.exists() else None)
    mark.touch()
    return python


async def of_peers(
    starts: dict[str, Start], measure: Callable[[str, Start], Awaitable[Sample]], notes: list[str]
) -> dict[str, Sample]:
    """One sample each. One that does not get to work is left out, which a note says."""
    found = {}
    for name, start in starts.items():
        try:
            found[name] = await measure(name, start)
        except (WrongUseError, RuntimeError, OSError) as error:
            notes.append(f"NOT COMPARED: {name}: {error}")
    return found


async def sample(
    name: str, start: Start, *, targets: int, seconds: float, rate: float, still: bool = True
) -> Sample:
    """Start a program on new feeds, let it get to know them, and measure for `seconds` or twice that."""
    port, hosts = free_port(), min(250, targets)
    addresses = [f"http://{host_of(n, hosts)}:{port}/f/{n}" for n in range(targets)]
    here = f"http://127.0.0.1:{port}"
    print(f"{name} on {targets:,} feeds", file=sys.stderr)
    with TemporaryDirectory(prefix="nightjar-bench-") as folder:
        async with program("bench._square", str(targets), str(port)) as site, aiohttp.ClientSession() as ask:
            assert site.stdout is not None
            await asyncio.wait_for(site.stdout.readline(), 30)
            async with start(Path(folder), addresses, f"{here}/told") as running:
                await warmed(ask, here, targets * OLD if name == "nightjar" else 0)
                await settled(running)
                quiet = await stretch(ask, here, running, seconds, 0.0) if still else None
                busy = await stretch(ask, here, running, seconds, rate)
                memory_mb = running.memory_mb()
    return Sample(name=name, targets=targets, memory_mb=memory_mb, still=quiet, busy=busy)


async def stretch(
    ask: aiohttp.ClientSession, here: str, running: Running, seconds: float, rate: float
) -> Span:
    """What happens in `seconds` while `rate` posts a second appear."""
    await running.rest()
    await (await ask.get(f"{here}/begin?rate={rate}")).read()
    before = running.cpu_s()
    await asyncio.sleep(seconds)
    await running.rest()
    used = running.cpu_s() - before
    told = await (await ask.get(f"{here}/report?grace={GRACE_S}")).json()
    return Span(
        seconds=told["seconds"],
        polls=told["polls"],
        cpu_s=used,
        latencies_s=tuple(told["latencies_s"]),
        untold=told["untold"],
    )


async def warmed(ask: aiohttp.ClientSession, here: str, pages: int) -> None:
    """Until every feed was polled twice and `pages` posts were fetched. Raises RuntimeError after minutes."""
    began = time.monotonic()
    while time.monotonic() - began < WARM_S:
        told = await (await ask.get(f"{here}/report?grace=0")).json()
        if told["least_polls"] >= 2 and told["pages"] >= pages:
            return
        await asyncio.sleep(1.0)
    raise RuntimeError(f"not at work after {WARM_S:.0f} s: {told}")


async def settled(running: Running) -> None:
    """Until what the start left to be done is done: nothing to be judged, no less processor time than before.

    Minutes at most. Raises RuntimeError when it is still behind.
    """
    until = time.monotonic() + BEHIND_S
    while (left := await running.behind()) and time.monotonic() < until:  # noqa: ASYNC110  another process
        await asyncio.sleep(SETTLE_STEP_S)
    if left:
        raise RuntimeError(f"{left} posts are not judged after {BEHIND_S:.0f} s")
    last_s = float("inf")
    for _ in range(int(SETTLE_S / SETTLE_STEP_S)):
        before = running.cpu_s()
        await asyncio.sleep(SETTLE_STEP_S)
        used_s = running.cpu_s() - before
        if used_s > 0.9 * last_s:
            return
        last_s = used_s


def figures(ours: Sample, full: dict[str, Sample], fewer: dict[str, Sample]) -> tuple[Figure, ...]:
    """Beside what is promised; NaN, and so short, where a peer is missing."""
    nan = float("nan")

    def against(peer: Program) -> float:
        found = full.get(peer.name)
        return ours.polls_per_cpu_s / found.polls_per_cpu_s if found else nan

    least_mb = min((one.memory_mb for one in full.values()), default=nan) if len(full) == 2 else nan
    soonest_s = min((one.p50_s for one in fewer.values()), default=nan) if len(fewer) == 2 else nan
    shown = [ours, *full.values()]
    return (
        Figure("polls per CPU second against changedetection.io", against(CHANGEDETECTION), 50),
        Figure("polls per CPU second against urlwatch", against(URLWATCH), 20),
        Figure("memory against the smaller of both", ours.memory_mb / least_mb, 1.0, "at most"),
        Figure(
            "p50 from appearance to alert against the sooner of both",
            ours.p50_s / soonest_s,
            0.5,
            "at most",
            note=f"ours with {MORE_TARGETS} times the targets",
        ),
        *(Figure(f"{one.name}: polls per CPU second", one.polls_per_cpu_s) for one in shown),
        *(Figure(f"{one.name}: the same while posts appear", one.busy.polls_per_cpu_s) for one in shown),
        *(Figure(f"{one.name}: memory", one.memory_mb, unit="MB") for one in shown),
        *(
            Figure(
                f"{one.name}: p50 from appearance to alert",
                one.p50_s,
                unit="s",
                note=f"{one.targets:,} feeds",
            )
            for one in (ours, *fewer.values())
        ),
        Figure("ours: posts not told", ours.busy.untold, 0, "equal"),
    )


def what_it_means(interval_s: float) -> tuple[str, ...]:
    """What a reader must know to judge the figures."""
    workers = f"changedetection.io every second with {_watchers.WORKERS} workers"
    return (
        f"ours polls every {interval_s:g} s, {workers}, urlwatch pass after pass",
        "feeds of 24 KB: a third with ETag, a third without, a third with other bytes at each poll",
        "while posts appear our processor time holds captures with page and picture, seals, verdicts, vigil",
        f"versions: {CHANGEDETECTION.packages[0]}, {URLWATCH.packages[0]}",
    )
