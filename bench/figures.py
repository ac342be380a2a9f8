"""Figures beside their targets, and how they are printed. Not for measuring."""

from __future__ import annotations

import json
import math
import os
import platform
from dataclasses import asdict, dataclass
from typing import Literal


class WrongUseError(Exception):
    """The bench was asked for something it does not know; the command exits 2."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. target None: told for information, nothing is promised.

    better: which side of the target is good. unit: "s", "MB", "%", "" for a count.
    """

    name: str
    value: float
    target: float | None = None
    better: Literal["at least", "at most", "equal"] = "at least"
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the promise is kept. NaN (nothing was measured) never is."""
        if self.target is None:
            return True
        if self.better == "equal":
            return self.value == self.target
        return self.value >= self.target if self.better == "at least" else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Result:
    """What a bench found. notes: what a reader must know to judge the figures."""

    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether every figure meets its target."""
        return all(figure.met for figure in self.figures)


def number(value: float) -> str:
    """A figure for people: whole numbers whole, others with four significant digits."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def table(name: str, result: Result) -> str:
    """Figures and targets in aligned columns, notes below; plain text."""
    rows = [("figure", "measured", "promised", "", "")]
    for figure in result.figures:
        unit = f" {figure.unit}" if figure.unit else ""
        promised = "" if figure.target is None else f"{figure.better} {number(figure.target)}{unit}"
        verdict = "" if figure.target is None else "met" if figure.met else "SHORT"
        rows.append((figure.name, f"{number(figure.value)}{unit}", promised, verdict, figure.note))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [f"bench {name} on {os.cpu_count()} cores, Python {platform.python_version()}"]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    lines += [f"note: {note}" for note in result.notes]
    return "\n".join(lines)


def as_json(name: str, result: Result) -> str:
    """The same as one line of JSON; a value that is no number becomes null."""
    figures = [
        {**asdict(figure), "value": figure.value if math.isfinite(figure.value) else None, "met": figure.met}
        for figure in result.figures
    ]
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    told = {"bench": name, "met": result.met, "figures": figures, "notes": result.notes, "machine": machine}
    return json.dumps(told, ensure_ascii=False, allow_nan=False)
