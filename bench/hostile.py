"""Hostile servers met all at once, beside one good site that must keep its interval.

The servers run in a process of their own; memory is that of the fetching side alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from bench.figures import Figure, Result
from storage.clock import SystemClock
from storage.errors import FeedTrouble
from storage.model import Authority, HostLimit, Response, Target
from tests.fakes.hostile import Case, cases
from watchers.fetch import Fetcher

NAME = "hostile"
SUMMARY = "endless, dripping, lying and exploding servers at once: named error, bounded time and memory"
INTERVAL_S = 0.1
LONGEST_S = 22.0
MAX_BODY = 4_000_000
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Watch:
    """What is seen while the servers are met."""

    rss_before: int = 0
    rss_peak: int = 0
    late_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    longest_s: float = 0.0


async def run(_: list[str]) -> Result:
    """Meet every case at the same time, for as long as the slowest lasts."""
    known, watch = cases(), Watch()
    async with servers() as (ports, good_port), fetching() as fetcher:
        await poll_once(fetcher, good_port)
        watch.rss_before = watch.rss_peak = rss()
        good = asyncio.create_task(keep_polling(fetcher, good_port, watch))
        async with asyncio.TaskGroup() as group:
            for name, port in ports.items():
                group.create_task(meet(name, known[name], port, fetcher, watch))
        good.cancel()
        with suppress(asyncio.CancelledError):
            await good
    return told(known, watch)


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
    return Result(figures, (*watch.wrong, "all cases at the same time; two shared cores"))


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


def target(url: str, name: str) -> Target:
    """A target as these servers need it: no robots.txt, no waiting for turns."""
    return Target(
        name=name,
        kind="html",
        url=url,
        authority=Authority(legal_basis="own test", authorised_by="bench", review_after=date(2099, 1, 1)),
        rules=None,
        host_limit=HostLimit(requests_per_s=1000, concurrency=100),
        robots_override="servers of our own",
        max_body_bytes=MAX_BODY,
        timeout_s=20.0,
    )


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
