"""A whole daemon among hostile servers, and whether the other targets keep their interval.

Fifty good targets at 10 s beside every case of `bench hostile` as a target of its own,
and a market of pages, pictures, feeds and redirects made to do harm. All are processes of
their own; the good sites say themselves when they were polled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from bench._crowd import host_of
from bench._daemon import HEAD, always, program, stop
from bench._lair import HOST
from bench.figures import Figure, Result
from bench.hostile import servers
from bench.thousand import ask, free_port, gaps

NAME = "siege"
SUMMARY = "a daemon among hostile servers and pictures: the others keep their interval, memory stays bounded"
GOOD, HOSTS = 50, 10
INTERVAL_S = 10.0
LIMITS = '\n[hosts."{host}"]\nrequests_per_s = {rate}\nconcurrency = {at_once}\n'
"""At the default of one request a second a host's own first captures would hold up its polls."""
LAIR = (
    ("adverts", "json", "/adverts"),
    ("crowd", "json", "/crowd"),
    ("links", "html", "/links"),
    ("loop", "html", "/loop"),
    ("away", "html", "/away"),
    ("entities", "rss", "/feed"),
    ("not-json", "json", "/p/utf8"),
    ("not-html", "html", "/i/noise.jpg"),
    ("nested", "html", "/p/nested"),
    ("nul", "rss", "/p/nul"),
)


async def run(args: list[str]) -> Result:
    """Besiege for `--seconds` (default 90)."""
    parser = argparse.ArgumentParser(prog="bench siege")
    parser.add_argument("--seconds", type=float, default=90.0)
    options = parser.parse_args(args)
    good, lair = free_port(), free_port()
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        folder = Path(name)
        async with servers() as (ports, _good), sites(good, lair):
            config = written(folder, ports, good, lair)
            async with program("bot.cli", "run", "--config", str(config), log=folder / "log") as daemon:
                peak = await watch_memory(daemon.pid, options.seconds)
                report = await ask(f"http://{host_of(0, HOSTS)}:{good}/report")
                alive = daemon.returncode is None
                code = await stop(daemon) if alive else -1
        status = await told_by(config)
    return figures(report, peak, alive, code, status)


def sites(good: int, lair: int) -> Sites:
    """The good sites and the lair, running."""
    return Sites(good, lair)


class Sites:
    """Two programs that are ready when the block begins."""

    def __init__(self, good: int, lair: int) -> None:
        self._programs = (
            program("bench._crowd", str(GOOD), str(HOSTS), str(good)),
            program("bench._lair", str(lair)),
        )

    async def __aenter__(self) -> None:
        for one in self._programs:
            process = await one.__aenter__()
            assert process.stdout is not None
            await asyncio.wait_for(process.stdout.readline(), 60)

    async def __aexit__(self, *error: object) -> None:
        for one in self._programs:
            await one.__aexit__(None, None, None)


def written(folder: Path, ports: dict[str, int], good: int, lair: int) -> Path:
    """The configuration: good targets, broken protocols, hostile content."""
    stanzas = [
        always(f"good {n}", f"http://{host_of(n, HOSTS)}:{good}/t/{n}", interval="10s") for n in range(GOOD)
    ]
    stanzas += [
        always(f"case {n}", f"http://127.0.0.1:{port}/", kind="html", interval="10s")
        for n, port in enumerate(ports.values())
    ]
    stanzas += [
        always(name, f"http://{HOST}:{lair}{path}", kind=kind, interval="10s") for name, kind, path in LAIR
    ]
    config = folder / "config.toml"
    hostile = [LIMITS.format(host=host, rate=50, at_once=8) for host in ("127.0.0.1", HOST)]
    calm = [LIMITS.format(host=host_of(n, HOSTS), rate=10, at_once=4) for n in range(HOSTS)]
    limits = "".join(hostile + calm)
    config.write_text(HEAD.format(workers=1) + limits + "".join(stanzas))
    return config


async def watch_memory(pid: int, seconds: float) -> float:
    """Largest memory of the daemon and its workers together, in MB, over so many seconds."""
    peak = 0.0
    for _ in range(int(seconds * 4)):
        await asyncio.sleep(0.25)
        peak = max(peak, together_mb([pid, *children_of(pid)]))
    return peak


def children_of(pid: int) -> list[int]:
    """Process ids of the workers; none when the daemon has ended."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(p) for p in listed.read_text().split()] if listed.exists() else []


def together_mb(pids: list[int]) -> float:
    """What processes of one program hold in MB (1e6 bytes): their own pages, and the shared ones once."""
    own, shared = 0, 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # ended just now
        kept = Counter[str]()
        for line in text.splitlines()[1:]:
            name, _, value = line.partition(":")
            kept[name.partition("_")[0]] += int(value.split()[0]) * 1024
        own, shared = own + kept["Private"], max(shared, kept["Shared"])
    return (own + shared) / 1e6


async def told_by(config: Path) -> list[dict[str, object]]:
    """The daemon's own status of every target."""
    async with program("bot.cli", "status", "--json", "--config", str(config)) as status:
        assert status.stdout is not None
        told = json.loads(await status.stdout.read())
    return list(told["targets"])


def figures(
    report: dict[str, dict[str, list[float]]],
    peak: float,
    alive: bool,
    code: int,
    status: list[dict[str, object]],
) -> Result:
    """The figures."""
    spans = gaps(report["polls"])
    kept = sum(abs(s - INTERVAL_S) <= INTERVAL_S * 0.1 for s in spans)
    unwell = [t for t in status if str(t["target"]).startswith("good") and t["health"] != "ok"]
    return Result(
        (
            Figure("interval kept by the good targets", kept / max(1, len(spans)) * 100, 99, unit="%"),
            Figure("their polls counted", len(spans), GOOD * 4),
            Figure("their longest gap", max(spans, default=float("nan")), unit="s"),
            Figure("good targets that are unwell", len(unwell), 0, "equal"),
            Figure("peak memory, workers included", peak, 400, "at most", "MB"),
            Figure("daemon still running", float(alive), 1, "equal"),
            Figure("exit code after SIGTERM", code, 0, "equal"),
        ),
        (f"{len(status) - GOOD} hostile targets beside {GOOD} good ones",),
    )
