"""The promise of must-show 1: simulated nights, played and judged one after another."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figures import Figure, Result, WrongUseError
from nightmarket.figures import promises
from nightmarket.report import PROMISES

NAME = "night"
SUMMARY = "simulated nights against their promises (--seeds 1,2,3,4,5,6 --size slice --minutes M)"
ROOT = Path(__file__).resolve().parents[1]
SECONDS = 360.0
"""From nothing to score on two cores; here the environment is there already."""


def run(args: list[str]) -> Result:
    """Play each seed; the figures are the worst of all nights, per promise."""
    options = parser().parse_args(args)
    nights = [played(seed, options) for seed in seeds(options.seeds)]
    figures = [worst(name, nights) for name in PROMISES]
    figures.append(Figure("longest night", max(night["took_s"] for night in nights), SECONDS, "at most", "s"))
    notes = tuple(told(night) for night in nights)
    return Result(tuple(figures), notes)


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="nightjar bench night", description=SUMMARY)
    made.add_argument("--seeds", default="1,2,3,4,5,6", help="numbers with commas (default 1 to 6)")
    made.add_argument("--size", default="slice", choices=("hour", "slice", "full"))
    made.add_argument("--minutes", type=float, help="real minutes of one night")
    return made


def seeds(text: str) -> list[int]:
    """The seeds named. Raises WrongUseError."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise WrongUseError(f"--seeds takes numbers with commas, not {text!r}") from None


def played(seed: int, options: argparse.Namespace) -> dict[str, float]:
    """The figures of one night, by the demo's own command."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        command = [sys.executable, "-m", "nightmarket", "--seed", str(seed), "--size", options.size]
        command += ["--dir", f"{folder}/night", "--json"]
        command += ["--minutes", str(options.minutes)] if options.minutes else []
        done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if not lines:
        raise WrongUseError(f"the night of seed {seed} gave no figures (exit {done.returncode})")
    figures: dict[str, float] = json.loads(lines[-1])
    return figures


def worst(name: str, nights: list[dict[str, float]]) -> Figure:
    """The promise `name` on the night that kept it least."""
    measured = [next(p for p in promises(night) if p.name == name) for night in nights]
    values = [float("nan") if p.measured is None else p.measured for p in measured]
    missing = [v for v in values if v != v]  # noqa: PLR0124 - NaN is what differs from itself
    at_most = measured[0].at_most
    value = missing[0] if missing else max(values) if at_most else min(values)
    return Figure(PROMISES[name], value, measured[0].bound, "at most" if at_most else "at least")


def told(night: dict[str, float]) -> str:
    """One line about one night."""
    return (
        f"seed {night['seed']}: {night['posts']} posts, captured {night['captured_of_all']:.4f} of all "
        f"(ceiling {night['ceiling']:.4f}), {night['captured_of_capturable']:.4f} of capturable, "
        f"{night['alerts_expected']} items, recall {night['recall_alerted'] or 0:.2f} "
        f"(ceiling {night['recall_ceiling'] or 0:.2f}), {night['cpu_s']:.0f} s of processor, "
        f"{night['rss_peak_mb']:.0f} MB, took {night['took_s']:.0f} s"
    )
