"""The bench of sellers in its short form: the planted rings are found, and hardly anybody else is linked."""

from __future__ import annotations

import pytest

from bench import sellers


@pytest.mark.slow
def test_the_planted_rings_are_linked_and_nobody_else() -> None:
    result = sellers.run(["--short"])
    assert [figure.name for figure in result.figures if not figure.met] == []
    assert next(f.value for f in result.figures if f.name == "pairs of accounts planted") > 30


def test_pairs_are_counted_once() -> None:
    assert sellers.pairs_of([("b", "a"), ("a", "b", "c"), ("d",)]) == {("a", "b"), ("a", "c"), ("b", "c")}
