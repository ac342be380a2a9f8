"""Simulated sellers on many listings, for `bench allotment`: who posts when, and how long it stays.

Made apart from what `watchers.learning` assumes: rates are log-normal with a Pareto tail and
drift from night to night, the evening's rise is smooth and differs by host, bursts follow a
log-normal delay with a strength of each target's own, lifetimes are log-normal, exponential,
uniform or two crowds mixed (quick sellers among slow ones; medians of the facts), all cut at nine hours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

NIGHT_S = 9 * 3_600.0
FIRST_HOUR = 21
MINUTES = int(NIGHT_S // 60)
LONGEST_LIFE_S = NIGHT_S
GRID_S = np.geomspace(0.25, 40_000.0, 1_000)
DELAY_MEDIAN_S, DELAY_SPREAD = 180.0, 1.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """Lives of some sellers: quick share and two medians, with one spread. family: see `_draw`."""

    family: NDArray[np.int8]
    quick: Floats
    quick_median_s: Floats
    median_s: Floats
    spread: Floats


@dataclass(frozen=True, slots=True)
class Market:
    """All that is true of the targets. rate_per_s: mean over a night, bursts included (n,)."""

    host: Indices
    interval_s: Floats
    host_per_s: Floats
    rate_per_s: Floats
    brings: Floats
    """Posts that one post brings, on average."""
    profile: Floats
    """By target and minute, mean 1 (n, MINUTES)."""
    crowd: Crowd
    survival: Floats
    """S at GRID_S, from many draws (n, points)."""


@dataclass(frozen=True, slots=True)
class Posts:
    """One night's posts, by target and then by birth. first: where each target's begin (n + 1,)."""

    target: Indices
    born_s: Floats
    died_s: Floats
    first: Indices
    base_per_s: Floats
    """Posts/s by target and minute that no other post brought (n, MINUTES)."""


def market(random: np.random.Generator, count: int) -> Market:
    """Targets on about a third as many hosts, most of them small."""
    host = _hosts(random, count)
    hosts = int(host.max()) + 1
    rate = np.exp(random.normal(0.0, 0.7, hosts)[host] + random.normal(0.0, 1.2, count)) / 3_600
    tail = random.random(count) < 0.05
    rate = np.where(tail, (random.pareto(1.5, count) + 1) * 3 / 3_600, rate)
    interval = random.choice([30.0, 60.0], count, p=[0.8, 0.2])
    crowd = _crowd(random, host, count)
    wanted = np.bincount(host, 1 / interval, hosts)
    narrow = random.random(hosts) < 0.1
    return Market(
        host=host,
        interval_s=interval,
        host_per_s=np.where(narrow, wanted * random.uniform(0.2, 0.6, hosts), 1.0),
        rate_per_s=np.minimum(rate, 60 / 3_600),
        brings=random.uniform(0.05, 0.6, count),
        profile=_profile(random, host, count),
        crowd=crowd,
        survival=_survival(random, crowd, count),
    )


def posts(market: Market, random: np.random.Generator) -> Posts:
    """One night, rates moved a little from their usual."""
    count = len(market.host)
    base = market.rate_per_s * np.exp(random.normal(-0.03, 0.25, count)) * (1 - market.brings)
    by_minute = base[:, None] * market.profile
    where, minute = np.nonzero(number := random.poisson(by_minute * 60))
    number = number[where, minute]
    target = np.repeat(where, number)
    born = (np.repeat(minute, number) + random.random(len(target))) * 60
    target, born = _with_bursts(market, random, target, born)
    order = np.lexsort((born, target))
    target, born = target[order], born[order]
    life = np.minimum(_draw(random, market.crowd, target), LONGEST_LIFE_S)
    first = np.searchsorted(target, np.arange(count + 1))
    return Posts(target, born, born + life, first, by_minute)


def dealt_anew(market: Market, random: np.random.Generator) -> Market:
    """The same market after every seller moved: rates and lifetimes change places among all targets."""
    order = random.permutation(len(market.host))
    crowd = market.crowd
    return replace(
        market,
        rate_per_s=market.rate_per_s[random.permutation(len(order))],
        survival=market.survival[order],
        crowd=Crowd(
            crowd.family[order],
            crowd.quick[order],
            crowd.quick_median_s[order],
            crowd.median_s[order],
            crowd.spread[order],
        ),
    )


def _with_bursts(
    market: Market, random: np.random.Generator, target: Indices, born: Floats
) -> tuple[Indices, Floats]:
    """The posts that posts bring, theirs too."""
    targets, births = [target], [born]
    while len(target):
        number = random.poisson(market.brings[target])
        target, born = np.repeat(target, number), np.repeat(born, number)
        born = born + DELAY_MEDIAN_S * np.exp(random.normal(0.0, DELAY_SPREAD, len(born)))
        target, born = target[born < NIGHT_S], born[born < NIGHT_S]
        targets.append(target)
        births.append(born)
    return np.concatenate(targets), np.concatenate(births)


def burst_by_minute() -> Floats:
    """Posts/s in each of the sixty minutes after a post, for each post that it brings."""
    age = (np.arange(60) + 0.5) * 60
    z = np.log(age / DELAY_MEDIAN_S) / DELAY_SPREAD
    return np.asarray(np.exp(-z * z / 2) / (age * DELAY_SPREAD * np.sqrt(2 * np.pi)))


def _hosts(random: np.random.Generator, count: int) -> Indices:
    sizes = np.minimum(random.zipf(1.8, count), count // 12 + 1)
    return np.repeat(np.arange(count), sizes)[:count]


def _profile(random: np.random.Generator, host: Indices, count: int) -> Floats:
    """A smooth rise and fall per host, each target a little off it."""
    hosts = int(host.max()) + 1
    peak = random.uniform(1.0, 4.5, hosts)[host] + random.normal(0.0, 0.4, count)
    width = random.uniform(1.2, 3.0, hosts)[host]
    hours = (np.arange(MINUTES) + 0.5) / 60
    shape = 0.15 + np.exp(-(((hours - peak[:, None]) / width[:, None]) ** 2) / 2)
    return np.asarray(shape / shape.mean(axis=1, keepdims=True))


def _crowd(random: np.random.Generator, host: Indices, count: int) -> Crowd:
    hosts = int(host.max()) + 1
    family = random.choice(4, hosts, p=[0.55, 0.15, 0.1, 0.2])[host].astype(np.int8)
    median = 1_200 * np.exp(random.normal(0.0, 0.8, hosts)[host] + random.normal(0.0, 0.8, count))
    mixed = family == 3
    return Crowd(
        family=family,
        quick=np.where(mixed, random.uniform(0.1, 0.5, count), 0.0),
        quick_median_s=480 * np.exp(random.normal(-0.5, 0.7, count)),
        median_s=np.where(mixed, 3 * median, median),
        spread=random.uniform(0.6, 1.4, count),
    )


def _draw(random: np.random.Generator, crowd: Crowd, target: Indices) -> Floats:
    """A lifetime for each target named: log-normal (0, 3), exponential (1), uniform (2)."""
    count = len(target)
    quick = random.random(count) < crowd.quick[target]
    median = np.where(quick, crowd.quick_median_s[target], crowd.median_s[target])
    family = crowd.family[target]
    normal = median * np.exp(crowd.spread[target] * random.normal(size=count))
    exponential = median / np.log(2) * random.exponential(size=count)
    uniform = median * random.uniform(0.2, 1.8, count)
    return np.where(family == 1, exponential, np.where(family == 2, uniform, normal))


def _survival(random: np.random.Generator, crowd: Crowd, count: int) -> Floats:
    """True S of each target, from 20,000 draws of its own crowd."""
    table = np.empty((count, len(GRID_S)))
    draws = 20_000
    for target in range(count):
        lives = np.minimum(_draw(random, crowd, np.full(draws, target, np.intp)), LONGEST_LIFE_S)
        table[target] = 1 - np.searchsorted(np.sort(lives), GRID_S, side="right") / draws
    return table


def met(market: Market, interval_s: Floats) -> tuple[Floats, Floats]:
    """True (met, lost) at these intervals (points,): each (n, points), as `allotment.Curves` has them."""
    survival = market.survival
    steps = np.diff(GRID_S) * (survival[:, 1:] + survival[:, :-1]) / 2
    whole = np.concatenate([np.full((len(survival), 1), GRID_S[0]), steps], axis=1).cumsum(axis=1)
    share = whole / GRID_S
    at = np.searchsorted(GRID_S, interval_s)
    return share[:, at], share[:, at] - survival[:, at]


def missed(market: Market, target: Indices, wait_s: Floats) -> Floats:
    """True chance that a post of `target` is gone wait_s after its birth."""
    at = np.clip(np.searchsorted(GRID_S, wait_s), 0, len(GRID_S) - 1)
    return np.asarray(1 - market.survival[target, at])
