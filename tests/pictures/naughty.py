"""A picture worker whose decoder crashes, hangs, spins or eats memory when the bytes say so.

Run as the program of `PictureWorkers`; everything but the decoder is the real worker.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from watchers import picture_worker

_honest = picture_worker.describe


def _describe(data: bytes, *, large: bool = True, codes: bool = False) -> dict[str, object]:
    word, _, rest = data.partition(b":")
    if word == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == b"hang" or (word == b"first" and _is_first(rest)):
        signal.pause()
    while word == b"spin":
        pass
    if word == b"memory":
        bytearray(3 << 30)
    if word == b"environment":
        return {"undecodable": " ".join(sorted(os.environ))}
    if word == b"print":
        os.write(1, b"a library that talks on standard output")
    if word in (b"crash", b"first", b"print"):
        return {"undecodable": "went on"}
    return _honest(data, large=large, codes=codes)


def _is_first(folder: bytes) -> bool:
    """True once per name: a folder can be made even where no file may be written."""
    try:
        Path(os.fsdecode(folder)).mkdir()
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    picture_worker.describe = _describe
    picture_worker.main()
