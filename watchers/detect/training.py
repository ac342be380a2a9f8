"""Labels in, model out, and an honest answer to how good it will be. Pure but for its time.

Figures come from folds: every text is judged by a model that has not seen it, and texts
that are alike to the letter stay in one fold, so that no re-post is examined by its twin.
Calibration and threshold are learnt the same way, from inner folds.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from watchers.detect.grams import Floats, Ints, Row
from watchers.detect.logistic import Sparse, fitted
from watchers.detect.model import Model

STRENGTHS = (5.0, 10.0, 20.0)
"""Values of C that inner folds choose from."""
_INNER_FOLDS = 5
_FEWEST = 4
"""Labels of the rarer kind from which inner folds mean something."""
_MANY = 800
"""Rows from which one strength is taken, to save hours."""
_SHARED = 2
"""Texts that must hold an n-gram before it gets a weight."""

Seen = tuple[Row, Row]


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text as the model sees it. twin: equal for texts that are one text."""

    seen: Seen
    wanted: bool
    twin: str = ""


@dataclass(frozen=True, slots=True)
class _Columns:
    """The n-grams that get a weight: their buckets, rarity, and which are signals."""

    buckets: Ints
    rarity: Floats

    @classmethod
    def of(cls, examples: Sequence[Example]) -> _Columns:
        grams, counts = np.unique(
            np.concatenate([e.seen[0].buckets for e in examples] or [np.empty(0, np.int64)]),
            return_counts=True,
        )
        keep = counts >= min(_SHARED, len(examples))
        rarity = np.log((1 + len(examples)) / (1 + counts[keep])) + 1
        signals = np.unique(np.concatenate([e.seen[1].buckets for e in examples]))
        fresh = np.setdiff1d(signals, grams[keep])
        buckets = np.concatenate([grams[keep], fresh])
        order = np.argsort(buckets)
        # As a file keeps them, so that a model read again weighs as this one did.
        rounded = np.array(
            [float(f"{value:.4g}") for value in np.concatenate([rarity, np.ones(len(fresh))])[order]]
        )
        return cls(buckets[order], rounded)

    def rows(self, examples: Sequence[Example]) -> Sparse:
        return Sparse.of([self._row(example.seen) for example in examples], len(self.buckets))

    def _row(self, seen: Seen) -> tuple[Ints, Floats]:
        at, values = self._known(seen[0])
        values = values * self.rarity[at]
        values = values / max(float(np.sqrt((values**2).sum())), 1e-6)
        signal_at, signal_values = self._known(seen[1])
        return np.concatenate([at, signal_at]), np.concatenate([values, signal_values])

    def _known(self, part: Row) -> tuple[Ints, Floats]:
        if not len(self.buckets):
            return np.empty(0, np.int64), np.empty(0)
        at = np.searchsorted(self.buckets, part.buckets)
        at[at == len(self.buckets)] = 0
        known = self.buckets[at] == part.buckets
        return at[known], part.values[known]


def folds(examples: Sequence[Example], count: int, seed: int = 1) -> list[int]:
    """A fold for every example: kinds spread evenly, twins together. Same seed, same folds."""
    twins: dict[str, list[int]] = {}
    for at, example in enumerate(examples):
        twins.setdefault(example.twin or f"\0{at}", []).append(at)
    groups = list(twins.values())
    random.Random(seed).shuffle(groups)  # noqa: S311 - folds, not secrets
    groups.sort(key=lambda group: (examples[group[0]].wanted, -len(group) if len(group) > 1 else 0))
    chosen = [0] * len(examples)
    for turn, group in enumerate(groups):
        for at in group:
            chosen[at] = turn % count
    return chosen


def trained(examples: Sequence[Example], *, day: str, f1: float = 0.0, lexicon_f1: float = 0.0) -> Model:
    """A model from all of `examples`; f1 and lexicon_f1: what cross-validation said.

    Raises ValueError unless both kinds of label are there.
    """
    wanted = _wanted(examples)
    if len(set(wanted)) < 2:
        raise ValueError("labels of both kinds are needed, 0 and 1")
    strength, raw = _strength(examples, wanted)
    slope, offset = _calibrated(raw, wanted)
    columns = _Columns.of(examples)
    weights = fitted(columns.rows(examples), wanted, strength)
    rounded = np.array([float(f"{value:.4g}") for value in weights[:-1]])
    return Model(
        buckets=columns.buckets,
        rarity=columns.rarity,
        weights=rounded,
        bias=float(weights[-1]),
        slope=slope,
        offset=offset,
        threshold=best_threshold(_logistic(slope * raw + offset)),
        trained=day,
        rows=len(examples),
        positives=int(wanted.sum()),
        f1=f1,
        lexicon_f1=lexicon_f1,
    )


