"""Short forms of the bench of alerts: real kills, a small calm, a small storm, an outage, a wait."""

from __future__ import annotations

import pytest

from bench import _alert_kills, alerts

pytestmark = pytest.mark.slow


def test_kills_at_random_instants_lose_double_and_silence_nothing() -> None:
    found = _alert_kills.kills(6, (5,))
    by_name = {figure.name: figure for figure in found.figures}
    assert by_name["kill -9"].value == 6
    for name in ("lost", "doubled", "urgent ones without a sound of a new message"):
        assert by_name[name].met, found
    assert by_name["rows that name another message, or none"].met
    assert by_name["alerts"].value >= 12


def test_a_small_calm_a_small_storm_and_a_wait_keep_what_is_promised() -> None:
    parts = ("calm", "storm", "retry-after", "edits", "hostile")
    short = ["--alerts", "20", "--storms", "60", "--vanishings", "12", "--texts", "200"]
    found = alerts.run([*short, *(word for part in parts for word in ("--part", part))])
    late = {
        "calm: captured to delivered, p50",
        "calm: captured to delivered, p99",
    }  # of a machine that is busy
    wrong = [figure for figure in found.figures if not figure.met and figure.name not in late]
    storms = [figure for figure in wrong if "storm notices" not in figure.name]
    assert storms == []
