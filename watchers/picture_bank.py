"""The bank of known pictures: which of them shares a part with the picture asked about.

Runs only inside the bank's worker process (`watchers.bank_worker`). Three steps: known points near one
that is asked about (`picture_tables`) vote for their picture; of the pictures with most votes, where most
voters lie alike, all points are compared; those that pair up must lie alike, moved, scaled and turned
together (RANSAC, Fischler and Bolles, 1981); and laid over each other as these points say, the pictures
must look alike (`picture_agreement`): one cloth under other goods has points enough. Exactness is not
claimed: of a crop of a quarter more than nine in ten are found (`./nightjar bench pictures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from watchers.picture_agreement import Grey, Move, agreement
from watchers.picture_features import BYTES, Descriptors, Features, Points
from watchers.picture_tables import Numbers, PointTables

LEAST_POINTS = 10
"""Points that must lie alike: by chance up to 9 do (facts: imaging, section 2)."""
_FEW_POINTS = 7
"""So many are enough to be shown, where the pictures laid over each other are alike nearly everywhere."""
_FEW_PARTS, _FEW_DIFFERING = 20, 0.04
_MOSTLY, _MANY_POINTS = 0.8, 60
"""Of the smaller of two pictures, what lies on the other when one was made from the other: of 250 altered
copies none with few points had less than 0.85. Where less does, many are asked for: a pattern that both were
laid on gave 18 to 50 in the simulated night, and the goods lay outside of what was compared."""
_TO_BE_LOOKED_AT = 0.08
"""Said to differ at least, where it is not so."""
_LEAST_VOTES = 1.0
"""More lost four of 200 collages, whose pictures have a quarter of the points each."""
_HINTED = 32
"""Pictures of most votes, as it is and mirrored, whose voters are looked at, whether they lie alike."""
_VERIFIED = 8
"""Pictures looked at closely for each question: all points are compared, which takes 5 ms."""
_HINTS = 5
"""Voters that lie alike, from which on a picture is looked at closely."""
_PAIR_BITS = 64
_DIFFERING_MOST = 0.35
"""Share of parts that differ, beyond which nothing is said: same cloth at best."""
_RATIO = 0.9
"""A pair counts when the second best is this much worse (Lowe, 2004)."""
_WITHIN = 6.0 / 480
"""How far off a point may lie, in units of the longer side."""
_SCALES = (0.15, 6.0)


@dataclass(frozen=True, slots=True)
class Shared:
    """A known picture, how many points lie alike in it, and what share 0..1 of both's parts differs."""

    picture: int
    points: int
    mirrored: bool
    differing: float


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A picture that was voted for, and by what: points asked about, and places of points like them."""

    picture: int
    asked: Numbers
    places: Numbers


class PictureBank:
    """Grows by `add`, answers `ask`. About 60 KB a picture of 500 points."""

    def __init__(self) -> None:
        self._descriptors = np.empty((0, BYTES), np.uint8)
        self._points = np.empty((0, 2), np.float32)
        self._owners = np.empty(0, np.int32)
        self._begins: list[tuple[int, int]] = []
        self._thumbs: list[Grey] = []
        self._count = 0
        self._tables = PointTables()

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
        self._thumbs.append(features.thumb.copy())
        self._count = end
        return len(self._begins) - 1

    def forget(self, picture: int) -> None:
        """Let a picture be found no more."""
        begin, end = self._begins[picture]
        self._owners[begin:end] = -1

    def ask_all(self, each: Sequence[Features]) -> list[Shared]:
        """As `ask`, by several views of a picture: one after the other as it is and mirrored."""
        found: dict[int, Shared] = {}
        for plain, mirrored in zip(each[::2], each[1::2], strict=True):
            for shared in self.ask(plain, mirrored):
                best = found.setdefault(shared.picture, shared)
                found[shared.picture] = min(best, shared, key=_most_alike)
        return sorted(found.values(), key=_most_alike)

    def ask(self, plain: Features, mirrored: Features) -> list[Shared]:
        """Pictures that share points with a picture, the most alike first."""
        hinted = [
            (alike(self._points[chosen.places], features.points[chosen.asked])[0], chosen.picture, way)
            for way, features in enumerate((plain, mirrored))
            for chosen in self._voted(features.descriptors)
        ]
        # Not the most votes first: where all points are of one weave, pictures with that weave have most.
        hinted.sort(key=lambda hint: (-hint[0], hint[1:]))
        found: dict[int, Shared] = {}
        for hints, picture, way in hinted[:_VERIFIED]:
            if hints < _HINTS:
                break
            asked = (plain, mirrored)[way]
            shared = self._shared(asked, picture, mirrored=bool(way))
            if shared and (picture not in found or shared.differing < found[picture].differing):
                found[picture] = shared
        return sorted(found.values(), key=_most_alike)

    def _shared(self, asked: Features, picture: int, *, mirrored: bool) -> Shared | None:
        points, move = self._alike(asked, picture)
        if move is None or points < _FEW_POINTS:
            return None
        agreed = agreement(self._thumbs[picture], asked.thumb, move)
        few = points < LEAST_POINTS
        if agreed.differing > (_FEW_DIFFERING if few else _DIFFERING_MOST):
            return None
        if few and agreed.parts < _FEW_PARTS:
            return None
        halfway = agreed.overlap < _MOSTLY and points < _MANY_POINTS
        differing = max(agreed.differing, _TO_BE_LOOKED_AT if halfway else 0.0)
        return Shared(picture, points, mirrored=mirrored, differing=differing)

    def _grow(self, size: int) -> None:
        for name in ("_descriptors", "_points", "_owners"):
            old = getattr(self, name)
            new = np.empty((size, *old.shape[1:]), old.dtype)
            new[: self._count] = old[: self._count]
            setattr(self, name, new)

    def _voted(self, asked: Descriptors) -> list[_Chosen]:
        """Those with most points near the ones asked about."""
        if len(asked) < LEAST_POINTS or not self._begins:
            return []
        which, places = self._tables.near(asked, self._descriptors[: self._count])
        owners = self._owners.take(places).astype(np.int64)
        if len(gone := np.flatnonzero(owners < 0)):
            which, places, owners = (np.delete(each, gone) for each in (which, places, owners))
        # A point votes once for a picture, the less the more pictures it is like.
        voters, chosen = np.divmod(_distinct(which * len(self._begins) + owners), len(self._begins))
        weights = 1.0 / np.bincount(voters, minlength=len(asked))[voters]
        votes = np.bincount(chosen, weights, minlength=len(self._begins))
        best = np.argsort(-votes, kind="stable")[:_HINTED]
        return [
            _Chosen(int(picture), which[mine], places[mine])
            for picture in best
            if votes[picture] >= _LEAST_VOTES
            for mine in (_first_of(which, places, owners == picture),)
        ]

    def _alike(self, asked: Features, picture: int) -> tuple[int, Move | None]:
        """How many points of two pictures lie alike under one move, scale and turn, and which that is."""
        begin, end = self._begins[picture]
        distances, nearest = cv2.batchDistance(
            self._descriptors[begin:end], asked.descriptors, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=2
        )
        first, second = distances[:, 0], distances[:, 1]
        ours = np.flatnonzero((first <= _PAIR_BITS) & (first < _RATIO * second))
        if len(ours) < _FEW_POINTS:
            return 0, None
        return alike(self._points[begin:end][ours], asked.points[nearest[ours, 0]])


def _most_alike(shared: Shared) -> tuple[float, int]:
    return shared.differing, -shared.points


def _distinct(numbers: Numbers) -> Numbers:
    """Each once, in order: sorting takes a sixth of the time that `np.unique` does."""
    ordered = np.sort(numbers)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def _first_of(which: Numbers, places: Numbers, chosen: np.ndarray) -> Numbers:
    """Of the chosen pairs, each pair once: several tables give the same."""
    at = np.flatnonzero(chosen)
    _, first = np.unique(which[at] << 32 | places[at], return_index=True)
    return at[first]


def alike(one: Points, two: Points) -> tuple[int, Move | None]:
    """How many of these pairs of points fit one similarity, and which; of points at one place one counts."""
    if len(one) < _HINTS:  # too few for anything, however they lie
        return 0, None
    cv2.setRNGSeed(1)  # the same question has the same answer
    matrix, inside = cv2.estimateAffinePartial2D(
        one, two, method=cv2.RANSAC, ransacReprojThreshold=_WITHIN, maxIters=1000, confidence=0.995
    )
    if matrix is None:
        return 0, None
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not _SCALES[0] <= scale <= _SCALES[1]:
        return 0, None
    fitting = inside.ravel().astype(bool)
    if (count := int(fitting.sum())) < _HINTS:
        return count, np.asarray(matrix, np.float64)  # too few for anything, at however many places
    return min(_places(one[fitting]), _places(two[fitting])), np.asarray(matrix, np.float64)


def _places(points: Points) -> int:
    """Points at different places: one corner is found at several scales and must not count for each."""
    return len(np.unique(np.round(points * 160).astype(np.int32), axis=0))
