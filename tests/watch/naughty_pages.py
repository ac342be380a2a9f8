"""A page worker whose reader crashes, hangs, spins, eats memory or lies when the page says so.

Run as the program of `Readers`; everything but the reader is the real worker.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from watchers import page_worker
from watchers.confined import Frame
from watchers.pages import Found, Job

_honest = page_worker.read
_honest_answer = page_worker.answer


def _read(job: Job) -> Found:
    word, _, rest = job.page.body.rpartition(b"<!--")[2].partition(b":")
    if word == b"crash" or (word == b"first" and _is_first(rest)):
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == b"hang":
        signal.pause()
    while word == b"spin":
        pass
    if word == b"memory":
        bytearray(3 << 30)
    if word == b"environment":
        return " ".join(sorted(os.environ))[:64]
    return _honest(job)


def _answer(head: dict[str, object], body: bytes) -> Frame:
    if b"<!--pickle:" in body:
        return {}, b"cos\nsystem\n(S'false'\ntR."
    if b"<!--long:" in body:
        return {}, b" " * 3_000_000
    if b"<!--naive:" in body:
        return {}, b'{"post":{"post_id":"1","url":"u","posted_at":"2026-01-01T00:00:00"},"alone":""}'
    return _honest_answer(head, body)


def _is_first(folder: bytes) -> bool:
    """True once per name: a folder can be made even where no file may be written."""
    try:
        Path(os.fsdecode(folder)).mkdir()
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    page_worker.read = _read
    page_worker.answer = _answer
    page_worker.main()
