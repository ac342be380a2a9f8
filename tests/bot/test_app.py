"""How the daemon ends when something in it does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from bot import app
from bot.groups import ending_group
from storage.errors import DatabaseTrouble


class Ends:
    """A daemon of which a part ends with the errors it was given."""

    errors: tuple[Exception, ...] = ()

    def __init__(self, *_: object, **_more: object) -> None:
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        async def part(error: Exception) -> None:
            raise error

        async with ending_group() as group:
            for error in self.errors:
                group.create_task(part(error))
            await asyncio.Event().wait()


class Reload:
    def poke(self) -> None: ...


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ((DatabaseTrouble("bent"),), {"the watch ended": "DatabaseTrouble"}),
        ((PermissionError(13, "denied"),), {"the watch ended by a bug": "PermissionError"}),
        (
            (DatabaseTrouble("bent"), KeyError("x")),
            {"the watch ended": "DatabaseTrouble", "the watch ended by a bug": "KeyError"},
        ),
    ],
)
async def test_whatever_ends_the_watch_is_logged_and_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, errors: tuple[Exception, ...], told: dict[str, str]
) -> None:
    monkeypatch.setattr(app, "Daemon", type("Daemon", (Ends,), {"errors": errors}))
    nothing: Any = None
    reload: Any = Reload()
    with structlog.testing.capture_logs() as lines:
        assert await app._main(nothing, nothing, reload) == 1
    assert {line["event"]: line["kind"] for line in lines} == told
