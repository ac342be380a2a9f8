"""How long posts live: a fixed set of kinds of lifetime, tabulated once, and what a look says about them.

A target's lifetimes are unknown and seen only in intervals: a post appeared between two polls
and vanished between two looks, and whoever came and went between two polls was never seen. So no
mean is estimated. Each target holds a weight for each of some 150 kinds (log-normal, Weibull,
two crowds mixed; medians from twenty seconds to seventeen hours), and every look multiplies the
weights by how likely it was. What a target is expected to lose is then the weighted mean over
the kinds: it is wide while little is known and needs no correction by hand (`learning`).

Pure; arrays only. S(t): share of posts still there t seconds after they appeared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEDIANS_S = tuple(np.geomspace(20.0, 60_000.0, 20).tolist())
LOG_NORMAL_SPREADS = (0.5, 0.7, 0.95, 1.25, 1.7)
WEIBULL_SHAPES = (1.0, 0.55)
"""1 is the exponential; below 1 many vanish at once and the rest stays (quick sellers among slow ones)."""
QUICK_SHARES, QUICK_MEDIANS_S, SLOW_MEDIANS_S = (0.1, 0.3), (120.0, 480.0), (1_800.0, 5_400.0, 16_200.0)
"""Two crowds on one listing: a tenth of sellers or more delete within minutes (facts/domain.md)."""
EXPECTED_MEDIAN_S = 1_200.0
"""Before anything is known posts are thought to live twenty minutes (facts/domain.md) ..."""
EXPECTED_SPREAD = 1.5
"""... give or take a factor of four and a half: the prior's standard deviation in logarithms."""
ODD = 0.01
"""Share of lives that are no kind's (a page that moved, a wrong clock): no single one decides. They
end at any age alike, in the logarithm: S(t) = 1 / (1 + t / EXPECTED_MEDIAN_S)."""

