"""The promise of must-show 5: kill -9 at random instants of a busy night loses nothing.

Plays a night of the market and kills the daemon again and again. Just before each kill a
reader of its own notes every observation that is committed; at the end each must be
there with the same manifest, every file whole, nothing unjudged, nobody told twice.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from bench.figures import Figure, Result
from nightmarket import custody
from nightmarket.course import Course
from nightmarket.daemon import ask
from nightmarket.figures import MOST_EVIDENCE, collect
from nightmarket.model import World
from nightmarket.play import Plan, play
from nightmarket.world import make

NAME = "kills"
SUMMARY = "kill -9 at random instants of a busy night (--kills 100 --every 5 --seed 1)"


SPEED = 28.0
"""Simulated seconds per real second: slow enough that a restart has something to lose."""
QUIET = timedelta(minutes=14)


@dataclass
class Notes:
    """Manifest hash by evidence id: all that was committed before any kill."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    kills: int = 0

    def before_kill(self, course: Course) -> None:
        """Read what another process can read now, then the kill comes."""
        self.acknowledged |= committed(course.places.data)
        self.kills += 1
        print(f"kill {self.kills} at {course.now():%H:%M:%S}", file=sys.stderr, flush=True)


def committed(data: Path) -> dict[str, str]:
    """Manifest hash by evidence id of every row that is committed."""
    found = sorted(data.glob("*.db"))
    if not found:
        return {}
    with sqlite3.connect(f"file:{found[0]}?mode=ro", uri=True, timeout=10) as database:
        try:
            return dict(database.execute("SELECT evidence_id, manifest_sha256 FROM observation"))
        except sqlite3.OperationalError:  # killed before its first migration
            return {}


def run(args: list[str]) -> Result:
    """Play one night with many kills."""
    options = parser().parse_args(args)
    world = stretch(options.seed, options.kills * options.every * SPEED)
    notes = Notes()
    with tempfile.TemporaryDirectory(prefix="nightjar-kills-") as folder:
        plan = Plan(
            speed=SPEED,
            kills=instants(world, options.kills, random.Random(f"{options.seed} kills")),
            before_kill=notes.before_kill,
        )
        course = play(world, Path(folder), plan)
        return judged(course, notes)


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="nightjar bench kills", description=SUMMARY)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--kills", type=int, default=100)
    made.add_argument("--every", type=float, default=5.0, help="real seconds between kills, on average")
    return made


def stretch(seed: int, seconds: float) -> World:
    """A night that begins just before its windows open and lasts `seconds`; at most to its own end."""
    world = make(seed, "slice")
    start = world.start + QUIET
    return replace(world, start=start, end=min(world.end, start + timedelta(seconds=seconds)))


def instants(world: World, count: int, chance: random.Random) -> list[datetime]:
    """Random instants, one in each of `count` equal parts of the night, the last part left calm."""
    part = (world.end - world.start) / (count + 1)
    return [world.start + part * (n + chance.random()) for n in range(count)]


def judged(course: Course, notes: Notes) -> Result:
    """What is left, against what was acknowledged."""
    rows = ask(course.places, "find", "--limit", str(MOST_EVIDENCE))["found"]
    named = {str(row["evidence_id"]) for row in rows} if isinstance(rows, list) else set()
    files = custody.inspect(course.places.data)
    kept = {name for name in named if name in files.manifests}
    hashes = committed(course.places.data)
    lost = [i for i, sha in notes.acknowledged.items() if i not in kept or hashes.get(i) != sha]
    figures = collect(course).figures
    restarts = course.restarts_real_s
    return Result(
        (
            Figure("kills", notes.kills, 100),
            Figure("acknowledged observations", len(notes.acknowledged), 1),
            Figure("acknowledged observations lost", len(lost), 0, "at most"),
            Figure("rows without whole files", len(named) - len(kept), 0, "at most"),
            Figure("faults found by verify", number(figures, "verify_faults"), 0, "at most"),
            Figure("left unjudged", number(figures, "unjudged"), 0, "at most"),
            Figure("alerts lost", number(figures, "alerts_lost"), 0, "at most"),
            Figure("alerts doubled", number(figures, "alerts_doubled"), 0, "at most"),
            Figure("false deletions", number(figures, "false_deletions"), 0, "at most"),
            Figure(
                "first poll after a restart, longest",
                max(restarts, default=float("nan")),
                5.0,
                "at most",
                "s",
            ),
        ),
        (
            f"{len(restarts)} of {notes.kills} restarts lived to their first poll before the next kill",
            f"{SPEED:.0f} times real time; {figures['evidence']} observations in the end",
        ),
    )


def number(figures: dict[str, object], name: str) -> float:
    """A figure, or NaN when nothing was measured."""
    value = figures[name]
    return float(value) if isinstance(value, int | float) else float("nan")
