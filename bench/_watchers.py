"""The three programs of `bench peers`, each started on the same feeds at its tightest setting.

Each comes as a context that gives a `Running`: processor time and memory so far, and a
moment at which nothing is half done. Sources of the settings: changedetection.io 0.60.10
(MINIMUM_SECONDS_RECHECK_TIME, FETCH_WORKERS, its API), urlwatch 2.29 (`storage.py`, one
pass a start, ten threads as in its source).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from bench._daemon import HEAD, ROOT, always, memory_mb, program, stop
from bench._third_party import Program
from bench.figures import WrongUseError

URLWATCH = Program(name="urlwatch", module="", packages=("urlwatch==2.29",))
CHANGEDETECTION = Program(name="changedetection.io", module="", packages=("changedetection.io==0.60.10",))
START_S = 60.0
IMPORT_AT_ONCE = 100
WORKERS = 10
"""Fifty give changedetection.io 14 % more polls, each for more processor time (measured)."""


async def _nothing_left() -> int:
    """It does with each poll all that it does."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A program at work. cpu_s: processor seconds of it and its children so far; memory_mb: resident.

    rest: waits for a moment at which it has nothing half done, as between two passes. behind: how much
    of what it found at the start is still to be done.
    """

    cpu_s: Callable[[], float]
    memory_mb: Callable[[], float]
    rest: Callable[[], Awaitable[None]]
    behind: Callable[[], Awaitable[int]] = _nothing_left


async def _nothing_to_wait_for() -> None:
    """It never rests."""


# --- ours -----------------------------------------------------------------------------------


@asynccontextmanager
async def nightjar(
    folder: Path, addresses: list[str], told: str, interval_s: float
) -> AsyncIterator[Running]:
    """The whole daemon: capture with page and picture, seals, verdicts, vigil, a webhook."""
    config = folder / "config.toml"
    webhook = f'\n[[channel]]\nname = "told"\nkind = "webhook"\nurl = "{told}"\n'
    hosts = sorted({address.split("/")[2].rpartition(":")[0] for address in addresses})
    limits = "".join(f'\n[hosts."{host}"]\nrequests_per_s = 100\nconcurrency = 8\n' for host in hosts)
    stanzas = (
        always(f"t{n}", address, kind="rss", interval=f"{interval_s:g}s", more="allow_fast = true")
        for n, address in enumerate(addresses)
    )
    config.write_text(HEAD.format(workers=1) + webhook + limits + "".join(stanzas))
    async with program("bot.cli", "run", "--config", str(config), log=folder / "log") as daemon:
        yield Running(
            cpu_s=lambda: sum(map(_whole_cpu_s, family(daemon.pid))),
            memory_mb=lambda: sum(memory_mb(pid)[0] for pid in family(daemon.pid)),
            rest=_nothing_to_wait_for,
            behind=partial(_unjudged, config),
        )
        await stop(daemon, 60.0)


async def _unjudged(config: Path) -> int:
    """Posts that our daemon has captured and not judged yet, as its `status` says."""
    words = (sys.executable, "-m", "bot.cli", "status", "--config", str(config), "--json")
    asked = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    told, _ = await asked.communicate()
    return int(json.loads(told)["unjudged"])


def family(pid: int) -> list[int]:
    """A process and all that it started and that still run."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def _whole_cpu_s(pid: int) -> float:
    """Processor seconds of a process and of the children it has buried; from /proc/PID/stat."""
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, parts[11:15])) / os.sysconf("SC_CLK_TCK")


# --- changedetection.io ---------------------------------------------------------------------


