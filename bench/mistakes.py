"""Every kind of configuration mistake, planted over several files, told in one run of `check`.

One directory with config.toml and targets.d/*.toml holds all the mistakes of
bench/planted.py. `nightjar check --json` runs once on it, as a process of its own. A
mistake counts as found when a report names its file, its table and its key, with the
nearest correct name and the reason where the plant says so. A report that fits no plant is
a false one, and so is any report on config.example.toml.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, Result
from bench.planted import IN_MAIN, MAIN, MORE, RIGHT, TARGETS, InTarget, Plant

NAME = "mistakes"
SUMMARY = "kinds of configuration mistake told with file, table and key in one run of check"
ROOT = Path(__file__).resolve().parents[1]
WANTED_KINDS = 60
Report = dict[str, object]


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a plant must be told."""

    file: str
    table: str
    plant: Plant

    def fits(self, report: Report) -> bool:
        """Whether a report tells this mistake."""
        return (
            report["file"] == self.file
            and str(report["table"]).startswith(self.table)
            and (
                report["key"] == self.plant.key or (self.plant.key == "" and not self.table.startswith("[["))
            )
            and self.plant.nearest in ("", report["nearest"])
            and self.plant.expects.lower() in str(report["message"]).lower()
        )


def run(args: list[str]) -> Result:
    """Plant, check once, compare; then check the example, which must be without fault."""
    argparse.ArgumentParser(prog="./nightjar bench mistakes").parse_args(args)
    with tempfile.TemporaryDirectory(prefix="nightjar mistakes ") as folder:
        expected = plant(Path(folder))
        began = time.monotonic()
        code, told = checked(Path(folder) / "config.toml")
        took = time.monotonic() - began
    missed, false = compared(expected, told)
    clean_code, clean = checked(ROOT / "config.example.toml")
    figures = (
        Figure("kinds planted", len({one.plant.what for one in expected}), WANTED_KINDS),
        Figure("found of planted", 1 - len(missed) / len(expected), 1.0),
        Figure("reports that fit no plant", len(false), 0, "equal"),
        Figure("reports on config.example.toml", len(clean), 0, "equal"),
        Figure("exit code on mistakes", code, 1, "equal"),
        Figure("exit code on the example", clean_code, 0, "equal"),
        Figure("wall time of the run", took, unit="s"),
    )
    notes = [f"missed: {one.file} {one.table} {one.plant.key}: {one.plant.what}" for one in missed]
    return Result(figures, (*notes, *(f"false: {report['message']}" for report in (*false, *clean))))


def plant(folder: Path) -> tuple[Expected, ...]:
    """Write the directory; returns what must be told of it."""
    more = folder / "targets.d"
    more.mkdir()
    (folder / "config.toml").write_text(MAIN, encoding="utf-8")
    (folder / "open.token").write_text("secret", encoding="utf-8")
    (folder / "open.token").chmod(0o644)
    expected = [Expected("config.toml", table, one) for table, one in IN_MAIN]
    for name, (text, plants) in MORE.items():
        (more / f"{name}.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
        expected += [Expected(f"targets.d/{name}.toml", table, one) for table, one in plants]
    for file, targets in TARGETS.items():
        blocks = [block(f"{file}-{number}", one) for number, one in enumerate(targets, 1)]
        (more / f"{file}.toml").write_text("\n".join(blocks), encoding="utf-8")
        expected += [
            Expected(f"targets.d/{file}.toml", f"[[target]] #{number}", one.plant)
            for number, one in enumerate(targets, 1)
        ]
    (more / "named.tml").write_text(block("named", InTarget(Plant("", ""))), encoding="utf-8")
    misnamed = Expected("targets.d/named.tml", "", Plant("file that is not read", "", expects=".toml"))
    return (*expected, misnamed, *together(more))


def together(more: Path) -> tuple[Expected, ...]:
    """Mistakes that only show between right tables: a name used twice, a host that cannot keep up."""
    twice = Plant("target name used twice", "name", expects="already")
    busy = Plant("host that cannot keep up", "interval", expects="requests per second")
    urls = ("https://busy.example.org/1", "https://busy.example.org/2")
    targets = [
        InTarget(twice, ('name = "Twice"',)),
        InTarget(twice, ('name = "twice"',)),
        *(InTarget(busy, (f'url = "{url}"', 'interval = "15s"')) for url in urls),
    ]
    blocks = [block(f"together-{number}", one) for number, one in enumerate(targets, 1)]
    (more / "together.toml").write_text("\n".join(blocks), encoding="utf-8")
    file = "targets.d/together.toml"
    return Expected(file, "[[target]] #2", twice), Expected(file, "[[target]] #4", busy)


def block(name: str, one: InTarget) -> str:
    """A `[[target]]` that is right but for its mistake."""
    given = {line.split()[0]: line for line in one.lines}
    keys = {key: f"{key} = {value.format(name=name)}" for key, value in RIGHT.items() if key != one.without}
    if one.plant.nearest in keys and one.plant.key not in keys:
        del keys[one.plant.nearest]  # misspelt: the right one is not there
    others = [line for line in one.lines if line.split()[0] not in keys]
    lines = [given.get(key, line) for key, line in keys.items()] + others
    rules = f"[target.rules]\n{one.rules}\n" if one.rules else ""
    return "[[target]]\n" + "\n".join(lines) + "\n" + rules


def checked(path: Path) -> tuple[int, list[Report]]:
    """One run of `nightjar check --json`: its exit code and its reports."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NIGHTJAR_")}
    ended = subprocess.run(
        [sys.executable, "-m", "bot.cli", "check", "--config", str(path), "--json"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not ended.stdout.strip():
        raise RuntimeError(f"check ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return ended.returncode, json.loads(ended.stdout.splitlines()[-1])["mistakes"]


def compared(expected: tuple[Expected, ...], told: list[Report]) -> tuple[list[Expected], list[Report]]:
    """The plants that no report tells, and the reports that tell no plant; each counts once."""
    left, missed = list(told), []
    for one in expected:
        found = next((report for report in left if one.fits(report)), None)
        if found is None:
            missed.append(one)
        else:
            left.remove(found)
    return missed, left
