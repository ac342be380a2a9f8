"""Who is polled how often when not everybody can have the configured interval.

Pure; arrays only. Maximises expected captures (facts/monitoring.md, 2.3): target i posts rate
posts/s, polls every T seconds meet the share C(T) of them, and

    max  sum value * rate * C(1/r)   s.t.  sum cost * r <= total,  per host sum cost * r <= its limit,
         1/longest <= r <= 1/shortest

is concave in r. With lost(T) = C(T) - S(T) the marginal value of one more poll is
value * rate * T * lost(T); at the optimum it equals a price, the host's or the night's, whichever is
higher. Prices are found by bisection, all hosts at once. A listing's phase is none of this module's
business: it is drawn once (`cadence.phase`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

GRID_POINTS = 48
HALVINGS = 24
"""Of the logarithm of a price over twelve decades: leaves 2e-6 of it, and `_blend` closes the rest."""
FASTEST_S, SLOWEST_S = 0.05, 30 * 86_400.0
MOST_POSTS_PER_S = 1_000.0


class Short(IntEnum):
    """Why a target is not expected to lose nothing."""

    OWN = 0
    """It has its configured interval; some of its posts live shorter than that."""
    HOST = 1
    """Its host may not be asked more often."""
    NIGHT = 2
    """The whole watch may not ask more often, and others promise more per poll."""
    FLOOR = 3
    """It promises little and is kept at the longest interval allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be asked. host: index of each target's host (n,); host_per_s: requests/s by host.

    shortest_s: the configured interval, never undercut; longest_s: the floor, so that nothing
    starves. It gives way only to the budgets, which are permissions. cost: requests of one poll.
    """

    host: Indices
    shortest_s: Floats
    longest_s: Floats
    host_per_s: Floats
    total_per_s: float
    cost: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """By interval (points,): share of posts met, and that share less S, each (n, points)."""

    interval_s: Floats
    met: Floats
    lost: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An allotment. price: captures per request at which each target stops asking for more (n,).

    met: expected share of its posts that is caught. short: why it is not 1, as `Short` (n,).
    """

    interval_s: Floats
    met: Floats
    price: Floats
    short: NDArray[np.int8]
    spent_per_s: float


@dataclass(frozen=True, slots=True)
class _Demand:
    """Rows ready for bisection: marginal seconds by interval, monotone and padded, and what scales them."""

    log_s: Floats
    marginal: Floats
    worth: Floats
    cost: Floats
    least: Floats
    most: Floats

    def rate(self, price: Floats, rows: Indices) -> Floats:
        """Polls/s that these rows want at these prices."""
        with np.errstate(divide="ignore", invalid="ignore"):
            level = np.where(self.worth[rows] > 0, price * self.cost[rows] / self.worth[rows], np.inf)
        flat, width = self.marginal.reshape(-1), self.marginal.shape[1]
        begin = rows * width
        low = begin.copy()
        step = width // 2
        while step:  # the last point not above the level, in rows padded to a power of two
            low += step * (flat[low + step] <= level)
            step //= 2
        low = np.minimum(low - begin, len(self.log_s) - 2)
        high = low + 1
        at, beyond = flat[begin + low], flat[begin + high]
        part = np.clip((level - at) / np.maximum(beyond - at, 1e-300), 0.0, 1.0)
        wanted_s = np.exp(self.log_s[low] + part * (self.log_s[high] - self.log_s[low]))
        # Beyond the last point the floor rules, also one that a budget has pushed below the grid.
        polls = np.where(level >= flat[begin + len(self.log_s) - 1], self.least[rows], 1.0 / wanted_s)
        return np.asarray(np.clip(polls, self.least[rows], self.most[rows]))


def grid(limits: Limits) -> Floats:
    """Intervals at which curves are wanted: from the shortest to the longest in use."""
    shortest, longest = _bounds(limits)
    low, high = float(shortest.min(initial=SLOWEST_S)), float(longest.max(initial=FASTEST_S))
    return np.geomspace(low, max(high, low * 1.01), GRID_POINTS)