@asynccontextmanager
async def changedetection(
    python: Path, folder: Path, addresses: list[str], told: str, port: int
) -> AsyncIterator[Running]:
    """Every watch each second, ten workers, alerts by JSON to `told`."""
    tight = {
        "MINIMUM_SECONDS_RECHECK_TIME": "1",
        "FETCH_WORKERS": str(WORKERS),
        "ALLOW_IANA_RESTRICTED_ADDRESSES": "true",
        "DISABLE_VERSION_CHECK": "yes",
        "LOGGER_LEVEL": "ERROR",
        "LISTEN_HOST": "127.0.0.1",
        "PORT": str(port),
    }
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(python.with_name("changedetection.io")), "-d", str(folder / "data"), "-C",
            env={**os.environ, **tight}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        await _load(folder / "data", f"http://127.0.0.1:{port}/api/v1", addresses, told)
        yield Running(
            cpu_s=lambda: sum(map(_whole_cpu_s, family(process.pid))),
            memory_mb=lambda: sum(memory_mb(pid)[0] for pid in family(process.pid)),
            rest=_nothing_to_wait_for,
        )
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _load(data: Path, api: str, addresses: list[str], told: str) -> None:
    """Remove the watches it begins with, and set ours. Raises WrongUseError when it does not come up."""
    key = await _key(data)
    every = {"weeks": 0, "days": 0, "hours": 0, "minutes": 0, "seconds": 1}
    settings = {
        "time_between_check": json.dumps(every),
        "time_between_check_use_default": "false",
        "notification_urls": told.replace("http://", "json://"),
        "notification_body": "{{diff_added}}",
        "notification_format": "text",
    }
    kind = {"Content-Type": "text/plain"}
    async with aiohttp.ClientSession(headers={"x-api-key": key}) as session:
        for name in await _watches(session, api):
            await (await session.delete(f"{api}/watch/{name}")).read()
        for start in range(0, len(addresses), IMPORT_AT_ONCE):
            body = "\n".join(addresses[start : start + IMPORT_AT_ONCE])
            answer = await session.post(f"{api}/import", params=settings, data=body, headers=kind)
            if answer.status >= 300:
                raise WrongUseError(f"changedetection.io refused the watches: {(await answer.text())[:200]}")
        began = time.monotonic()
        while len(await _watches(session, api)) < len(addresses):
            if time.monotonic() - began > 2 * START_S:
                raise WrongUseError("changedetection.io did not take all watches")
            await asyncio.sleep(1)


async def _watches(session: aiohttp.ClientSession, api: str) -> list[str]:
    """Their names; waits until the program answers."""
    began = time.monotonic()
    while True:
        try:
            async with session.get(f"{api}/watch") as answer:
                return list(await answer.json())
        except (aiohttp.ClientError, ValueError):
            if time.monotonic() - began > START_S:
                raise WrongUseError("changedetection.io does not answer") from None
            await asyncio.sleep(0.5)


async def _key(data: Path) -> str:
    """The key of its API, which it makes at its first start."""
    began = time.monotonic()
    while time.monotonic() - began < START_S:
        try:
            told = json.loads((data / "changedetection.json").read_text())
            return str(told["settings"]["application"]["api_access_token"])
        except (OSError, ValueError, KeyError):
            await asyncio.sleep(0.5)
    raise WrongUseError("changedetection.io did not start")


# --- urlwatch -------------------------------------------------------------------------------


class _Passes:
    """One pass after another, as fast as they go."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self.cpu_s = self.memory_mb = 0.0
        self.over = False
        self.done = asyncio.Condition()

    async def run(self) -> None:
        """Until `over` is set and the pass under way has ended."""
        while not self.over:
            used = await asyncio.to_thread(self._once)
            self.cpu_s += used.ru_utime + used.ru_stime
            self.memory_mb = max(self.memory_mb, used.ru_maxrss * 1024 / 1e6)
            async with self.done:
                self.done.notify_all()

    def _once(self) -> resource.struct_rusage:
        process = subprocess.Popen(self._words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return os.wait4(process.pid, 0)[2]

    async def rest(self) -> None:
        """Until the pass under way has ended."""
        async with self.done:
            await self.done.wait()


@asynccontextmanager
async def urlwatch(python: Path, folder: Path, addresses: list[str], told: str) -> AsyncIterator[Running]:
    """Pass after pass without a pause; a report only of what changed, to a webhook."""
    quiet = {"new": False, "error": True, "unchanged": False, "empty-diff": False}
    webhook = {"mattermost": {"enabled": True, "webhook_url": told}, "stdout": {"enabled": False}}
    # YAML is a superset of JSON.
    (folder / "urlwatch.yaml").write_text(json.dumps({"display": quiet, "report": webhook}))
    # Without tags: the comment that differs at every request is not a change for people.
    jobs = (json.dumps({"url": address, "filter": [{"html2text": "re"}]}) for address in addresses)
    (folder / "urls.yaml").write_text("\n---\n".join(jobs) + "\n")
    words = [str(python.with_name("urlwatch"))]
    for option, name in (("urls", "urls.yaml"), ("config", "urlwatch.yaml"), ("cache", "cache.db")):
        words += [f"--{option}", str(folder / name)]
    passes = _Passes([*words, "--hooks", str(folder / "none.py")])
    running = asyncio.create_task(passes.run())
    try:
        yield Running(cpu_s=lambda: passes.cpu_s, memory_mb=lambda: passes.memory_mb, rest=passes.rest)
    finally:
        passes.over = True
        await running
