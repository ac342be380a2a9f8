"""The bank of known pictures: which of them shares a part with the picture asked about.

Runs only inside the bank's worker process (`watchers.bank_worker`). Three steps: every point asked
about is looked up in tables by 20 of its 256 bits, and points near enough vote for their picture; of
the pictures with most votes all points are compared; and those that pair up must lie alike, moved,
scaled and turned together (RANSAC, Fischler and Bolles, 1981). Exactness is not claimed: of a crop
of a quarter more than nine in ten are found (`./nightjar bench pictures`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from watchers.picture_features import BYTES, Descriptors, Features, Points

LEAST_POINTS = 12
"""Points that must lie alike: by chance up to 9 do (facts: imaging, section 2)."""
_TABLES, _KEY_BITS = 8, 22
_VOTE_BITS = 56
"""Distance up to which a point votes."""
_LEAST_VOTES = 1.5
_VERIFIED = 8
"""Pictures looked at closely for each question."""
_PAIR_BITS = 64
_RATIO = 0.9
"""A pair counts when the second best is this much worse (Lowe, 2004)."""
_WITHIN = 6.0 / 480
"""How far off a point may lie, in units of the longer side."""
_SCALES = (0.15, 6.0)
_COMMON = 400
"""Points with one key from which on the key says nothing."""
_NEW_MOST = 20_000
"""Points that have tables of their own, made anew whenever some came."""

Keys = np.ndarray[tuple[int], np.dtype[np.uint32]]
Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Shared:
    """A known picture and how many points lie alike in it."""

    picture: int
    points: int
    mirrored: bool


@dataclass(frozen=True, slots=True)
class _Tables:
    """Points begin..end by their keys: per table, the keys in order and the places they stand at."""

    begin: int
    end: int
    rows: list[tuple[Keys, np.ndarray]]


class PictureBank:
    """Grows by `add`, answers `ask`. About 60 KB a picture of 500 points."""

    def __init__(self) -> None:
        self._descriptors = np.empty((0, BYTES), np.uint8)
        self._points = np.empty((0, 2), np.float32)
        self._owners = np.empty(0, np.int32)
        self._begins: list[tuple[int, int]] = []
        self._count = 0
        self._old = _Tables(0, 0, [])
        """Tables of nearly all points, and of those that came since: making all anew takes a second."""
        self._new = _Tables(0, 0, [])
        chosen = np.random.default_rng(0x0B).permutation(8 * BYTES)
        self._bits = chosen[: _TABLES * _KEY_BITS].reshape(_TABLES, _KEY_BITS)

    def __len__(self) -> int:
        return len(self._begins)

    def add(self, features: Features) -> int:
        """Keep a picture; its number, from 0 on."""
        begin, end = self._count, self._count + len(features)
        if end > len(self._owners):
            self._grow(max(end, 2 * len(self._owners), 4096))
        self._descriptors[begin:end] = features.descriptors
        self._points[begin:end] = features.points
        self._owners[begin:end] = len(self._begins)
        self._begins.append((begin, end))
        self._count = end
        return len(self._begins) - 1

    def forget(self, picture: int) -> None:
        """Let a picture be found no more."""
        begin, end = self._begins[picture]
        self._owners[begin:end] = -1

    def ask(self, plain: Features, mirrored: Features) -> list[Shared]:
        """Pictures that share at least `LEAST_POINTS` with a picture, most first."""
        votes = [
            (vote, picture, way)
            for way, features in enumerate((plain, mirrored))
            for vote, picture in self._voted(features.descriptors)
        ]
        found: dict[int, Shared] = {}
        for _, picture, way in sorted(votes, reverse=True)[:_VERIFIED]:
            points = self._alike((plain, mirrored)[way], picture)
            if points >= max(LEAST_POINTS, found[picture].points if picture in found else 0):
                found[picture] = Shared(picture, points, mirrored=bool(way))
        return sorted(found.values(), key=lambda shared: -shared.points)

    def _grow(self, size: int) -> None:
        for name in ("_descriptors", "_points", "_owners"):
            old = getattr(self, name)
            new = np.empty((size, *old.shape[1:]), old.dtype)
            new[: self._count] = old[: self._count]
            setattr(self, name, new)

    def _ordered(self) -> tuple[_Tables, _Tables]:
        """The tables, over all points there are."""
        if self._new.end < self._count:
            begin = self._old.end
            if self._count - begin > max(_NEW_MOST, begin // 8):
                self._old, begin = self._made(0), self._count
            self._new = self._made(begin)
        return self._old, self._new

    def _made(self, begin: int) -> _Tables:
        rows = []
        for bits in self._bits:
            keys = _keys(self._descriptors[begin : self._count], bits)
            order = np.argsort(keys, kind="stable")
            rows.append((keys[order], (order + begin).astype(np.uint32)))
        return _Tables(begin, self._count, rows)

    def _voted(self, asked: Descriptors) -> list[tuple[float, int]]:
        """(votes, picture) of those with most points near the ones asked about."""
        if len(asked) < LEAST_POINTS or not self._begins:
            return []
        words = np.ascontiguousarray(asked).view(np.uint64)
        kept = self._descriptors[: self._count].view(np.uint64)
        sought = [_keys(asked, bits) for bits in self._bits]
        pairs = [
            _candidates(*table, keys)
            for tables in self._ordered()
            for table, keys in zip(tables.rows, sought, strict=False)
        ]
        which = np.concatenate([pair[0] for pair in pairs])
        places = np.concatenate([pair[1] for pair in pairs])
        near = np.flatnonzero(_differing(words[which], kept[places]) <= _VOTE_BITS)
        owners = self._owners[places[near]].astype(np.int64)
        held = owners >= 0
        # A point votes once for a picture, the less the more pictures it is like.
        ballots = np.unique(which[near[held]] * len(self._begins) + owners[held])
        voters, chosen = np.divmod(ballots, len(self._begins))
        weights = 1.0 / np.bincount(voters, minlength=len(asked))[voters]
        votes = np.bincount(chosen, weights, minlength=len(self._begins))
        best = np.argsort(-votes, kind="stable")[:_VERIFIED]
        return [(float(votes[picture]), int(picture)) for picture in best if votes[picture] >= _LEAST_VOTES]

    def _alike(self, asked: Features, picture: int) -> int:
        """How many points of two pictures lie alike under one move, scale and turn."""
        begin, end = self._begins[picture]
        distances, nearest = cv2.batchDistance(
            self._descriptors[begin:end], asked.descriptors, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=2
        )
        first, second = distances[:, 0], distances[:, 1]
        ours = np.flatnonzero((first <= _PAIR_BITS) & (first < _RATIO * second))
        if len(ours) < LEAST_POINTS:
            return 0
        return alike(self._points[begin:end][ours], asked.points[nearest[ours, 0]])


def _candidates(keys: Keys, places: np.ndarray, sought: Keys) -> tuple[Numbers, Numbers]:
    """(point asked about, place of a kept one) that share a key."""
    begin, end = np.searchsorted(keys, sought, "left"), np.searchsorted(keys, sought, "right")
    lengths = end - begin
    lengths[lengths > _COMMON] = 0
    shifts = np.repeat(begin - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    return np.repeat(np.arange(len(sought)), lengths), places[shifts + np.arange(lengths.sum())].astype(
        np.int64
    )


def alike(one: Points, two: Points) -> int:
    """How many of these pairs of points fit one similarity; places count, not points that lie together."""
    cv2.setRNGSeed(1)  # the same question has the same answer
    matrix, inside = cv2.estimateAffinePartial2D(
        one, two, method=cv2.RANSAC, ransacReprojThreshold=_WITHIN, maxIters=1000, confidence=0.995
    )
    if matrix is None:
        return 0
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not _SCALES[0] <= scale <= _SCALES[1]:
        return 0
    fitting = inside.ravel().astype(bool)
    return min(_places(one[fitting]), _places(two[fitting]))


def _differing(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Differing bits of rows of four 64-bit words."""
    counts = np.bitwise_count(one ^ two).view(np.uint32).ravel()
    total: np.ndarray = (counts & 0x00FF00FF) + (counts >> 8 & 0x00FF00FF)
    return (total & 0xFFFF) + (total >> 16)


def _places(points: Points) -> int:
    """Points at different places: one corner is found at several scales and must not count for each."""
    return len(np.unique(np.round(points * 160).astype(np.int32), axis=0))


def _keys(descriptors: Descriptors, bits: np.ndarray) -> Keys:
    """The key of each descriptor: its bits at these places."""
    keys = np.zeros(len(descriptors), np.uint32)
    for bit in bits:
        keys = keys << np.uint32(1) | (descriptors[:, bit // 8] >> bit % 8 & 1)
    return keys
