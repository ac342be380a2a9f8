"""The page of benchmarks says what the kept runs say, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from bench import _benchmarks
from bench._benchmarks import MARK, PAGE, kept, page, plot, read
from bench.figures import Figure, Result, as_json

RESULT = Result(
    (
        Figure("polls <b>", 120.0, 50),
        Figure("memory", 150.0, 100.0, "at most", "MB"),
        Figure("lost", 0, 0, "equal"),
        Figure("never seen", float("nan"), 1),
        Figure("for information", 7, unit="s"),
    ),
    ("one note",),
)


def run() -> dict[str, object]:
    told = json.loads(as_json("peers", RESULT))
    return kept(told, datetime(2026, 11, 27, 23, 0, tzinfo=UTC))


def test_a_kept_run_says_where_and_when_it_was() -> None:
    one = run()
    assert one["date"] == "2026-11-27 23:00 UTC"
    assert set(one["machine"]) == {"cores", "python", "system", "processor", "memory_gb", "kernel", "load"}
    assert one["versions"]["aiohttp"]


def test_the_page_shows_each_figure_beside_its_promise() -> None:
    text = page([run()])
    assert "`./nightjar bench peers`: the same feeds" in text
    assert "| memory | 150 MB | at most 100 MB | **short** |  |" in text
    assert "| lost | 0 | equal 0 | met |  |" in text
    assert "| never seen | not measured | at least 1 | **short** |  |" in text
    assert "| for information | 7 s |  |  |  |" in text
    assert "- one note" in text


def test_a_plot_has_a_bar_for_each_promise_that_can_be_drawn() -> None:
    drawn = ET.fromstring(plot(run()))
    words = [part.text for part in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert words == ["polls <b>", "2.40x", "memory", "0.67x", "promised"]


def test_the_page_here_is_what_the_kept_runs_say() -> None:
    written = PAGE.read_text()
    assert written.partition(MARK)[2] == page(read()).removeprefix(MARK)
    for one in read():
        path = _benchmarks.FOLDER / f"{one['bench']}.svg"
        assert not path.exists() or path.read_text() == plot(one)
