"""The picture inside a picture: without letterbox, border, caption or the frame of a screenshot.

Runs only inside a picture worker. A row that is mostly one tone is border, ground or a line of
text; what lies between the first and the last long run of other rows, and of other columns within
them, is the picture. A picture that has plain edges of its own loses them each time alike, on either
side of a comparison.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

_TONES = 8
"""Grey levels either way that still are the same tone: what JPEG does to a plain area."""
_PLAIN_SHARE = 0.6
"""Of a row in one tone, from which on it is no row of a picture."""
_GAP_SHARE = 0.012
"""Of the side: so short a plain part does not end a run; lines of text lie farther apart."""
_RUN_SHARE = 0.08
"""Of the side: a shorter run of busy lines is no picture."""
_LEAST_SHARE, _LEAST_PX = 0.3, 64
"""Of each side, and in pixels: less than that is a detail, not a picture."""
_CUT_SHARE = 0.97
"""A picture that keeps so much of its width and height has no border."""

Grey = np.ndarray[tuple[int, int], np.dtype[np.uint8]]


def without_border(grey: Image.Image) -> Image.Image | None:
    """The inner picture, or None when there is none or `grey` is all of it."""
    box = inner_box(grey)
    return None if box is None else grey.crop(box)


def inner_box(grey: Image.Image) -> tuple[int, int, int, int] | None:
    """left, top, right, below of the inner picture, or None as above."""
    box = _inner(np.asarray(grey))
    if box is None:
        return None
    left, top, right, below = box
    wide, high = (right - left) / grey.width, (below - top) / grey.height
    if min(wide, high) < _LEAST_SHARE or min(right - left, below - top) < _LEAST_PX:
        return None
    return None if min(wide, high) >= _CUT_SHARE else box


def _inner(pixels: Grey) -> tuple[int, int, int, int] | None:
    """left, top, right, below: columns first or rows first makes a difference, so both twice."""
    left, top, below, right = 0, 0, *pixels.shape
    for _ in range(2):
        rows = _within(_busy(pixels[top:below, left:right]))
        if rows is None:
            return None
        top, below = top + rows[0], top + rows[1]
        columns = _within(_busy(pixels[top:below, left:right].T))
        if columns is None:
            return None
        left, right = left + columns[0], left + columns[1]
    return left, top, right, below


def _busy(lines: Grey) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For each line, whether no single tone fills most of it."""
    thin = lines[:, :: max(1, lines.shape[1] // 48)]
    tone = np.median(thin, axis=1, keepdims=True)
    share = (np.abs(thin - tone) <= _TONES).mean(axis=1)
    busy: np.ndarray[tuple[int], np.dtype[np.bool_]] = share < _PLAIN_SHARE
    return busy


def _within(busy: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[int, int] | None:
    """begin, end of what lies between the first and the last long run of busy lines, None when there is none.

    Plain lines between them are the picture's own; a short run is text, or a button.
    """
    where = np.flatnonzero(busy)
    if not len(where):
        return None
    breaks = np.flatnonzero(np.diff(where) > max(2, round(_GAP_SHARE * len(busy))))
    begins = np.concatenate(([where[0]], where[breaks + 1]))
    ends = np.concatenate((where[breaks], [where[-1]])) + 1
    long = np.flatnonzero(ends - begins >= _RUN_SHARE * len(busy))
    return (int(begins[long[0]]), int(ends[long[-1]])) if len(long) else None
