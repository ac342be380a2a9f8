"""Short forms of the benches of many targets, and what they make of sites' records and of silence."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bench import restart, scale
from bench._asking import UnansweredError, report, scrape
from bench._many import Sample, Shape, busiest, captured, kept_share, lateness, start
from bench.figures import Result

SHAPE = Shape(targets=2, hosts=1, interval_s=10.0, posts_per_s=0.0, life_s=20.0)


async def test_who_does_not_answer_is_a_figure_that_falls_short_and_no_wait() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(UnansweredError):
        await scrape(port, within_s=0.2)
    with pytest.raises(UnansweredError):
        await report(f"http://127.0.0.1:{port}/report", within_s=0.2)
    server.close()
    nothing = Sample(at_s=2.0, cpu_s=0.0, children_cpu_s=0.0, buckets={})
    some = Sample(at_s=1.0, cpu_s=0.0, children_cpu_s=0.0, buckets={0.1: 5.0, math.inf: 5.0})
    assert not lateness(some, nothing)[0].met
    assert not lateness(nothing, some)[0].met


def test_a_polls_lateness_is_told_to_the_millisecond_from_the_sites_record() -> None:
    times = [100.0 + 10 * n + (0.25 if n == 3 else 0.001 * (n % 2)) for n in range(9)]
    late = restart.lags(times, 10.0)
    assert late[3] == pytest.approx(0.25)
    assert late[1] == pytest.approx(0.001)
    assert min(late) == 0.0
    assert restart.lags([5.0, 14.9, 25.0], 10.0) == pytest.approx([0.1, 0.0, 0.1])
    # One that a stall made six seconds late made the others of its target late by four.
    assert restart.lags([100.0, 116.0, 120.0, 130.0], 10.0) == pytest.approx([0.0, 6.0, 0.0, 0.0])
    assert restart.lags([106.0, 110.0, 120.0, 130.0], 10.0) == pytest.approx([6.0, 0.0, 0.0, 0.0])


def test_trouble_that_makes_others_late_falls_short() -> None:
    assert restart.change([0.010, 0.0105, 0.012, 0.012]) == pytest.approx(1.025)
    assert restart.change([0.010, 0.020, 0.010, 0.030]) == pytest.approx(2.5)
    assert math.isnan(restart.change([0.010, math.nan]))


def test_what_the_machine_did_in_a_few_seconds_is_no_host_in_trouble() -> None:
    polls = [(n / 100, 0.020 if n % 2 else 0.001) for n in range(1_000)]
    stalled = [(at, late_s + (3.0 if 4 <= at < 7 else 0.0)) for at, late_s in polls]
    assert restart.usual_p99(stalled, 0.0, 10.0) == restart.usual_p99(polls, 0.0, 10.0) == 0.020
    held_up = [(at, late_s + (1.0 if n % 50 == 0 else 0.0)) for n, (at, late_s) in enumerate(polls)]
    assert restart.usual_p99(held_up, 0.0, 10.0) > 1.0
    assert math.isnan(restart.usual_p99([], 0.0, 10.0))


def test_on_virtual_time_two_hosts_in_trouble_cost_the_others_nothing() -> None:
    (ratio,) = restart.on_virtual_time(400, 100)
    assert ratio.met
    assert ratio.value > 0.2


def test_the_record_of_the_sites_is_read_as_it_is_meant() -> None:
    told: dict[str, Any] = {
        "polls": [[1.0, 11.0, 21.0], [6.0, 16.5, 26.0]],
        "posts": [[2.0, 9.0, 3.0, 4.0], [2.0, 9.0, 3.0, None], [2.0, None, 3.0, 4.0], [2.0, 99.0, 3.0, 4.0]],
    }
    assert captured(told, 0.0, 30.0) == (0.5, 2, 2.0)
    assert kept_share(told["polls"], 10.0) == 100.0
    assert kept_share([[1.0, 13.0]], 10.0) == 0.0
    assert busiest([[0.1, 0.2, 1.5, 2.5]], 0.0, 3.0) == pytest.approx(1.5)
    late, worst, whole = start(told | {"robots": [0.5, 0.6, 99.0]}, 0.0, SHAPE, "start")
    assert (late.value, late.met) == (0, True)
    assert worst.value == pytest.approx(20 / 4)
    assert whole.value == pytest.approx(2 * 20 / 6)
    assert start({"polls": [[1.0], []], "posts": []}, 0.0, SHAPE, "start")[0].value == 1
    assert not worst.met
    assert not start({"polls": [], "posts": []}, 0.0, SHAPE, "start")[1].met


def figures(result: Result) -> dict[str, float]:
    return {figure.name: figure.value for figure in result.figures}


async def best_of(tries: int, faults: Callable[[], Awaitable[dict[str, float]]]) -> dict[str, float]:
    """What fell short in the best of so many tries: other tests on the machine may spoil one, and no fault
    of ours spares one.
    """
    found = await faults()
    for _ in range(tries - 1):
        if not found:
            break
        found = await faults()
    return found


def short(found: dict[str, float]) -> dict[str, float]:
    """The figures that are not as they must be, wherever they are measured."""
    return {name: found[name] for name, test in MUST.items() if name in found and not test(found[name])}


MUST: dict[str, Callable[[float], bool]] = {
    "posts that came and went": lambda value: value > 5,
    "posts captured with their picture": lambda value: value > 0.8,
    "polls per second": lambda value: value > 15,
    "cores of the daemon": lambda value: value < 1.5,
    "exit code after SIGTERM": lambda value: value == 0,
    # The promise is none, and a tenth of a second; here the machine is busy with other tests.
    "targets not polled within their interval of the start": lambda value: value <= 3,
    "targets not polled within their interval of the restart": lambda value: value <= 3,
    "polls counted of the others": lambda value: value > 32 * 2,
    "polls of the hosts in trouble meanwhile": lambda value: value < 8,
    "lateness p99 of the others with trouble": lambda value: value < 1_000,
}
SMALL = ["--targets", "60", "--hosts", "12", "--posts-per-s", "4"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        [*SMALL, "--interval", "2", "--minutes", "0.15"],
        [*SMALL, "--interval", "2", "--minutes", "0.15", "--tls"],
        [*SMALL, "--minutes", "0.1", "--fast"],
    ],
)
async def test_each_mode_of_scale_captures_what_appears(words: list[str]) -> None:
    async def faults() -> dict[str, float]:
        found = figures(await scale.run(words))
        assert found.keys() >= set(list(MUST)[:5])
        del found["targets not polled within their interval of the start"]  # a test of its own
        return short(found)

    assert await best_of(3, faults) == {}


@pytest.mark.slow
async def test_a_start_and_a_restart_poll_every_target_within_its_interval() -> None:
    words = ["--only", "start", "--targets", "100", "--hosts", "20", "--interval", "5"]

    async def faults() -> dict[str, float]:
        found = figures(await restart.run(words))
        assert sum(name.startswith("targets not polled within their interval of the") for name in found) == 2
        return short(found)

    assert await best_of(3, faults) == {}


@pytest.mark.slow
async def test_hosts_in_trouble_are_in_trouble_and_the_others_are_polled() -> None:
    words = ["--only", "trouble", "--others", "40", "--hosts", "10", "--rounds", "1", "--seconds", "12"]

    async def faults() -> dict[str, float]:
        found = figures(await restart.run(words))
        assert found.keys() >= set(list(MUST)[-3:])
        return short(found)

    assert await best_of(3, faults) == {}


async def test_a_fault_that_no_try_is_spared_is_told() -> None:
    tries = [{"polls per second": 3.0}, {"polls per second": 4.0}, {}]

    async def faults() -> dict[str, float]:
        return tries.pop(0)

    assert await best_of(2, faults) == {"polls per second": 4.0}
    assert await best_of(1, faults) == {}
    assert short({"polls per second": 3.0, "exit code after SIGTERM": 0, "other": 1}) == {
        "polls per second": 3.0
    }
