"""Whether a picture is a known one that was cut at its edges or turned a little: looked at, not hashed.

The hash of a picture with one bright thing on a plain cloth says little more than where that thing lies, and
seventy guesses at what a picture may have been bring it there: in the simulated night a watch was so taken
for a carving, 38 bits apart. So what the hashes propose is laid over the known picture, moved to where both
fit best (ECC: Evangelidis and Psarakis, 2008), and compared part by part (`picture_agreement`).

Runs only inside a picture worker, and only where hashes are near.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from watchers.picture_agreement import NONE, Agreement, Grey, Move, agreement, thumb_of
from watchers.picture_trim import without_border

_COARSE_PX, _TINY_PX = 48, 16
_ROUNDS, _LEAST_GAIN = 40, 1e-4
_BLUR_PX = 5
_LYING_MOST = 3
"""Ways of lying that are looked at closely: at 16 px the best of eight is not sure."""


def agreed(asked: Image.Image, known: Image.Image) -> Agreement:
    """How far a picture agrees with a known one where they fit best; `picture_agreement.NONE` if nowhere."""
    found = [_best(thumb_of(one), thumb_of(two)) for one in _with_inner(known) for two in _with_inner(asked)]
    return min(found, key=lambda seen: (seen.differing, -seen.parts))


def _with_inner(grey: Image.Image) -> list[Image.Image]:
    inner = without_border(grey)
    return [grey] if inner is None else [grey, inner]


def _best(known: Grey, asked: Grey) -> Agreement:
    ways = sorted((_lying(known, number) for number in range(8)), key=lambda way: -_alike(way, asked))
    best = NONE
    for way in ways[:_LYING_MOST]:
        move = _fitted(way, asked)
        if move is not None:
            best = min(best, agreement(way, asked, move), key=lambda seen: (seen.differing, -seen.parts))
    return best


def _lying(plane: Grey, number: int) -> Grey:
    """One of the eight ways a picture can lie."""
    across = plane.T if number & 4 else plane
    return np.ascontiguousarray(across[:: -1 if number & 1 else 1, :: -1 if number & 2 else 1])


def _alike(one: Grey, two: Grey) -> float:
    """Correlation of both pictures, stretched to a square and tiny."""
    size = _TINY_PX, _TINY_PX
    tiny = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float64) for plane in (one, two)]
    first, second = (plane - plane.mean() for plane in tiny)
    return float((first * second).sum() / max(1e-9, np.sqrt((first**2).sum() * (second**2).sum())))


def _fitted(known: Grey, asked: Grey) -> Move | None:
    """From a place in the known picture to one in the other, in units of longer sides; None if none fits."""
    move = np.array([[1, 0, 0], [0, 1, 0]], np.float32)  # in shares of width and height
    for side_px in (_COARSE_PX, max(known.shape)):
        one, two = (_sized(plane, side_px) for plane in (known, asked))
        units = _corners(one), _corners(two)
        pixels = (np.linalg.inv(units[1]) @ np.vstack([move, [0, 0, 1]]) @ units[0])[:2].astype(np.float32)
        rules = cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ROUNDS, _LEAST_GAIN
        all_of_it = np.full(two.shape, 255, np.uint8)
        try:
            _, found = cv2.findTransformECC(one, two, pixels, cv2.MOTION_AFFINE, rules, all_of_it, _BLUR_PX)
        except cv2.error:  # it says so that there is no such place
            return None
        move = (units[1] @ np.vstack([found, [0, 0, 1]]) @ np.linalg.inv(units[0]))[:2]
    ours, theirs = (
        np.diag([plane.shape[1] / max(plane.shape), plane.shape[0] / max(plane.shape), 1.0])
        for plane in (known, asked)
    )
    return np.asarray((theirs @ np.vstack([move, [0, 0, 1]]) @ np.linalg.inv(ours))[:2], np.float64)


def _sized(plane: Grey, side_px: int) -> Grey:
    scale = side_px / max(plane.shape)
    size = max(8, round(plane.shape[1] * scale)), max(8, round(plane.shape[0] * scale))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)


def _corners(plane: Grey) -> np.ndarray:
    """From pixels, counted from the middle of the first, to shares of width and height."""
    high, wide = plane.shape
    return np.array([[1 / wide, 0, 0.5 / wide], [0, 1 / high, 0.5 / high], [0, 0, 1]])
