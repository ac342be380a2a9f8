"""The list of benches, what they print, and their exit codes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import entries, main
from bench.figures import Figure, Result, as_json, number, table
from bench.suite import counted, told

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("caught", 0.99, 0.99, "at least"), True),
        (Figure("caught", 0.98, 0.99, "at least"), False),
        (Figure("delay", 20.0, 20.0, "at most"), True),
        (Figure("delay", 20.1, 20.0, "at most"), False),
        (Figure("lost", 0, 0, "equal"), True),
        (Figure("lost", 1, 0, "equal"), False),
        (Figure("told", 7), True),
        (Figure("nothing measured", math.nan, 1.0, "at most"), False),
    ],
)
def test_a_figure_is_met_on_the_promised_side_of_its_target(figure: Figure, met: bool) -> None:
    assert figure.met is met
    assert Result((figure,)).met is met


def test_the_table_shows_each_figure_beside_its_target() -> None:
    result = Result(
        (Figure("delay", 1.25, 2, "at most", "s", "worst"), Figure("lost", 3, 0, "equal")), ("one night",)
    )
    text = table("night", result)
    assert "delay   1.25 s    at most 2 s  met    worst" in text
    assert "lost    3         equal 0      SHORT" in text
    assert text.endswith("note: one night")


def test_json_is_one_line_that_any_reader_takes() -> None:
    line = as_json(
        "night", Result((Figure("share", math.nan, 1.0), Figure("delay", 2.0, 3.0, "at most", "s")))
    )
    told_ = json.loads(line, parse_constant=pytest.fail)
    assert "\n" not in line
    assert told_["met"] is False
    assert [(f["name"], f["value"], f["met"]) for f in told_["figures"]] == [
        ("share", None, False),
        ("delay", 2.0, True),
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(12345, "12,345"), (0.98765, "0.9877"), (12345.6, "12,346"), (0.0, "0")]
)
def test_numbers_are_for_people(value: float, text: str) -> None:
    assert number(value) == text


def test_benches_are_found_by_file_without_being_imported(tmp_path: Path) -> None:
    (tmp_path / "slow_night.py").write_text('NAME = "slow-night"\nSUMMARY = "long"\nraise SystemExit\n')
    (tmp_path / "helper.py").write_text("X = 1\n")
    (tmp_path / "_private.py").write_text('NAME = "private"\n')
    assert [(e.name, e.module, e.summary) for e in entries(tmp_path)] == [
        ("slow-night", "slow_night", "long")
    ]


def test_every_bench_here_is_named_like_its_file_and_says_what_it_shows() -> None:
    known = entries(ROOT / "bench")
    assert "suite" in {entry.name for entry in known}
    for entry in known:
        assert entry.name == entry.module.replace("_", "-")
        assert entry.summary


def test_what_a_bench_logs_on_the_way_is_no_part_of_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever reads the JSON gets nothing else: the made nights of `knowing` log what is told later."""
    (tmp_path / "talkative.py").write_text(
        "import structlog\nfrom bench.figures import Figure, Result\nNAME = 'talkative'\nSUMMARY = 'logs'\n"
        "def run(arguments):\n"
        "    structlog.get_logger().info('told by what came later')\n    print('half of it')\n"
        "    return Result((Figure('told', 1),))\n"
    )
    monkeypatch.setattr("bench.__main__.entries", lambda _: entries(tmp_path))
    monkeypatch.setattr("bench.__path__", [str(tmp_path)])
    assert main(["talkative", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["met"] is True
    assert "told by what came later" in shown.err
    assert "half of it" in shown.err


def test_the_list_and_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "  suite" in capsys.readouterr().out
    assert main(["siute"]) == 2
    assert "did you mean 'suite'?" in capsys.readouterr().err
    assert main(["--json"]) == 2


def test_exit_code_tells_whether_the_promise_was_kept(tmp_path: Path) -> None:
    package = tmp_path / "bench"
    package.mkdir()
    for name in ("__init__", "__main__", "figures"):
        (package / f"{name}.py").write_text((ROOT / "bench" / f"{name}.py").read_text())
    (package / "own.py").write_text(
        'from bench.figures import Figure, Result, WrongUseError\nNAME = "own"\nSUMMARY = "x"\n'
        "async def run(args):\n"
        '    if args[:1] == ["what"]: raise WrongUseError("what?")\n'
        '    return Result((Figure("length", len(args), 2, "at least"),))\n'
    )

    def bench(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "bench", "own", *arguments]
        environment = {"PATH": "/usr/bin:/bin"}
        ended = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
        )
        return ended.returncode, ended.stdout

    assert bench("a", "b")[0] == 0
    assert bench("a")[0] == 1
    assert bench("what")[0] == 2
    code, out = bench("--json", "a")
    assert (code, json.loads(out)["figures"][0]["value"]) == (1, 1)


def test_the_closing_line_of_pytest_is_read_and_not_a_line_that_looks_like_it() -> None:
    output = (
        "we passed 3 passed gates\n2 failed, 310 passed, 1 skipped in 61.20s (0:01:01)\n"
        "== tests: FAILED, exit code 1, 62 s\n== lint: ok, 1 s\n"
    )
    assert (counted(output, "passed"), counted(output, "failed"), counted("", "passed")) == (310, 2, 0)
    assert told(output) == ("tests: FAILED, exit code 1, 62 s", "lint: ok, 1 s")


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as after `| head`
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "bench"],
            cwd=ROOT,
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")
