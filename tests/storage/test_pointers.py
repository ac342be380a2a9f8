"""Which other card of its item a card points at, where there are three."""

from __future__ import annotations

import pytest

from storage.duty import Duty, State
from storage.model import SameItem
from storage.pointers import pointer
from tests.storage.kit import DUSK

STATES = {".": None, "n": State.NEW, "e": State.ESCALATED, "a": State.ACKNOWLEDGED, "r": State.RESOLVED}


def duty(card: str, state: str) -> Duty | None:
    stands = STATES[state]
    return None if stands is None else Duty(alert_id=card, state=stands, version=int(state != "n"))


@pytest.mark.parametrize(
    ("states", "points_at"),
    [
        ("nnn", {"a": "", "b": "a", "c": "a"}),
        ("nna", {"a": "c", "b": "c", "c": "a"}),  # failed before: the middle one named nobody
        ("ena", {"a": "c", "b": "c", "c": "a"}),  # failed before: it said that nobody has taken the first
        ("nan", {"a": "b", "b": "a", "c": "b"}),
        ("ann", {"a": "", "b": "a", "c": "a"}),
        ("rna", {"a": "", "b": "c", "c": "a"}),  # failed before: it named who had called the first false
        ("rnn", {"a": "", "b": "a", "c": "a"}),
        (".na", {"a": "c", "b": "c", "c": "a"}),
    ],
)
def test_a_card_that_nobody_took_points_at_the_one_that_somebody_has(
    states: str, points_at: dict[str, str]
) -> None:
    stand = dict(zip("abc", states, strict=True))
    told = {name: SameItem(alert_id=name, created_at=DUSK, duty=duty(name, at)) for name, at in stand.items()}
    found = {
        name: pointer(name, told[name].duty, [one for other, one in told.items() if other != name])
        for name in told
    }
    assert {name: one.alert_id if one else "" for name, one in found.items()} == points_at
