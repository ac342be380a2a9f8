"""What the first verdict needs is made before it, so that it does not hold up the polls of a start."""

from __future__ import annotations

import time

from storage.model import Post
from watchers.detect.score import judge
from watchers.judging import Policy
from watchers.lexicon import Lexicon

POST = Post(post_id="1", url="https://own.example/1", title="bicycle", text="nearly new")


def test_the_first_verdict_after_preparing_costs_what_later_ones_do() -> None:
    policy = Policy(lexicon=Lexicon.load(), targets={}, route=lambda *_: ("chat",))

    def cost_s(what: object) -> float:
        began = time.process_time()
        assert callable(what)
        what()
        return time.process_time() - began

    preparing_s = cost_s(policy.prepare)
    first_s = cost_s(lambda: judge(POST, (), (), policy.lexicon, None))
    assert first_s < preparing_s / 10
