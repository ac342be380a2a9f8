"""Logistic regression on sparse rows, by L-BFGS, in NumPy alone. Pure.

Minimises |w|^2 / 2 + C * sum of log losses, the bias left free: what scikit-learn's
LogisticRegression minimises. Source of the method: Nocedal & Wright, Numerical
Optimization, algorithm 7.4 (two-loop recursion) with Armijo backtracking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from watchers.detect.grams import Floats, Ints

_MEMORY = 10
_STEPS = 120
_ENOUGH = 1e-4
_ARMIJO = 1e-4
_STILL = 1e-5
"""Share of the loss below which a step is not worth its time: the answers no longer change."""


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows of numbers, mostly 0: row i has values[starts[i]:starts[i + 1]] in those columns.

    The last column is 1 in every row, so no row is empty.
    """

    columns: Ints
    values: Floats
    starts: Ints
    width: int

    @classmethod
    def of(cls, rows: Sequence[tuple[Ints, Floats]], width: int) -> Sparse:
        """Rows of (columns, values) with a column of ones added behind."""
        one = np.ones(1)
        last: Ints = np.array([width], np.int64)
        columns: list[Ints] = [part for found, _ in rows for part in (found, last)]
        values: list[Floats] = [part for _, amounts in rows for part in (amounts, one)]
        lengths: Ints = np.array([len(found) + 1 for found, _ in rows], np.int64)
        starts: Ints = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        return cls(np.concatenate(columns), np.concatenate(values), starts, width + 1)

    def times(self, weights: Floats) -> Floats:
        """One sum a row."""
        products: Floats = np.add.reduceat(self.values * weights[self.columns], self.starts[:-1])
        return products

    def across(self, amounts: Floats) -> Floats:
        """One sum a column: the rows added up, each times its amount."""
        each = np.repeat(amounts, np.diff(self.starts))
        return np.bincount(self.columns, weights=self.values * each, minlength=self.width).astype(np.float64)


def fitted(rows: Sparse, wanted: Floats, strength: float, begin: Floats | None = None) -> Floats:
    """Weights, the bias last. wanted: 0 or 1 a row; strength: C, large trusts the labels more."""
    signs = np.where(wanted > 0, 1.0, -1.0)
    weights = np.zeros(rows.width) if begin is None else begin.copy()
    loss, slope = _loss(rows, signs, strength, weights)
    moves: list[tuple[Floats, Floats, float]] = []
    for _ in range(_STEPS):
        if float(np.abs(slope).max()) < _ENOUGH * max(1.0, strength):
            break
        way = -_turned(slope, moves)
        step, descent = (1.0 if moves else min(1.0, 1.0 / float(np.abs(slope).sum()))), float(way @ slope)
        while True:
            tried, new_loss, new_slope = (
                weights + step * way,
                *_loss(rows, signs, strength, weights + step * way),
            )
            if new_loss <= loss + _ARMIJO * step * descent or step < 1e-10:
                break
            step /= 2
        moved, turned = tried - weights, new_slope - slope
        if (bent := float(moved @ turned)) > 1e-12:
            moves = [*moves[1 - _MEMORY :], (moved, turned, 1.0 / bent)]
        gained = loss - new_loss
        weights, loss, slope = tried, new_loss, new_slope
        if gained < _STILL * loss:
            break
    return weights


def _loss(rows: Sparse, signs: Floats, strength: float, weights: Floats) -> tuple[float, Floats]:
    margins = signs * rows.times(weights)
    free = weights.copy()
    free[-1] = 0.0
    loss = float(free @ free) / 2 + strength * float(np.logaddexp(0.0, -margins).sum())
    pull = -signs / (1.0 + np.exp(np.clip(margins, -500, 500)))
    return loss, free + strength * rows.across(pull)


def _turned(slope: Floats, moves: Sequence[tuple[Floats, Floats, float]]) -> Floats:
    """The slope times an estimate of the inverse curvature, from the last moves."""
    turned, kept = slope.copy(), list[float]()
    for moved, bent, share in reversed(moves):
        amount = share * float(moved @ turned)
        kept.append(amount)
        turned -= amount * bent
    if moves:
        moved, bent, _ = moves[-1]
        turned *= float(moved @ bent) / float(bent @ bent)
    for (moved, bent, share), amount in zip(moves, reversed(kept), strict=True):
        turned += moved * (amount - share * float(bent @ turned))
    return turned
