"""Backup and restore: consistent beside a writing watch, incremental, checked, honest about what is lost."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from bench._looks import TARGET, look, watched
from storage import checkpoints, keys, ledger, succession
from storage.backup import BackedUp, backup
from storage.callback_key import callback_key
from storage.errors import DatabaseTrouble, RolledBack, StoreError
from storage.generations import BackupTrouble, read_inventory
from storage.restore import restore
from storage.store import Store
from storage.tree import root_of
from storage.verify import verify
from tests.storage.kit import HandClock, opened


async def grown(folder: Path, clock: HandClock, first: int, count: int) -> None:
    """A store with `count` more pieces of evidence and a checkpoint over them."""
    async with opened(folder, clock) as store:
        await seal_some(store, clock, first, count)
        await checkpoints.sign(store, "test")


async def seal_some(store: Store, clock: HandClock, first: int, count: int) -> None:
    for number in range(first, first + count):
        at = clock.tick()
        await store.seal(look(str(number), at), watched=watched(str(number), at))


async def backed_up(folder: Path, dest: Path, clock: HandClock, *, with_keys: bool = True) -> BackedUp:
    return await asyncio.to_thread(backup, folder, dest, clock, with_keys=with_keys)


async def whole_of(folder: Path, clock: HandClock) -> tuple[int, str, int]:
    """(tree size, root, evidence) of a store that must be whole."""
    async with opened(folder, clock) as store:
        report = await verify(store)
        assert report.broken == ()
        return report.tree_size, report.root, report.evidence


async def test_a_backup_is_restored_whole_and_the_watch_goes_on_from_it(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest, back = tmp_path / "live", tmp_path / "dest", tmp_path / "back"
    await grown(live, clock, 0, 5)
    done = await backed_up(live, dest, clock)
    assert done.whole
    assert done.kept == 0
    restored = await restore(dest, back, clock)
    assert (restored.lost, restored.has_key, restored.copied) == (None, True, done.copied)
    before, after = await whole_of(live, clock), await whole_of(back, clock)
    assert after[2] == before[2]
    assert await root_at(back, clock, before[0]) == before[1]
    await grown(back, clock, 5, 1)
    assert (await whole_of(back, clock))[2] == 6


async def root_at(folder: Path, clock: HandClock, size: int) -> str:
    """The root of the log's first entries, hex."""
    async with opened(folder, clock) as store:
        return root_of(await ledger.leaf_hashes(store.vault.database, size)).hex()


async def test_the_next_backup_copies_only_what_is_new(tmp_path: Path, clock: HandClock) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 5)
    first = await backed_up(live, dest, clock)
    await grown(live, clock, 5, 1)
    second = await backed_up(live, dest, clock)
    assert second.kept == first.copied
    assert 0 < second.copied < first.copied
    assert second.inventory.size > first.inventory.size
    await restore(dest, tmp_path / "back", clock)
    assert (await whole_of(tmp_path / "back", clock))[2] == 6


async def test_a_backup_beside_a_writing_watch_is_of_one_instant(tmp_path: Path, clock: HandClock) -> None:
    live, dest, back = tmp_path / "live", tmp_path / "dest", tmp_path / "back"
    async with opened(live, clock) as store:
        await seal_some(store, clock, 0, 10)
        writing = asyncio.create_task(seal_some(store, clock, 10, 60))
        done = await backed_up(live, dest, clock)
        await writing
        size = (await store.root())[0]
    assert 10 <= done.inventory.size < size
    await restore(dest, back, clock)
    assert await root_at(back, clock, done.inventory.size) == done.inventory.root
    await whole_of(back, clock)


async def test_a_damaged_file_of_the_backup_is_mended_by_the_next(tmp_path: Path, clock: HandClock) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 3)
    await backed_up(live, dest, clock)
    bent = bend(some_blob(dest))
    done = await backed_up(live, dest, clock)
    assert (done.mended, done.copied) == ((bent.name,), 1)
    await restore(dest, tmp_path / "back", clock)


async def test_a_store_that_lost_a_file_is_backed_up_as_far_as_it_goes_and_says_so(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 3)
    lost = some_blob(live)
    lost.unlink()
    done = await backed_up(live, dest, clock)
    assert not done.whole
    assert lost.name in done.inventory.missing[0]
    with pytest.raises(BackupTrouble, match=lost.name):
        await restore(dest, tmp_path / "back", clock)


