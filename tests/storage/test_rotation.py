"""A rotation of the signing key that is interrupted anywhere is finished by the next start."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from storage import checkpoints, keys, notes, succession
from storage.errors import KeyTrouble, RolledBack
from storage.store import Store
from tests.fakes.crash import Crash, crashing
from tests.storage.kit import HandClock, opened, report_on

MOST_STEPS = 60
Turn = Callable[[Path], Awaitable[object]]


async def signed_and_certified(folder: Path) -> None:
    admin = folder.parent / "admin.key"
    keys.new_admin(admin)
    async with opened(folder) as store:
        await store.log_event("config", {"digest": "x"})
        await checkpoints.sign(store, "test")
        await succession.certify(store, admin)
        await checkpoints.sign(store, "test")


async def yearly(folder: Path) -> object:
    return await succession.rotate(folder, HandClock(), why="yearly")


async def crashed(folder: Path, turn: Turn, step: int) -> bool:
    """Whether there was a step of that number, at which it died."""
    try:
        with crashing(folder / "keys", step):
            await turn(folder)
    except Crash:
        return True
    return False


async def every_crash(origin: Path, folder: Path, turn: Turn) -> int:
    """How many steps the rotation has; each is a copy in `folder` that died at it."""
    for step in range(1, MOST_STEPS):
        copy = folder / f"{step:02}"
        shutil.copytree(origin, copy)
        if not await crashed(copy, turn, step):
            shutil.rmtree(copy)
            return step - 1
    raise AssertionError("a rotation of endless steps")


async def works_again(folder: Path) -> set[str]:
    """It opens, signs and is whole; the fingerprints of its keys."""
    async with opened(folder) as store:
        assert store.odd == ""
        await store.log_event("config", {"digest": "y"})
        await checkpoints.sign(store, "test")
    report = await report_on(folder)
    assert report.broken == (), folder.name
    assert not (folder / "keys" / "next" / "daemon.key").exists() or not await named(folder)
    return {key.fingerprint for key in keys.known(folder)}


async def named(folder: Path) -> list[str]:
    """Successors that the log names."""
    store = await Store.open_reader(folder, HandClock())
    rows = await store.vault.database.rows("SELECT entry FROM leaf WHERE kind = 'key'")
    await store.close()
    told = [json.loads(row[0])["facts"] for row in rows]
    return [facts["new"] for facts in told if facts["act"] == "successor"]


async def test_a_rotation_interrupted_at_any_step_is_whole_and_finished_by_the_next_start(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    await signed_and_certified(data)
    first = keys.known(data)[0].fingerprint
    steps = await every_crash(data, tmp_path / "crashed", yearly)
    assert steps > 15
    for copy in sorted((tmp_path / "crashed").iterdir()):
        assert (await report_on(copy)).broken == (), f"before the start, step {copy.name}"
        ring = await works_again(copy)
        expected = {first, *await named(copy)}
        assert ring == expected, copy.name
        assert [key.number for key in keys.known(copy)] == list(range(len(expected)))
        in_use = keys.known(copy)[0]
        assert (in_use.fingerprint == first) == (len(expected) == 1), "who is named is in use"
        (once,) = [key for key in keys.known(copy) if key.fingerprint == first]
        assert once.certificate, "its certificate went with it"


async def test_an_interrupted_rotation_that_is_ordered_again_is_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await signed_and_certified(data)
    await every_crash(data, tmp_path / "crashed", yearly)
    for copy in sorted((tmp_path / "crashed").iterdir()):
        await yearly(copy)
        assert await works_again(copy) == {key.fingerprint for key in keys.known(data)} | set(
            await named(copy)
        ), copy.name


async def test_a_rotation_interrupted_and_interrupted_again_is_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await signed_and_certified(data)
    steps = await every_crash(data, tmp_path / "crashed", yearly)
    for step in range(1, steps + 1, 3):
        copy = tmp_path / "crashed" / f"{step:02}"
        for again in range(1, steps, 4):
            await crashed(copy, yearly, again)
        await works_again(copy)


async def test_a_key_whose_public_half_was_lost_but_stands_in_the_log_is_no_alarm_for_ever(
    tmp_path: Path,
) -> None:
    """What former versions left behind: the log names a successor that never came into use."""
    data = tmp_path / "data"
    await signed_and_certified(data)
    for step in range(1, MOST_STEPS):
        copy = tmp_path / f"{step:02}"
        shutil.copytree(data, copy)
        if await crashed(copy, yearly, step) and (copy / "keys" / "next").exists() and await named(copy):
            break
    (lost,) = await named(copy)
    shutil.rmtree(copy / "keys" / "next")
    assert lost not in await works_again(copy)


async def test_an_admitted_roll_back_interrupted_anywhere_never_signs_with_the_old_key(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    await signed_and_certified(data)
    shutil.copy(data / "nightjar.db", tmp_path / "yesterday.db")
    async with opened(data) as store:
        await store.log_event("config", {"digest": "lost"})
        lost = await checkpoints.sign(store, "test")
    shutil.copy(tmp_path / "yesterday.db", data / "nightjar.db")
    old = keys.known(data)[0]

    async def admitted(folder: Path) -> object:
        return await succession.rotate(folder, HandClock(), why="broke", accept_rollback=True)

    await every_crash(data, tmp_path / "crashed", admitted)
    for copy in sorted((tmp_path / "crashed").iterdir()):
        try:
            async with opened(copy):
                pass
        except RolledBack:
            await admitted(copy)
        await works_again(copy)
        kept = [path.read_text() for path in (copy / "keys" / "old").glob("anchor.*")]
        assert lost.note in kept, "the anchor that was given up is kept"
        store = await Store.open_reader(copy, HandClock())
        points = await checkpoints.all_of(store.vault.database)
        origin = store.vault.origin
        await store.close()
        for point in points:
            if by(point.note, origin, old.public):
                assert point.size < lost.size, "the old key signed a second history"


def by(note: str, origin: str, public: bytes) -> bool:
    try:
        notes.open_note(note, notes.log_name(origin), public)
    except notes.NotNote:
        return False
    return True


async def test_a_certificate_that_is_half_written_is_no_fault(tmp_path: Path) -> None:
    """`keys certify` writes the admin's key first: alone it says nothing."""
    data = tmp_path / "data"
    await signed_and_certified(data)
    await yearly(data)
    shutil.copy(data / "keys" / "old" / "1" / keys.ADMIN, data / "keys" / keys.ADMIN)
    assert (await report_on(data)).broken == ()


async def test_a_planted_successor_that_the_log_does_not_name_comes_never_into_use(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await signed_and_certified(data)
    before = keys.known(data)[0].fingerprint
    (data / "keys" / "next").mkdir()
    stranger = keys.Signer.make(tmp_path / "stranger", "0" * 32)
    for name in (keys.SECRET, keys.PUBLIC):
        shutil.copy(tmp_path / "stranger" / "keys" / name, data / "keys" / "next" / name)
    assert await works_again(data) == {before}
    assert stranger.fingerprint != before
    with pytest.raises(KeyTrouble, match="no roll-back"):
        await succession.rotate(data, HandClock(), why="x", accept_rollback=True)
