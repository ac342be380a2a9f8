"""A classifier that we own: it "sees" what stands behind `SEEN:` in the picture's bytes.

Spoken to as the real one is. A body with `DIE`, `SPIN` or `EAT` does what a hostile model may.
"""

from __future__ import annotations

import os

from watchers.confined import Frame, serve


def answer(head: dict[str, object], body: bytes) -> Frame:
    assert isinstance(head["hint"], dict)
    if b"DIE" in body:
        os._exit(9)
    while b"SPIN" in body:
        pass
    if b"EAT" in body:
        try:
            bytearray(3 << 30)
        except MemoryError:
            return {"why": "ran out of memory", "spent": True}, b""
    if b"UNFIT" in body:
        return {"why": "is another file than at the start", "key": "model"}, b""
    _, mark, seen = body.partition(b"SEEN:")
    pairs = [one.split("=") for one in seen.decode().split("|")] if mark else []
    return {"hints": [[label, float(p)] for label, p in pairs]}, b""


if __name__ == "__main__":
    serve(answer, lambda: None, memory_max_bytes=2 << 30, job_memory_bytes=1 << 28, ready="hint")
