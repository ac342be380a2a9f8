"""Short forms of the benches of many targets, and what they make of sites' records and of silence."""

from __future__ import annotations

import asyncio
import math
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


def test_trouble_that_makes_others_late_falls_short() -> None:
    assert restart.change([0.010, 0.0105, 0.012, 0.012]) == pytest.approx(1.025)
    assert restart.change([0.010, 0.020, 0.010, 0.030]) == pytest.approx(2.5)
    assert math.isnan(restart.change([0.010, math.nan]))


def test_the_record_of_the_sites_is_read_as_it_is_meant() -> None:
    told: dict[str, Any] = {
        "polls": [[1.0, 11.0, 21.0], [6.0, 16.5, 26.0]],
        "posts": [[2.0, 9.0, 3.0, 4.0], [2.0, 9.0, 3.0, None], [2.0, None, 3.0, 4.0], [2.0, 99.0, 3.0, 4.0]],
    }
    assert captured(told, 0.0, 30.0) == (0.5, 2, 2.0)
    assert kept_share(told["polls"], 10.0) == 100.0
    assert kept_share([[1.0, 13.0]], 10.0) == 0.0
    assert busiest([[0.1, 0.2, 1.5, 2.5]], 0.0, 3.0) == pytest.approx(1.5)
    late, worst = start(told, 0.0, SHAPE, "start")
    assert (late.value, late.met) == (0, True)
    assert start({"polls": [[1.0], []], "posts": []}, 0.0, SHAPE, "start")[0].value == 1
    assert not worst.met
    assert not start({"polls": [], "posts": []}, 0.0, SHAPE, "start")[1].met


def figures(result: Result) -> dict[str, float]:
    return {figure.name: figure.value for figure in result.figures}


SMALL = ["--targets", "60", "--hosts", "12", "--posts-per-s", "4"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        [*SMALL, "--interval", "3", "--minutes", "0.2"],
        [*SMALL, "--interval", "3", "--minutes", "0.2", "--tls"],
        [*SMALL, "--minutes", "0.1", "--fast"],
    ],
)
async def test_each_mode_of_scale_captures_what_appears(words: list[str]) -> None:
    found = figures(await scale.run(words))
    assert found["posts that came and went"] > 5
    assert found["posts captured with their picture"] > 0.8  # of a machine that is busy with other tests
    assert found["polls per second"] > 15
    assert found["cores of the daemon"] < 1.5
    assert found["exit code after SIGTERM"] == 0


@pytest.mark.slow
async def test_a_start_and_a_restart_poll_every_target_within_its_interval() -> None:
    found = figures(
        await restart.run(["--only", "start", "--targets", "100", "--hosts", "20", "--interval", "5"])
    )
    # The promise is none, and a tenth of a second; here the machine is busy with other tests.
    assert found["targets not polled within their interval of the start"] <= 3
    assert found["targets not polled within their interval of the restart"] <= 3


@pytest.mark.slow
async def test_hosts_in_trouble_are_in_trouble_and_the_others_are_polled() -> None:
    words = ["--only", "trouble", "--others", "40", "--hosts", "10", "--rounds", "1", "--seconds", "12"]
    found = figures(await restart.run(words))
    assert found["polls counted of the others"] > 32 * 2
    assert found["polls of the hosts in trouble meanwhile"] < 8
    assert found["lateness p99 of the others with trouble"] < 1_000
