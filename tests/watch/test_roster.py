"""Thousands of targets on one heap, in virtual time: evenness, slow hosts, faults, reloads, stops."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import DatabaseTrouble, StoreError
from storage.model import HostLimit, NightWindow, Observation, Response, Target
from tests.fakes.sites import World, in_world, run_virtual, target
from tests.fakes.virtual import VirtualClock, VirtualLoop
from watchers.firsts import First, evened, least_span_s
from watchers.hands import WAITING
from watchers.robots import Robots
from watchers.roster import TOGETHER_S, Roster
from watchers.spread import Spread
from watchers.timetable import Nights, Plan, Timetable
from watchers.watch import Watch, host_of

MANY = 10_000
HOSTS = 500


def many(count: int = MANY, hosts: int = HOSTS, **more: object) -> list:  # type: ignore[type-arg]
    return [target(n, f"h{n % hosts}.example", **more) for n in range(count)]


def per_second(times: list[float], begin_s: float, end_s: float) -> list[int]:
    counts = Counter(int(at - begin_s) for at in times if begin_s <= at < end_s)
    return [counts[second] for second in range(int(end_s - begin_s))]


def test_a_start_with_ten_thousand_targets_is_even_and_polls_each_within_its_interval() -> None:
    async def script(world: World) -> None:
        began = asyncio.get_running_loop().time()
        await world.start(*many(robots_override="sites of our own"))
        await world.clock.sleep(95)
        times = defaultdict(list)
        for asked in world.sites.polls():
            times[asked.target].append(asked.at_s)
        assert len(times) == MANY
        assert max(at[0] for at in times.values()) - began <= 30.1
        gaps = [b - a for at in times.values() for a, b in pairwise(at)]
        assert min(gaps) > 29
        assert max(gaps) < 31
        counts = per_second([a.at_s for a in world.sites.polls()], began, began + 90)
        assert max(counts) <= 1.1 * MANY / 30
        assert min(counts) >= 0.9 * MANY / 30
        late = sorted(world.meter.late_s)
        assert late[int(len(late) * 0.99)] < 0.1

    in_world(script)


@pytest.mark.parametrize(
    ("limit", "hosts", "contact_s"),
    [
        (HostLimit(requests_per_s=10.0, concurrency=2), HOSTS, 0.001),
        (HostLimit(requests_per_s=1.0, concurrency=1), HOSTS, 0.0),
        (HostLimit(requests_per_s=1.0, concurrency=1), 5_000, 0.0),
    ],
)
def test_no_second_of_a_start_has_more_requests_than_the_others_though_each_host_is_met(
    limit: HostLimit, hosts: int, contact_s: float
) -> None:
    """All 500 hosts were met in the first second and a half, which had twice the requests of any other."""

    async def script(world: World) -> None:
        loop = asyncio.get_running_loop()
        world.sites.robots, world.sites.contact_s = Robots(world.clock), contact_s
        await world.start(*many(hosts=hosts, host_limit=limit))
        await world.roster.planned.wait()
        began = loop.time()
        await world.clock.sleep(62)
        asked = world.sites.asked
        assert sum(a.purpose == "robots" for a in asked) == hosts
        firsts = {a.target: a.at_s for a in reversed(world.sites.polls())}
        assert len(firsts) == MANY
        assert max(firsts.values()) - began <= 30.1
        counts = per_second([a.at_s for a in asked], began, began + 60)
        # Hosts that are met cost a request more, in the first interval: it has a mean of its own.
        assert max(counts[:30]) <= 1.05 * (MANY + hosts) / 30
        assert max(counts[30:]) <= 1.1 * MANY / 30
        if hosts == HOSTS:
            assert max(counts) <= 1.05 * sum(counts) / 60
            polls = per_second([a.at_s for a in world.sites.polls()], began, began + 60)
            assert max(polls) <= 1.06 * MANY / 30

    in_world(script)


def test_polls_that_are_due_close_together_begin_together() -> None:
    """Woken for each of a thousand polls a second, the loop spent half its time on waking."""

    async def script(world: World) -> None:
        await world.start(*many(1_000, interval_s=1.0, day_interval_s=1.0))
        await world.clock.sleep(30)
        rings, ring = 0, world.roster._ring

        def counted() -> None:
            nonlocal rings
            rings += 1
            ring()

        world.roster._ring = counted  # type: ignore[method-assign]
        before = len(world.sites.polls())
        world.meter.late_s.clear()
        await world.clock.sleep(10)
        assert len(world.sites.polls()) - before >= 9_900
        assert rings <= 600
        assert max(world.meter.late_s) <= 0.021

    in_world(script)


def costly(world: World, *, poll_s: float, capture_s: float) -> None:
    """Each request takes so much of the processor."""
    loop, get = asyncio.get_running_loop(), world.sites.get
    assert isinstance(loop, VirtualLoop)

    async def spending(url: str, goal: Target, **more: Any) -> Response:
        loop.spend(poll_s if more["purpose"] in ("listing", "robots") else capture_s)
        return await get(url, goal, **more)

    world.sites.get = spending  # type: ignore[method-assign]
    world.sites.robots, world.sites.contact_s = Robots(world.clock), 0.001
    world.sites.latency_s.default_factory = lambda: 0.003
    world.sites.page_s = 0.003


def test_a_start_with_an_empty_store_polls_in_time_though_captures_could_take_the_whole_loop() -> None:
    """Up to 500 that waited all began at once: 940 of 2,000 first polls were late, by up to ten seconds."""

    async def script(world: World) -> None:
        costly(world, poll_s=0.000_6, capture_s=0.010)
        world.sites.posts.update({f"t{n}": (f"p{n}",) for n in range(2_000)})
        limit = HostLimit(requests_per_s=10.0, concurrency=2)
        await world.start(*many(2_000, 200, interval_s=10.0, day_interval_s=10.0, host_limit=limit))
        await world.roster.planned.wait()
        began = asyncio.get_running_loop().time()
        await world.clock.sleep(20)
        firsts = {a.target: a.at_s for a in reversed(world.sites.polls())}
        assert len(firsts) == 2_000
        assert max(firsts.values()) - began <= 10.1
        counts = per_second([a.at_s for a in world.sites.polls()], began, began + 20)
        assert max(counts) <= 1.25 * 2_000 / 10
        late = sorted(world.meter.late_s)
        assert late[int(len(late) * 0.99)] <= 0.2
        assert len(world.shelf.sealed) >= 1_200

    in_world(script)


def test_a_start_at_one_second_takes_as_long_as_meeting_the_hosts_and_lets_captures_wait() -> None:
    """A thousand targets with a standing post each: 769 were polled late, by up to two seconds."""

    async def script(world: World) -> None:
        loop = asyncio.get_running_loop()
        costly(world, poll_s=0.000_4, capture_s=0.004)
        world.sites.posts.update({f"t{n}": (f"p{n}",) for n in range(1_000)})
        limit = HostLimit(requests_per_s=1_000.0, concurrency=8)
        await world.start(*many(1_000, interval_s=1.0, day_interval_s=1.0, host_limit=limit))
        await world.roster.planned.wait()
        began = loop.time()
        await world.clock.sleep(8)
        firsts = {a.target: a.at_s for a in reversed(world.sites.polls())}
        assert len(firsts) == 1_000
        within_s = least_span_s(HOSTS)
        assert max(firsts.values()) - began <= within_s + 0.25
        late = sorted(world.meter.late_s)
        assert late[int(len(late) * 0.99)] <= 0.1
        assert len(world.shelf.sealed) >= 500

    in_world(script)


def test_a_start_that_keeps_the_loop_for_seconds_makes_no_burst() -> None:
    async def script(world: World) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        make, put = world.roster._new, world.roster._put

        def slow_make(one: Target) -> Watch:
            loop.spend(0.000_1)
            return make(one)

        def slow_put(watch: Watch, plan: Plan) -> None:
            loop.spend(0.000_1)
            put(watch, plan)

        world.roster._new, world.roster._put = slow_make, slow_put  # type: ignore[method-assign]
        await world.start(*many())
        await world.roster.planned.wait()
        began = loop.time()
        await world.clock.sleep(65)
        firsts = {a.target: a.at_s for a in reversed(world.sites.polls())}
        assert len(firsts) == MANY
        assert max(firsts.values()) - began <= 30.1
        counts = per_second([a.at_s for a in world.sites.polls()], began, began + 60)
        assert max(counts) <= 1.1 * MANY / 30

    in_world(script)


def test_at_nine_in_the_evening_there_is_no_herd() -> None:
    """And two minutes later, when others begin: all hosts of a window were met within its first moments."""

    async def script(world: World) -> None:
        world.sites.robots = Robots(world.clock)
        loop = asyncio.get_running_loop()
        world.clock._start -= timedelta(hours=2)  # 19:00
        dusk = loop.time() + 7_200
        early, late = (NightWindow(start=at, end="06:00", zone="UTC") for at in ("21:00", "21:02"))
        hosts, limit = 500, HostLimit(requests_per_s=10.0, concurrency=1)
        more = {"day_interval_s": None, "host_limit": limit}
        first = many(5_000, hosts, window=early, **more)
        second = [replace(t, name=f"l{t.name[1:]}", window=late) for t in many(3_000, 100, **more)]
        await world.start(*first, *second)
        await world.clock.sleep(7_199)
        assert not world.sites.asked
        assert {row.health for row in world.rows.values()} == {"paused"}
        await world.clock.sleep(62)
        counts = per_second([a.at_s for a in world.sites.asked], dusk, dusk + 60)
        assert sum(counts[:30]) == 5_000 + hosts
        # What begins together (`roster.TOGETHER_S`) is counted in one second or the next as a whole.
        together = 5_500 / 30 * TOGETHER_S
        assert max(counts) <= 1.1 * 5_000 / 30 + together
        assert len({a.target for a in world.sites.polls()}) == 5_000
        await world.clock.sleep(120)
        counts = per_second([a.at_s for a in world.sites.asked], dusk + 120, dusk + 180)
        assert max(counts) <= 1.1 * 8_000 / 30 + together
        assert len({a.target for a in world.sites.polls()}) == 8_000

    in_world(script)


def test_a_target_that_waits_costs_no_task_and_little_memory() -> None:
    async def script(world: World) -> None:
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await world.start(*many(4_000))
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert len(asyncio.all_tasks()) < 10
        assert used / 4_000 < 6_000, "bytes per target"
        await world.clock.sleep(40)
        assert len(asyncio.all_tasks()) < 100

    in_world(script)


@pytest.mark.parametrize("trouble", ["dead", "dripping"])
def test_a_dead_or_dripping_host_among_five_hundred_costs_the_others_nothing(trouble: str) -> None:
    late: dict[bool, float] = {}

    def script_with(*, ill: bool) -> None:
        async def script(world: World) -> None:
            if ill:
                world.sites.latency_s["h7.example"] = 10.0 if trouble == "dead" else 20.0
                if trouble == "dead":
                    world.sites.fails.add("h7.example")
            await world.start(*many(2_500))
            await world.clock.sleep(100)
            well = [a.at_s for a in world.sites.polls() if "//h7." not in a.url]
            assert len(well) > 3 * 2_490
            ordered = sorted(world.meter.late_s)
            late[ill] = ordered[int(len(ordered) * 0.98)]

        in_world(script)

    script_with(ill=False)
    script_with(ill=True)
    assert late[True] <= 1.1 * late[False] + 0.001


def test_two_hundred_dripping_hosts_do_not_hold_up_the_others() -> None:
    async def script(world: World) -> None:
        for number in range(200):
            world.sites.latency_s[f"h{number}.example"] = 20.0
        await world.start(*many(1_000))
        await world.clock.sleep(200)
        times = defaultdict(list)
        for asked in world.sites.polls():
            times[asked.target].append(asked.at_s)
        quick = [times[f"t{n}"] for n in range(1_000) if n % HOSTS >= 200]
        gaps = [b - a for at in quick for a, b in pairwise(at[3:])]
        assert max(gaps) < 31

    in_world(script)


def test_the_targets_of_one_slow_host_are_polled_in_turn_at_its_limit() -> None:
    """Forty targets at one request a second cannot keep 30 seconds: each gets its fair 40."""

    async def script(world: World) -> None:
        limit = HostLimit(requests_per_s=1.0, concurrency=1)
        await world.start(*(target(n, "one.example", host_limit=limit) for n in range(40)))
        await world.clock.sleep(410)
        polls = world.sites.polls()
        assert min(b.at_s - a.at_s for a, b in pairwise(polls)) >= 0.999
        counts = Counter(a.target for a in polls)
        assert len(counts) == 40
        assert max(counts.values()) - min(counts.values()) <= 1
        assert len(polls) > 400
        assert len(asyncio.all_tasks()) < 8

    in_world(script)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from((5.0, 30.0, 60.0)), st.sampled_from((0.5, 1.0, 10.0))),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from((0.0, 0.02, 0.7, 3.0)),
)
def test_no_host_is_ever_asked_faster_than_its_limit_and_nobody_starves(
    hosts: list[tuple[int, float, float]], latency_s: float
) -> None:
    async def script(world: World) -> None:
        targets = []
        for host, (count, interval_s, rate) in enumerate(hosts):
            world.sites.latency_s[f"h{host}.example"] = latency_s
            limit = HostLimit(requests_per_s=rate, concurrency=1)
            more = {"interval_s": interval_s, "day_interval_s": interval_s, "host_limit": limit}
            targets += [target(1_000 * host + n, f"h{host}.example", **more) for n in range(count)]
        await world.start(*targets)
        await world.clock.sleep(400)
        times, of_target = defaultdict(list), defaultdict(list)
        for asked in world.sites.polls():
            times[int(asked.target[1:]) // 1_000].append(asked.at_s)
            of_target[asked.target].append(asked.at_s)
        for host, (count, interval_s, rate) in enumerate(hosts):
            pace_s = max(1 / rate, latency_s)
            assert all(b - a >= 1 / rate - 1e-6 for a, b in pairwise(times[host]))
            round_s = max(interval_s, count * pace_s)
            for number in range(count):
                at = of_target[f"t{1_000 * host + number}"]
                assert len(at) >= int(400 / (1.3 * round_s + interval_s)), (host, number)

    in_world(script)


# --- first polls --------------------------------------------------------------------------

first_polls = st.lists(
    st.tuples(st.integers(0, 5), st.floats(0, 0.999), st.sampled_from((5.0, 30.0, 300.0))),
    max_size=60,
)


@given(first_polls)
def test_first_polls_are_never_early_and_those_a_host_lets_through_are_within_their_time(
    script: list[tuple[int, float, float]],
) -> None:
    firsts = [
        First(
            name=f"t{n}",
            host=f"h{host}",
            due_s=share * span_s,
            span_s=span_s,
            spacing_s=1.0 if host < 5 else 5.0,
            cold=bool(host % 2),
        )
        for n, (host, share, span_s) in enumerate(script)
    ]
    found = evened(firsts)
    assert found.keys() == {first.name for first in firsts}
    for first in firsts:
        robots_s = first.spacing_s if first.cold else 0.0
        assert first.due_s - robots_s <= found[first.name] <= first.span_s
    moved = [first for first in firsts if first.due_s < found[first.name] < first.span_s]
    for host in {first.host for first in moved}:
        at = sorted(found[first.name] for first in moved if first.host == host)
        spacing_s = 1.0 if host != "h5" else 5.0
        assert all(b - a >= spacing_s - 1e-9 for a, b in pairwise(at))


def test_a_few_first_polls_of_an_added_host_need_not_wait_for_one_another() -> None:
    firsts = [
        First(name=f"t{n}", host=f"h{n}", due_s=n * 0.1, span_s=30.0, spacing_s=1.0, cold=True)
        for n in range(5)
    ]
    found = evened(firsts)
    assert all(found[first.name] - first.due_s <= 0.1 + 1e-9 for first in firsts)


# --- the grid -----------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 400), st.integers(1, 40), st.sets(st.integers(0, 399)))
def test_shares_are_even_over_all_and_per_host_and_stay_when_others_come_and_go(
    count: int, hosts: int, gone: set[int]
) -> None:
    targets = [target(n, f"h{n % hosts}.example") for n in range(count)]
    spread = Spread()
    spread.add(targets, host_of)
    shares = {t.name: spread.share(t.name) for t in targets}
    assert all(0 <= share < 1 for share in shares.values())
    assert _widest(list(shares.values())) <= 3.0 / count
    for host in range(min(hosts, count)):
        own = [shares[t.name] for t in targets[host::hosts]]
        assert _widest(own) <= 3.0 / len(own)
    left = [t for t in targets if int(t.name[1:]) not in gone]
    for one in targets:
        if one not in left:
            spread.drop(one.name)
    spread.add([target(1_000)], host_of)
    assert all(spread.share(t.name) == shares[t.name] for t in left)


def _widest(shares: list[float]) -> float:
    ordered = sorted(shares)
    return max(b - a for a, b in pairwise([*ordered, ordered[0] + 1]))


@given(st.floats(0, 0.999), st.floats(-7_200, 7_200), st.sampled_from((5.0, 30.0, 300.0)))
def test_a_wall_clock_that_is_set_neither_silences_a_target_nor_makes_a_burst(
    share: float, step_s: float, interval_s: float
) -> None:
    one = replace(target(1), interval_s=interval_s, day_interval_s=interval_s)
    table = Timetable(one, share, Nights())
    now = datetime(2026, 3, 1, 23, tzinfo=UTC)
    planned = table.next(now, None, None).at
    after = planned + timedelta(seconds=step_s)
    wait_s = (table.next(after, planned, None).at - after).total_seconds()
    assert 0 < wait_s <= 1.25 * interval_s + 1e-5
    assert wait_s >= 0.25 * interval_s - 1e-5 or step_s > 0


@given(st.floats(0, 0.999), st.floats(0, 60), st.floats(0, 60), st.sampled_from((5.0, 11.0, 30.0)))
def test_a_slot_that_passes_while_its_target_is_polled_is_due_at_once_and_no_other(
    share: float, late_s: float, took_s: float, interval_s: float
) -> None:
    table = Timetable(replace(target(1), interval_s=interval_s, day_interval_s=interval_s), share, Nights())
    planned = table.next(datetime(2026, 3, 1, 23, tzinfo=UTC), None, None).at
    began = planned + timedelta(seconds=late_s)
    now = began + timedelta(seconds=took_s)
    due = table.next(now, planned, None, began).at
    slots = [planned + timedelta(seconds=n * interval_s) for n in range(1, 40)]
    passed = [at for at in slots if began + timedelta(seconds=interval_s / 4) < at <= now]
    near = timedelta(milliseconds=1)
    edge = any(abs(at - edge) < near for at in slots for edge in (now, began + (slots[1] - slots[0]) / 4))
    if not edge:
        assert abs(due - (passed[-1] if passed else next(at for at in slots if at > now))) < near


# --- stretched intervals ---------------------------------------------------------------------


class Stretched:
    """Intervals as many times longer as a test says."""

    def __init__(self) -> None:
        self.by: dict[str, float] = {}
        self.told: list[str] = []
        self._moved: Callable[[str, float, float], None] | None = None

    def interval_s(self, name: str, configured_s: float) -> float:
        return configured_s * self.by.get(name, 1.0)

    def is_stretched(self, name: str) -> bool:
        return name in self.by

    def polled(self, name: str, *_: object) -> None:
        self.told.append(name)

    def follow(self, _watches: object, moved: Callable[[str, float, float], None]) -> None:
        self._moved = moved

    def set_targets(self, targets: Iterable[Target], *, soon: bool = True) -> None:
        self.by = {t.name: self.by[t.name] for t in targets if t.name in self.by}

    def stretch(self, name: str, by: float, interval_s: float = 30.0) -> None:
        before = self.by.pop(name, 1.0)
        if by > 1.0:
            self.by[name] = by
        assert self._moved is not None
        self._moved(name, interval_s * before, interval_s * by)


def stretching(world: World) -> Any:
    """Another roster for this world, whose intervals may be stretched."""
    pacing: Any = Stretched()
    world.kit = replace(world.kit, pacing=pacing)
    world.roster = Roster(world.kit, world.rows)
    return pacing


def test_a_stretched_target_is_polled_at_its_interval_and_returns_to_its_own_without_a_burst() -> None:
    async def script(world: World) -> None:
        loop, pacing = asyncio.get_running_loop(), stretching(world)
        await world.start(*many(100, 10))
        await world.clock.sleep(60.0)
        began = loop.time()
        for n in range(100):
            pacing.stretch(f"t{n}", 4.0)
        await world.clock.sleep(600.0)
        ended = loop.time()
        for n in range(100):
            pacing.stretch(f"t{n}", 1.0)
        await world.clock.sleep(120.0)
        times = defaultdict(list)
        for asked in world.sites.polls():
            times[asked.target].append(asked.at_s)
        for at in times.values():
            during = [b - a for a, b in pairwise(at) if a >= began and b < ended]
            assert len(during) >= 3
            assert all(119.0 < gap < 121.0 for gap in during)
            assert max(b - a for a, b in pairwise(at)) < 121.0
            after = [b - a for a, b in pairwise(at) if a >= ended]
            assert after[1:]
            assert max(after) < 30.0 * 1.25 + 1.0  # back on its grid, clear of the poll before
        counts = per_second([a.at_s for a in world.sites.polls()], began, ended)
        assert sum(counts) <= 1.1 * 100 * 600 / 120
        spans = [sum(counts[at : at + 10]) for at in range(0, 600, 10)]
        assert max(spans) <= 15  # 8.3 on the mean
        assert set(pacing.told) == set(times)

    in_world(script)


def test_a_repaced_target_that_is_not_waiting_for_a_poll_is_left_as_it_is() -> None:
    async def script(world: World) -> None:
        pacing = stretching(world)
        night = NightWindow(start="02:00", end="03:00", zone="UTC")
        await world.start(target(1), target(2, window=night, day_interval_s=None))
        await world.clock.sleep(40.0)
        assert "t1" in world.roster._schedule
        resting = world.roster.watches["t2"]
        before = resting.planned
        pacing.stretch("t2", 2.0)
        pacing.stretch("t9", 2.0)
        assert (resting.planned, resting.polls_next) == (before, False)
        world.roster._schedule.drop("t1")
        pacing.stretch("t1", 2.0)
        assert "t1" not in world.roster._schedule

    in_world(script)


@given(
    st.floats(0, 0.999),
    st.floats(1.0, 10.0),
    st.floats(1.0, 10.0),
    st.floats(0, 1_000),
    st.floats(0, 1) | st.none(),
)
def test_a_moved_plan_keeps_its_share_and_is_never_by_day_nor_within_a_pause(
    share: float, before: float, by: float, ahead_s: float, held: float | None
) -> None:
    pacing: Any = Stretched()
    one = target(1, window=NightWindow(start="22:00", end="23:30", zone="UTC"), day_interval_s=None)
    table = Timetable(one, share, Nights(), pacing)
    now = datetime(2026, 3, 1, 23, 20, tzinfo=UTC)
    if by > 1.0:
        pacing.by["t1"] = by
    due, until = now + timedelta(seconds=ahead_s), now + timedelta(seconds=300 * (held or 0))
    pause = until if held is not None else None
    plan = table.moved(now, due, pause, before_s=30.0 * before, interval_s=30.0 * by)
    wanted_s = min(ahead_s / (30.0 * before), 1.0) * 30.0 * by
    if plan.polls and not plan.rests:
        assert (plan.at - now).total_seconds() == pytest.approx(max(wanted_s, 300 * (held or 0)), abs=1e-5)
        assert Nights().is_night(one.window, plan.at)
    else:
        assert wanted_s >= 600 - 1e-5
    follows = table.next(now, now - timedelta(seconds=1), None)
    if by > 1.0:
        assert (follows.at - now).total_seconds() == pytest.approx(30.0 * by - 1, abs=1e-5)


def test_a_stretched_target_wakes_at_dusk_within_its_interval() -> None:
    pacing: Any = Stretched()
    pacing.by["t1"] = 5.0
    window = NightWindow(start="22:00", end="23:00", zone="UTC")
    dusk = datetime(2026, 3, 1, 22, tzinfo=UTC)
    for rest in (None, 3_600.0):
        one = target(1, window=window, day_interval_s=rest)
        table = Timetable(one, 0.4, Nights(), pacing)
        planned = dusk - timedelta(minutes=20)
        plan = table.next(planned + timedelta(seconds=1), planned, None)
        assert plan.polls
        assert 0 <= (plan.at - dusk).total_seconds() <= 150.0
        assert table.spacing_s == 150.0


# --- changes, faults, stops -----------------------------------------------------------------


def test_targets_come_go_and_change_while_the_others_go_on_undisturbed() -> None:
    async def script(world: World) -> None:
        old = [target(n) for n in range(30)]
        await world.start(*old)
        await world.clock.sleep(60)
        kept = {n: world.roster.watches[f"t{n}"] for n in range(10)}
        changed = [replace(t, interval_s=10.0, day_interval_s=10.0) for t in old[10:20]]
        await world.roster.set_targets([*old[:10], *changed, target(100)])
        assert set(world.roster.watches) == {f"t{n}" for n in (*range(20), 100)}
        assert all(world.roster.watches[f"t{n}"] is watch for n, watch in kept.items())
        before = len(world.sites.asked)
        await world.clock.sleep(60)
        counts = Counter(a.target for a in world.sites.asked[before:])
        assert all(counts[f"t{n}"] == 2 for n in range(10))
        assert all(counts[f"t{n}"] in (6, 7) for n in range(10, 20))
        assert not any(counts[f"t{n}"] for n in range(20, 30))
        assert counts["t100"] in (2, 3)
        assert world.rows["t15"].polls > 6  # the progress went over

    in_world(script)


def test_a_fault_in_one_watch_starts_that_target_again_alone_and_is_told_once() -> None:
    async def script(world: World) -> None:
        world.sites.posts["t1"] = ("a",)
        await world.start(target(1), target(2))
        await world.clock.sleep(40)
        first = world.roster.watches["t1"]
        world.sites.wrong["t1"] = RuntimeError("ours")
        await world.clock.sleep(300)
        assert [text for text in world.told if "fault" in text] == [
            "target t1: fault in the watch itself: RuntimeError"
        ]
        tries = [a.at_s for a in world.sites.polls() if a.target == "t1" and a.at_s > 1_040]
        gaps = [b - a for a, b in pairwise(tries)]
        assert gaps[-1] > 2 * gaps[0]
        assert sum(a.target == "t2" for a in world.sites.polls()) in (11, 12, 13)
        del world.sites.wrong["t1"]
        await world.clock.sleep(400)
        assert world.roster.watches["t1"] is not first
        assert world.rows["t1"].health == "ok"
        assert [s.post.post_id for s in world.shelf.sealed] == ["a"]

    in_world(script)


def test_a_broken_database_ends_the_watch_loudly() -> None:
    async def script(world: World) -> None:
        await world.start(*many(50))
        await world.clock.sleep(31)
        world.shelf.broken = DatabaseTrouble("malformed")
        world.sites.posts["t3"] = ("a",)
        assert world.task is not None
        done, _ = await asyncio.wait([world.task], timeout=60)
        assert done
        error = world.task.exception()
        assert isinstance(error, ExceptionGroup)
        assert error.subgroup(StoreError) is not None

    in_world(script)


def test_a_fault_of_the_scheduler_itself_ends_the_watch_loudly() -> None:
    async def script(world: World) -> None:
        await world.start(*many(5))
        world.roster.watches.pop("t3")
        assert world.task is not None
        done, _ = await asyncio.wait([world.task], timeout=60)
        assert done
        assert isinstance(world.task.exception(), ExceptionGroup)

    in_world(script)


def test_a_fault_in_the_plan_after_a_poll_ends_the_watch_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise ZeroDivisionError

    async def script(world: World) -> None:
        await world.start(*many(5))
        monkeypatch.setattr(Timetable, "next", wrong)
        assert world.task is not None
        done, _ = await asyncio.wait([world.task], timeout=60)
        assert done
        error = world.task.exception()
        assert isinstance(error, ExceptionGroup)
        assert error.subgroup(ZeroDivisionError) is not None

    in_world(script)


def test_captures_that_fail_together_are_one_fault() -> None:
    async def script(world: World) -> None:
        await world.start(target(1), target(2))
        await world.clock.sleep(31)
        world.shelf.broken = RuntimeError("ours")
        world.sites.posts["t1"] = tuple(f"p{n}" for n in range(3))
        await world.clock.sleep(40)
        assert [text for text in world.told if "fault" in text] == [
            "target t1: fault in the watch itself: RuntimeError"
        ]
        assert world.roster._faults == {"t1": 1}
        world.shelf.broken = None
        await world.clock.sleep(120)
        assert {s.post.post_id for s in world.shelf.sealed} == {f"p{n}" for n in range(3)}

    in_world(script)


@pytest.mark.parametrize("pages", [1, 2])
def test_a_post_that_is_listed_is_asked_for_again_after_a_404(pages: int) -> None:
    """One whose first try and second fell into a site's hiccup was never tried again, though it was listed.

    The second was made when a further page of the listing had just been read, or for a 304.
    """

    async def script(world: World) -> None:
        url = "http://h1.example/p/new"
        world.sites.posts |= {"t1": ("old",), "t1b": ("older",)}
        if pages > 1:
            world.sites.further["t1"] = "http://h1.example/t/1b"
        await world.start(target(1, rules=SimpleNamespace(max_pages=pages)))
        await world.clock.sleep(60)
        world.sites.missing.add(url)
        world.sites.posts["t1"] = ("new", "old")
        await world.clock.sleep(70)
        assert sum(asked.url == url for asked in world.sites.asked) >= 2
        world.sites.missing.clear()
        await world.clock.sleep(60)
        assert not world.shelf.rows["t1", "new"].incomplete
        assert world.shelf.sealed[-1].page is not None
        assert world.shelf.sealed[-1].page.status == 200

    in_world(script)


def test_posts_are_fetched_while_others_of_their_host_are_being_sealed() -> None:
    """Posts of an evening's first listing vanished while the one hand of their host waited for the disk."""

    async def script(world: World) -> None:
        world.shelf.seal_s = 30.0
        world.sites.posts["t1"] = tuple(f"p{n}" for n in range(20))
        await world.start(target(1))
        await world.clock.sleep(20)
        assert sum(asked.purpose == "page" for asked in world.sites.asked) == 20
        assert not world.shelf.sealed
        await world.clock.sleep(40)
        assert len(world.shelf.sealed) == 20

    in_world(script)


