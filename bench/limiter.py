"""Politeness as the servers count it: a storm of every kind of request, and what becomes of Retry-After.

The whole fetcher asks some three hundred hosts on loopback that run in a process of their
own and stamp each arrival in the kernel: listings, pages, pictures, redirects from host to
host and robots.txt with Crawl-delay, as fast as the limits let it. Every gap between two
starts and every overlap of every host is held against that host's rule. Some hosts ask to be
left alone, in seconds and as a date, some for a day; a real daemon then shows the same in
`status`. Before both, the gates alone are stormed on virtual time, with requests that are
given up half-way.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import _gates, _told_to_wait
from bench._many import machine
from bench._shoppers import Tally, visit
from bench._strict import LONGEST_PAUSE_S, Report
from bench.figures import Figure, Result
from bench.thousand import free_port

NAME = "limiter"
SUMMARY = (
    "10^6 requests counted by the servers: starts closer than the limit allows, Retry-After (--requests N)"
)
REQUESTS = 1_000_000
HOSTS = 300
TOLERANCE_S = 0.001
"""Between the gate and the kernel's stamp lie some hundred microseconds of our own work, which vary."""


def run(args: list[str]) -> Result:
    """The gates alone, the storm, the daemon. `--requests 20000` takes half a minute."""
    parser = argparse.ArgumentParser(prog="./nightjar bench limiter")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--without-daemon", action="store_true", help="leave out what status shows")
    options = parser.parse_args(args)
    figures = _gates.storm(min(options.requests, 30_000))
    began = time.monotonic()
    report, tally = asyncio.run(visit(free_port(), options.hosts, options.requests, TOLERANCE_S))
    figures += stormed(report, tally, options.requests, time.monotonic() - began)
    if not options.without_daemon:
        with TemporaryDirectory(prefix="nightjar-bench-") as name:
            shown = asyncio.run(_told_to_wait.health(Path(name), free_port()))
        figures += _told_to_wait.figures(*shown)
    short = (f"a short form: {options.requests:,} requests of the promised {REQUESTS:,}",)
    return Result(figures, (short if options.requests < REQUESTS else ()) + notes(report, tally))


def stormed(report: Report, tally: Tally, requests: int, lasted_s: float) -> tuple[Figure, ...]:
    """What the servers counted, beside what is promised."""
    note = f"closest {report.closest_s * 1e3:+.3f} ms, tolerance {TOLERANCE_S * 1e3:g} ms"
    return (
        Figure("requests counted by the servers", report.requests, requests, note=f"{report.hosts} hosts"),
        Figure("starts closer than 1/rate or Crawl-delay", report.too_close, 0, "equal", note=note),
        Figure("more at once than allowed", report.crowded, 0, "equal", note=f"most {report.most_at_once}"),
        Figure("asked for although robots.txt forbids", report.kinds.get("forbidden", 0), 0, "equal"),
        Figure("Retry-After answers", report.pauses, 1),
        Figure("requests within a Retry-After", report.in_pause, 0, "equal", note="seconds and dates"),
        Figure("longest pause held", tally.capped_s, LONGEST_PAUSE_S, "at most", "s", "a day was asked for"),
        Figure("requests without a kernel stamp", report.unstamped, 0, "equal"),
        Figure("troubles", sum(tally.troubles.values()), 0, "equal"),
        Figure("answers the servers owed for ten seconds", report.overdue, note="by load"),
        Figure("longest that the servers owed an answer", report.slowest_s, unit="s"),
        Figure("longest that the fetcher's loop was away", tally.away_s, unit="s"),
        Figure("requests per second", report.requests / lasted_s),
        machine(),
    )


def notes(report: Report, tally: Tally) -> tuple[str, ...]:
    """What was asked, and what went wrong."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.kinds.items()))
    troubles = (f"trouble: {count} x {what}" for what, count in tally.troubles.most_common(3))
    short = ", ".join(f"{gap * 1e3:.2f}" for gap in report.closer[:10])
    return (
        f"the servers counted: {kinds}",
        f"{tally.told_to_wait:,} calls told to wait, {tally.forbidden:,} forbidden by robots.txt",
        *((f"largest shortfalls of a gap: {short} ms",) if short else ()),
        *troubles,
    )
