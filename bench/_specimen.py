"""Small but complete stores and packages to be spoiled. Made-up evidence.

Several posts, verdicts, a case, an admin's certificate, two time-stamp authorities, several
signed states of the log.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench._looks import TARGET, judgement, look, watched
from storage import cases, checkpoints, erasure, keys, succession, timestamps, tokens
from storage.cases import Act, Case, Order
from storage.export import export
from storage.keys import Signer
from storage.model import Presence, Sighting, Tier
from storage.package.check import Trust, roots_in
from storage.retention import Rules
from storage.store import Store
from tests.fakes import tsa

FIRST, SECOND = "first-tsa", "second-tsa"


class Ticking:
    """A clock of its own that moves a second at every look; authorities go by the machine's."""

    speed = 1.0

    def __init__(self) -> None:
        self._now = datetime.now(UTC) - timedelta(hours=1)

    def now(self) -> datetime:
        """Aware UTC."""
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic(self) -> float:
        """Seconds."""
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        """Move on without waiting."""
        self._now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A data folder, its package, and what a reader would know from elsewhere."""

    data: Path
    package: Path
    trust: Trust
    roots: Path
    signer: Signer
    foreign: bytes
    foreign_root: Path


class Authorities:
    """Two authorities of our own, for many specimens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roots = folder / "roots"
        self.both: dict[str, tsa.Authority] = {}

    async def make(self) -> None:
        """Keys and certificates. Needs openssl."""
        self.roots.mkdir(parents=True)
        for name in (FIRST, SECOND):
            await asyncio.to_thread(tsa.make, self.folder / name, name)
            self.both[name] = tsa.Authority(self.folder / name, name)
            (self.roots / f"{name}.pem").write_bytes(self.both[name].root_pem.read_bytes())

    async def stamp(self, store: Store) -> bytes:
        """Whole tokens of both over the newest checkpoint; a foreign answer to the last request."""
        foreign = b""
        for name, authority in self.both.items():
            await asyncio.to_thread(tokens.keep_roots, store.folder, name, authority.root_pem.read_bytes())
            await tokens.want(store.vault, name, timedelta(0))
            found = await tokens.due(store.vault.database, name, store.clock.now())
            assert found is not None
            token, note = found
            request = timestamps.request(note)
            await tokens.mark_asking(store.vault, token, request)
            response = await authority.stamp(request)
            held = timestamps.check(note, request, response, authority.root_pem.read_bytes())
            assert isinstance(held, timestamps.Stamp), held
            await tokens.mark_whole(store.vault, token, response, held)
            foreign = await authority.stamp(request, signer="foreign")
        return foreign


async def specimen(folder: Path, authorities: Authorities, seed: int, *, ending: str = "") -> Specimen:
    """A store and a package of it. ending: ".zip" for an archive. Odd seeds have had two daemon keys."""
    chosen, data, admin, clock = random.Random(seed), folder / "data", folder / "admin.key", Ticking()
    await asyncio.to_thread(folder.mkdir, parents=True)
    keys.new_admin(admin)
    async with _opened(data, clock) as store:
        sealed = [await _piece(store, n, chosen) for n in range(chosen.randint(2, 4))]
        await checkpoints.sign(store, "news")
        await succession.certify(store, admin)
        await authorities.stamp(store)
    if seed % 2:
        await succession.rotate(data, clock, why="trial")
    async with _opened(data, clock) as store:
        if seed % 2:
            await succession.certify(store, admin)
        sealed += [await _piece(store, n, chosen) for n in range(10, 10 + chosen.randint(1, 3))]
        await checkpoints.sign(store, "urgent")
        foreign = await authorities.stamp(store)
        out = folder / f"package{ending}"
        await export(
            store, sealed, out, officer="badge 1", why="trial", cases=await _case(store, seed, sealed)
        )
        await _afterwards(store, seed)
        await checkpoints.sign(store, "end")  # as the watch does within seconds of any news
        signer = Signer.load(store.folder, store.vault.origin)
    trust = Trust(
        admin=keys.admin_signer(admin).fingerprint,
        key=signer.fingerprint,
        roots=roots_in(authorities.roots),
    )
    return Specimen(
        data=data,
        package=out,
        trust=trust,
        roots=authorities.roots,
        signer=signer,
        foreign=foreign,
        foreign_root=authorities.folder / SECOND / "foreign-root.pem",
    )


@asynccontextmanager
async def _opened(data: Path, clock: Ticking) -> AsyncIterator[Store]:
    store = await Store.open(data, clock)
    try:
        yield store
    finally:
        await store.close()


async def _case(store: Store, seed: int, sealed: list[str]) -> tuple[Case, ...]:
    """A case with the first two pieces."""
    number = f"2026/{seed}"
    new = Order(act=Act.NEW, number=number, title="trial", legal_basis="art. 1", officer="badge 1")
    await cases.apply(store.vault, new)
    add = Order(act=Act.ADD, number=number, evidence=tuple(sealed[:2]), officer="badge 1")
    await cases.apply(store.vault, await cases.whole(store, add))
    return (await cases.select(store, [number])).cases


async def _afterwards(store: Store, seed: int) -> None:
    """What the package does not show: a hold on the case, and a post that was erased lawfully."""
    hold = Order(act=Act.HOLD, number=f"2026/{seed}", officer="badge 1", why="trial")
    await cases.apply(store.vault, hold)
    gone = await store.seal(look("gone", store.clock.now()), watched=watched("gone", store.clock.now()))
    seen = Sighting(target=TARGET, post_id="gone", looked_at=store.clock.now(), presence=Presence.ALIVE)
    await store.add_sightings([seen])
    await store.record(judgement(gone, store.clock.now(), Tier.NONE), announce=())
    await erasure.apply(store, Rules(unmatched_days=0))


async def _piece(store: Store, number: int, chosen: random.Random) -> str:
    post_id, at = f"post-{number}", store.clock.now()
    snapshot = look(post_id, at, pictures=chosen.randint(0, 2), picture_bytes=chosen.randint(200, 3_000))
    evidence = await store.seal(snapshot, watched=watched(post_id, at))
    if chosen.random() < 0.7:
        await store.record(judgement(evidence, store.clock.now(), Tier.HIGH), announce=("chat",))
    await store.add_sightings(
        [Sighting(target=TARGET, post_id=post_id, looked_at=store.clock.now(), presence=Presence.ALIVE)]
    )
    return str(evidence.evidence_id)
