"""What a test could leave changed in the process it shares with the next thousand, and putting it back.

Tests run in any order in one process. What one of them does to the process itself (its environment,
its folder, its collector, who hears signals) decides about others that know nothing of it, and only
in some orders. Warnings are put back by pytest itself.
"""

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGALRM)
_LIMITS = (
    resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_CPU, resource.RLIMIT_DATA,
    resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE,
)  # fmt: skip
_OF_PYTEST = "PYTEST_CURRENT_TEST"


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != _OF_PYTEST}


def _set_environment(values: dict[str, str]) -> None:
    for name in _environment().keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)


def _umask() -> int:
    found = os.umask(0o022)
    os.umask(found)
    return found


def _zone() -> tuple[str, ...]:
    return time.tzname


def _set_zone(_: object) -> None:
    time.tzset()  # the environment was put back before


def _signals() -> tuple[Any, ...]:
    return tuple(signal.getsignal(number) for number in _HEARD)


def _hear(handlers: tuple[Any, ...]) -> None:
    for number, handler in zip(_HEARD, handlers, strict=True):
        if handler is not None:  # else it is none of Python's
            signal.signal(number, handler)


def _limits() -> tuple[int, ...]:
    return tuple(resource.getrlimit(one)[0] for one in _LIMITS)


def _limit(soft: tuple[int, ...]) -> None:
    for one, value in zip(_LIMITS, soft, strict=True):
        resource.setrlimit(one, (value, resource.getrlimit(one)[1]))


def _collector() -> tuple[object, ...]:
    """Not how much is frozen: to thaw it for the next daemon to look through costs more than it frees."""
    return gc.isenabled(), gc.get_threshold()


def _collect_as(before: tuple[Any, ...]) -> None:
    enabled, thresholds = before
    (gc.enable if enabled else gc.disable)()
    gc.set_threshold(*thresholds)


def _root() -> tuple[list[logging.Handler], int]:
    """Handlers that pytest puts there and takes away again are its own affair."""
    root = logging.getLogger()
    own = [handler for handler in root.handlers if not type(handler).__module__.startswith("_pytest.")]
    return own, root.level


def _set_root(before: tuple[list[logging.Handler], int]) -> None:
    root, now = logging.getLogger(), _root()[0]
    handlers, level = before
    root.handlers[:] = [*(one for one in root.handlers if one not in now), *handlers]
    root.setLevel(level)


def _hears_warnings() -> bool:
    return getattr(logging, "_warnings_showwarning", None) is not None


def _levels() -> dict[str, int]:
    """Of every logger that has one of its own."""
    known = logging.getLogger().manager.loggerDict.items()
    return {name: one.level for name, one in known if isinstance(one, logging.Logger) and one.level}


def _set_levels(before: dict[str, int]) -> None:
    for name in _levels().keys() | before.keys():
        logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


def _set_path(before: list[str]) -> None:
    sys.path[:] = before


_KEPT: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "environment": (_environment, _set_environment),
    "folder": (os.getcwd, os.chdir),
    "umask": (_umask, os.umask),
    "time zone": (_zone, _set_zone),
    "locale": (
        lambda: locale.setlocale(locale.LC_ALL),
        lambda before: locale.setlocale(locale.LC_ALL, before),
    ),
    "sys.path": (lambda: sys.path[:], _set_path),
    "signals": (_signals, _hear),
    "limits": (_limits, _limit),
    "collector": (_collector, _collect_as),
    "switch interval": (sys.getswitchinterval, sys.setswitchinterval),
    "recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "time of sockets": (socket.getdefaulttimeout, socket.setdefaulttimeout),
    "root logger": (_root, _set_root),
    "warnings as log": (_hears_warnings, logging.captureWarnings),
    "levels of loggers": (_levels, _set_levels),
    "structlog": (structlog.get_config, lambda before: structlog.configure(**before)),
}


@contextmanager
def as_it_was(told: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Whatever of this the block changes is put back. told: called with the name of each such thing."""
    before = {name: look() for name, (look, _) in _KEPT.items()}
    try:
        yield
    finally:
        for name, (look, put) in _KEPT.items():
            if look() != before[name]:
                told(name)
                put(before[name])
