"""A crash at a chosen step on the disk: the n-th change of a file under a folder never happens.

By the interpreter's own audit events (PEP 578), so the code under test runs unchanged: before a
file is opened for writing, renamed, removed or a folder made, the n-th time, `Crash` is raised.
It is no `Exception`: nothing that mends faults may catch it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir")


class Crash(BaseException):
    """The machine died here."""


class _Steps:
    """The one audit hook of this process: hooks cannot be taken out again, this one can be idle."""

    def __init__(self) -> None:
        self.folder, self.left, self.hooked = "", 0, False

    def hear(self, event: str, args: tuple[object, ...]) -> None:
        if not self.folder or not (event in _CHANGES or (event == "open" and _writes(args[2]))):
            return
        where = args[0]
        if isinstance(where, (str, bytes)) and os.fsdecode(where).startswith(self.folder):
            self.left -= 1
            if self.left <= 0:  # dead is dead: nothing that is tried afterwards happens either
                raise Crash(f"{event} {args[0]!r}")


def _writes(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


_STEPS = _Steps()


@contextmanager
def crashing(folder: Path, step: int) -> Iterator[None]:
    """Within, the step-th change (from 1) under `folder` and all later ones raise `Crash`."""
    if not _STEPS.hooked:
        sys.addaudithook(_STEPS.hear)
        _STEPS.hooked = True
    _STEPS.left, _STEPS.folder = step, f"{folder}{os.sep}"
    try:
        yield
    finally:
        _STEPS.folder = ""
