"""What is known of a made night's posts when all were kept whole: told, joined, linked, rightly or not.

`bench night` plays whole nights, where a post may be missed; here each is sealed and judged, so that what is
counted is the knowing alone. Innocent posts are all there. The figures are the worst night's.
`--rough`: with pages that answer a minute late and a kill, as on a played night (`_ideal`).
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Literal

from bench._ideal import Told, replayed
from bench.figures import Figure, Result
from nightmarket import world
from nightmarket.exports import Names, by_advert
from nightmarket.judge import share
from nightmarket.judging.alerts import score_alerts
from nightmarket.judging.items import score_items
from nightmarket.judging.sellers import score_sellers
from nightmarket.model import World

NAME = "knowing"
SUMMARY = "posts of made nights, all kept whole: alerted, joined to items, linked to sellers (--seeds 1,2,3)"
NEEDS_DEV = True

PROMISES: tuple[tuple[str, float | None, Literal["at least", "at most"]], ...] = (
    ("illicit posts alerted", 0.97, "at least"),
    ("high-tier precision", 0.92, "at least"),
    ("text-free re-posts alerted", 0.95, "at least"),
    ("re-posts joined", 0.95, "at least"),
    ("wrong joins", 0.01, "at most"),
    ("seller links: precision", 0.9, "at least"),
    ("seller links: recall of the linkable", 0.9, "at least"),
    ("seller links: recall of all planted", None, "at least"),
)


def run(args: list[str]) -> Result:
    """Replay `--seeds 1,2,3` in `--size slice`, `--rough` or not; `--short`: one hour of seed 1."""
    parser = argparse.ArgumentParser(prog="bench knowing")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--size", default="slice", choices=("hour", "slice", "full"))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--rough", action="store_true")
    given = parser.parse_args(args)
    seeds = [1] if given.short else [int(seed) for seed in given.seeds.split(",")]
    size = "hour" if given.short else given.size
    nights = {seed: played(seed, size, rough=given.rough) for seed in seeds}
    notes = [
        f"seed {seed}: " + ", ".join(f"{name} {value:.3f}" for name, value in night.items())
        for seed, night in nights.items()
    ]
    return Result((Figure("nights", len(nights)), *figures(nights)), tuple(notes))


def figures(nights: Mapping[int, Mapping[str, float]]) -> list[Figure]:
    """The worst of all nights, by promise; nan where one of them had nothing to measure."""
    found = []
    for name, target, sense in PROMISES:
        each = [night[name] for night in nights.values()]
        worst = min(each) if sense == "at least" else max(each)
        found.append(Figure(name, float("nan") if any(map(isnan, each)) else worst, target, sense))
    return found


def played(seed: int, size: str, *, rough: bool = False) -> dict[str, float]:
    """The figures of one night."""
    made = world.make(seed, size)
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        return figures_of(made, asyncio.run(replayed(Path(folder), made, rough=rough)))


def figures_of(made: World, told: Told) -> dict[str, float]:
    """Of one night, by the names of `PROMISES`; nan where there was nothing to measure."""
    names, everything = Names(made), {advert.key for advert in made.adverts}
    alerts = score_alerts(made, names, told.held, {"all": told.spoken}, everything)
    items = score_items(made, names, told.held)
    sellers = score_sellers(made, told.sellers, by_advert(names, told.held))
    measured = (
        share(alerts.told_illicit, alerts.illicit),
        share(alerts.high_true, alerts.high_told),
        share(alerts.told_silent, alerts.silent),
        share(items.joined, items.reposts),
        share(len(items.wrong), items.posts),
        share(sellers.right, sellers.linked),
        share(sellers.right_linkable, sellers.linkable),
        share(sellers.right, sellers.planted),
    )
    return {
        name: float("nan") if value is None else value
        for (name, _, _), value in zip(PROMISES, measured, strict=True)
    }