_SHORTEST_S, _LONGEST_S, _POINTS, _FINER = 0.5, 4 * 86_400.0, 160, 8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretches:
    """Parts of posts' lives, an entry each. A post appeared in (after_s, by_s] and was there at known_s.

    gone False: it is there at now_s as well. gone True: it vanished in (known_s, now_s].
    """

    after_s: Floats
    by_s: Floats
    known_s: Floats
    now_s: Floats
    gone: NDArray[np.bool_]

    def sound(self, longest_gap_s: float) -> NDArray[np.bool_]:
        """Which of them are in order of time, born within longest_gap_s, and numbers at all."""
        ordered = (self.after_s < self.by_s) & (self.by_s <= self.known_s) & (self.known_s < self.now_s)
        usable = np.isfinite(self.after_s) & np.isfinite(self.now_s)
        return np.asarray(ordered & usable & (self.by_s - self.after_s <= longest_gap_s))

    def only(self, chosen: NDArray[np.bool_]) -> Stretches:
        """Those chosen."""
        return Stretches(
            after_s=self.after_s[chosen],
            by_s=self.by_s[chosen],
            known_s=self.known_s[chosen],
            now_s=self.now_s[chosen],
            gone=self.gone[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """The tabulated kinds. survival, caught: (points, kinds); prior: (kinds,), sums to 1.

    caught is (1/t) * integral of S over [0, t]: the share of posts that polls every t seconds
    meet, their phase being unrelated to the posts (facts/monitoring.md, 2.1).
    """

    survival: Floats
    caught: Floats
    prior: Floats

    @property
    def count(self) -> int:
        """How many kinds there are."""
        return len(self.prior)

    def alive(self, seconds: Floats) -> Floats:
        """S at `seconds` (any shape, at least 0): one more axis of kinds."""
        return _at(self.survival, seconds)

    def share(self, interval_s: Floats) -> Floats:
        """Share of posts met by polls every `interval_s` (any shape): one more axis of kinds."""
        return _at(self.caught, interval_s)


def _at(table: Floats, seconds: Floats) -> Floats:
    """Rows of `table` at `seconds`, straight between points in the logarithm of time."""
    place = np.log(np.clip(seconds, _SHORTEST_S, _LONGEST_S) / _SHORTEST_S)
    place *= (_POINTS - 1) / math.log(_LONGEST_S / _SHORTEST_S)
    below = np.minimum(place.astype(np.intp), _POINTS - 2)
    part = (place - below)[..., None]
    return np.asarray(table[below] * (1.0 - part) + table[below + 1] * part)


@lru_cache(maxsize=1)
def kinds() -> Kinds:
    """The kinds, tabulated at the first call (some 20 ms)."""
    fine_s = np.geomspace(_SHORTEST_S, _LONGEST_S, (_POINTS - 1) * _FINER + 1)
    columns, prior = [], []
    for median in MEDIANS_S:
        weight = math.exp(-0.5 * (math.log(median / EXPECTED_MEDIAN_S) / EXPECTED_SPREAD) ** 2)
        columns += [log_normal(fine_s, median, spread) for spread in LOG_NORMAL_SPREADS]
        columns += [weibull(fine_s, median, shape) for shape in WEIBULL_SHAPES]
        prior += [weight] * (len(LOG_NORMAL_SPREADS) + len(WEIBULL_SHAPES))
    for slow in SLOW_MEDIANS_S:
        weight = math.exp(-0.5 * (math.log(slow / EXPECTED_MEDIAN_S) / EXPECTED_SPREAD) ** 2)
        for quick, share in product(QUICK_MEDIANS_S, QUICK_SHARES):
            crowds = log_normal(fine_s, quick, 1.0), log_normal(fine_s, slow, 1.0)
            columns.append(share * crowds[0] + (1 - share) * crowds[1])
            prior.append(weight)
    survival = np.stack(columns, axis=1)
    caught = met(fine_s, survival)
    return Kinds(
        survival=survival[::_FINER].copy(), caught=caught[::_FINER].copy(), prior=np.array(prior) / sum(prior)
    )


def log_normal(seconds: Floats, median_s: float, spread: float) -> Floats:
    """S of log-normal lifetimes; spread is the standard deviation of their logarithm."""
    z = np.log(seconds / median_s) / (spread * math.sqrt(2.0))
    return np.array([0.5 * math.erfc(value) for value in z.tolist()])


def weibull(seconds: Floats, median_s: float, shape: float) -> Floats:
    """S of Weibull lifetimes of this median."""
    return np.asarray(np.exp(-math.log(2.0) * (seconds / median_s) ** shape))


def met(seconds: Floats, survival: Floats) -> Floats:
    """(1/t) * integral of `survival` (points first) over [0, t] at each of the ascending `seconds`."""
    steps = np.diff(seconds)[:, None] * (survival[1:] + survival[:-1]) / 2
    first = seconds[0] * (1.0 + survival[:1]) / 2
    return np.asarray(np.cumsum(np.concatenate([first, steps]), axis=0) / seconds[:, None])


def look_likelihood(seen: Stretches) -> Floats:
    """Logarithm of how likely each stretch is under each kind: (stretches, kinds).

    Given that the post was there at known_s, so what never was met biases nothing, and the
    stretches of one post multiply. Births are spread evenly over (after_s, by_s].
    """
    table = kinds()
    middle = (seen.after_s + seen.by_s) / 2
    born = middle[:, None] + (seen.by_s - seen.after_s)[:, None] / 2 * _NODES
    weights = _WEIGHTS / 2
    before = np.einsum("q,mqk->mk", weights, table.alive(np.maximum(0.0, seen.known_s[:, None] - born)))
    after = np.einsum("q,mqk->mk", weights, table.alive(np.maximum(0.0, seen.now_s[:, None] - born)))
    stayed = np.clip(after / np.maximum(before, 1e-300), 0.0, 1.0)
    odd = (EXPECTED_MEDIAN_S + seen.known_s - middle) / (EXPECTED_MEDIAN_S + seen.now_s - middle)
    stayed = ODD * odd[:, None] + (1.0 - ODD) * stayed
    return np.asarray(np.log(np.where(seen.gone[:, None], 1.0 - stayed, stayed)))
