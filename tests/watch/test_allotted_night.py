"""A short form of `bench allotment`: small market, two nights, the same figures with room."""

from __future__ import annotations

import numpy as np
import pytest

from bench import _sellers as sellers
from bench.allotment import Trial


@pytest.mark.slow
def test_two_nights_of_learning_beat_even_polling_at_the_same_number_of_polls() -> None:
    trial = Trial(seed=5, targets=200, nights=2, oracle_nights=0, every=10)
    trial.play()
    even, ours = (sum(night[n] for night in trial.misses) for n in (0, 1))
    assert even > 100
    assert ours < 0.6 * even
    assert all(learned <= 1.02 * plain for plain, learned in trial.misses)
    assert trial.polls <= trial.even_polls
    assert trial.fullest_host() <= 1.01
    assert trial.worst_bin() < 6


def test_the_simulated_lives_are_what_their_table_says() -> None:
    market = sellers.market(np.random.default_rng(4), 20)
    posts = sellers.posts(market, np.random.default_rng(5))
    assert (np.diff(posts.target) >= 0).all()
    assert (posts.died_s > posts.born_s).all()
    life = posts.died_s - posts.born_s
    chance = sellers.missed(market, posts.target, np.full(len(life), 600.0))
    assert float((life < 600.0).mean()) == pytest.approx(float(chance.mean()), abs=0.05)
