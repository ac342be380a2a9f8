"""People are told when nobody keeps the machine's clock right."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from bot.app import Daemon
from bot.clock_words import clock_line, is_doubtful
from bot.commands import check, status
from bot.commands.out import OK, Out
from bot.config import Config, ConfigErrors
from bot.mistakes import Mistake
from storage.adjtimex import KernelClock
from storage.clock import ClockFacts, SystemClock, Timekeeping
from tests.cli.kept import StillClock, night


def facts(*, synchronised: bool, error_us: int) -> ClockFacts:
    told = KernelClock(
        synchronised=synchronised, offset_us=0, max_error_us=error_us, estimated_error_us=error_us
    )
    return Timekeeping(SystemClock(), lambda: told).facts()


LOOSE, GOOD = facts(synchronised=False, error_us=16_000_000), facts(synchronised=True, error_us=2_500)


def test_the_line_says_whether_the_clock_is_synchronised_and_its_largest_error() -> None:
    assert clock_line(LOOSE).startswith("clock: NOT synchronised, largest error 16.0 s")
    assert clock_line(GOOD) == "clock: synchronised, largest error 2.5 ms"
    unknown = Timekeeping(StillClock()).facts()
    assert clock_line(unknown).startswith("clock: not known whether it is synchronised")
    assert [is_doubtful(one) for one in (LOOSE, GOOD, unknown)] == [True, False, False]


@pytest.mark.parametrize(
    ("known", "said"), [(LOOSE, "clock: NOT synchronised"), (GOOD, "clock: synchronised")]
)
def test_status_says_it(tmp_path: Path, known: ClockFacts, said: str) -> None:
    screen = io.StringIO()
    folder = night(tmp_path).config.parent / "kept"
    assert status.run(Out(stream=screen), folder, StillClock(), targets={}, kept=known) == OK
    assert said in screen.getvalue()


def unreadable(_path: Path) -> Config:
    raise ConfigErrors((Mistake(why="a mistake", file="config.toml"),))


@pytest.mark.parametrize(
    ("known", "said"), [(LOOSE, "warning: clock: NOT synchronised"), (GOOD, "\nclock: synchronised")]
)
def test_check_says_it(tmp_path: Path, known: ClockFacts, said: str) -> None:
    screen = io.StringIO()
    check.run(
        Out(stream=screen), tmp_path / "config.toml", read=unreadable, load_lexicon=_no_terms, clock=known
    )
    assert said in screen.getvalue()


def _no_terms(_files: tuple[Path, ...]) -> check.Terms:
    raise AssertionError("there is no lexicon")


@pytest.mark.parametrize(("known", "lines"), [(LOOSE, [clock_line(LOOSE)]), (GOOD, [])])
def test_the_watch_logs_a_clock_that_nobody_keeps_right(known: ClockFacts, lines: list[str]) -> None:
    vault = SimpleNamespace(timekeeping=SimpleNamespace(facts=lambda: known))
    with capture_logs() as logged:
        Daemon._say_clock(cast(Daemon, SimpleNamespace(store=SimpleNamespace(vault=vault))))
    assert [one["event"] for one in logged if one["log_level"] == "warning"] == lines
