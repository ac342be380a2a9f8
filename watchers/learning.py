"""What the polls of past nights say about each target: how often it posts, and how long posts live.

Pure: no clock, no network, no files; instants are seconds of whatever clock the caller keeps. The
arrays inside are changed in place by `polled` and `fold`; `estimate` reads them.

Only posts that live long enough to be met are seen. So the rate is posts met divided by the
seconds of posting that were covered, sum over polls of T * C(T), and since C depends on the
unknown kind of lifetime, rate and kind are one posterior: for each kind k of `lifetimes`,
weight = prior_k * likelihood of the looks * Gamma-Poisson likelihood of the counts. Priors come
from the other targets of the host, theirs from all hosts (empirical Bayes, re-estimated at each
`estimate`; a target never counts in its host's word on itself).

Posts come in bursts: while more posts were met within BURST_S than is usual, more are expected, and
fewer otherwise. `hotness`, the posts that follow one post, is the regression of the counts on that
excess, pooled over targets; the usual rate is counted without it, so neither can take the other's place.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from watchers.lifetimes import Floats, Stretches, kinds, look_likelihood

Indices = NDArray[np.intp]
Singles = NDArray[np.float32]
Numbers = TypeVar("Numbers", np.float32, np.float64)

HOURS = 24
BURST_S = 300.0
"""Time in which a burst fades by the factor e."""
HOTNESS, PRIOR_BURSTS = 0.3, 10.0
"""Posts that one post is thought to bring before anything is known, and the posts this is worth."""
HOTTEST = 0.8
"""Posts that one post may bring: at one the expected burst would never end."""
LONGEST_GAP_S = 3_600.0
"""Polls further apart tell nothing of rates here: the day, an outage."""
MOST_AT_ONCE = 50
"""New posts of one poll that are believed: more is a listing that changed its ids."""
SCATTER = 0.5
"""Gamma shape of rates among targets: heavy-tailed, one in ten holds half of the posts."""
RATE_PER_S = 1.0 / 3_600.0
"""Posting rate of a target before anything is known."""
HOUR_COUNTS = 8.0
"""Posts of a target's own that weigh as much as its host's profile of the night."""
PEERS = 2.0
"""Targets that weigh as much as what all hosts say together."""
FADE = 0.95
"""What a night is worth after each further night: half after two weeks."""
RESTORED = 3
"""Estimates after a restore: priors and weights are not kept, they settle again."""
FORM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is believed now. rate_per_s (n,): posts/s at this instant; usual_per_s: bursts averaged.

    kinds: (n, kinds), weights that sum to 1: of a target's next post.
    """

    rate_per_s: Floats
    usual_per_s: Floats
    kinds: Singles

    def curves(self, interval_s: Floats) -> tuple[Floats, Floats]:
        """(met, lost) at these intervals (points,): each (n, points), see `allotment.Curves`."""
        table = kinds()
        met, alive = table.share(interval_s), table.alive(interval_s)
        mine = self.kinds.astype(np.float64)
        return mine @ met.T, mine @ (met - alive).T


