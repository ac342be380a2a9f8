"""Generations of a backup: a crash anywhere leaves one whole, losses replace none, what is erased goes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage import erasure, keys
from storage.backup import backup
from storage.blobs import names
from storage.generations import BackupTrouble, open_copy, read_inventory
from storage.restore import restore
from storage.verify import verify
from tests.storage.kit import HandClock, opened
from tests.storage.test_backup import backed_up, change_the_log, grown, newest, some_blob, whole_of
from tests.storage.test_retention import MONTH_S, RULES, unmatched

_CRASHED = 9
_STEPS = ("os.rename", "os.remove", "os.rmdir")
"""Audit events of what changes names on a disk."""


def crashing_at(step: int, live: Path, dest: Path, clock: HandClock) -> bool:
    """A backup in a process that dies before its `step`-th change of a name; whether it came so far."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == _CRASHED
    code = 1
    try:
        left = step

        def die(event: str, _about: object) -> None:
            nonlocal left
            if event in _STEPS:
                left -= 1
                if left < 0:
                    os._exit(_CRASHED)

        sys.addaudithook(die)
        backup(live, dest, clock, with_keys=True)
        code = 0
    finally:
        os._exit(code)


def test_a_crash_at_any_step_leaves_a_backup_that_is_restored_whole(tmp_path: Path, clock: HandClock) -> None:
    live, before = tmp_path / "live", tmp_path / "before"
    asyncio.run(grown(live, clock, 0, 1))
    old = backup(live, before, clock, with_keys=True).inventory.size
    asyncio.run(grown(live, clock, 1, 1))
    new = asyncio.run(whole_of(live, clock))[0]
    step, sizes = 0, []
    while True:
        dest, back = tmp_path / f"dest{step}", tmp_path / f"back{step}"
        shutil.copytree(before, dest)
        crashed = crashing_at(step, live, dest, clock)
        asyncio.run(restore(dest, back, clock))
        sizes.append(read_inventory(dest).size)
        again = backup(live, dest, clock, with_keys=True)
        assert (again.whole, again.inventory.size) == (True, new)
        assert [p.name for p in dest.glob("generation-*")] == [again.inventory.generation]
        for done in (dest, back):
            shutil.rmtree(done)
        if not crashed:
            break
        step += 1
    assert sizes == sorted(sizes), "once the new one is there, it stays"
    assert {old, new} == set(sizes)
    assert step > sizes.count(old), "crashes on both sides of the moment of change"


async def test_a_backup_of_the_first_version_is_restored_and_gives_way_to_the_next(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 2)
    await backed_up(live, dest, clock)
    for path in sorted(newest(dest).iterdir()):
        path.rename(dest / path.name)
    newest(dest).rmdir()
    facts = json.loads((dest / "backup.json").read_bytes()) | {"version": 1}
    first = {name: value for name, value in facts.items() if name not in ("generation", "earlier")}
    (dest / "backup.json").write_text(json.dumps(first))
    await restore(dest, tmp_path / "back", clock)
    await whole_of(tmp_path / "back", clock)
    await backed_up(live, dest, clock)
    assert sorted(p.name for p in dest.iterdir()) == [
        "backup.json",
        "backup.lock",
        "blobs",
        "generation-000001",
        "tmp",
    ]
    await restore(dest, tmp_path / "again", clock)


# --- losses --------------------------------------------------------------------------


async def test_a_copy_with_losses_leaves_the_last_whole_one_beside_it_until_one_is_whole_again(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 2)
    whole = await backed_up(live, dest, clock)
    await grown(live, clock, 2, 2)
    lost = new_blob(live, dest)
    lost.rename(tmp_path / "aside")
    for _ in range(2):
        done = await backed_up(live, dest, clock, with_keys=False)
        assert lost.name in done.inventory.missing[0]
        assert done.inventory.earlier is not None
        assert done.inventory.earlier.size == whole.inventory.size
        assert len(list(dest.glob("generation-*"))) == 2
    assert not list(dest.rglob(keys.SECRET)), "a backup without the secret key leaves none in an earlier one"
    (tmp_path / "aside").rename(lost)
    again = await backed_up(live, dest, clock)
    assert (again.whole, again.inventory.earlier) == (True, None)
    assert [p.name for p in dest.glob("generation-*")] == [again.inventory.generation]


