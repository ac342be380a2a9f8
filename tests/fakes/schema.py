"""A new database that need not be migrated: a copy of one that was, once in this process.

Thousands of tests open a store of their own, and migrating an empty file takes 0.3 s of
the processor each time. What is copied is what the real migrations made; the tests of
migrations take the long way (`the_long_way`).
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import cast

from tortoise.apps import Apps
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.models import Model

from storage.database import Database

_open = Database.open
_finalise = Apps._build_initial_querysets
_finalised: set[type] = set()
_record = MigrationRecorder._make_model


@cache
def _record_once(table_name: str) -> type[Model]:
    return _record(cast(MigrationRecorder, None), table_name)


def _recorded(_recorder: MigrationRecorder, table_name: str) -> type[Model]:
    return _record_once(table_name)


def _finalise_once(apps: Apps) -> None:
    """All our connections are of one class, and that is what the outcome depends on."""
    models = {model for app in apps.apps.values() for model in app.values()}
    if not models <= _finalised:
        _finalise(apps)
        _finalised.update(models)


@cache
def _made() -> bytes:
    """An empty database of the newest schema, closed orderly."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.db"

        async def make() -> None:
            await (await _open(path, writable=True)).close()

        asyncio.run(make())
        return path.read_bytes()


def _lay(path: Path, made: bytes) -> None:
    """Put the copy at `path`, or nothing when the disk will not take it: opening tells that better."""
    if path.exists() or path.with_name(f"{path.name}-wal").exists():
        return
    try:
        path.write_bytes(made)
    except OSError:
        with suppress(OSError):
            path.unlink()


@contextmanager
def copied() -> Iterator[None]:
    """While the block runs, a database that is not there yet begins as a copy."""
    made = _made()

    async def opening(path: Path, *, writable: bool) -> Database:
        if writable:
            _lay(path, made)
        return await _open(path, writable=writable)

    Database.open = opening  # type: ignore[method-assign,assignment]
    Apps._build_initial_querysets = _finalise_once  # type: ignore[method-assign]
    MigrationRecorder._make_model = _recorded  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database.open = _open  # type: ignore[method-assign]
        Apps._build_initial_querysets = _finalise  # type: ignore[method-assign]
        MigrationRecorder._make_model = _record  # type: ignore[method-assign]


@contextmanager
def the_long_way() -> Iterator[None]:
    """While the block runs, new databases are migrated from nothing."""
    kept = Database.open
    Database.open = _open  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database.open = kept  # type: ignore[method-assign]