def at_a_host_of_one_request_in_five_seconds(world: World, posts: int) -> Target:
    """A target there with so many posts on its first listing, polled every eleven seconds."""
    limit = HostLimit(requests_per_s=0.2, concurrency=1)
    world.sites.posts["t1"] = tuple(f"p{n}" for n in range(posts))
    world.sites.latency_s["slow.example"] = world.sites.page_s = 6.0
    return target(1, "slow.example", host_limit=limit, interval_s=11.0, day_interval_s=11.0)


def test_first_captures_at_a_slow_host_leave_its_polls_every_second_turn() -> None:
    """A poll once came 29 seconds after the last where eleven were allotted.

    Later 18, where a slot passed in the six seconds that a poll took which had waited for its turn.
    """

    async def script(world: World) -> None:
        await world.start(at_a_host_of_one_request_in_five_seconds(world, 12))
        await world.clock.sleep(200)
        at = [asked.at_s for asked in world.sites.polls()]
        gaps = [b - a for a, b in pairwise(at)]
        # The first is on no grid yet; then never longer than two turns of six seconds.
        assert gaps[0] <= 18.01
        assert max(gaps[1:]) <= 12.01
        assert sum(gaps) / len(gaps) <= 12.0
        assert len(world.shelf.sealed) == 12

    in_world(script)


