"""A disk that is full, read-only or limited: DiskTrouble, nothing half written, and life goes on."""

from __future__ import annotations

import asyncio
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench._looks import TARGET, look, watched
from storage.casefile import verify
from storage.errors import DiskTrouble
from storage.model import Evidence, Progress
from storage.store import Store
from tests.storage.kit import HandClock, opened


@contextmanager
def files_no_longer_than(size_bytes: int) -> Iterator[None]:
    """The kernel refuses to make any file longer: as a full disk does, in the middle of a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def left_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def mount(*arguments: str) -> int:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode


async def everything_is_well(store: Store, clock: HandClock, post_id: str) -> None:
    sealed = await store.seal(look(post_id, clock.tick()))
    assert await store.evidence(sealed.evidence_id) == sealed
    assert (await verify(store)).whole
    assert await store.damage() == ()
    assert left_in(store.blobs.temporary) == []


async def test_a_picture_that_does_not_fit_is_disk_trouble(store: Store, clock: HandClock) -> None:
    big = look("1", clock.now(), picture_bytes=3_000_000)
    with files_no_longer_than(2_000_000), pytest.raises(DiskTrouble, match="cannot keep bytes"):
        await store.seal(big)
    assert await store.unjudged() == ()
    assert (await store.root())[0] == 0
    await everything_is_well(store, clock, "2")
    await store.seal(big)


async def test_one_that_does_not_fit_does_not_take_the_others_down(store: Store, clock: HandClock) -> None:
    looks = [look(str(n), clock.now(), picture_bytes=3_000_000 if n == 4 else 2_000) for n in range(8)]
    with files_no_longer_than(2_000_000):
        results = await asyncio.gather(*(store.seal(one) for one in looks), return_exceptions=True)
    assert [isinstance(r, DiskTrouble) for r in results] == [n == 4 for n in range(8)]
    await everything_is_well(store, clock, "9")


async def test_a_database_that_cannot_grow_is_disk_trouble(store: Store, clock: HandClock) -> None:
    first = await store.seal(look("1", clock.now()))
    wal = store.folder / "nightjar.db-wal"
    rows = [watched(f"post-{n}", clock.now()) for n in range(3_000)]
    with files_no_longer_than(wal.stat().st_size + 100):
        with pytest.raises(DiskTrouble):
            await store.save_watched(rows)
        with pytest.raises(DiskTrouble):
            await store.save_progress([Progress(target=TARGET)])
        assert await store.evidence(first.evidence_id) == first
    assert await store.known(TARGET, ["post-0", "post-2999"]) == {}
    await store.save_watched(rows)
    assert len(await store.known(TARGET, ["post-0", "post-2999"])) == 2
    await everything_is_well(store, clock, "2")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB; skipped where none may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if mount("-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)) != 0:
        pytest.skip("no right to mount a file system here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def fill(store: Store, clock: HandClock, sealed: list[Evidence]) -> None:
    for number in range(1_000):
        one = await store.seal(look(str(number), clock.tick(), picture_bytes=60_000))
        sealed.append(one)


async def test_a_full_disk_is_told_and_survived(small_disk: Path, clock: HandClock) -> None:
    async with opened(small_disk / "data", clock) as store:
        sealed: list[Evidence] = []
        with pytest.raises(DiskTrouble):
            await fill(store, clock, sealed)
        assert len(sealed) > 5
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(b"x" * 6_000_000)
        with pytest.raises(DiskTrouble):
            await store.save_watched([watched(f"p{n}", clock.now()) for n in range(3_000)])
        assert await store.evidence(sealed[-1].evidence_id) == sealed[-1]
        assert await store.unjudged(1_000) == tuple(sealed)
        filler.unlink()
        assert mount("-o", "remount,size=40m", str(small_disk)) == 0
        await everything_is_well(store, clock, "after")


async def test_a_disk_that_turns_read_only_is_told_and_survived(small_disk: Path, clock: HandClock) -> None:
    async with opened(small_disk / "data", clock) as store:
        first = await store.seal(look("1", clock.now()))
        with pytest.raises(DiskTrouble):
            await Store.open(small_disk / "data" / "nightjar.db", clock)
        assert await store.evidence(first.evidence_id) == first
    assert mount("-o", "remount,ro", str(small_disk)) == 0
    try:
        with pytest.raises(DiskTrouble):
            await Store.open(small_disk / "data", clock)
    finally:
        assert mount("-o", "remount,rw", str(small_disk)) == 0
    async with opened(small_disk / "data", clock) as store:
        await everything_is_well(store, clock, "2")
