"""The heap of due times, the lines of hosts and the hands that capture: order, bounds, fairness."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import StoreError
from tests.fakes.sites import run_virtual
from tests.fakes.virtual import VirtualLoop
from watchers.hands import AT_FIRST, MOST, PER_HOST, PER_TARGET, PER_TARGET_IN_ALL, Hands
from watchers.hands import SLOW_S as SLOW_HAND_S
from watchers.schedule import EARLY_S, Schedule
from watchers.slack import LEAST_PER_S, MOST_PER_S, TICK_S, Slack
from watchers.turns import SLOW_S, Turn, Turns

EVENING = datetime(2026, 3, 1, 21, tzinfo=UTC)
steps = st.lists(
    st.tuples(st.sampled_from("pppdt"), st.integers(0, 12), st.floats(0, 1_000, allow_nan=False)),
    max_size=300,
)


@given(steps)
def test_the_heap_says_what_a_plain_table_of_due_times_says(script: list[tuple[str, int, float]]) -> None:
    schedule, table = Schedule(), dict[str, float]()
    for what, number, at_s in script:
        key = f"k{number}"
        if what == "p":
            schedule.put(key, at_s)
            table[key] = at_s
        elif what == "d":
            schedule.drop(key)
            table.pop(key, None)
        else:
            found = list(schedule.due(at_s))
            assert [due for _, due in found] == sorted(due for _, due in found)
            assert dict(found) == {k: due for k, due in table.items() if due <= at_s + EARLY_S}
            table = {k: due for k, due in table.items() if due > at_s + EARLY_S}
        assert schedule.next_s() == min(table.values(), default=math.inf)
        assert len(schedule) == len(table)


def test_moving_a_due_time_for_ever_does_not_grow_the_heap() -> None:
    schedule = Schedule()
    for number in range(10_000):
        schedule.put(f"k{number % 5}", float(number))
    assert len(schedule._heap) < 100
    assert [key for key, _ in schedule.due(1e9)] == [f"k{n}" for n in range(5)]


# --- lines of hosts ---------------------------------------------------------------------


@dataclass
class HandGate:
    """A gate as a test sets it."""

    spacing_s: float = 1.0
    places: int = 1
    urgent: int = 0
    free_s: float = 0.0
    pause_s: float = 0.0

    def free_in_s(self) -> float:
        return self.free_s

    def paused_s(self) -> float:
        return self.pause_s


@dataclass
class Lines:
    """Turns over gates made by hand."""

    gates: dict[str, HandGate] = field(default_factory=dict)
    most: int = 256
    most_slow: int = 128
    most_cold: int = 1_024

    def __post_init__(self) -> None:
        self.turns = Turns(self.gates.get, most=self.most, most_slow=self.most_slow, most_cold=self.most_cold)

    def begin(self, now_s: float) -> list[Turn]:
        return list(self.turns.begin(now_s))


def test_the_polls_of_a_host_begin_in_order_at_its_pace() -> None:
    lines = Lines({"h": HandGate(places=9)})
    for name in "abc":
        lines.turns.line_up(name, "h")
    assert [t.name for t in lines.begin(0.0)] == ["a"]
    assert lines.begin(0.5) == []
    assert lines.turns.next_s() == 1.0
    assert [t.name for t in lines.begin(1.0)] == ["b"]
    lines.gates["h"].free_s = 4.0  # captures took the next turns
    assert lines.begin(2.0) == []
    assert lines.turns.next_s() == 6.0
    lines.gates["h"].free_s = 0.0
    assert [t.name for t in lines.begin(6.0)] == ["c"]
    assert lines.turns.waiting == 0


def test_a_host_with_one_place_has_one_poll_under_way() -> None:
    lines = Lines({"h": HandGate(spacing_s=0.01)})
    lines.turns.line_up("a", "h")
    lines.turns.line_up("b", "h")
    (first,) = lines.begin(0.0)
    assert lines.begin(100.0) == []
    lines.turns.ended(first, 0.1)
    assert [t.name for t in lines.begin(100.1)] == ["b"]


def test_a_host_that_was_never_asked_is_asked_once_first() -> None:
    lines = Lines()
    for name in "abc":
        lines.turns.line_up(name, "h")
    (first,) = lines.begin(0.0)
    assert lines.begin(60.0) == []
    lines.gates["h"] = HandGate(places=4)
    lines.turns.ended(first, 0.1)
    assert [t.name for t in lines.begin(60.0)] == ["b"]


def test_a_long_pause_is_told_to_each_target_instead_of_waited_for() -> None:
    lines = Lines({"h": HandGate(pause_s=600.0, free_s=600.0, places=3)})
    lines.turns.line_up("a", "h")
    assert [t.name for t in lines.begin(0.0)] == ["a"]


def test_polls_wait_at_the_gate_itself_while_captures_queue_there() -> None:
    lines = Lines({"h": HandGate(urgent=5, free_s=1.0, spacing_s=1.0)})
    for name in "abcd":
        lines.turns.line_up(name, "h")
    begun = [t for second in range(10) for t in lines.begin(float(second))]
    assert [t.name for t in begun] == ["a", "b", "c"]


def test_hosts_that_were_never_asked_hold_places_of_their_own_and_not_all() -> None:
    """Hosts that let one request through in a second held all places while they waited for their second."""
    lines = Lines({"met": HandGate()}, most=2, most_cold=3)
    for number in range(5):
        lines.turns.line_up(f"new{number}", f"n{number}")
    lines.turns.line_up("known", "met")
    begun = lines.begin(0.0)
    assert [t.name for t in begun] == ["new0", "new1", "new2", "known"]
    assert lines.turns.waiting == 2
    lines.turns.ended(begun[0], 0.1)
    assert [t.name for t in lines.begin(0.1)] == ["new3"]
    lines.gates["n4"] = HandGate()  # something else has asked it meanwhile
    assert [t.name for t in lines.begin(0.2)] == []
    lines.turns.ended(begun[1], 0.1)
    assert [t.name for t in lines.begin(0.3)] == ["new4"]
    assert lines.turns.waiting == 0


def test_slow_hosts_leave_places_to_the_others() -> None:
    gates = {f"{kind}{number}": HandGate() for kind in "sq" for number in range(20)}
    lines = Lines(gates, most=10, most_slow=4)
    for number in range(20):
        lines.turns.line_up(f"slow{number}", f"s{number}")
    while begun := lines.begin(0.0):
        for turn in begun:
            lines.turns.ended(turn, SLOW_S + 1)
    for number in range(20):
        lines.turns.line_up(f"slow{number}", f"s{number}")
        lines.turns.line_up(f"quick{number}", f"q{number}")
    begun = lines.begin(0.0)
    assert Counter(t.slow for t in begun) == {True: 4, False: 6}
    for turn in begun:
        if not turn.slow:
            lines.turns.ended(turn, 0.1)
    assert {t.slow for t in lines.begin(0.1)} == {False}


events = st.lists(st.tuples(st.integers(0, 40), st.sampled_from((0.1, 9.0)), st.booleans()), max_size=200)


@given(events, st.integers(1, 6))
def test_every_poll_that_lines_up_begins_once_and_bounds_hold(
    script: list[tuple[int, float, bool]], most: int
) -> None:
    lines = Lines(
        {f"h{n}": HandGate(places=1 + n % 3) for n in range(6)},
        most=most,
        most_slow=max(1, most // 2),
        most_cold=1,
    )
    under_way: list[Turn] = []
    begun, lined, now_s = Counter[str](), Counter[str](), 0.0
    for number, took_s, ends in script:
        if lined[f"t{number}"] == begun[f"t{number}"]:
            lines.turns.line_up(f"t{number}", f"h{number % 8}")
            lined[f"t{number}"] += 1
        if ends and under_way:
            lines.turns.ended(under_way.pop(0), took_s)
        now_s += 0.3
        fresh = lines.begin(now_s)
        begun.update(t.name for t in fresh)
        under_way += fresh
        assert sum(not t.cold for t in under_way) == lines.turns.under_way <= most
        assert sum(t.cold for t in under_way) <= 1
        assert sum(t.slow for t in under_way) <= max(1, most // 2)
        for host, count in Counter(t.host for t in under_way).items():
            assert count <= (lines.gates[host].places if host in lines.gates else 1)
    for _ in range(2_000):
        while under_way:
            lines.turns.ended(under_way.pop(), 0.1)
        now_s += 1.1
        under_way = lines.begin(now_s)
        begun.update(t.name for t in under_way)
        if begun == lined:
            break
    assert begun == lined
    assert lines.turns.waiting == 0


# --- hands ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Errand:
    name: str
    number: int
    fresh: bool = True
    age_s: float = 0.0
    first: bool = False

    @property
    def listed_at(self) -> datetime:
        return EVENING - timedelta(seconds=self.age_s)


class Bench:
    """Hands whose captures take a second; remembers the order and how many ran at once."""

    def __init__(self, most: int = MOST, takes_s: float = 1.0) -> None:
        self.begun: list[Errand] = []
        self.done: list[Errand] = []
        self.faults: list[str] = []
        self.under_way, self.together = Counter[str](), Counter[str]()
        self.hands = Hands(self._fault, lambda _: None, lambda: asyncio.get_running_loop().time(), most=most)
        self.takes_s, self.slow = takes_s, dict[str, float]()
        self.keeps_s = 0.0

    async def _fault(self, name: str, _fault: Exception) -> None:
        self.faults.append(name)

    async def work(self, job: Errand) -> None:
        self.begun.append(job)
        self.under_way[job.name] += 1
        self.together[job.name] = max(self.together[job.name], self.under_way[job.name])
        try:
            await asyncio.sleep(self.slow.get(job.name, self.takes_s))
        finally:
            self.under_way[job.name] -= 1
        if self.keeps_s:
            self.hands.leave_host()
            await asyncio.sleep(self.keeps_s)
        if job.number < 0:
            raise RuntimeError("ours")
        self.done.append(job)

    def put(self, name: str, numbers: range, host: str = "", **more: object) -> None:
        for number in numbers:
            self.hands.put(name, host or name, Errand(name, number, **more), self.work)  # type: ignore[arg-type]


def at_work(script: object, **more: object) -> Bench:
    """Run `script(bench)` with open hands on virtual time."""

    async def main() -> Bench:
        bench = Bench(**more)  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as group:
            bench.hands.open(group)
            try:
                await script(bench)  # type: ignore[operator]
                for _ in range(10_000):
                    if not (bench.hands.waiting or bench.hands.under_way):
                        return bench
                    await asyncio.sleep(1)
            finally:
                bench.hands.close()
        raise AssertionError("captures are left")

    found: Bench = run_virtual(main())
    return found


def test_a_flood_on_one_target_keeps_no_other_waiting() -> None:
    async def script(bench: Bench) -> None:
        bench.put("flood", range(2_000))
        await asyncio.sleep(5.5)
        bench.put("quiet", range(3))
        await asyncio.sleep(2.1)
        assert sum(job.name == "quiet" for job in bench.done) == 3
        await bench.hands.stop("flood")

    bench = at_work(script)
    assert bench.together["flood"] == PER_TARGET


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=12), st.integers(2, 16))
def test_lanes_share_the_hands_evenly_and_every_capture_is_done_once(loads: list[int], most: int) -> None:
    async def script(bench: Bench) -> None:
        for number, load in enumerate(loads):
            bench.put(f"t{number}", range(load))

    bench = at_work(script, most=most)
    assert Counter(job.name for job in bench.done) == {f"t{n}": load for n, load in enumerate(loads)}
    # While all lanes have work, none is far ahead of another.
    counts = Counter[str]()
    for job in bench.begun:
        counts[job.name] += 1
        if all(counts[f"t{n}"] < load for n, load in enumerate(loads)):
            assert max(counts.values()) - min(counts[f"t{n}"] for n in range(len(loads))) <= PER_TARGET


def test_what_vanishes_soonest_goes_first() -> None:
    async def script(bench: Bench) -> None:
        bench.put("t", range(1, 3))  # all hands the host has at first are taken
        bench.put("t", range(10, 14), fresh=False)
        bench.put("t", range(20, 22), age_s=60.0)
        bench.put("t", range(30, 32))
        bench.put("u", range(1), fresh=False)

    begun = [job.number for job in at_work(script).begun if job.name == "t"]
    assert [n for n in begun if n >= 20] == [30, 31, 20, 21]
    assert [n for n in begun if 10 <= n < 20] == [10, 11, 12, 13]
    assert begun.index(12) > begun.index(21)  # before that every fourth hand at most


def test_what_is_not_fresh_is_not_starved_by_what_is() -> None:
    async def script(bench: Bench) -> None:
        for number in range(40):
            bench.put(f"t{number}", range(50))
        bench.put("old", range(10), fresh=False)
        await asyncio.sleep(30.5)
        assert sum(job.name == "old" for job in bench.done) == 10
        for number in range(40):
            await bench.hands.stop(f"t{number}")

    at_work(script, most=8)


def test_a_host_gets_more_hands_as_it_proves_quick_and_one_when_it_is_slow() -> None:
    async def script(bench: Bench) -> None:
        for number in range(4):
            bench.put(f"t{number}", range(30), host="h")
        depths = []
        for _ in range(8):
            depths.append(bench.hands.under_way)
            await asyncio.sleep(1.0)
        assert depths[0] == AT_FIRST
        assert depths == sorted(depths)
        assert depths[-1] == PER_HOST
        bench.slow["t0"] = SLOW_HAND_S * 2
        await asyncio.sleep(SLOW_HAND_S * 2 + 3)
        bench.put("u", range(9), host="h")
        assert bench.hands._allowed("h") < PER_HOST

    at_work(script)


def test_a_slow_host_has_two_hands_while_few_hosts_are_slow() -> None:
    async def script(bench: Bench) -> None:
        for number in range(100):
            bench.slow[f"s{number}"] = SLOW_HAND_S * 2
        for number in range(5):
            bench.put(f"s{number}", range(12))
        await asyncio.sleep(SLOW_HAND_S * 5)
        assert bench.under_way == {f"s{number}": 2 for number in range(5)}
        for number in range(100):
            bench.put(f"s{number}", range(12))
        await asyncio.sleep(SLOW_HAND_S * 9)
        assert sum(bench.under_way.values()) <= MOST // 2

    at_work(script)


def test_what_keeping_a_capture_takes_holds_up_no_other_of_its_host() -> None:
    """At nine one evening each host had one hand, since sealing took long: posts vanished meanwhile."""

    async def script(bench: Bench) -> None:
        bench.keeps_s = SLOW_HAND_S * 3
        bench.put("t", range(20))
        await asyncio.sleep(9.5)
        assert len(bench.begun) == 20
        assert not bench.done
        await asyncio.sleep(SLOW_HAND_S * 3)
        assert len(bench.done) == 20
        assert bench.hands._allowed("t") == PER_HOST

    bench = at_work(script)
    assert bench.together["t"] == PER_TARGET


def test_a_disk_that_takes_nothing_is_not_given_all_captures_of_a_target() -> None:
    async def script(bench: Bench) -> None:
        bench.keeps_s = 600.0
        bench.put("t", range(100))
        await asyncio.sleep(300.0)
        assert len(bench.begun) == bench.hands.under_way == PER_TARGET_IN_ALL

    assert len(at_work(script).done) == 100


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 120))
def test_slow_hosts_leave_hands_to_the_others(hosts: int) -> None:
    """Once all captures of a night hung behind the first sites that dripped."""

    async def script(bench: Bench) -> None:
        for number in range(hosts):
            bench.slow[f"s{number}"] = 300.0
            bench.put(f"s{number}", range(9))
        bench.put("quick", range(8))
        await asyncio.sleep(5)
        assert sum(job.name == "quick" for job in bench.done) == 8
        await asyncio.sleep(600)  # all are known to be slow now
        assert bench.hands.under_way <= MOST // 2
        bench.put("quick", range(8))
        await asyncio.sleep(2.5)
        assert sum(job.name == "quick" for job in bench.done) == 16
        for number in range(hosts):
            await bench.hands.stop(f"s{number}")

    at_work(script, most=MOST)


def test_a_fault_in_a_capture_is_told_and_the_hands_go_on() -> None:
    async def script(bench: Bench) -> None:
        bench.put("t", range(-1, 3))

    bench = at_work(script)
    assert bench.faults == ["t"]
    assert sorted(job.number for job in bench.done) == [0, 1, 2]


def test_a_broken_store_ends_the_group() -> None:
    async def broken(_job: Errand) -> None:
        raise StoreError("no database")

    async def main() -> None:
        bench = Bench()
        async with asyncio.TaskGroup() as group:
            bench.hands.open(group)
            bench.put("t", range(20))
            bench.hands.put("u", "u", Errand("u", 1), broken)
            kept.append(bench.hands)
            await asyncio.sleep(60)

    kept: list[Hands] = []
    with pytest.raises(ExceptionGroup):
        run_virtual(main())
    assert len(kept[0].take_back("t")) == 20 - AT_FIRST


def test_a_capture_cancelled_before_it_ran_is_given_back() -> None:
    async def script(bench: Bench) -> None:
        bench.put("t", range(6))  # two tasks that have not run yet, four waiting
        assert sorted(job.number for job in await bench.hands.stop("t")) == list(range(6))
        assert bench.hands.waiting == bench.hands.under_way == 0
        bench.put("t", range(2))
        await asyncio.sleep(2)
        assert len(bench.done) == 2

    at_work(script)


def test_nothing_of_a_target_begins_while_it_is_being_stopped() -> None:
    async def script(bench: Bench) -> None:
        async def dies_slowly(job: Errand) -> None:
            try:
                await asyncio.sleep(1_000)
            finally:
                await asyncio.sleep(5)
                bench.done.append(job)

        for number in range(9):
            bench.hands.put("t", "h", Errand("t", number), dies_slowly)
        bench.put("u", range(9), host="h")
        await asyncio.sleep(1)
        waiting = await bench.hands.stop("t")
        assert len(waiting) + sum(job.name == "t" for job in bench.done) == 9
        assert not [lane for lane in bench.hands._lanes.values() if lane.name == "t"]

    at_work(script)


# --- what can wait ----------------------------------------------------------------------

STEPS, STEP_S = 6, 0.002
"""A capture on a host that answers at once: nothing but work of the loop."""


class Worked(Bench):
    """Hands whose captures cost processor time; `late_s`: how late polls beside them began."""

    def __init__(self) -> None:
        super().__init__()
        self.late_s: list[float] = []
        self.shown: list[tuple[int, float]] = []
        self.hands = Hands(
            self._fault,
            lambda _: None,
            asyncio.get_running_loop().time,
            few=0,
            held=lambda count, lag_s: self.shown.append((count, lag_s)),
        )

    async def work(self, job: Errand) -> None:
        self.begun.append(job)
        await spend(STEPS)
        self.done.append(job)

    def poll(self, due_s: float, every_s: float, costs_s: float) -> None:
        """Be due at every instant of a grid, and spend a little."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        now_s = loop.time()
        while due_s <= now_s + EARLY_S:  # as the roster, all that are due at once
            self.late_s.append(now_s - due_s)
            loop.spend(costs_s)
            due_s += every_s
        self.next_poll = loop.call_at(due_s, self.poll, due_s, every_s, costs_s)


