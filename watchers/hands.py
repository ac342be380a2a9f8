"""The hands that capture, one pool for all targets: who is served next, and what waits.

A capture under way is a task of its own, one that waits is an entry in its target's lane.
What vanishes soonest goes first: posts that appeared since the last poll before everything
else, in a lane the newest listing first and in it the order of the page. What stood in a
target's very first listing gets what the loop has to spare (`slack`). Lanes take turns, so
a flood on one target keeps no other waiting. A host gets the fewer hands the fewer are free
(dynamic thresholds, Choudhury and Hahne 1998), more as it proves to be quick, and one when its
last capture was slow, two while few hosts are; slow hosts together get at most half, so they
cannot hold them all. That counts while a capture asks its host: what keeping it takes says
nothing of a host, and holds up nothing that may vanish there.
Nothing is dropped here: a lane that is full is a reason for its target not to be polled.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from storage.errors import StoreError
from watchers.lanes import FIRST, FRESH, REST, Job, Lane, kind_of
from watchers.slack import TICK_S, Slack

MOST = 256
"""Captures under way at the same time; the hosts' own limits hold underneath."""
PER_TARGET = 4
PER_HOST = 8
"""Of one host that was quick, while many hands are free."""
AT_FIRST = 2
"""Of one host that no capture has shown yet to be quick or slow."""
SLOW_S = 10.0
"""A capture that took so long shows its host to be slow."""
SHARE_OF_FREE, SHARE_OF_FREE_AT_FIRST = 8, 20
"""A host may have one of so many hands that are free, and one in any case; less is lent to one that no
capture has shown yet to be quick: a hundred that prove slow must not have them all by then."""
PER_TARGET_IN_ALL = 32
"""Captures of one target under way, those included that have all from its host and are being kept."""
WAITING = 500
"""Captures waiting per target from which on its next poll waits."""
CROWDED = 20_000
"""Captures waiting over all targets from which on a target's very first listing is taken in parts."""
FEW_FIRST = 500
"""So few captures of first listings are held up by nothing but a loop that is late: they are done within
seconds, and who posted just before the first poll deletes as soon as anybody."""
FEW_AT_ONCE = 4
"""Of these so many are under way even while the loop is late. It is at all times in a simulated night."""
_SLOW = "\0slow"
"""Where lanes wait while slow hosts hold their half; no host is called so."""
_TURNS = 4
"""Every so manieth hand goes to a capture that is not fresh."""


