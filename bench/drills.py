"""Drills on a running daemon: a disk that is full, refuses every write or fails; backup and restore.

The daemon is a process of its own on the real clock; it watches a market of ours and posts
its alerts to a hook of ours. The full disk is a small file system (skipped where none may be
mounted); the refusing one is the kernel's limit on file sizes set to nothing for that
process, which answers every write as a read-only disk does; the failing one answers
reading, writing and syncing with EIO.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from aiohttp import web

from bench._daemon import always, program, stop
from bench._disks import Failing, Fault, Filled, Refusing, small_disk
from bench.figures import Figure, Result
from storage.clock import SystemClock
from storage.store import Store
from storage.verify import verify
from tests.fakes.market import Market, picture
from tests.fakes.site import FakeSite

NAME = "drills"
SUMMARY = "disk full, refusing, failing, backup and restore, on a running daemon"
HEAD = """[nightjar]
contact = "bench@example.org"
allow = ["127.0.0.0/8"]
metrics = "127.0.0.1:{port}"
picture_workers = 1
data_dir = "{data}"

[hosts."127.0.0.1"]
requests_per_s = 50
concurrency = 4

[[channel]]
name = "hook"
kind = "webhook"
url = "{hook}"
"""
OFFER = "XJ rhino horn carving, real, wechat 13800138000, 3800元"
POLL_S = 2.0
RED_S = 10.0


@dataclass
class Findings:
    """What the drills saw, by the names of the figures."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def say(self, name: str, value: float, target: float, better: Any = "equal", unit: str = "") -> None:
        self.figures.append(Figure(name, value, target, better, unit))


async def run(arguments: Sequence[str]) -> Result:
    """`--only full,refusing,failing,backup` (all)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--only", default="full,refusing,failing,backup")
    wanted = parser.parse_args(arguments).only.split(",")
    found = Findings()
    with TemporaryDirectory(prefix="nightjar-bench-") as folder:
        if "full" in wanted:
            with small_disk(Path(folder) / "disk") as disk:
                if disk is None:
                    found.notes.append("full disk: not drilled, no right to mount a file system here")
                else:
                    await drill(found, "full", Path(folder) / "a", disk, Filled(disk))
        if "refusing" in wanted:
            await drill(found, "refusing", Path(folder) / "b", Path(folder) / "b", Refusing())
        if "failing" in wanted and Failing.possible():
            await drill(
                found, "failing", Path(folder) / "d", Path(folder) / "d", Failing(Path(folder) / "d" / "data")
            )
        elif "failing" in wanted:
            found.notes.append("failing disk: not drilled, no strace that may trace another process here")
        if "backup" in wanted:
            await backup_drill(found, Path(folder) / "c")
    return Result(tuple(found.figures), tuple(found.notes))


# --- the daemon and who listens ------------------------------------------------------


class Field:
    """A market, a hook that hears, and a daemon between them."""

    def __init__(self, site: FakeSite, folder: Path, data: Path, port: int) -> None:
        self.folder, self.data, self.port = folder, data, port
        self.events: list[dict[str, Any]] = []
        self.market = Market(site)
        self.market.open()
        site.script("/hook", self._hear)
        folder.mkdir(exist_ok=True)
        target = always("market", self.market.url, interval=f"{POLL_S:.0f}s", more="allow_fast = true")
        head = HEAD.format(port=port, data=data, hook=site.url("/hook"))
        self.config = folder / "config.toml"
        self.config.write_text(head + target)

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        self.events.append(await request.json())
        return web.Response(text="ok")

    def told(self, number: int) -> list[bool]:
        """Whether preserved, for each new alert about a post."""
        return [
            e["preserved"]
            for e in self.events
            if e["kind"] == "new" and e["facts"]["post_id"] == f"post-{number}"
        ]

    def notices(self) -> int:
        return sum(e["kind"] == "notice" and e["notice"].startswith("disk:") for e in self.events)

    async def troubles(self) -> list[str]:
        """The lines of /readyz; empty is ready."""
        asked = f"http://127.0.0.1:{self.port}/readyz"
        async with aiohttp.ClientSession() as session, session.get(asked) as answer:
            text = await answer.text()
            return [] if answer.status == 200 else text.splitlines()

    def words(self, *command: str) -> list[str]:
        return ["bot.cli", *command, "--config", str(self.config)]


@asynccontextmanager
async def on_the_field(folder: Path, data: Path) -> AsyncIterator[Field]:
    async with FakeSite() as site, FakeSite() as spare:
        port = spare.port
        await spare.__aexit__(None, None, None)  # a port that was free a moment ago
        yield Field(site, folder, data, port)


async def until(what: Callable[[], Any], within_s: float) -> float:
    """Seconds until `what()` (or what it awaits) is true; NaN when it was not in time."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        try:
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
        except aiohttp.ClientError:
            found = False
        if found:
            return time.monotonic() - began
        await asyncio.sleep(0.1)
    return float("nan")


# --- the drills ------------------------------------------------------------------------


