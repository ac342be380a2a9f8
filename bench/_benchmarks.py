"""The page of what was measured, docs/benchmarks.md: kept figures in, tables and plots out.

`./nightjar bench NAME --json | .venv/bin/python -m bench._benchmarks` keeps one run as
docs/benchmarks/NAME.json, with its date, machine and versions, and writes the page anew
below its mark; `--write` only does the latter. Nothing on the page is typed by hand below
the mark, so that no figure stands there that nobody saw.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.__main__ import entries
from bench._daemon import ROOT
from bench.figures import number

FOLDER = ROOT / "docs" / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"
MARK = "<!-- Below here bench/_benchmarks.py writes; edits are lost. -->\n"
PACKAGES = ("aiohttp", "asyncio-throttle")
Run = Mapping[str, Any]
_WIDE, _ROW, _LABEL, _ONE = 760, 26, 400, 90
"""Of a plot, in pixels; _ONE is the length of a bar that just meets its target."""
_LONGEST = 3.5


def kept(told: Run, now: datetime) -> dict[str, Any]:
    """One run with where and when it was; `now` is aware UTC."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    machine = {**told["machine"], "processor": _processor(), "memory_gb": _memory_gb()}
    machine["load"] = round(os.getloadavg()[1], 1)
    versions = {name: version(name) for name in PACKAGES}
    summaries = {entry.name: entry.summary for entry in entries(ROOT / "bench")}
    return {
        **told,
        "summary": summaries[told["bench"]],
        "date": f"{now:%Y-%m-%d %H:%M} UTC",
        "commit": commit,
        "machine": {**machine, "kernel": platform.release().partition("-")[0]},
        "versions": versions,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _memory_gb() -> float:
    first = Path("/proc/meminfo").read_text().splitlines()[0]
    return round(int(first.split()[1]) * 1024 / 1e9, 1)


def page(runs: Sequence[Run]) -> str:
    """The mark and what stands below it."""
    return MARK + "".join(map(_section, runs))


def _section(run: Run) -> str:
    machine, name = run["machine"], run["bench"]
    where = f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gb']:g} GB"
    where += f", load average {machine['load']:g}"
    system = f"{machine['system']} {machine['kernel']}, Python {machine['python']}"
    software = ", ".join(f"{package} {known}" for package, known in run["versions"].items())
    lines = [
        f"\n## {name}\n",
        f"`./nightjar bench {name}`: {run['summary']}.\n",
        f"{run['date']}, commit {run['commit']}; {where}; {system}, {software}.\n",
        "| figure | measured | promised | | |",
        "|---|---|---|---|---|",
        *(_row(figure) for figure in run["figures"]),
        "",
        *(f"- {note}" for note in run["notes"]),
    ]
    if any(_share(figure) for figure in run["figures"]):
        lines.append(f"\n![{name}: measured against promised](benchmarks/{name}.svg)")
    return "\n".join(lines) + "\n"


def _row(figure: Run) -> str:
    unit = f" {figure['unit']}" if figure["unit"] else ""
    value = "not measured" if figure["value"] is None else f"{number(figure['value'])}{unit}"
    promised = verdict = ""
    if figure["target"] is not None:
        promised = f"{figure['better']} {number(figure['target'])}{unit}"
        verdict = "met" if figure["met"] else "**short**"
    return f"| {figure['name']} | {value} | {promised} | {verdict} | {figure['note']} |"


def _share(figure: Run) -> float:
    """How often the target is met over: 1 just meets it; 0 where there is nothing to be drawn."""
    value, target = figure["value"], figure["target"]
    if value is None or not target or not value or figure["better"] == "equal":
        return 0.0
    return float(value / target if figure["better"] == "at least" else target / value)


def plot(run: Run) -> str:
    """Bars for the figures with a target that is not 0, the line where it is met."""
    drawn = [(figure, share) for figure in run["figures"] if (share := _share(figure))]
    high = _ROW * len(drawn) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDE}" height="{high}">',
        "<style>text { font: 12px sans-serif }</style>",
        f'<rect width="{_WIDE}" height="{high}" fill="#fff"/>',
    ]
    for place, (figure, share) in enumerate(drawn):
        top = place * _ROW + 6
        colour = "#2e7d32" if figure["met"] else "#c62828"
        long = min(share, _LONGEST) * _ONE
        over = " and on" if share > _LONGEST else ""
        parts += [
            f'<text x="{_LABEL - 8}" y="{top + 13}" text-anchor="end">{escape(figure["name"])}</text>',
            f'<rect x="{_LABEL}" y="{top}" width="{long:.1f}" height="{_ROW - 8}" fill="{colour}"/>',
            f'<text x="{_LABEL + 4}" y="{top + 13}" fill="#fff">{_times(share)}{over}</text>',
        ]
    line, bottom = _LABEL + _ONE, high - 24
    parts += [
        f'<line x1="{line}" y1="0" x2="{line}" y2="{bottom}" stroke="#000" stroke-dasharray="3"/>',
        f'<text x="{line}" y="{high - 8}" text-anchor="middle">promised</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _times(share: float) -> str:
    return f"{share:.{0 if share >= 10 else 2}f}x"


def read() -> list[Run]:
    """All kept runs, by name."""
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def write() -> None:
    """The page and the plots."""
    runs = read()
    head = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(head + page(runs))
    for run in runs:
        if any(map(_share, run["figures"])):
            (FOLDER / f"{run['bench']}.svg").write_text(plot(run))


def main() -> None:
    """Keep the run on standard input, unless `--write`; then write."""
    if "--write" not in sys.argv:
        run = kept(json.loads(sys.stdin.readlines()[-1]), datetime.now(UTC))
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{run['bench']}.json").write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")
    write()


if __name__ == "__main__":
    main()
