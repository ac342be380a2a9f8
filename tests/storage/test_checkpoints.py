"""Checkpoints are signed in time, and a log that was put back is refused by name."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bench._looks import judgement, look, watched
from storage import checkpoints, keys, ledger, notes
from storage.checkpoints import AGAIN_S, EVERY_S, Checkpoints, Signed
from storage.errors import DatabaseTrouble, KeyTrouble, RolledBack
from storage.export import export
from storage.keys import Signer
from storage.model import Tier
from storage.store import Store
from storage.tree import check_consistency, consistency, root_of
from tests.storage.kit import HandClock, opened, report_on

DATABASE, ANCHOR = "nightjar.db", "keys/anchor"


class StepClock(HandClock):
    """A sleep lasts until the test lets that many seconds pass."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self.monotonic() + seconds, woken))
        await woken.wait()

    def tick(self, seconds: float = 1.0) -> object:  # type: ignore[override]
        now = super().tick(seconds)
        for due, woken in self._sleepers:
            if due <= self.monotonic():
                woken.set()
        return now


class Told(list[str]):
    async def tell(self, text: str) -> None:
        self.append(text)


async def grow(store: Store, count: int = 1) -> None:
    for number in range(count):
        await store.log_event("config", {"number": str(number)})


async def points(store: Store) -> tuple[Signed, ...]:
    return await checkpoints.all_of(store.vault.database)


async def until(store: Store, size: int) -> Signed:
    """The checkpoint of that size, waited for as long as the loop really works on it."""
    async with asyncio.timeout(120):
        while (found := await checkpoints.of_size(store.vault.database, size)) is None:  # noqa: ASYNC110 -- a row tells nobody
            await asyncio.sleep(0.001)
    return found


@asynccontextmanager
async def signing(store: Store, told: Told) -> AsyncIterator[Checkpoints]:
    loop = Checkpoints(store, told.tell)
    task = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task.exception()


def public(store: Store) -> bytes:
    return Signer.load(store.folder, store.vault.origin).public


def opened_note(store: Store, point: Signed) -> notes.Checkpoint:
    name = notes.log_name(store.vault.origin)
    return notes.read_checkpoint(notes.open_note(point.note, name, public(store)))


# --- signing ---------------------------------------------------------------------------------


async def test_a_checkpoint_says_what_the_log_was_and_stands_outside_the_database_too(store: Store) -> None:
    await grow(store, 3)
    point = await checkpoints.sign(store, "test")
    told = opened_note(store, point)
    assert (told.size, told.root.hex()) == await store.root()
    assert (told.origin, told.at, point.reason) == (store.vault.origin, point.at, "test")
    assert (store.folder / ANCHOR).read_text() == point.note
    assert await points(store) == (point,)


async def test_signing_without_news_gives_the_same_checkpoint_again(store: Store, clock: HandClock) -> None:
    await grow(store)
    first = await checkpoints.sign(store, "test")
    clock.tick()
    (store.folder / ANCHOR).unlink()
    assert await checkpoints.sign(store, "again") == first
    assert (store.folder / ANCHOR).read_text() == first.note


async def test_any_two_checkpoints_are_consistent(store: Store) -> None:
    for count in (1, 2, 3, 5, 1, 8, 13):
        await grow(store, count)
        await checkpoints.sign(store, "test")
    leaves = await ledger.leaf_hashes(store.vault.database, (await store.root())[0])
    found = [opened_note(store, point) for point in await points(store)]
    assert [point.size for point in found] == [1, 3, 6, 11, 12, 20, 33]
    for n, old in enumerate(found):
        assert old.root == root_of(leaves[: old.size])
        for new in found[n:]:
            proof = consistency(old.size, leaves[: new.size])
            assert check_consistency(old.size, new.size, old.root, new.root, proof)


async def test_the_checkpoint_that_stands_for_an_entry_is_found(store: Store) -> None:
    await grow(store, 2)
    first = await checkpoints.sign(store, "test")
    await grow(store, 2)
    last = await checkpoints.sign(store, "test")
    database = store.vault.database
    found = [await checkpoints.at_or_after(database, index) for index in range(5)]
    assert found == [first, first, last, last, None]
    assert await checkpoints.latest(database) == last


async def test_many_who_sign_at_once_get_one_checkpoint_a_size(store: Store) -> None:
    await grow(store)
    got = await asyncio.gather(*(checkpoints.sign(store, str(n)) for n in range(20)))
    assert len(set(got)) == 1
    assert len(await points(store)) == 1


async def test_a_cancelled_signer_leaves_a_whole_checkpoint(store: Store) -> None:
    await grow(store)
    task = asyncio.create_task(checkpoints.sign(store, "test"))
    await asyncio.sleep(0)
    task.cancel()
    await store.vault.drain()
    (point,) = await points(store)
    assert (store.folder / ANCHOR).read_text() == point.note


