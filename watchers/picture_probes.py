"""Hashes to ask by and not to be found by: what a picture may have been before it was cut or turned.

PDQ knows a centred crop of 5 % of width and height, loses half of those that are not centred, and all
of 10 % and of a turn by 5 degrees (facts: imaging, section 2). But its bits are signs of cosines over the
whole picture, and those over a longer line can be had as well: as if so much had been cut off, so much of
that on this side and the rest on that, the outermost pixels continued over what is not there. Cosines are
sums, so that all such guesses together are one product of matrices; the same once more for the picture
turned back a little. Crops of 5 % anywhere are within 48 bits in 1.00 of 40 generated pictures, of 10 % in
0.82 (`./nightjar bench pictures`). So are other pictures now and then: what is near is looked at before
anything is said (`picture_overlay`).

Runs only inside a picture worker. Not Facebook's filter, but a plain average: 6 bits off as a rule.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from watchers.picture_hashes import SURE_FROM, pdq_of
from watchers.picture_trim import inner_box

ASKED_FROM = 25
"""PDQ quality from which a picture is asked about as it is: a sure one, darkened, has half of it left."""
_FRAMED = 0.88
"""Share of the whole below which the inner picture is asked about too: a border of 4 % and wider."""
_SIDE_PX = 128
_COSINES = 16
_GUESSES = ((0.0, (0.0,)), (0.05, (1 / 4, 3 / 4)), (0.10, (1 / 6, 1 / 2, 5 / 6)))
"""Share of width and height that was cut off, and how much of that on the left and at the top: where a
crop really was is then within 1.7 % of the side of a guess."""
_TURNS_DEGREES = (0.0, -2.5, 2.5, -5.0, 5.0)

Plane = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def probes(grey: Image.Image) -> tuple[str, ...]:
    """PDQ, 64 hex digits each, of what the picture may have been; of it without a wide border as well.

    70 hashes as a rule; fewer of a plain picture, which tells nothing. Shorter side 256 px at least.
    """
    box, found = inner_box(grey), _of(grey)
    if box is not None and (box[2] - box[0]) * (box[3] - box[1]) < _FRAMED * grey.width * grey.height:
        found += _of(grey.crop(box))
    return tuple(dict.fromkeys(found))


def _of(grey: Image.Image) -> list[str]:
    small = grey.reduce(max(1, min(grey.size) // _SIDE_PX))
    _, quality = pdq_of(small)  # its quality alone, at a quarter of the price
    if quality >= SURE_FROM:
        return _guessed(small)
    return [pdq_of(grey)[0]] if quality >= ASKED_FROM else []


def _guessed(small: Image.Image) -> list[str]:
    middle = int(np.asarray(small).mean())
    found = []
    for degrees in _TURNS_DEGREES:
        back = small.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=middle) if degrees else small
        pixels = np.asarray(back.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX), np.float32)
        sums = (_LINES @ pixels @ _LINES.T).reshape(_COUNT, _COSINES, _COUNT, _COSINES).swapaxes(1, 2)
        found += _hashes(sums[_DOWN, _ACROSS].reshape(-1, _COSINES**2))
    return found


def _hashes(cosines: Plane) -> list[str]:
    """One hash of each row. Facebook prints the last bit first."""
    bits = cosines > np.median(cosines, axis=1, keepdims=True)
    return [row.tobytes().hex() for row in np.packbits(bits[:, ::-1], axis=1)]


def _line(share: float, before: float) -> Plane:
    """The cosines of a line of 1 by its pixels, which begin at `before` and leave out `share` of it."""
    waves = np.pi * np.arange(1, _COSINES + 1)[:, None]
    pixel = (1 - share) / _SIDE_PX
    cosines = np.cos(waves * (before + (np.arange(_SIDE_PX) + 0.5) * pixel)) * pixel
    cosines[:, :1] += np.sin(waves * before) / waves
    cosines[:, -1:] -= np.sin(waves * (before + 1 - share)) / waves
    return cosines.astype(np.float32)


_SHARES = np.array([share for share, parts in _GUESSES for _ in parts])
_COUNT = len(_SHARES)
_LINES = np.concatenate([_line(share, share * part) for share, parts in _GUESSES for part in parts])
_DOWN, _ACROSS = np.nonzero(_SHARES[:, None] == _SHARES)
"""Pairs of lines that belong together: as much is gone of the height as of the width."""
