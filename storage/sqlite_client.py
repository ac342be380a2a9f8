"""Tortoise's SQLite client on a thread that cannot keep a dying process alive.

aiosqlite runs each connection on a thread that Python waits for at exit: a daemon that
ended by an error, without closing its store, would hang for ever instead of being
restarted. SQLite needs no farewell, so the thread is marked as a daemon.
"""

from __future__ import annotations

import sqlite3
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


client_class: Any = QuickExitClient