async def test_a_reader_does_not_sign(store: Store) -> None:
    await grow(store)
    reader = await Store.open_reader(store.folder, HandClock())
    with pytest.raises(DatabaseTrouble, match="opened for reading"):
        await checkpoints.sign(reader, "test")
    await reader.close()


async def test_a_log_whose_entries_were_exchanged_while_it_runs_is_not_signed(store: Store) -> None:
    await grow(store, 2)
    await checkpoints.sign(store, "test")
    await grow(store, 2)
    change(store.folder, 'UPDATE leaf SET leaf_hash = ? WHERE "index" = 2', "ab" * 32)
    with pytest.raises(RolledBack, match="no longer goes on from the checkpoint of 2 entries"):
        await checkpoints.sign(store, "test")
    change(store.folder, "UPDATE leaf SET leaf_hash = 'no hash' WHERE \"index\" = 2")
    with pytest.raises(RolledBack, match="no longer goes on"):
        await checkpoints.sign(store, "test")


# --- the loop ----------------------------------------------------------------------------------


async def test_news_are_signed_within_seconds_and_not_one_by_one(tmp_path: Path) -> None:
    clock, told = StepClock(), Told()
    async with opened(tmp_path / "data", clock) as store, signing(store, told):
        await until(store, 1)
        await grow(store, 4)
        clock.tick(EVERY_S / 2)
        await grow(store, 2)
        assert [point.size for point in await points(store)] == [1]
        clock.tick(EVERY_S / 2)
        await until(store, 7)
        assert [(p.size, p.reason) for p in await points(store)] == [(1, "start"), (7, "news")]
    assert told == []


async def test_an_urgent_verdict_is_signed_at_once(tmp_path: Path) -> None:
    clock, told = StepClock(), Told()
    async with opened(tmp_path / "data", clock) as store, signing(store, told):
        await until(store, 1)
        quiet = await store.seal(look("1", clock.now()), watched=watched("1", clock.now()))
        await store.record(judgement(quiet, clock.now(), Tier.HIGH), announce=())
        loud = await store.seal(look("2", clock.now()), watched=watched("2", clock.now()))
        assert [point.size for point in await points(store)] == [1]
        await store.record(judgement(loud, clock.now(), Tier.URGENT), announce=())
        point = await until(store, 5)
        assert (point.reason, point.at) == ("urgent", clock.now())


async def test_a_signing_fault_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    clock, told = StepClock(), Told()
    async with opened(tmp_path / "data", clock) as store, signing(store, told) as loop:
        await until(store, 1)
        secret = store.folder / "keys" / "daemon.key"
        secret.rename(tmp_path / "away")
        for _ in range(3):
            await grow(store)
            await passing(clock, AGAIN_S, loop)
        assert len(told) == 1
        assert "daemon.key is gone" in told[0]
        assert "daemon.key is gone" in loop.trouble
        assert (await store.root())[0] == 4
        (tmp_path / "away").rename(secret)
        await passing(clock, AGAIN_S, loop)
        await until(store, 4)
        assert loop.trouble == ""


async def passing(clock: StepClock, seconds: float, loop: Checkpoints) -> None:
    """Let time pass in steps, so that the loop gets to run in between."""
    for _ in range(10):
        clock.tick(seconds / 5)
        for _ in range(50):
            await asyncio.sleep(0.0005)


# --- roll-back -----------------------------------------------------------------------------------


