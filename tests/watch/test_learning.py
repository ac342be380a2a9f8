"""Rates and lifetimes are learned from what polls show, with what they cannot show allowed for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watchers.learning import BURST_S, HOTTEST, Learner
from watchers.lifetimes import Stretches, kinds, look_likelihood
from watchers.lives import Lives

HOUR_S = 3_600.0


class Feed:
    """One target with exponential lives, polled at a steady interval; its polls teach a learner."""

    def __init__(self, random: np.random.Generator, rate_per_s: float, mean_s: float, span_s: float) -> None:
        number = random.poisson(rate_per_s * span_s)
        self.born = np.sort(random.random(number) * span_s)
        self.died = self.born + random.exponential(mean_s, number)
        self.span_s = span_s

    def told(self, learner: Learner, target: int, interval_s: float) -> None:
        polls = np.arange(0.0, self.span_s, interval_s)
        first = np.searchsorted(polls, self.born)
        inside = first < len(polls)
        met = inside & (self.died > polls[np.minimum(first, len(polls) - 1)])
        fresh = np.bincount(first[met], minlength=len(polls)).astype(float)[1:]
        rows = np.full(len(fresh), target)
        learner.polled(rows, np.full(len(fresh), 22), polls[1:], np.full(len(fresh), interval_s), fresh)
        lives = Lives(len(learner.names))
        for post in np.flatnonzero(met & (first > 0)):
            gone = np.searchsorted(polls, self.died[post])
            lives.appeared(target, int(post), after_s=polls[first[post] - 1], by_s=polls[first[post]])
            if gone < len(polls):
                lives.gone(target, int(post), seen_s=polls[gone - 1], missing_s=polls[gone])
        lives.looked_s[target] = polls[-1]
        lives.tell(learner, self.span_s)


@pytest.mark.parametrize(("mean_s", "interval_s"), [(90.0, 60.0), (600.0, 60.0), (7_200.0, 120.0)])
def test_rate_and_expected_catch_come_out_right_although_half_of_the_posts_may_never_be_seen(
    mean_s: float, interval_s: float
) -> None:
    learner = Learner(["a"], [0])
    Feed(np.random.default_rng(5), 0.02, mean_s, 12 * HOUR_S).told(learner, 0, interval_s)
    believed = learner.estimate(22, 1e9)
    assert believed.usual_per_s[0] == pytest.approx(0.02, rel=0.2)
    points = np.array([30.0, 60.0, 120.0])
    met, _ = believed.curves(points)
    truth = mean_s / points * (1 - np.exp(-points / mean_s))
    assert np.abs(met[0] - truth).max() < 0.05


def test_posts_that_still_stand_count_as_much_as_those_that_are_gone() -> None:
    """All are followed only to a third of their mean life; the dead alone would say two minutes."""
    learner = Learner(["a"], [0])
    random = np.random.default_rng(2)
    lives = Lives(1)
    for post in range(400):
        by = 10_000.0 * post
        life = random.exponential(600.0)
        lives.appeared(0, post, after_s=by - 30, by_s=by)
        lives.looked_s[0] = by + min(life // 30 * 30, 210.0)
        if life < 210.0:
            lives.gone(0, post, seen_s=by + life // 30 * 30, missing_s=by + life // 30 * 30 + 30)
        lives.tell(learner, by + 5_000.0)
        lives.left(0, post)
    met, _ = learner.estimate(22, 0.0).curves(np.array([600.0]))
    assert met[0, 0] == pytest.approx(0.632, abs=0.06)


def test_a_new_target_borrows_from_its_own_host_first() -> None:
    learner = Learner([f"t{n}" for n in range(12)], [0] * 6 + [1] * 6)
    random = np.random.default_rng(1)
    for target in range(11):
        busy = target < 6
        if target not in (5, 11):
            Feed(random, 0.01 if busy else 0.0004, 120.0 if busy else 7_200.0, 9 * HOUR_S).told(
                learner, target, 60.0
            )
    for _ in range(5):
        believed = learner.estimate(22, 1e9)
    assert believed.usual_per_s[5] > 3 * believed.usual_per_s[11]
    met, _ = believed.curves(np.array([120.0]))
    assert met[5, 0] < 0.8
    assert met[11, 0] > 0.9


def test_a_quiet_hour_is_told_from_a_busy_one() -> None:
    learner = Learner(["a"], [0])
    at, gap = np.arange(1, 121) * 60.0, np.full(120, 60.0)
    for night in range(4):
        for hour, fresh in ((22, 1.0), (4, 0.0)):
            start = night * 86_400 + hour * HOUR_S
            learner.polled(np.zeros(120, int), np.full(120, hour), start + at, gap, np.full(120, fresh))
    learner.estimate(22, 1e9)
    assert learner.estimate(22, 1e9).usual_per_s[0] > 10 * learner.estimate(4, 1e9).usual_per_s[0]


def test_a_new_post_raises_the_rate_at_once_and_it_fades() -> None:
    learner = Learner(["a"], [0])
    one = np.zeros(1, int)
    learner.polled(one, one + 22, np.array([100.0]), np.array([60.0]), np.array([0.0]))
    calm = learner.estimate(22, 100.0).rate_per_s[0]
    learner.polled(one, one + 22, np.array([160.0]), np.array([60.0]), np.array([1.0]))
    hot = learner.estimate(22, 160.0)
    raised = hot.rate_per_s[0] - hot.usual_per_s[0]
    assert raised == pytest.approx(learner.hotness(one)[0] * (1 / BURST_S - hot.usual_per_s[0]), rel=0.05)
    assert hot.rate_per_s[0] > 2 * calm
    later = learner.estimate(22, 160.0 + 10 * BURST_S)
    assert (1 - HOTTEST) * later.usual_per_s[0] < later.rate_per_s[0] < later.usual_per_s[0]


def test_a_steady_seller_is_not_taken_for_a_bursting_one() -> None:
    random = np.random.default_rng(9)
    steady, bursting = Learner(["a"], [0]), Learner(["a"], [0])
    at, one = np.arange(1, 3_001) * 60.0, np.zeros(3_000, int)
    calm = random.poisson(0.3, 3_000).astype(float)
    wild = np.convolve(random.poisson(0.05, 3_000), [1, 2, 1, 1], "full")[:3_000].astype(float)
    for learner, fresh in ((steady, calm), (bursting, wild)):
        learner.polled(one, one + 22, at, np.full(3_000, 60.0), fresh)
    assert steady.hotness(one[:1])[0] < 0.15
    assert bursting.hotness(one[:1])[0] > 0.5
    assert steady.estimate(22, at[-1]).usual_per_s[0] == pytest.approx(0.3 / 60, rel=0.1)


def test_bursts_are_bounded_whatever_a_listing_shows() -> None:
    learner = Learner(["a"], [0])
    count = 500
    at, gap = np.arange(1, count + 1) * 30.0, np.full(count, 30.0)
    learner.polled(np.zeros(count, int), np.full(count, 22), at, gap, np.full(count, 1e9))
    assert learner.hotness(np.zeros(1, int))[0] <= HOTTEST
    assert np.isfinite(learner.estimate(22, 15_000.0).rate_per_s).all()


values = st.sampled_from([np.nan, np.inf, -np.inf, -1.0, 0.0, 1e-300, 1e300, 30.0, 60.0, 3_000.0])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(-3, 5), values, values, values, values, values, st.booleans()), max_size=20
    )
)
def test_garbage_is_not_learned_from_and_never_raises(rows: list[tuple[float, ...]]) -> None:
    learner = Learner(["a", "b", "c"], [0, 0, 1])
    columns = [np.array(part, float) for part in zip(*rows, strict=True)] or [np.zeros(0)] * 7
    target = columns[0].astype(int)
    with np.errstate(all="ignore"):
        learner.polled(target, target, columns[1], columns[2], columns[3])
        seen = Stretches(
            after_s=columns[1], by_s=columns[2], known_s=columns[3], now_s=columns[4], gone=columns[6] > 0
        )
        learner.fold(target, seen)
    believed = learner.estimate(22, 100.0)
    assert np.isfinite(believed.rate_per_s).all()
    assert (believed.rate_per_s > 0).all()
    np.testing.assert_allclose(believed.kinds.sum(axis=1), 1.0, rtol=1e-4)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_the_order_of_lives_changes_nothing(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    after = random.random(count) * 1_000
    by = after + 1 + random.random(count) * 100
    known = by + random.random(count) * 1_000
    parts = (after, by, known, known + 1 + random.random(count) * 100, random.random(count) < 0.5)
    rows, order = random.integers(0, 3, count), random.permutation(count)
    learned = []
    for chosen in (np.arange(count), order):
        learner = Learner(["a", "b", "c"], [0, 0, 1])
        names = ("after_s", "by_s", "known_s", "now_s", "gone")
        learner.fold(rows[chosen], Stretches(**{n: p[chosen] for n, p in zip(names, parts, strict=True)}))
        learned.append(learner.estimate(22, 0.0).kinds)
    np.testing.assert_allclose(*learned, rtol=1e-3)


def test_a_life_told_in_parts_says_the_same_as_told_at_once() -> None:
    def stretch(known: float, now: float, *, gone: bool) -> Stretches:
        spans = (np.array([value]) for value in (0.0, 60.0, known, now))
        after, by, from_, to = spans
        return Stretches(after_s=after, by_s=by, known_s=from_, now_s=to, gone=np.array([gone]))

    whole = look_likelihood(stretch(60.0, 900.0, gone=False))
    parts = look_likelihood(stretch(60.0, 300.0, gone=False)) + look_likelihood(
        stretch(300.0, 900.0, gone=False)
    )
    likely = whole > np.log(0.05)
    assert likely.sum() > 20
    np.testing.assert_allclose(parts[likely], whole[likely], atol=0.15)


def test_what_was_learned_survives_a_restart_by_name() -> None:
    learner = Learner(["a", "市场", "c"], [0, 0, 1])
    Feed(np.random.default_rng(5), 0.02, 300.0, 6 * HOUR_S).told(learner, 1, 60.0)
    old = learner.estimate(22, 1e9)
    again = Learner(["new", "市场"], [0, 1])
    assert again.restore(learner.to_bytes()) == 1
    assert again.estimate(22, 1e9).usual_per_s[1] == pytest.approx(old.usual_per_s[1], rel=0.1)


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=60), st.integers(0, 3_000), st.integers(0, 255))
@example(b"", 1_354, 64)  # a zip that says it is of version 6.4: NotImplementedError
def test_damaged_bytes_are_refused_or_harmless(junk: bytes, place: int, value: int) -> None:
    learner = Learner(["a", "b"], [0, 1])
    packed = bytearray(learner.to_bytes())
    packed[place % len(packed)] = value
    for damaged in (junk, bytes(packed), bytes(packed[: place % len(packed)])):
        fresh = Learner(["a", "b"], [0, 1])
        assert 0 <= fresh.restore(damaged) <= 2
        assert np.isfinite(fresh.estimate(22, 0.0).rate_per_s).all()


def test_numbers_that_are_none_are_not_restored() -> None:
    learner = Learner(["a", "b"], [0, 1])
    learner.covered[0, 3] = np.nan
    assert Learner(["a", "b"], [0, 1]).restore(learner.to_bytes()) == 1


def test_old_nights_fade_and_new_habits_are_learned() -> None:
    learner = Learner(["a"], [0])
    random = np.random.default_rng(3)
    Feed(random, 0.01, 300.0, 9 * HOUR_S).told(learner, 0, 60.0)
    before = learner.estimate(22, 1e9).usual_per_s[0]
    for _ in range(30):
        learner.night_over()
        Feed(random, 0.001, 300.0, 9 * HOUR_S).told(learner, 0, 60.0)
    assert learner.estimate(22, 1e9).usual_per_s[0] < before / 4


def test_a_post_in_doubt_is_not_told_as_standing() -> None:
    learner, lives = Learner(["a"], [0]), Lives(1)
    lives.appeared(0, "x", after_s=0.0, by_s=60.0)
    lives.missing(0, "x")
    lives.looked_s[0] = 5_000.0
    lives.tell(learner, 5_000.0)
    assert not learner.likely.any()
    lives.back(0, "x")
    lives.tell(learner, 9_000.0)
    assert learner.likely.any()
    assert len(lives) == 1
    lives.gone(0, "x", seen_s=9_000.0, missing_s=9_060.0)
    lives.gone(0, "x", seen_s=9_000.0, missing_s=9_060.0)
    lives.tell(learner, 9_100.0)
    assert learner.lives[0] == 1
    assert len(lives) == 0


def test_kinds_are_survival_curves() -> None:
    table = kinds()
    assert table.prior.sum() == pytest.approx(1.0)
    assert (np.diff(table.survival, axis=0) <= 0).all()
    assert (table.caught >= table.survival - 1e-9).all()
    assert table.alive(np.array([0.0])).min() > 0.9
