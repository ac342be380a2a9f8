"""A real daemon as a process of its own, for benches: its configuration, its memory, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAD = """[nightjar]
contact = "bench@example.org"
allow = ["127.0.0.0/8"]
metrics = ""
picture_workers = {workers}

[[channel]]
name = "file"
kind = "ndjson"
"""
STANZA = """
[[target]]
name = "{name}"
kind = "{kind}"
url = "{url}"
interval = "{interval}"
day_interval = "{interval}"
legal_basis = "bench on loopback"
authorised_by = "bench"
review_after = 2999-01-01
{more}
"""


def always(name: str, url: str, *, kind: str = "json", interval: str = "60s", more: str = "") -> str:
    """A target that is watched day and night."""
    return STANZA.format(name=name, kind=kind, url=url, interval=interval, more=more)


@asynccontextmanager
async def program(
    *words: str, log: Path | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python module of this checkout as a process; killed at the end if it still runs."""
    out = log.open("ab") if log else None
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *words,
        cwd=ROOT,
        env={**os.environ, **(environment or {}), "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=out or asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if out:
            out.close()


async def stop(process: asyncio.subprocess.Process, within_s: float = 10.0) -> int:
    """SIGTERM, and the exit code; raises TimeoutError when it does not end."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(within_s):
        return await process.wait()


def memory_mb(pid: int) -> tuple[float, float]:
    """(resident now, peak so far) of one process in MB (1e6 bytes); from /proc/PID/status."""
    text = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return tuple(int(fields[k].split()[0]) * 1024 / 1e6 for k in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def cpu_s(pid: int) -> float:
    """Processor seconds of one process so far, user and system; from /proc/PID/stat."""
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
