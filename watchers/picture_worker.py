"""A picture worker: one process that decodes, hashes and tiles pictures, one job at a time.

Started by `watchers.pictures` as `python -m watchers.picture_worker`; speaks frames
over its standard input and output (`watchers.confined`). It bounds itself: address
space, memory of a job, a processor-time limit renewed for every job, no files, no core dump.
Whatever kills it costs the one job it had. A job that needs much memory is answered with
"large" until it is asked again as such: the daemon does those one at a time.

Recipe of the hashes, "nj1": first frame, JPEG decoded at reduced scale with both sides
>= 256 px, transparency on white, grey, averaged to the least shorter side >= 256 px,
turned by EXIF; then imagehash phash and dhash, 8 x 8. Hashes of another recipe must not
be compared with these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchers.confined import serve

if TYPE_CHECKING:
    from PIL import Image

RECIPE = "nj1"
MEMORY_MAX_BYTES = 1 << 30
JOB_MEMORY_BYTES = 192 << 20
"""What one job may take beyond the libraries: more than any picture is expected to (LARGE_BYTES)."""
QUALITY_MIN = 8
"""Below it (0..100, as PDQ counts gradients on 64 x 64) a picture gets no hash: "flat"."""


def describe(data: bytes, *, large: bool = True) -> dict[str, object]:
    """Size, format and hashes of a picture, or why there are none; not decoded if it is too `large`."""
    from watchers.picture_decode import (
        HASH_SIDE_PX,
        LIGHT_BYTES,
        Undecodable,
        decode,
        open_bounded,
        takes_bytes,
    )

    facts: dict[str, object] = {}
    try:
        header = open_bounded(data)
        facts |= {"width": header.width, "height": header.height, "format": header.format or ""}
        if not large and takes_bytes(header) > LIGHT_BYTES:
            return {"large": True}
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


def sheet(head: dict[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
    """The contact sheet of the pictures concatenated in `body` (lengths in `head`)."""
    from watchers.picture_decode import is_large
    from watchers.picture_sheet import contact_sheet

    sizes, framed = head["sizes"], head.get("framed")
    assert isinstance(sizes, list)
    pictures, start = [], 0
    for size in sizes:
        pictures.append(body[start : start + size])
        start += size
    if not head.get("large") and any(map(is_large, pictures)):
        return {"large": True}, b""
    return {}, contact_sheet(pictures, framed if isinstance(framed, int) else None)


def answer(head: dict[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
    """Do one job. MemoryError is an answer too; the caller then replaces this worker."""
    try:
        match head["do"]:
            case "describe":
                return describe(body, large=bool(head.get("large"))), b""
            case "sheet":
                return sheet(head, body)
    except MemoryError:
        return {"undecodable": "ran out of memory", "spent": True}, b""
    except Exception as error:  # noqa: BLE001 - the edge: a decoder's surprise is this job's answer
        return {"undecodable": f"decoder failed: {type(error).__name__}: {str(error)[:120]}"}, b""
    return {"undecodable": "unknown job"}, b""


def main() -> None:
    """Answer frames until the daemon closes the pipe."""
    serve(
        answer,
        prepare,
        memory_max_bytes=MEMORY_MAX_BYTES,
        job_memory_bytes=JOB_MEMORY_BYTES,
        ready=RECIPE,
    )


def prepare() -> None:
    """Bound the decoders and warm up."""
    from watchers import picture_decode

    picture_decode.prepare()
    warm_up()


def warm_up() -> None:
    """Import what the first hash needs, so that the first job is as fast as the rest."""
    from PIL import Image

    hashes_of(Image.linear_gradient("L"))


if __name__ == "__main__":
    main()