async def spend(steps: int, step_s: float = STEP_S) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    for _ in range(steps):
        loop.spend(step_s)
        await asyncio.sleep(0)


def beside_polls(script: object, every_s: float = 0.01, costs_s: float = 0.001) -> Worked:
    async def main() -> Worked:
        bench = Worked()
        async with asyncio.TaskGroup() as group:
            bench.hands.open(group)
            bench.poll(asyncio.get_running_loop().time(), every_s, costs_s)
            await script(bench)  # type: ignore[operator]
            bench.next_poll.cancel()
            bench.hands.close()
        return bench

    found: Worked = run_virtual(main())
    return found


def test_captures_of_first_listings_leave_polls_their_due_times_and_are_all_done() -> None:
    """Once they took the loop for minutes at a start, and polls came ninety seconds late."""

    async def script(bench: Worked) -> None:
        for number in range(400):
            bench.put(f"t{number}", range(3), host=f"h{number % 100}", fresh=False, first=True)
        for _ in range(60):
            await asyncio.sleep(1 if bench.hands.waiting or bench.hands.under_way else 0)

    bench = beside_polls(script)
    assert len(bench.done) == 1_200
    assert sorted(bench.late_s)[len(bench.late_s) * 99 // 100] <= 0.1
    # Nor is the loop idle meanwhile: they take what polls leave.
    assert len(bench.late_s) * 0.01 <= 1.5 * 1_200 * STEPS * STEP_S / 0.9
    assert bench.shown[0][0] > 1_000
    assert [count for count, _ in bench.shown] == sorted((c for c, _ in bench.shown), reverse=True)


def test_a_few_first_listings_are_captured_at_once() -> None:
    """A simulated night lost what was posted just before its first poll: it was held back for minutes."""

    async def script(bench: Bench) -> None:
        for number in range(100):
            bench.put(f"t{number}", range(2), fresh=False, first=True)
        await asyncio.sleep(0.3)
        assert len(bench.begun) > 50

    assert len(at_work(script).done) == 200


def test_a_new_post_waits_for_no_first_listing() -> None:
    async def script(bench: Worked) -> None:
        for number in range(400):
            bench.put(f"t{number}", range(3), host=f"h{number % 100}", fresh=False, first=True)
        await asyncio.sleep(2)
        bench.put("quick", range(2))
        await asyncio.sleep(0.5)
        assert sum(job.name == "quick" for job in bench.done) == 2
        assert bench.hands.held("t399") == bench.hands.depth("t399")
        for number in range(400):
            await bench.hands.stop(f"t{number}")
        assert bench.hands.waiting == 0

    beside_polls(script)


def test_first_listings_are_captured_one_a_second_even_when_polls_take_the_loop() -> None:
    async def script(bench: Worked) -> None:
        bench.put("t", range(10), fresh=False, first=True)
        bench.put("u", range(10), fresh=False, first=True)
        await asyncio.sleep(40 / LEAST_PER_S)
        assert len(bench.done) == 20
        assert max(lag_s for _, lag_s in bench.shown) > 0.05

    beside_polls(script, every_s=0.2, costs_s=0.19)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 300)), max_size=60))
def test_the_pace_of_what_can_wait_stays_within_its_bounds(script: list[tuple[float, int]]) -> None:
    slack, now_s, begun = Slack(0.0), 0.0, 0
    for late_s, wanted in script:
        now_s += TICK_S + late_s
        slack.measured(late_s)
        assert LEAST_PER_S <= slack.per_s <= MOST_PER_S
        assert 0 <= slack.lag_s <= 1
        for _ in range(wanted):
            if slack.may_begin(now_s):
                slack.began()
                begun += 1
        assert begun <= 1 + now_s * MOST_PER_S
    assert slack.may_begin(now_s + 1 / LEAST_PER_S)
