"""Kill -9 at random instants of telling; what people saw is counted by the server that they look at."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import tempfile
from dataclasses import dataclass, field, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bench import _alert_worker
from bench._alert_worker import Work
from bench.figures import Figure, Result
from nightmarket.messenger import Expected, Fault, Service, report
from nightmarket.messenger.journal import key_in
from nightmarket.messenger.limits import Limits
from nightmarket.messenger.words import Chat
from storage.model import Tier

GROUP = -1001
PER_KILL = 2.0
"""Alerts that arise for each kill, about."""
TIMEOUT_S, GRACE_S, LATE_S = 0.6, 1.5, 0.4
"""A request that the server takes later than GRACE_S after its answer was given up is beyond any promise;
so is a server that stands still for as long, as one does on a machine that is too busy."""
FAULTS = (
    ("429", 0.015), ("reset-before", 0.02), ("reset-after", 0.02), ("500-before", 0.01), ("500-after", 0.01),
    ("502-after", 0.005), ("cut-after", 0.01), ("hang-before", 0.003), ("hang-after", 0.003),
    ("late-after", 0.004),
)  # fmt: skip


@dataclass
class Seen:
    """What one seed left. wrong: rows whose receipt names a message of another alert, or none."""

    kills: int = 0
    alerts: int = 0
    lost: int = 0
    doubled: int = 0
    silent: int = 0
    wrong: int = 0
    bundled: int = 0
    urgent: int = 0
    photos: int = 0
    foreign: int = 0
    calls: int = 0
    faults: int = 0
    looks: int = 0
    repeats: int = 0
    longest_stall_s: float = 0.0
    notes: list[str] = field(default_factory=list)

    def add(self, other: Seen) -> None:
        """Sum over seeds."""
        for name, value in vars(other).items():
            if isinstance(value, list):
                self.notes += value
            elif name == "longest_stall_s":
                self.longest_stall_s = max(self.longest_stall_s, value)
            else:
                setattr(self, name, getattr(self, name) + value)


def kills(count: int, seeds: tuple[int, ...]) -> Result:
    """`count` kills in all, shared by the seeds."""
    total = Seen()
    for place, seed in enumerate(seeds):
        share = count // len(seeds) + (place < count % len(seeds))
        with tempfile.TemporaryDirectory(prefix="nightjar-alerts-") as folder:
            total.add(asyncio.run(_one(seed, share, Path(folder))))
        print(f"seed {seed}: {total.kills} kills, {total.alerts} alerts", file=sys.stderr, flush=True)
    return Result((*_figures(total, count),), notes=tuple(total.notes))


def _figures(seen: Seen, count: int) -> tuple[Figure, ...]:
    return (
        Figure("kill -9", seen.kills, count),
        Figure("alerts", seen.alerts, count),
        Figure("lost", seen.lost, 0, "at most"),
        Figure("doubled", seen.doubled, 0, "at most"),
        Figure("urgent ones without a sound of a new message", seen.silent, 0, "at most"),
        Figure("rows that name another message, or none", seen.wrong, 0, "at most"),
        Figure(
            "told as possible repeats",
            seen.repeats,
            note="more than 40 ids to look at, or the very first message",
        ),
        Figure("urgent alerts", seen.urgent, note=f"{seen.bundled} alerts came in one message with others"),
        Figure("with photo", seen.photos),
        Figure("messages of others between", seen.foreign),
        Figure("calls", seen.calls, note=f"{seen.looks} were looks for lost answers"),
        Figure(
            "the server's longest stall",
            seen.longest_stall_s,
            unit="s",
            note="the machine is too busy above 1",
        ),
        Figure("calls faulted", 100 * seen.faults / max(1, seen.calls), unit="%"),
    )


async def _one(seed: int, count: int, folder: Path) -> Seen:
    chance, seen = random.Random(f"{seed} kills"), Seen()
    async with Service(seed=seed, limits=Limits(on=False), answer_s=0.015) as service:
        group = service.add_chat(GROUP)
        service.faults.waiting = [
            Fault(
                kind=kind,
                chance=share,
                times=None,
                retry_after=1,
                delay_s=LATE_S if kind == "late-after" else 3_600,
            )
            for kind, share in FAULTS
        ]
        work = Work(
            folder=folder / "data",
            base_url=service.base_url,
            chat_id=GROUP,
            most=int(count * PER_KILL),
            timeout_s=TIMEOUT_S,
            grace_s=GRACE_S,
        )
        chatter = asyncio.create_task(_chatter(service, group, chance, seen))
        stalls = asyncio.create_task(_stalls(seen))
        while seen.kills < count:
            await _life(work, chance, seen)
            work = replace(work, most=work.most + 2)
        await _last_life(work)
        chatter.cancel()
        stalls.cancel()
        _judge(service, group, folder / "data", seen)
    return seen


async def _chatter(service: Service, group: Chat, chance: random.Random, seen: Seen) -> None:
    while True:
        await asyncio.sleep(chance.expovariate(2.0))
        service.people.chatter(group)
        seen.foreign += 1


async def _stalls(seen: Seen) -> None:
    """How long the server's loop did nothing."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.05
        await asyncio.sleep(0.05)
        seen.longest_stall_s = max(seen.longest_stall_s, loop.time() - due)