def newest(dest: Path) -> Path:
    """Where the newest backup in `dest` has its database, checkpoint and keys."""
    return read_inventory(dest).place(dest)


def some_blob(folder: Path) -> Path:
    return sorted(p for p in (folder / "blobs").rglob("*") if p.is_file())[2]


def bend(path: Path) -> Path:
    path.chmod(0o640)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def drop_a_blob(dest: Path) -> None:
    some_blob(dest).unlink()


def bend_a_blob(dest: Path) -> None:
    bend(some_blob(dest))


def bend_the_database(dest: Path) -> None:
    bend(newest(dest) / "nightjar.db")


def change_the_log(dest: Path) -> None:
    """A change that the inventory is made to agree with: only the log itself can tell."""
    with sqlite3.connect(newest(dest) / "nightjar.db") as connection:
        connection.execute('UPDATE leaf SET entry = replace(entry, \'"v":1\', \'"v":2\') WHERE "index" = 1')
    connection.close()
    agree(dest)


def change_the_root(dest: Path) -> None:
    facts = json.loads((dest / "backup.json").read_bytes())
    (dest / "backup.json").write_text(json.dumps(facts | {"root": "0" * 64}))


def drop_the_database(dest: Path) -> None:
    (newest(dest) / "nightjar.db").unlink()


def drop_the_inventory(dest: Path) -> None:
    (dest / "backup.json").unlink()


def garble_the_inventory(dest: Path) -> None:
    (dest / "backup.json").write_text('{"format": ["nightjar-backup"]')


def drop_the_checkpoint(dest: Path) -> None:
    (newest(dest) / "checkpoint").unlink()


def sign_with_another_key(dest: Path) -> None:
    other = dest.parent / "other"
    signer = keys.Signer.make(other, "0" * 32)
    del signer
    shutil.copyfile(other / "keys" / keys.PUBLIC, newest(dest) / "keys" / keys.PUBLIC)


def agree(dest: Path) -> None:
    from storage.files import sha256_of_file

    facts = json.loads((dest / "backup.json").read_bytes())
    named = sha256_of_file(newest(dest) / "nightjar.db")
    (dest / "backup.json").write_text(json.dumps(facts | {"database_sha256": named}))


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        (drop_a_blob, "missing"),
        (bend_a_blob, "no longer hash"),
        (bend_the_database, "hash differs"),
        (change_the_log, "entry 1"),
        (change_the_root, "inventory"),
        (drop_the_database, "nightjar.db is missing"),
        (drop_the_inventory, "backup.json is missing"),
        (garble_the_inventory, "cannot be read"),
        (drop_the_checkpoint, "checkpoint is missing"),
        (sign_with_another_key, "no key of the backup"),
    ],
)
async def test_a_damaged_backup_is_refused_by_its_first_fault(
    tmp_path: Path, clock: HandClock, damage: object, names: str
) -> None:
    live, dest, back = tmp_path / "live", tmp_path / "dest", tmp_path / "back"
    await grown(live, clock, 0, 3)
    await backed_up(live, dest, clock)
    assert callable(damage)
    damage(dest)
    with pytest.raises(BackupTrouble, match=names):
        await restore(dest, back, clock)
    assert not (back / "nightjar.db").exists()
    assert not (back / ".restoring").exists()


async def test_the_secret_key_is_in_the_backup_only_when_asked_for(tmp_path: Path, clock: HandClock) -> None:
    live, dest, back = tmp_path / "live", tmp_path / "dest", tmp_path / "back"
    await grown(live, clock, 0, 1)
    await backed_up(live, dest, clock)
    assert (newest(dest) / "keys" / keys.SECRET).stat().st_mode & 0o777 == 0o600
    await backed_up(live, dest, clock, with_keys=False)
    assert not (newest(dest) / "keys" / keys.SECRET).exists()
    assert (newest(dest) / "keys" / keys.PUBLIC).exists()
    assert not (newest(dest) / "keys" / keys.ANCHOR).exists()
    assert (await restore(dest, back, clock)).has_key


