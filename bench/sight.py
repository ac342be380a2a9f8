"""Everything by which the watch knows what it sees, in one go: words, prices, judge, pictures, words in them.

Each part is a bench of its own, run as a process of its own one after the other, so that none warms or
crowds another. Each brings its baselines: plain Aho-Corasick beside all views, the lexicon alone beside
the learned model, decoding alone beside decoding and hashing, what was read beside what was mended.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from bench.figures import Figure, Result, WrongUseError

NAME = "sight"
SUMMARY = "words, prices, judge, pictures and words in pictures: every part with its baselines"
NEEDS_DEV = True
NEEDS_EXTRA = "ocr"

PARTS = ("words", "prices", "detect", "learning", "pictures", "ocr")
_SHORT = {
    "words": ["--short"],
    "learning": ["--rows", "600"],
    "pictures": ["--only", "speed"],
    "ocr": ["--short"],
}
"""How a part is asked for less; the others take seconds."""
_NOT_RUN = 2
_ROOT = Path(__file__).resolve().parents[1]


def run(args: list[str]) -> Result:
    """`--only words,ocr` for some parts; `--short` for their short forms."""
    parser = argparse.ArgumentParser(prog="bench sight")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, parted by commas")
    parser.add_argument("--short", action="store_true", help="the short form of the parts that have one")
    given = parser.parse_args(args)
    parts = [part for part in given.only.split(",") if part]
    if unknown := sorted(set(parts) - set(PARTS)):
        raise WrongUseError(f"unknown part {unknown[0]!r}; there are {', '.join(PARTS)}")
    figures: list[Figure] = []
    notes: list[str] = []
    for part in parts:
        words = [part, "--json", *(_SHORT.get(part, []) if given.short else [])]
        result = _part(part, words)
        figures += result.figures
        notes += result.notes
    return Result(tuple(figures), tuple(notes))


def _part(part: str, words: list[str]) -> Result:
    """One bench to its end, its figures under its name. A part that breaks is a figure that is short."""
    print(f"{part} ...", file=sys.stderr, end="", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
    lines = done.stdout.splitlines()
    why = f"exit code {done.returncode}"
    if done.returncode < _NOT_RUN and lines:
        try:
            return told(part, lines[-1])
        except (ValueError, KeyError, TypeError) as trouble:
            why = f"no result: {trouble}"
    last = done.stderr.strip().splitlines()[-1:] or [why]
    return Result((Figure(f"{part}: parts that ran", 0, 1),), (f"{part} did not run: {last[0]}",))


def told(part: str, line: str) -> Result:
    """The result of a part from the line of JSON it printed. Raises ValueError, KeyError or TypeError."""
    found = json.loads(line)
    figures = tuple(
        Figure(
            f"{part}: {one['name']}",
            float("nan") if one["value"] is None else one["value"],
            one["target"],
            one["better"],
            one["unit"],
            one["note"],
        )
        for one in found["figures"]
    )
    return Result(figures, tuple(f"{part}: {note}" for note in found["notes"]))
