"""`nightjar status` tells how the time stamps stand."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from storage import tokens
from storage.store import Store
from storage.tables import CheckpointRow
from storage.writer import Batch
from tests.cli.kept import START, Command, StillClock, night


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, night(tmp_path).config)


async def _wait_for_one(folder: Path) -> None:
    """A checkpoint that was asked about, with nobody there to answer."""
    store = await Store.open(folder, StillClock())
    await store.log_event("config", {"digest": "x"})  # news, since the night was signed
    size, root = await store.root()

    async def job(batch: Batch) -> None:
        row = CheckpointRow(size=size, root=root, at=START, reason="news", note="n\n", frontier="")
        batch.add(row)

    await store.vault.submit(job)
    assert await tokens.want(store.vault, "stamps-a", timedelta(minutes=5))
    found = await tokens.due(store.vault.database, "stamps-a", store.clock.now())
    assert found is not None
    await tokens.mark_asking(store.vault, found[0], b"request")
    due_at = store.clock.now() + timedelta(seconds=30)
    await tokens.mark_waiting(store.vault, found[0], due_at, "it answered 503 \x1b[31m")
    await store.close()


def test_status_tells_what_is_waited_for_and_why(run: Command, tmp_path: Path) -> None:
    asyncio.run(_wait_for_one(tmp_path / "kept"))
    (stamps,) = run("status", "--json").facts["time_stamps"]
    assert (stamps["authority"], stamps["waiting"], stamps["whole"]) == ("stamps-a", 1, 0)
    assert stamps["waiting_since"].startswith("2026-11-24T22:00")
    ran = run("status")
    assert "stamps-a" in ran.out
    assert "it answered 503" in ran.out
    assert "\x1b" not in ran.out


def test_status_says_when_nobody_was_asked(run: Command) -> None:
    assert run("status", "--json").facts["time_stamps"] == []
    assert "no authority has been asked for a time stamp" in run("status").out