async def test_keys_stay_open_to_their_owner_alone_in_the_backup_and_when_it_is_restored(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest, back = tmp_path / "live", tmp_path / "dest", tmp_path / "back"
    await grown(live, clock, 0, 1)
    tag = callback_key(live)
    await succession.rotate(live, clock, why="old one stolen")
    await backed_up(live, dest, clock, with_keys=False)
    (back / "keys").mkdir(mode=0o755, parents=True)
    await restore(dest, back, clock)  # its folder may have been made by hand
    copied = newest(dest) / "keys"
    for path in (copied, *copied.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    for name in ("", "callback", "old", "old/1", f"old/1/{keys.PUBLIC}"):
        assert (back / "keys" / name).stat().st_mode & 0o077 == 0, name
    assert callback_key(back) == tag


async def test_an_older_backup_is_refused_by_the_anchor_unless_a_reason_is_given(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 3)
    old = await backed_up(live, dest, clock)
    await grown(live, clock, 3, 2)
    newest = (await whole_of(live, clock))[0]
    (live / "nightjar.db").rename(tmp_path / "lost.db")
    with pytest.raises(RolledBack, match="accept-rollback"):
        await restore(dest, live, clock)
    assert not (live / "nightjar.db").exists()
    restored = await restore(dest, live, clock, accept_rollback="disk died, backup of last week")
    assert restored.lost == (old.inventory.size, newest)
    assert restored.entry == old.inventory.size
    async with opened(live, clock) as store:
        rows = await store.vault.database.rows("SELECT entry FROM leaf WHERE kind = 'gap'")
        facts = json.loads(rows[0][0])["facts"]
        assert facts["reason"] == "restored from a backup: disk died, backup of last week"
        assert (facts["lost_from_entry"], facts["lost_before_entry"]) == (
            str(old.inventory.size),
            str(newest),
        )
        assert (await verify(store)).whole
        await checkpoints.sign(store, "test")
    known = keys.known(live)
    assert [key.number for key in known] == [0, 1]
    assert known[0].fingerprint == restored.new_key
    assert [p for p in (live / "keys").rglob("anchor*") if p.name != keys.ANCHOR], "the old anchor is kept"
    await whole_of(live, clock)


async def test_a_database_that_was_put_back_by_hand_is_refused_at_the_start(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 3)
    await backed_up(live, dest, clock)
    await grown(live, clock, 3, 2)
    shutil.copyfile(newest(dest) / "nightjar.db", live / "nightjar.db")
    for left in ("-wal", "-shm"):
        (live / f"nightjar.db{left}").unlink(missing_ok=True)
    with pytest.raises(RolledBack, match="put back"):
        await Store.open(live, clock)


async def test_what_would_overwrite_or_mix_stores_is_refused(tmp_path: Path, clock: HandClock) -> None:
    live, other, dest = tmp_path / "live", tmp_path / "other", tmp_path / "dest"
    await grown(live, clock, 0, 1)
    await grown(other, clock, 0, 1)
    await backed_up(live, dest, clock)
    with pytest.raises(BackupTrouble, match="another store"):
        await backed_up(other, dest, clock)
    with pytest.raises(BackupTrouble, match="may not lie in"):
        await backed_up(live, live / "backup", clock)
    with pytest.raises(BackupTrouble, match="move it aside"):
        await restore(dest, other, clock)
    with pytest.raises(DatabaseTrouble, match="no database here yet"):
        await backed_up(tmp_path / "empty", tmp_path / "dest2", clock)
    async with opened(live, clock):
        with pytest.raises(StoreError, match="is writing here"):
            await restore(dest, live, clock)


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
async def test_a_restore_beside_what_is_left_of_another_database_is_refused(
    tmp_path: Path, clock: HandClock, ending: str
) -> None:
    live, dest, back = tmp_path / "live", tmp_path / "dest", tmp_path / "back"
    await grown(live, clock, 0, 1)
    await backed_up(live, dest, clock)
    back.mkdir()
    left = back / f"nightjar.db{ending}"
    left.write_bytes(b"pages of a database that is gone")
    with pytest.raises(BackupTrouble, match=left.name):
        await restore(dest, back, clock)
    assert not (back / "nightjar.db").exists()
    left.rename(tmp_path / "aside")
    await restore(dest, back, clock)
    await whole_of(back, clock)


async def test_the_backup_of_one_target_names_what_it_holds(tmp_path: Path, clock: HandClock) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 2)
    done = await backed_up(live, dest, clock)
    files = [p for p in (dest / "blobs").rglob("*") if p.is_file()]
    assert done.inventory.blobs == len(files)
    assert done.inventory.bytes == sum(p.stat().st_size for p in files)
    async with opened(live, clock) as store:
        assert set(await store.known(TARGET, ["0", "1"])) == {"0", "1"}
