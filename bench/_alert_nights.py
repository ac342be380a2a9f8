"""Nights of alerts on virtual time: calm, a storm, an outage, and a chat that is told to wait."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from bench.figures import Figure, Result
from nightmarket.messenger import Fault
from nightmarket.messenger.journal import key_in
from nightmarket.messenger.words import Chat
from storage.model import AlertKind, Tier
from tests.bot.lanes_kit import DIRECT, GROUP, Lanes, night

MINUTE_S = 60.0
STORM_S, BURST_S = 600.0, 60.0
SHARES = ((Tier.URGENT, 0.05), (Tier.HIGH, 0.30), (Tier.NORMAL, 1.0))
"""Of posts up to this share: 5 % urgent, 25 % high, the rest normal."""
BOTH = ("c", "direct:5001")


def played(body: Callable[[Lanes], Awaitable[None]], seed: int) -> None:
    """One night in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="nightjar-alerts-") as folder:
        night(Path(folder), body, seed=seed)


def p99(values: list[float]) -> float:
    """The 99th percentile, NaN of nothing."""
    if not values:
        return float("nan")
    return quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]


async def told_at(work: Lanes, chat: Chat, channel: str) -> dict[str, float]:
    """When each alert could be read in a chat by the server's log: its message, or the edit showing it."""
    rows = await work.rows(
        "SELECT d.alert_id, d.receipt, d.delivered_at, d.inside FROM delivery d "
        "JOIN alert a USING (alert_id) WHERE d.channel = ? AND d.state = 'delivered' AND a.kind = 'new'",
        channel,
    )
    calls: dict[int, list[float]] = {}
    for call in work.service.calls:
        if call.chat_id == chat.chat_id and call.outcome == "ok" and call.message_id:
            calls.setdefault(call.message_id, []).append(call.at)
    start = work.clock.now().timestamp() - work.clock.monotonic()
    found = {}
    for alert_id, receipt, delivered_at, inside in rows:
        number = int(receipt.partition(":")[2])
        assert key_in(chat.messages[number].keyboard) == (inside or alert_id)
        marked = delivered_at / 1e6 - start
        found[alert_id] = max(at for at in calls[number] if at <= marked + 0.001) + work.service.answer_s
    return found


# --- calm ---------------------------------------------------------------------------------


