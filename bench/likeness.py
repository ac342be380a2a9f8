"""How many altered copies of a picture the perceptual hash still knows, and how many strangers.

Pictures are the simulated market's: photo-like, generated, no real goods. Hashing is the
worker's own recipe. "crop" takes 10 % of width and height, "small crop" 2 % each side.
phash-64 is known to miss mirrored, bordered, turned and cropped pictures (imaging facts,
section 2); the figures say so rather than hide it.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from PIL import Image

from bench.figures import Figure, Result
from nightmarket.alterations import CHANGES, alter
from nightmarket.model import PictureSpec
from nightmarket.pictures import paint
from storage.model import SAME_PHASH_BITS
from watchers.picture_decode import HASH_SIDE_PX, decode, prepare
from watchers.picture_hashes import hashes_of

NAME = "likeness"
SUMMARY = "share of altered pictures found again at 5 and 8 bits, and false pairs"
NEEDS_DEV = False
SURE = ("resize", "jpeg40", "gray", "brightness")
"""Alterations that a phash must survive; the others are told without a promise."""


@dataclass(frozen=True, slots=True)
class Found:
    """Shares 0..1 of copies within 5 and within 8 bits of their original."""

    at_5: float
    at_8: float


def run(args: list[str]) -> Result:
    """Hash `--pictures` originals with their copies, and compare every pair of originals."""
    parser = argparse.ArgumentParser(prog="bench likeness")
    parser.add_argument("--pictures", type=int, default=120)
    count = parser.parse_args(args).pictures
    prepare()
    originals = [paint(PictureSpec(layout=n, thing=n, changes=(), twist=0)) for n in range(count)]
    hashes = [phash(data) for data in originals]
    figures = []
    for name, change in _changes().items():
        found = _found_again(originals, hashes, change)
        target = 0.95 if name in SURE else None
        figures.append(Figure(f"{name}: within 5 bits", found.at_5, target))
        figures.append(Figure(f"{name}: within 8 bits", found.at_8))
    figures += _strangers(hashes)
    return Result(tuple(figures), notes=(f"{count} generated pictures, pairwise; the worker's own recipe",))


def phash(data: bytes) -> int | None:
    """The recipe's phash, or None for a picture too plain to have one."""
    text = hashes_of(decode(data, "L", HASH_SIDE_PX).image).phash
    return int(text, 16) if text else None


def _changes() -> dict[str, Callable[[bytes, int], bytes]]:
    table: dict[str, Callable[[bytes, int], bytes]] = {"small crop": _small_crop}
    for name in CHANGES:
        table[name] = partial(_altered, name)
    return table


def _altered(name: str, data: bytes, twist: int) -> bytes:
    return alter(data, name, twist)


def _small_crop(data: bytes, twist: int) -> bytes:
    image = Image.open(io.BytesIO(data))
    dx, dy = image.width // 50, image.height // 50
    shift = random.Random(twist)
    left, top = shift.randint(0, 2 * dx), shift.randint(0, 2 * dy)
    out = io.BytesIO()
    box = (left, top, left + image.width - 2 * dx, top + image.height - 2 * dy)
    image.crop(box).save(out, "JPEG", quality=85)
    return out.getvalue()


def _found_again(
    originals: list[bytes], hashes: list[int | None], change: Callable[[bytes, int], bytes]
) -> Found:
    distances = []
    for number, (data, known) in enumerate(zip(originals, hashes, strict=True)):
        other = phash(change(data, number))
        distances.append(64 if known is None or other is None else (known ^ other).bit_count())
    within = [sum(d <= bits for d in distances) / len(distances) for bits in (5, 8)]
    return Found(*within)


def _strangers(hashes: list[int | None]) -> list[Figure]:
    pairs = [(one ^ two).bit_count() for one, two in combinations([h for h in hashes if h is not None], 2)]
    layouts = _same_layout()
    figures = [
        Figure(f"strangers within {bits} bits", sum(d <= bits for d in pairs) / len(pairs), 0.001, "at most")
        for bits in (5, 8)
    ]
    twins = sum(d <= SAME_PHASH_BITS for d in layouts) / len(layouts)
    figures.append(Figure("same scene, other thing: within 5 bits", twins))
    figures.append(Figure("pictures without a hash (too plain)", sum(h is None for h in hashes)))
    return figures


def _same_layout(count: int = 40) -> list[int]:
    """Distances of pictures that share camera, light and surface and show different goods."""
    distances = []
    for layout in range(count):
        one, two = (phash(paint(PictureSpec(layout=layout, thing=t, changes=(), twist=0))) for t in (1, 2))
        distances.append(64 if one is None or two is None else (one ^ two).bit_count())
    return distances
