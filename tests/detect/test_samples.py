"""Precision and recall on labelled adverts, at the base rate of the street."""

from __future__ import annotations

import pytest

from storage.model import Tier
from tests.detect.posts import labelled, verdict

BASE_RATE = 0.03


def rates(name: str) -> tuple[float, float, float]:
    """Recall of any alert, recall of high and urgent, precision of those at a base rate of 3 %."""
    rows = labelled(name)
    judged = [(illicit, verdict(text).tier) for illicit, _, _, text in rows]
    wanted = [tier for illicit, tier in judged if illicit]
    others = [tier for illicit, tier in judged if not illicit]
    loud = sum(tier.rank <= Tier.HIGH.rank for tier in wanted) / len(wanted)
    false = sum(tier.rank <= Tier.HIGH.rank for tier in others) / len(others)
    precision = BASE_RATE * loud / (BASE_RATE * loud + (1 - BASE_RATE) * false)
    return sum(tier is not Tier.NONE for tier in wanted) / len(wanted), loud, precision


@pytest.mark.parametrize(("name", "size"), [("tune", 180), ("held_out", 190)])
def test_samples_are_large_and_in_many_languages(name: str, size: int) -> None:
    rows = labelled(name)
    assert len(rows) >= size
    assert {"zh", "en", "vi", "id", "th", "ja"} <= {language for _, language, _, _ in rows}


def test_illicit_adverts_raise_an_alert_and_loud_ones_are_right() -> None:
    for name in ("tune", "held_out"):
        recall, loud, precision = rates(name)
        assert recall >= 0.95, name
        assert loud >= 0.75, name
        assert precision >= 0.90, name


def test_few_innocent_adverts_raise_any_alert() -> None:
    others = [verdict(text).tier for illicit, _, _, text in labelled("held_out") if not illicit]
    assert sum(tier is not Tier.NONE for tier in others) / len(others) <= 0.10
