"""The order in which bytes become durable, by system calls; and kills in the middle of it (short form)."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bench import _storm, durability
from bench._trace import Order, read
from bench.durability import Traced
from bench.figures import WrongUseError

LOOKS = 6
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    if shutil.which("strace") is None:
        pytest.skip("strace is not here: the order of system calls is not shown")
    folder = tmp_path_factory.mktemp("durability")
    try:
        return asyncio.run(durability.traced(folder / "traced", LOOKS))
    except WrongUseError as trouble:  # a container may forbid to trace
        pytest.skip(str(trouble))


def test_every_look_is_durable_before_it_is_acknowledged(run: Traced) -> None:
    figures, notes = durability.trace_figures(run, LOOKS)
    assert [f.name for f in figures if not f.met] == []
    assert notes == ()
    assert len(run.acknowledged) == LOOKS


def without(pattern: str) -> Callable[[tuple[str, ...]], list[str]]:
    return lambda lines: [line for line in lines if not re.search(pattern, line)]


def acknowledged_at_once(lines: Iterable[str]) -> list[str]:
    """The same run by a program that acknowledges before it does anything."""
    early = [line for line in lines if '"sealed ' in line]
    return [*early, *(line for line in lines if '"sealed ' not in line)]


def linked_first(lines: Iterable[str]) -> list[str]:
    links = [line for line in lines if re.search(r" (link|rename)\w*\(", line)]
    return [*links, *(line for line in lines if line not in links)]


def database_first(lines: Iterable[str]) -> list[str]:
    """Rows and their sync before any file."""
    rows = [line for line in lines if "-wal>" in line]
    return [*rows, *(line for line in lines if line not in rows)]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (without(r"f(data)?sync\(\d+<[^>]*/tmp/"), "its bytes were not synced"),
        (without(r"fsync\(\d+<[^>]*/blobs/..>"), "its folder was not synced"),
        (without(r" (link|rename)\w*\("), "never linked or renamed"),
        (without(r"f(data)?sync\(\d+<[^>]*-wal>"), "the WAL was not synced"),
        (without(r'"sealed '), "never acknowledged"),
        (acknowledged_at_once, "acknowledged before the WAL was synced"),
        (linked_first, "linked before its bytes were synced"),
        (database_first, "not written to the WAL after its files"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_program_that_does_it_in_another_order_is_found_out(
    run: Traced, spoil: Callable[[tuple[str, ...]], list[str]], fault: str
) -> None:
    faults = Order(read(spoil(run.lines))).check(run.needed)
    assert any(fault in told for told in faults), faults[:3]
    figures, _ = durability.trace_figures(replace(run, lines=tuple(spoil(run.lines))), LOOKS)
    assert not all(f.met for f in figures)


def test_calls_that_were_interrupted_begin_and_end_where_they_did() -> None:
    lines = [
        '7 write(5</a/tmp/x>, "ab", 2 <unfinished ...>',
        "8 fsync(6</a/b>) = 0",
        "7 <... write resumed>) = 2",
        "8 fsync(6</a/b>) = -1 EIO (Input/output error)",
        "9 fsync(5</a/tmp/x> <unfinished ...>",
        "9 +++ killed by SIGKILL +++",
    ]
    calls = read(lines)
    assert [(c.name, c.path, c.began, c.ended) for c in calls] == [
        ("write", "/a/tmp/x", 0, 2),
        ("fsync", "/a/b", 1, 1),
    ]


async def test_without_strace_the_bench_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WrongUseError, match="strace is not here"):
        await durability.traced(tmp_path / "traced", 1)


async def test_a_process_that_signs_and_is_killed_loses_nothing(tmp_path: Path) -> None:
    found = await _storm.storm(tmp_path / "storm", 5, random.SystemRandom().randrange(1_000_000))
    assert {f.name: f.value for f in found.figures(5) if not f.met} == {}
