"""The bench of sealing's cost, in its short form: every sealed look is there, every figure is measured."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench import overhead


@pytest.mark.slow
async def test_the_way_from_poll_to_evidence_is_measured_with_and_without_sealing(tmp_path: Path) -> None:
    result = await overhead.measure(tmp_path, polls=1, rounds=1)
    figures = {figure.name: figure for figure in result.figures}
    assert figures["looks_kept"].met
    assert all(math.isfinite(figure.value) for figure in result.figures)
    assert figures["sealed_per_s"].value > 0
