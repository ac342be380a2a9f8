"""Many sites without a socket, for virtual time: real gates, real watches, listings from memory.

`Sites` stands for the fetcher and the readers; `Shelf` for the part of the store that a watch needs.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from storage.clock import Clock
from storage.errors import HostDown
from storage.model import (
    Authority,
    Evidence,
    EvidenceId,
    HostLimit,
    Listing,
    Post,
    Progress,
    Response,
    Sha256,
    Snapshot,
    Target,
    Validators,
    Watched,
)
from storage.patience import DiskWatch
from tests.fakes.virtual import VirtualClock, VirtualLoop
from watchers.address import read_address
from watchers.fetch import URGENT
from watchers.gate import Gate
from watchers.kit import Kit
from watchers.meter import Uncounted
from watchers.pages import ReadListing
from watchers.robots import Robots
from watchers.roster import Roster
from watchers.throttle import Throttle

FAST = HostLimit(requests_per_s=50.0, concurrency=2)
NEVER = 1e9


def target(number: int, host: str = "", **more: Any) -> Target:
    """Target t<number> on a host of its own unless named, polled every 30 s day and night."""
    facts: dict[str, Any] = {
        "name": f"t{number}",
        "kind": "json",
        "url": f"http://{host or f'h{number}.example'}/t/{number}",
        "rules": None,
        "interval_s": 30.0,
        "day_interval_s": 30.0,
        "host_limit": FAST,
        "authority": Authority(legal_basis="a", authorised_by="b", review_after=date(2099, 1, 1)),
    }
    return Target(**{**facts, **more})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: loop time at which it went out."""

    at_s: float
    target: str
    purpose: str
    url: str


class Sites:
    """Answers after `latency_s` of its host; 304 while a target's posts have not changed.

    fails: hosts that raise HostDown after their latency. wrong: targets whose visit breaks.
    missing: addresses that answer 404. further: address of the next page of a listing, by its name.
    robots: what stands between us and each site, None: nobody asks for robots.txt. contact_s: of the
    processor for a host's first request, as a connection takes it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._loop = clock, asyncio.get_running_loop()
        self.throttle = Throttle(clock)
        self.posts: dict[str, tuple[str, ...]] = {}
        self.latency_s: defaultdict[str, float] = defaultdict(lambda: 0.05)
        self.page_s = 0.05
        self.fails: set[str] = set()
        self.wrong: dict[str, Exception] = {}
        self.missing: set[str] = set()
        self.further: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.robots: Robots | None = None
        self.contact_s = 0.0

    def gate(self, host: str) -> Gate | None:
        place = self.throttle.gates().get(host)
        return place.gate if place is not None else None

    async def get(
        self,
        url: str,
        target: Target,
        *,
        purpose: str,
        validators: Validators | None = None,
        deadline_s: float | None = None,
        max_bytes: int | None = None,
    ) -> Response:
        del deadline_s, max_bytes
        address = read_address(url)
        host, urgent = address.host, purpose in URGENT
        if self.robots is not None and purpose != "robots" and not target.robots_override:
            if self.gate(host) is None and self.contact_s:
                loop = self._loop
                assert isinstance(loop, VirtualLoop)
                loop.spend(self.contact_s)
            await self.robots.check(
                address.origin, url, lambda robots: self.get(robots, target, purpose="robots")
            )
        async with self.throttle.turn(host, target.name, target.host_limit, urgent=urgent, until=math.inf):
            started = self._clock.now()
            self.asked.append(Asked(self._loop.time(), target.name, purpose, url))
            await self._clock.sleep(self.latency_s[host] if purpose == "listing" else self.page_s)
        if purpose == "listing" and (wrong := self.wrong.get(target.name)) is not None:
            raise wrong
        if host in self.fails:
            raise HostDown(url, "no answer")
        if purpose == "robots":
            return Response(
                url=url,
                requested_url=url,
                status=404,
                body=b"",
                started_at=started,
                first_byte_at=self._clock.now(),
                ended_at=self._clock.now(),
            )
        etag = f'"{hash(self.posts.get(target.name, ()))}"'
        same = purpose == "listing" and validators is not None and validators.etag == etag
        return Response(
            url=url,
            requested_url=url,
            status=304 if same else 404 if url in self.missing else 200,
            headers=(("ETag", etag), ("Content-Type", "text/html")),
            body=b"" if same else f"<title>{url}</title>{etag}".encode(),
            started_at=started,
            first_byte_at=self._clock.now(),
            ended_at=self._clock.now(),
        )

    async def parse(
        self, _kind: str, page: Response, _rules: object, _now: object, **_known: object
    ) -> ReadListing:
        name = "t" + page.url.rpartition("/")[2]
        base = page.url.rpartition("/t/")[0]
        posts = tuple(Post(post_id=i, url=f"{base}/p/{i}", title=i) for i in self.posts.get(name, ()))
        listing = Listing(posts=posts, next_url=self.further.get(name, ""))
        return ReadListing(listing=listing, prints=tuple(p.post_id for p in posts))

    async def detail(self, _kind: str, _page: Response, post: Post, *_rest: object) -> Any:
        return replace(_FOUND, post=post)

    async def alone(self, _kind: str, _page: Response, post: Post, *_rest: object) -> str:
        return post.post_id

    def polls(self) -> list[Asked]:
        """The listing requests so far."""
        return [asked for asked in self.asked if asked.purpose == "listing"]


@dataclass(frozen=True, slots=True)
class _Found:
    post: Post | None = None
    alone: str = "print"


_FOUND = _Found()


class Shelf:
    """Keeps rows and what was sealed. broken: what the next seal raises; seal_s: how long each takes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rows: dict[tuple[str, str], Watched] = {}
        self.sealed: list[Snapshot] = []
        self.broken: Exception | None = None
        self.seal_s = 0.0

    async def known(self, target: str, ids: list[str]) -> dict[str, Watched]:
        return {i: self.rows[target, i] for i in ids if (target, i) in self.rows}

    async def hasten(self, *_args: object, **_more: object) -> None:
        return None

    async def save_watched(self, rows: list[Watched]) -> None:
        self.rows.update({(row.target, row.post_id): row for row in rows})

    async def seal(self, snapshot: Snapshot, *, watched: Watched, lifetime: object = None) -> Evidence:
        del lifetime
        if self.broken is not None:
            raise self.broken
        if self.seal_s:
            await self._clock.sleep(self.seal_s)
        self.sealed.append(snapshot)
        evidence_id = EvidenceId(f"e{len(self.sealed)}")
        self.rows[watched.target, watched.post_id] = replace(watched, evidence_id=evidence_id)
        return Evidence(
            evidence_id=evidence_id,
            target=snapshot.target,
            observation=snapshot.observation,
            post=snapshot.post,
            manifest_sha256=Sha256(""),
            leaf_index=len(self.sealed),
            listed_at=snapshot.listed_at,
            captured_at=snapshot.captured_at,
            sealed_at=self._clock.now(),
            previous=snapshot.previous,
            pictures=(),
            page_sha256="",
            absences=snapshot.absences,
        )


