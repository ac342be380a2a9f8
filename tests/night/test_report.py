"""What the demo says where a machine could not keep the night's pace."""

from __future__ import annotations

from typing import cast

import pytest

from nightmarket.figures import Promise, Result
from nightmarket.judge import Score
from nightmarket.report import too_slow


def result(late_s: float | None, *, kept: bool) -> Result:
    promise = Promise(name="unjudged", measured=1.0, bound=0.0, at_most=True, kept=kept)
    figures: dict[str, object] = {"polls_late_p99_s": late_s, "interval_s": 60}
    return Result(figures=figures, promises=(promise,), score=cast(Score, None))


@pytest.mark.parametrize(
    ("late_s", "kept", "told"),
    [(300.0, False, True), (5.0, False, False), (300.0, True, False), (None, False, False)],
)
def test_a_machine_that_was_too_slow_is_named_where_something_broke(
    late_s: float | None, kept: bool, told: bool
) -> None:
    lines = too_slow(result(late_s, kept=kept))
    assert bool(lines) is told
    assert told is ("up to 300 s of the night late" in " ".join(lines))
    assert all(len(line) <= 110 for line in lines)
