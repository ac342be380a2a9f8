"""kill -9 at random instants while a process seals, judges, tells and signs.

The child is forked from a server that has everything imported, so a kill costs little more
than the time the child was given. A folder is kept over many kills, so damage adds up; a
new one follows before looking it over takes longer than writing it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from bench import store_kills
from bench.figures import Figure
from bench.store_kills import WRITERS, Tally
from storage import checkpoints, keys, notes
from storage.casefile import verify
from storage.clock import SystemClock
from storage.errors import NotNote
from storage.store import Store
from storage.tree import Frontier

LONGEST_S = 0.6
PER_FOLDER = 50
_SIGN_EVERY_S = 0.02
_READY_S = 60.0


# --- the child ----------------------------------------------------------------------------


async def child(folder: Path) -> None:
    """As `store_kills.child`, with a checkpoint signed every few moments: "signed SIZE ROOT"."""
    store = await Store.open(folder, SystemClock())
    print("ready", flush=True)
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(store_kills._write(store, writer))
        group.create_task(store_kills._tell(store))
        group.create_task(_sign(store))


async def _sign(store: Store) -> None:
    while True:
        point = await checkpoints.sign(store, "news")
        print("signed", point.size, point.root, flush=True)
        await asyncio.sleep(_SIGN_EVERY_S)


def _child(folder: str, out: Connection) -> None:
    os.dup2(out.fileno(), 1)
    asyncio.run(child(Path(folder)))


# --- the parent -----------------------------------------------------------------------------


@dataclass
class Storm:
    """What was promised and what was found over all kills and folders."""

    tally: Tally = field(default_factory=Tally)
    folders: int = 0
    acknowledged: int = 0
    signed: dict[int, str] = field(default_factory=dict)
    checkpoints: int = 0
    checkpoints_lost: int = 0
    checkpoints_false: int = 0
    verify_faults: int = 0
    evidence: int = 0
    strange: int = 0

    def figures(self, kills: int) -> tuple[Figure, ...]:
        """Beside what is promised."""
        tally = self.tally
        return (
            Figure("kills", tally.kills, kills),
            Figure("acknowledged", self.acknowledged, kills, note="sealed, judged and told"),
            Figure("acknowledged_lost", tally.lost, 0, "equal"),
            Figure("rows_without_blob", tally.without_blob, 0, "equal"),
            Figure("left_unjudged", tally.untold, 0, "equal"),
            Figure("checkpoints_signed", self.checkpoints, 1, note="acknowledged before a kill"),
            Figure("checkpoints_lost", self.checkpoints_lost, 0, "equal"),
            Figure("checkpoints_false", self.checkpoints_false, 0, "equal", note="signature, root, anchor"),
            Figure("verify_faults", self.verify_faults, 0, "equal", note=f"{self.evidence:,} looks"),
            Figure("files_without_row", self.strange, note="renamed, but killed before their commit"),
            Figure("slowest_open_s", tally.slowest_open_s, 5.0, "at most", "s"),
        )

    def notes(self, seed: int) -> tuple[str, ...]:
        """How it was done."""
        told = f"{self.folders} folders of at most {PER_FOLDER} kills"
        return (f"seed {seed}; {WRITERS} writers and a signer; {told}",)


async def storm(folder: Path, kills: int, seed: int) -> Storm:
    """Kill a writing, signing child `kills` times."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])
    chosen, found = random.Random(seed), Storm()
    while found.tally.kills < kills:
        place = folder / f"{found.folders}"
        place.mkdir(parents=True)
        for number in range(min(PER_FOLDER, kills - found.tally.kills)):
            # Every other child has acknowledged something; the rest may die while they open.
            first = "sealed" if number % 2 == 0 else ""
            await asyncio.to_thread(_kill_once, server, place, (first, chosen.uniform(0, LONGEST_S)), found)
            await store_kills.look_over(place, found.tally)
            await _look_at_checkpoints(place, found)
        await _end(place, found)
    return found


def _kill_once(
    server: multiprocessing.context.ForkServerContext, folder: Path, after: tuple[str, float], found: Storm
) -> None:
    """after: the word to wait for ("" none), and the seconds from there to the kill."""
    reading, writing = server.Pipe(duplex=False)
    process = server.Process(target=_child, args=(str(folder), writing), daemon=True)
    process.start()
    writing.close()
    with os.fdopen(os.dup(reading.fileno()), encoding="utf-8", errors="replace") as lines:
        reading.close()
        deadline = time.monotonic() + _READY_S
        if lines.readline() != "ready\n" or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError("the child did not open the store")
        heard: list[str] = []
        while after[0] and not (heard and heard[-1].startswith(after[0])):
            heard.append(lines.readline())
            if not heard[-1]:
                raise RuntimeError("the child ended by itself")
        time.sleep(after[1])
        process.kill()
        said = "".join(heard) + lines.read()
    process.join()
    found.tally.kills += 1
    for line in said.splitlines(keepends=True):
        kind, *words = line.split()
        if not line.endswith("\n"):
            continue  # cut off by the kill: not acknowledged
        if kind in found.tally.promised:
            found.tally.promised[kind].add(words[0])
        elif kind == "signed":
            found.signed[int(words[0])] = words[1]


async def _look_at_checkpoints(folder: Path, found: Storm) -> None:
    """Every checkpoint that was told is there; every one that is there is true, the anchor too."""
    store = await Store.open_reader(folder, SystemClock())
    try:
        origin = store.vault.origin
        kept = await checkpoints.all_of(store.vault.database)
        roots = await _roots(store)
        signer = keys.Signer.load(folder, origin) if kept else None
        for point in kept:
            found.checkpoints_false += roots.get(point.size) != point.root
            found.checkpoints_false += _said(point.note.encode(), signer) != (point.size, point.root)
        there = {point.size: point.root for point in kept}
        found.checkpoints_lost += sum(there.get(size) != root for size, root in found.signed.items())
        anchor = folder / keys.FOLDER / keys.ANCHOR
        if anchor.exists():
            size, root = _said(anchor.read_bytes(), signer) or (0, "")
            found.checkpoints_false += roots.get(size) != root
            found.checkpoints_lost += size < max(found.signed, default=0)
        elif found.signed:
            found.checkpoints_lost += 1
    finally:
        await store.close()


def _said(note: bytes, signer: keys.Signer | None) -> tuple[int, str] | None:
    """(size, root) of a checkpoint's note that this key signed, or None."""
    if signer is None:
        return None
    try:
        said = notes.read_checkpoint(notes.open_note(note, signer.name, signer.public))
    except NotNote:
        return None
    return said.size, said.root.hex()


async def _roots(store: Store) -> dict[int, str]:
    """The root of every size of the log as it is now."""
    rows = await store.vault.database.rows('SELECT leaf_hash FROM leaf ORDER BY "index"')
    frontier = Frontier()
    roots = {0: frontier.root().hex()}
    for (leaf,) in rows:
        frontier = frontier.append(bytes.fromhex(leaf))
        roots[frontier.size] = frontier.root().hex()
    return roots


async def _end(folder: Path, found: Storm) -> None:
    """The whole folder once more, byte by byte; then the next one begins."""
    store = await Store.open(folder, SystemClock())
    report = await verify(store)
    await store.close()
    found.verify_faults += report.faults
    found.evidence += report.evidence
    found.strange += len(report.strange)
    found.acknowledged += sum(map(len, found.tally.promised.values()))
    found.checkpoints += len(found.signed)
    found.folders += 1
    found.signed.clear()
    for names in found.tally.promised.values():
        names.clear()
