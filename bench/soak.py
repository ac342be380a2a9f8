"""Two hours at half of the promised load, and whether memory, lateness or open files creep.

5,000 targets at 30 s and ten posts a second with pages and pictures (half of `scale`), a real
daemon with storage and hashing on. It is looked at a hundred and twenty times; the first tenth
is warm-up, halves and quarters are of the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench._asking import UnansweredError
from bench._daemon import memory_mb
from bench._many import (
    Shape,
    captured,
    children,
    daemon_of,
    machine,
    sample,
    settled,
    sites_of,
    stopped,
)
from bench.figures import Figure, Result
from bench.thousand import free_port

NAME = "soak"
SUMMARY = "2 h at half load: memory growth in the second hour, drift of lateness, open files, write-ahead log"
LOOKS = 120
WARM_UP = 0.1
GROWTH_PERCENT = 2.0
DRIFT = 1.1
WAL_MB = 128.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The daemon at one instant: seconds, megabytes, open files, polls by bound of lateness."""

    at_s: float
    cpu_s: float
    memory_mb: float
    workers_mb: float
    files: int
    wal_mb: float
    buckets: dict[float, float]


async def run(args: list[str]) -> Result:
    """Watch for `--minutes` once the first captures are done."""
    options = _options(args)
    shape, metrics = shape_of(options), free_port()
    told: dict[str, Any] = {"polls": [], "posts": []}
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        config, log = Path(name) / "config.toml", Path(name) / "log"
        async with sites_of(shape, Path(name)) as sites:
            config.write_text(sites.configured(metrics))
            async with daemon_of(config, log, sites) as daemon:
                settled_s = await settled(daemon, metrics, shape)
                looks, missed = await watched(daemon, metrics, Path(name), 60 * options.minutes)
                code = await stopped(daemon)
            with contextlib.suppress(UnansweredError):
                told = await sites.report()
    share, gone, wait_s = captured(told, looks[0].at_s, looks[-1].at_s)
    figures = (
        *drift(looks),
        Figure("posts captured with their picture", share, 0.995),
        Figure("posts that came and went", gone),
        Figure("from birth to picture had, p99", wait_s, unit="s"),
        Figure("looks at the daemon that were not answered in time", missed, 0, "equal"),
        Figure("seconds until the first captures were done", settled_s, unit="s"),
        Figure("exit code after SIGTERM", code, 0, "equal"),
        machine(),
    )
    load = f"{shape.targets:,} targets on {shape.hosts} hosts at {shape.interval_s:g} s, "
    load += f"{shape.posts_per_s:g} posts/s, {options.minutes:g} minutes"
    short = ("a short form: the promise is about two hours",) if options.minutes < 120 else ()
    return Result(figures, (load, *short))


def shape_of(options: argparse.Namespace) -> Shape:
    """Half of what `scale` watches, unless told otherwise."""
    return Shape(
        targets=options.targets,
        hosts=options.hosts,
        interval_s=options.interval,
        posts_per_s=options.posts_per_s,
        life_s=2 * options.interval,
    )


