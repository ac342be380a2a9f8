"""Tests share a process: what one of them changes there is put back, and told."""

from __future__ import annotations

import gc
import locale
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from bot import garbage, logs
from storage.clock import SystemClock
from tests.fakes.process import as_it_was


def _zone() -> None:
    os.environ["TZ"] = "Asia/Ho_Chi_Minh" if time.tzname[0] == "UTC" else "UTC"
    time.tzset()


def _files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))


CHANGES: dict[str, Callable[[], object]] = {
    "environment": lambda: os.environ.__setitem__("NIGHTJAR_X", "1"),
    "folder": lambda: os.chdir("/"),
    "umask": lambda: os.umask(0o007),
    "time zone": _zone,
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8" if "UTF" not in locale.setlocale(0) else "C"),
    "sys.path": lambda: sys.path.insert(0, "/nowhere"),
    "signals": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    "limits": _files,
    "collector": lambda: gc.set_threshold(900, 11, 12),
    "switch interval": lambda: sys.setswitchinterval(0.001),
    "recursion limit": lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 1),
    "time of sockets": lambda: socket.setdefaulttimeout(3.0),
    "root logger": lambda: logging.getLogger().setLevel(logging.CRITICAL),
    "warnings as log": lambda: logging.captureWarnings(capture=True),
    "levels of loggers": lambda: logging.getLogger("telegram").setLevel(logging.CRITICAL),
    "structlog": lambda: structlog.configure(cache_logger_on_first_use=True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_is_told_and_put_back(name: str) -> None:
    told: list[str] = []
    with as_it_was(told.append):
        CHANGES[name]()
    assert name in told
    told.clear()
    with as_it_was(told.append):
        pass
    assert told == []


def test_what_the_daemon_does_to_its_process_does_not_stay() -> None:
    told: list[str] = []
    with as_it_was(told.append):
        logs.set_up(SystemClock(), level="ERROR")
        garbage.one_thread_for_arrays()
        gc.set_threshold(*garbage.THRESHOLDS)
        os.chdir(Path("/"))
    assert {"root logger", "structlog", "collector", "folder"} <= set(told)
    assert gc.get_threshold() != garbage.THRESHOLDS
    assert not structlog.get_config()["cache_logger_on_first_use"]
