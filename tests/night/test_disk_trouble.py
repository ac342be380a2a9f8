"""A disk that fills up or refuses in the middle of a night: polls and alerts go on, the gap is told."""

from __future__ import annotations

import contextlib
import io
import json
import resource
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from storage.verify import verify
from tests.fakes.market import Market, picture
from tests.fakes.night import Night, play

EVENING = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
HORN = "XJ rhino horn carving, real, wechat 13800138000, 3800元, ship at night"
HOOK = '\n[[channel]]\nname = "hook"\nkind = "webhook"\nurl = "{url}"\n'


@contextmanager
def nothing_may_be_written() -> Iterator[None]:
    """The kernel refuses every write to a file of this process, as a read-only disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 60 MB; skipped where none may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", folder], check=False).returncode:
        pytest.skip("no right to mount a file system here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def quietly(folder: Path, script: Callable[[Night, Market], Awaitable[None]]) -> None:
    """Play, with the log in memory: the tests' own capture is a file, which would be refused too."""
    with contextlib.redirect_stdout(io.StringIO()):
        play(folder, EVENING, script)


def fill(path: Path) -> None:
    """Take all the room that is left."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))


class Heard:
    """What came by webhook, and a config that sends everything there."""

    def __init__(self, night: Night, market: Market) -> None:
        self.events: list[dict[str, Any]] = []
        market.site.script("/hook", self._take)
        text = night.config.read_text()
        head, _, rest = text.partition("[[channel]]")
        stanza = rest.partition("[[target]]")[2]
        night.config.write_text(head + HOOK.format(url=market.site.url("/hook")) + "\n[[target]]" + stanza)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.events.append(await request.json())
        return web.Response(text="ok")

    def new(self) -> list[tuple[str, bool]]:
        """(post id, whether preserved) of each new alert, in order."""
        return [(e["facts"]["post_id"], e["preserved"]) for e in self.events if e["kind"] == "new"]

    def notices(self, about: str) -> list[str]:
        return [e["notice"] for e in self.events if e["kind"] == "notice" and e["notice"].startswith(about)]


async def gaps(night: Night) -> list[dict[str, str]]:
    """The facts of the gaps in the log."""
    rows = await night.store.vault.database.rows(
        "SELECT entry FROM leaf WHERE kind = 'gap' ORDER BY \"index\""
    )
    return [json.loads(row[0])["facts"] for row in rows]


async def heard_from_now(night: Night, market: Market) -> Heard:
    heard = Heard(night, market)
    await night.stop()
    await night.start()
    market.publish("an ordinary bicycle")
    await night.run_for(minutes=3)
    assert night.daemon is not None
    assert [t for t in night.daemon.troubles() if "disk" in t and "nearly" not in t] == []
    return heard


async def all_is_well_again(night: Night, heard: Heard, late: str) -> None:
    assert night.daemon is not None
    assert [t for t in night.daemon.troubles() if "preserved" in t or "refuse" in t] == []
    assert heard.new()[-1] == (late, True)
    row = (await night.store.known("market", [late]))[late]
    evidence = await night.store.evidence(row.evidence_id)
    assert len(evidence.pictures) == 1
    assert (await verify(night.store)).whole


def test_a_disk_that_refuses_everything_stops_neither_polls_nor_alerts(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        heard = await heard_from_now(night, market)
        polls = len(market.polls)
        with nothing_may_be_written():
            market.publish(HORN, pictures=(picture(1),))
            market.publish("a quiet chair")
            await night.run_for(minutes=10)
            assert heard.new() == [("post-2", False)]
            assert len(market.polls) - polls >= 9
            assert night.daemon is not None
            red = night.daemon.troubles()
            assert any("2 captures are not preserved yet" in t for t in red)
            assert len(heard.notices("disk:")) == 1
        await night.run_for(minutes=3)
        await all_is_well_again(night, heard, "post-2")
        assert "post-3" in await night.store.known("market", ["post-3"])
        (gap,) = await gaps(night)
        assert (gap["captured_in_memory"], gap["sealed_afterwards"], gap["given_up"]) == ("2", "2", "0")
        assert gap["told_from_memory"] == "1"
        assert "2026-03-01T21:0" in gap["from"] < gap["until"]
        assert len(heard.notices("disk:")) == 2

    quietly(tmp_path, script)


def test_a_full_disk_is_lived_through_with_the_reserve_and_then_from_memory(small_disk: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        heard = await heard_from_now(night, market)
        reserve = small_disk / "night" / "data" / "reserve"
        assert reserve.stat().st_size > 1_000_000
        fill(small_disk / "filler")
        market.publish(HORN, pictures=(picture(1),))
        await night.run_for(minutes=3)
        assert not reserve.exists()
        fill(small_disk / "filler2")
        market.publish(HORN.replace("horn", "horn cup"), pictures=(picture(2),))
        await night.run_for(minutes=5)
        assert heard.new()[-1] == ("post-3", False)
        assert len(heard.notices("disk:")) == 1
        for name in ("filler", "filler2"):
            (small_disk / name).unlink()
        await night.run_for(minutes=3)
        await all_is_well_again(night, heard, "post-3")
        assert ("post-2", True) in heard.new()
        assert reserve.exists()
        assert [g for g in await gaps(night) if g["sealed_afterwards"] == "1"]

    (small_disk / "night").mkdir()
    quietly(small_disk / "night", script)


def test_what_memory_cannot_hold_is_told_and_captured_anew(tmp_path: Path, monkeypatch: Any) -> None:
    from watchers import unkept

    monkeypatch.setattr(unkept, "MOST_POSTS", 1)

    async def script(night: Night, market: Market) -> None:
        heard = await heard_from_now(night, market)
        with nothing_may_be_written():
            market.publish("a quiet chair")
            await night.run_for(minutes=2)
            market.publish(HORN, pictures=(picture(1),))
            await night.run_for(minutes=5)
            assert heard.new() == [("post-3", False)]
        await night.run_for(minutes=5)
        await all_is_well_again(night, heard, "post-3")
        assert "post-2" in await night.store.known("market", ["post-2"])
        (gap,) = await gaps(night)
        assert (gap["captured_in_memory"], gap["sealed_afterwards"], gap["given_up"]) == ("2", "1", "1")

    quietly(tmp_path, script)