def _options(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./nightjar bench soak")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--targets", type=int, default=5_000)
    parser.add_argument("--hosts", type=int, default=None, help="default: one for twenty targets")
    parser.add_argument("--interval", type=float, default=30.0)
    parser.add_argument("--posts-per-s", type=float, default=None, help="default: one for 500 targets")
    options = parser.parse_args(args)
    options.hosts = options.hosts or max(1, options.targets // 20)
    options.posts_per_s = options.targets / 500 if options.posts_per_s is None else options.posts_per_s
    return options


async def watched(
    daemon: asyncio.subprocess.Process, metrics: int, folder: Path, span_s: float
) -> tuple[list[Look], int]:
    """The looks, evenly over `span_s`, and how many were missed. Raises RuntimeError when it ends."""
    loop = asyncio.get_running_loop()
    began, looks, missed = loop.time(), list[Look](), 0
    for number in range(LOOKS + 1):
        await asyncio.sleep(max(0.0, began + number * span_s / LOOKS - loop.time()))
        if daemon.returncode is not None:
            raise RuntimeError(f"the daemon ended with {daemon.returncode}")
        try:
            looks.append(await look(daemon.pid, metrics, folder))
        except UnansweredError:
            missed += 1
    return looks, missed


async def look(pid: int, metrics: int, folder: Path) -> Look:
    """The daemon now. Raises UnansweredError."""
    now = await sample(pid, metrics)
    if not now.buckets:
        raise UnansweredError("metrics")
    return Look(
        at_s=now.at_s,
        cpu_s=now.cpu_s,
        memory_mb=memory_mb(pid)[0],
        workers_mb=sum(memory_mb(child)[0] for child in children(pid)),
        files=files_of(pid),
        wal_mb=sum(size_of(path) for path in folder.rglob("*.db-wal")) / 1e6,  # noqa: ASYNC240
        buckets=now.buckets,
    )


def files_of(pid: int) -> int:
    """Open descriptors of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def size_of(path: Path) -> int:
    """Bytes of a file, 0 when it has just gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def drift(looks: Sequence[Look]) -> tuple[Figure, ...]:
    """What changed from the first half to the second, and from the first quarter to the last."""
    warm = looks[int(len(looks) * WARM_UP) :]
    half = len(warm) // 2
    middle, end = near(warm, half), near(warm, len(warm) - 1)
    first, last = p99(warm[0], warm[len(warm) // 4]), p99(warm[-1 - len(warm) // 4], warm[-1])
    files = [max(one.files for one in part) for part in (warm[:half], warm[half:])]
    span = warm[-1].at_s - warm[0].at_s
    return (
        Figure("memory growth in the second half", 100 * (end / middle - 1), GROWTH_PERCENT, "at most", "%"),
        Figure("resident memory at the end", end, unit="MB", note=f"{middle:.1f} MB in the middle"),
        Figure(
            "start lateness p99, last quarter of first",
            1.0 if first[1] == last[1] else last[0] / first[0],
            DRIFT,
            "at most",
            note=f"{first[0] * 1e3:.1f} ms, then {last[0] * 1e3:.1f} ms",
        ),
        Figure(
            "most open files, second half of first", files[1] / files[0], DRIFT, "at most", note=f"{files[1]}"
        ),
        Figure("largest write-ahead log", max(one.wal_mb for one in warm), WAL_MB, "at most", "MB"),
        Figure("memory of its workers at the end", warm[-1].workers_mb, unit="MB"),
        Figure("cores of the daemon", (warm[-1].cpu_s - warm[0].cpu_s) / span),
        Figure("polls per second", (total(warm[-1]) - total(warm[0])) / span),
    )


def near(looks: Sequence[Look], place: int) -> float:
    """Megabytes about one look: the median of it and its neighbours."""
    reach = max(1, len(looks) // 20)
    return float(statistics.median(one.memory_mb for one in looks[max(0, place - reach) : place + reach + 1]))


def total(look_: Look) -> float:
    """Polls so far."""
    return max(look_.buckets.values(), default=0.0)


def p99(before: Look, after: Look) -> tuple[float, float]:
    """(seconds, bound of its bucket) below which 99 % of the polls between two looks began.

    Within its bucket the time is taken in proportion.
    """
    counts = sorted((bound, n - before.buckets.get(bound, 0.0)) for bound, n in after.buckets.items())
    wanted, low, below = 0.99 * (counts[-1][1] if counts else 0.0), 0.0, 0.0
    for bound, n in counts:
        if n >= wanted > 0:
            share = (wanted - below) / (n - below) if n > below else 1.0
            return (low + share * (bound - low) if math.isfinite(bound) else low), bound
        low, below = bound, n
    return math.nan, math.nan