def allot(worth_per_s: Floats, curves: Curves, limits: Limits, *, fair_share: float = 0.0) -> Plan:
    """The intervals that catch most. worth_per_s: posts/s, times their value, of each target (n,).

    fair_share: no target gets less than this share of what `uniform` would give it (0..1).
    No budget is exceeded, to within rounding. Numbers that are none count as nothing known:
    rate 0. Raises ValueError for shapes that do not fit and budgets that are not positive.
    """
    count = len(limits.host)
    _check(worth_per_s, curves, limits)
    cost = _cost(limits)
    even = uniform(limits)
    shortest, longest = _bounds(limits)
    least = np.maximum(1.0 / longest, min(max(fair_share, 0.0), 1.0) / even)
    most = 1.0 / shortest
    least = np.minimum(_fitted(least, cost, limits), most)
    worth = np.clip(np.nan_to_num(worth_per_s, nan=0.0, posinf=MOST_POSTS_PER_S), 0.0, MOST_POSTS_PER_S)
    lost = np.nan_to_num(curves.lost, nan=0.0, posinf=0.0, neginf=0.0)
    marginal = np.maximum.accumulate(np.clip(lost, 0.0, 1.0) * curves.interval_s, axis=1)
    demand = _Demand(np.log(curves.interval_s), _padded(marginal), worth, cost, least, most)
    by_host, host_price = _within_hosts(demand, limits)
    rate, price = _within_total(demand, by_host, limits.total_per_s)
    priced = np.maximum(price, host_price)
    return Plan(
        interval_s=1.0 / rate,
        met=met_at(curves, 1.0 / rate),
        price=priced,
        short=_why(rate, least, most, host_price >= price),
        spent_per_s=float(cost @ rate) if count else 0.0,
    )


def uniform(limits: Limits) -> Floats:
    """Every interval stretched by the same factor, more only where a host's limit asks for it (n,)."""
    shortest, _ = _bounds(limits)
    most, cost = 1.0 / shortest, _cost(limits)
    wanted = np.bincount(limits.host, cost * most, len(limits.host_per_s))
    share = np.minimum(1.0, limits.host_per_s / np.maximum(wanted, 1e-300))[limits.host]
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        fits = cost @ (np.minimum(share, middle) * most) <= limits.total_per_s
        low, high = (middle, high) if fits else (low, middle)
    even = 1.0 if cost @ (share * most) <= limits.total_per_s else low
    return np.asarray(shortest / np.maximum(np.minimum(share, even), 1e-12))


def answer(plan: Plan, curves: Curves, limits: Limits, targets: Indices, worth_per_s: Floats) -> Floats:
    """Intervals of some targets whose rate has just risen, at the prices of the plan.

    For the seconds until the next `allot`: never longer than the plan says, never shorter than
    configured; a host that is used up already gives no more. What is spent beyond the plan is
    the caller's to take off the next budget.
    """
    planned_s, shortest_s = plan.interval_s[targets], _bounds(limits)[0][targets]
    worth = np.clip(np.nan_to_num(worth_per_s, nan=0.0), 0.0, MOST_POSTS_PER_S)
    gain = worth[:, None] * curves.interval_s * np.nan_to_num(curves.lost[targets])
    pays = np.maximum.accumulate(gain, axis=1) >= (plan.price * _cost(limits))[targets][:, None]
    wanted_s = np.where(pays.any(axis=1), curves.interval_s[pays.argmax(axis=1)], np.inf)
    full = plan.short[targets] == Short.HOST
    return np.asarray(np.where(full, planned_s, np.minimum(planned_s, np.maximum(shortest_s, wanted_s))))


def met_at(curves: Curves, interval_s: Floats, targets: Indices | None = None) -> Floats:
    """Share of posts met by each of these targets (all, in order, when None) at its own interval."""
    place = np.interp(np.log(interval_s), np.log(curves.interval_s), np.arange(len(curves.interval_s)))
    below = np.minimum(place.astype(np.intp), len(curves.interval_s) - 2)
    part, rows = place - below, np.arange(len(interval_s)) if targets is None else targets
    share = curves.met[rows, below] * (1 - part) + curves.met[rows, below + 1] * part
    return np.asarray(np.clip(np.nan_to_num(share), 0.0, 1.0))


def _within_hosts(demand: _Demand, limits: Limits) -> tuple[Floats, Floats]:
    """Polls/s at each host's own price, were there no night's budget; and these prices (n,)."""
    hosts = len(limits.host_per_s)
    rate, price = demand.most.copy(), np.zeros(len(demand.most))
    full = np.bincount(limits.host, demand.cost * rate, hosts) > limits.host_per_s
    rows = np.flatnonzero(full[limits.host])
    if not len(rows):
        return rate, price
    host, cost = limits.host[rows], demand.cost[rows]
    room = limits.host_per_s

    def spent(polls: Floats) -> Floats:
        return np.bincount(host, cost * polls, hosts).astype(np.float64)

    low, high = np.full(hosts, _top(demand) * 1e-12), np.full(hosts, _top(demand))
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        over = spent(demand.rate(middle[host], rows)) > room
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    more = np.where(low[host] > _top(demand) * 1.01e-12, demand.rate(low[host], rows), demand.most[rows])
    rate[rows] = _blend(more, demand.rate(high[host], rows), spent, room, host)
    price[rows] = high[host]
    return rate, price


