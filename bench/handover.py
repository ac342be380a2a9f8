"""How long it takes to hand over 1,000 posts, and how fast what was handed over is checked."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import time
from pathlib import Path

from bench._looks import data_folder, judgement, look, watched
from bench.figures import Figure, Result
from storage import checkpoints
from storage.clock import SystemClock
from storage.export import export
from storage.package.check import check
from storage.store import Store

NAME = "handover"
SUMMARY = "seconds to export 1,000 posts, and megabytes per second checked"
PICTURE_BYTES = 150_000
_AT_ONCE = 32


async def _filled(folder: Path, count: int) -> tuple[Store, list[str]]:
    """A store with so many judged posts of one picture each, as many entries again, and a checkpoint."""
    store = await Store.open(folder, SystemClock())
    gate, at = asyncio.Semaphore(_AT_ONCE), store.clock.now()

    async def one(number: int) -> str:
        async with gate:
            post_id = f"post-{number}"
            snapshot = look(post_id, at, pictures=1, picture_bytes=PICTURE_BYTES)
            evidence = await store.seal(snapshot, watched=watched(post_id, at))
            await store.record(judgement(evidence, store.clock.now()), announce=())
            return str(evidence.evidence_id)

    ids = list(await asyncio.gather(*map(one, range(count))))
    await checkpoints.sign(store, "news")
    return store, ids


async def measure(folder: Path, count: int) -> Result:
    """Export as a folder and as an archive, check both, and run verify.sh."""
    store, ids = await _filled(folder, count)
    out, archive = folder.with_name("package"), folder.with_name("package.zip")
    started = time.perf_counter()
    await export(store, ids, out, officer="badge 1", why="bench")
    export_s = time.perf_counter() - started
    started = time.perf_counter()
    await export(store, ids, archive, officer="badge 1", why="bench")
    zip_s = time.perf_counter() - started
    await store.close()
    speeds = [await asyncio.to_thread(_speed, path) for path in (out, archive)]
    script_s = await asyncio.to_thread(_script, out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Result(
        (
            Figure("export_s", export_s, 30.0 if count >= 1_000 else None, "at most", "s"),
            Figure("export_zip_s", zip_s, 30.0 if count >= 1_000 else None, "at most", "s"),
            Figure("verify_folder_mb_per_s", speeds[0], 150.0, note="nightjar verify PATH"),
            Figure("verify_zip_mb_per_s", speeds[1], 150.0, note="nightjar verify PATH"),
            Figure("verify_sh_s", script_s, unit="s", note="the script in the package, by sh"),
            Figure("package_mb", size / 1e6, unit="MB"),
        ),
        notes=(
            f"{count} posts with a page of 3 KB and a picture of {PICTURE_BYTES // 1_000} KB each",
            "originals, WARC and WACZ hold each once; every file fsynced; checked from the page cache",
        ),
    )


def _speed(path: Path) -> float:
    """Megabytes of the package per second; the best of two. Raises RuntimeError when it is not whole."""
    best = 0.0
    for _ in range(2):
        started = time.perf_counter()
        verdict = check(path)
        best = max(best, verdict.bytes / 1e6 / (time.perf_counter() - started))
        if not verdict.whole:
            raise RuntimeError(f"the bench's own package is not whole: {verdict.first}")
    return best


def _script(folder: Path) -> float:
    shell = shutil.which("dash") or "sh"
    started = time.perf_counter()
    subprocess.run([shell, str(folder / "verify.sh")], check=True, capture_output=True)
    return time.perf_counter() - started


async def run(arguments: list[str]) -> Result:
    """`--count N` posts (1,000)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--count", type=int, default=1_000)
    with data_folder() as folder:
        return await measure(folder, parser.parse_args(arguments).count)
