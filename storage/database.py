"""Opening the SQLite file through tortoise: two connections, migrations, pragmas read back.

The writer connection belongs to `writer.py` alone. Everything else reads on the second
one, which SQLite itself keeps from writing (`query_only`). State of tortoise is held in
one context per database, so that several can live in one process, one after another
or side by side (docs/decisions/0003-storage.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from tortoise.context import TortoiseContext
from tortoise.exceptions import BaseORMException, ConfigurationError
from tortoise.migrations.executor import MigrationExecutor, PlanStep
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.recorder import MigrationRecorder

from storage import migrating
from storage.errors import Busy, DatabaseTrouble, DiskTrouble, Malformed, StoreError
from storage.sqlite_client import QuickExitClient

WRITER = "writer"
READER = "reader"
_MIGRATIONS = "storage.migrations"
_PRAGMAS = {"journal_mode": "WAL", "synchronous": "FULL", "busy_timeout": 10_000}
_WAL_KEPT_BYTES = 64 * 1024 * 1024
_DISK_CODES = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}

Row = sqlite3.Row


def trouble(error: BaseException) -> StoreError:
    """The store's own error for one from tortoise, sqlite or the system."""
    cause = _sqlite_error(error)
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF == sqlite3.SQLITE_CORRUPT:
        return Malformed(f"the database cannot be read: {error}")
    if isinstance(code, int) and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy(f"another program holds the database: {error}")
    if isinstance(error, OSError) or (isinstance(code, int) and code & 0xFF in _DISK_CODES):
        return DiskTrouble(f"the disk would not take or give it: {error}")
    return DatabaseTrouble(f"{type(error).__name__}: {error}")


def _sqlite_error(error: BaseException) -> BaseException | None:
    """The sqlite3 error that tortoise put into its own."""
    if isinstance(error, sqlite3.Error):
        return error
    return next((a for a in error.args if isinstance(a, sqlite3.Error)), error.__cause__)


@contextmanager
def translated() -> Iterator[None]:
    """Errors of tortoise and sqlite leave as StoreError."""
    try:
        yield
    except (BaseORMException, sqlite3.Error) as error:
        raise trouble(error) from error


class Database:
    """The open database of one data folder."""

    def __init__(self, path: Path, context: TortoiseContext, *, writable: bool) -> None:
        self.path, self.context, self.writable = path, context, writable
        self.reader: QuickExitClient = _client(context, READER)

    @classmethod
    async def open(cls, path: Path, *, writable: bool) -> Database:
        """Open, migrate when `writable`, and check the pragmas by reading them back.

        Raises DatabaseTrouble (damaged, newer, not there, of another version) or DiskTrouble.
        """
        if not writable and not path.exists():  # noqa: ASYNC240 -- one stat, before anything runs
            raise DatabaseTrouble(f"{path}: no database here yet; has the watch ever run?")
        context = TortoiseContext()
        with translated():
            try:
                await _begin(context, path, writable=writable)
                return cls(path, context, writable=writable)
            except BaseException:
                await _close_each(context)
                raise

    @property
    def writer(self) -> QuickExitClient:
        """The writing connection: for the writer task only."""
        return _client(self.context, WRITER)

    async def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Rows of a SELECT on the reading connection. May be cancelled: it holds nothing."""
        with translated():
            await self.reader.create_connection(with_db=True)  # nothing to do, as a rule
            return await self.reader.read(sql, list(values))

    async def rows_each(self, *queries: tuple[str, Sequence[object]]) -> list[list[Row]]:
        """Rows of each of some SELECTs, read one after the other without a turn of the loop in between."""
        with translated():
            await self.reader.create_connection(with_db=True)
            return await self.reader.read_each(queries)

    async def close(self) -> None:
        """Close both connections. Twice is harmless.

        One after the other: tortoise closes all at once, and then each of the two can take the
        other for still open, so that neither writes the WAL back into the database.
        """
        with translated():
            await _close_each(self.context)


async def _close_each(context: TortoiseContext) -> None:
    try:
        clients = context.connections.all()
    except ConfigurationError:  # never begun, or closed before
        return
    for client in clients:
        await client.close()
    await context.close_connections()


def _client(context: TortoiseContext, name: str) -> QuickExitClient:
    client = context.connections.get(name)
    assert isinstance(client, QuickExitClient)
    return client


def configuration(path: Path, *, writable: bool = True) -> dict[str, Any]:
    """The tortoise configuration of a database file."""
    credentials = {"file_path": str(path), **_PRAGMAS, "journal_size_limit": _WAL_KEPT_BYTES}
    engine = "storage.sqlite_client"
    reading = {"file_path": str(path), "busy_timeout": 10_000, "query_only": "ON"}
    connections = {READER: {"engine": engine, "credentials": reading}}
    if writable:
        connections[WRITER] = {"engine": engine, "credentials": credentials}
    models = {
        "models": [
            "storage.tables",
            "storage.case_tables",
            "storage.manner_tables",
            "storage.lane_tables",
            "storage.duty_tables",
            "storage.seller_tables",
            "storage.reading_tables",
        ],
        "default_connection": WRITER if writable else READER,
        "migrations": _MIGRATIONS,
    }
    return {"connections": connections, "apps": {"storage": models}}


class _Recorder(MigrationRecorder):
    """As tortoise's, for whoever may have recorded a migration already."""

    async def record_applied(self, app: str, name: str) -> None:
        if MigrationKey(app_label=app, name=name) not in await self.applied_migrations():
            await super().record_applied(app, name)