class Hands:
    """The pool. Tasks belong to the group given to `open`; a StoreError in one ends that group.

    fault: told of any other error of a capture, with the target's name.
    depth: told how many captures wait, whenever that changes. now_s: monotonic seconds. held:
    told how many captures of first listings wait and how late the loop is, while there are any.
    """

    def __init__(
        self,
        fault: Callable[[str, Exception], Awaitable[None]],
        depth: Callable[[int], None],
        now_s: Callable[[], float],
        *,
        most: int = MOST,
        few: int = FEW_FIRST,
        held: Callable[[int, float], None] = lambda _count, _lag_s: None,
    ) -> None:
        self._fault, self._depth, self._now_s, self._most = fault, depth, now_s, most
        self._held, self._few = held, few
        self._slack = Slack(now_s())
        self._tick: asyncio.TimerHandle | None = None
        # None before `open` and after `close`: then nothing begins.
        self._group: asyncio.TaskGroup | None = None
        self._lanes: dict[str, Lane] = {}
        self._hosts: Counter[str] = Counter()
        self._ready: tuple[list[tuple[int, int, Lane]], ...] = ([], [], [])
        """Heaps of lanes by round and the order in which they came."""
        self._rounds = [0, 0, 0]
        """The newest round that was begun: where a lane joins that had nothing waiting."""
        self._asking: dict[asyncio.Task[None], tuple[Lane, float, bool]] = {}
        """Captures that may still ask their host: since when, and whether it was a slow one then."""
        self._paces: dict[str, int] = {}
        """Hands that each host may have by how quick it was; 1: it was slow."""
        self._slow = 0
        self._blocked: dict[str, dict[Lane, None]] = {}
        """Lanes that wait for a capture of their host to end."""
        self._count = itertools.count()
        self._served = 0
        self.waiting = 0
        self.under_way = 0
        self._first_waiting = self._first_under_way = 0

    def open(self, group: asyncio.TaskGroup) -> None:
        """Captures run in `group` from now on."""
        self._group = group

    def depth(self, name: str) -> int:
        """Captures of one target that wait."""
        lane = self._lanes.get(name)
        return lane.waiting if lane is not None else 0

    def held(self, name: str) -> int:
        """Those of them that stood in its very first listing."""
        lane = self._lanes.get(name)
        return len(lane.heaps[FIRST]) if lane is not None else 0

    def waits_for_host(self, name: str) -> bool:
        """Whether what waits for a target does so because its host has all the hands it may have."""
        lane = self._lanes.get(name)
        return lane is not None and lane in self._blocked.get(lane.host, ())

    def full(self, name: str) -> bool:
        """Whether so many captures of a target wait that its next poll is to wait for them."""
        return self.depth(name) >= WAITING

    @property
    def crowded(self) -> bool:
        """Whether what is not urgent is better met again at a later poll."""
        return self.waiting >= CROWDED

    def put(self, name: str, host: str, job: Job, work: Callable[[Any], Awaitable[None]]) -> None:
        """Have `work(job)` done for target `name`. Never waits and never refuses."""
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, host, work)
        self._wait(lane, (-job.listed_at.timestamp(), next(self._count), job))
        self._make_ready(lane)
        self._serve()
        self._depth(self.waiting)

    def close(self) -> None:
        """Begin nothing more. What waits can still be had from `take_back`."""
        self._group = None
        if self._tick is not None:
            self._tick.cancel()

    async def stop(self, name: str) -> list[Any]:
        """Cancel a target's captures and wait for their end; what had not begun is given back.

        The calling task is left alone, if it is one of them. Afterwards the target begins anew.
        """
        lane = self._lanes.get(name)
        if lane is None:
            return []
        lane.stopped = True
        tasks = lane.tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        jobs = self.take_back(name)
        if self._lanes.get(name) is lane:
            del self._lanes[name]
        return jobs

    def take_back(self, name: str) -> list[Any]:
        """What waits for target `name`, most urgent first; it will not be done."""
        lane = self._lanes.get(name)
        if lane is None:
            return []
        jobs = [job for heap in lane.heaps for _, _, job in sorted(heap, key=lambda entry: entry[:2])]
        self._first_waiting -= len(lane.heaps[FIRST])
        for heap in lane.heaps:
            heap.clear()
        self.waiting -= len(jobs)
        self._depth(self.waiting)
        self._forget(lane)
        return jobs

    # --- who is served next -----------------------------------------------------------

    def _wait(self, lane: Lane, entry: tuple[float, int, Any]) -> None:
        kind = kind_of(entry[2])
        if not lane.heaps[kind]:
            lane.rounds[kind] = max(lane.rounds[kind], self._rounds[kind])
        heapq.heappush(lane.heaps[kind], entry)
        self.waiting += 1
        self._first_waiting += kind == FIRST

    def _make_ready(self, lane: Lane) -> None:
        """Put a lane into the round."""
        for kind in (FRESH, REST, FIRST) if not lane.stopped else ():
            if lane.heaps[kind] and not lane.queued[kind]:
                lane.queued[kind] = True
                heapq.heappush(self._ready[kind], (lane.rounds[kind], next(self._count), lane))

    def _serve(self) -> None:
        while self._group is not None and self.under_way < self._most:
            kind = self._next_kind()
            if kind is None:
                break
            lane = heapq.heappop(self._ready[kind])[2]
            lane.queued[kind] = False
            if lane.stopped or not lane.heaps[kind]:
                continue
            if self._is_full(lane):
                self._blocked.setdefault(lane.host, {})[lane] = None
                continue
            if self._paces.get(lane.host) == 1 and self._slow >= self._most // 2:
                self._blocked.setdefault(_SLOW, {})[lane] = None
                continue
            self._served += 1
            self._rounds[kind] = max(self._rounds[kind], lane.rounds[kind])
            lane.rounds[kind] += 1
            self._begin(lane, kind)
        if self._group is not None and self._tick is None and self._first_waiting:
            self._listen()

    def _next_kind(self) -> int | None:
        """Whose turn it is, None while nothing may begin."""
        fresh, rest, first = map(bool, self._ready)
        first = first and (self._few_and_spare() or self._slack.may_begin(self._now_s()))
        turn = self._served % (2 * _TURNS)
        if fresh and not ((rest or first) and turn % _TURNS == _TURNS - 1):
            return FRESH
        if rest and not (first and turn == 2 * _TURNS - 1):
            return REST
        return FIRST if first else None

    def _few_and_spare(self) -> bool:
        """Whether captures of first listings are so few that they may all begin, and polls do not wait."""
        few = self._first_waiting <= self._few
        return few and (self._first_under_way < FEW_AT_ONCE or self._slack.spares)

    def _listen(self) -> None:
        """Measure how late the loop comes to a timer, and serve what was held back."""
        loop = asyncio.get_running_loop()
        due_s = loop.time() + TICK_S
        self._tick = loop.call_at(due_s, self._heard, due_s)

    def _heard(self, due_s: float) -> None:
        self._tick = None
        if self._first_waiting:
            late_s = asyncio.get_running_loop().time() - due_s
            self._slack.measured(late_s)
            self._serve()
        else:
            self._slack.rested()
        self._held(self._first_waiting, self._slack.lag_s)

    def _is_full(self, lane: Lane) -> bool:
        """Whether a lane waits for a capture of its host."""
        if lane.asking >= PER_TARGET or len(lane.tasks) >= PER_TARGET_IN_ALL:
            return True
        return self._hosts[lane.host] >= self._allowed(lane.host)

    def _allowed(self, host: str) -> int:
        """Hands that a host may have now."""
        pace = self._paces.get(host, AT_FIRST)
        if pace == 1:
            return max(1, min(AT_FIRST, (self._most // 2 - self._slow) // SHARE_OF_FREE_AT_FIRST))
        share = SHARE_OF_FREE if pace > AT_FIRST else SHARE_OF_FREE_AT_FIRST
        return max(1, min(pace, (self._most - self.under_way) // share))

    def _begin(self, lane: Lane, kind: int) -> None:
        assert self._group is not None
        entry = heapq.heappop(lane.heaps[kind])
        self.waiting -= 1
        self.under_way += 1
        self._hosts[lane.host] += 1
        lane.asking += 1
        slow = self._paces.get(lane.host) == 1
        if kind == FIRST:
            self._first_waiting -= 1
            self._first_under_way += 1
            self._slack.began()
        self._slow += slow
        task = self._group.create_task(self._work(lane, entry[2]))
        lane.tasks.add(task)
        lane.unbegun[task] = entry
        self._asking[task] = lane, self._now_s(), slow
        task.add_done_callback(lambda done: self._ended(lane, kind, done))
        self._make_ready(lane)

    async def _work(self, lane: Lane, job: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        lane.unbegun.pop(task, None)
        try:
            await lane.work(job)
        except Exception as fault:
            if is_of_the_store(fault):
                raise
            await self._fault(lane.name, fault)

    def leave_host(self) -> None:
        """For a capture: it has all that it wants of its host, and another one may ask there."""
        task = asyncio.current_task()
        if task is not None and task in self._asking:
            lane = self._asking[task][0]
            self._left(task)
            self._make_ready(lane)
            self._serve()

    def _left(self, task: asyncio.Task[None]) -> None:
        """A capture asks its host no more; harmless when it had said so before."""
        if task not in self._asking:
            return
        lane, began_s, slow = self._asking.pop(task)
        lane.asking -= 1
        self._slow -= slow
        quick = self._now_s() - began_s < SLOW_S
        self._paces[lane.host] = min(self._paces.get(lane.host, AT_FIRST) + 1, PER_HOST) if quick else 1
        self._hosts[lane.host] -= 1
        if not self._hosts[lane.host]:
            del self._hosts[lane.host]
        for waiting in (*self._blocked.pop(lane.host, ()), *self._blocked.pop(_SLOW, ())):
            self._make_ready(waiting)

    def _ended(self, lane: Lane, kind: int, task: asyncio.Task[None]) -> None:
        self.under_way -= 1
        self._first_under_way -= kind == FIRST
        self._left(task)
        lane.tasks.discard(task)
        entry = lane.unbegun.pop(task, None)
        if entry is not None:
            self._wait(lane, entry)
        if not task.cancelled() and task.exception() is not None:
            self.close()  # it ends the group, which takes no more tasks
        for waiting in self._blocked.pop(lane.host, ()):
            self._make_ready(waiting)
        self._make_ready(lane)
        self._forget(lane)
        self._serve()
        self._depth(self.waiting)

    def _forget(self, lane: Lane) -> None:
        if not lane.waiting and not lane.tasks and self._lanes.get(lane.name) is lane:
            del self._lanes[lane.name]


def is_of_the_store(fault: BaseException) -> bool:
    """Whether an error, or one of a group, says that the store failed: that ends the program."""
    if isinstance(fault, BaseExceptionGroup):
        return any(is_of_the_store(error) for error in fault.exceptions)
    return isinstance(fault, StoreError)