def calm(alerts: int, seed: int) -> Result:
    """Ten a minute, urgent and high in turn."""
    delays: list[float] = []
    cost: list[float] = []

    async def body(work: Lanes) -> None:
        await work.start(direct=True)
        await work.clock.sleep(2)
        born: dict[str, float] = {}
        began, used = time.perf_counter(), time.process_time()
        for number in range(alerts):
            tier = (Tier.URGENT, Tier.HIGH)[number % 2]
            at = work.clock.monotonic()
            alert = await work.alert(tier, announce=BOTH if tier is Tier.URGENT else ("c",))
            born[alert.alert_id] = at
            await work.clock.sleep(MINUTE_S / 10)
        cost.extend((time.perf_counter() - began, time.process_time() - used))
        await work.clock.sleep(10)
        for chat, channel in ((work.group, "c"), (work.service.chats[DIRECT], "direct:5001")):
            seen = await told_at(work, chat, channel)
            delays.extend(at - born[alert] for alert, at in seen.items())
        delays.extend([float("inf")] * (alerts + (alerts + 1) // 2 - len(delays)))

    played(body, seed)
    own = cost[0] / alerts
    figures = (
        Figure("calm: captured to delivered, p50", median(delays) + own, 0.5, "at most", "s"),
        Figure("calm: captured to delivered, p99", p99(delays) + own, 2.0, "at most", "s"),
        Figure(
            "calm: our own work an alert, in both", 1000 * own, unit="ms", note="wall, sealing and server too"
        ),
        Figure("calm: processor time an alert", 1000 * cost[1] / alerts, unit="ms", note="the same"),
    )
    return Result(figures)


# --- storm --------------------------------------------------------------------------------


@dataclass
class Storm:
    """What a storm left. born: seconds by alert id; tiers likewise."""

    born: dict[str, float] = field(default_factory=dict)
    tiers: dict[str, Tier] = field(default_factory=dict)
    group: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    violations: int = 0
    early: int = 0
    refused: int = 0
    grown_mib: float = 0.0
    messages: int = 0
    notices: int = 0
    undelivered: int = 0
    loud: int = 0


def storm(posts: int, seed: int) -> tuple[Figure, ...]:
    """Half of them evenly over ten minutes, half within one; sellers of very different sizes."""
    seen = Storm()

    async def body(work: Lanes) -> None:
        await work.start(direct=True)
        await work.clock.sleep(70)
        before = rss_mib()
        seen.began = work.clock.monotonic()
        await _rain(work, posts, seed, seen)
        await _drained(work)
        seen.ended = max(call.at for call in work.service.calls)
        seen.grown_mib = rss_mib() - before
        await _count(work, seen)

    played(body, seed)
    return _storm_figures(posts, seen)


async def _rain(work: Lanes, posts: int, seed: int, seen: Storm) -> None:
    chance = random.Random(f"{seed} storm {posts}")
    sellers = [f"seller {min(int(chance.paretovariate(0.9)), posts)}" for _ in range(posts)]
    times = sorted(
        [chance.uniform(0, STORM_S) for _ in range(posts // 2)]
        + [STORM_S / 3 + chance.uniform(0, BURST_S) for _ in range(posts - posts // 2)]
    )
    for at, seller in zip(times, sellers, strict=True):
        wait = seen.began + at - work.clock.monotonic()
        if wait > 0:
            await work.clock.sleep(wait)
        drawn = chance.random()
        tier = next(tier for tier, share in SHARES if drawn <= share)
        born = work.clock.monotonic()
        alert = await work.alert(tier, announce=BOTH if tier is Tier.URGENT else ("c",), seller=seller)
        seen.born[alert.alert_id], seen.tiers[alert.alert_id] = born, tier


async def _drained(work: Lanes) -> None:
    for _ in range(720):
        await work.clock.sleep(5)
        rows = await work.rows("SELECT count(*) FROM delivery WHERE state IN ('waiting', 'sending')")
        if rows == [(0,)]:
            return


async def _count(work: Lanes, seen: Storm) -> None:
    seen.group = await told_at(work, work.group, "c")
    seen.own = await told_at(work, work.service.chats[DIRECT], "direct:5001")
    limits = work.service.limits
    seen.violations, seen.early = limits.violations, limits.early
    seen.refused = sum(call.outcome.startswith("429") for call in work.service.calls)
    seen.messages = len(work.service.shown)
    notice = AlertKind.NOTICE.value
    rows = await work.rows("SELECT count(*) FROM alert WHERE kind = ? AND notice LIKE 'storm:%'", notice)
    seen.notices = rows[0][0]
    rows = await work.rows("SELECT count(*) FROM delivery WHERE state <> 'delivered'")
    seen.undelivered = rows[0][0]


def _storm_figures(posts: int, seen: Storm) -> tuple[Figure, ...]:
    label = f"storm {posts}"

    def late(tier: Tier, chat: dict[str, float]) -> float:
        return p99([chat[a] - seen.born[a] for a, t in seen.tiers.items() if t is tier and a in chat])

    urgent = {a for a, tier in seen.tiers.items() if tier is Tier.URGENT}
    told = len(seen.group.keys() & seen.tiers.keys())
    small = posts <= 1_000
    figures = [
        Figure(f"{label}: alerts that a message shows", told, posts, "equal"),
        Figure(
            f"{label}: urgent, officer's own chat, all there",
            len(urgent & seen.own.keys()),
            len(urgent),
            "equal",
        ),
        Figure(
            f"{label}: urgent p99, own chat", late(Tier.URGENT, seen.own), 5 if small else 10, "at most", "s"
        ),
        Figure(
            f"{label}: urgent p99, group", late(Tier.URGENT, seen.group), 5 if small else None, "at most", "s"
        ),
        Figure(f"{label}: high p99", late(Tier.HIGH, seen.group), 90 if small else None, "at most", "s"),
        Figure(f"{label}: normal p99", late(Tier.NORMAL, seen.group), 240 if small else None, "at most", "s"),
        Figure(
            f"{label}: drained after", (seen.ended - seen.began) / 60, 11 if small else None, "at most", "min"
        ),
        Figure(f"{label}: limit violations", seen.violations + seen.early, 0, "at most"),
        Figure(f"{label}: answers 429", seen.refused, 3, "at most"),
        Figure(f"{label}: storm notices", seen.notices, 1, "equal"),
        Figure(f"{label}: rows that are not delivered", seen.undelivered, 0, "at most"),
        Figure(f"{label}: messages in both chats", seen.messages),
        Figure(
            f"{label}: memory grown, server and all", seen.grown_mib, None if small else 40, "at most", "MiB"
        ),
    ]
    return tuple(figures)


def rss_mib() -> float:
    """Resident memory of this process."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * 4096 / 1_048_576


# --- outage -------------------------------------------------------------------------------


def outage(seed: int) -> tuple[Figure, ...]:
    """Two hours without the server, 300 alerts meanwhile."""
    found: dict[str, float] = {}

    async def body(work: Lanes) -> None:
        await work.start(fallback="ear")
        await work.clock.sleep(70)
        await work.service.close_listener()
        began = work.clock.monotonic()
        heard = asyncio.create_task(_heard(work))
        tiers: dict[str, Tier] = {}
        for number in range(300):
            tier = Tier.URGENT if number % 20 == 0 else Tier.HIGH if number % 4 == 0 else Tier.NORMAL
            tiers[(await work.alert(tier, seller=f"s{number % 40}")).alert_id] = tier
            await work.clock.sleep(7_200 / 300)
        found["fallback"] = await heard - began
        await work.service.open_listener()
        back = work.clock.monotonic()
        await work.clock.sleep(900)
        seen = await told_at(work, work.group, "c")
        order = sorted(seen, key=lambda alert: seen[alert])
        urgent = [a for a, tier in tiers.items() if tier is Tier.URGENT]
        found["told"], found["tenth"] = len(seen), seen[order[9]] - back
        found["louder"] = min(seen[a] for a in order if a not in urgent) - max(seen[a] for a in urgent)
        found["violations"] = work.service.limits.violations + work.service.limits.early
        found["drained"] = (max(seen.values()) - back) / 60
        lent = {d.alert.alert_id for d in work.ear.told}
        found["lent"] = len(lent & set(urgent))

    played(body, seed)
    return (
        Figure("outage: fallback told after", found["fallback"], 60, "at most", "s"),
        Figure("outage: urgent alerts that the fallback got", found["lent"], 15, "equal"),
        Figure("outage: first ten told after the return within", found["tenth"], 60, "at most", "s"),
        Figure("outage: seconds between last urgent and first other", found["louder"], 0, unit="s"),
        Figure("outage: alerts told", found["told"], 300, "equal"),
        Figure("outage: all told after the return within", found["drained"], unit="min"),
        Figure("outage: limit violations", found["violations"], 0, "at most"),
    )


async def _heard(work: Lanes) -> float:
    """When the fallback was first told anything."""
    while not work.ear.told:
        await work.clock.sleep(1)
    return work.clock.monotonic()


# --- 429 ----------------------------------------------------------------------------------


def retry_after(seed: int) -> tuple[Figure, ...]:
    """The group is told to wait 30 s; the officer's own chat is not."""
    found: dict[str, float] = {}

    async def body(work: Lanes) -> None:
        await work.start(direct=True)
        await work.clock.sleep(70)
        work.service.faults.waiting = [Fault(kind="429", chat_id=GROUP, retry_after=30)]
        first = work.clock.monotonic()
        await work.alert(Tier.HIGH)
        await work.clock.sleep(1)
        born = []
        for _ in range(8):
            alert = await work.alert(Tier.URGENT, announce=BOTH)
            born.append((alert.alert_id, work.clock.monotonic()))
            await work.clock.sleep(3)
        await work.clock.sleep(60)
        calls = [c.at for c in work.service.calls if c.chat_id == GROUP and c.at >= first]
        found["rest"] = calls[1] - calls[0]
        own = await told_at(work, work.service.chats[DIRECT], "direct:5001")
        found["own"] = max(own[alert] - at for alert, at in born)
        found["early"] = work.service.limits.early
        found["told"] = len(await told_at(work, work.group, "c"))

    played(body, seed)
    return (
        Figure("429: seconds before the chat was asked again", found["rest"], 30, unit="s"),
        Figure("429: calls that came too early", found["early"], 0, "at most"),
        Figure("429: another chat's longest delay meanwhile", found["own"], 2, "at most", "s"),
        Figure("429: alerts told in the end", found["told"], 9, "equal"),
    )
