"""Opening after anything: crashes, two writers, readers, threads left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench._looks import TARGET, judgement, look, watched
from storage.casefile import find, show, verify
from storage.errors import DatabaseTrouble, DiskTrouble
from storage.model import Observation, Progress
from storage.store import Store
from tests.storage.kit import HandClock, opened

ROOT = Path(__file__).parents[2]


async def test_a_night_goes_on_where_it_was(tmp_path: Path, clock: HandClock) -> None:
    names = ["0", "1", "2"]
    async with opened(tmp_path, clock) as store:
        sealed = [
            await store.seal(look(str(n), clock.tick()), watched=watched(str(n), clock.now()))
            for n in range(3)
        ]
        await store.record(judgement(sealed[0], clock.tick()), announce=("chat",))
        await store.save_progress([Progress(target=TARGET, polls=3)])
        before = await store.root()
    async with opened(tmp_path, clock) as store:
        assert await store.root() == before
        assert await store.unjudged() == tuple(sealed[1:])
        assert len(await store.deliveries_due("chat", clock.now())) == 1
        assert (await store.load_progress())[TARGET].polls == 3
        assert len(await store.known(TARGET, names)) == 3
        later = await store.seal(look("9", clock.tick()))
        assert later.leaf_index == 4  # three looks and a verdict
        assert (await verify(store)).whole
        assert await store.damage() == ()


async def test_two_writers_on_one_folder_are_refused(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(DatabaseTrouble, match=f"process {os.getpid()} is writing here already"):
            await Store.open(tmp_path, HandClock())
    async with opened(tmp_path):
        pass


async def test_a_writer_in_another_process_is_named(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from storage.store import Store\n"
        "from storage.clock import SystemClock\n"
        f"async def main():\n s = await Store.open(Path({str(tmp_path)!r}), SystemClock())\n"
        " print('open', flush=True)\n sys.stdin.readline()\n await s.close()\n"
        "asyncio.run(main())"
    )
    child = subprocess.Popen(  # noqa: ASYNC220 -- its output is awaited line by line
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    with pytest.raises(DatabaseTrouble, match=f"process {child.pid} "):
        await Store.open(tmp_path, HandClock())
    child.communicate("\n", timeout=120)
    async with opened(tmp_path):
        pass


async def test_closing_twice_is_harmless_and_a_closed_store_says_so(tmp_path: Path, clock: HandClock) -> None:
    store = await Store.open(tmp_path, clock)
    await store.close()
    await store.close()
    with pytest.raises(DatabaseTrouble, match="closed"):
        await store.seal(look("1", clock.now()))


async def test_a_reader_sees_what_the_writer_acknowledged(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as store:
        reader = await Store.open_reader(tmp_path, clock)
        for n in range(5):
            sealed = await store.seal(look(str(n), clock.tick()))
            assert await reader.evidence(sealed.evidence_id) == sealed
            assert await reader.root() == await store.root()
        assert len(await find(reader, text="血料")) == 5
        await reader.close()


async def test_a_reader_cannot_write(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as store:
        reader = await Store.open_reader(tmp_path, clock)
        for attempt in (
            reader.seal(look("1", clock.now())),
            reader.save_watched([watched("1", clock.now())]),
            reader.save_progress([Progress(target="t")]),
            reader.notify("x", announce=()),
        ):
            with pytest.raises(DatabaseTrouble, match="opened for reading"):
                await attempt
        assert (await store.root())[0] == 0
        await reader.close()
        await reader.close()


async def test_a_reader_of_an_empty_folder_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatabaseTrouble, match="no database here"):
        await Store.open_reader(tmp_path, HandClock())
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_an_event_left_by_a_reader_is_logged_by_the_writer(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as store:
        reader = await Store.open_reader(tmp_path, clock)
        assert await reader.log_event("view", {"evidence": "abc"}) == -1
        await reader.close()
        clock.tick(60)
        await store.save_progress([Progress(target=TARGET)])
        (row,) = await store.vault.database.rows("SELECT kind, record FROM record")
        assert row["kind"] == "view"
        assert '"evidence":"abc"' in row["record"]
        assert '"happened_at":"2026-11-24T21:00:00.000000Z"' in row["record"]
        assert list((tmp_path / "events").iterdir()) == []
        assert (await verify(store)).whole


async def test_a_left_file_that_is_no_event_harms_nothing(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "events").mkdir()
    for name, text in (("a.json", "{"), ("b.json", "[]"), ("c.json", '{"kind":1,"facts":3}'), ("d", "x")):
        (tmp_path / "events" / name).write_text(text)
    async with opened(tmp_path, clock) as store:
        await store.save_progress([Progress(target=TARGET)])
        assert (await store.root())[0] == 0


async def test_temporaries_are_swept_and_files_without_rows_are_listed(
    tmp_path: Path, clock: HandClock
) -> None:
    async with opened(tmp_path, clock) as store:
        await store.seal(look("1", clock.now()))
    (tmp_path / "tmp" / "half").write_bytes(b"torn")
    name = "ab" + "0" * 62
    (tmp_path / "blobs" / "ab").mkdir(parents=True, exist_ok=True)
    (tmp_path / "blobs" / "ab" / name).write_bytes(b"linked, but its transaction never came")
    async with opened(tmp_path, clock) as store:
        assert await store.damage() == ()
        assert store.quarantine == (name,)
        assert [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()] == []
    assert (tmp_path / "blobs" / "ab" / name).exists()


async def test_a_row_without_its_blob_is_damage(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as store:
        sealed = await store.seal(look("1", clock.now()))
        path = store.blobs.path(sealed.page_sha256)
    path.unlink()
    async with opened(tmp_path, clock) as store:
        assert await store.damage() == (f"blob of a row is missing: {sealed.page_sha256}",)
        file = await show(store, sealed.evidence_id)
        assert [f.role for f in file.files if f.trouble] == ["page"]


async def test_damage_is_looked_for_anew_each_time(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as store:
        assert await store.damage() == ()
        sealed = await store.seal(look("1", clock.now()))
        assert await store.damage() == ()
        store.blobs.path(sealed.page_sha256).unlink()
        assert len(await store.damage()) == 1


async def test_sealing_while_files_are_compared_raises_no_alarm(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as store:
        sealing = [asyncio.create_task(store.seal(look(str(n), clock.now()))) for n in range(40)]
        for _ in range(5):
            assert await store.damage() == ()
        await asyncio.gather(*sealing)


async def test_several_stores_one_after_another_and_side_by_side(tmp_path: Path, clock: HandClock) -> None:
    for round_ in range(3):
        async with opened(tmp_path / "a", clock) as a, opened(tmp_path / "b", clock) as b:
            one, two = await asyncio.gather(
                a.seal(look("1", clock.tick())), b.seal(look("1", clock.now(), observation=Observation.SEEN))
            )
            assert one.leaf_index == two.leaf_index == round_
            assert (await a.evidence(one.evidence_id)) == one
            with pytest.raises(DatabaseTrouble):
                await b.evidence(one.evidence_id)


async def test_a_path_that_is_a_file_is_disk_trouble(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(DiskTrouble):
        await Store.open(tmp_path / "data", HandClock())


def test_a_process_that_dies_without_closing_ends_at_once(tmp_path: Path) -> None:
    code = (
        "import asyncio; from pathlib import Path; from storage.store import Store\n"
        "from storage.clock import SystemClock\n"
        f"async def main():\n await Store.open(Path({str(tmp_path)!r}), SystemClock())\n"
        " raise RuntimeError('a bug')\n"
        "asyncio.run(main())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert b"a bug" in ended.stderr


async def test_a_reader_opens_what_a_crash_left(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path / "live", clock) as store:
        sealed = await store.seal(look("1", clock.now()))
        shutil.copytree(tmp_path / "live", tmp_path / "crashed")  # log not folded in, no farewell
    reader = await Store.open_reader(tmp_path / "crashed", clock)
    assert await reader.evidence(sealed.evidence_id) == sealed
    assert (await verify(reader)).whole
    assert await reader.damage() == ()
    await reader.close()


async def test_an_opening_cancelled_at_any_instant_leaves_the_folder_free(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    for number in range(12):
        opening = asyncio.create_task(Store.open(tmp_path, HandClock()))
        await asyncio.sleep(0.002 * number)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await opening).close()
    async with opened(tmp_path) as store:
        assert await store.log_event("config", {}) == 0


async def test_slow_look_ups_do_not_keep_evidence_from_being_written(store: Store, clock: HandClock) -> None:
    gate = threading.Event()
    loop = asyncio.get_running_loop()
    slow = [loop.run_in_executor(None, gate.wait) for _ in range(40)]  # dead name servers
    try:
        async with asyncio.timeout(120):
            sealed = await store.seal(look("1", clock.now()))
            assert await store.blobs.get(sealed.page_sha256)
    finally:
        gate.set()
        await asyncio.gather(*slow)
