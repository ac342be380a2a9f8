"""How soon a card says that its post is gone: from the sealed look to the edit, by the server's record."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections import defaultdict
from dataclasses import dataclass

from bench._alert_nights import SHARES, p99, played
from bench.figures import Figure
from storage.model import Alert, Tier
from tests.bot.lanes_kit import GROUP, Lanes

CALM_S, STORM_S = 30.0, 120.0
EVERY_S, LIVES_S = 30.0, 600.0
"""Calm: a post and a vanishing in so many seconds; how long a post lives."""
RAIN_S, WATCHED_S = 600.0, 1_800.0
QUICK, QUICK_MIN, SLOW_MIN, SIGMA = 0.1, 8.0, 60.0, 1.2
"""Lives in a storm are those of the simulated night (docs/nightmarket.md): medians in minutes."""
DRAINED_S, NEVER_S = 300.0, 1e9
_COUNT = re.compile(r"\d+ up · (\d+) deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A vanishing. at: the loop's seconds when its look was sealed."""

    alert_id: str
    at: float


def calm(posts: int, seed: int) -> tuple[Figure, ...]:
    """Two posts and two vanishings a minute, at odd seconds; two figures and the counts they stand on."""
    found: dict[str, float] = {}

    async def body(work: Lanes) -> None:
        await _begin(work)
        chance = random.Random(f"{seed} calm edits")
        gone: list[Gone] = []
        begins = [number * EVERY_S + chance.uniform(0, EVERY_S) for number in range(posts)]
        found.update(
            await _lived(work, gone, [(at, Tier.HIGH, at + LIVES_S, f"s{n}") for n, at in enumerate(begins)])
        )

    played(body, seed)
    return _figures("edits, calm", found, CALM_S, all_within=True)


def storm(posts: int, seed: int) -> tuple[Figure, ...]:
    """Posts in ten minutes, sellers of very different sizes; vanishings of the first half hour."""
    found: dict[str, float] = {}

    async def body(work: Lanes) -> None:
        await _begin(work)
        chance = random.Random(f"{seed} storm edits {posts}")
        gone: list[Gone] = []
        lives = []
        for _ in range(posts):
            at, drawn = chance.uniform(0, RAIN_S), chance.random()
            tier = next(tier for tier, share in SHARES if drawn <= share)
            middle = QUICK_MIN if chance.random() < QUICK else SLOW_MIN
            life = max(60.0, 60.0 * math.exp(chance.gauss(math.log(middle), SIGMA)))
            end = at + life if at + life < WATCHED_S else NEVER_S
            lives.append((at, tier, end, f"seller {min(int(chance.paretovariate(0.9)), posts)}"))
        found.update(await _lived(work, gone, lives))

    played(body, seed)
    return _figures(f"edits, storm {posts}", found, STORM_S, all_within=False)


async def _begin(work: Lanes) -> None:
    await work.start()
    await work.clock.sleep(70)


async def _lived(
    work: Lanes, gone: list[Gone], lives: list[tuple[float, Tier, float, str]]
) -> dict[str, float]:
    """Play lives of (begin, tier, end, seller), and wait until everything is told."""
    start = work.clock.monotonic()
    events = sorted(
        [(begin, 0, number) for number, (begin, *_) in enumerate(lives)]
        + [(end, 1, number) for number, (_, _, end, _) in enumerate(lives) if end < NEVER_S]
    )
    alerts: dict[int, Alert] = {}
    names = [f"p{number + 1}" for number in range(len(lives))]
    order: dict[int, str] = {}
    for at, what, number in events:
        await asyncio.sleep(max(0.0, start + at - work.clock.monotonic()))
        if what == 0:
            order[number] = names[len(alerts)]
            alerts[number] = await work.alert(lives[number][1], seller=lives[number][3])
        else:
            alert = alerts[number]
            assert alert.evidence is not None
            await work.gone(order[number], alert.evidence)
            gone.append(Gone(alert_id=alert.alert_id, at=work.clock.monotonic()))
    await work.clock.sleep(DRAINED_S)
    return await _counted(work, gone)


async def _counted(work: Lanes, gone: list[Gone]) -> dict[str, float]:
    """Delays by the server's record of edits; of an incident, by the count of vanished ones in it."""
    where = await work.rows(
        "SELECT d.alert_id, d.receipt, d.inside FROM delivery d JOIN alert a USING (alert_id) "
        "WHERE d.channel = 'c' AND a.kind = 'new' AND d.state = 'delivered'"
    )
    place = {alert_id: (int(receipt.partition(":")[2]), bool(inside)) for alert_id, receipt, inside in where}
    edits: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for one in work.service.edited:
        edits[one.message_id].append((one.at, one.text))
    for shown in work.service.shown:  # what a new message said at once counts too
        edits[shown.message_id].insert(0, (shown.at, "" if shown.message.edits else shown.message.text))
    delays: list[float] = []
    ranks: dict[int, int] = defaultdict(int)
    for lost in sorted(gone, key=lambda g: g.at):
        number, inside = place.get(lost.alert_id, (0, False))
        ranks[number] += inside
        seen = (
            at for at, text in edits[number] if at >= lost.at and _says(text, ranks[number] if inside else 0)
        )
        delays.append(next(seen, float("inf")) + work.service.answer_s / 2 - lost.at)
    within = [sum(call.chat_id == GROUP and call.method.startswith("edit") and at - 60 < call.at <= at
                  for call in work.service.calls) for at in {c.at for c in work.service.calls}]  # fmt: skip
    limits = work.service.limits
    return {
        "gone": float(len(gone)),
        "told": float(sum(delay < float("inf") for delay in delays)),
        "p99": p99(delays),
        "most": max(delays, default=float("nan")),
        "edits": float(max(within, default=0)),
        "violations": float(limits.violations + limits.early),
    }


def _says(text: str, rank: int) -> bool:
    """Whether a card says that its post is gone; rank: an incident, that so many are."""
    if not rank:
        return "status: DELETED" in text
    match = _COUNT.search(text)
    return match is not None and int(match[1]) >= rank


def _figures(label: str, found: dict[str, float], most_s: float, *, all_within: bool) -> tuple[Figure, ...]:
    return (
        Figure(f"{label}: vanishings that a message shows", found["told"], found["gone"], "equal"),
        Figure(f"{label}: vanishing seen to edit, p99", found["p99"], most_s, "at most", "s"),
        Figure(f"{label}: the longest", found["most"], most_s if all_within else None, "at most", "s"),
        Figure(f"{label}: edits in the group, most in a minute", found["edits"], 5, "at most"),
        Figure(f"{label}: limit violations", found["violations"], 0, "at most"),
    )