def test_what_waits_for_its_host_alone_is_said_to_do_so() -> None:
    async def script(world: World) -> None:
        await world.start(at_a_host_of_one_request_in_five_seconds(world, 12))
        await world.clock.sleep(40)
        assert (
            "of its first listing wait: the host's own limit lets through no more" in world.rows["t1"].reason
        )

    in_world(script)


def test_what_waits_for_what_cannot_wait_is_said_to_do_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchers.slack.Slack.may_begin", lambda *_: False)

    async def script(world: World) -> None:
        world.roster.hands._few = 0
        world.sites.posts["t1"] = ("p1", "p2")
        await world.start(target(1))
        await world.clock.sleep(40)
        assert world.rows["t1"].reason == "2 posts of its first listing wait: polls and newer posts go first"

    in_world(script)


def test_a_full_lane_makes_the_next_poll_wait_and_says_so() -> None:
    async def script(world: World) -> None:
        world.sites.page_s = 40.0
        await world.start(target(1), target(2))
        await world.clock.sleep(31)
        world.sites.posts["t1"] = tuple(f"p{n}" for n in range(WAITING + 50))
        world.sites.posts["t2"] = ("q",)
        await world.clock.sleep(31)
        polls = sum(a.target == "t1" for a in world.sites.polls())
        await world.clock.sleep(120)
        assert sum(a.target == "t1" for a in world.sites.polls()) == polls
        assert world.rows["t1"].health == "waiting"
        assert "captures wait" in world.rows["t1"].reason
        assert [s.target for s in world.shelf.sealed].count("t2") == 1
        assert world.meter.deepest["capture"] > WAITING
        world.sites.page_s = 0.01
        await world.clock.sleep(200)
        assert len({s.post.post_id for s in world.shelf.sealed if s.target == "t1"}) == WAITING + 50
        assert world.rows["t1"].health == "ok"

    in_world(script)


