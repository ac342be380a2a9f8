"""How a disk is made to refuse: a small one that is full, no leave to write, errors from the kernel."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

DISK_BYTES = 100 * 1024 * 1024


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of 100 MB, or None."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def traced(pid: int) -> bool:
    """Whether every thread of a process is being traced."""
    states = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("TracerPid:\t0\n" not in state for state in states)


class Fault(Protocol):
    """Something that happens to the disk of a process."""

    def begin(self, pid: int, /) -> None:
        """From now on."""

    def again(self, pid: int, /) -> None:
        """After the daemon has freed its reserve."""

    def end(self, pid: int, /) -> None:
        """No more."""


class Filled:
    """A disk with no room left. `again` fills what the freed reserve gave back."""

    def __init__(self, disk: Path) -> None:
        self._disk, self._count = disk, 0

    def begin(self, _pid: int) -> None:
        self._count += 1
        with suppress(OSError), (self._disk / f"filler-{self._count}").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(64 * 1024))

    again = begin

    def end(self, _pid: int) -> None:
        for path in self._disk.glob("filler-*"):
            path.unlink()


class Refusing:
    """A process that may write no byte to any file."""

    def begin(self, pid: int) -> None:
        self._kept = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, self._kept[1]))

    def again(self, _pid: int) -> None:
        """It refuses all the while."""

    def end(self, pid: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, self._kept)


class Failing:
    """A disk that answers reading, writing and syncing of the database and its folders with EIO.

    By strace's fault injection into the running daemon, for these paths alone: the programs
    that the daemon starts meanwhile lie on another disk.
    """

    CALLS = "pread64,pwrite64,fsync,fdatasync"

    def __init__(self, data: Path) -> None:
        names = ("nightjar.db", "nightjar.db-wal", "tmp", "blobs", *(f"blobs/{n:02x}" for n in range(256)))
        self._paths = [word for name in names for word in ("-P", str(data / name))]

    def begin(self, pid: int) -> None:
        fault = f"inject={self.CALLS}:error=EIO"
        words = ["strace", "-f", "-qq", "-o", "/dev/null", *self._paths, "-e", fault, "-p", str(pid)]
        # Not one thread may go on writing after the first fault: the process stands until all are traced.
        os.kill(pid, signal.SIGSTOP)
        self._tracer = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while not traced(pid) and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(pid, signal.SIGCONT)

    def again(self, _pid: int) -> None:
        """It fails all the while."""

    def end(self, _pid: int) -> None:
        self._tracer.terminate()
        self._tracer.wait(20)

    @staticmethod
    def possible() -> bool:
        """Whether strace is here and may trace a process that is not its own child."""
        if shutil.which("strace") is None:
            return False
        with subprocess.Popen(["sleep", "60"]) as sleeper:
            tracer = subprocess.Popen(
                ["strace", "-qq", "-o", "/dev/null", "-p", str(sleeper.pid)], stderr=subprocess.DEVNULL
            )
            with suppress(subprocess.TimeoutExpired):
                tracer.wait(1)
            attached = tracer.poll() is None
            tracer.terminate()
            sleeper.kill()
        return attached