class Depths(Uncounted):
    """Remembers how late polls were and how deep queues stood at most."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self.deepest: defaultdict[str, int] = defaultdict(int)

    def polled(self, outcome: str, late_s: float) -> None:
        del outcome
        self.late_s.append(late_s)

    def held_back(self, captures: int, lag_s: float) -> None:
        pass

    def queued(self, queue: str, depth: int) -> None:
        self.deepest[queue] = max(self.deepest[queue], depth)


class World:
    """A roster over `Sites` on virtual time."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.sites, self.shelf, self.meter = Sites(clock), Shelf(clock), Depths()
        self.rows: dict[str, Progress] = {}
        self.told: list[str] = []
        parts: Any = {"store": self.shelf, "fetches": self.sites, "readers": self.sites}
        self.kit = Kit(
            **parts,
            clock=clock,
            meter=self.meter,
            submit=self._submit,
            spoke=lambda: None,
            tell_admin=self._tell,
            noted=self._noted,
            disk=DiskWatch(clock),
            gate=self.sites.gate,
        )
        self.roster = Roster(self.kit, self.rows)
        self.task: asyncio.Task[None] | None = None

    async def _submit(self, _evidence: Evidence) -> None:
        return None

    async def _tell(self, text: str) -> None:
        self.told.append(text)

    def _noted(self, row: Progress) -> None:
        self.rows[row.target] = row

    async def start(self, *targets: Target) -> None:
        """Watch; the first instant has been served when this returns."""
        self.task = asyncio.create_task(self.roster.run(targets))
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Stop in order."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def in_world(script: Any) -> None:
    """Run `script(world)` on virtual time, and stop what it started."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        world = World(VirtualClock(loop))
        try:
            await script(world)
        finally:
            if world.task is not None:
                await world.stop()

    run_virtual(main())


def run_virtual(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a loop of virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
