"""A database is brought up to date in a process of its own, and what is wrong is told as ever."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.database import Database
from storage.errors import DatabaseTrouble
from storage.migrating import apart, lacking
from storage.recovery import DATABASE
from storage.store import Store
from tests.storage.kit import HandClock
from tests.storage.test_schema import schema

ROOT = Path(__file__).resolve().parents[2]


async def made(path: Path) -> None:
    await (await Database.open(path, writable=True)).close()


def without_the_newest(path: Path) -> None:
    """As a program left it that did not know the newest migration, which changes nothing when run again."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "DELETE FROM tortoise_migrations WHERE id = (SELECT max(id) FROM tortoise_migrations)"
        )
        connection.commit()


async def test_it_leads_to_the_same_schema_and_only_what_lacks_something_is_touched(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    await made(ours)
    assert lacking(theirs)
    await apart(theirs)
    assert schema(theirs) == schema(ours)
    assert not lacking(theirs)
    before = theirs.stat()
    await apart(theirs)
    assert theirs.stat() == before
    without_the_newest(theirs)
    assert lacking(theirs)


async def test_a_store_opened_so_works_and_its_lock_is_held_meanwhile(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, HandClock(), sparing=True)
    try:
        assert await store.unjudged() == ()
        with pytest.raises(DatabaseTrouble):
            await Store.open(tmp_path, HandClock(), sparing=True)
    finally:
        await store.close()
    assert not lacking(tmp_path / DATABASE)


async def test_what_is_no_database_is_left_as_it_is_and_told_as_ever(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    path.write_bytes(b"no database at all" * 100)
    assert not lacking(path)
    with pytest.raises(DatabaseTrouble):
        await Store.open(tmp_path, HandClock(), sparing=True)
    assert path.read_bytes() == b"no database at all" * 100


def test_it_does_nothing_for_a_daemon_that_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    words = [sys.executable, "-P", "-m", "storage.migrating", str(path), "1"]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60, check=False)
    assert done.returncode == 0
    assert not path.exists()
