"""A short form of the bench of presses: everything is answered, and two at once make one transition."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import presses


@pytest.mark.slow
async def test_every_press_is_answered_and_two_at_once_are_one_transition(tmp_path: Path) -> None:
    found = {f.name: f for f in (await presses.measure(tmp_path / "data", 25, 20.0)).figures}
    for name in ("answered", "alerts_taken_once", "alerts_with_more_steps"):
        assert found[name].met, found[name]
    assert found["answer_p50_s"].value > 0
