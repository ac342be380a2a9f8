"""Polls go where they catch most, and never beyond what hosts, the night and the admin allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchers.allotment import Curves, Limits, Short, allot, answer, grid, met_at, uniform
from watchers.lifetimes import kinds

seeds = st.integers(0, 2**32 - 1)
worlds = st.tuples(seeds, st.integers(1, 40), st.integers(1, 8), st.floats(0.02, 1.5))


def world(seed: int, count: int, hosts: int, share: float) -> tuple[np.ndarray, Curves, Limits]:
    """Any targets: rates over six decades, any mixture of lifetimes, hosts narrow and wide."""
    random = np.random.default_rng(seed)
    shortest = random.choice([5.0, 30.0, 60.0], count)
    limits = Limits(
        host=random.integers(0, hosts, count),
        shortest_s=shortest,
        longest_s=shortest * random.choice([2.0, 10.0, 40.0], count),
        host_per_s=10.0 ** random.uniform(-2.5, 1, hosts),
        total_per_s=float((1 / shortest).sum()) * share,
        cost=random.choice([1.0, 1.0, 3.0], count),
    )
    weights = random.dirichlet(np.full(kinds().count, 0.05), count)
    rate = 10.0 ** random.uniform(-7, -1, count) * (random.random(count) < 0.9)
    return rate, curves_of(weights, grid(limits)), limits


def curves_of(weights: np.ndarray, points: np.ndarray) -> Curves:
    met, alive = kinds().share(points), kinds().alive(points)
    return Curves(interval_s=points, met=weights @ met.T, lost=weights @ (met - alive).T)


def spent(limits: Limits, interval_s: np.ndarray) -> np.ndarray:
    assert limits.cost is not None
    return np.bincount(limits.host, limits.cost / interval_s, len(limits.host_per_s))


@settings(deadline=None, max_examples=60)
@given(worlds)
def test_no_budget_is_exceeded_and_nobody_is_polled_faster_than_configured(world_of) -> None:
    rate, curves, limits = world(*world_of)
    for interval_s in (allot(rate, curves, limits).interval_s, uniform(limits)):
        by_host = spent(limits, interval_s)
        assert (by_host <= limits.host_per_s * (1 + 1e-9)).all()
        assert by_host.sum() <= limits.total_per_s * (1 + 1e-9)
        assert (interval_s >= limits.shortest_s * (1 - 1e-9)).all()


@settings(deadline=None, max_examples=60)
@given(worlds)
def test_the_budget_is_used_up_where_anybody_could_use_it(world_of) -> None:
    rate, curves, limits = world(*world_of)
    plan = allot(np.maximum(rate, 1e-7), curves, limits)
    room = limits.host_per_s - spent(limits, plan.interval_s) > 1e-6 * limits.host_per_s
    wanting = (plan.interval_s > limits.shortest_s * (1 + 1e-6)) & room[limits.host]
    if wanting.any():
        assert plan.spent_per_s == pytest.approx(limits.total_per_s, rel=1e-6)


@settings(deadline=None, max_examples=60)
@given(worlds)
def test_nothing_starves_unless_the_floors_alone_exceed_a_budget(world_of) -> None:
    rate, curves, limits = world(*world_of)
    floors = spent(limits, limits.longest_s)
    plan = allot(rate, curves, limits)
    host_has_room = (floors <= limits.host_per_s)[limits.host]
    if floors.sum() <= limits.total_per_s:
        assert (plan.interval_s <= limits.longest_s * (1 + 1e-9))[host_has_room].all()
    assert np.isfinite(plan.interval_s).all()


@settings(deadline=None, max_examples=60)
@given(worlds, st.floats(1.0, 100.0))
def test_who_posts_more_is_polled_no_less(world_of, times: float) -> None:
    rate, curves, limits = world(*world_of)
    target = int(np.argmax(rate))
    more = rate.copy()
    more[target] *= times
    before, after = allot(rate, curves, limits), allot(more, curves, limits)
    assert after.interval_s[target] <= before.interval_s[target] * (1 + 1e-4)


@settings(deadline=None, max_examples=60)
@given(worlds)
def test_it_is_never_expected_to_catch_less_than_even_polling(world_of) -> None:
    rate, curves, limits = world(*world_of)
    limits = replace(limits, longest_s=np.full(len(rate), 86_400.0))
    curves = curves_of(np.tile(kinds().prior, (len(rate), 1)), grid(limits))
    plan = allot(rate, curves, limits)
    even = (rate * met_at(curves, np.minimum(uniform(limits), 86_400.0))).sum()
    assert (rate * plan.met).sum() >= even * (1 - 2e-3)


@settings(deadline=None, max_examples=40)
@given(worlds)
def test_the_order_of_targets_changes_nothing(world_of) -> None:
    rate, curves, limits = world(*world_of)
    order = np.random.default_rng(world_of[0]).permutation(len(rate))
    assert limits.cost is not None
    shuffled = Limits(
        host=limits.host[order],
        shortest_s=limits.shortest_s[order],
        longest_s=limits.longest_s[order],
        host_per_s=limits.host_per_s,
        total_per_s=limits.total_per_s,
        cost=limits.cost[order],
    )
    rows = Curves(interval_s=curves.interval_s, met=curves.met[order], lost=curves.lost[order])
    here, there = allot(rate, curves, limits), allot(rate[order], rows, shuffled)
    np.testing.assert_allclose(there.interval_s, here.interval_s[order], rtol=1e-3)


def test_an_exchange_of_polls_between_any_two_targets_catches_no_more() -> None:
    rate, curves, limits = world(7, 30, 3, 0.2)
    limits = replace(limits, host_per_s=np.full(3, 100.0), cost=np.ones(30))
    plan = allot(rate, curves, limits)
    best = (rate * plan.met).sum()
    random = np.random.default_rng(1)
    for _ in range(2_000):
        one, other = random.integers(0, 30, 2)
        polls = 1 / plan.interval_s
        moved = random.exponential(0.3) * polls[other]
        polls[one], polls[other] = polls[one] + moved, polls[other] - moved
        if (
            one != other
            and polls[one] <= 1 / limits.shortest_s[one]
            and polls[other] >= 1 / limits.longest_s[other]
        ):
            assert (rate * met_at(curves, 1 / polls)).sum() <= best * (1 + 1e-4)


def test_targets_that_are_all_alike_are_polled_alike() -> None:
    limits = Limits(
        host=np.arange(9), shortest_s=np.full(9, 30.0), longest_s=np.full(9, 900.0),
        host_per_s=np.ones(9), total_per_s=0.1,
    )  # fmt: skip
    curves = curves_of(np.tile(kinds().prior, (9, 1)), grid(limits))
    np.testing.assert_allclose(allot(np.full(9, 1e-3), curves, limits).interval_s, 90.0)
    np.testing.assert_allclose(allot(np.zeros(9), curves, limits).interval_s, 90.0, rtol=1e-6)


def test_a_fair_share_bounds_what_a_wrong_belief_can_cost() -> None:
    rate, curves, limits = world(3, 30, 3, 0.3)
    limits = replace(limits, longest_s=np.full(30, 86_400.0), host_per_s=np.full(3, 50.0))
    plan = allot(rate, curves, limits, fair_share=0.5)
    assert (plan.interval_s <= 2 * uniform(limits) * (1 + 1e-6)).all()


@settings(deadline=None, max_examples=40)
@given(worlds, st.lists(st.sampled_from([np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300, 1e-300]), min_size=1))
def test_numbers_that_are_none_leave_an_allotment_within_its_limits(world_of, bad: list[float]) -> None:
    rate, curves, limits = world(*world_of)
    spoilt = np.resize(np.array(bad), len(rate))
    rate = np.where(np.arange(len(rate)) % 2, rate, spoilt)
    curves = replace(curves, lost=curves.lost * np.where(spoilt > 0, 1.0, spoilt)[:, None])
    with np.errstate(all="ignore"):
        plan = allot(rate, curves, limits)
    assert np.isfinite(plan.interval_s).all()
    assert (plan.interval_s >= limits.shortest_s * (1 - 1e-9)).all()
    assert plan.spent_per_s <= limits.total_per_s * (1 + 1e-9)


@pytest.mark.parametrize("budget", [0.0, -1.0, np.nan, np.inf])
def test_a_budget_that_is_no_positive_number_is_refused(budget: float) -> None:
    rate, curves, limits = world(1, 5, 2, 0.3)
    with pytest.raises(ValueError, match="budgets"):
        allot(rate, curves, replace(limits, total_per_s=budget))
    with pytest.raises(ValueError, match="host"):
        allot(rate, curves, replace(limits, host=limits.host + 9))
    with pytest.raises(ValueError, match="row"):
        allot(rate[:-1], curves, limits)


def test_no_targets_at_all_is_an_empty_allotment() -> None:
    nothing = np.zeros(0)
    limits = Limits(
        host=np.zeros(0, np.intp), shortest_s=nothing, longest_s=nothing, host_per_s=nothing, total_per_s=1.0
    )
    rows = np.zeros((0, 48))
    assert (
        len(allot(nothing, Curves(interval_s=np.geomspace(1, 9, 48), met=rows, lost=rows), limits).met) == 0
    )


def quiet_and_busy() -> tuple[np.ndarray, Curves, Limits]:
    """Twenty targets with lives of minutes, one host that is narrow, budget for a third."""
    limits = Limits(
        host=np.repeat([0, 1], [17, 3]), shortest_s=np.full(20, 30.0), longest_s=np.full(20, 600.0),
        host_per_s=np.array([10.0, 0.02]), total_per_s=0.1,
    )  # fmt: skip
    rate = np.full(20, 1e-7)
    rate[[0, 1, 17, 18]] = 5e-3
    return rate, curves_of(np.tile(kinds().prior, (20, 1)), grid(limits)), limits


def test_a_burst_is_answered_at_once_and_within_bounds() -> None:
    rate, curves, limits = quiet_and_busy()
    plan = allot(rate, curves, limits)
    rows = np.array([5, 17])
    assert plan.interval_s[5] > 120
    faster = answer(plan, curves, limits, rows, np.array([1e-2, 1.0]))
    assert 30.0 <= faster[0] < 60.0
    assert faster[1] == plan.interval_s[17]  # its host gives no more
    assert (answer(plan, curves, limits, rows, np.array([0.0, np.nan])) == plan.interval_s[rows]).all()
    assert answer(plan, curves, limits, rows, np.array([np.inf, 0.0]))[0] == 30.0


def test_each_target_is_told_why_it_is_short() -> None:
    rate, curves, limits = quiet_and_busy()
    plan = allot(rate, curves, limits)
    assert [Short(int(plan.short[n])) for n in (0, 5, 17)] == [Short.NIGHT, Short.FLOOR, Short.HOST]
    plenty = allot(rate, curves, replace(limits, total_per_s=10.0))
    assert [Short(int(plenty.short[n])) for n in (0, 5, 17)] == [Short.OWN, Short.OWN, Short.HOST]
