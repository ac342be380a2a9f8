"""Whether two pictures show the same where they overlap: looked at pixel by pixel, not at points alone.

Points lie alike in two photographs of one tablecloth with other goods on it, and in any two pictures
whose surfaces have the same weave (the simulated night found it: half of its loud alerts were innocent).
So the known picture is laid over the one that is asked about, as the points say, and each part of both
is compared: what changes a whole picture (light, contrast, blur, compression, grey) changes no part's
pattern; other goods do. Writing does too, but leaves most of the known picture's outlines where they
were: it is enough when these are there and nothing large is not. Runs only inside the bank's process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image

SIDE_PX, ASKED_SIDE_PX = 128, 240
"""Longer side of what is kept of a picture for this, 12 KB, and of one asked about: a known picture may be a
small part of it."""
_CELL_PX = 8
LEAST_CELLS = 12
"""Of those with something to see; with less nothing is sure."""
_UNSURE = 0.2
"""Said to differ at least, where so little is to be seen."""
_SCALES = (0.15, 6.0)
_BLUR_PX = 1.0
"""What points misplace the picture by, about."""
_SEEN = 0.2
"""Deviation within a part, of the whole picture's, from which on it shows something."""
_ALIKE = 0.4
"""Correlation of two parts that show the same."""
_OFF = 0.6
"""Difference of two parts' means, in deviations of the whole picture, that light does not explain."""
_EDGE = 0.6
"""Share of a row at the edge that differs, from which on the row is a frame or another picture."""
_EDGES_MOST = 3
_OUTLINED = 0.7
"""Steepness of a part, of the whole known picture's, from which on it has outlines."""
_STEEP = 0.8
"""Grey levels a pixel, at least: less is noise."""
_OVERLAP = 0.55
"""Share of one of the two that must lie on the other: a part of a picture, or a picture in another."""
_LEAST_OUTLINED = 40
_THERE = 0.4
"""Share of a part's outlines, of what is usual between the two pictures, that must be there."""
_OUTSHONE = 2.5
"""How much steeper a strange outline may be before it counts no more: writing is white on dark."""
_WRITING = 0.25
"""Share of parts that writing may cross; scattered so, they count a quarter."""
_SOLID_MOST = 3
"""Places at which two by two parts differ: goods are so large, lines of writing are not. Beyond it,
outlines say nothing."""
_TOO_MUCH = 0.35
"""Share of parts that differ from which on outlines say nothing: two pictures of one cloth."""

Grey = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Plane = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Move = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
"""2 x 3: from a place in the known picture to one in the other, in units of each one's longer side."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """parts: how many show something; differing: share 0..1 of them that do not show the known picture.

    overlap: share 0..1 of the smaller of the two that lies on the other.
    """

    parts: int
    differing: float
    overlap: float = 1.0


NONE = Agreement(0, 1.0)


def thumb_of(grey: Image.Image, side_px: int = SIDE_PX) -> Grey:
    """What is kept of a picture to be laid over others."""
    scale = side_px / max(grey.size)
    wide, high = (max(_CELL_PX, round(side * scale)) for side in grey.size)
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(grey.convert("L").resize((wide, high), way))


def agreement(known: Grey, asked: Grey, move: Move) -> Agreement:
    """How far two thumbs agree where they overlap; `NONE` when too little overlaps."""
    laid = _laid(known, asked, move)
    if laid is None:
        return NONE
    one, two, inside = laid
    held = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rows, columns = np.flatnonzero(held.any(1)), np.flatnonzero(held.any(0))
    if len(rows) < 2 * _CELL_PX or len(columns) < 2 * _CELL_PX:
        return NONE
    box = _cut(rows), _cut(columns)
    soft = [_softened(plane, _BLUR_PX)[box] for plane in (one, two)]
    full = _parts(held[box].astype(np.float32)).mean(-1) > 0.7
    overlap = int(full.sum()) * _CELL_PX**2 / _smaller(known, asked, move)
    if overlap < _OVERLAP:
        return NONE
    return replace(_laid_alike(soft, full, known_first=_scale(known, asked, move) <= 1), overlap=overlap)


def _laid_alike(soft: list[Plane], full: Flags, *, known_first: bool) -> Agreement:
    """The better of what all of both shows, and what the outlines of the known picture do."""
    found, solid = _alike(soft, full)
    if found.differing > _TOO_MUCH or solid > _SOLID_MOST:
        return found
    outlined = _outlines(soft if known_first else soft[::-1], full)
    return min(found, outlined, key=lambda seen: seen.differing)


def _alike(soft: list[Plane], full: Flags) -> tuple[Agreement, int]:
    """By all that either picture shows; and at how many places all of two by two parts differ."""
    parts = [_parts(plane) for plane in soft]
    differing, shown = _compared(parts[0], parts[1], full)
    # What agreed says what light and contrast did; then all is looked at once more by that.
    sure = full & ~differing & shown
    if sure.sum() >= LEAST_CELLS // 2:
        differing, shown = _compared(parts[0], parts[1], full, by=sure)
    kept = _without_edges(differing, full)
    shown, differing = shown & kept, differing & kept
    count = int(shown.sum())
    if not count:
        return NONE, 0
    share = float((differing & shown).sum() / count)
    across = differing[:, :-1] & differing[:, 1:]
    solid = int((across[:-1] & across[1:]).sum())
    if count < LEAST_CELLS:
        return Agreement(count, max(share, _UNSURE)), solid
    written = share <= _WRITING and not solid and count >= _LEAST_OUTLINED
    return Agreement(count, share / 4 if written else share), solid


def _outlines(soft: list[Plane], full: Flags) -> Agreement:
    """By the outlines of the known picture, the first: how much of each is in the other, whatever else is."""
    (ax, ay), (bx, by) = (_slopes(plane) for plane in soft)
    ours, theirs = np.sqrt(ax * ax + ay * ay), np.sqrt(bx * bx + by * by)
    energy = _parts(ours * ours).mean(-1)
    steep = np.sqrt(energy)
    if not full.any():
        return NONE
    outlined = full & (steep > max(_STEEP, _OUTLINED * float(np.sqrt(energy[full].mean()))))
    if outlined.sum() < _LEAST_OUTLINED:
        return NONE
    usual = 3.0
    for _ in range(3):
        most = np.minimum(1, _OUTSHONE * usual * ours / np.maximum(theirs, 1e-6))
        there = _parts((ax * bx + ay * by) * most).mean(-1) / np.maximum(energy, 1e-6)
        usual = max(0.05, float(np.median(there[outlined])))
    missing = outlined & (there < _THERE * usual)
    outlined &= _without_edges(missing, outlined)
    count = int(outlined.sum())
    if count < _LEAST_OUTLINED:
        return NONE
    return Agreement(count, float((missing & outlined).sum() / count))


def _slopes(plane: Plane) -> tuple[Plane, Plane]:
    across, down = (cv2.Sobel(plane, cv2.CV_32F, *way, ksize=3) / 8 for way in ((1, 0), (0, 1)))
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _laid(known: Grey, asked: Grey, move: Move) -> tuple[Plane, Plane, Flags] | None:
    """Both in the frame of the coarser one, and where both are."""
    if not _SCALES[0] <= float(np.hypot(move[0, 0], move[1, 0])) <= _SCALES[1]:
        return None
    scale = _scale(known, asked, move)
    # Places are measured from a corner of the picture, pixels from their own middle.
    middle = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    ours, theirs = (np.diag([max(thumb.shape), max(thumb.shape), 1.0]) for thumb in (known, asked))
    there = np.linalg.inv(middle) @ theirs @ np.vstack([move, [0, 0, 1]]) @ np.linalg.inv(ours) @ middle
    finer, coarser = known, asked
    if scale > 1:
        finer, coarser, there, scale = asked, known, np.linalg.inv(there), 1 / scale
    blur, plane = 0.5 * float(np.sqrt(1 / scale**2 - 1)), finer.astype(np.float32)
    if blur > 0.3:
        plane = _softened(plane, blur)
    size = coarser.shape[1], coarser.shape[0]
    moved = cv2.warpAffine(plane, there[:2], size, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones(finer.shape, np.float32), there[:2], size) > 0.99
    return np.asarray(moved, np.float32), coarser.astype(np.float32), np.asarray(inside)


def _smaller(known: Grey, asked: Grey, move: Move) -> float:
    """The smaller of the two's areas, in pixels of the coarser one."""
    scale = _scale(known, asked, move)
    sizes = known.size * scale**2, asked.size
    return float(min(sizes)) if scale <= 1 else float(min(sizes)) / scale**2


