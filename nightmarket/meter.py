"""What the daemon costs, from /proc: memory and processor time, its workers apart."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Meter:
    """Peaks and sums over all daemons of one night. MB are 10^6 bytes."""

    rss_peak_mb: float = 0.0
    workers_peak_mb: float = 0.0
    market_cpu_s: float = 0.0
    seen: dict[str, float] = field(default_factory=dict)
    """Processor seconds of each process of the daemon, by its id."""

    def sample(self, pid: int) -> None:
        """Look at a daemon and its children now."""
        if not pid:
            return
        self.rss_peak_mb = max(self.rss_peak_mb, _peak_rss(pid) / 1e6)
        children = _descendants(pid)
        self.workers_peak_mb = max(self.workers_peak_mb, sum(map(_rss, children)) / 1e6)
        for process in (pid, *children):
            name = str(process)
            self.seen[name] = max(self.seen.get(name, 0.0), _cpu(process))

    def sample_other(self, pid: int) -> None:
        """Look at a process that is not the daemon's: the market itself."""
        self.market_cpu_s = max(self.market_cpu_s, _cpu(pid))

    @property
    def cpu_s(self) -> float:
        """Processor seconds of all processes seen, as of the last look at each."""
        return sum(self.seen.values())


def _peak_rss(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _rss(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _cpu(pid: int) -> float:
    """Seconds in user and kernel mode (proc(5), fields 14 and 15)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        for child in parents.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found
