"""A whole daemon through a whole night in seconds: real config, store, sockets; virtual time."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app import Daemon
from bot.reload import Reload
from storage.store import Store
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping
from tests.fakes.market import Market
from tests.fakes.processes import awaited
from tests.fakes.site import FakeSite
from watchers import feed

HEAD = """
[nightjar]
contact = "ops@example.org"
allow = ["127.0.0.0/8"]
metrics = ""
picture_workers = 1
data_dir = "data"

[hosts."127.0.0.1"]
requests_per_s = 50
concurrency = 4

[[channel]]
name = "file"
kind = "ndjson"
"""

STANZA = """
[[target]]
name = "{name}"
kind = "json"
url = "{url}"
interval = "{every_s}s"
zone = "{zone}"
legal_basis = "Wildlife Act s. 9"
authorised_by = "Unit 7"
review_after = 2029-01-01
{more}
"""


class Night:
    """One daemon under test. `until` runs it to an instant; `stop` and `start` restart it."""

    def __init__(self, loop: JumpLoop, folder: Path, start: datetime, zone: str) -> None:
        self.loop, self.folder, self.zone = loop, folder, zone
        self.clock = JumpClock(loop, start)
        self.config = folder / "config.toml"
        self.daemon: Daemon | None = None
        self._task: asyncio.Task[None] | None = None

    def write_config(self, *stanzas: str) -> None:
        self.config.write_text(HEAD + "".join(stanzas))

    def stanza(self, url: str, name: str = "market", more: str = "", every_s: int = 60) -> str:
        return STANZA.format(name=name, url=url, zone=self.zone, more=more, every_s=every_s)

    async def start(self) -> None:
        reload = Reload(
            self.config,
            self.clock,
            environment=os.environ,
            feeds=lambda kind: feed.load(kind).Settings,
            feed_kinds=feed.kinds(),
            every_s=30.0,
        )
        self.daemon = Daemon(reload.read(), self.clock, reload)
        self._task = asyncio.create_task(self.daemon.run())

    async def stop(self) -> None:
        assert self.daemon is not None
        assert self._task is not None
        self.daemon.stopping.set()
        await self._ended()
        self._task.result()

    async def kill(self) -> None:
        """Cancelled in the middle; the process and its locks go, nothing is finished orderly."""
        assert self._task is not None
        self._task.cancel()
        await self._ended()

    async def _ended(self) -> None:
        """Wait in small steps: with no timer left, time would jump to the server's keep-alive, an hour on."""
        assert self._task is not None
        while not self._task.done():
            await asyncio.wait([self._task], timeout=1.0)

    async def run_for(self, **span: float) -> None:
        await self.clock.sleep(timedelta(**span).total_seconds())
        if self._task is not None and self._task.done():
            self._task.result()

    def alerts(self) -> list[dict[str, Any]]:
        path = self.folder / "data" / "alerts.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def store(self) -> Store:
        assert self.daemon is not None
        return self.daemon.store


def play(
    folder: Path,
    start: datetime,
    script: Callable[[Night, Market], Awaitable[None]],
    *,
    zone: str = "UTC",
    every_s: int = 60,
    more: str = "",
    market: Callable[[FakeSite], Market] = Market,
) -> None:
    """Run `script` against a daemon that watches one market, made by `market`."""

    async def main(loop: JumpLoop) -> None:
        with (
            awaited(loop),
        ):
            async with FakeSite() as site:
                place = market(site)
                place.open()
                night = Night(loop, folder, start, zone)
                night.write_config(night.stanza(place.url, more=more, every_s=every_s))
                await night.start()
                try:
                    await script(night, place)
                finally:
                    await night.stop()

    run_jumping(main)
