"""Who reads a page: the daemon itself when it is light, a page worker when it is heavy.

A page of 100,000 links takes seconds to read, and every other target would wait for it.
Light pages, nearly all, are read on the spot in a few milliseconds. Heavy ones go to a
process of their own that has bounded memory and time; what overruns, crashes or eats
too much is a `BadPage` like any other, and its bytes are evidence all the same.

    watch/capture/vigil --page--> Readers --pipe--> watchers.page_worker

A page that is light and merely slow waits for nobody: while the process is busy it is read on the
spot. In a queue there polls waited for seconds on a loaded machine, and posts were never seen.

The process is started when the first heavy page comes and ended when none came for a while.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from storage.clock import Clock
from storage.codec import restore
from storage.errors import BadPage
from storage.model import Connection, Post, Response
from watchers.memos import Memos
from watchers.pages import (
    ANSWER_MAX_BYTES,
    Found,
    Job,
    ReadListing,
    ReadPost,
    can_reread,
    read,
    reread_listing,
)
from watchers.reading.anew import Again
from watchers.workers import Died, Worker

LIGHT_BYTES = 150_000
"""Pages up to this size are read on the spot, if they have few elements as well."""
LARGE_BYTES = 1_000_000
"""Pages above it take tens of megabytes to read: one at a time with large pictures."""
LIGHT_TAGS = 1_500
"""A `<` costs 20-80 microseconds to read, whatever stands between: 30-120 ms for so many."""
SLOW_S = 0.008
"""Processor seconds; where two pages of one sort and host took longer in a row, they are read elsewhere.

By sort, since a listing takes ten milliseconds where a post's page takes two, and the two take turns.

