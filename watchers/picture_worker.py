"""A picture worker: one process that decodes, hashes and tiles pictures, one job at a time.

Started by `watchers.pictures` as `python -m watchers.picture_worker`; speaks frames
over its standard input and output (`watchers.confined`). It bounds itself: 1 GiB of
address space, a processor-time limit renewed for every job, no files, no core dump.
Whatever kills it costs the one job it had.

Recipe of the hashes, "nj1": first frame, JPEG decoded at reduced scale with both sides
>= 256 px, turned by EXIF, transparency on white, grey; then imagehash phash and dhash,
8 x 8. Hashes of another recipe must not be compared with these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchers.confined import serve

if TYPE_CHECKING:
    from PIL import Image

RECIPE = "nj1"
MEMORY_MAX_BYTES = 1 << 30
QUALITY_MIN = 8
"""Below it (0..100, as PDQ counts gradients on 64 x 64) a picture gets no hash: "flat"."""


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
    serve(answer, prepare, memory_max_bytes=MEMORY_MAX_BYTES, ready=RECIPE)


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