async def drill(found: Findings, name: str, folder: Path, disk: Path, fault: Fault) -> None:
    """One trouble on a running daemon, from red to green."""
    async with on_the_field(folder, disk / "data") as place:
        place.market.publish("an ordinary bicycle")
        async with program(*place.words("run"), log=folder / "log") as daemon:
            await until(lambda: _is_green(place), 30)
            if daemon.returncode is not None:
                raise RuntimeError((folder / "log").read_text()[-2_000:])
            await asyncio.sleep(2 * POLL_S)
            fault.begin(daemon.pid)
            red_s = await until(lambda: _is_red(place), 30)
            found.say(f"{name}: /readyz red after", red_s, RED_S, "at most", "s")
            await until(lambda: place.notices() == 1, 15)
            fault.again(daemon.pid)
            polls = len(place.market.polls)
            first = place.market.publish(OFFER, pictures=(picture(1),))
            await until(lambda: place.told(first), 30)
            await asyncio.sleep(5 * POLL_S)
            found.say(f"{name}: alert told, marked not preserved", place.told(first)[:1] == [False], 1)
            found.say(f"{name}: polls in five intervals", len(place.market.polls) - polls, 5, "at least")
            found.say(f"{name}: words to the admin", place.notices(), 1)
            fault.end(daemon.pid)
            green_s = await until(lambda: _is_green(place), 60)
            found.say(f"{name}: /readyz green again after", green_s, 30, "at most", "s")
            await until(lambda: True in place.told(first), 30)
            found.say(f"{name}: kept and told afterwards", place.told(first)[1:] == [True], 1)
            await until(lambda: place.notices() == 2, 15)
            await stop(daemon)
        gaps, broken = await kept(place.data)
        found.say(f"{name}: gaps in the log", len(gaps), 1, "at least")
        given_up = sum(int(gap["given_up"]) for gap in gaps)
        found.say(f"{name}: captures given up", given_up, 0)
        found.say(f"{name}: faults found by verify", broken, 0)


async def _is_red(place: Field) -> bool:
    return bool(await place.troubles())


async def _is_green(place: Field) -> bool:
    return not await place.troubles()


async def kept(data: Path) -> tuple[list[dict[str, str]], int]:
    """(the gaps of the log, faults of the store)."""
    with closing(sqlite3.connect(data / "nightjar.db")) as connection:
        rows = connection.execute("SELECT entry FROM leaf WHERE kind = 'gap'").fetchall()
    store = await Store.open_reader(data, SystemClock())
    try:
        report = await verify(store)
    finally:
        await store.close()
    return [json.loads(row[0])["facts"] for row in rows], report.faults


async def backup_drill(found: Findings, folder: Path) -> None:
    """Back up twice beside a working daemon, lose the data, restore, start again; then damage."""
    dest, back = folder / "dest", folder / "back"
    async with on_the_field(folder, folder / "data") as place:
        async with program(*place.words("run"), log=folder / "log") as daemon:
            await until(lambda: _is_green(place), 30)
            first = [place.market.publish(f"{OFFER} no {n}", pictures=(picture(n),)) for n in range(5)]
            await until(lambda: all(place.told(n) for n in first), 60)
            one = await command(place.words("backup", str(dest), "--with-keys", "--json"))
            second = place.market.publish(f"{OFFER} later", pictures=(picture(9),))
            await until(lambda: place.told(second), 30)
            two = await command(place.words("backup", str(dest), "--with-keys", "--json"))
            await stop(daemon)
        found.say("backup: beside a running watch", one["whole"] and two["whole"], 1)
        found.say("backup: files copied again that were there", two["kept"] - one["copied"], 0)
        shutil.rmtree(place.data)
        words = ["bot.cli", "restore", str(dest), "--to", str(back), "--json"]
        brought = await command(words)
        _, broken = await kept(back)
        found.say("restore: entries of the log", brought["inventory"]["size"], two["inventory"]["size"])
        found.say("restore: faults found by verify", broken, 0)
        place.config.write_text(place.config.read_text().replace(str(place.data), str(back)))
        async with program(*place.words("run"), log=folder / "log") as daemon:
            third = place.market.publish(f"{OFFER} after the restore", pictures=(picture(10),))
            await until(lambda: place.told(third), 60)
            await stop(daemon)
        found.say("restore: the watch goes on from it", place.told(third) == [True], 1)
        found.say("restore: alerts told twice", sum(len(place.told(n)) > 1 for n in (*first, second)), 0)
        await damage(found, folder, dest)


async def damage(found: Findings, folder: Path, dest: Path) -> None:
    """One bit of one file: refused, and the file named."""
    path = sorted(p for p in (dest / "blobs").rglob("*") if p.is_file())[3]
    path.chmod(0o640)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    words = ["bot.cli", "restore", str(dest), "--to", str(folder / "never"), "--json"]
    told = await command(words)
    found.say("restore: a bent bit is refused by name", path.name in told.get("message", ""), 1)
    found.say("restore: what was refused left a database", (folder / "never" / "nightjar.db").exists(), 0)


async def command(words: Sequence[str]) -> dict[str, Any]:
    """The JSON object of a command of this checkout."""
    async with program(*words) as process:
        told, _ = await process.communicate()
    answer: dict[str, Any] = json.loads(told.decode().strip().splitlines()[-1])
    return answer
