"""Any change to anything the log stands for is found."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bench._looks import judgement, look, watched
from storage.blobs import names
from storage.casefile import verify
from storage.errors import DatabaseTrouble
from storage.model import Lifetime, Observation, Presence, Sighting
from storage.store import Store
from tests.storage.kit import DATABASE, HandClock, change, opened, report_on


async def fill(store: Store, clock: HandClock) -> None:
    """Five posts, one edited and vanished, with verdicts, looks and an event."""
    first = await store.seal(look("1", clock.tick(), pictures=2), watched=watched("1", clock.now()))
    await store.record(judgement(first, clock.tick()), announce=("chat",))
    edited = await store.seal(
        look("1", clock.tick(), observation=Observation.CHANGED, previous=first.evidence_id)
    )
    for post_id in ("2", "3", "4"):
        await store.seal(look(post_id, clock.tick()))
    seen = [
        Sighting(target="market", post_id="1", looked_at=clock.tick(), presence=p)
        for p in (Presence.ALIVE, Presence.GONE_404, Presence.GONE_404)
    ]
    await store.add_sightings(seen)
    await store.log_event("config", {"digest": "abc"})
    lifetime = Lifetime(last_seen_at=clock.now(), first_missing_at=clock.tick(), missing_class="404")
    gone = look("1", clock.tick(), pictures=0, observation=Observation.MISSING, previous=edited.evidence_id)
    await store.seal(gone, announce=("chat",), lifetime=lifetime)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "data"

    async def make() -> None:
        clock = HandClock()
        async with opened(folder, clock) as store:
            await fill(store, clock)

    asyncio.run(make())
    return folder


async def test_an_untouched_store_is_whole(copy: Path) -> None:
    steps: list[tuple[int, int]] = []
    reader = await Store.open_reader(copy, HandClock())
    report = await verify(reader, lambda done, total: steps.append((done, total)))
    root = await reader.root()
    await reader.close()
    assert report.whole
    assert report.broken == ()
    assert report.strange == ()
    assert (report.evidence, report.sightings) == (6, 3)
    assert (report.tree_size, report.root) == root
    assert report.bytes > 10_000
    assert steps[-1] == (report.blobs + report.tree_size,) * 2


async def test_a_damaged_file_is_named_once_with_the_evidence_that_needs_it(copy: Path) -> None:
    async with opened(copy, HandClock()) as store:
        database, needed = store.vault.database, dict[str, list[str]]()
        rows = await database.rows("SELECT evidence_id, manifest_sha256 FROM observation ORDER BY seq")
        for evidence_id, manifest in rows:
            for file in json.loads(await store.blobs.get(manifest))["files"]:
                needed.setdefault(file["sha256"], []).append(evidence_id)
        lonely = next(name for name, ids in needed.items() if len(ids) == 1)
        shared = next(name for name, ids in needed.items() if len(set(ids)) > 3)
        lost, of_lost = rows[0][1], rows[0][0]
        bend(store.blobs.path(lonely))
        store.blobs.path(shared).unlink()
    report = await report_on(copy)
    told = {fault.what: fault.why for fault in report.broken}
    ids = list(dict.fromkeys(needed[shared]))
    assert told == {
        lonely: f"the bytes no longer hash to the name; needed by evidence {needed[lonely][0]}",
        shared: f"the file is missing; needed by evidence {', '.join(ids[:3])} and {len(ids) - 3} more",
    }
    async with opened(copy, HandClock()) as store:
        store.blobs.path(lost).unlink()
    told = {fault.what: fault.why for fault in (await report_on(copy)).broken}
    assert told[lost] == f"the file is missing; needed by evidence {of_lost}"


def bend(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"X")


async def test_verify_runs_beside_a_live_watch(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        await fill(store, clock)
        assert (await report_on(tmp_path / "data")).whole
        assert (await verify(store)).whole


async def test_any_changed_byte_in_any_blob_is_found(copy: Path) -> None:
    chosen = random.Random(7)
    for name in list(names(copy / "blobs")):
        path = copy / "blobs" / name[:2] / name
        path.chmod(0o640)
        whole = path.read_bytes()
        at = chosen.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chosen.randrange(8))]) + whole[at + 1 :])
        report = await report_on(copy)
        assert any(name in fault.what + fault.why for fault in report.broken), name
        path.write_bytes(whole)
    assert (await report_on(copy)).whole


@pytest.mark.parametrize("how", [lambda b: b[:-1], lambda b: b + b"x", lambda _: b""])
async def test_a_cut_or_longer_blob_is_found(copy: Path, how: Callable[[bytes], bytes]) -> None:
    name = next(iter(names(copy / "blobs")))
    path = copy / "blobs" / name[:2] / name
    path.chmod(0o640)
    path.write_bytes(how(path.read_bytes()))
    assert [f.what for f in (await report_on(copy)).broken if f.kind == "blob"] == [name]


async def test_every_missing_blob_is_found(copy: Path) -> None:
    for name in list(names(copy / "blobs")):
        path = copy / "blobs" / name[:2] / name
        path.rename(copy / "away")
        assert not (await report_on(copy)).whole, name
        (copy / "away").rename(path)


async def test_a_file_that_no_row_names_is_told_but_no_fault(copy: Path) -> None:
    stray = copy / "blobs" / "00" / ("0" * 64)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"left by a crash")
    report = await report_on(copy)
    assert report.whole
    assert report.strange == ("0" * 64,)


def leaves(folder: Path) -> list[int]:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        return [row[0] for row in connection.execute('SELECT "index" FROM leaf ORDER BY 1')]


async def test_every_removed_log_row_is_found(copy: Path, tmp_path: Path) -> None:
    for index in leaves(copy):
        shutil.copy(copy / DATABASE, tmp_path / "kept.db")
        assert change(copy, 'DELETE FROM leaf WHERE "index" = ?', index) == 1
        assert not (await report_on(copy)).whole, index
        shutil.copy(tmp_path / "kept.db", copy / DATABASE)
    assert (await report_on(copy)).whole


async def test_any_changed_character_in_any_log_row_is_found(copy: Path, tmp_path: Path) -> None:
    chosen = random.Random(11)
    for index in leaves(copy):
        for column in ("entry", "leaf_hash", "kind"):
            shutil.copy(copy / DATABASE, tmp_path / "kept.db")
            with closing(sqlite3.connect(copy / DATABASE)) as connection:
                sql = f'SELECT {column} FROM leaf WHERE "index" = ?'
                (text,) = connection.execute(sql, (index,)).fetchone()
            at = chosen.randrange(len(text))
            bent = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
            change(copy, f'UPDATE leaf SET {column} = ? WHERE "index" = ?', bent, index)
            assert not (await report_on(copy)).whole, (index, column)
            shutil.copy(tmp_path / "kept.db", copy / DATABASE)


async def test_any_two_exchanged_log_rows_are_found(copy: Path, tmp_path: Path) -> None:
    found = leaves(copy)
    for one, two in itertools.pairwise(found):
        shutil.copy(copy / DATABASE, tmp_path / "kept.db")
        move = 'UPDATE leaf SET "index" = ? WHERE "index" = ?'
        for new, old in ((-1, one), (one, two), (two, -1)):
            change(copy, move, new, old)
        assert not (await report_on(copy)).whole, (one, two)
        shutil.copy(tmp_path / "kept.db", copy / DATABASE)


async def test_an_added_log_row_is_found(copy: Path) -> None:
    columns = "kind, entry, leaf_hash"
    change(copy, f'INSERT INTO leaf ("index", {columns}) SELECT max("index") + 1, {columns} FROM leaf')
    assert not (await report_on(copy)).whole


OBSERVATION_COLUMNS = (
    "evidence_id", "target", "post_id", "observation", "manifest_sha256", "page_sha256", "listing_sha256",
    "previous", "listed_at", "captured_at", "sealed_at",
)  # fmt: skip


@pytest.mark.parametrize("column", OBSERVATION_COLUMNS)
async def test_any_changed_fact_of_an_observation_is_found(copy: Path, column: str) -> None:
    text = not column.endswith("_at")
    bent = "missing" if column == "observation" else "f" * 64
    change(copy, f"UPDATE observation SET {column} = ? WHERE seq = 2", bent if text else 1)
    report = await report_on(copy)
    assert not report.whole


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE observation SET post = replace(post, '血料', '玛瑙') WHERE seq = 0",
        "UPDATE observation SET post = replace(post, '\"extra\":', '\"extr0a\":') WHERE seq = 0",
        "UPDATE observation SET absences = '[\"nothing\"]' WHERE seq = 0",
        "UPDATE observation SET lifetime = replace(lifetime, '2026', '2025') WHERE observation = 'missing'",
        "UPDATE observation SET lifetime = NULL WHERE observation = 'missing'",
        "DELETE FROM observation WHERE seq = 3",
        "UPDATE observation SET seq = 99 WHERE seq = 3",
        "DELETE FROM evidence_picture WHERE seq = 0",
        "UPDATE evidence_picture SET sha256 = (SELECT max(sha256) FROM picture) WHERE seq = 2",
        "UPDATE evidence_picture SET url = 'https://elsewhere/' WHERE seq = 0",
        "UPDATE evidence_picture SET seq = 2 WHERE seq = 0",
        "UPDATE evidence_picture SET id = id + 4096 * 1000 WHERE seq = 0",
        "DELETE FROM sighting WHERE id = (SELECT max(id) FROM sighting)",
        "UPDATE sighting SET line = replace(line, '404', 'alive')",
        "UPDATE sighting SET id = 10 - id",
        "UPDATE sighting SET leaf = 0",
        "DELETE FROM blob WHERE sha256 = (SELECT page_sha256 FROM observation WHERE seq = 2)",
        "UPDATE blob SET size_bytes = size_bytes + 1 WHERE sha256 = (SELECT page_sha256 FROM observation)",
        "UPDATE head SET size = size - 1",
        "UPDATE head SET root = '00' || substr(root, 3)",
        "DELETE FROM head",
    ],
)
async def test_any_other_change_to_what_was_sealed_is_found(copy: Path, sql: str) -> None:
    change(copy, sql)
    assert not (await report_on(copy)).whole


async def test_a_log_whose_head_is_wrong_is_not_written_to(copy: Path) -> None:
    change(copy, "UPDATE head SET size = size - 1")
    with pytest.raises(DatabaseTrouble, match="contradicts"):
        await Store.open(copy, HandClock())


async def test_a_log_cut_back_with_its_observations_is_found_by_the_head(copy: Path) -> None:
    change(copy, 'DELETE FROM leaf WHERE "index" = (SELECT max("index") FROM leaf)')
    change(copy, "DELETE FROM observation WHERE seq = (SELECT max(seq) FROM observation)")
    report = await report_on(copy)
    assert [f.what for f in report.broken] == ["head"]


async def test_vigils_and_outbox_are_outside_the_log(copy: Path) -> None:
    change(copy, "DELETE FROM watched")
    change(copy, "DELETE FROM delivery")
    assert (await report_on(copy)).whole


async def test_bytes_that_are_no_database_are_a_clear_error(copy: Path) -> None:
    (copy / DATABASE).write_bytes(b"not a database " * 1_000)
    with pytest.raises(DatabaseTrouble):
        await report_on(copy)


async def test_a_manifest_of_a_version_to_come_is_no_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.manifest.VERSION", 3)
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        await store.seal(look("1", clock.tick()))
        told = await verify(store)
    assert [fault.kind for fault in told.broken] == ["manifest"]
    assert "version 3" in told.broken[0].why
