"""A server of the night as a child process: it says where it is, is told the time, ends with its input."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

from nightmarket.clockwork import Hours
from nightmarket.daemon import ROOT, DaemonError, environment

END_S = 10.0


class Served:
    """`python -m MODULE ARGUMENTS`, in a session of its own. said: the JSON line that it began with.

    Raises DaemonError when it does not start.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(None),
            cwd=ROOT,
            text=True,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise DaemonError(f"{module} did not start (exit {self._child.wait(END_S)})")
        self.said: dict[str, object] = json.loads(line)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._child.pid

    def is_up(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    def open(self, hours: Hours) -> None:
        """Tell it the time, from now on; again whenever the time goes on in another way."""
        assert self._child.stdin is not None
        self._child.stdin.write(hours.triple() + "\n")
        self._child.stdin.flush()

    def close(self) -> None:
        """End its input, and it if that does not help; twice is harmless."""
        assert self._child.stdin is not None
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(END_S)
