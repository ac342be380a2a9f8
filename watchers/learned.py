"""What was learned of targets, over a restart: one file beside the store, replaced whole. For threads.

A file that is damaged, too large or of other targets is told in the log and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from storage.files import fsync, write_whole
from storage.model import NightWindow, Target
from watchers.budgets import host_of, numbered

if TYPE_CHECKING:
    from watchers.planner import Planner

log = structlog.get_logger(__name__)

FILE = "cadence.npz"
MOST_BYTES = 256_000_000
"""A larger file is not read: ten thousand targets need a tenth of it."""


def made(targets: Sequence[Target], before: Planner | None, file: Path) -> Planner | None:
    """A planner of these targets that knows what the one before knew, or what was kept."""
    if not targets:
        return None
    hosts = numbered(targets)
    night = {window: night_hours(window) for window in {target.window for target in targets}}
    from watchers.planner import Planner  # with NumPy, which a start need not wait for

    planner = Planner(
        [target.name for target in targets],
        [hosts[host_of(target)] for target in targets],
        [night[target.window] for target in targets],
    )
    packed = before.packed() if before is not None else _read(file)
    if packed and not planner.unpack(packed) and before is None:
        log.warning("what was learned of targets is damaged or of others: learning anew", file=file.name)
    return planner


def night_hours(window: NightWindow) -> list[float]:
    """Share of each local hour of the day that lies in the window."""
    start, end = _minutes(window.start), _minutes(window.end)
    length = (end - start) % 1_440 or 1_440
    found = [0.0] * 24
    for minute in range(start, start + length):
        found[minute // 60 % 24] += 1 / 60
    return found


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")[:2]
    return int(hour) * 60 + int(minute)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            log.warning("what was learned of targets is too large to be ours: learning anew", file=file.name)
            return b""
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as trouble:
        log.warning("what was learned of targets cannot be read: learning anew", why=str(trouble))
        return b""


def write(planner: Planner, file: Path) -> None:
    """Raises OSError."""
    temporary = file.with_name(f".{file.name}")
    write_whole(temporary, planner.packed(), mode=0o600)
    temporary.replace(file)
    fsync(file.parent)
