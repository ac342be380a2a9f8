"""Picture workers lose one job to a bad picture, never another, and never the daemon."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from storage.clock import ScaledClock, SystemClock, scaled_loop
from storage.model import Picture, sha256_of
from tests.pictures.samples import jpeg
from watchers.pictures import PictureWorkers

NAUGHTY = "tests.pictures.naughty"


@pytest_asyncio.fixture
async def workers() -> AsyncIterator[PictureWorkers]:
    pool = PictureWorkers(2, SystemClock(), deadline_s=3.0, program=NAUGHTY)
    await pool.start()
    yield pool
    await pool.close()


async def told(workers: PictureWorkers, data: bytes) -> Picture:
    return await workers.describe(data, sha256=sha256_of(data))


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (b"crash:", "decoder crashed (SIGSEGV)"),
        (b"hang:", "took longer than 3 s"),
        (b"spin:", "took longer than 3 s"),
        (b"memory:", "ran out of memory"),
    ],
)
async def test_one_bad_job_is_lost_and_no_other(workers: PictureWorkers, job: bytes, why: str) -> None:
    good = [jpeg(seed) for seed in range(6)]
    results = await asyncio.gather(*(told(workers, data) for data in (*good[:3], job, *good[3:])))
    assert results[3].undecodable == why
    assert all(result.phash and not result.undecodable for at, result in enumerate(results) if at != 3)
    assert (await told(workers, good[0])).phash == results[0].phash


async def test_a_worker_killed_from_outside_costs_nothing(workers: PictureWorkers, tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    job = asyncio.create_task(told(workers, b"first:" + bytes(mark)))
    while not mark.exists():  # noqa: ASYNC110 - the other side is a process; it has no event of ours
        await asyncio.sleep(0.01)
    for pid in workers.pids():
        os.kill(pid, signal.SIGKILL)
    assert (await job).undecodable == "went on"
    assert (await told(workers, jpeg())).phash


async def test_idle_workers_that_died_are_replaced_before_the_next_job(workers: PictureWorkers) -> None:
    await asyncio.gather(*(told(workers, jpeg(seed)) for seed in range(4)))
    for pid in workers.pids():
        os.kill(pid, signal.SIGKILL)
    results = await asyncio.gather(*(told(workers, jpeg(seed)) for seed in range(4)))
    assert all(result.phash for result in results)


async def test_a_cancelled_job_frees_its_worker(workers: PictureWorkers) -> None:
    jobs = [asyncio.create_task(told(workers, b"hang:")) for _ in range(2)]
    await asyncio.sleep(0)
    for job in jobs:
        job.cancel()
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert (await told(workers, jpeg())).phash


async def test_talk_on_standard_output_does_not_garble_the_answers(workers: PictureWorkers) -> None:
    assert (await told(workers, b"print:")).undecodable == "went on"
    assert (await told(workers, jpeg())).phash


async def test_secrets_of_the_environment_stay_with_the_daemon(
    workers: PictureWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_TELEGRAM_TOKEN", "123:secret")
    pool = PictureWorkers(1, SystemClock(), program=NAUGHTY)
    names = (await told(pool, b"environment:")).undecodable
    await pool.close()
    assert "PYTHONPATH" in names
    assert "TOKEN" not in names


async def test_closing_twice_is_harmless_and_ends_every_process() -> None:
    pool = PictureWorkers(2, SystemClock(), program=NAUGHTY)
    await pool.start()
    assert len(pool.pids()) == 2
    job = asyncio.create_task(told(pool, b"hang:"))
    await asyncio.sleep(0)
    await pool.close()
    await pool.close()
    assert pool.pids() == ()
    assert (await job).undecodable == "picture workers are closed"
    assert (await told(pool, jpeg())).undecodable == "picture workers are closed"


async def test_a_pool_that_cannot_start_says_so_and_does_not_raise() -> None:
    pool = PictureWorkers(1, SystemClock(), program="tests.pictures.no_such_program")
    assert "exit status" in (await told(pool, jpeg())).undecodable
    assert await pool.sheet([jpeg()]) == b""
    await pool.close()


def test_a_fast_clock_does_not_kill_honest_jobs() -> None:
    async def night() -> list[Picture]:
        pool = PictureWorkers(1, ScaledClock(datetime(2026, 1, 1, tzinfo=UTC), 600.0), deadline_s=20.0)
        await pool.start()
        found = [await told(pool, jpeg(seed)) for seed in range(3)]
        await pool.close()
        return found

    with asyncio.Runner(loop_factory=lambda: scaled_loop(600.0)) as runner:
        assert all(picture.phash for picture in runner.run(night()))


def test_the_daemon_imports_no_picture_library() -> None:
    script = (
        "import sys, watchers.pictures, watchers.lexicon, watchers.detect.score\n"
        "from watchers.lexicon import Lexicon\nLexicon.load()\n"
        "print([m for m in ('numpy', 'scipy', 'PIL', 'imagehash', 'zhconv_rs') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
