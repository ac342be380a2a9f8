"""The servers' own count of what the fetcher asks: a short form of `bench limiter`."""

from __future__ import annotations

import pytest

from bench._shoppers import visit
from bench._strict import Host, Rule, examine, overlaps
from bench.thousand import free_port

TOLERANCE_S = 0.02
"""Other tests run beside this one; the bench allows a twentieth of it."""


@pytest.mark.slow
async def test_no_host_is_asked_more_than_its_rule_allows_by_its_own_count() -> None:
    report, tally = await visit(free_port(), 100, 2_000, TOLERANCE_S)
    assert report.requests >= 2_000
    assert {"listing", "304", "detail", "picture", "redirect", "robots", "busy"} <= report.kinds.keys()
    assert report.hosts > 100
    assert (report.too_close, report.crowded, report.in_pause) == (0, 0, 0), report.closer
    assert "forbidden" not in report.kinds
    assert tally.forbidden > 0
    assert not tally.troubles
    assert 0 < tally.capped_s <= 1_800


def test_the_count_finds_what_breaks_the_rule() -> None:
    host = Host(Rule(requests_per_s=2, concurrency=1))
    host.starts.extend([0.0, 0.5, 0.9, 2.0, 2.5])
    host.ends.extend([0.1, 0.6, 1.0, 2.6, 2.7])
    host.pauses.append((0.95, 2.2))
    report = examine([host], 0.0)
    assert (report.too_close, report.crowded, report.in_pause) == (1, 1, 1)
    assert report.closer == pytest.approx([0.1])
    assert report.closest_s == pytest.approx(-0.1)


def test_an_answer_that_ends_as_the_next_request_starts_makes_room() -> None:
    assert overlaps([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], 1) == (0, 1)
    assert overlaps([0.0, 1.0, 1.5], [1.6, 2.0, 3.0], 2) == (1, 3)