def test_a_stop_seals_what_was_begun_and_what_waits_as_it_was_listed() -> None:
    async def script(world: World) -> None:
        world.sites.page_s = 1_000.0
        await world.start(target(1), target(2))
        await world.clock.sleep(31)
        world.sites.posts["t1"] = tuple(f"p{n}" for n in range(40))
        await world.clock.sleep(40)
        assert not world.shelf.sealed
        await world.stop()
        assert {s.post.post_id for s in world.shelf.sealed} == {f"p{n}" for n in range(40)}
        assert all(row.incomplete for row in world.shelf.rows.values())
        whys = Counter(s.absences[-1] for s in world.shelf.sealed)
        assert whys["the daemon was stopped during the capture"] == 2
        assert whys["the daemon was stopped before it was fetched"] == 38

    in_world(script)


def test_a_target_that_is_taken_away_leaves_sealed_what_it_had_listed() -> None:
    async def script(world: World) -> None:
        world.sites.page_s = 1_000.0
        await world.start(target(1), target(2))
        await world.clock.sleep(31)
        world.sites.posts["t1"] = tuple(f"p{n}" for n in range(12))
        await world.clock.sleep(40)
        await world.roster.set_targets([target(2)])
        assert len(world.shelf.sealed) == 12
        assert not world.kit.busy
        assert set(world.roster.watches) == {"t2"}

    in_world(script)