def _process(work: Work) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench._alert_worker", "telegram", "telegram.request"])
    return context.Process(target=_alert_worker.run, args=(work,), daemon=True)


async def _life(work: Work, chance: random.Random, seen: Seen) -> None:
    """Start it, and end it at a random instant of its first seconds."""
    process = _process(work)
    process.start()
    await asyncio.sleep(chance.choice((0.15, 0.5, 2.0, 3.0)) + chance.random() * 0.6)
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
        seen.kills += 1
    await asyncio.to_thread(process.join)


async def _last_life(work: Work) -> None:
    process = _process(work)
    process.start()
    await asyncio.to_thread(process.join, 600)
    if process.is_alive():
        process.kill()
        raise RuntimeError("the last life did not tell everything within ten minutes")


def _judge(service: Service, group: Chat, data: Path, seen: Seen) -> None:
    """Hold what the database says should have been told against what stands in the chat."""
    with contextlib.closing(sqlite3.connect(f"file:{data / 'nightjar.db'}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT d.alert_id, d.rank, d.receipt, d.inside FROM delivery d JOIN alert a USING (alert_id) "
            "WHERE a.kind IN ('new', 'incident')"
        ).fetchall()
    expected = {
        alert: Expected(chat_id=GROUP, rank=rank, inside=inside or "") for alert, rank, _, inside in rows
    }
    found = report(service, expected)
    seen.alerts = sum(1 for _, _, _, inside in rows) - sum(1 for key in expected if key in _insides(rows))
    seen.lost, seen.doubled, seen.calls = len(found.lost), len(found.doubled), found.calls
    seen.faults, seen.bundled = service.faults.met, sum(bool(inside) for *_, inside in rows)
    first = {one.key: one for one in reversed(service.shown) if one.key}
    for alert, rank, receipt, inside in rows:
        number = receipt.partition(":")[2]
        message = group.messages.get(int(number)) if number.isdigit() else None
        seen.wrong += message is None or key_in(message.keyboard) != (inside or alert)
        if rank == Tier.URGENT.rank:
            shown = first.get(inside or alert)
            seen.urgent += 1
            seen.silent += shown is None or shown.silent
    seen.photos = sum(one.form == "photo" for one in service.shown)
    seen.looks = sum(call.method == "editMessageReplyMarkup" for call in service.calls)
    seen.repeats = sum("possible repeat" in one.message.text for one in service.shown)
    seen.notes += [f"lost {key}" for key in found.lost] + [f"doubled {key}" for key in found.doubled]


def _insides(rows: list[tuple[str, int, str, str | None]]) -> set[str]:
    return {inside for *_, inside in rows if inside}