def cross_validated(examples: Sequence[Example], count: int, seed: int = 1) -> tuple[Floats, list[bool]]:
    """(probability, whether it counts as an offer) of each example by a model of the other folds."""
    chosen = folds(examples, count, seed)
    probabilities, told = np.zeros(len(examples)), [False] * len(examples)
    for fold in sorted(set(chosen)):
        rest = [example for example, at in zip(examples, chosen, strict=True) if at != fold]
        model = trained(rest, day="")
        for at in (at for at, its in enumerate(chosen) if its == fold):
            odds = model.slope * model.raw(examples[at].seen) + model.offset
            probabilities[at] = float(_logistic(np.array([odds]))[0])
            told[at] = bool(probabilities[at] >= model.threshold)
    return probabilities, told


def best_threshold(probabilities: Floats) -> float:
    """The probability from which saying yes makes F1 largest, if the probabilities are right.

    Kept within 0.2 and 0.6: a few labels must not make the model shout or fall silent.
    """
    ranked = np.sort(probabilities)[::-1]
    expected = 2 * np.cumsum(ranked) / (np.arange(1, len(ranked) + 1) + ranked.sum())
    return float(np.clip(ranked[int(expected.argmax())], 0.2, 0.6))


def log_odds(probability: float) -> float:
    """The log-odds of a probability between 0 and 1."""
    return float(np.log(probability / (1 - probability)))


def _strength(examples: Sequence[Example], wanted: Floats) -> tuple[float, Floats]:
    """The C that does best on inner folds, and what the models of those folds said of each row."""
    rarer = int(min(wanted.sum(), len(wanted) - wanted.sum()))
    if rarer < _FEWEST:
        columns = _Columns.of(examples)
        rows = columns.rows(examples)
        return STRENGTHS[0], rows.times(fitted(rows, wanted, STRENGTHS[0]))
    strengths = STRENGTHS if len(examples) < _MANY else STRENGTHS[1:2]
    raw = _inner(examples, wanted, strengths, min(_INNER_FOLDS, rarer))
    losses = []
    for said in raw:
        slope, offset = _calibrated(said, wanted)
        losses.append(float(np.logaddexp(0.0, np.where(wanted > 0, -1, 1) * (slope * said + offset)).mean()))
    best = int(np.argmin(losses))
    return strengths[best], raw[best]


def _inner(
    examples: Sequence[Example], wanted: Floats, strengths: Sequence[float], count: int
) -> list[Floats]:
    """Sums of weights for each row by a model of the other inner folds, one array a strength."""
    chosen = np.array(folds(examples, count, seed=7))
    raw = [np.zeros(len(examples)) for _ in strengths]
    for fold in range(count):
        inside = [example for example, at in zip(examples, chosen, strict=True) if at != fold]
        outside = [example for example, at in zip(examples, chosen, strict=True) if at == fold]
        if not outside or len({example.wanted for example in inside}) < 2:
            continue
        columns = _Columns.of(inside)
        rows, others, weights = columns.rows(inside), columns.rows(outside), None
        for at, strength in enumerate(strengths):
            weights = fitted(rows, wanted[chosen != fold], strength, weights)
            raw[at][chosen == fold] = others.times(weights)
    return raw


def _calibrated(raw: Floats, wanted: Floats) -> tuple[float, float]:
    """Slope and offset of Platt's scaling, with his smoothed targets, by Newton's method."""
    hits = float(wanted.sum())
    misses = len(wanted) - hits
    target = np.where(wanted > 0, (hits + 1) / (hits + 2), 1 / (misses + 2))
    slope, offset = 1.0, 0.0
    for _ in range(50):
        said = _logistic(slope * raw + offset)
        gap, bend = said - target, said * (1 - said) + 1e-9
        pull = np.array([float(gap @ raw) + 1e-3 * (slope - 1), float(gap.sum())])
        curve = np.array(
            [[float(bend @ raw**2) + 1e-3, float(bend @ raw)], [float(bend @ raw), float(bend.sum())]]
        )
        move = np.clip(np.linalg.solve(curve + 1e-9 * np.eye(2), pull), -2, 2)
        slope, offset = slope - float(move[0]), offset - float(move[1])
        if float(np.abs(move).max()) < 1e-8:
            break
    return max(slope, 1e-3), offset


def _logistic(odds: Floats) -> Floats:
    said: Floats = 1.0 / (1.0 + np.exp(-np.clip(odds, -30, 30)))
    return said


def _wanted(examples: Sequence[Example]) -> Floats:
    return np.array([1.0 if example.wanted else 0.0 for example in examples])
