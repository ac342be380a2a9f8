"""What was signed is in the anchor, whoever signed it, and the anchor is never lowered."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from storage import anchor, checkpoints
from storage.casefile import export
from storage.errors import KeyTrouble, RolledBack
from storage.store import Store
from tests.storage.kit import HandClock, opened, report_on
from tests.storage.test_export import a_case


async def test_an_exported_state_is_in_the_anchor_and_no_put_back_log_opens_after_it(
    clock: HandClock, tmp_path: Path
) -> None:
    """Between two checkpoints: what was handed over is signed, so nothing older may go on."""
    folder = tmp_path / "data"
    async with opened(folder, clock) as store:
        first, _ = await a_case(store, clock)
        signed = await checkpoints.sign(store, "test")
    shutil.copy(folder / "nightjar.db", tmp_path / "yesterday.db")
    async with opened(folder, clock) as store:
        await store.log_event("config", {"digest": "what is to vanish"})
    reader = await Store.open_reader(folder, clock)
    await export(reader, [first.evidence_id], tmp_path / "case")
    size, root = await reader.root()
    await reader.close()
    point, odd = anchor.read(folder)
    assert point is not None
    assert (point.size, point.root.hex(), odd) == (size, root, "")
    assert size > signed.size
    assert (await report_on(folder)).broken == ()
    now = (folder / "nightjar.db").read_bytes()
    for left in folder.glob("nightjar.db*"):
        left.unlink()
    shutil.copy(tmp_path / "yesterday.db", folder / "nightjar.db")
    with pytest.raises(RolledBack, match="put back to an earlier state"):
        await Store.open(folder, clock)
    (folder / "nightjar.db").write_bytes(now)
    async with opened(folder, clock) as store:
        assert store.odd == ""
        assert (await checkpoints.sign(store, "test")).size >= size


async def test_watch_and_exports_that_sign_at_once_never_lower_the_anchor(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    first, _ = await a_case(store, clock)
    await checkpoints.sign(store, "test")
    seen: list[int] = []

    def look_at_anchor() -> None:
        point, odd = anchor.read(store.folder)
        assert point is not None
        assert odd == ""
        seen.append(point.size)

    async def watch() -> None:
        for number in range(15):
            await store.log_event("config", {"number": str(number)})
            await checkpoints.sign(store, "test")
            look_at_anchor()

    async def hand_over(number: int) -> None:
        reader = await Store.open_reader(store.folder, clock)
        out = await export(reader, [first.evidence_id], tmp_path / f"case{number}")
        await reader.close()
        look_at_anchor()
        said = int((out / "data/log/checkpoint").read_text().splitlines()[1])
        assert seen[-1] >= said, "handed over and not in the anchor"

    await asyncio.gather(watch(), *(hand_over(number) for number in range(3)))
    assert seen == sorted(seen)
    assert seen[-1] == (await store.root())[0]
    assert (await report_on(store.folder)).broken == ()


async def test_another_process_that_is_signing_is_waited_for(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    await a_case(store, clock)
    script = (
        "import fcntl, os, sys; d = os.open(sys.argv[1], os.O_RDONLY); fcntl.flock(d, fcntl.LOCK_EX);"
        "print('held', flush=True); sys.stdin.read()"
    )
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(store.folder / "keys"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    signing = asyncio.create_task(checkpoints.sign(store, "test"))
    await asyncio.wait([signing], timeout=0.2)
    assert not signing.done()
    holder.stdin.close()
    await holder.wait()
    assert (await signing).size == (await store.root())[0]


async def test_an_export_beside_a_missing_anchor_is_refused_so_that_no_trace_is_wiped_away(
    clock: HandClock, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    async with opened(folder, clock) as store:
        first, _ = await a_case(store, clock)
        await checkpoints.sign(store, "test")
    (folder / "keys" / "anchor").unlink()
    reader = await Store.open_reader(folder, clock)
    with pytest.raises(KeyTrouble, match="start the watch"):
        await export(reader, [first.evidence_id], tmp_path / "case")
    await reader.close()
    assert not (folder / "keys" / "anchor").exists()
    async with opened(folder, clock) as store:
        assert "of the log says so" in store.odd
        await checkpoints.sign(store, "start")
        await export(store, [first.evidence_id], tmp_path / "case")
