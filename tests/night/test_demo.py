"""The demo from its own command: a short night with a real daemon, a real kill, a real score."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    *("posts", "capturable", "captured_of_capturable", "captured_of_all", "ceiling", "false_deletions"),
    *("deletion_inside_interval", "alerts_expected", "alerts_lost", "alerts_doubled", "precision_high"),
    *("recall_alerted", "latency_p50_s", "latency_p99_s", "rss_peak_mb", "cpu_s", "data_dir", "config"),
    *("by_lifetime", "by_site", "wrong_joins", "unjudged", "kept", "promises_broken"),
}


def _demo(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nightmarket", *arguments]


def _processes_in(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(folder) in command and "pytest" not in command:
                found.append(command.replace("\0", " "))
    return found


@pytest.mark.slow
def test_a_short_night_ends_with_a_score_and_can_be_looked_at_and_judged_again(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    done = subprocess.run(
        _demo("--size", "hour", "--minutes", "0.6", "--dir", str(folder), "--json"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-3000:]
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert figures.keys() >= KEYS
    assert figures["kept"] is (done.returncode == 0)
    assert figures["posts"] == 600
    # What no load of the machine may excuse:
    assert figures["false_deletions"] == 0, figures["false_deletion_posts"]
    assert figures["deletion_inside_interval"] in (None, 1.0), figures["deletion_outside_posts"]
    assert figures["alerts_lost"] == figures["alerts_doubled"] == 0, figures["alert_faults"]
    assert figures["evidence_whole"] == 1.0
    assert figures["verify_faults"] == figures["files_damaged"] == figures["export_faults"] == 0
    assert figures["captured_of_all"] > 0.3
    assert figures["restarts"] == 1
    assert not _processes_in(folder)
    again = subprocess.run(
        _demo("--judge", str(folder), "--json"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    same = json.loads(again.stdout.strip().splitlines()[-1])
    changing = {"took_s"}
    assert {k: v for k, v in same.items() if k not in changing} == {
        k: v for k, v in figures.items() if k not in changing
    }


@pytest.mark.slow
def test_an_interrupted_night_leaves_no_process_behind(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    demo = subprocess.Popen(
        _demo("--size", "hour", "--minutes", "2", "--dir", str(folder)),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A suite that runs in the background of a shell hears no Ctrl-C, and neither do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    until = time.monotonic() + 120
    while time.monotonic() < until and not (folder / "data").exists():
        time.sleep(0.1)
    assert (folder / "data").exists()
    os.killpg(demo.pid, signal.SIGINT)
    _, said = demo.communicate(timeout=120)
    assert demo.returncode == 130, said
    assert b"interrupted" in said
    assert not _processes_in(folder)


def test_wrong_use_exits_2_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    for arguments, words in (
        (("--dir", str(tmp_path)), "is not empty"),
        (("--judge", str(tmp_path)), "no played night"),
        (("--minutes", "0"), "--minutes must be"),
        (("--size", "week"), "invalid choice"),
    ):
        done = subprocess.run(
            _demo(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 2
        assert words in done.stderr
