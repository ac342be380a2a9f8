"""Hosts that lie in a short night: nothing hidden, nothing flooded, no false end, the trouble named."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench._liars import LIES, figures, play


@pytest.mark.parametrize(
    "lies", [tuple(name for name in LIES if name not in ("crowd", "ids")), ("honest", "ids")]
)
def test_a_host_that_lies_hides_nothing_floods_nothing_and_is_named(
    lies: tuple[str, ...], tmp_path: Path
) -> None:
    found = play(tmp_path, 50.0, lies)
    assert [(figure.name, figure.value) for figure in figures(found) if not figure.met] == []
    assert {one.name: LIES[one.name][1] in one.reason for one in found} == dict.fromkeys(lies, True)
    assert next(one.reason for one in found if one.name == "honest") == ""


def test_a_hundred_thousand_items_are_read_in_part_and_that_is_told(tmp_path: Path) -> None:
    found = play(tmp_path, 6.0, ("honest", "crowd"))
    assert [(figure.name, figure.value) for figure in figures(found) if not figure.met] == []
