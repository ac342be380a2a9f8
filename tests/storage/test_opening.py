"""Opening and closing the database file itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storage.database import Database
from storage.sqlite_client import QuickExitClient
from storage.threads import in_thread


async def test_closing_leaves_one_file_that_holds_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two connections that close side by side take each other for open, and the WAL stays behind."""
    closing: list[int] = []
    close = QuickExitClient.close

    async def slow_close(client: QuickExitClient) -> None:
        if client._connection is None:
            return
        closing.append(1)
        assert sum(closing) == 1, "two connections close at once"
        for _ in range(20):
            await asyncio.sleep(0)
        await close(client)
        closing.append(-1)

    monkeypatch.setattr(QuickExitClient, "close", slow_close)
    database = await Database.open(tmp_path / "nightjar.db", writable=True)
    await database.close()
    await database.close()
    assert closing == [1, -1, 1, -1]
    assert await in_thread(_names, tmp_path) == ["nightjar.db"]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
