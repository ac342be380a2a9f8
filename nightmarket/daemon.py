"""Starting, killing, stopping and asking the daemon, as a user would: by its commands.

The child runs in a session of its own and dies with us. Everything that waits is bounded.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from nightmarket.clockwork import VARIABLE, Hours
from nightmarket.config import Places

STOP_S = 20.0
ASK_S = 300.0
ROOT = Path(__file__).resolve().parent.parent


class DaemonError(Exception):
    """The daemon did not do what it must: start, stay up, stop, or answer a command."""


class Daemon:
    """One daemon over one data folder; may be started again after a kill."""

    def __init__(self, places: Places, hours: Hours) -> None:
        self._places, self._hours = places, hours
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running child, or 0."""
        return self._child.pid if self._child is not None and self._child.poll() is None else 0

    def start(self) -> None:
        """Start it. What it says goes to the log file, by a pipe: its disk may be full."""
        self._child = subprocess.Popen(
            command("run", self._places),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(self._hours),
            cwd=self._places.folder,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - it calls nothing that a thread may hold
        )
        assert self._child.stdout is not None
        copying = (self._child.stdout, self._places.daemon_log)
        threading.Thread(target=_copy, args=copying, name="daemon log", daemon=True).start()

    def fill_disk(self, *, full: bool) -> None:
        """From now on (not) let any file of the daemon grow, as on a full disk.

        By its limit on file sizes (setrlimit(2), RLIMIT_FSIZE): every write fails with EFBIG.
        """
        if self.pid:
            most = 0 if full else resource.RLIM_INFINITY
            with contextlib.suppress(ProcessLookupError, PermissionError):
                resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def kill(self) -> None:
        """SIGKILL, as when the power fails; its workers die too."""
        if self._child is not None:
            self._signal_group(signal.SIGKILL)
            self._child.wait(STOP_S)

    def stop(self) -> float:
        """SIGTERM and wait; returns the seconds it took. Raises DaemonError when it must be killed."""
        if self._child is None:
            return 0.0
        began = time.monotonic()
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DaemonError(f"did not stop within {STOP_S:.0f} s") from None
        finally:
            self._signal_group(signal.SIGKILL)  # workers that outlived it
        return time.monotonic() - began

    def exit_code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._child.poll() if self._child is not None else None

    def _signal_group(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, number)


def command(verb: str, places: Places, *arguments: str) -> list[str]:
    """A command line of the program under test."""
    return [sys.executable, "-m", "bot.cli", verb, "--config", str(places.config), *arguments]


def environment(hours: Hours | None) -> dict[str, str]:
    """Our environment with the checkout on the path, and simulated time when given."""
    found = dict(os.environ)
    inherited = found.get("PYTHONPATH", "")
    found["PYTHONPATH"] = os.pathsep.join(part for part in (str(ROOT), inherited) if part)
    found.pop(VARIABLE, None)
    if hours is not None:
        found[VARIABLE] = hours.triple()
    return found


def ask(places: Places, verb: str, *arguments: str) -> Mapping[str, object]:
    """Run a command with --json and return its object. Raises DaemonError when it gives none."""
    done = subprocess.run(
        command(verb, places, "--json", *arguments),
        capture_output=True,
        env=environment(None),
        cwd=places.folder,
        timeout=ASK_S,
        check=False,
    )
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        why = done.stderr.decode("utf-8", "replace")[-600:]
        raise DaemonError(f"`{verb} --json` gave no object (exit {done.returncode}): {why}") from None
    if not isinstance(answer, dict) or "error" in answer:
        raise DaemonError(f"`{verb} --json`: {str(answer)[:600]}")
    return answer


def _copy(pipe: IO[bytes], path: Path) -> None:
    """Everything the daemon says into its log file, until the pipe ends."""
    with pipe, path.open("ab", buffering=0) as log:
        while chunk := os.read(pipe.fileno(), 65_536):
            log.write(chunk)


def _die_with_parent() -> None:
    """Linux: have the kernel kill us when the parent dies (prctl PR_SET_PDEATHSIG)."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
