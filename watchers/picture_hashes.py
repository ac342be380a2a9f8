"""What a decoded grey picture is known by: phash, dhash, and PDQ of it and of what its border frames.

Runs only inside a picture worker. phash and dhash are those of the imagehash library, bit for bit;
its cosine transform is done here, since importing scipy takes longer than a worker may take to be
back. PDQ is Facebook's own code (pdqhash).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pdqhash
from PIL import Image

from storage.turns import distance_bits
from watchers.picture_trim import without_border

FLAT_BELOW = 8
"""PDQ quality (0..100) below which a picture gets no hash: a black tile, a blank page."""
SURE_FROM = 50
"""PDQ quality from which its PDQ hash tells it from others (facts: imaging, section 2)."""

_SAME_FRAME_BITS = 16
_SIDE = 32
_LOW = 8
_COSINES = 2 * np.cos(np.pi * np.outer(np.arange(_LOW), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))
"""The first 8 rows of the unnormalised cosine transform of 32 values (type 2), as scipy does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """phash, dhash: 16 hex digits, "" for a picture too plain. pdqs: 64 hex digits each.

    pdqs: of the whole picture, then of it without its border, when it has one; only those sure
    enough to be compared. quality: of the whole picture, 0..100.
    """

    phash: str
    dhash: str
    pdqs: tuple[str, ...]
    quality: int


def hashes_of(grey: Image.Image) -> Hashes:
    """All hashes of a picture, which should be no smaller than 256 px on its shorter side.

    Plain pictures all hash alike, so they get none: they must never match.
    """
    pdq, quality = pdq_of(grey)
    framed = without_border(grey)
    inner, inner_quality = pdq_of(framed) if framed is not None else ("", 0)
    plain = quality < FLAT_BELOW
    return Hashes(
        phash="" if plain else phash(grey),
        dhash="" if plain else dhash(grey),
        pdqs=tuple(
            hashed
            for hashed, sure in ((pdq, quality), (inner, inner_quality))
            if hashed and sure >= SURE_FROM
        ),
        quality=quality,
    )


def with_frames(first: Hashes, frames: Sequence[Image.Image]) -> Hashes:
    """The hashes of an animation: a plain first frame must not hide what comes after it.

    A frame that is the same as one before adds nothing.
    """
    for frame in frames:
        later = hashes_of(frame)
        fresh = [p for p in later.pdqs if all(distance_bits(p, q) > _SAME_FRAME_BITS for q in first.pdqs)]
        if not first.phash:
            first = replace(first, phash=later.phash, dhash=later.dhash, quality=later.quality)
        first = replace(first, pdqs=(*first.pdqs, *fresh))
    return first


def pdq_of(grey: Image.Image) -> tuple[str, int]:
    """PDQ as 64 hex digits as Facebook prints it, and its quality 0..100."""
    bits, quality = pdqhash.compute(np.asarray(grey.convert("RGB")))
    return np.packbits(bits).tobytes().hex(), int(quality)


def phash(grey: Image.Image) -> str:
    """imagehash.phash(grey) as 16 hex digits."""
    small = grey.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(small, dtype=np.float64)
    low = _COSINES @ pixels @ _COSINES.T
    above = low - np.median(low)
    if np.abs(above).min() < 1e-9 * np.abs(low).max():
        import imagehash  # so near the median, rounding decides: theirs

        return str(imagehash.phash(grey))
    return _hex(above > 0)


def dhash(grey: Image.Image) -> str:
    """imagehash.dhash(grey) as 16 hex digits."""
    small = grey.convert("L").resize((_LOW + 1, _LOW), Image.Resampling.LANCZOS)
    pixels = np.asarray(small)
    return _hex(pixels[:, 1:] > pixels[:, :-1])


def _hex(bits: np.ndarray) -> str:
    return np.packbits(bits).tobytes().hex()
