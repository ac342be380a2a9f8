"""Points of a picture that stay recognisable when it is cropped, pasted or turned: ORB features.

Runs only inside worker processes: OpenCV takes 40 MB that the daemon has no use for. The bytes are
ours: a 16-bit count, x and y of each point as 32-bit floats in units of the longer side, then its
256-bit descriptor (Rublee et al., "ORB: an efficient alternative to SIFT or SURF", 2011).
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

SIDE_PX, ASKED_SIDE_PX = 480, 640
"""Longer side at which points are looked for in a known picture, and in one that is asked about."""
KEPT, ASKED = 500, 1000
"""Points of a known picture, and of one that is asked about: it may show four of them."""
BYTES = 32
_FOUND_MOST = 4000
_CELLS = 4

Grey = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Points = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Descriptors = np.ndarray[tuple[int, int], np.dtype[np.uint8]]

_COUNT = struct.Struct("<H")


@dataclass(frozen=True, slots=True)
class Features:
    """points: n x 2, in units of the picture's longer side; descriptors: n x 32 bytes."""

    points: Points
    descriptors: Descriptors

    def __len__(self) -> int:
        return len(self.points)


def known_features(grey: Image.Image) -> Features:
    """The points that are kept of a known picture; none in a picture without corners."""
    small = _scaled(grey, SIDE_PX)
    return _described(small, _found(small, KEPT), SIDE_PX)


def asked_features(grey: Image.Image) -> tuple[Features, Features]:
    """The points of a picture that is asked about, as it is and mirrored: ORB tells these apart."""
    small = _scaled(grey, ASKED_SIDE_PX)
    found = _found(small, ASKED)
    width = small.shape[1]
    across = [
        cv2.KeyPoint(width - 1 - p.pt[0], p.pt[1], p.size, (180 - p.angle) % 360, p.response, p.octave)
        for p in found
    ]
    mirrored = np.ascontiguousarray(small[:, ::-1])
    return _described(small, found, ASKED_SIDE_PX), _described(mirrored, across, ASKED_SIDE_PX)


def _scaled(grey: Image.Image, side_px: int) -> Grey:
    scale = side_px / max(grey.size)
    wide, high = (max(1, round(side * scale)) for side in grey.size)
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(grey.resize((wide, high), way))


def _found(small: Grey, most: int) -> list[cv2.KeyPoint]:
    return _spread(_detector().detect(small), small.shape, most)


def _described(small: Grey, found: list[cv2.KeyPoint], side_px: int) -> Features:
    kept, descriptors = _detector().compute(small, found)
    if descriptors is None or not len(kept):
        return Features(np.empty((0, 2), np.float32), np.empty((0, BYTES), np.uint8))
    points = np.array([point.pt for point in kept], dtype=np.float32).reshape(-1, 2)
    return Features((points / np.float32(side_px)).astype(np.float32), np.asarray(descriptors, np.uint8))


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
    return _COUNT.pack(len(features)) + points + features.descriptors.tobytes()


def unpacked(data: bytes) -> Features:
    """The reverse of `packed`. Raises ValueError when the bytes are not that."""
    if len(data) < _COUNT.size or len(data) != _COUNT.size + _COUNT.unpack_from(data)[0] * (8 + BYTES):
        raise ValueError("not the bytes of features")
    (count,) = _COUNT.unpack_from(data)
    points = np.frombuffer(data, "<f4", 2 * count, _COUNT.size).reshape(count, 2)
    if not np.isfinite(points).all():
        raise ValueError("features at no place")
    rest = np.frombuffer(data, np.uint8, BYTES * count, _COUNT.size + 8 * count).reshape(count, BYTES)
    return Features(points.astype(np.float32), rest)


@lru_cache(maxsize=1)
def _detector() -> cv2.ORB:
    cv2.setNumThreads(1)
    # A low threshold of corners: what is for sale often lies on a plain table, softly lit.
    create = cast("Callable[..., cv2.ORB]", vars(cv2)["ORB_create"])  # not in its typing
    return create(nfeatures=_FOUND_MOST, scaleFactor=1.2, nlevels=8, fastThreshold=7)