def _within_total(demand: _Demand, caps: Floats, total_per_s: float) -> tuple[Floats, float]:
    """Polls/s under the night's budget, none above `caps`; and the night's price."""
    if not len(caps) or demand.cost @ caps <= total_per_s:
        return caps, 0.0
    rows = np.arange(len(caps))

    def polls(price: float) -> Floats:
        return np.minimum(demand.rate(np.full(len(caps), price), rows), caps)

    low, high = _top(demand) * 1e-12, _top(demand)
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        over = demand.cost @ polls(middle) > total_per_s
        low, high = (middle, high) if over else (low, middle)
    more = polls(low) if low > _top(demand) * 1.01e-12 else caps
    zero, room = np.zeros(len(caps), np.intp), np.array([total_per_s])

    def spent(rate: Floats) -> Floats:
        return np.array([demand.cost @ rate])

    return _blend(more, polls(high), spent, room, zero), high


def _blend(
    more: Floats, less: Floats, spent: Callable[[Floats], Floats], room: Floats, group: Indices
) -> Floats:
    """Between too much and too little so that each group's room is used up, also where many tie."""
    above, below = spent(more), spent(less)
    part = np.clip((room - below) / np.maximum(above - below, 1e-300), 0.0, 1.0)[group]
    return less + part * (more - less)


def _top(demand: _Demand) -> float:
    """A price at which nobody wants more than the floor."""
    gain = demand.worth * demand.marginal[:, len(demand.log_s) - 1] / demand.cost
    return max(float(gain.max(initial=0.0)) * 1.01, 1e-30)


def _padded(marginal: Floats) -> Floats:
    """Rows lengthened to a power of two with what no level reaches."""
    width = marginal.shape[1]
    more = (1 << (width - 1).bit_length()) - width
    return np.ascontiguousarray(np.pad(marginal, ((0, 0), (0, more)), constant_values=np.inf))


def _fitted(least: Floats, cost: Floats, limits: Limits) -> Floats:
    """The floors, shortened where even they exceed a host's limit or the night's."""
    wanted = np.bincount(limits.host, cost * least, len(limits.host_per_s))
    least = least * np.minimum(1.0, limits.host_per_s / np.maximum(wanted, 1e-300))[limits.host]
    return np.asarray(least * min(1.0, limits.total_per_s / max(float(cost @ least), 1e-300)))


def _why(rate: Floats, least: Floats, most: Floats, by_host: NDArray[np.bool_]) -> NDArray[np.int8]:
    short = np.where(by_host, Short.HOST, Short.NIGHT)
    short = np.where(rate <= least * 1.000001, Short.FLOOR, short)
    return np.where(rate >= most * 0.999999, Short.OWN, short).astype(np.int8)


def _bounds(limits: Limits) -> tuple[Floats, Floats]:
    """(shortest, longest), of what can be used: longest is never below shortest."""
    shortest = np.clip(np.nan_to_num(limits.shortest_s, nan=SLOWEST_S), FASTEST_S, SLOWEST_S)
    longest = np.clip(np.nan_to_num(limits.longest_s, nan=SLOWEST_S), FASTEST_S, SLOWEST_S)
    return shortest, np.maximum(shortest, longest)


def _cost(limits: Limits) -> Floats:
    if limits.cost is None:
        return np.ones(len(limits.host))
    return np.clip(np.nan_to_num(limits.cost, nan=1.0), 1e-3, 1e6)


def _check(worth_per_s: Floats, curves: Curves, limits: Limits) -> None:
    count, points = len(limits.host), len(curves.interval_s)
    shapes = {limits.shortest_s.shape, limits.longest_s.shape, worth_per_s.shape}
    if shapes != {(count,)} or curves.met.shape != (count, points) or curves.lost.shape != (count, points):
        raise ValueError("one row for each target is needed in every array")
    if count and not (limits.host.min() >= 0 and limits.host.max() < len(limits.host_per_s)):
        raise ValueError("a target's host has no limit")
    budgets = np.append(limits.host_per_s, limits.total_per_s)
    if not (np.isfinite(budgets).all() and (budgets > 0).all()):
        raise ValueError("budgets must be positive numbers")
