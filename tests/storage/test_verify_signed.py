"""Any change to what is signed, and to what the log names by hash only, is found."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bench._looks import judgement, look, watched
from storage import checkpoints, keys, notes, records, succession
from storage.checkpoints import Checkpoints
from storage.export import export
from storage.keys import Signer
from storage.model import Tier
from storage.spool import Glances
from storage.store import Store
from storage.verify import verify
from tests.storage.kit import DATABASE, HandClock, change, opened, report_on
from tests.storage.test_checkpoints import Told

FRAUD = "fraud" * 12 + "1234"


async def _fill(folder: Path) -> None:
    """Three verdicts, a private entry, a certified key, a rotation and several checkpoints."""
    clock = HandClock()
    keys.new_admin(folder.parent / "admin.key")
    async with opened(folder, clock) as store:
        await Checkpoints(store, Told().tell)._name_key()
        for post_id in ("1", "2", "3"):
            sealed = await store.seal(look(post_id, clock.tick()), watched=watched(post_id, clock.now()))
            await store.record(judgement(sealed, clock.tick(), Tier.HIGH), announce=("chat",))
            await checkpoints.sign(store, "test")
        await store.log_event("view", {"officer": "b12", "case": "7"})
        await succession.certify(store, folder.parent / "admin.key")
        await checkpoints.sign(store, "test")
    await succession.rotate(folder, clock, why="yearly")
    async with opened(folder, clock) as store:
        await succession.certify(store, folder.parent / "admin.key")
        await store.log_event("config", {"digest": "x"})
        await checkpoints.sign(store, "test")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed") / "data"
    asyncio.run(_fill(folder))
    return folder


async def found(folder: Path) -> set[str]:
    """Kinds of the faults."""
    return {fault.kind for fault in (await report_on(folder)).broken}


async def test_an_untouched_store_is_whole_and_says_under_which_key(copy: Path) -> None:
    report = await report_on(copy)
    assert report.broken == ()
    assert (report.verdicts, report.checkpoints) == (3, 7)
    assert report.key == keys.known(copy)[0].fingerprint
    assert report.certified.startswith("2026-11-24T21:")
    assert report.time == "time pending: no authority was asked for a time stamp"


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("UPDATE verdict SET score = 1 WHERE seq = (SELECT min(seq) FROM verdict)", "verdict"),
        ("UPDATE verdict SET tier = 'none' WHERE seq = (SELECT min(seq) FROM verdict)", "verdict"),
        ("UPDATE verdict SET verdict = replace(verdict, '\"score\":', '\"score\":1')", "verdict"),
        ("UPDATE verdict SET verdict = 'no verdict'", "log"),
        ("UPDATE verdict SET matches = '[{}]'", "log"),
        ("UPDATE verdict SET judged_at = judged_at + 1", "verdict"),
        ("UPDATE verdict SET record = record || ' '", "verdict"),
        ("UPDATE verdict SET record = NULL", "verdict"),
        ("UPDATE verdict SET record = 7", "verdict"),
        ("UPDATE verdict SET record = x'07'", "log"),
        ("UPDATE verdict SET leaf = NULL WHERE seq > 1", "verdict"),
        ("UPDATE verdict SET leaf = leaf + 1000", "verdict"),
        ("UPDATE verdict SET seq = seq + 1000", "verdict"),
        ("DELETE FROM verdict WHERE seq = (SELECT max(seq) FROM verdict)", "verdict"),
        ("UPDATE record SET record = replace(record, 'b12', 'b13')", "record"),
        ("UPDATE record SET record = ''", "record"),
        ("UPDATE record SET leaf = 0", "record"),
        ("DELETE FROM record", "record"),
        ("UPDATE checkpoint SET root = '" + "ab" * 32 + "' WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET root = 'ab' WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET at = at + 1 WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET at = 1 << 62 WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET frontier = '' WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET note = replace(note, 'time 2', 'time 3') WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET note = 'no note' WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET note = 7 WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET note = (SELECT max(note) FROM checkpoint)", "checkpoint"),
        ("UPDATE checkpoint SET size = 4 WHERE size = 3", "checkpoint"),
        ("UPDATE checkpoint SET size = 4000 WHERE size = 3", "checkpoint"),
        ("DELETE FROM checkpoint", "checkpoint"),
        ("UPDATE head SET origin = '" + "ab" * 16 + "'", "checkpoint"),
    ],
)  # fmt: skip
async def test_any_changed_row_is_found(copy: Path, sql: str, kind: str) -> None:
    change(copy, sql)
    assert kind in await found(copy)


async def test_a_verdict_that_was_slipped_in_is_found(copy: Path) -> None:
    change(
        copy,
        "INSERT INTO verdict (seq, score, tier, verdict, matches, judged_at) "
        "SELECT seq + 500, score, tier, verdict, matches, judged_at FROM verdict LIMIT 1",
    )
    assert await found(copy) == {"verdict"}


def _remove(path: Path) -> None:
    path.unlink()


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize("how", [_remove, _flip, _cut])
@pytest.mark.parametrize(
    "name",
    [
        "anchor",
        "daemon.pub.pem",
        "certificate.note",
        "admin.pub.pem",
        "old/1/daemon.pub.pem",
        "old/1/certificate.note",
        "old/1/admin.pub.pem",
    ],
)
async def test_any_changed_file_beside_the_database_is_found(
    copy: Path, name: str, how: Callable[[Path], None]
) -> None:
    how(copy / "keys" / name)
    assert await found(copy) & {"key", "checkpoint"}


async def test_a_log_signed_anew_by_a_foreign_key_is_found(copy: Path) -> None:
    origin = await _origin(copy)
    shutil.rmtree(copy / "keys" / "old")
    for name in (keys.SECRET, keys.PUBLIC, keys.CERTIFICATE, keys.ADMIN):
        (copy / "keys" / name).unlink()
    foreign = Signer.make(copy, origin)
    with closing(sqlite3.connect(copy / DATABASE)) as connection, connection:
        for size, note in connection.execute("SELECT size, note FROM checkpoint").fetchall():
            text = notes.sign_note(notes.split_note(note)[0], foreign)
            connection.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (text, size))
    (copy / "keys" / "anchor").write_text(text)
    report = await report_on(copy)
    assert any("a key that the log never named" in fault.why for fault in report.broken)
    assert any("public half is missing" in fault.why for fault in report.broken)


async def test_a_key_that_signs_after_its_successor_is_found(filled: Path, copy: Path) -> None:
    with closing(sqlite3.connect(copy / DATABASE)) as connection, connection:
        (last, text) = connection.execute(
            "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1 OFFSET 1"
        ).fetchone()
        (old,) = connection.execute("SELECT max(size) FROM checkpoint").fetchone()
    assert last < old
    ring = keys.known(copy)
    for number, place in ((0, "old/1"), (1, "")):
        (copy / "keys" / place / keys.PUBLIC).write_text(notes.pem(ring[number].public))
    report = await report_on(copy)
    assert any("after its successor" in fault.why for fault in report.broken), text


async def test_an_older_database_beside_a_newer_anchor_is_found(copy: Path, filled: Path) -> None:
    shutil.copy(copy / DATABASE, copy.parent / "yesterday.db")
    async with opened(copy) as store:
        await store.log_event("config", {"digest": "y"})
        await checkpoints.sign(store, "test")
    for name in (f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (copy / name).unlink(missing_ok=True)
    shutil.copy(copy.parent / "yesterday.db", copy / DATABASE)
    report = await report_on(copy)
    assert any("rolled back" in fault.why for fault in report.broken)


async def test_the_newest_checkpoint_without_its_row_is_named_by_the_anchor(tmp_path: Path) -> None:
    folder, clock = tmp_path / "data", HandClock()
    async with opened(folder, clock) as store:
        for post_id in ("1", "2"):
            sealed = await store.seal(look(post_id, clock.tick()))
            await checkpoints.sign(store, "test")
    assert (await report_on(folder)).remarks == ()
    change(folder, "DELETE FROM checkpoint WHERE size = 2")
    (remark,) = (await report_on(folder)).remarks
    assert "of 2 entries" in remark
    assert "stands in keys/anchor and in no row" in remark
    async with opened(folder, clock) as store:
        await export(store, [sealed.evidence_id], tmp_path / "package")  # signs a state that has no row
    assert (await report_on(folder)).remarks == ()


async def test_a_checkpoint_of_an_export_beside_no_watch_is_said_to_be_one(tmp_path: Path) -> None:
    folder, clock = tmp_path / "data", HandClock()
    async with opened(folder, clock) as store:
        sealed = await store.seal(look("1", clock.tick()))
        await checkpoints.sign(store, "test")
        await store.log_event("config", {"digest": "x"})
    reader = await Store.open_reader(folder, clock)
    await export(reader, [sealed.evidence_id], tmp_path / "package")
    await reader.close()
    (remark,) = (await report_on(folder)).remarks
    assert "an export signed it while no watch ran" in remark
    assert "removed" not in remark
    async with opened(folder, clock) as store:
        await Glances().take(store.vault)
    assert (await report_on(folder)).remarks == ()


async def test_a_live_watch_that_signs_meanwhile_is_no_fault(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as store:
        await store.log_event("config", {"digest": "x"})
        await checkpoints.sign(store, "test")

        async def busy() -> None:
            for n in range(30):
                await store.log_event("config", {"digest": str(n)})
                await checkpoints.sign(store, "test")

        task = asyncio.create_task(busy())
        while not task.done():
            assert (await verify(store)).broken == ()
        await task
        assert (await verify(store)).whole


async def _origin(folder: Path) -> str:
    reader = await Store.open_reader(folder, HandClock())
    await reader.close()
    return reader.vault.origin


def test_private_kinds_are_those_that_are_checked() -> None:
    assert "view" in records.PRIVATE
