"""A reader of pictures that we own: it "reads" what stands behind `WORDS:` in the picture's bytes.

Spoken to as the real one is. A body with `DIE` in it ends the process, as a damaged picture may.
"""

from __future__ import annotations

import os

from watchers.confined import Frame, serve


def answer(head: dict[str, object], body: bytes) -> Frame:
    assert head["do"] == "read"
    if b"DIE" in body:
        os._exit(9)
    _, mark, words = body.partition(b"WORDS:")
    return {"words": words.decode().split("|") if mark else []}, b""


if __name__ == "__main__":
    serve(answer, lambda: None, memory_max_bytes=1 << 30, job_memory_bytes=1 << 28, ready="text")
