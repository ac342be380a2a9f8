"""Hostile servers, one by one and all at once beside a good site that must keep its interval.

The servers run in a process of their own; memory is that of the fetching side alone. The
twelve cases of section 7 of the facts are figures of their own (`_alone`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from bench import _liars
from bench._alone import ADDRESSES, FACTS, target
from bench.figures import Figure, Result
from storage.clock import SystemClock
from storage.errors import FeedTrouble
from storage.model import Response
from tests.fakes.hostile import Case, cases
from watchers.fetch import Fetcher

NAME = "hostile"
SUMMARY = "endless, dripping, lying and exploding servers at once: named error, bounded time and memory"
INTERVAL_S = 0.1
LONGEST_S = 22.0
ALONE_MB = 16.0
ALONE_S = 180.0
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Watch:
    """What is seen while the servers are met."""

    rss_before: int = 0
    rss_peak: int = 0
    late_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    longest_s: float = 0.0


def run(args: list[str]) -> Result:
    """The hosts that break the protocol, then those that lie. `--minutes`: of the liars' virtual night."""
    parser = argparse.ArgumentParser(prog="./nightjar bench hostile")
    parser.add_argument("--minutes", type=float, default=120.0)
    options = parser.parse_args(args)
    # What the daemon says of the night belongs beside the figures, not among them.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    broken = asyncio.run(met())
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        found = _liars.play(Path(name), options.minutes)
    hidden = tuple(f"hidden by {one.name}: {', '.join(one.hidden)}" for one in found if one.hidden)
    night = f"the liars' night lasted {options.minutes:g} virtual minutes"
    return Result((*broken.figures, *_liars.figures(found)), (*broken.notes, night, *hidden))


async def met() -> Result:
    """Each case that does not wait on its own; then all of them at the same time."""
    known = cases()
    async with servers() as (ports, good_port):
        slow = {name for name, case in known.items() if case.by_time} - set(FACTS.values())
        each = await alone(known, ports, good_port, [name for name in known if name not in slow])
        watch = await crowd(known, ports, good_port)
    told_ = told(known, watch)
    return Result((*told_alone(each), *told_.figures), (*wrong(each), *told_.notes))


async def crowd(known: dict[str, Case], ports: dict[str, int], good_port: int) -> Watch:
    """Meet every case at the same time, for as long as the slowest lasts."""
    watch = Watch()
    async with fetching() as fetcher:
        await poll_once(fetcher, good_port)
        watch.rss_before = watch.rss_peak = rss()
        good = asyncio.create_task(keep_polling(fetcher, good_port, watch))
        async with asyncio.TaskGroup() as group:
            for name, port in ports.items():
                group.create_task(meet(name, known[name], port, fetcher, watch))
        good.cancel()
        with suppress(asyncio.CancelledError):
            await good
    return watch


Met = tuple[str, bool, str, int]
"""Name, whether it ended as stated, what was said, growth of memory in bytes."""


async def alone(known: dict[str, Case], ports: dict[str, int], good_port: int, only: list[str]) -> list[Met]:
    """The cases of `only` and the forbidden addresses, one after another in a process of their own."""
    words = {
        name: (ports[name], case.ends.__name__ if case.ends else "", case.says)
        for name, case in known.items()
    }
    told_: dict[str, Any] = {"good": good_port, "cases": words, "only": only}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench._alone", cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(ALONE_S):
            answer, _ = await child.communicate(json.dumps(told_).encode() + b"\n")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return [(name, right, said, growth) for name, right, said, growth in json.loads(answer)]


def told_alone(met: list[Met]) -> tuple[Figure, ...]:
    """The twelve of the facts one by one, and the worst of all that were met alone."""
    by_name = {one[0]: one for one in met}
    facts = {**FACTS, **{name: name for name in ADDRESSES}}
    ended = sum(by_name[name][1] for name in facts.values() if name in by_name)
    each = [
        Figure(
            f"growth of memory: {name}",
            by_name[own][3] / 1e6,
            ALONE_MB,
            "at most",
            "MB",
            by_name[own][2][:70],
        )
        for name, own in facts.items()
        if own in by_name
    ]
    worst = max(met, key=lambda one: one[3])
    return (
        Figure("cases of the facts refused or bounded", ended, len(facts), "equal"),
        *each,
        Figure("most growth of any case alone", worst[3] / 1e6, ALONE_MB, "at most", "MB", worst[0]),
    )


def wrong(met: list[Met]) -> tuple[str, ...]:
    """Cases met alone that did not end as stated."""
    return tuple(f"alone: {name}: {said}" for name, right, said, _ in met if not right)


def told(known: dict[str, Case], watch: Watch) -> Result:
    """The figures."""
    late = sorted(watch.late_s)
    figures = (
        Figure("cases that end as stated", len(known) - len(watch.wrong), len(known), "equal"),
        Figure("longest case", watch.longest_s, LONGEST_S, "at most", "s"),
        Figure("peak growth of memory", (watch.rss_peak - watch.rss_before) / 1e6, 64, "at most", "MB"),
        Figure("polls of the good site", len(late), 100, "at least"),
        Figure("its lateness, 99th percentile", late[int(len(late) * 0.99)], 0.25, "at most", "s"),
        Figure("its lateness, worst", late[-1], unit="s"),
    )
    return Result(
        figures,
        (*watch.wrong, "bodies up to 4 MB are wanted; alone one after another, then all at the same time"),
    )


async def meet(name: str, case: Case, port: int, fetcher: Fetcher, watch: Watch) -> None:
    """One case, judged."""
    url, began = f"http://127.0.0.1:{port}/", time.monotonic()
    outcome: Response | FeedTrouble
    try:
        outcome = await fetcher.get(url, target(url, name), purpose="page")
    except FeedTrouble as trouble:
        outcome = trouble
    watch.longest_s = max(watch.longest_s, time.monotonic() - began)
    if isinstance(outcome, Response):
        right = case.ends is None and case.says in outcome.shortfall
    else:
        right = type(outcome) is case.ends and case.says in str(outcome)
    if not right:
        watch.wrong.append(f"{name}: {outcome!r}"[:200])


async def keep_polling(fetcher: Fetcher, port: int, watch: Watch) -> None:
    """The good site, every INTERVAL_S, until cancelled."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due += INTERVAL_S
        await asyncio.sleep(max(0.0, due - loop.time()))
        await poll_once(fetcher, port)
        watch.late_s.append(loop.time() - due)
        watch.rss_peak = max(watch.rss_peak, rss())


async def poll_once(fetcher: Fetcher, port: int) -> None:
    url = f"http://127.0.0.2:{port}/"
    answer = await fetcher.get(url, target(url, "good"), purpose="listing")
    if answer.body != b"<p>an ordinary page</p>":
        raise AssertionError(answer)


@asynccontextmanager
async def fetching() -> AsyncIterator[Fetcher]:
    """A fetcher that may go to loopback."""
    fetcher = Fetcher(SystemClock(), contact="bench", allow=("127.0.0.0/8",))
    try:
        yield fetcher
    finally:
        await fetcher.close()


@asynccontextmanager
async def servers() -> AsyncIterator[tuple[dict[str, int], int]]:
    """The hostile servers in a process of their own: their ports by name, and the good site's."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.hostile", cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        ports = json.loads(await child.stdout.readline())
        yield ports["cases"], ports["good"]
    finally:
        child.kill()
        await child.wait()


def rss() -> int:
    """Resident bytes of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