class Learner:
    """Counts and likelihoods of n targets. Not thread-safe; all arguments are checked, none raises."""

    __slots__ = (
        "born", "covered", "covered_by_kind", "followed", "heat", "heat_at", "host",
        "likely", "lives", "names", "profile", "stirred", "watched", "weights",
    )  # fmt: skip

    def __init__(self, names: Sequence[str], host: Sequence[int] | Indices) -> None:
        """host: an index for each target; targets of one host lend one another their habits."""
        count, width = len(names), kinds().count
        self.names = tuple(names)
        self.host = np.unique(np.asarray(host, np.intp), return_inverse=True)[1].reshape(count)
        self.born = np.zeros((count, HOURS))
        self.covered = np.zeros((count, HOURS))
        # By kind in single precision: 10,000 targets are 18 MB instead of 36.
        self.covered_by_kind = np.zeros((count, width), np.float32)
        self.likely = np.zeros((count, width), np.float32)
        self.lives = np.zeros(count)
        self.heat = np.zeros(count)
        self.heat_at = np.zeros(count)
        self.followed = np.zeros(count)
        self.stirred = np.zeros(count)
        self.watched = np.zeros(count)
        self.weights = np.tile(kinds().prior.astype(np.float32), (count, 1))
        self.profile = np.ones((count, HOURS))

    def hotness(self, rows: Indices) -> Floats:
        """Posts that follow one post of these targets within minutes, on average; bounded."""
        usual = (PRIOR_BURSTS * HOTNESS + self.followed.sum()) / (PRIOR_BURSTS + self.stirred.sum())
        usual = min(max(float(usual), 0.0), HOTTEST)
        own = (PRIOR_BURSTS * usual + self.followed[rows]) / (PRIOR_BURSTS + self.stirred[rows])
        return np.asarray(np.clip(own, 0.0, HOTTEST))

    def polled(self, targets: Indices, hour: Indices, at_s: Floats, gap_s: Floats, fresh: Floats) -> None:
        """Good polls: `fresh` posts were new, `gap_s` after the good poll before; hour 0..23 local.

        One array entry for each poll; later ones of the same target come later.
        """
        usable = (targets >= 0) & (targets < len(self.names)) & np.isfinite(at_s) & (gap_s > 0)
        usable &= (gap_s <= LONGEST_GAP_S) & (fresh >= 0)
        for now in _rounds(targets, np.flatnonzero(usable)):
            self._once(targets[now], hour[now] % HOURS, at_s[now], gap_s[now], fresh[now])

    def _once(self, rows: Indices, hour: Indices, at_s: Floats, gap_s: Floats, fresh: Floats) -> None:
        """Polls of distinct targets."""
        fresh = np.minimum(fresh, MOST_AT_ONCE)
        covered = gap_s[:, None] * kinds().share(gap_s)
        expected = np.einsum("mk,mk->m", covered, self.weights[rows])
        old = self._heat(rows, at_s - gap_s)
        faded = old * np.exp(-gap_s / BURST_S)
        usual = self._usual_now(rows, hour)
        felt, wonted = (old - faded) / gap_s, usual * expected / gap_s
        excess, scale = felt - wonted, np.maximum(felt + wonted, 1e-12)
        self.followed[rows] += excess / scale * (fresh - usual * expected)
        self.stirred[rows] += excess * excess / scale * expected
        self.born[rows, hour] += fresh
        self.covered[rows, hour] += expected
        self.watched[rows] += gap_s
        self.covered_by_kind[rows] += covered
        self.heat[rows] = faded + fresh
        self.heat_at[rows] = at_s

    def fold(self, targets: Indices, seen: Stretches) -> None:
        """Stretches of lives of posts of these targets; each stretch of a life once."""
        usable = (targets >= 0) & (targets < len(self.names)) & seen.sound(LONGEST_GAP_S)
        rows, seen = targets[usable], seen.only(usable)
        if len(rows):
            np.add.at(self.likely, rows, look_likelihood(seen).astype(np.float32))
            np.add.at(self.lives, rows, seen.gone.astype(np.float64))

    def night_over(self) -> None:
        """What is known counts a little less from now on, so that new habits are learned."""
        for name in _KEPT:
            getattr(self, name)[:] *= FADE

    def estimate(self, hour: int, now_s: float) -> Estimate:
        """What is believed in this local hour; also re-estimates the priors from all targets."""
        self.profile = self._profiles()
        born, covered = self.born.sum(1), self.covered.sum(1)
        seasoned = (self.profile * self.covered).sum(1) / np.maximum(covered, 1e-9)
        by_kind = self.covered_by_kind * np.where(covered > 0, seasoned, 1.0).astype(np.float32)[:, None]
        span = SCATTER / self._prior_mean(born, (by_kind * self.weights).sum(1, np.float64))
        rest = by_kind + span.astype(np.float32)[:, None]
        log = np.log(self._kinds_elsewhere()) + self.likely
        log += born.astype(np.float32)[:, None] * np.log(np.maximum(by_kind, 1e-6) / rest)
        log -= SCATTER * np.log(rest)
        weights = np.exp(log - log.max(axis=1, keepdims=True))
        self.weights = weights / weights.sum(axis=1, keepdims=True)
        rate = self.weights * ((SCATTER + born).astype(np.float32)[:, None] / rest)
        whole = rate.sum(1, np.float64)
        usual = whole * self.profile[:, hour % HOURS]
        return Estimate(
            rate_per_s=self._stirred_rate(usual, now_s),
            usual_per_s=usual,
            kinds=rate / whole.astype(np.float32)[:, None],
        )

    def _stirred_rate(self, usual: Floats, now_s: float) -> Floats:
        """The usual rate, raised or lowered by what was met of late."""
        rows = np.arange(len(self.names))
        met = np.where(self.watched > 0, self.covered.sum(1) / np.maximum(self.watched, 1e-9), 1.0)
        heat = self._heat(rows, np.full(len(rows), now_s))
        return np.asarray(usual + self.hotness(rows) * (heat / BURST_S - usual * np.minimum(met, 1.0)))

    def _heat(self, rows: Indices, at_s: Floats) -> Floats:
        age_s = np.clip(at_s - self.heat_at[rows], 0.0, 1e9)
        return np.asarray(self.heat[rows] * np.exp(-age_s / BURST_S))

    def _usual_now(self, rows: Indices, hour: Indices) -> Floats:
        born, covered = self.born[rows].sum(1), (self.covered[rows] * self.profile[rows]).sum(1)
        return np.asarray((SCATTER + born) / (SCATTER / RATE_PER_S + covered) * self.profile[rows, hour])

    def _profiles(self) -> Floats:
        """Rate by hour as a multiple of the target's mean: own counts upon the host's upon all."""
        rate = self.born.sum(1) / np.maximum((self.covered * self.profile).sum(1), 1e-9)
        expected = rate[:, None] * self.covered
        everywhere = (HOUR_COUNTS + self.born.sum(0)) / (HOUR_COUNTS + expected.sum(0))
        of_host = (_by_host(self.born, self.host) + HOUR_COUNTS * everywhere) / (
            _by_host(expected, self.host) + HOUR_COUNTS
        )
        own = (self.born + HOUR_COUNTS * of_host[self.host]) / (expected + HOUR_COUNTS)
        # A mean of one over the hours that were watched: only then do rate and profile not trade places.
        weight = self.covered + 1e-6
        mean = (own * weight).sum(1) / weight.sum(1)
        return np.asarray(np.clip(own / mean[:, None], 0.02, 50.0))

    def _prior_mean(self, born: Floats, covered: Floats) -> Floats:
        """Mean rate of each target's kind: its host's other targets, upon all targets (n,)."""
        whole = (1.0 + born.sum()) / (1.0 / RATE_PER_S + covered.sum())
        own = (SCATTER + born) / (SCATTER / whole + covered)
        known = covered * whole / (SCATTER + covered * whole)
        total, weight = _by_host(known * own, self.host), _by_host(known, self.host)
        others, heard = total[self.host] - known * own, weight[self.host] - known
        strength = SCATTER * heard + PEERS
        return np.asarray((SCATTER * others + PEERS * whole) / strength)

    def _kinds_elsewhere(self) -> Singles:
        """Prior of the kinds for each target: the host's other targets, upon all, upon the facts."""
        known = (self.lives / (self.lives + 2.0)).astype(np.float32)[:, None] * self.weights
        everywhere = (known.sum(0, np.float64) + 2 * PEERS * kinds().prior).astype(np.float32)
        everywhere /= everywhere.sum()
        others = _by_host(known, self.host)[self.host] - known + PEERS * everywhere
        return np.asarray(np.maximum(others / others.sum(axis=1, keepdims=True), 1e-9))

    # --- over a restart ---------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """All that was learned, by target name; for `restore`."""
        rows = {name: getattr(self, name).astype(np.float32) for name in _KEPT}
        names = np.array([name.encode("utf-8", "surrogatepass").hex() for name in self.names], "S")
        packed = io.BytesIO()
        np.savez_compressed(packed, form=np.array([FORM]), names=names, **rows)
        return packed.getvalue()

    def restore(self, packed: bytes) -> int:
        """Take over what another run learned of targets of the same name; returns how many.

        Bytes that are damaged, of another form or hold numbers that are none change nothing
        for the targets concerned: the watch then learns anew.
        """
        try:
            with np.load(io.BytesIO(packed), allow_pickle=False) as kept:
                parts = {name: kept[name] for name in ("form", "names", *_KEPT)}
        except Exception:  # noqa: BLE001 -- zip and numpy have a dozen kinds for bytes that are damaged
            return 0
        return self._take(parts)

    def _take(self, parts: Mapping[str, NDArray[np.generic]]) -> int:
        try:
            fits = parts["form"].tolist() == [FORM] and len(parts["names"].shape) == 1
            count = len(parts["names"])
            rows = {name: parts[name].astype(np.float64) for name in _KEPT}
        except (ValueError, TypeError):
            return 0
        fits = fits and all(rows[n].shape == (count, *getattr(self, n).shape[1:]) for n in _KEPT)
        if not fits:
            return 0
        sound = np.ones(count, np.bool_)
        for name in _KEPT:
            part = rows[name].reshape(count, -1)
            least, most = _BOUNDS.get(name, (0.0, 1e12))
            sound &= ((part >= least) & (part <= most)).all(axis=1)
        place = {name.encode("utf-8", "surrogatepass").hex(): n for n, name in enumerate(self.names)}
        named = [place.get(bytes(name).decode("ascii", "replace"), -1) for name in parts["names"].tolist()]
        old = np.flatnonzero(sound & (np.array(named, np.intp) >= 0))
        new = np.array(named, np.intp)[old]
        for name in _KEPT:
            getattr(self, name)[new] = rows[name][old]
        for _ in range(RESTORED):
            self.estimate(0, 0.0)
        return len(old)


_KEPT = ("watched", "born", "covered", "covered_by_kind", "likely", "lives", "followed", "stirred")
_BOUNDS = {"likely": (-1e12, 0.0), "followed": (-1e12, 1e12)}


def _by_host(values: NDArray[Numbers], host: Indices) -> NDArray[Numbers]:
    """Sums over the targets of each host."""
    total = np.zeros((int(host.max(initial=-1)) + 1, *values.shape[1:]), values.dtype)
    order = np.argsort(host, kind="stable")
    if len(order):
        starts = np.flatnonzero(np.diff(host[order], prepend=-1))
        total[host[order][starts]] = np.add.reduceat(values[order], starts, axis=0)
    return total


def _rounds(targets: Indices, places: Indices) -> Iterator[Indices]:
    """`places` so divided that none holds a target twice and each target's keep their order."""
    order = places[np.argsort(targets[places], kind="stable")]
    begins = np.flatnonzero(np.diff(targets[order], prepend=-1))
    lengths = np.diff(begins, append=len(order))
    number = np.arange(len(order)) - np.repeat(begins, lengths)
    by_round = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number)) if len(order) else np.zeros(0, np.intp)
    for begin, end in pairwise((0, *ends.tolist())):
        yield order[by_round[begin:end]]
