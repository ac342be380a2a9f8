"""Starting, starving, killing and stopping a child that stands in for the daemon."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightmarket import daemon as daemons
from nightmarket.clockwork import Hours, scaled_loop
from nightmarket.config import Places
from nightmarket.daemon import Daemon, DaemonError
from nightmarket.meter import Meter
from nightmarket.vitals import Counters

HOURS = Hours(start=datetime(2026, 11, 21, tzinfo=UTC), speed=80.0, origin=0.0)
WRITER = """
import pathlib, time
n = 0
while True:
    try:
        n += 1
        pathlib.Path("growing").write_bytes(b"x" * 100 * n)
        print("took", flush=True)
    except OSError as error:
        print("refused", error.errno, flush=True)
    time.sleep(0.02)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Daemon]:
    def made(script: str) -> Daemon:
        monkeypatch.setattr(daemons, "command", lambda *_: [sys.executable, "-c", script])
        return Daemon(Places(folder=tmp_path), HOURS)

    return made


def _until(says: str, log: Path, since: int = 0) -> int:
    """Wait for words in a growing file; returns its size then."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        text = log.read_bytes() if log.exists() else b""
        if says.encode() in text[since:]:
            return len(text)
        time.sleep(0.02)
    raise AssertionError(f"never said {says!r}: {text[-300:]!r}")


def test_on_a_full_disk_no_file_grows_and_the_log_still_comes(
    child: Callable[[str], Daemon], tmp_path: Path
) -> None:
    daemon = child(WRITER)
    daemon.start()
    log = tmp_path / "daemon.log"
    try:
        size = _until("took", log)
        daemon.fill_disk(full=True)
        size = _until("refused", log, size)
        daemon.fill_disk(full=False)
        _until("took", log, size)
    finally:
        daemon.kill()
    assert daemon.pid == 0


def test_a_child_that_will_not_stop_is_killed_and_told_of(
    child: Callable[[str], Daemon], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons, "STOP_S", 0.5)
    daemon = child(STUBBORN)
    daemon.start()
    pid = daemon.pid
    _until("up", tmp_path / "daemon.log")
    with pytest.raises(DaemonError, match="did not stop"):
        daemon.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)  # reaped: not even a zombie is left
    daemon.kill()  # twice is harmless
    assert daemon.stop() >= 0


def test_it_can_be_killed_and_started_again(child: Callable[[str], Daemon], tmp_path: Path) -> None:
    daemon = child("import os, time; print('I am', os.getpid(), flush=True); time.sleep(600)")
    log = tmp_path / "daemon.log"
    pids = []
    for _ in range(2):
        daemon.start()
        pids.append(daemon.pid)
        _until(f"I am {daemon.pid}", log)
        daemon.kill()
        assert daemon.pid == 0
        assert daemon.exit_code() == -9
    assert pids[0] != pids[1]


def test_the_environment_gives_the_time_and_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_SIMULATION", "of somebody else")
    assert daemons.environment(HOURS)["NIGHTJAR_SIMULATION"] == "2026-11-21T00:00:00+00:00,80.0,0.0"
    assert "NIGHTJAR_SIMULATION" not in daemons.environment(None)
    assert str(daemons.ROOT) in daemons.environment(None)["PYTHONPATH"]
    assert Hours.parse(HOURS.triple()) == HOURS


def test_a_command_without_an_object_is_an_error_that_quotes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(folder=tmp_path)
    for script, words in (
        ("import sys; sys.exit('out of order')", "out of order"),
        ("print('[1, 2]')", "find --json"),
        ("""print('{"error": "X", "message": "no store"}')""", "no store"),
    ):
        monkeypatch.setattr(daemons, "command", lambda *_, script=script: [sys.executable, "-c", script])
        with pytest.raises(DaemonError, match=words):
            daemons.ask(places, "find")
    monkeypatch.setattr(
        daemons, "command", lambda *_: [sys.executable, "-c", "print('x'); print('{\"a\": 1}')"]
    )
    assert daemons.ask(places, "find") == {"a": 1}


def test_the_meter_sees_memory_and_processor_of_a_process_and_its_children() -> None:
    meter = Meter()
    meter.sample(0)
    assert meter.cpu_s == 0
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    meter.sample(os.getpid())
    assert meter.rss_peak_mb > 10
    assert meter.cpu_s > 0
    meter.sample(999_999_999)  # gone already
    assert Meter(rss_peak_mb=1.0, seen={"7": 2.0}).cpu_s == 2.0


def test_counters_are_summed_over_restarts() -> None:
    counters = Counters()
    counters._now = {'nightjar_polls_total{outcome="same"}': 3.0, 'nightjar_late_bucket{le="0.5"}': 9.0}
    counters._now |= {'nightjar_late_bucket{le="1.0"}': 10.0, "nightjar_late_count": 10.0}
    counters.restarted()
    counters._now = {'nightjar_polls_total{outcome="changed"}': 4.0}
    assert counters.total("polls_total") == 7
    assert counters.total("polls_total", "same") == 3
    assert counters.share_within("late", "0.5") == 0.9
    assert counters.quantile("late", 90) == 0.5
    assert counters.quantile("late", 99) == 1.0
    assert counters.quantile("never", 50) is None
    assert Counters.restored(counters.snapshot()).total("polls_total") == 7
    assert not counters.read(1)  # nobody listens there


def test_a_scaled_loop_makes_waits_shorter_by_its_factor() -> None:
    import asyncio

    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: scaled_loop(1_000.0)) as runner:
        runner.run(asyncio.sleep(60))
    assert 0.05 < time.monotonic() - began < 30
