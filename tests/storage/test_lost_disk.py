"""A backup brought back where the anchor is gone: the old key signs no second history."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from storage import checkpoints, keys, notes, succession
from storage.errors import StoreError
from storage.restore import restore
from storage.store import Store
from tests.fakes.crash import Crash, crashing
from tests.storage.kit import HandClock, opened, report_on
from tests.storage.test_backup import backed_up, grown, newest, whole_of


async def lost_disk(folder: Path, clock: HandClock) -> tuple[keys.PublicKey, int]:
    """A backup in `dest` of a store that signed on and then was lost; its key, the size of the backup."""
    live, dest = folder / "live", folder / "dest"
    await grown(live, clock, 0, 1)
    done = await backed_up(live, dest, clock)
    await grown(live, clock, 1, 2)
    key = keys.known(live)[0]
    shutil.rmtree(live)
    return key, done.inventory.size


async def largest_by(folder: Path, clock: HandClock, key: keys.PublicKey) -> int:
    """The most entries that this key has signed in a store."""
    reader = await Store.open_reader(folder, clock)
    try:
        return max(
            (p.size for p in await checkpoints.all_of(reader.vault.database) if signed_by(p.note, key)),
            default=0,
        )
    finally:
        await reader.close()


def signed_by(note: str, key: keys.PublicKey) -> bool:
    try:
        notes.open_note(note, note.partition("\n")[0], key.public)
    except notes.NotNote:
        return False
    return True


@pytest.mark.parametrize("left", ["nothing", "keys", "damaged anchor"])
async def test_after_a_lost_disk_the_old_key_signs_no_second_history_and_the_log_says_why(
    tmp_path: Path, clock: HandClock, left: str
) -> None:
    old, size = await lost_disk(tmp_path, clock)
    live, dest = tmp_path / "live", tmp_path / "dest"
    if left != "nothing":
        shutil.copytree(newest(dest) / "keys", live / "keys")
    if left == "damaged anchor":
        (live / "keys" / keys.ANCHOR).write_text("no checkpoint")
    restored = await restore(dest, live, clock)
    assert (restored.lost, restored.unknown_from, restored.entry, restored.has_key) == (
        None,
        size,
        size,
        True,
    )
    assert restored.new_key not in ("", old.fingerprint)
    await grown(live, clock, 9, 3)
    await whole_of(live, clock)
    assert await largest_by(live, clock, old) == size
    async with opened(live, clock) as store:
        assert store.odd == ""
        rows = await store.vault.database.rows("SELECT entry FROM leaf WHERE kind = 'gap'")
    (facts,) = [json.loads(row[0])["facts"] for row in rows]
    assert facts["unknown_from_entry"] == str(size)
    assert "not known" in facts["unknown"]
    kept = [path.read_text() for path in (live / "keys" / "old").glob("anchor.*")]
    assert ("no checkpoint" in kept) == (left == "damaged anchor")


async def test_a_restore_beside_its_whole_anchor_loses_nothing_and_keeps_the_key(
    tmp_path: Path, clock: HandClock
) -> None:
    live, dest = tmp_path / "live", tmp_path / "dest"
    await grown(live, clock, 0, 2)
    await backed_up(live, dest, clock, with_keys=False)
    before, key = await whole_of(live, clock), keys.known(live)[0]
    (live / "nightjar.db").rename(tmp_path / "broken.db")
    restored = await restore(dest, live, clock)
    assert (restored.lost, restored.unknown_from, restored.new_key) == (None, None, "")
    assert await whole_of(live, clock) == before
    await grown(live, clock, 2, 1)
    assert keys.known(live)[0] == key


async def test_a_restore_after_a_lost_disk_that_dies_anywhere_never_signs_with_the_old_key(
    tmp_path: Path, clock: HandClock
) -> None:
    old, size = await lost_disk(tmp_path, clock)
    dest, steps = tmp_path / "dest", 0
    while True:
        steps += 1
        back = tmp_path / f"back{steps}"
        try:
            with crashing(back / "keys", steps):
                await restore(dest, back, clock)
            break
        except Crash:
            pass
        if (back / "nightjar.db").exists():
            async with opened(back, clock) as store:
                with contextlib.suppress(StoreError):  # it may have no key yet
                    await checkpoints.sign(store, "test")
            await succession.rotate(back, clock, why="the restore was interrupted")
        else:
            await restore(dest, back, clock)
        await grown(back, clock, 20, 1)
        assert (await report_on(back)).broken == (), steps
        assert await largest_by(back, clock, old) == size, steps
    assert steps > 15
