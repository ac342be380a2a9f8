"""How many looks per second are sealed durably, and what the other storage calls cost."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path

from bench._looks import TARGET, data_folder, judgement, look, watched
from bench.figures import Figure, Result
from storage.casefile import find, verify
from storage.clock import SystemClock
from storage.model import Evidence, Presence, Progress, Sighting, Snapshot
from storage.store import Store

NAME = "seals"
SUMMARY = "durable seals per second, and the other storage calls"
AT_ONCE = 64


async def _took(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def _seal_all(store: Store, looks: list[Snapshot]) -> list[Evidence]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(snapshot: Snapshot) -> Evidence:
        async with gate:
            return await store.seal(snapshot, watched=watched(snapshot.post.post_id, snapshot.listed_at))

    return list(await asyncio.gather(*map(one, looks)))


async def _judge_all(store: Store, sealed: list[Evidence]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(evidence: Evidence) -> None:
        async with gate:
            await store.record(judgement(evidence, store.clock.now()), announce=("chat", "file"))

    await asyncio.gather(*map(one, sealed))


async def measure(folder: Path, count: int) -> Result:
    """Seal, judge and ask on a fresh store."""
    store = await Store.open(folder, SystemClock())
    at = store.clock.now()
    looks = [look(f"post-{n}", at, pictures=1, picture_bytes=40_000) for n in range(count)]
    started = time.perf_counter()
    sealed = await _seal_all(store, looks)
    seal_s = time.perf_counter() - started
    alone_s = min([await _took(store.seal(look(f"alone-{n}", store.clock.now()))) for n in range(10)])
    judge_s = await _took(_judge_all(store, sealed))
    now = store.clock.now()
    ids = [f"post-{n % count}" for n in range(500)]
    known_s = min([await _took(store.known(TARGET, ids)) for _ in range(5)])
    rows = [watched(f"many-{n}", now) for n in range(1_000)]
    watched_s = await _took(store.save_watched(rows))
    due_s = await _took(store.vigils_due(now + timedelta(hours=1), limit=500))
    seen = [Sighting(target=TARGET, post_id=i, looked_at=now, presence=Presence.ALIVE) for i in ids]
    sightings_s = await _took(store.add_sightings(seen))
    progress_s = await _took(store.save_progress([Progress(target=f"t{n}") for n in range(1_000)]))
    outbox_s = await _took(store.deliveries_due("chat", store.clock.now()))
    find_s = await _took(find(store, text="血料"))
    verify_s = await _took(verify(store))
    await store.close()
    reopen_s = await _took(_reopen(folder))
    return Result(
        (
            Figure("seals_per_s", count / seal_s, 300, note="three new files each: page, picture, manifest"),
            Figure("seal_alone_s", alone_s, unit="s", note="nobody to share the fsyncs with"),
            Figure("verdicts_per_s", count / judge_s, note="item, alert and two deliveries each"),
            Figure("known_500_s", known_s, 0.02, "at most", "s"),
            Figure("save_watched_1000_s", watched_s, 0.5, "at most", "s"),
            Figure("vigils_due_500_s", due_s, 0.1, "at most", "s"),
            Figure("add_sightings_500_s", sightings_s, 0.5, "at most", "s"),
            Figure("save_progress_1000_s", progress_s, 0.5, "at most", "s"),
            Figure("deliveries_due_50_s", outbox_s, 0.1, "at most", "s"),
            Figure("find_s", find_s, unit="s", note=f"two characters in {count} posts"),
            Figure("verify_s", verify_s, unit="s"),
            Figure("reopen_and_compare_s", reopen_s, 5.0, "at most", "s"),
        ),
        notes=(f"{count} looks, {AT_ONCE} at once; WAL, synchronous FULL, fsync of every file and folder",),
    )


async def _reopen(folder: Path) -> None:
    store = await Store.open(folder, SystemClock())
    await store.damage()
    await store.close()


async def run(arguments: list[str]) -> Result:
    """`--count N` looks (2,000)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--count", type=int, default=2_000)
    with data_folder() as folder:
        return await measure(folder, parser.parse_args(arguments).count)
