"""Polls of a real daemon while a full line of pictures is read behind them.

The same store is watched twice, with reading on and off: what both have in common is the machine's.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench._daemon import HEAD, always, program, stop
from bench._feeds import Site
from bench._looks import answer, look
from bench._photos import file_of
from storage import readings
from storage.clock import SystemClock
from storage.model import Judgement, PictureCapture, PictureRef, Tier, Verdict
from storage.store import Store
from watchers.picture_reading import MOST

TARGETS, INTERVAL_S = 40, 2.0
LATE_S = 0.5
"""Beyond the interval: a quarter of it."""
_START_S, _WARM_S = 180.0, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How polls kept their interval. even: share begun at most `LATE_S` late. read: pictures meanwhile."""

    polls: int
    even: float
    read: int
    waiting: int


class _Counted(Site):
    """Notes when each feed was asked for."""

    asked: dict[str, list[float]] = defaultdict(list)  # noqa: RUF012 - one site per run, emptied before it

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ", 2)[1].decode()
        if path.startswith("/304/"):
            self.asked[path].append(time.monotonic())
        super().data_received(data)


async def fill(folder: Path, pictures: Sequence[bytes]) -> None:
    """A store with a full line: judged posts whose pictures nobody has read."""
    clock = SystemClock()
    store = await Store.open(folder, clock)
    try:
        for number in range(MOST):
            now = clock.now()
            ref = PictureRef(url=f"https://example.org/{number}.jpg")
            body = pictures[number % len(pictures)] + b"%d" % number
            one = replace(
                look(f"post {number}", now),
                pictures=(PictureCapture(ref=ref, response=answer(ref.url, body, now)),),
            )
            one = replace(one, post=replace(one.post, title="", text="", price="", pictures=(ref,)))
            evidence = await store.seal(one)
            described = tuple(replace(p, width=1280, height=960, format="JPEG") for p in evidence.pictures)
            verdict = Verdict(score=2, tier=Tier.NONE, reasons=())
            judgement = Judgement(evidence=evidence, verdict=verdict, pictures=described, judged_at=now)
            await store.record(judgement, announce=())
    finally:
        await store.close()


async def watched(folder: Path, *, reading: bool, seconds: float) -> Kept:
    """Watch `TARGETS` feeds for so long over the store in `folder / "data"`."""
    _Counted.asked.clear()
    server = await asyncio.get_running_loop().create_server(_Counted, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = folder / "config.toml"
    head = HEAD.format(workers=1).replace(
        "[[channel]]", f"read_pictures = {str(reading).lower()}\n[[channel]]", 1
    )
    limit = '[hosts."127.0.0.1"]\nrequests_per_s = 1000\nconcurrency = 32\n'
    interval = f"{INTERVAL_S:g}s"
    stanzas = (
        always(
            f"feed {n}",
            f"http://127.0.0.1:{port}/304/{n}",
            kind="rss",
            interval=interval,
            more="allow_fast = true",
        )
        for n in range(TARGETS)
    )
    config.write_text(head + limit + "".join(stanzas))
    try:
        async with program("bot.cli", "run", "--config", str(config), log=folder / "log") as daemon:
            await _under_way(daemon, folder / "log")
            began = time.monotonic()
            before = await _read(folder / "data")
            await asyncio.sleep(seconds)
            ended, after = time.monotonic(), await _read(folder / "data")
            with contextlib.suppress(TimeoutError):
                await stop(daemon, 20.0)
    finally:
        server.close()
    return _scored(began, ended, after[0] - before[0], after[1])


async def _under_way(daemon: asyncio.subprocess.Process, log: Path) -> None:
    """Wait until every feed was asked, and a little. Raises RuntimeError when that never comes."""
    for _ in range(round(_START_S)):
        if daemon.returncode is not None:
            break
        if len(_Counted.asked) == TARGETS:
            await asyncio.sleep(_WARM_S)
            return
        await asyncio.sleep(1.0)
    last = (await asyncio.to_thread(log.read_text)).splitlines()[-1:]
    raise RuntimeError(f"the daemon does not poll: {last}")


async def _read(folder: Path) -> tuple[int, int]:
    """(pictures that were read so far, posts that wait still)."""
    clock = SystemClock()
    reader = await Store.open_reader(folder, clock)
    try:
        rows = await reader.vault.database.rows("SELECT count(*) FROM reading")
    finally:
        await reader.close()
    standing = readings.last_standing(folder)
    return int(rows[0][0]), standing.waiting if standing else 0


def _scored(began: float, ended: float, read: int, waiting: int) -> Kept:
    gaps = [
        later - earlier
        for times in _Counted.asked.values()
        for earlier, later in itertools.pairwise(times)
        if began <= later <= ended
    ]
    gaps += [
        ended - times[-1] for times in _Counted.asked.values() if ended - times[-1] > INTERVAL_S + LATE_S
    ]
    even = sum(gap <= INTERVAL_S + LATE_S for gap in gaps) / len(gaps) if gaps else 0.0
    return Kept(polls=len(gaps), even=even, read=read, waiting=waiting)


async def beside(folder: Path, pictures: Sequence[bytes], seconds: float) -> tuple[Kept, Kept]:
    """(with reading, without), over the same store."""
    await fill(folder / "data", pictures)
    without = await watched(folder, reading=False, seconds=seconds)
    return await watched(folder, reading=True, seconds=seconds), without


def bytes_of_pictures(count: int) -> list[bytes]:
    """Picture files with words on them."""
    from bench._lettered import lettered, terms_of
    from watchers.lexicon import Lexicon

    terms = terms_of(Lexicon.load())
    return [file_of(lettered(number, terms).image, 80) for number in range(count)]
