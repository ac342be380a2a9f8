"""A picture worker: one process that decodes, hashes and tiles pictures, one job at a time.

Started by `watchers.pictures` as `python -m watchers.picture_worker`; speaks frames
over its standard input and output (see `read_frame`). It bounds itself: 1 GiB of
address space, a processor-time limit renewed for every job, no files, no core dump.
Whatever kills it costs the one job it had.

Recipe of the hashes, "nj1": first frame, JPEG decoded at reduced scale with both sides
>= 256 px, turned by EXIF, transparency on white, grey; then imagehash phash and dhash,
8 x 8. Hashes of another recipe must not be compared with these.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL import Image

RECIPE = "nj1"
MEMORY_MAX_BYTES = 1 << 30
QUALITY_MIN = 8
"""Below it (0..100, as PDQ counts gradients on 64 x 64) a picture gets no hash: "flat"."""
FRAME_MAX_BYTES = 256 << 20

_LENGTHS = struct.Struct(">II")
_PR_SET_PDEATHSIG = 1


def read_frame(stream: BinaryIO) -> tuple[dict[str, object], bytes] | None:
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


def bound_process() -> None:
    """Give up rights: memory, files, core dumps; die with the daemon; ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        # Without it a worker busy in an endless decoder would outlive a killed daemon.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def renew_processor_time(seconds: int) -> None:
    """Allow this process `seconds` of processor time from now; SIGXCPU ends it after that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def describe(data: bytes) -> dict[str, object]:
    """Size, format and hashes of a picture, or why there are none."""
    from watchers.picture_decode import HASH_SIDE_PX, Undecodable, decode, open_bounded

    facts: dict[str, object] = {}
    try:
        header = open_bounded(data)
        facts |= {"width": header.width, "height": header.height, "format": header.format or ""}
        decoded = decode(data, "L", HASH_SIDE_PX)
    except Undecodable as why:
        return facts | {"undecodable": str(why)}
    hashes = hashes_of(decoded.image)
    notes = decoded.notes if hashes["phash"] else (*decoded.notes, "flat: no hash")
    return facts | hashes | {"note": "; ".join(notes)}


def hashes_of(grey: Image.Image) -> dict[str, object]:
    """The phash and dhash as 16 hex digits; both "" when the picture is too plain to be told apart.

    Plain pictures all hash alike (a black tile, a blank page), so they must never match.
    """
    import imagehash

    if quality(grey) < QUALITY_MIN:
        return {"phash": "", "dhash": ""}
    return {"phash": str(imagehash.phash(grey)), "dhash": str(imagehash.dhash(grey))}


def quality(grey: Image.Image) -> int:
    """0..100: how much there is to see, counted as PDQ does (Facebook, hashing.pdf, 2019)."""
    import numpy as np
    from PIL import Image

    small = np.asarray(grey.resize((64, 64), Image.Resampling.BOX), dtype=np.int32)
    steps = [np.abs(np.diff(small, axis=axis)) * 100 // 255 for axis in (0, 1)]
    return min(100, int(steps[0].sum() + steps[1].sum()) // 90)


def sheet(head: dict[str, object], body: bytes) -> bytes:
    """The contact sheet of the pictures concatenated in `body` (lengths in `head`)."""
    from watchers.picture_sheet import contact_sheet

    sizes, framed = head["sizes"], head.get("framed")
    assert isinstance(sizes, list)
    pictures, start = [], 0
    for size in sizes:
        pictures.append(body[start : start + size])
        start += size
    return contact_sheet(pictures, framed if isinstance(framed, int) else None)


def answer(head: dict[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
    """Do one job. MemoryError is an answer too; the caller then replaces this worker."""
    try:
        match head["do"]:
            case "describe":
                return describe(body), b""
            case "sheet":
                return {}, sheet(head, body)
    except MemoryError:
        return {"undecodable": "ran out of memory", "spent": True}, b""
    except Exception as error:  # noqa: BLE001 - the edge: a decoder's surprise is this job's answer
        return {"undecodable": f"decoder failed: {type(error).__name__}: {str(error)[:120]}"}, b""
    return {"undecodable": "unknown job"}, b""


def main() -> None:
    """Answer frames until the daemon closes the pipe."""
    # Frames get a private descriptor: a library that prints must not garble them.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    bound_process()
    from watchers import picture_decode

    picture_decode.prepare()
    warm_up()
    out.write(frame({"ready": RECIPE}))
    out.flush()
    while (job := read_frame(sys.stdin.buffer)) is not None:
        seconds = job[0].get("cpu_s")
        renew_processor_time(seconds if isinstance(seconds, int) else 10)
        head, body = answer(*job)
        out.write(frame(head, body))
        out.write(body)
        out.flush()


def warm_up() -> None:
    """Import what the first hash needs, so that the first job is as fast as the rest."""
    from PIL import Image

    hashes_of(Image.linear_gradient("L"))


if __name__ == "__main__":
    main()
