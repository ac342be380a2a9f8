"""Tortoise's SQLite client on a thread that cannot keep a dying process alive.

aiosqlite runs each connection on a thread that Python waits for at exit: a daemon that
ended by an error, without closing its store, would hang for ever instead of being
restarted. SQLite needs no farewell, so the thread is marked as a daemon.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from tortoise.backends.sqlite.client import SqliteClient


class QuickExitClient(SqliteClient):
    """As `SqliteClient`; chosen by the engine name in the configuration."""

    async def create_connection(self, with_db: bool) -> None:  # noqa: ARG002 -- tortoise's signature
        """Connect and set the pragmas, as the base class does; on an error nothing stays open."""
        if self._connection is not None:
            return
        connection = aiosqlite.connect(self.filename, isolation_level=None)
        connection._thread.daemon = True  # noqa: SLF001 -- aiosqlite offers no other way
        await connection
        try:
            connection.row_factory = sqlite3.Row
            for pragma, value in self.pragmas.items():
                cursor = await connection.execute(f"PRAGMA {pragma}={value}")
                await cursor.close()
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        await self._post_connect()

    async def read(self, sql: str, values: Sequence[object]) -> list[sqlite3.Row]:
        """Rows of a query, past tortoise's lock. Raises sqlite3.Error; the client must be connected.

        The connection's thread takes one after another anyway; with the lock each would wait
        until the loop has woken whoever asked before.
        """
        assert self._connection is not None
        return list(await self._connection.execute_fetchall(sql, values))

    async def read_each(self, queries: Sequence[tuple[str, Sequence[object]]]) -> list[list[sqlite3.Row]]:
        """Rows of each query, in one visit to the connection's thread. Raises as `read`."""
        connection = self._connection
        assert connection is not None

        def work() -> list[list[sqlite3.Row]]:
            database = connection._conn  # noqa: SLF001 -- aiosqlite offers single calls only
            return [database.execute(sql, values).fetchall() for sql, values in queries]

        visit: Any = connection._execute  # noqa: SLF001
        rows: list[list[sqlite3.Row]] = await visit(work)
        return rows

    async def together(
        self,
        many: Sequence[tuple[str, list[list[Any]]]],
        sql: str = "",
        values: Sequence[object] = (),
        *,
        begin: bool = False,
    ) -> tuple[int, list[sqlite3.Row]]:
        """Statements, each for its rows, and then one more: (rows it changed, rows it gave).

        begin: a transaction is begun before.

        In one visit to the connection's thread: each costs two turns of the loop, and one with
        much to do takes a hundredth of a second for a turn. Raises sqlite3.Error.
        """
        connection = self._connection
        assert connection is not None

        def work() -> tuple[int, list[sqlite3.Row]]:
            database = connection._conn  # noqa: SLF001 -- aiosqlite offers single calls only
            if begin:
                database.execute("BEGIN IMMEDIATE").close()
            for statement, rows in many:
                database.executemany(statement, rows).close()
            if not sql:
                return 0, []
            before = database.total_changes
            found = database.execute(sql, values).fetchall()
            return database.total_changes - before, found

        visit: Any = connection._execute  # noqa: SLF001
        done: tuple[int, list[sqlite3.Row]] = await visit(work)
        return done

    async def shorten(self, most_bytes: int, patience_ms: int) -> None:
        """Empty a write-ahead log that is longer, unless somebody reads for `patience_ms` meanwhile.

        SQLite begins it anew only when nobody reads from it; where one query follows the other that is
        never, and every commit makes it longer. This asks the readers to wait. Raises sqlite3.Error, OSError.
        """
        connection = self._connection
        assert connection is not None
        path = Path(f"{self.filename}-wal")

        def work() -> None:
            if path.stat().st_size <= most_bytes:
                return
            database = connection._conn  # noqa: SLF001
            (before_ms,) = database.execute("PRAGMA busy_timeout").fetchone()
            database.execute(f"PRAGMA busy_timeout = {patience_ms}").close()
            try:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                database.execute(f"PRAGMA busy_timeout = {before_ms}").close()

        visit: Any = connection._execute  # noqa: SLF001
        await visit(work)


client_class: Any = QuickExitClient
