"""A night as a watch without a fault would have it: every post of the market sealed whole, then judged.

No sites and no waiting, but the real store, judging, second look, hindsight and linking: what is known of a
night's posts, apart from what was caught of them. Time is moved by hand from post to post.

Or a rough night, as one that is played has them: the page of every eighth post answers at the second look
only, a minute later, so that it is judged without its pictures first; and the watch is killed when the market
has it killed, and judges on while its bank of known pictures is still empty.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
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
MENDED = timedelta(seconds=75)
"""After a page answered with nothing: as long as the market's own such troubles last."""
BLIND_EVERY = 8
BEHIND = 40
"""Posts that are judged after a restart while the bank is gathered: some minutes of such a night."""
_NOBODY = Authority(legal_basis="a bench", authorised_by="nobody", review_after=date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a night gave, in the words of the market's judge. sellers: as `sellers --all --json` has it."""

    held: tuple[Held, ...]
    spoken: tuple[Spoken, ...]
    sellers: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """When which post is looked at; blind: its page cannot be had."""

    at: datetime
    advert: Advert
    blind: bool = False


async def replayed(folder: Path, world: World, *, rough: bool = False) -> Told:
    """Judge all posts of a night in order of appearance, with its gallery known."""
    clock = HandClock(world.start)
    async with _watch(folder, world, clock) as watch:
        linker = Linker(watch.store, clock)
        sites = {site.number: site for site in world.sites}
        kills = [t.span.begin for t in world.troubles if t.kind == "kill"] if rough else []
        for look_ in _looks(world, rough=rough):
            clock.tick(max(0.01, (look_.at - clock.now()).total_seconds()))
            if kills and clock.now() >= kills[0]:
                kills = kills[1:]
                await watch.restart()
            await watch.judge(await _sealed(watch.store, clock, look_, sites[look_.advert.site]))
            await _look_back(watch, linker, clock)
        await watch.gather(whole=True)
        clock.tick(2 * DELAY_S)
        await _look_back(watch, linker, clock)
        store = watch.store
        return Told(
            held=await _held(store), spoken=await _spoken(store), sellers=_sellers(await graph(store))
        )


def _looks(world: World, *, rough: bool) -> list[_Look]:
    found = []
    for advert in world.adverts:
        at = max(advert.published, world.start) + NOTICED
        if rough and sha256(advert.key.encode()).digest()[0] % BLIND_EVERY == 0:
            found.append(_Look(at=at, advert=advert, blind=True))
            at += MENDED
        found.append(_Look(at=at, advert=advert))
    return sorted(found, key=lambda one: (one.at, one.advert.key))


class _Watch:
    """Store and bench of one night; the bench is another after a restart."""

    def __init__(self, store: Store, clock: HandClock, policy: Policy, gallery: Path) -> None:
        self.store, self._clock, self._policy, self._gallery = store, clock, policy, gallery
        self._workers = PictureWorkers(1, clock)
        self._filling: asyncio.Task[None] | None = None
        self._behind = 0
        self.bench = self._bench()

    async def begin(self) -> None:
        """As a start does it; the bank is not filled before `gather`, but for the gallery."""
        await self.bench.fill_index()
        await self.bench.fill_gallery(self._gallery)

    async def restart(self) -> None:
        """A watch on the same store that knows what stands there, and whose bank holds none of it yet."""
        await self._end_bench()
        self.bench, self._behind = self._bench(), BEHIND
        await self.begin()

    async def judge(self, evidence: Evidence) -> None:
        await self.bench._judge(evidence)
        self._behind -= 1
        await self.gather()

    async def gather(self, *, whole: bool = False) -> None:
        """Let the bank take in what was given to it, and whoever came too soon be judged again.

        Not soon after a restart, unless the bank is to be `whole` now.
        """
        if self._behind > 0 and not whole:
            return
        if self._filling is None:
            self._filling = asyncio.create_task(self.bench._second.run())
        await self.bench._second.settle()
        while len(self.bench._latecomers):
            await self.bench._latecomers.next()

    async def end(self) -> None:
        await self._end_bench()
        await self._workers.close()

    async def _end_bench(self) -> None:
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None
        await self.bench.close()

    def _bench(self) -> Bench:
        return Bench(
            self.store,
            self._workers,
            self._clock,
            Uncounted(),
            self._policy,
            spoke=lambda: None,
            disk=DiskWatch(self._clock),
            hands=1,
        )


@asynccontextmanager
async def _watch(folder: Path, world: World, clock: HandClock) -> AsyncIterator[_Watch]:
    gallery = folder / "gallery"
    gallery.mkdir(parents=True)
    for number, spec in enumerate(world.gallery, 1):
        (gallery / f"known-{number:02d}.jpg").write_bytes(paint(spec))
    targets = {site.name: _target(site) for site in world.sites}
    policy = Policy(lexicon=Lexicon.load(), targets=targets, route=lambda *_: ("chat",))
    async with opened(folder / "data", clock) as store:
        watch = _Watch(store, clock, policy, gallery)
        try:
            await watch.begin()
            yield watch
        finally:
            await watch.end()


def _target(site: Site) -> Target:
    return Target(
        name=site.name,
        kind="html",
        url=f"http://{site.address}/",
        authority=_NOBODY,
        rules=None,
        window=NightWindow(zone=site.zone),
    )


async def _look_back(watch: _Watch, linker: Linker, clock: HandClock) -> None:
    """Take in and look back whenever the daemon would."""
    line = watch.bench._hindsight
    while (due := line.due_at) is not None and due <= clock.now():
        await linker.catch_up()
        await line.look_back()
        await watch.gather()


async def _sealed(store: Store, clock: HandClock, seen: _Look, site: Site) -> Evidence:
    at, advert = clock.now(), seen.advert
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
        if not seen.blind
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
