"""A picture worker: one process that decodes, hashes and tiles pictures, one job at a time.

Started by `watchers.pictures` as `python -m watchers.picture_worker`; speaks frames
over its standard input and output (`watchers.confined`). It bounds itself: address
space, memory of a job, a processor-time limit renewed for every job, no files, no core dump.
Whatever kills it costs the one job it had. A job that needs much memory is answered with
"large" until it is asked again as such: the daemon does those one at a time.

Recipe of the hashes, "nj2": JPEG decoded at reduced scale with both sides >= 256 px,
transparency on white, grey, averaged to the least shorter side >= 256 px, turned by EXIF;
then imagehash phash and dhash, 8 x 8, of the first frame that is not plain; PDQ of the
first frame, of it without its border, and of up to seven later frames that differ from
those. "nj1" had phash and dhash alone, of the first frame, which are the same otherwise.
"""

from __future__ import annotations

from watchers.confined import serve

RECIPE = "nj2"
MEMORY_MAX_BYTES = 1 << 30
JOB_MEMORY_BYTES = 192 << 20
"""What one job may take beyond the libraries: more than any picture is expected to (LARGE_BYTES)."""


def describe(data: bytes, *, large: bool = True, codes: bool = False) -> dict[str, object]:
    """Size, format and hashes of a picture, or why there are none; not decoded if it is too `large`.

    codes: also what its QR codes say, for which it is decoded once more, larger.
    """
    from watchers.picture_decode import (
        HASH_SIDE_PX,
        LIGHT_BYTES,
        Undecodable,
        decode,
        later_frames,
        open_bounded,
        takes_bytes,
    )
    from watchers.picture_hashes import hashes_of, with_frames

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
    notes = list(decoded.notes)
    if decoded.moving:
        frames = later_frames(data, "L", HASH_SIDE_PX)
        hashes = with_frames(hashes, frames)
        notes.append(f"animated: {1 + len(frames)} frames seen")
    if codes:
        facts["codes"] = read_codes(data)
    if not hashes.phash:
        notes.append("flat: no hash")
    return facts | {
        "phash": hashes.phash,
        "dhash": hashes.dhash,
        "pdqs": list(hashes.pdqs),
        "quality": hashes.quality,
        "recipe": RECIPE,
        "note": "; ".join(notes),
    }


def sheet(head: dict[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
    """The contact sheet of the pictures concatenated in `body` (lengths in `head`)."""
    from watchers.picture_decode import is_large
    from watchers.picture_sheet import contact_sheet

    sizes, framed, known = head["sizes"], head["framed"], head["known"]
    assert isinstance(sizes, list)
    assert isinstance(framed, list)
    assert isinstance(known, list)
    pictures, start = [], 0
    for size in sizes:
        pictures.append(body[start : start + size])
        start += size
    if not head.get("large") and any(map(is_large, pictures)):
        return {"large": True}, b""
    return {}, contact_sheet(pictures, framed, known)


def read_codes(data: bytes) -> list[str]:
    """What the QR codes of a picture say; none of one that cannot be decoded so large."""
    from watchers.picture_codes import SIDE_PX, codes_in
    from watchers.picture_decode import Undecodable, decode

    try:
        return list(codes_in(decode(data, "L", SIDE_PX).image))
    except Undecodable:
        return []


def features(data: bytes, *, asked: bool, large: bool) -> tuple[dict[str, object], bytes]:
    """The points of a picture, as it is and mirrored, packed one after the other.

    Of a picture that is written on those of it without its writing, too.
    """
    from watchers.picture_decode import Undecodable, decode, is_large
    from watchers.picture_features import ASKED_SIDE_PX, asked_features, known_features, packed
    from watchers.picture_writing import views

    if not large and is_large(data):
        return {"large": True}, b""
    try:
        grey = decode(data, "L", ASKED_SIDE_PX * 3 // 4).image
    except Undecodable as why:
        return {"undecodable": str(why)}, b""
    if asked:
        parts = [packed(found) for one in views(grey) for found in asked_features(one)]
    else:
        parts = [packed(known_features(one)) for one in views(grey)]
    return {"sizes": [len(part) for part in parts]}, b"".join(parts)


def probes_of(data: bytes, *, large: bool) -> dict[str, object]:
    """Hashes of what the picture may have been before it was cut or turned."""
    from watchers.picture_decode import HASH_SIDE_PX, Undecodable, decode, is_large
    from watchers.picture_probes import probes

    if not large and is_large(data):
        return {"large": True}
    try:
        return {"probes": list(probes(decode(data, "L", HASH_SIDE_PX).image))}
    except Undecodable as why:
        return {"undecodable": str(why)}


def overlay(head: dict[str, object], body: bytes) -> dict[str, object]:
    """How far a picture agrees with a known one, which follows it in `body`."""
    from watchers.picture_decode import HASH_SIDE_PX, Undecodable, decode, is_large
    from watchers.picture_overlay import agreed

    split = head["split"]
    assert isinstance(split, int)
    pictures = body[:split], body[split:]
    if not head.get("large") and any(map(is_large, pictures)):
        return {"large": True}
    try:
        asked, known = (decode(data, "L", HASH_SIDE_PX).image for data in pictures)
    except Undecodable as why:
        return {"undecodable": str(why)}
    found = agreed(asked, known)
    return {"parts": found.parts, "differing": round(100 * found.differing)}


def answer(head: dict[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
    """Do one job. MemoryError is an answer too; the caller then replaces this worker."""
    try:
        return _done(head, body)
    except MemoryError:
        return {"undecodable": "ran out of memory", "spent": True}, b""
    except Exception as error:  # noqa: BLE001 - the edge: a decoder's surprise is this job's answer
        return {"undecodable": f"decoder failed: {type(error).__name__}: {str(error)[:120]}"}, b""


def _done(head: dict[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
    large = bool(head.get("large"))
    match head["do"]:
        case "describe":
            return describe(body, large=large, codes=bool(head.get("codes"))), b""
        case "features":
            return features(body, asked=bool(head.get("asked")), large=large)
        case "probes":
            return probes_of(body, large=large), b""
        case "overlay":
            return overlay(head, body), b""
        case "sheet":
            return sheet(head, body)
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

    from watchers.picture_hashes import hashes_of

    hashes_of(Image.linear_gradient("L"))


if __name__ == "__main__":
    main()
