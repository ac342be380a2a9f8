"""The bench of new words in its short form: planted words are among the first proposed."""

from __future__ import annotations

import pytest

from bench import newwords
from watchers.detect.novel import Novelty


@pytest.mark.slow
def test_planted_words_are_among_the_first() -> None:
    result = newwords.run(["--short"])
    assert [figure.name for figure in result.figures if not figure.met] == []
    shares = [figure.value for figure in result.figures if "share" in figure.name]
    assert 0.0 < shares[1] < shares[0] <= 0.1


def test_a_word_that_is_not_there_ranks_behind_the_last() -> None:
    one = Novelty(term="a", score=1.0, posts=3, sellers=2, background=0, beside=("ab",), examples=())
    assert newwords.rank([one], "a") == newwords.rank([one], "ab") == 1
    assert newwords.rank([one], "b") == 2
