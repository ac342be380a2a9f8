"""Whether two adverts are written by one template: MinHash over short runs of their letters. Pure.

Broder, "On the resemblance and containment of documents" (1997). Digits and contacts are left
out first, which change from advert to advert. Each of the 64 values of a signature is that of
one shingle drawn by lot, so a value that very many accounts share stands for wording that
everybody uses, and likeness is counted on the others alone: two posts that have a platform's
safety advice in common agree in its values and in nothing else.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from storage.text.glyphs import HAN
from storage.text.normal import fold_term
from watchers.detect.grams import Ints

VALUES = 64
SHINGLE = 4
LEAST = 70
"""Letters that a text must have, a Chinese character counting two: less is no template."""
_MOST_CHARS = 4_000
_NO_LETTER = re.compile(r"[\W\d_]+")


def signature(text: str, contacts: Iterable[str] = ()) -> tuple[int, ...]:
    """64 values of 32 bits, or () for a text too short to tell. contacts: "kind:value", left out."""
    letters = _letters(text[:_MOST_CHARS], contacts)
    if len(letters) + len(HAN.findall(letters)) < LEAST:
        return ()
    shingles = {letters[at : at + SHINGLE] for at in range(len(letters) - SHINGLE + 1)}
    hashed = np.array([zlib.crc32(shingle.encode()) for shingle in shingles], np.uint64)
    factors, offsets = _functions()
    mixed = (hashed[:, None] * factors[None, :] + offsets[None, :]) >> np.uint64(32)
    return tuple(int(value) for value in mixed.min(axis=0))


def packed(values: tuple[int, ...]) -> str:
    """A signature as text, eight hex digits a value."""
    return "".join(f"{value:08x}" for value in values)


def unpacked(text: str) -> Ints:
    """The reverse of `packed`."""
    return np.frombuffer(bytes.fromhex(text), dtype=">u4").astype(np.int64)


def _letters(text: str, contacts: Iterable[str]) -> str:
    folded = fold_term(text)
    for contact in contacts:
        value = contact.partition(":")[2]
        if value:
            folded = folded.replace(value, " ")
    return _NO_LETTER.sub("", folded)


@cache
def _functions() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The 64 hash functions: multiply, add, keep the upper half (Dietzfelbinger 1996)."""
    random = np.random.default_rng(64)
    factors = random.integers(1, 2**63, VALUES, dtype=np.uint64) | np.uint64(1)
    return factors, random.integers(0, 2**63, VALUES, dtype=np.uint64)
