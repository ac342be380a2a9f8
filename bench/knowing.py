"""What is known of a made night's posts when all were kept whole: told, joined, linked, rightly or not.

`bench night` plays whole nights, where a post may be missed; here each is sealed and judged, so that what is
counted is the knowing alone. Innocent posts are all there. The figures are the worst night's, if not told
otherwise.
`--rough`: with pages that answer a minute late and a kill, as on a played night (`_ideal`).
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Literal

from bench._ideal import Told, replayed
from bench.figures import Figure, Result
from nightmarket import world
from nightmarket.exports import Names, by_advert
from nightmarket.judging.alerts import score_alerts
from nightmarket.judging.items import score_items
from nightmarket.judging.sellers import score_sellers
from nightmarket.model import World

NAME = "knowing"
SUMMARY = "posts of made nights, all kept whole: alerted, joined to items, linked to sellers (--seeds 1,2,3)"
NEEDS_DEV = True

Counts = tuple[int, int]
"""How many, and of how many."""


@dataclass(frozen=True, slots=True)
class Promise:
    """target: a share 0..1, None where it is only told. pooled: of all nights together, else of the worst.

    rough: promised of rough nights too.
    """

    name: str
    target: float | None
    better: Literal["at least", "at most"] = "at least"
    pooled: bool = False
    rough: bool = True


PROMISES = (
    Promise("illicit posts alerted", 0.97),
    Promise("high-tier precision", 0.92),
    Promise("text-free re-posts alerted", 0.95),
    Promise("re-posts joined", 0.95),
    Promise("wrong joins", 0.01, "at most"),
    Promise("items told again, no louder", 0.0, "at most", rough=False),
    Promise("items told again, louder", None, "at most"),
    Promise("seller links: precision", 0.9),
    Promise("seller links: recall, a contact or two pictures in common", 0.9, pooled=True),
    Promise("seller links: recall of all linkable, one photograph is enough", 0.9, pooled=True),
    Promise("seller links: recall of all planted", None),
)
"""The first recall is that of accounts which are to be linked: by a contact, two pictures or a template,
which the market has not. Our own, by one photograph, is stricter. Both are of all nights together: of a
night's few pairs one altered picture decides over two.

An item that is found to be worse than was told gets another card with a sound; how often is told, no fault.
Of a rough night more than one alert of an item is only counted: a picture that came a minute after its post's
words shows afterwards that two were one, and the words had been told."""


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
        f"seed {seed}: " + ", ".join(f"{name} {some} of {whole}" for name, (some, whole) in night.items())
        for seed, night in nights.items()
    ]
    return Result((Figure("nights", len(nights)), *figures(nights, rough=given.rough)), tuple(notes))


def figures(nights: Mapping[int, Mapping[str, Counts]], *, rough: bool = False) -> list[Figure]:
    """By promise: the worst of the nights, or all of them together; nan where nothing was to be measured."""
    found = []
    for promise in PROMISES:
        each = [night[promise.name] for night in nights.values()]
        if promise.pooled:
            each = [(sum(some for some, _ in each), sum(whole for _, whole in each))]
        shares = [some / whole if whole else float("nan") for some, whole in each]
        worst = min if promise.better == "at least" else max
        value = float("nan") if any(map(isnan, shares)) else worst(shares)
        target = None if rough and not promise.rough else promise.target
        found.append(Figure(promise.name, value, target, promise.better))
    return found


def played(seed: int, size: str, *, rough: bool = False) -> dict[str, Counts]:
    """The counts of one night."""
    made = world.make(seed, size)
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        return counts_of(made, asyncio.run(replayed(Path(folder), made, rough=rough)))


def counts_of(made: World, told: Told) -> dict[str, Counts]:
    """Of one night, by the names of `PROMISES`."""
    names, everything = Names(made), {advert.key for advert in made.adverts}
    alerts = score_alerts(made, names, told.held, {"all": told.spoken}, everything)
    items = score_items(made, names, told.held)
    sellers = score_sellers(made, told.sellers, by_advert(names, told.held))
    counted = (
        (alerts.told_illicit, alerts.illicit),
        (alerts.high_true, alerts.high_told),
        (alerts.told_silent, alerts.silent),
        (items.joined, items.reposts),
        (len(items.wrong), items.posts),
        (len(alerts.doubled) + alerts.apart, alerts.told),
        (_again(told) - len(alerts.doubled), alerts.told),
        (sellers.right, sellers.linked),
        (sellers.right_plain, sellers.plain),
        (sellers.right_linkable, sellers.linkable),
        (sellers.right, sellers.planted),
    )
    return {promise.name: counts for promise, counts in zip(PROMISES, counted, strict=True)}


def _again(told: Told) -> int:
    """Cards beyond the first of each item."""
    cards = Counter(one.item_id or one.evidence_id for one in told.spoken if one.kind == "new")
    return sum(count - 1 for count in cards.values())
