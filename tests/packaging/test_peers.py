"""What `bench peers` serves, hears and concludes; the peers themselves are in the bench."""

from __future__ import annotations

import math
import re
import time

from bench._square import OLD, Square
from bench._watchers import CHANGEDETECTION, URLWATCH, family
from bench.peers import Sample, Span, figures

OURS = Sample(
    name="nightjar",
    targets=1_000,
    memory_mb=100.0,
    still=Span(seconds=60.0, polls={"304": 15_000, "same": 5_000}, cpu_s=20.0),
    busy=Span(seconds=60.0, polls={"304": 10}, cpu_s=20.0, latencies_s=(0.1, 0.2, 0.9)),
)


def peer(name: str, *, polls: int, memory_mb: float, p50_s: float) -> Sample:
    return Sample(
        name=name,
        targets=1_000,
        memory_mb=memory_mb,
        still=Span(seconds=60.0, polls={"same": polls}, cpu_s=20.0),
        busy=Span(seconds=60.0, polls={}, cpu_s=1.0, latencies_s=(p50_s, p50_s + 9, p50_s - 0.1)),
    )


def bodies(square: Square, target: int, head: bytes = b"") -> bytes:
    return square.feed(target, head, "127.0.0.1")


def test_a_third_of_the_feeds_each_answers_304_the_same_and_other_bytes() -> None:
    square = Square(3, 8080)
    first = bodies(square, 0)
    etag = re.search(rb'ETag: (".*?")', first)
    assert etag
    assert bodies(square, 0, b"If-None-Match: " + etag[1]).startswith(b"HTTP/1.1 304 ")
    assert bodies(square, 1) == bodies(square, 1)
    assert bodies(square, 2) != bodies(square, 2)
    assert first.count(b"<item>") == OLD
    assert 20_000 < len(first) < 30_000


def test_a_post_that_is_named_in_an_alert_counts_as_told_once() -> None:
    square = Square(1, 8080)
    square.begin(1.0)
    now = time.monotonic()
    square.births[0] = [now - 3, now - 2, now + 1_000]
    assert b"lot 0-7<" in bodies(square, 0)
    square.hear(b'{"title": "carving, lot 0-6, and lot 0-66"}')
    told = square.report(0.0)
    assert told["untold"] == 1
    assert square.report(2.5)["untold"] == 0
    first = square.told["0-6"]
    square.hear(b"+ lot 0-6")
    assert square.told["0-6"] == first
    assert list(told["latencies_s"]) == [first - (now - 3)]  # type: ignore[call-overload]


def test_what_is_promised_is_held_against_the_better_peer() -> None:
    full = {
        CHANGEDETECTION.name: peer(CHANGEDETECTION.name, polls=400, memory_mb=120, p50_s=9),
        URLWATCH.name: peer(URLWATCH.name, polls=1_000, memory_mb=80, p50_s=9),
    }
    fewer = {
        CHANGEDETECTION.name: peer(CHANGEDETECTION.name, polls=1, memory_mb=1, p50_s=1.2),
        URLWATCH.name: peer(URLWATCH.name, polls=1, memory_mb=1, p50_s=0.5),
    }
    found = [(figure.value, figure.met) for figure in figures(OURS, full, fewer)[:4]]
    assert found == [(50.0, True), (20.0, True), (1.25, False), (0.4, True)]


def test_a_peer_that_is_missing_is_no_success() -> None:
    found = figures(OURS, {}, {})[:4]
    assert all(math.isnan(figure.value) and not figure.met for figure in found)


def test_a_program_is_counted_with_its_children() -> None:
    import os
    import subprocess

    with subprocess.Popen(["sleep", "20"]) as child:
        try:
            assert {os.getpid(), child.pid} <= set(family(os.getpid()))
        finally:
            child.kill()
