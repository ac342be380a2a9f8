"""All watches of this process: one heap of due times serves them, and an admin may change them.

    heap of due times (`schedule`) -> line of the host (`turns`) -> `Watch.visit` -> `hands`

A target that waits costs an entry of the heap, a poll under way one task. A site's trouble is
handled inside its `Watch`. What gets out of one is a fault of ours or of the disk: a disk or
database trouble ends the program loudly, anything else is logged, told to the admin once,
and that target alone starts again after a pause.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog

from storage.model import Progress, Target
from watchers import cadence, dusk
from watchers.dusk import laid_out
from watchers.hands import Hands, is_of_the_store
from watchers.kit import Kit
from watchers.schedule import Schedule
from watchers.spread import Spread
from watchers.timetable import Nights, Plan, Timetable
from watchers.turns import Turn, Turns
from watchers.watch import Watch, host_of

log = structlog.get_logger(__name__)

Thing = TypeVar("Thing")

AT_ONCE = 250
"""Targets that are taken in before the loop gets its turn: ten thousand at once hold it for seconds, and
all polls of that time would begin together."""
TOGETHER_S = 0.02
"""Polls due so soon after others that have begun begin together: woken for each, the loop would spend as
much on waking as on polling. Where fewer than fifty a second are due, none waits."""
STOPPED = "the daemon was stopped"
RESTARTED = "the watch was started again"


class Roster:
    """Polls every target when it is due. `run` ends by cancellation or a StoreError."""

    def __init__(self, kit: Kit, progress: Mapping[str, Progress]) -> None:
        self._kit = kit
        self._progress = dict(progress)
        self.watches: dict[str, Watch] = {}
        self.hands = Hands(
            self._capture_fault,
            lambda depth: kit.meter.queued("capture", depth),
            kit.clock.monotonic,
            held=kit.meter.held_back,
        )
        self._schedule, self._turns = Schedule(), Turns(kit.gate)
        self._spread, self._nights = Spread(), Nights()
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._faults: Counter[str] = Counter()
        self._broken: set[str] = set()
        """Targets whose watch had a fault and starts again when the schedule says so."""
        self._wanted: dict[str, Target] = {}
        self._group: asyncio.TaskGroup | None = None
        self._closed = False
        self._setting = asyncio.Lock()
        self.planned = asyncio.Event()
        """Set when every target has its first poll planned."""
        self._failed: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = self._dusk_s = math.inf
        self._served_s = -math.inf
        self._told_waiting = 0
        if kit.pacing is not None:
            kit.pacing.follow(lambda: self.watches, self._repace)

    async def run(self, targets: Iterable[Target]) -> None:
        """Watch `targets`, and what `set_targets` makes of them, for ever.

        When stopped, captures under way are sealed as far as they came and those that wait as listed.
        """
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._failed = asyncio.get_running_loop().create_future()
                self.hands.open(group)
                try:
                    await self.set_targets(targets)
                    await self._failed
                finally:
                    self._close()
        finally:
            left = {name: self.hands.take_back(name) for name in self.watches}
            await asyncio.gather(
                *(self.watches[name].seal_waiting(jobs, STOPPED) for name, jobs in left.items() if jobs)
            )

    def _close(self) -> None:
        """Begin nothing more."""
        self._group, self._closed = None, True
        self.hands.close()
        if self._timer is not None:
            self._timer.cancel()

    async def set_targets(self, targets: Iterable[Target]) -> None:
        """Start, restart and stop watches so that exactly `targets` are watched.

        An unchanged target goes on undisturbed. What a stopped watch had begun is sealed.
        One call at a time: another one waits.
        """
        async with self._setting:
            await self._set_targets(targets)

    async def _set_targets(self, targets: Iterable[Target]) -> None:
        if self._closed:  # a reload that comes while the daemon stops changes nothing
            return
        if self._group is None:
            raise RuntimeError("set_targets before run")
        self._wanted = {t.name: t for t in targets}
        gone = [w for n, w in self.watches.items() if self._wanted.get(n) != w.target]
        for watch in gone:
            name = watch.target.name
            del self.watches[name]
            self._schedule.drop(name)
            self._turns.leave(name, watch.host)
            self._spread.drop(name)
            self._broken.discard(name)
        await asyncio.gather(*(self._end(watch, STOPPED) for watch in gone))
        for watch in gone:
            self._progress[watch.target.name] = watch.progress
        fresh = [t for n, t in self._wanted.items() if n not in self.watches]
        self._spread.add(fresh, host_of)
        began_s = self._kit.clock.monotonic()
        watches = [self._new(target) async for part in self._parts(fresh) for target in part]
        ahead_s = self._kit.clock.monotonic() - began_s
        if self._kit.pacing is not None:
            many = len(watches) > AT_ONCE
            self._kit.pacing.set_targets(self._wanted.values(), soon=not many)
            if many:  # now, and not beside the first polls, which would be late by a second
                await self._kit.pacing.try_step()
        await self._plan_firsts(watches, ahead_s)
        self.planned.set()

    async def _plan_firsts(self, watches: Sequence[Watch], ahead_s: float) -> None:
        """Plan first polls, all after an instant so far ahead, and wait for it.

        Planning takes about as long as making the watches did. Polls that fell due meanwhile would begin
        all at once.
        """
        clock, within_s = self._kit.clock, cadence.first_poll_within(len(self._wanted))
        begin_s, begin = clock.monotonic() + ahead_s, clock.now() + timedelta(seconds=ahead_s)
        plans = [
            (watch, watch.first_plan(begin, within_s))
            async for part in self._parts(watches)
            for watch in part
            if self.watches.get(watch.target.name) is watch
        ]
        async for some in self._parts(laid_out(plans, begin, within_s, self._kit.hosts)):
            for watch, plan in some:
                if self.watches.get(watch.target.name) is watch:
                    self._put(watch, plan)
            self._arm()
        if not self._closed and (rest_s := begin_s - clock.monotonic()) > 0:
            await clock.sleep(rest_s)

    async def _parts(self, things: Sequence[Thing]) -> AsyncIterator[Sequence[Thing]]:
        """Some at a time, until the daemon stops; the loop gets its turn in between."""
        for begin in range(0, len(things), AT_ONCE):
            if begin:
                await self._kit.clock.sleep(0)
            if self._closed:
                return
            yield things[begin : begin + AT_ONCE]

    def _repace(self, name: str, before_s: float, interval_s: float) -> None:
        """A target's interval has changed: a poll that it waits for comes sooner or later in proportion.

        One in the line of its host or under way is left; so is the pause after a fault.
        """
        watch = self.watches.get(name)
        if watch is None or name not in self._schedule or name in self._broken:
            return
        plan = watch.moved_plan(self._kit.clock.now(), before_s, interval_s)
        if plan is not None:
            self._put(watch, plan)
            self._arm()

    def _new(self, target: Target) -> Watch:
        timetable = Timetable(target, self._spread.share(target.name), self._nights, self._kit.pacing)
        watch = Watch(target, self._progress.get(target.name), self._kit, self.hands, timetable)
        self.watches[target.name] = watch
        return watch

    # --- the heap -----------------------------------------------------------------------

    def _put(self, watch: Watch, plan: Plan) -> None:
        """Wait for a planned instant on the monotonic clock: a step of the wall clock makes no burst."""
        ahead_s = (plan.at - self._kit.clock.now()).total_seconds()
        watch.due_s = self._kit.clock.monotonic() + max(0.0, ahead_s)
        self._schedule.put(watch.target.name, watch.due_s)
        if plan.rests and plan.polls:
            self._put_dusk(watch.due_s - dusk.AHEAD_S)

    def _put_dusk(self, due_s: float) -> None:
        if due_s < self._dusk_s:
            self._dusk_s = due_s
            self._schedule.put(dusk.KEY, due_s)

    def _dusk(self) -> None:
        """The first polls of a night are near: lay them out evenly."""
        self._dusk_s, now_s = math.inf, self._kit.clock.monotonic()
        resting = [
            w for name, w in self.watches.items() if w.rests and w.polls_next and name in self._schedule
        ]
        plans, later_s = dusk.tonight(resting, self._kit.clock.now(), self._nights, self._kit.hosts)
        for watch, plan in plans:
            self._put(watch, plan)
        if later_s < math.inf:
            self._put_dusk(now_s + later_s)

    def _arm(self) -> None:
        """Set the timer to the next instant at which there is something to do."""
        due_s = min(max(self._schedule.next_s(), self._served_s + TOGETHER_S), self._turns.next_s())
        if self._group is None or due_s >= self._timer_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = due_s
        ahead_s = max(0.0, due_s - self._kit.clock.monotonic())
        self._timer = asyncio.get_running_loop().call_later(ahead_s, self._guarded, self._ring)

    def _ring(self) -> None:
        self._timer, self._timer_s = None, math.inf
        self._serve()

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a step from a callback: a fault in the scheduler itself ends the program, never in silence."""
        try:
            step()
        except Exception as fault:
            if self._failed is None or self._failed.done():
                raise
            self._failed.set_exception(fault)

    def _serve(self) -> None:
        """Begin what is due and may begin."""
        if self._group is None:
            return
        now_s = self._served_s = self._kit.clock.monotonic()
        for name, _ in self._schedule.due(now_s):
            self._due(name)
        for turn in self._turns.begin(now_s):
            self._begin(self._group, turn)
        if self._turns.waiting != self._told_waiting:
            self._told_waiting = self._turns.waiting
            self._kit.meter.queued("polls", self._told_waiting)
        self._arm()

    def _due(self, name: str) -> None:
        if name == dusk.KEY:
            self._dusk()
            return
        watch = self.watches[name]
        if name in self._broken:
            self._broken.discard(name)
            self._progress[name] = watch.progress
            watch = self._new(watch.target)
            self._put(watch, watch.first_plan(self._kit.clock.now(), cadence.FIRST_POLL_WITHIN_S))
        elif watch.polls_next and not self.hands.full(name):
            self._turns.line_up(name, watch.host)
        else:
            if watch.polls_next:
                watch.behind(self.hands.depth(name))
            self._put(watch, watch.plan(self._kit.clock.now()))

    # --- polls --------------------------------------------------------------------------

    def _begin(self, group: asyncio.TaskGroup, turn: Turn) -> None:
        watch, began_s = self.watches[turn.name], self._kit.clock.monotonic()
        task = group.create_task(self._poll(watch, began_s))
        self._polls[turn.name] = task
        task.add_done_callback(lambda done: self._guarded(lambda: self._ended(turn, watch, began_s, done)))

    async def _poll(self, watch: Watch, began_s: float) -> None:
        try:
            await watch.visit(max(0.0, began_s - watch.due_s))
        except Exception as fault:
            if is_of_the_store(fault):
                raise
            await self._fault(watch, fault)

    def _ended(self, turn: Turn, watch: Watch, began_s: float, task: asyncio.Task[None]) -> None:
        name = turn.name
        self._turns.ended(turn, self._kit.clock.monotonic() - began_s)
        if self._polls.get(name) is task:
            del self._polls[name]
        if not task.cancelled() and task.exception() is not None:
            self._close()  # it ends the group, which takes no more tasks
            return
        if self._group is not None and self.watches.get(name) is watch and name not in self._broken:
            self._put(watch, watch.plan(self._kit.clock.now()))
        if self._turns.waiting:
            self._serve()
        else:
            self._arm()

    # --- faults and ends ------------------------------------------------------------------

    async def _capture_fault(self, name: str, fault: Exception) -> None:
        await self._fault(self.watches.get(name), fault)

    async def _fault(self, watch: Watch | None, fault: Exception) -> None:
        """A fault of ours: this target alone starts again after a pause, the admin is told once."""
        if watch is None or self.watches.get(watch.target.name) is not watch:
            return
        name, kinds = watch.target.name, ", ".join(sorted({type(e).__name__ for e in _leaves(fault)}))
        log.error("watch failed and starts again", target=name, exc_info=fault)
        if name in self._broken:
            return
        self._broken.add(name)
        self._faults[name] += 1
        self._schedule.drop(name)
        self._turns.leave(name, watch.host)
        if self._faults[name] == 1:
            await self._kit.tell_admin(f"target {name}: fault in the watch itself: {kinds}")
        await self._end(watch, RESTARTED)
        if self.watches.get(name) is watch:
            pause_s = cadence.backoff(self._faults[name], watch.target.interval_s, name)
            watch.due_s = self._kit.clock.monotonic() + pause_s
            self._schedule.put(name, watch.due_s)
            self._arm()

    async def _end(self, watch: Watch, why: str) -> None:
        """Stop what a watch has under way, and keep what it had not come to."""
        poll = self._polls.pop(watch.target.name, None)
        if poll is not None and poll is not asyncio.current_task():
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)
        await watch.seal_waiting(await self.hands.stop(watch.target.name), why)
        watch.claims.end()


def _leaves(fault: BaseException) -> list[BaseException]:
    if not isinstance(fault, BaseExceptionGroup):
        return [fault]
    return [leaf for error in fault.exceptions for leaf in _leaves(error)]