class _Recorded:
    """A migration that is recorded in the transaction which applies it.

    tortoise does so afterwards: a kill in between left tables that no start could make again.
    """

    def __init__(self, migration: Migration) -> None:
        self.app_label, self.name, self.atomic = migration.app_label, migration.name, migration.atomic
        self._migration = migration

    async def apply(self, state: Any, *, dry_run: bool, schema_editor: Any) -> Any:
        """As `Migration.apply`."""
        after = await self._migration.apply(state, dry_run=dry_run, schema_editor=schema_editor)
        await _Recorder(schema_editor.client).record_applied(self.app_label, self.name)
        return after


class Executor(MigrationExecutor):
    """Applies migrations, each whole or not at all, and only forward."""

    def __init__(self, connection: QuickExitClient, apps: dict[str, dict[str, Any]]) -> None:
        super().__init__(connection, apps)
        self.recorder = _Recorder(connection)

    def _migration_plan(self, *args: Any, **more: Any) -> list[PlanStep]:
        plan = super()._migration_plan(*args, **more)
        return [
            PlanStep(migration=cast(Migration, _Recorded(one.migration)), backward=one.backward)
            for one in plan
        ]


async def _begin(context: TortoiseContext, path: Path, *, writable: bool) -> None:
    config = configuration(path, writable=writable)
    with context:
        await context.init(config=config)
        for name in config["connections"]:
            # At once: tortoise keeps a lock for ever when connecting fails inside a query.
            await _client(context, name).create_connection(with_db=True)
        executor = Executor(_client(context, WRITER if writable else READER), config["apps"])
        lacking = await _lacking(executor, path, writable=writable)
        if writable:
            if lacking:  # else their modules would be read for nothing, at every start
                await executor.migrate(direction="forward")
            await _read_back(_client(context, WRITER), path)


async def _lacking(executor: Executor, path: Path, *, writable: bool) -> frozenset[str]:
    """Migrations that the database lacks. Raises DatabaseTrouble when it is of another version."""
    applied = {key.name for key in await executor.recorder.applied_migrations()}
    known = migrating.known()
    if applied - known:
        raise DatabaseTrouble(f"{path}: made by a newer version (migration {max(applied - known)})")
    if not writable and known - applied:
        raise DatabaseTrouble(f"{path}: made by an older version; start the watch once to bring it up")
    return known - applied


async def _read_back(client: QuickExitClient, path: Path) -> None:
    """Durability is claimed only when SQLite itself says so."""
    journal = (await client.execute_query("PRAGMA journal_mode"))[1][0]
    synchronous = (await client.execute_query("PRAGMA synchronous"))[1][0]
    if tuple(journal) != ("wal",) or tuple(synchronous) != (2,):
        raise DatabaseTrouble(f"{path}: wanted WAL and FULL, got {tuple(journal)}, {tuple(synchronous)}")