def _scale(known: Grey, asked: Grey, move: Move) -> float:
    """Pixels of the other's thumb to one of the known picture's."""
    return float(np.hypot(move[0, 0], move[1, 0])) * max(asked.shape) / max(known.shape)


def _softened(plane: Plane, blur_px: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), blur_px), np.float32)


def _cut(lines: np.ndarray[tuple[int], np.dtype[np.int64]]) -> slice:
    """As many whole parts as lie between the first and the last of these lines."""
    begin = int(lines[0])
    return slice(begin, begin + (int(lines[-1]) + 1 - begin) // _CELL_PX * _CELL_PX)


def _parts(plane: Plane) -> Plane:
    """Rows x columns of parts x their pixels."""
    high, wide = plane.shape[0] // _CELL_PX, plane.shape[1] // _CELL_PX
    cells = plane.reshape(high, _CELL_PX, wide, _CELL_PX).swapaxes(1, 2)
    return cells.reshape(high, wide, _CELL_PX * _CELL_PX)


def _compared(one: Plane, two: Plane, full: Flags, by: Flags | None = None) -> tuple[Flags, Flags]:
    """Which parts differ, and which show something in either picture; light is judged `by` some of them."""
    even = [_even(plane, full if by is None else by) for plane in (one, two)]
    means = [plane.mean(-1) for plane in even]
    rest = [plane - mean[..., None] for plane, mean in zip(even, means, strict=True)]
    spread = [np.sqrt((plane * plane).mean(-1)) for plane in rest]
    alike = (rest[0] * rest[1]).mean(-1) / np.maximum(spread[0] * spread[1], 1e-6)
    busy = np.maximum(spread[0], spread[1]) > _SEEN
    off = np.abs(means[0] - means[1]) > _OFF
    return full & (off | (busy & (alike < _ALIKE))), full & (busy | off)


def _even(plane: Plane, by: Flags) -> Plane:
    """As if the parts `by` had mean 0 and deviation 1."""
    chosen = plane[by]
    even: Plane = (plane - chosen.mean()) / np.float32(max(float(chosen.std()), 1.0))
    return even


def _without_edges(differing: Flags, full: Flags) -> Flags:
    """Without rows and columns at the edges that differ nearly all along: a border, the next of a collage."""
    kept = full.copy()
    for _ in range(_EDGES_MOST):
        rows, columns = np.flatnonzero(kept.any(1)), np.flatnonzero(kept.any(0))
        if not len(rows):
            break
        for line in {(0, rows[0]), (0, rows[-1]), (1, columns[0]), (1, columns[-1])}:
            at = (line[1], slice(None)) if line[0] == 0 else (slice(None), line[1])
            there = kept[at]
            if there.any() and (differing[at] & there).sum() >= _EDGE * there.sum():
                kept[at] = False
    return kept
