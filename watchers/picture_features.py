"""Points of a picture that stay recognisable when it is cropped, pasted or turned: ORB features.

Runs only inside worker processes: OpenCV takes 40 MB that the daemon has no use for. The bytes are
ours: a 16-bit count, x and y of each point as 32-bit floats in units of the longer side, then its
256-bit descriptor (Rublee et al., "ORB: an efficient alternative to SIFT or SURF", 2011); then height
and width of the small picture that is laid over others (`picture_agreement`), and its pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import cv2
import numpy as np
from PIL import Image

from watchers.picture_agreement import ASKED_SIDE_PX as ASKED_THUMB_PX
from watchers.picture_agreement import Grey, thumb_of
from watchers.picture_trim import inner_box

SIDE_PX, ASKED_SIDE_PX = 480, 640
"""Longer side at which points are looked for in a known picture, and in one that is asked about."""
KEPT, ASKED = 500, 1000
"""Points of a known picture, and of one that is asked about: it may show four of them."""
_COARSE_SHARE, _COARSE_OCTAVE = 4, 3
"""One of so many points of a known picture is a coarse one, still seen when it is pasted at half its size."""
BYTES = 32
_SCREEN_TALL, _SCREEN_MOST = 1.6, 0.6
"""A telephone's screen is so much higher than wide, and a picture on it takes this share of it at most: the
plain cloth around one thing must not be taken for the frame of a screen."""
_FOUND_MOST = 4000
_CELLS = 8

Points = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Descriptors = np.ndarray[tuple[int, int], np.dtype[np.uint8]]

_COUNT, _SIZE = struct.Struct("<H"), struct.Struct("BB")


@dataclass(frozen=True, slots=True)
class Features:
    """points: n x 2, in units of the longer side; descriptors: n x 32 bytes; thumb: the picture, small."""

    points: Points
    descriptors: Descriptors
    thumb: Grey

    def __len__(self) -> int:
        return len(self.points)


def known_features(grey: Image.Image) -> Features:
    """The points that are kept of a known picture; none in a picture without corners."""
    small = _scaled(grey, SIDE_PX)
    found = _detector().detect(small)
    coarse = [point for point in found if point.octave & 255 >= _COARSE_OCTAVE]
    chosen = _spread(coarse, small.shape, KEPT // _COARSE_SHARE)
    sure = set(map(id, chosen))
    others = [point for point in found if id(point) not in sure]
    chosen += _spread(others, small.shape, KEPT - len(chosen))
    return _described(small, chosen, thumb_of(grey), 1 / SIDE_PX)


def asked_features(grey: Image.Image) -> tuple[Features, Features]:
    """The points of a picture that is asked about, as it is and mirrored: ORB tells these apart.

    Of a telephone's screen those of the picture on it alone: most would be those of the text.
    """
    box = inner_box(grey) if grey.height > _SCREEN_TALL * grey.width else None
    if box is None or (box[2] - box[0]) * (box[3] - box[1]) > _SCREEN_MOST * grey.width * grey.height:
        box = 0, 0, *grey.size
    small = _scaled(grey.crop(box), ASKED_SIDE_PX)
    found = _spread(_detector().detect(small), small.shape, ASKED)
    width = small.shape[1]
    across = [
        cv2.KeyPoint(width - 1 - p.pt[0], p.pt[1], p.size, (180 - p.angle) % 360, p.response, p.octave)
        for p in found
    ]
    mirrored = np.ascontiguousarray(small[:, ::-1])
    thumb = thumb_of(grey, ASKED_THUMB_PX)
    size_px, side = max(small.shape), max(grey.size)
    step = max(box[2] - box[0], box[3] - box[1]) / size_px / side
    return (
        _described(small, found, thumb, step, (box[0] / side, box[1] / side)),
        _described(
            mirrored,
            across,
            np.ascontiguousarray(thumb[:, ::-1]),
            step,
            ((grey.width - box[2]) / side, box[1] / side),
        ),
    )


def _scaled(grey: Image.Image, side_px: int) -> Grey:
    scale = side_px / max(grey.size)
    wide, high = (max(1, round(side * scale)) for side in grey.size)
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(grey.resize((wide, high), way))


def _described(
    small: Grey,
    found: list[cv2.KeyPoint],
    thumb: Grey,
    step: float,
    corner: tuple[float, float] = (0.0, 0.0),
) -> Features:
    """step, corner: of a pixel of `small`, and where it begins, in units of the picture's longer side."""
    kept, descriptors = _detector().compute(small, found)
    if descriptors is None or not len(kept):
        return Features(np.empty((0, 2), np.float32), np.empty((0, BYTES), np.uint8), thumb)
    points = np.array([point.pt for point in kept], dtype=np.float32).reshape(-1, 2)
    at = (points * np.float32(step) + np.array(corner, np.float32)).astype(np.float32)
    return Features(at, np.asarray(descriptors, np.uint8), thumb)


def _spread(found: Sequence[cv2.KeyPoint], shape: tuple[int, ...], most: int) -> list[cv2.KeyPoint]:
    """At most so many, the strongest of each part of the picture.

    One loud corner of a collage must not take the points of all others.
    """
    if len(found) <= most:
        return list(found)
    at = np.array([point.pt for point in found])
    cells = (at * (_CELLS / shape[1], _CELLS / shape[0])).astype(int).clip(0, _CELLS - 1) @ (1, _CELLS)
    strength = np.array([point.response for point in found])
    order = np.lexsort((-strength, cells))
    begins = np.searchsorted(cells[order], np.arange(_CELLS * _CELLS))
    rank = np.empty(len(found), int)
    rank[order] = np.arange(len(found)) - begins[cells[order]]
    chosen = np.lexsort((-strength, rank >= most // (_CELLS * _CELLS)))[:most]
    return [found[number] for number in chosen]


def packed(features: Features) -> bytes:
    """The bytes of features."""
    points = features.points.astype("<f4").tobytes()
    thumb = _SIZE.pack(*features.thumb.shape) + features.thumb.tobytes()
    return _COUNT.pack(len(features)) + points + features.descriptors.tobytes() + thumb


def unpacked(data: bytes) -> Features:
    """The reverse of `packed`. Raises ValueError when the bytes are not that."""
    (count,) = _COUNT.unpack_from(data) if len(data) >= _COUNT.size else (0,)
    sizes = _COUNT.size + count * (8 + BYTES)
    high, wide = _SIZE.unpack_from(data, sizes) if len(data) >= sizes + _SIZE.size else (0, 0)
    if not high * wide or len(data) != sizes + _SIZE.size + high * wide:
        raise ValueError("not the bytes of features")
    points = np.frombuffer(data, "<f4", 2 * count, _COUNT.size).reshape(count, 2)
    if not np.isfinite(points).all():
        raise ValueError("features at no place")
    rest = np.frombuffer(data, np.uint8, BYTES * count, _COUNT.size + 8 * count).reshape(count, BYTES)
    thumb = np.frombuffer(data, np.uint8, high * wide, sizes + _SIZE.size).reshape(high, wide)
    return Features(points.astype(np.float32), rest, thumb)


@lru_cache(maxsize=1)
def _detector() -> cv2.ORB:
    cv2.setNumThreads(1)
    # A low threshold of corners: what is for sale often lies on a plain table, softly lit.
    create = cast("Callable[..., cv2.ORB]", vars(cv2)["ORB_create"])  # not in its typing
    return create(nfeatures=_FOUND_MOST, scaleFactor=1.2, nlevels=8, fastThreshold=7)
