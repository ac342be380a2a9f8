"""Must-show 5 in one run: the order of durability by system calls, the pragmas, a kill storm.

1. A process seals looks under strace; the trace must show, for each of them, write, fsync,
   link and fsync of the folders for every file, then the rows in the WAL and its sync, then
   the acknowledgement on standard output, nothing out of order.
2. The pragmas are read back from the very connection that writes.
3. A process that seals, judges, tells and signs checkpoints is killed again and again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import _trace
from bench._looks import TARGET, data_folder, look, watched
from bench._storm import Storm, storm
from bench.figures import Figure, Result, WrongUseError
from storage.clock import SystemClock
from storage.store import Store

NAME = "durability"
SUMMARY = "system calls in order, pragmas read back, 500 kills with signing on"
ROOT = Path(__file__).parent.parent
SHOWN_BYTES = 5_000
"""Of every written buffer: a whole database page, in which the evidence id is looked for."""
AT_ONCE = 8
LONGEST_S = 900.0


# --- the child --------------------------------------------------------------------------


async def child(folder: Path, count: int) -> None:
    """Tell the pragmas, then seal `count` looks, half one by one, half together; acknowledge each."""
    store = await Store.open(folder, SystemClock())
    for name in ("journal_mode", "synchronous"):
        (row,) = (await store.vault.database.writer.execute_query(f"PRAGMA {name}"))[1]
        print("pragma", name, row[0], flush=True)

    async def one(number: int) -> None:
        at = store.clock.now()
        sealed = await store.seal(look(f"post-{number}", at), watched=watched(f"post-{number}", at))
        print(f"sealed {sealed.evidence_id}\n", end="", flush=True)  # one call, or the trace shows pieces

    for number in range(count // 2):
        await one(number)
    for start in range(count // 2, count, AT_ONCE):
        await asyncio.gather(*(one(n) for n in range(start, min(start + AT_ONCE, count))))
    await store.close()


# --- the trace ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A run under strace. acknowledged: evidence ids in order. lines: of the trace."""

    pragmas: dict[str, str]
    acknowledged: tuple[str, ...]
    needed: dict[str, tuple[str, ...]]
    lines: tuple[str, ...]


async def traced(folder: Path, count: int) -> Traced:
    """Seal `count` looks under strace in a process of its own. Raises WrongUseError without strace."""
    strace = shutil.which("strace")
    if strace is None:
        raise WrongUseError("strace is not here, so the order of durability cannot be shown: install strace")
    out = folder.parent / "trace.txt"
    command = [strace, "-f", "-y", "-s", str(SHOWN_BYTES), "-e", f"trace={_trace.CALLS}", "-o", str(out)]
    command += [sys.executable, "-m", f"bench.{Path(__file__).stem}", "--child", str(folder), str(count)]
    ran = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    if ran.returncode:
        raise WrongUseError(f"strace could not run the child: {ran.stderr.strip()[-300:]}")
    said = [line.split() for line in ran.stdout.splitlines()]
    acknowledged = tuple(words[1] for words in said if words[0] == "sealed")
    return Traced(
        pragmas={words[1]: words[2] for words in said if words[0] == "pragma"},
        acknowledged=acknowledged,
        needed=await _needed(folder, acknowledged),
        lines=tuple(out.read_text(errors="replace").splitlines()),
    )


async def _needed(folder: Path, acknowledged: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Names of the files that each acknowledged look needs, its manifest among them."""
    store = await Store.open_reader(folder, SystemClock())
    try:
        needed = {}
        for evidence_id in acknowledged:
            evidence = await store.evidence(evidence_id)
            kept = json.loads(await store.blobs.get(evidence.manifest_sha256))
            names = {file["sha256"] for file in kept["files"]} | {str(evidence.manifest_sha256)}
            needed[evidence_id] = tuple(sorted(names))
        return needed
    finally:
        await store.close()


def trace_figures(run: Traced, count: int) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """Figures of the trace, and the first faults in words."""
    order = _trace.Order(_trace.read(run.lines))
    faults = order.check(run.needed)
    blobs = {name for names in run.needed.values() for name in names}
    synchronous = float(run.pragmas.get("synchronous", "nan"))
    return (
        Figure("journal_mode_is_wal", float(run.pragmas.get("journal_mode") == "wal"), 1, "equal"),
        Figure("synchronous", synchronous, 2, "equal", note="2 is FULL; read back on the writing connection"),
        Figure("looks_traced", order.checked, count, "equal", note=f"{len(run.lines):,} system calls"),
        Figure("files_traced", len(blobs), note="each written, synced, renamed, its folders synced"),
        Figure("calls_out_of_order", len(faults), 0, "equal"),
    ), tuple(faults[:5])


# --- all of it ------------------------------------------------------------------------------


async def measure(folder: Path, count: int, kills: int, seed: int) -> Result:
    """Trace and storm; the storm's folders lie beside the traced one."""
    run = await traced(folder / "traced", count)
    figures, notes = trace_figures(run, count)
    started = time.monotonic()
    found: Storm = await storm(folder / "storm", kills, seed)
    spent_s = time.monotonic() - started
    return Result(
        (*figures, *found.figures(kills), Figure("storm_s", spent_s, LONGEST_S, "at most", "s")),
        (*notes, *found.notes(seed), f"looks at {TARGET!r}; kill -9 cannot test the disk's own cache"),
    )


async def run(arguments: Sequence[str]) -> Result:
    """`--looks N` (40) under strace, `--kills N` (500), `--seed S` (1)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--looks", type=int, default=40)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with data_folder() as folder:
        folder.mkdir(parents=True)
        return await measure(folder, options.looks, options.kills, options.seed)


if __name__ == "__main__":
    asyncio.run(child(Path(sys.argv[2]), int(sys.argv[3])))
