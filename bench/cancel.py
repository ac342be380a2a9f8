"""Cancelling storage calls at random instants: the database must stay usable, for ever.

A plain tortoise transaction is wedged within the first 20 cancellations (docs/decisions/0003).
Each call of the store is started and cancelled 0.1 to 100 ms later; every 250 cancellations
the store must answer within 10 s, and in the end everything acknowledged must be there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench._looks import TARGET, data_folder, judgement, look, watched
from bench.figures import Figure, Result
from storage.casefile import find, verify
from storage.clock import SystemClock
from storage.errors import StoreError
from storage.model import Observation, Presence, Progress, Sighting
from storage.store import Store

NAME = "cancel"
SUMMARY = "10,000 cancellations at random instants over all storage calls"
SHORTEST_S, LONGEST_S = 0.0001, 0.1
AT_ONCE = 40
CHECK_EVERY = 250
ANSWER_S = 10.0

Call = Callable[[], Awaitable[object]]


@dataclass
class Storm:
    """One run: what was cancelled, what came through, what got stuck."""

    store: Store
    chosen: random.Random
    cancellations: int = 0
    finished: int = 0
    refused: int = 0
    wedged: int = 0
    acknowledged: list[str] = field(default_factory=list)
    number: int = 0

    def call(self) -> Awaitable[object]:
        """A random call of the store."""
        return self.chosen.choice(self._calls())()

    def _calls(self) -> Sequence[Call]:
        store, now = self.store, self.store.clock.now()
        self.number += 1
        name = f"post-{self.number % 200}"
        return (
            lambda: self._seal(name, Observation.SEEN),
            lambda: self._seal(name, Observation.MISSING),
            self._record,
            lambda: store.unjudged(20),
            lambda: store.known(TARGET, [name, "other"]),
            lambda: store.save_watched([watched(name, now)]),
            lambda: store.vigils_due(now),
            lambda: store.vigils_open(TARGET),
            lambda: store.hasten(TARGET, [name], now),
            lambda: store.add_sightings([_sighting(name, store)]),
            lambda: store.save_progress([Progress(target=TARGET, polls=self.number)]),
            store.load_progress,
            self._deliver,
            lambda: store.stuck("chat"),
            lambda: store.notify(f"notice {self.number}", announce=("chat",)),
            lambda: store.log_event("view", {"post": name}),
            store.root,
            lambda: find(store, text="血料", limit=3),
            self._read_blob,
        )

    async def _seal(self, name: str, observation: Observation) -> None:
        snapshot = look(name, self.store.clock.now(), observation=observation)
        evidence = await self.store.seal(
            snapshot, watched=watched(name, snapshot.listed_at), announce=("chat",)
        )
        self.acknowledged.append(evidence.evidence_id)

    async def _record(self) -> None:
        for evidence in await self.store.unjudged(1):
            await self.store.record(judgement(evidence, self.store.clock.now()), announce=("chat", "file"))

    async def _deliver(self) -> None:
        store, now = self.store, self.store.clock.now()
        for delivery in await store.deliveries_due("chat", now, limit=1):
            await store.mark_sending(delivery.delivery_id, now)
            if self.chosen.random() < 0.5:
                await store.mark_waiting(delivery.delivery_id, now, "again")
            else:
                await store.mark_delivered(delivery.delivery_id, now, "receipt")

    async def _read_blob(self) -> None:
        if self.acknowledged:
            evidence = await self.store.evidence(self.chosen.choice(self.acknowledged))
            await self.store.blobs.get(evidence.manifest_sha256)

    async def round(self) -> None:
        """Some calls side by side, each cancelled at an instant of its own."""
        loop = asyncio.get_running_loop()
        tasks = [asyncio.ensure_future(self.call()) for _ in range(AT_ONCE)]
        for task in tasks:
            share = self.chosen.random()
            loop.call_later(SHORTEST_S * (LONGEST_S / SHORTEST_S) ** share, task.cancel)
        await asyncio.wait(tasks, timeout=ANSWER_S)
        for task in tasks:
            if not task.done():
                self.wedged += 1
            elif task.cancelled():
                self.cancellations += 1
            elif isinstance(task.exception(), StoreError):
                self.refused += 1
            elif task.exception() is not None:
                raise task.exception() or AssertionError
            else:
                self.finished += 1

    async def usable(self) -> bool:
        """Whether the store writes and reads within the time given."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                evidence = await self.store.seal(look("check", self.store.clock.now()))
                return await self.store.evidence(evidence.evidence_id) == evidence
        return False


def _sighting(name: str, store: Store) -> Sighting:
    return Sighting(target=TARGET, post_id=name, looked_at=store.clock.now(), presence=Presence.ALIVE)


async def storm(folder: Path, count: int, seed: int) -> Result:
    """Cancel `count` calls on a fresh store, then look whether everything is well."""
    started = time.monotonic()
    store = await Store.open(folder, SystemClock())
    run, checked = Storm(store, random.Random(seed)), 0
    while run.cancellations < count and not run.wedged:
        await run.round()
        if run.cancellations // CHECK_EVERY > checked:
            checked = run.cancellations // CHECK_EVERY
            run.wedged += not await run.usable()
    storm_s = time.monotonic() - started
    await asyncio.wait_for(store.close(), ANSWER_S * 3)
    lost, faults = await _after(folder, run.acknowledged)
    return Result(
        (
            Figure("cancellations", run.cancellations, count),
            Figure("wedged", run.wedged, 0, "equal"),
            Figure("acknowledged_lost", lost, 0, "equal", note=f"of {len(run.acknowledged)}"),
            Figure("verify_faults", faults, 0, "equal"),
            Figure("finished_first", run.finished, note="calls that were quicker than their cancellation"),
            Figure("refused", run.refused, 0, "equal", note="calls that raised a StoreError"),
            Figure("seconds", storm_s, unit="s"),
        ),
        notes=(
            f"seed {seed}; {checked} checks on the way; cancelled 0 to {LONGEST_S * 1000:g} ms after start",
        ),
    )


async def _after(folder: Path, acknowledged: Sequence[str]) -> tuple[int, int]:
    """(acknowledged evidence that is gone, faults) of the store opened again."""
    store = await Store.open(folder, SystemClock())
    try:
        rows = await store.vault.database.rows("SELECT evidence_id FROM observation")
        kept = {row[0] for row in rows}
        report = await verify(store)
        return len(set(acknowledged) - kept), report.faults + len(await store.damage())
    finally:
        await store.close()


async def run(arguments: list[str]) -> Result:
    """`--count N` cancellations (10,000), `--seed S` (1)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with data_folder() as folder:
        return await storm(folder, options.count, options.seed)
