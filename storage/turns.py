"""PDQ hashes mirrored and turned, without looking at the picture again. Pure.

A PDQ bit says whether a coefficient of a 16 x 16 cosine transform exceeds their median (Facebook,
hashing.pdf, 2019). Mirroring a picture changes the sign of every other column, turning it over
that of every other row, and transposing it swaps rows and columns; so the eight ways in which a
picture can lie are eight arrangements of the same bits. Not quite: the median, taken for zero here,
may lie a little beside it, which costs 4 bits as a rule and 12 in one of twenty (measured).

Bits are held as four words of 64, by odd and even row and column: there a mirrored picture is a
word complemented, and one look at a word serves four of the eight ways.
"""

from __future__ import annotations

from dataclasses import dataclass

BITS = 256
Words = tuple[int, int, int, int]
"""Rows and columns even-even, even-odd, odd-even, odd-odd; each 8 x 8."""

_FULL = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One of the eight ways a picture can lie. flipped: which of the four words are complemented."""

    called: str
    transposed: bool
    flipped: tuple[bool, bool, bool, bool]


_AS_IS, _MIRROR = (False, False, False, False), (True, False, True, False)
_OVER, _ROUND = (True, True, False, False), (False, True, True, False)
TURNS = (
    Turn(called="", transposed=False, flipped=_AS_IS),
    Turn(called="mirrored", transposed=False, flipped=_MIRROR),
    Turn(called="mirrored and turned by 180 degrees", transposed=False, flipped=_OVER),
    Turn(called="turned by 180 degrees", transposed=False, flipped=_ROUND),
    Turn(called="mirrored and turned by 90 degrees", transposed=True, flipped=_AS_IS),
    Turn(called="turned by 90 degrees", transposed=True, flipped=_MIRROR),
    Turn(called="turned by 90 degrees", transposed=True, flipped=_OVER),
    Turn(called="mirrored and turned by 90 degrees", transposed=True, flipped=_ROUND),
)


def words_of(pdq_hex: str) -> Words:
    """The four words of a PDQ hash. Raises ValueError when it is not 64 hex digits."""
    if len(pdq_hex) != BITS // 4:
        raise ValueError(f"not a PDQ hash of 64 hex digits: {pdq_hex!r}")
    data = int(pdq_hex, 16).to_bytes(BITS // 8, "little")
    words = [0, 0, 0, 0]
    for row in range(16):
        even = _EVENS[data[2 * row]] | _EVENS[data[2 * row + 1]] << 4
        odd = _EVENS[data[2 * row] >> 1] | _EVENS[data[2 * row + 1] >> 1] << 4
        at = 2 * (row % 2)
        words[at] |= even << 8 * (row // 2)
        words[at + 1] |= odd << 8 * (row // 2)
    return words[0], words[1], words[2], words[3]


def hex_of(words: Words) -> str:
    """The reverse of `words_of`."""
    value = 0
    for bit in range(BITS):
        row, column = divmod(bit, 16)
        word = words[2 * (row % 2) + column % 2]
        value |= (word >> 8 * (row // 2) + column // 2 & 1) << bit
    return f"{value:0{BITS // 4}x}"


def transposed(words: Words) -> Words:
    """The hash of the picture with rows and columns swapped."""
    return _swapped(words[0]), _swapped(words[2]), _swapped(words[1]), _swapped(words[3])


def turned(pdq_hex: str) -> tuple[str, ...]:
    """The hashes of the picture lying in each of `TURNS`."""
    plain = words_of(pdq_hex)
    found = []
    for turn in TURNS:
        words = transposed(plain) if turn.transposed else plain
        a, b, c, d = (word ^ _FULL if flip else word for word, flip in zip(words, turn.flipped, strict=True))
        found.append(hex_of((a, b, c, d)))
    return tuple(found)


def nearest(distances: tuple[int, int, int, int], *, transposed: bool) -> tuple[int, int]:
    """(bits, number of the turn) of the nearest of four turns, from the distances of the words."""
    best = BITS + 1, 0
    for number in range(4, 8) if transposed else range(4):
        flipped = TURNS[number].flipped
        bits = sum(64 - d if flip else d for d, flip in zip(distances, flipped, strict=True))
        best = min(best, (bits, number))
    return best


def distance_bits(one: str, two: str) -> int:
    """Differing bits of two PDQ hashes: 0 same, about 128 unrelated. Raises ValueError for others."""
    if len(one) != len(two):
        raise ValueError(f"hashes of unequal length: {one!r}, {two!r}")
    return (int(one, 16) ^ int(two, 16)).bit_count()


def _swapped(word: int) -> int:
    """An 8 x 8 word with rows and columns swapped (Warren, Hacker's Delight, 7-3)."""
    x = (word ^ word >> 7) & 0x00AA00AA00AA00AA
    word ^= x ^ x << 7
    x = (word ^ word >> 14) & 0x0000CCCC0000CCCC
    word ^= x ^ x << 14
    x = (word ^ word >> 28) & 0x00000000F0F0F0F0
    return word ^ x ^ x << 28


def _evens(byte: int) -> int:
    """Bits 0, 2, 4, 6 of a byte, together."""
    return sum((byte >> 2 * at & 1) << at for at in range(4))


_EVENS = tuple(_evens(byte) for byte in range(256))
