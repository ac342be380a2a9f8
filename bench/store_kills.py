"""kill -9 at random instants while a process seals, judges and delivers: nothing acknowledged is lost.

A child writes into a data folder and prints every acknowledgement. It is killed, the
folder is opened again, and each line it printed must be true. The folder is kept over
all kills, so damage would add up.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench._looks import TARGET, data_folder, judgement, look, watched
from bench.figures import Figure, Result
from storage.casefile import verify
from storage.clock import SystemClock
from storage.errors import DamagedBlob
from storage.model import Observation, Presence, Sighting
from storage.store import Store

NAME = "store-kills"
SUMMARY = "kill -9 while sealing: nothing acknowledged is lost, no row lacks a blob"
WRITERS = 6
LONGEST_S = 0.8
ROOT = Path(__file__).parent.parent


# --- the child -------------------------------------------------------------------


async def child(folder: Path) -> None:
    """Write until killed; print "sealed ID", "judged ID", "told ID" after each acknowledgement."""
    store = await Store.open(folder, SystemClock())
    print("ready", flush=True)
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(_write(store, writer))
        group.create_task(_tell(store))


async def _write(store: Store, writer: int) -> None:
    for number in range(1_000_000):
        at = store.clock.now()
        name = f"{writer}-{at.timestamp()}"
        row = watched(name, at)
        evidence = await store.seal(look(name, at, pictures=2), watched=row, announce=("chat",))
        print("sealed", evidence.evidence_id, flush=True)
        await store.record(judgement(evidence, at), announce=("chat",))
        print("judged", evidence.evidence_id, flush=True)
        looked = Sighting(target=TARGET, post_id=name, looked_at=at, presence=Presence.GONE_404)
        await store.add_sightings([looked])
        if number % 3 == 0:
            missing = look(
                name, at, pictures=0, observation=Observation.MISSING, previous=evidence.evidence_id
            )
            gone = await store.seal(missing, watched=row, announce=("chat",))
            print("sealed", gone.evidence_id, flush=True)


async def _tell(store: Store) -> None:
    while True:
        for delivery in await store.deliveries_due("chat", store.clock.now(), limit=5):
            await store.mark_sending(delivery.delivery_id, store.clock.now())
            await store.mark_delivered(delivery.delivery_id, store.clock.now(), "receipt")
            print("told", delivery.alert.alert_id, flush=True)
        await asyncio.sleep(0.005)


# --- the parent ------------------------------------------------------------------


@dataclass
class Tally:
    """What was promised and what was found broken over all kills."""

    promised: dict[str, set[str]] = field(
        default_factory=lambda: {"sealed": set(), "judged": set(), "told": set()}
    )
    kills: int = 0
    lost: int = 0
    without_blob: int = 0
    untold: int = 0
    slowest_open_s: float = 0.0


def kill_once(folder: Path, after_s: float, tally: Tally) -> None:
    """Start a child, kill it `after_s` seconds after it was ready, and take down what it promised."""
    started = subprocess.Popen(
        [sys.executable, "-m", f"bench.{Path(__file__).stem}", "--child", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    if started.stdout.readline() != "ready\n":
        raise RuntimeError("the child did not open the store")
    time.sleep(after_s)
    started.send_signal(signal.SIGKILL)
    lines, _ = started.communicate(timeout=30)
    tally.kills += 1
    for line in lines.splitlines(keepends=True):
        kind, _, name = line.partition(" ")
        if line.endswith("\n") and kind in tally.promised:
            tally.promised[kind].add(name.strip())


async def look_over(folder: Path, tally: Tally) -> None:
    """Open after a kill and compare with every promise made so far."""
    started = time.monotonic()
    store = await Store.open(folder, SystemClock())
    tally.without_blob += len(await store.damage())
    tally.slowest_open_s = max(tally.slowest_open_s, time.monotonic() - started)
    rows = store.vault.database.rows
    sealed = {row[0] for row in await rows("SELECT evidence_id FROM observation")}
    judged = {
        row[0]
        for row in await rows(
            "SELECT o.evidence_id FROM observation o JOIN verdict v ON v.seq = o.seq "
            "JOIN alert a ON a.seq = o.seq JOIN delivery d ON d.alert_id = a.alert_id"
        )
    }
    told = {row[0] for row in await rows("SELECT alert_id FROM delivery WHERE state = 'delivered'")}
    for kind, found in (("sealed", sealed), ("judged", judged), ("told", told)):
        tally.lost += len(tally.promised[kind] - found)
    waiting = {e.evidence_id for e in await store.unjudged(100_000)}
    done = {row[0] for row in await rows("SELECT o.evidence_id FROM observation o WHERE o.judged = 1")}
    tally.untold += len(sealed - waiting - done)
    for evidence in await store.unjudged(5):
        try:
            await store.blobs.get(evidence.manifest_sha256)
        except DamagedBlob:
            tally.without_blob += 1
    await store.close()


async def kills(folder: Path, count: int, seed: int) -> Result:
    """Kill a writing child `count` times."""
    chosen, tally = random.Random(seed), Tally()
    for _ in range(count):
        await asyncio.to_thread(kill_once, folder, chosen.uniform(0, LONGEST_S), tally)
        await look_over(folder, tally)
    store = await Store.open(folder, SystemClock())
    report = await verify(store)
    await store.close()
    promised = sum(map(len, tally.promised.values()))
    return Result(
        (
            Figure("kills", tally.kills, count),
            Figure("acknowledged", promised, note="sealed, judged and told"),
            Figure("acknowledged_lost", tally.lost, 0, "equal"),
            Figure("rows_without_blob", tally.without_blob, 0, "equal"),
            Figure("left_unjudged", tally.untold, 0, "equal", note="neither judged nor found by unjudged()"),
            Figure("verify_faults", report.faults, 0, "equal", note=f"{report.evidence} pieces of evidence"),
            Figure("files_without_row", len(report.strange), note="renamed, but killed before their commit"),
            Figure("slowest_open_s", tally.slowest_open_s, 5.0, "at most", "s"),
        ),
        notes=(f"seed {seed}; {WRITERS} writers; kill -9 does not test the disk's cache, only the order",),
    )


async def run(arguments: Sequence[str]) -> Result:
    """`--kills N` (100), `--seed S` (1)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with data_folder() as folder:
        return await kills(folder, options.kills, options.seed)


if __name__ == "__main__":
    asyncio.run(child(Path(sys.argv[2])))
