"""What a capture costs in a given store: `python -m bench._captures FOLDER COUNT`, one line of JSON.

The true path of a post that was just fetched: what is known of it, the seal (manifest, blobs, rows,
entry of the log), its picture decoded in a worker and looked for among all that are kept, the
verdict and its entry. A process of its own, so that memory and processor time are the store's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench._alone import status, trim
from bench._looks import TARGET, answer, look, watched
from bench._square import _picture
from bench._stored import unsurveyed
from storage.clock import SystemClock
from storage.model import Snapshot
from storage.patience import DiskWatch
from storage.store import Store
from watchers.judging import Bench, Policy
from watchers.lexicon import Lexicon
from watchers.meter import Uncounted
from watchers.pictures import PictureWorkers

AT_ONCE = 8
WARM_UP = 40


def captures(begin: int, count: int) -> list[Snapshot]:
    """Looks at new posts, each with a picture of its own."""
    now, made = SystemClock().now(), []
    for n in range(begin, begin + count):
        one = look(f"new-{n}", now)
        pictures = tuple(
            replace(p, response=answer(p.ref.url, _picture(f"1-{n}"), now)) for p in one.pictures
        )
        made.append(replace(one, pictures=pictures))
    return made


async def capture(store: Store, bench: Bench, snapshot: Snapshot) -> None:
    """One post through the path."""
    post_id = snapshot.post.post_id
    if await store.known(TARGET, [post_id]):
        raise AssertionError("it is new")
    evidence = await store.seal(snapshot, watched=watched(post_id, snapshot.captured_at))
    await bench.submit(evidence)


async def through(store: Store, bench: Bench, snapshots: list[Snapshot]) -> tuple[float, float]:
    """(processor, wall) seconds for all of them, some at a time, until the last verdict is durable."""
    began, cpu = time.monotonic(), time.process_time()
    for at in range(0, len(snapshots), AT_ONCE):
        await asyncio.gather(*(capture(store, bench, s) for s in snapshots[at : at + AT_ONCE]))
    await bench.drain()
    return time.process_time() - cpu, time.monotonic() - began


async def measured(folder: Path, count: int) -> dict[str, Any]:
    """Open, fill the index, capture `count` posts in four turns."""
    clock, began = SystemClock(), time.monotonic()
    store = await Store.open(folder, clock)
    opened_s, began = time.monotonic() - began, time.monotonic()
    workers = PictureWorkers(1, clock)
    policy = Policy(lexicon=Lexicon.load(), targets={}, route=lambda *_: ("chat",))
    bench = Bench(store, workers, clock, Uncounted(), policy, spoke=lambda: None, disk=DiskWatch(clock))
    try:
        await workers.start()
        pictures = await bench.fill_index()
        filled_s = time.monotonic() - began
        trim()
        memory, began = status("VmRSS"), time.monotonic()
        await store.vault.database.rows(
            "SELECT entry FROM leaf WHERE kind = 'lexicon' ORDER BY \"index\" DESC LIMIT 1"
        )
        searched_s = time.monotonic() - began
        judging = asyncio.create_task(bench.run())
        await through(store, bench, captures(0, WARM_UP))
        turns = [
            await through(store, bench, captures(WARM_UP + turn * count // 4, count // 4))
            for turn in range(4)
        ]
        judging.cancel()
        await asyncio.gather(judging, return_exceptions=True)
        rows = await store.vault.database.rows(
            "SELECT count(*) FROM observation o JOIN verdict v ON v.seq = o.seq WHERE o.target = ?", (TARGET,)
        )
        kept = int(rows[0][0])
    finally:
        await workers.close()
        await store.close()
    return {
        "opened_s": opened_s, "filled_s": filled_s, "pictures": pictures, "memory": memory, "kept": kept,
        "turns": turns, "each": count // 4,
        "searched_s": searched_s,
    }  # fmt: skip


if __name__ == "__main__":
    with unsurveyed():
        print(json.dumps(asyncio.run(measured(Path(sys.argv[1]), int(sys.argv[2])))), flush=True)