async def test_an_earlier_one_that_is_damaged_or_not_wanted_is_not_kept_beside_losses(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest, other = tmp_path / "live", tmp_path / "dest", tmp_path / "other"
    await grown(live, clock, 0, 2)
    for aim in (dest, other):
        await backed_up(live, aim, clock)
    await grown(live, clock, 2, 1)
    new_blob(live, dest).unlink()
    (newest(other) / "nightjar.db").write_bytes(b"no database")
    assert (await backed_up(live, other, clock)).inventory.earlier is None
    dropped = await asyncio.to_thread(backup, live, dest, clock, drop_earlier=True)
    assert (dropped.whole, dropped.inventory.earlier) == (False, None)


async def test_what_is_left_is_restored_on_request_and_the_log_names_each_loss(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest, back = tmp_path / "live", tmp_path / "dest", tmp_path / "back"
    await grown(live, clock, 0, 2)
    whole = await backed_up(live, dest, clock)
    await grown(live, clock, 2, 2)
    lost: set[str] = set()
    for _ in range(3):  # a manifest may be among them, which verify tells twice
        file = new_blob(live, dest, skip=len(lost))
        lost.add(file.name)
    for name in lost:
        (live / "blobs" / name[:2] / name).unlink()
    await backed_up(live, dest, clock)
    with pytest.raises(BackupTrouble, match=r"--accept-losses REASON; or the whole one of .*: --earlier"):
        await restore(dest, back, clock)
    restored = await restore(dest, back, clock, accept_losses="disk with bad sectors")
    assert set(restored.lost_files) == lost
    async with opened(back, clock) as store:
        rows = await store.vault.database.rows("SELECT entry FROM leaf WHERE kind = 'gap'")
        facts = [entry for row in rows if "lost_files" in (entry := json.loads(row[0])["facts"])]
        assert [set(entry["lost_files_named"].split()) for entry in facts] == [lost]
        assert facts[0]["reason"] == "restored from a backup: disk with bad sectors"
        report = await verify(store)
        assert {fault.what for fault in report.broken if fault.kind == "blob"} == lost
        assert {fault.kind for fault in report.broken} <= {"blob", "manifest"}
    again = tmp_path / "again"
    assert (await restore(dest, again, clock, earlier=True)).inventory.size == whole.inventory.size
    assert (await whole_of(again, clock))[2] == 2


async def test_accepted_losses_cover_lost_files_of_the_backup_and_nothing_else(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest, back = tmp_path / "live", tmp_path / "dest", tmp_path / "back"
    await grown(live, clock, 0, 3)
    await backed_up(live, dest, clock)
    with pytest.raises(BackupTrouble, match="no earlier"):
        await restore(dest, back, clock, earlier=True)
    lost = some_blob(dest)
    lost.unlink()
    with pytest.raises(BackupTrouble, match=lost.name):
        await restore(dest, back, clock)
    change_the_log(dest)
    with pytest.raises(BackupTrouble, match="entry 1"):
        await restore(dest, tmp_path / "other", clock, accept_losses="bad disk")
    await backed_up(live, dest, clock)
    lost.unlink()
    assert (await restore(dest, back, clock, accept_losses="bad disk")).lost_files == (lost.name,)


def new_blob(live: Path, dest: Path, *, skip: int = 0) -> Path:
    """A file of the store that the backup does not have yet."""
    fresh = sorted(set(names(live / "blobs")) - set(names(dest / "blobs")))
    return live / "blobs" / fresh[skip][:2] / fresh[skip]


# --- what no generation names -----------------------------------------------------------


async def with_one_unmatched(live: Path, clock: HandClock) -> None:
    async with opened(live, clock) as store:
        await unmatched(store, clock, "x")


async def erase_it(live: Path, clock: HandClock) -> None:
    clock.tick(MONTH_S)
    async with opened(live, clock) as store:
        assert (await erasure.apply(store, RULES)).files > 0


def named_by(database: Path) -> set[str]:
    with closing(open_copy(database)) as connection:
        return {row[0] for row in connection.execute("SELECT sha256 FROM blob")}


async def test_files_that_were_erased_in_the_store_leave_the_next_backup(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 3)
    await with_one_unmatched(live, clock)
    first = await backed_up(live, dest, clock)
    strange = dest / "blobs" / "note of the admin"
    strange.write_text("kept by hand")
    await erase_it(live, clock)
    second = await backed_up(live, dest, clock)
    assert second.removed > 0
    assert first.inventory.blobs - second.removed == second.inventory.blobs
    there = {p.name for p in (dest / "blobs").rglob("*") if p.is_file()}
    assert there == named_by(newest(dest) / "nightjar.db") | {strange.name}
    await restore(dest, tmp_path / "back", clock)


async def test_files_of_a_whole_backup_beside_losses_stay_with_it(tmp_path: Path, clock: HandClock) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 3)
    await with_one_unmatched(live, clock)
    await backed_up(live, dest, clock)
    await erase_it(live, clock)
    await grown(live, clock, 3, 1)
    new_blob(live, dest).unlink()
    done = await backed_up(live, dest, clock)
    assert done.inventory.earlier is not None
    assert done.removed == 0
    earlier = done.inventory.earlier.place(dest) / "nightjar.db"
    assert named_by(earlier) <= set(names(dest / "blobs"))


# --- backup.json ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "names_it"),
    [
        ({"size": "7"}, "size"),
        ({"size": True}, "size"),
        ({"blobs": -1}, "blobs"),
        ({"root": 5}, "root"),
        ({"origin": None}, "origin"),
        ({"database_sha256": "../../etc/passwd"}, "database_sha256"),
        ({"with_keys": True}, "with_keys"),
        ({"missing": "none"}, "missing"),
        ({"missing": [1]}, "missing"),
        ({"generation": "../elsewhere"}, "generation"),
        ({"earlier": [[]]}, "origin"),
        ({"earlier": {}}, "earlier"),
        ({"version": 3}, "version"),
        ({"format": "other"}, "not of a backup"),
        ({"more": "x"}, "more"),
    ],
)
async def test_an_inventory_of_another_form_is_refused_by_what_is_wrong_in_it(
    tmp_path: Path, clock: HandClock, change: dict[str, object], names_it: str
) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 1)
    await backed_up(live, dest, clock)
    said = json.loads((dest / "backup.json").read_bytes())
    (dest / "backup.json").write_text(json.dumps(said | change))
    with pytest.raises(BackupTrouble, match=names_it):
        read_inventory(dest)


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "", "\udc80", '{"version":' + "9" * 5_000 + "}"])
def test_an_inventory_that_is_none_is_one_stated_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "backup.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BackupTrouble, match="cannot be read"):
        read_inventory(tmp_path)