def change(folder: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute(sql, values)


async def two_days(folder: Path) -> Signed:
    """A store of two days; yesterday's database lies beside it. The newest checkpoint."""
    clock = HandClock()
    async with opened(folder, clock) as store:
        await grow(store, 5)
        await checkpoints.sign(store, "test")
    shutil.copy(folder / DATABASE, folder.parent / "yesterday.db")
    clock.tick(86_400)
    async with opened(folder, clock) as store:
        await grow(store, 4)
        return await checkpoints.sign(store, "test")


async def test_a_database_put_back_to_yesterday_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    point = await two_days(folder)
    shutil.copy(tmp_path / "yesterday.db", folder / DATABASE)
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(RolledBack) as told:
        await Store.open(folder, HandClock())
    for word in ("9 entries", point.root[:12], "2026-11-25T21:00:00.000000Z", "holds only 5", "keys rotate"):
        assert word in str(told.value)
    assert (told.value.size, told.value.root) == (9, point.root)
    assert (folder / DATABASE).read_bytes() == before
    assert (folder / ANCHOR).read_text() == point.note


async def test_a_put_back_database_that_grew_again_is_refused_too(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await two_days(folder)
    shutil.copy(tmp_path / "yesterday.db", folder / DATABASE)
    anchor = (folder / ANCHOR).read_bytes()
    (folder / ANCHOR).unlink()
    async with opened(folder) as store:
        await grow(store, 7)
    (folder / ANCHOR).write_bytes(anchor)
    with pytest.raises(RolledBack, match="the log of the database is another one"):
        await Store.open(folder, HandClock())


async def test_a_removed_or_foreign_database_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await two_days(folder)
    (folder / DATABASE).unlink()
    with pytest.raises(RolledBack, match="another one or was removed"):
        await Store.open(folder, HandClock())
    await two_days(tmp_path / "other")
    shutil.copy(tmp_path / "other" / DATABASE, folder / DATABASE)
    with pytest.raises(RolledBack, match="another one or was removed"):
        await Store.open(folder, HandClock())


async def test_a_log_that_only_grew_opens_with_or_without_the_row_of_the_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await two_days(folder)
    async with opened(folder) as store:
        await grow(store, 6)
        assert store.odd == ""
    change(folder, "UPDATE checkpoint SET frontier = 'bent' WHERE size = 9")
    async with opened(folder) as store:
        assert store.odd == ""
    change(folder, "DELETE FROM checkpoint")
    async with opened(folder) as store:
        await grow(store)
        assert (await checkpoints.sign(store, "test")).size == 16


@pytest.mark.parametrize("damage", [b"", b"\xff", b"not a note\n", None])
async def test_a_damaged_or_missing_anchor_is_told_and_kept_aside(
    tmp_path: Path, damage: bytes | None
) -> None:
    folder, told = tmp_path / "data", Told()
    await two_days(folder)
    if damage is None:
        (folder / ANCHOR).unlink()
    else:
        (folder / ANCHOR).write_bytes(damage)
    clock = StepClock()
    async with opened(folder, clock) as store:
        assert "a roll-back would not be noticed" in store.odd
        await grow(store)
        async with signing(store, told):
            await until(store, 12)
        rows = await store.vault.database.rows("SELECT \"index\", entry FROM leaf WHERE kind = 'gap'")
    assert len(told) == 1
    assert "a roll-back would not be noticed" in told[0]
    assert "entry 9 of the log says so" in told[0]
    ((index, entry),) = [(row[0], json.loads(row[1])["facts"]) for row in rows]
    assert index == 9
    assert "keys/anchor was missing or damaged at start" in entry["reason"]
    assert "cannot be told" in entry["reason"]
    assert str(tmp_path) not in entry["found"]
    kept = [path.read_bytes() for path in (folder / "keys" / "old").glob("anchor.*")]
    assert kept == ([] if damage is None else [damage])
    async with opened(folder) as store:
        assert store.odd == ""


@pytest.mark.parametrize("trace", ["export", "counted", "urgent"])
async def test_a_signed_log_without_anchor_and_checkpoints_is_told_and_is_not_whole(
    tmp_path: Path, trace: str
) -> None:
    folder, clock = tmp_path / "data", HandClock()
    async with opened(folder, clock) as store:
        await store.log_event("key", {"act": "in use", "key": "0"})
        sealed = await store.seal(look("1", clock.tick()))
        await checkpoints.sign(store, "test")
        if trace == "export":
            await export(store, [sealed.evidence_id], tmp_path / "package")
        elif trace == "counted":
            await store.log_event("config", {"digest": "x"})
        else:
            await store.record(judgement(sealed, clock.tick(), Tier.URGENT), announce=())
    change(folder, "DELETE FROM checkpoint")
    (folder / ANCHOR).unlink()
    assert any(f.what == "anchor" for f in (await report_on(folder)).broken)
    async with opened(folder) as store:
        assert "every checkpoint are missing" in store.odd
        assert "of the log says so" in store.odd


async def test_a_log_that_was_never_signed_is_nothing_odd(tmp_path: Path) -> None:
    folder, clock = tmp_path / "data", HandClock()
    async with opened(folder, clock) as store:
        await store.seal(look("1", clock.tick()))
        await store.log_event("key", {"act": "in use", "key": "0"})
    assert not any(f.what == "anchor" for f in (await report_on(folder)).broken)
    async with opened(folder) as store:
        assert store.odd == ""


async def test_an_anchor_by_a_strange_key_is_odd_yet_compared(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    point = await two_days(folder)
    text = notes.split_note(point.note)[0]
    name = text.split("\n")[0]
    stranger = Signer.make(tmp_path / "stranger", name.removeprefix("nightjar-"))
    (folder / ANCHOR).write_text(notes.sign_note(text, stranger))
    async with opened(folder) as store:
        assert "not signed by a key of this folder" in store.odd
    (folder / ANCHOR).write_text(notes.sign_note(text.replace("\n9\n", "\n99\n"), stranger))
    with pytest.raises(RolledBack):
        await Store.open(folder, HandClock())


async def test_a_lost_key_is_not_quietly_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await two_days(folder)
    (folder / "keys" / keys.SECRET).unlink()
    for remove_anchor in (False, True):
        if remove_anchor:
            (folder / ANCHOR).unlink()
        async with opened(folder) as store:
            await grow(store)
            with pytest.raises(KeyTrouble, match="nightjar keys rotate"):
                await checkpoints.sign(store, "test")
    assert not (folder / "keys" / keys.SECRET).exists()
