"""The signed root of the log is posted when the night ends, to those who asked for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.compose import card
from bot.morning import Morning
from storage import checkpoints, notes
from storage.keys import Signer
from storage.model import NightWindow
from storage.store import Store
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping
from watchers import hours

START = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
WINDOW = NightWindow(start="21:00", end="06:00", zone="UTC")


def posted(folder: Path, until: timedelta, channels: tuple[str, ...] = ("chat",)) -> list[str]:
    """What the chat was told by then."""
    found: list[str] = []

    async def main(loop: JumpLoop) -> None:
        clock = JumpClock(loop, START)
        store = await Store.open(folder, clock)
        morning = Morning(
            store,
            clock,
            channels=lambda: channels,
            night=lambda: hours.is_night(WINDOW, clock.now()),
            change=lambda now: hours.next_change(WINDOW, now),
            spoke=lambda: None,
        )
        task = asyncio.create_task(morning.run())
        await store.log_event("config", {"digest": "x"})
        await clock.sleep(until.total_seconds())
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        found.extend(card(one.alert).text for one in await store.deliveries_due("chat", clock.now()))
        point = await checkpoints.latest(store.vault.database)
        if point is not None and found:
            name = notes.log_name(store.vault.origin)
            notes.open_note(point.note, name, Signer.load(folder, store.vault.origin).public)
            assert all(word in found[-1] for word in (name, point.root, point.note.split()[-1]))
        await store.close()

    run_jumping(main)
    return found


def test_the_morning_s_checkpoint_is_posted_once_when_the_window_closes(tmp_path: Path) -> None:
    assert posted(tmp_path / "before", timedelta(hours=9, minutes=59)) == []
    (told,) = posted(tmp_path / "after", timedelta(hours=12))
    assert "checkpoint of the night" in told
    assert "signed 2026-11-25T06:00:0" in told


def test_nobody_is_told_who_did_not_ask(tmp_path: Path) -> None:
    assert posted(tmp_path, timedelta(hours=12), channels=()) == []