def test_a_very_first_listing_is_taken_in_parts_when_captures_cannot_keep_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("watchers.hands.CROWDED", 60)

    async def script(world: World) -> None:
        for n in range(20):
            world.sites.posts[f"t{n}"] = tuple(f"{n}-{i}" for i in range(20))
        world.sites.page_s = 4.0
        await world.start(*(target(n) for n in range(20)))
        await world.clock.sleep(31)
        assert world.meter.deepest["capture"] <= 80
        left = [row for row in world.rows.values() if "left to later polls" in row.reason]
        assert left
        await world.clock.sleep(900)
        assert len(world.shelf.sealed) == 400
        assert {row.health for row in world.rows.values()} == {"ok"}
        assert not [row for row in world.rows.values() if row.reason]
        assert {s.observation for s in world.shelf.sealed} == {Observation.SEEN}

    in_world(script)


def test_what_a_poll_costs_beside_the_request_is_small() -> None:
    """A bound that only a mistake passes: a scan of all targets per poll costs milliseconds."""

    async def main(count: int) -> float:
        import time

        world = World(VirtualClock(asyncio.get_running_loop()))
        world.sites.latency_s.default_factory = lambda: 0.0
        await world.start(*many(count, hosts=count))
        await world.clock.sleep(31)
        polls, began = len(world.meter.late_s), time.process_time()
        await world.clock.sleep(30)
        used = time.process_time() - began
        polls = len(world.meter.late_s) - polls
        await world.stop()
        return used / polls

    small, large = run_virtual(main(300)), run_virtual(main(6_000))
    assert large < 3 * small, (small, large)
