"""An orderly stop: what is judged is told, what is not judged yet is left to the next start, whole."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.model import Evidence
from tests.fakes.market import Market
from tests.fakes.night import Night, play
from watchers.judging import Bench

EVENING = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)


def counted(folder: Path, sql: str) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'nightjar.db'}?mode=ro", uri=True)) as database:
        return int(database.execute(sql).fetchone()[0])


def test_no_verdict_comes_after_the_last_telling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine one did: an urgent alert waited in the outbox for the next start."""
    told = asyncio.Event()
    judge = Bench._judge

    async def late(bench: Bench, evidence: Evidence) -> object:
        await told.wait()
        return await judge(bench, evidence)

    async def script(night: Night, market: Market) -> None:
        assert night.daemon is not None
        market.publish("象牙手镯 全新 私聊")
        await night.run_for(minutes=3)
        flush = night.daemon.house.flush

        async def then() -> None:  # the first thing after the last telling
            told.set()
            await night.clock.sleep(5)
            await flush()

        monkeypatch.setattr(night.daemon.house, "flush", then)
        await night.stop()

    monkeypatch.setattr(Bench, "_judge", late)
    monkeypatch.setattr("bot.app.STOP_JUDGING_S", 1e-6)  # a second of the clock that jumps
    play(tmp_path, EVENING, script)
    waiting = "SELECT count(*) FROM delivery WHERE state <> 'delivered'"
    assert counted(tmp_path, waiting) == 0
    assert counted(tmp_path, "SELECT count(*) FROM alert WHERE kind = 'new'") == 0
    assert counted(tmp_path, "SELECT count(*) FROM observation") == 1
