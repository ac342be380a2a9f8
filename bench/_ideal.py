"""A night as a watch without a fault would have it: every post of the market sealed whole, then judged.

No sites and no waiting, but the real store, judging, second look, hindsight and linking: what is known of a
night's posts, apart from what was caught of them. Time is moved by hand from post to post.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from bench._looks import answer, look, watched
from nightmarket.exports import Held, Spoken
from nightmarket.model import Advert, Site, World
from nightmarket.pictures import paint
from storage.codec import load, moment
from storage.model import (
    Authority,
    Evidence,
    NightWindow,
    PictureCapture,
    PictureRef,
    Post,
    Target,
)
from storage.patience import DiskWatch
from storage.sellers import Graph
from storage.store import Store
from tests.storage.kit import HandClock, opened
from watchers.hindsight import DELAY_S
from watchers.judging import Bench, Policy
from watchers.lexicon import Lexicon
from watchers.linking import Linker, graph
from watchers.meter import Uncounted
from watchers.pictures import PictureWorkers

NOTICED = timedelta(seconds=30)
"""After a post appears: half a poll interval."""
_NOBODY = Authority(legal_basis="a bench", authorised_by="nobody", review_after=date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a night gave, in the words of the market's judge. sellers: as `sellers --all --json` has it."""

    held: tuple[Held, ...]
    spoken: tuple[Spoken, ...]
    sellers: dict[str, object]


async def replayed(folder: Path, world: World) -> Told:
    """Judge all posts of a night in order of appearance, with its gallery known."""
    clock = HandClock(world.start)
    async with _watch(folder, world, clock) as (store, bench):
        linker = Linker(store, clock)
        sites = {site.number: site for site in world.sites}
        for advert in sorted(world.adverts, key=lambda a: (a.published, a.key)):
            _move(clock, advert, world)
            await bench._judge(await _sealed(store, clock, advert, sites[advert.site]))
            await bench._second.settle()
            await _look_back(bench, linker, clock)
        clock.tick(2 * DELAY_S)
        await _look_back(bench, linker, clock)
        return Told(
            held=await _held(store), spoken=await _spoken(store), sellers=_sellers(await graph(store))
        )


@asynccontextmanager
async def _watch(folder: Path, world: World, clock: HandClock) -> AsyncIterator[tuple[Store, Bench]]:
    gallery = folder / "gallery"
    gallery.mkdir(parents=True)
    for number, spec in enumerate(world.gallery, 1):
        (gallery / f"known-{number:02d}.jpg").write_bytes(paint(spec))
    targets = {site.name: _target(site) for site in world.sites}
    policy = Policy(lexicon=Lexicon.load(), targets=targets, route=lambda *_: ("chat",))
    workers = PictureWorkers(1, clock)
    async with opened(folder / "data", clock) as store:
        bench = Bench(
            store, workers, clock, Uncounted(), policy, spoke=lambda: None, disk=DiskWatch(clock), hands=1
        )
        filling = asyncio.create_task(bench._second.run())
        try:
            await bench.fill_gallery(gallery)
            yield store, bench
        finally:
            filling.cancel()
            await bench.close()
            await workers.close()


def _target(site: Site) -> Target:
    return Target(
        name=site.name,
        kind="html",
        url=f"http://{site.address}/",
        authority=_NOBODY,
        rules=None,
        window=NightWindow(zone=site.zone),
    )


def _move(clock: HandClock, advert: Advert, world: World) -> None:
    due = max(advert.published, world.start) + NOTICED
    clock.tick(max(0.01, (due - clock.now()).total_seconds()))


async def _look_back(bench: Bench, linker: Linker, clock: HandClock) -> None:
    """Take in and look back whenever the daemon would."""
    line = bench._hindsight
    while (due := line.due_at) is not None and due <= clock.now():
        await linker.catch_up()
        await line.look_back()
        await bench._second.settle()


async def _sealed(store: Store, clock: HandClock, advert: Advert, site: Site) -> Evidence:
    at = clock.now()
    snapshot = look(advert.post_id, at, pictures=0)
    url = f"http://{site.address}:8080/{advert.post_id}"
    refs = tuple(PictureRef(url=f"{url}/{n}.jpg") for n in range(len(advert.pictures)))
    words = replace(
        snapshot.post,
        url=url,
        title=advert.first.title,
        text=advert.first.text,
        price=advert.first.price,
        seller=advert.seller,
        location=advert.place,
        posted_at=advert.published,
        posted_raw="",
        pictures=refs,
    )
    pictures = tuple(
        PictureCapture(ref=ref, response=answer(ref.url, paint(spec), at))
        for ref, spec in zip(refs, advert.pictures, strict=True)
    )
    row = replace(watched(advert.post_id, at), target=site.name, url=url)
    return await store.seal(replace(snapshot, target=site.name, post=words, pictures=pictures), watched=row)


# --- for the judge ------------------------------------------------------------------------


async def _held(store: Store) -> tuple[Held, ...]:
    sql = (
        "SELECT o.evidence_id, o.target, o.post, o.captured_at, v.tier, coalesce(m.item_id, ''), "
        "(SELECT json_group_array(e.sha256) FROM evidence_picture e WHERE e.seq = o.seq) "
        "FROM observation o JOIN verdict v ON v.seq = o.seq LEFT JOIN member m ON m.post_key = o.post_key"
    )
    found = []
    for evidence_id, target, text, at, tier, item_id, pictures in await store.vault.database.rows(sql):
        post = load(Post, text)
        found.append(
            Held(
                evidence_id=evidence_id,
                target=target,
                post_id=post.post_id,
                url=post.url,
                observation="seen",
                captured_at=moment(at),
                title=post.title,
                text=post.text,
                pictures=tuple(json.loads(pictures)),
                tier=tier,
                item_id=item_id,
            )
        )
    return tuple(found)


async def _spoken(store: Store) -> tuple[Spoken, ...]:
    sql = (
        "SELECT a.alert_id, a.kind, a.tier, a.item_id, o.evidence_id, o.target, o.post FROM alert a "
        "JOIN observation o ON o.seq = a.seq ORDER BY a.created_at, a.rowid"
    )
    return tuple(
        Spoken(
            alert_id=alert_id,
            kind=kind,
            tier=tier,
            item_id=item_id,
            evidence_id=evidence_id,
            target=target,
            post_id=(post := load(Post, text)).post_id,
            url=post.url,
        )
        for alert_id, kind, tier, item_id, evidence_id, target, text in await store.vault.database.rows(sql)
    )


def _sellers(found: Graph) -> dict[str, object]:
    return {
        "accounts": [{"id": key, **asdict(account)} for key, account in found.accounts.items()],
        "sellers": [{"accounts": list(seller.accounts)} for seller in found.sellers],
    }
