"""Posts of a simulated night through a real store and the real judging, without web sites and waiting.

What `nightjar demo` measures in five minutes of likeness alone, in seconds: which posts become one
item, which of those wrongly, what is said loudly of innocent posts, and what a verdict costs.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bench._looks import answer, look, watched
from nightmarket.model import Advert, World
from nightmarket.pictures import paint
from storage.model import Evidence, PictureCapture, PictureRef
from storage.patience import DiskWatch
from storage.store import Store
from storage.tables import key_of
from tests.storage.kit import HandClock, opened
from watchers.judging import Bench, Policy
from watchers.lexicon import Lexicon
from watchers.meter import Uncounted
from watchers.pictures import PictureWorkers

LOUD = ("urgent", "high")
APART_S = 7.0
"""Between two posts of the night: 2,000 in four hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of it. wrong, unjoined, false_high: keys of posts; unjoined are re-posts in an item of
    their own though one of the same thing was there. silent, silent_told: re-posts without a word of
    things known by then, and those of them told. asked: questions to the bank. cpu_s: with all workers
    and their start, per post.
    """

    items: int
    members: int
    wrong: tuple[str, ...]
    reposts: int
    unjoined: tuple[str, ...]
    high: int
    false_high: tuple[str, ...]
    silent: int
    silent_told: int
    again_loud: tuple[str, ...]
    asked: int
    cpu_s: float
    took_s: float

    @property
    def wrong_joins(self) -> float:
        """Share of posts in an item that mostly holds another thing."""
        return len(self.wrong) / max(1, self.members)

    @property
    def joined(self) -> float:
        """Share of re-posts in the item of an earlier post of the same thing."""
        return 1 - len(self.unjoined) / max(1, self.reposts)

    @property
    def precision_high(self) -> float:
        """Share of urgent and high items that are illicit."""
        return 1 - len(self.false_high) / max(1, self.high)


async def replay(folder: Path, world: World, adverts: Iterable[Advert]) -> Replayed:
    """Judge these adverts in order of appearance, with the world's gallery known."""
    shown = sorted(adverts, key=lambda advert: advert.published)
    gallery = folder / "gallery"
    gallery.mkdir(parents=True)
    for number, spec in enumerate(world.gallery, 1):
        (gallery / f"known-{number:02d}.jpg").write_bytes(paint(spec))
    clock = HandClock()
    policy = Policy(lexicon=Lexicon.load(), targets={}, route=lambda *_: ("chat",))
    workers = PictureWorkers(1, clock)
    async with opened(folder / "data", clock) as store:
        bench = Bench(
            store, workers, clock, Uncounted(), policy, spoke=lambda: None, disk=DiskWatch(clock), hands=1
        )
        try:
            filling = asyncio.create_task(bench._second.run())
            await bench.fill_gallery(gallery)
            sealed = [(advert, await _sealed(store, clock, advert)) for advert in shown]
            cpu, began = _cpu_s(), time.monotonic()
            for _, evidence in sealed:
                clock.tick(APART_S)
                await bench._judge(evidence)
                await bench._second.settle()
            took = time.monotonic() - began
        finally:
            filling.cancel()
            await bench.close()
            await workers.close()
        items, tiers = await _items(store), await _told(store)
    return _scored(
        world, [advert for advert, _ in sealed], items, tiers, bench._second.asked, (_cpu_s() - cpu, took)
    )


def _cpu_s() -> float:
    """Processor time of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


async def _sealed(store: Store, clock: HandClock, advert: Advert) -> Evidence:
    at = clock.tick()
    snapshot = look(advert.key, at, pictures=0)
    url = f"https://site-{advert.site}.example.org/{advert.post_id}"
    refs = tuple(PictureRef(url=f"{url}/{n}.jpg") for n in range(len(advert.pictures)))
    words = replace(
        snapshot.post,
        url=url,
        title=advert.first.title,
        text=advert.first.text,
        price=advert.first.price,
        seller=advert.seller,
        posted_at=at - timedelta(seconds=30),
        pictures=refs,
    )
    pictures = tuple(
        PictureCapture(ref=ref, response=answer(ref.url, paint(spec), at))
        for ref, spec in zip(refs, advert.pictures, strict=True)
    )
    return await store.seal(replace(snapshot, post=words, pictures=pictures), watched=watched(advert.key, at))


async def _items(store: Store) -> dict[str, str]:
    """Item of each post, by its key."""
    rows = await store.vault.database.rows("SELECT post_key, item_id FROM member")
    return {str(key): str(item) for key, item in rows}


async def _told(store: Store) -> dict[str, list[tuple[str, str]]]:
    """(tier, post key) of every new alert of each item, in order."""
    rows = await store.vault.database.rows(
        "SELECT a.item_id, a.tier, o.post_key FROM alert a JOIN observation o ON o.seq = a.seq "
        "WHERE a.kind = 'new' ORDER BY a.created_at, a.alert_id"
    )
    told: dict[str, list[tuple[str, str]]] = {}
    for item, tier, key in rows:
        told.setdefault(str(item), []).append((str(tier), str(key)))
    return told


def _scored(  # noqa: PLR0917 - the inputs of one score
    world: World,
    shown: Sequence[Advert],
    items: dict[str, str],
    told: dict[str, list[tuple[str, str]]],
    asked: int,
    cost: tuple[float, float],
) -> Replayed:
    member = {a.key: items[k] for a in shown if (k := key_of("market", a.key)) in items}
    by_row = {key_of("market", advert.key): advert for advert in shown}
    things = {advert.key: str(advert.thing or advert.key) for advert in shown}
    inside: dict[str, list[str]] = {}
    for key, item in member.items():
        inside.setdefault(item, []).append(key)
    wrong = []
    for keys in inside.values():
        usual, _ = Counter(things[key] for key in keys).most_common(1)[0]
        wrong += [key for key in keys if things[key] != usual]
    before: dict[str, set[str]] = {}
    unjoined, reposts = [], 0
    known, silent, silent_told = set(range(1, len(world.gallery) + 1)), 0, 0
    for advert in shown:
        if advert.illicit and advert.kind == "silent" and advert.thing in known:
            silent += 1
            silent_told += member.get(advert.key) in told
        if advert.key not in member:
            continue
        if advert.illicit:
            known.add(advert.thing)
        earlier = before.setdefault(things[advert.key], set())
        if earlier:
            reposts += 1
            unjoined += [] if member[advert.key] in earlier else [advert.key]
        earlier.add(member[advert.key])
    loud = {item: rows for item, rows in told.items() if any(tier in LOUD for tier, _ in rows)}
    false = [
        advert.key
        for rows in loud.values()
        if not (advert := by_row[next(key for tier, key in rows if tier in LOUD)]).illicit
    ]
    return Replayed(
        items=len(inside),
        members=len(member),
        wrong=tuple(wrong),
        reposts=reposts,
        unjoined=tuple(unjoined),
        high=len(loud),
        false_high=tuple(false),
        silent=silent,
        silent_told=silent_told,
        again_loud=tuple(item for item, rows in told.items() if len({tier for tier, _ in rows}) < len(rows)),
        asked=asked,
        cpu_s=cost[0] / max(1, len(shown)),
        took_s=cost[1] / max(1, len(shown)),
    )
