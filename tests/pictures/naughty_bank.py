"""A bank worker that crashes while it takes in a picture that is higher than wide.

Run as the program of `Bank`; everything else is the real worker.
"""

from __future__ import annotations

import os
import signal

from watchers import bank_worker
from watchers.confined import Frame
from watchers.picture_features import unpacked

_honest = bank_worker.answer


def _answer(head: dict[str, object], body: bytes) -> Frame:
    if head["do"] == "add":
        high, wide = unpacked(body).thumb.shape
        if high > wide:
            os.kill(os.getpid(), signal.SIGSEGV)
    return _honest(head, body)


if __name__ == "__main__":
    bank_worker.answer = _answer
    bank_worker.main()
