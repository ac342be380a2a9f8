"""Python's collector during a start: it looks at little at a time, since polls wait meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bot import garbage


@pytest.fixture(autouse=True)
def _collector_as_before() -> Iterator[None]:
    pace, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield
    gc.set_threshold(*pace)
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def test_no_look_at_what_a_start_makes_goes_through_more_than_a_few_thousand_objects() -> None:
    """200,000 at a time took a tenth of a second, and the polls of that time began in the next."""
    looks: list[int] = []

    def note(phase: str, told: dict[str, int]) -> None:
        if phase == "start":
            looks.append(sum(len(gc.get_objects(generation=g)) for g in range(told["generation"] + 1)))

    gc.callbacks.append(note)
    garbage.spare_what_is_there()
    kept = [[number] for number in range(200_000)]
    assert len(kept) == 200_000
    assert looks
    assert max(looks) < 20_000


def test_later_on_the_collector_has_its_usual_pace() -> None:
    garbage.spare_what_is_there()
    garbage._settle()
    assert gc.get_threshold() == garbage.THRESHOLDS
