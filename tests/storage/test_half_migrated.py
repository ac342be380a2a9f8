"""A kill in the middle of making or upgrading a store leaves one that the next start brings up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database, _Recorder
from storage.migrating import lacking
from tests.fakes.schema import the_long_way
from tests.storage.test_schema import schema


class Killed(Exception):
    pass


@pytest.fixture(autouse=True)
def migrated_from_nothing() -> Iterator[None]:
    with the_long_way():
        yield


async def made(path: Path) -> None:
    await (await Database.open(path, writable=True)).close()


@pytest.mark.parametrize("after", ["0001_initial", "0008_lanes", "0012_tips"])
async def test_a_kill_right_after_a_migration_was_applied_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """tortoise recorded it afterwards: what stood already could then not be made, at every start."""
    record = _Recorder.record_applied
    calls = dict.fromkeys(["0001_initial", "0008_lanes", "0012_tips"], 0)

    async def killed(self: _Recorder, app: str, name: str) -> None:
        calls[name] = calls.get(name, 0) + 1
        if name == after and calls[name] == 2:  # the first is within the migration's own transaction
            raise Killed
        await record(self, app, name)

    monkeypatch.setattr(_Recorder, "record_applied", killed)
    broken, whole = tmp_path / "broken.db", tmp_path / "whole.db"
    with pytest.raises(Killed):
        await made(broken)
    monkeypatch.undo()
    await made(broken)
    await made(whole)
    assert schema(broken) == schema(whole)
    assert not lacking(broken)


async def test_a_kill_before_a_migration_is_whole_leaves_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(_self: _Recorder, _app: str, _name: str) -> None:
        raise Killed

    path = tmp_path / "broken.db"
    monkeypatch.setattr(_Recorder, "record_applied", killed)
    with pytest.raises(Killed):
        await made(path)
    monkeypatch.undo()
    assert set(schema(path)) <= {"sqlite_sequence"}
    await made(path)
    assert not lacking(path)
