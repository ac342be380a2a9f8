"""What a worker process does for itself: it gives up rights, and answers jobs in frames.

Used by the programs that read strangers' bytes (`picture_worker`, `page_worker`); the
other side is `workers`. A frame is two big-endian 32-bit lengths, a JSON object and
bytes. Whatever kills the process costs the one job it had.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

FRAME_MAX_BYTES = 256 << 20

_LENGTHS = struct.Struct(">II")
_PR_SET_PDEATHSIG = 1

Frame = tuple[dict[str, object], bytes]


def read_frame(stream: BinaryIO) -> Frame | None:
    """One frame: two big-endian 32-bit lengths, a JSON object, then bytes. None at the end."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_bytes, body_bytes = _LENGTHS.unpack(lengths)
    if head_bytes + body_bytes > FRAME_MAX_BYTES:
        return None
    head = json.loads(stream.read(head_bytes))
    return head, stream.read(body_bytes)


def frame(head: dict[str, object], body: bytes = b"") -> bytes:
    """The bytes of one frame but for `body`, which the caller writes after them."""
    text = json.dumps(head).encode()
    return _LENGTHS.pack(len(text), len(body)) + text


def bound_process(memory_max_bytes: int) -> None:
    """Give up rights: memory, files, core dumps; die with the daemon; ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory_max_bytes, memory_max_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        # Without it a worker busy in an endless decoder would outlive a killed daemon.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def bound_job_memory(job_memory_bytes: int) -> None:
    """Let this process take so much memory beyond what it holds now; Linux only, else nothing.

    RLIMIT_DATA counts private writable memory; RLIMIT_AS would count the libraries' files too.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return
    held = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:"))
    most = held + job_memory_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def renew_processor_time(seconds: int) -> None:
    """Allow this process `seconds` of processor time from now; SIGXCPU ends it after that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def serve(
    answer: Callable[[dict[str, object], bytes], Frame],
    prepare: Callable[[], None],
    *,
    memory_max_bytes: int,
    job_memory_bytes: int,
    ready: str,
) -> None:
    """Answer frames until the daemon closes the pipe. `prepare` runs once, bounded already.

    memory_max_bytes: address space of the process. job_memory_bytes: beyond what it has when ready.
    """
    # Frames get a private descriptor: a library that prints must not garble them.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    bound_process(memory_max_bytes)
    prepare()
    bound_job_memory(job_memory_bytes)
    out.write(frame({"ready": ready}))
    out.flush()
    while (job := read_frame(sys.stdin.buffer)) is not None:
        seconds = job[0].get("cpu_s")
        renew_processor_time(seconds if isinstance(seconds, int) else 10)
        head, body = answer(*job)
        out.write(frame(head, body))
        out.write(body)
        out.flush()