The way to the worker costs about a millisecond. In the simulated night reading took half
of the loop's time, and the other half came late for it.
"""
SLOW_FOR_S = 600.0
"""So long; then it is tried on the spot again: the page may have shrunk, the machine be less busy."""
_TWICE = 2
_SLOW_SORTS = 1_000
_JOBS_PER_WORKER = 2_000
IDLE_S = 300.0
"""Real seconds without a heavy page after which the process is ended."""


_Sort = tuple[str, bool]
"""Pages of one host: (its name, whether they are listings)."""


class Readers:
    """Reads pages without holding up the loop. Use from one event loop; safe for many tasks at once.

    deadline_s: real seconds a heavy page may take, whatever the clock's speed, from when the
    worker takes it. cpu_s: processor seconds of that (a loaded machine gives fewer). Nothing runs
    before the first heavy page. Cancelling a caller in the middle replaces the worker.
    large: held while a job runs that needs much memory; share it with whatever else needs much.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        count: int = 1,
        deadline_s: float = 20.0,
        cpu_s: int = 6,
        idle_s: float = IDLE_S,
        large: asyncio.Lock | None = None,
        program: str = "watchers.page_worker",
    ) -> None:
        self.restarts = 0
        self._large = large or asyncio.Lock()
        self._deadline_s, self._cpu_s, self._idle_s, self._speed = deadline_s, cpu_s, idle_s, clock.speed
        self._workers = [
            Worker(
                program,
                clock.speed,
                called="page worker",
                reader="reader",
                answer_max_bytes=ANSWER_MAX_BYTES,
            )
            for _ in range(max(1, count))
        ]
        self._free: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        for worker in self._workers:
            self._free.put_nowait(worker)
        self._clock = clock
        self._slow: OrderedDict[_Sort, tuple[int, float]] = OrderedDict()
        """Slow readings in a row, and the monotonic time of the last."""
        self._memos = Memos()
        self._rest: asyncio.TimerHandle | None = None
        self._closed = False

    async def close(self) -> None:
        """End the processes; pages under way are answered as unreadable. Twice is harmless."""
        self._closed = True
        if self._rest is not None:
            self._rest.cancel()
        for worker in self._workers:
            await worker.end()

    def pids(self) -> tuple[int, ...]:
        """Process ids of the living workers, for status and metrics."""
        return tuple(worker.pid for worker in self._workers if worker.pid)

    async def parse(
        self,
        kind: str,
        page: Response,
        rules: object,
        now: datetime,
        *,
        known: Mapping[str, str] | None = None,
        dealt: tuple[str, ...] = (),
    ) -> ReadListing:
        """The posts of a listing, as `Feed.parse` reads them. Raises BadPage.

        known: fingerprints of posts by id that the caller has already; such a post may be given
        with its id and address alone. dealt: the very prints of an earlier listing of which `known`
        holds all.
        """
        if known:
            again = Again(known=known, dealt=dealt, most_tags=LIGHT_TAGS)
            if (reread := self._reread(kind, page, rules, now, again=again)) is not None:
                return reread
        found = await self._read(Job(do="listing", kind=kind, page=page, rules=rules, now=now))
        assert isinstance(found, ReadListing)
        return found

    async def detail(self, kind: str, page: Response, post: Post, rules: object, now: datetime) -> ReadPost:
        """`post` completed from its own page, as `Feed.detail` does. Raises BadPage."""
        found = await self._read(Job(do="post", kind=kind, page=page, post=post, rules=rules, now=now))
        assert isinstance(found, ReadPost)
        return found

    async def alone(self, kind: str, page: Response, post: Post, rules: object, now: datetime) -> str:
        """Fingerprint of what a post's own page says by itself, to tell edits. Raises BadPage."""
        found = await self._read(Job(do="alone", kind=kind, page=page, post=post, rules=rules, now=now))
        assert isinstance(found, str)
        return found

    # --- on the spot ------------------------------------------------------------------------

    async def _read(self, job: Job) -> Found:
        sort = (urlsplit(job.page.requested_url).netloc, job.do == "listing")
        if is_heavy(job.page.body) or (self._is_slow(sort) and not self._free.empty()):
            return await self._elsewhere(job)
        with self._timed(sort):
            return read(job)

    def _reread(
        self, kind: str, page: Response, rules: object, now: datetime, *, again: Again
    ) -> ReadListing | None:
        """A listing of which only the new items are parsed; None when it must be read as a whole."""
        if not can_reread(kind) or len(page.body) > LIGHT_BYTES:
            return None
        feed = (kind, page.requested_url, rules)
        worth, memo = self._memos.find(feed)
        if not worth:
            return None
        # On the spot at a slow host too: the first time costs a whole reading, the next ones far less.
        found = reread_listing(kind, page, rules, now, again=again, memo=memo)
        self._memos.keep(feed, found[1] if found is not None else None)
        return found[0] if found is not None else None

    def _is_slow(self, sort: _Sort) -> bool:
        times, at = self._slow.get(sort, (0, 0.0))
        return times >= _TWICE and self._clock.monotonic() - at < SLOW_FOR_S

    @contextmanager
    def _timed(self, sort: _Sort) -> Iterator[None]:
        """Mark pages that take long to read, and clear them when they do not."""
        modules, began = len(sys.modules), time.thread_time()  # what it costs, not what time it is
        try:
            yield
        finally:
            slow = time.thread_time() - began > SLOW_S
            if not slow:
                self._slow.pop(sort, None)
            elif len(sys.modules) == modules:  # a library that had to be imported is nobody's slowness
                self._slow[sort] = (self._slow.pop(sort, (0, 0.0))[0] + 1, self._clock.monotonic())
                if len(self._slow) > _SLOW_SORTS:
                    self._slow.popitem(last=False)

    # --- in a worker --------------------------------------------------------------------------

    async def _elsewhere(self, job: Job) -> Found:
        """A heavy page; a very large one alone."""
        if len(job.page.body) <= LARGE_BYTES:
            return await self._on_next(job)
        async with self._large:
            return await self._on_next(job)

    async def _on_next(self, job: Job) -> Found:
        """A page on the next free worker; tried once more when the worker died of something else."""
        worker = await self._free.get()
        try:
            data = pickle.dumps(replace(job, page=_bare(job.page)), protocol=5)
            try:
                return await self._ask(worker, job, data)
            except Died as death:
                if death.spent or self._closed:
                    raise
                return await self._ask(worker, job, data)
        except Died as death:
            raise BadPage(job.page.url, f"could not be read: {death}") from death
        finally:
            self._free.put_nowait(worker)
            self._rest_later()

    async def _ask(self, worker: Worker, job: Job, data: bytes) -> Found:
        """One try. Raises BadPage, or Died when another try may help."""
        if self._closed:
            raise Died("the readers are closed", spent=True)
        try:
            facts, answer = await worker.ask({"cpu_s": self._cpu_s}, data, self._deadline_s)
        except TimeoutError:
            await self._replace(worker)
            raise BadPage(job.page.url, f"could not be read within {self._deadline_s:g} s") from None
        except Died as death:
            await self._replace(worker)
            if death.spent:
                why = f"could not be read within {self._cpu_s} s of processor time"
                raise BadPage(job.page.url, why) from death
            raise
        except asyncio.CancelledError:
            worker.kill()
            raise
        if facts.get("spent") or worker.jobs >= _JOBS_PER_WORKER:
            await self._replace(worker)
        if "bad" in facts:
            bad = BadPage(job.page.url, str(facts["bad"]))
            bad.field = str(facts.get("field", ""))
            raise bad
        return await asyncio.to_thread(_restored, job, answer)

    async def _replace(self, worker: Worker) -> None:
        """End the process; the next heavy page starts another."""
        self.restarts += 1
        await worker.end()

    def _rest_later(self) -> None:
        loop = asyncio.get_running_loop()
        if self._rest is not None:
            self._rest.cancel()
        self._rest = None if self._closed else loop.call_later(self._idle_s * self._speed, self._go_to_rest)

    def _go_to_rest(self) -> None:
        if self._free.qsize() < len(self._workers):  # one is at work; it comes by here again
            return
        for worker in self._workers:
            worker.kill()


def is_heavy(body: bytes) -> bool:
    """Whether reading a page could hold up the loop: it is long, or has many elements."""
    return len(body) > LIGHT_BYTES or body.count(b"<") > LIGHT_TAGS


def _bare(page: Response) -> Response:
    """What a reader needs of an answer; the bytes of the wire stay here."""
    hops = tuple(replace(hop, answer=None) for hop in page.hops)
    return replace(page, wire=b"", wire_request=b"", connection=Connection(), hops=hops)


_KINDS: dict[str, Callable[[object], Found]] = {
    "listing": lambda plain: restore(ReadListing, plain),
    "post": lambda plain: restore(ReadPost, plain),
    "alone": lambda plain: str(plain)[:64],
}


def _restored(job: Job, answer: bytes) -> Found:
    """What the worker's JSON says; a worker that says something else was taken over by a page."""
    try:
        found = _KINDS[job.do](json.loads(answer))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadPage(job.page.url, "could not be read: the page worker answered nonsense") from error
    if not _is_sound(found):
        raise BadPage(job.page.url, "could not be read: the page worker answered nonsense")
    return found


def _is_sound(found: Found) -> bool:
    """Whether what JSON cannot promise holds: a print for each post, aware times."""
    if isinstance(found, ReadListing):
        posts = found.listing.posts
        if len(found.prints) != len(posts):
            return False
    else:
        posts = (found.post,) if isinstance(found, ReadPost) else ()
    return all(p.posted_at is None or p.posted_at.tzinfo is not None for p in posts)
