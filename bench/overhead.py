"""What sealing costs of the way from a poll to evidence, on and off in the same run.

The way: ask a listing, read it, ask every post's page and picture, read the page, gather
the snapshot, keep it. With sealing on it is kept as the daemon does: manifest, durable files,
row and log entry in one transaction. With sealing off it is kept just as safe from a crash, but
proves nothing: the same files, as durable, the same row, vigil and search entry, no manifest, no
log. Two more kinds of rounds tell what durability itself costs: files without fsync, as a program
does that may lose them, and nothing kept at all. Rounds alternate,
on posts that were never seen before, from a site in a process of its own; each begins when the
disk has taken all of the one before, or the first to sync would pay for its neighbour.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from bench._bazaar import POSTS
from bench._daemon import program
from bench._looks import data_folder, watched
from bench.figures import Figure, Result
from bench.polling import ENDLESS, feed_target
from storage import checkpoints, search, vigils
from storage.clock import SystemClock
from storage.codec import dump
from storage.model import Observation, Sha256, Snapshot, Target, Watched, sha256_of
from storage.store import Store
from storage.tables import ObservationRow, key_of
from storage.threads import in_thread
from storage.writer import Batch
from watchers.capture import Capture, Errand
from watchers.feed import load
from watchers.feeds.json import Settings
from watchers.fetch import Fetcher
from watchers.readers import Readers

NAME = "overhead"
SUMMARY = "poll to evidence with sealing on and off, and looks sealed per second"
POLLS_AT_ONCE = 6
SEALS_AT_ONCE = 64
SIGN_EVERY_S = 3.0


class Keeping(Enum):
    """What is done with a snapshot."""

    NOTHING = "dropped"
    LOOSE = "kept without fsync"
    PLAIN = "kept without sealing"
    SEALED = "sealed"


@dataclass(kw_only=True)
class Way:
    """The parts of the way from a poll to evidence. listings: how many were asked so far.

    plain: the store of what is kept without sealing; its log stays empty.
    """

    port: int
    store: Store
    plain: Store
    fetcher: Fetcher
    readers: Readers
    listings: int = 0
    kept_plainly: int = 0

    async def round(self, polls: int, keeping: Keeping) -> tuple[float, list[Snapshot]]:
        """(looks per second, the snapshots) of so many polls, some at once."""
        gate = asyncio.Semaphore(POLLS_AT_ONCE)
        await in_thread(os.sync)

        async def poll() -> list[Snapshot]:
            async with gate:
                return await self._poll(keeping)

        began = time.perf_counter()
        found = [one for many in await asyncio.gather(*(poll() for _ in range(polls))) for one in many]
        return len(found) / (time.perf_counter() - began), found

    async def _poll(self, keeping: Keeping) -> list[Snapshot]:
        self.listings += 1
        goal = _target(f"http://127.0.0.1:{self.port}/l/{self.listings}")
        listing = await self.fetcher.get(goal.url, goal, purpose="listing")
        read = await self.readers.parse(goal.kind, listing, goal.rules, listing.first_byte_at)
        feed = load(goal.kind)
        errands = [
            Errand(
                target=goal,
                feed=feed,
                post=post,
                observation=Observation.SEEN,
                listing=listing,
                listed_at=listing.first_byte_at,
            )
            for post in read.listing.posts
        ]
        return list(await asyncio.gather(*(self._take(errand, keeping) for errand in errands)))

    async def _take(self, errand: Errand, keeping: Keeping) -> Snapshot:
        capture = Capture(errand, self.fetcher, self.readers, self.store.clock)
        await capture.run()
        snapshot = capture.snapshot()
        row = watched(errand.post.post_id, errand.listed_at)
        if keeping is Keeping.SEALED:
            await self.store.seal(snapshot, watched=row)
        elif keeping is not Keeping.NOTHING:
            self.kept_plainly += 1
            await keep_plainly(self.plain, snapshot, row, self.kept_plainly, durable=keeping is Keeping.PLAIN)
        return snapshot


async def keep_plainly(store: Store, snapshot: Snapshot, row: Watched, number: int, *, durable: bool) -> None:
    """Files by their hash, then one transaction with observation, vigil row and search entry."""
    post = dump(snapshot.post)
    answers = (snapshot.page, *(picture.response for picture in snapshot.pictures), snapshot.listing)
    files = {sha256_of(answer.body): answer.body for answer in answers if answer is not None}
    if durable:
        await store.blobs.keep(files)
    else:
        await in_thread(_write, store, files)
    words = search.joined((snapshot.post.title, snapshot.post.text, snapshot.post.post_id))

    async def job(batch: Batch) -> None:
        batch.add(
            ObservationRow(
                seq=number,
                evidence_id=f"{number:032x}",
                post_key=key_of(snapshot.target, snapshot.post.post_id),
                target=snapshot.target,
                post_id=snapshot.post.post_id,
                observation=snapshot.observation.value,
                post=post,
                manifest_sha256="",
                page_sha256=next(iter(files)),
                listing_sha256="",
                listed_at=snapshot.listed_at,
                captured_at=snapshot.captured_at,
                sealed_at=snapshot.captured_at,
                previous="",
                absences="[]",
                lifetime=None,
                judged=False,
            )
        )
        vigils.put(batch, row)
        batch.many(search.INSERT, (2 * number, words, ""))

    await store.vault.submit(job)


def _write(store: Store, files: dict[Sha256, bytes]) -> None:
    for name, body in files.items():
        path = store.blobs.path(name)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(body)


def _target(url: str) -> Target:
    rules = Settings(items="posts")
    return replace(feed_target(url), kind="json", rules=rules)


async def seal_rate(store: Store, snapshots: Sequence[Snapshot]) -> float:
    """Captured looks sealed per second, many at once, nothing else being done."""
    gate = asyncio.Semaphore(SEALS_AT_ONCE)

    async def one(snapshot: Snapshot) -> None:
        async with gate:
            await store.seal(snapshot, watched=watched(snapshot.post.post_id, snapshot.listed_at))

    began = time.perf_counter()
    await asyncio.gather(*map(one, snapshots))
    return len(snapshots) / (time.perf_counter() - began)


async def measure(folder: Path, polls: int, rounds: int) -> Result:
    """Alternating rounds of the four kinds, then a round of sealing alone."""
    async with AsyncExitStack() as stack:
        store = await Store.open(folder / "sealed", SystemClock())
        stack.push_async_callback(store.close)
        plain = await Store.open(folder / "plain", SystemClock())
        stack.push_async_callback(plain.close)
        fetcher = Fetcher(store.clock, contact="bench", allow=("127.0.0.0/8",), overall=ENDLESS)
        stack.push_async_callback(fetcher.close)
        readers = Readers(store.clock)
        stack.push_async_callback(readers.close)
        signing = asyncio.create_task(_sign_for_ever(store))
        stack.callback(signing.cancel)
        site = await stack.enter_async_context(program("bench._bazaar"))
        assert site.stdout is not None
        port = int(await site.stdout.readline())
        way = Way(port=port, store=store, plain=plain, fetcher=fetcher, readers=readers)
        for keeping in Keeping:  # connections, caches, the first folders
            await way.round(polls, keeping)
        rates = [
            {keeping: (await way.round(polls, keeping))[0] for keeping in Keeping} for _ in range(rounds)
        ]
        _, fresh = await way.round(polls, Keeping.NOTHING)
        alone = await seal_rate(store, fresh)
        kept = await store.vault.database.rows("SELECT count(*) FROM observation")
    return _told(rates, alone, kept[0][0], expected=(rounds + 2) * polls * POSTS)


async def _sign_for_ever(store: Store) -> None:
    while True:
        await checkpoints.sign(store, "news")
        await asyncio.sleep(SIGN_EVERY_S)


def _told(rates: list[dict[Keeping, float]], alone: float, kept: int, *, expected: int) -> Result:
    def cost(off: Keeping) -> float:
        return statistics.median(100 * (1 - rate[Keeping.SEALED] / rate[off]) for rate in rates)

    told = [f"way_{k.value.replace(' ', '_')}_per_s" for k in Keeping]
    middle = [statistics.median(rate[k] for rate in rates) for k in Keeping]
    return Result(
        (
            Figure(
                "sealing_costs", cost(Keeping.PLAIN), 25, "at most", "%", "of the same as durable, unsealed"
            ),
            Figure("sealed_per_s", alone, 300, note="captured looks, durable: three new files each"),
            Figure("sealing_and_fsync_cost", cost(Keeping.LOOSE), unit="%", note="of keeping without fsync"),
            Figure("keeping_at_all_costs", cost(Keeping.NOTHING), unit="%", note="of dropping everything"),
            *(Figure(name, value) for name, value in zip(told, middle, strict=True)),
            Figure("looks_kept", kept, expected, "equal", note="every sealed round is in the store"),
        ),
        (
            "rounds (dropped/no fsync/unsealed/sealed): "
            + ", ".join("/".join(f"{rate[k]:.0f}" for k in Keeping) for rate in rates),
            f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
            "page of 13 KB and picture of 40 KB per look; a checkpoint is signed every three seconds",
        ),
    )


async def run(arguments: Sequence[str]) -> Result:
    """`--polls N` (40) per round, ten posts each; `--rounds N` (11)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--polls", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args(arguments)
    with data_folder() as folder:
        return await measure(folder, options.polls, options.rounds)
