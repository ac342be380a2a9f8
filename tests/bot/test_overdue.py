"""The dead-man check: it sees what the scheduler forgets, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.overdue import NAMED, Overdue, in_words
from bot.vitals import Vitals
from storage.model import HostLimit, NightWindow, Pace, Progress, Target
from tests.fakes.sites import World, in_world, run_virtual, target
from tests.fakes.virtual import VirtualClock
from watchers import hours

Script = Callable[[World, Overdue, list[str]], Any]


def watched(script: Script, *targets: Target) -> None:
    """Run `script` while these targets are watched and a dead-man check looks on."""

    async def main(world: World) -> None:
        told: list[str] = []

        async def tell(text: str) -> None:
            told.append(text)

        overdue = Overdue(
            world.clock,
            Vitals("", 0, tuple),
            live=lambda: targets,
            rows=lambda: world.rows,
            is_night=hours.is_night,
        )
        await world.start(*targets)
        looking = asyncio.create_task(overdue.run(tell))
        try:
            await script(world, overdue, told)
        finally:
            looking.cancel()

    in_world(main)


@pytest.mark.parametrize("interval_s", [5.0, 30.0, 300.0])
def test_a_target_that_the_scheduler_forgets_is_told_within_two_intervals(interval_s: float) -> None:
    fast: dict[str, Any] = {
        "interval_s": interval_s,
        "day_interval_s": interval_s,
        "timeout_s": min(20.0, interval_s / 2),
    }

    async def script(world: World, overdue: Overdue, told: list[str]) -> None:
        await world.clock.sleep(3.3 * interval_s)
        assert not told
        world.roster._schedule.drop("t7")
        last = [a.at_s for a in world.sites.polls() if a.target == "t7"][-1]
        now_s = asyncio.get_running_loop().time()
        await world.clock.sleep(last + 2 * interval_s - now_s)
        assert told == ["target t7 is overdue: not polled for two intervals"]
        assert overdue.late == ("t7",)
        await world.clock.sleep(600)
        assert len(told) == 1
        world.roster._schedule.put("t7", 0.0)
        await world.clock.sleep(2 * interval_s)
        assert not overdue.late

    watched(script, *(target(n, **fast) for n in range(20)))


def test_a_scheduler_that_stands_still_is_told_in_few_words() -> None:
    async def script(world: World, overdue: Overdue, told: list[str]) -> None:
        await world.clock.sleep(70)
        assert world.roster._timer is not None
        world.roster._timer.cancel()
        await world.clock.sleep(60)
        assert len(overdue.late) == 200
        named = "\n".join(told).count("is overdue")
        assert 0 < named <= NAMED * len(told)
        assert len(in_words(overdue.late)) == NAMED + 1

    watched(script, *(target(n) for n in range(200)))


def test_dead_slow_paused_and_resting_targets_are_not_overdue() -> None:
    night = NightWindow(start="22:00", end="23:00", zone="UTC")
    targets = (
        target(1, "dead.example"),
        target(2, "dripping.example"),
        target(3, "paused.example", host_limit=HostLimit(requests_per_s=1.0, concurrency=1)),
        target(4, window=night, day_interval_s=None),
        target(5, window=night, day_interval_s=600.0),
    )

    async def script(world: World, overdue: Overdue, told: list[str]) -> None:
        world.sites.latency_s.update({"dead.example": 10.0, "dripping.example": 19.0})
        world.sites.fails.add("dead.example")
        for _ in range(3):
            await world.clock.sleep(600)
            world.sites.throttle.pause("paused.example", 1_000.0)
        await world.clock.sleep(3 * 3_600)
        assert not told
        assert not overdue.late
        assert all(world.rows[t.name].polls for t in targets)

    watched(script, *targets)


def test_a_target_whose_interval_has_just_become_shorter_is_not_overdue_and_later_is() -> None:
    async def main() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        one, told = target(1), list[str]()
        rows = {"t1": Progress(target="t1", polls=3, pace=pace(300.0))}

        async def tell(text: str) -> None:
            told.append(text)

        overdue = Overdue(
            clock, Vitals("", 0, tuple), live=lambda: (one,), rows=lambda: rows, is_night=hours.is_night
        )
        looking = asyncio.create_task(overdue.run(tell))
        await clock.sleep(200.0)
        rows["t1"] = replace(rows["t1"], pace=pace(30.0))
        await clock.sleep(10.0)  # the poll is now due 10 s after the change: a third of the interval was left
        assert not overdue.late
        await clock.sleep(40.0)
        assert overdue.late == ("t1",)
        assert len(told) == 1
        looking.cancel()

    run_virtual(main())


def pace(interval_s: float) -> Pace:
    return Pace(interval_s=interval_s, configured_s=30.0, met=0.5, posts=1.0, short="host")


def test_a_clock_that_is_set_makes_no_alarm() -> None:
    async def script(world: World, _overdue: Overdue, told: list[str]) -> None:
        await world.clock.sleep(100)
        for hours_ in (2, -5):
            world.clock._start += timedelta(hours=hours_)
            await world.clock.sleep(200)
        assert not told

    watched(script, *(replace(target(n), window=NightWindow(start="12:00", end="12:00")) for n in range(50)))
